"""LAMMPS data file, dump, and a dump of bonds, in units si; formats as in its documentation of read_data and dump.

Every number is written with the digits that give it back to the bit; positions are not wrapped.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kalander.coupling.exports.states import State
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault, InputError

__all__ = ["bond_dump_text", "data_text", "dump_text", "read_bonds"]

BOND_COLUMNS = ("batom1", "batom2", "radius", "length")


def data_text(state: State, density: float) -> str:
    """A data file of style bpm/sphere, which has diameters and bonds; density [kg/m³] of the particles."""
    bonds = state.bonds
    count = len(bonds["first"]) if bonds else 0
    head = [f"Kalander, {state.name}, replica {state.replica}, units = si", "", f"{len(state.radius)} atoms"]
    head += [f"{count} bonds", "1 atom types", f"{1 if count else 0} bond types", ""]
    sides = [f"0 {float(side)!r} {axis}lo {axis}hi" for axis, side in zip("xyz", state.box)]
    rows = [
        f"{number + 1} {clump + 1} 1 {2.0 * radius!r} {density!r} {x!r} {y!r} {z!r}"
        for number, clump, radius, (x, y, z) in zip(
            state.id.tolist(), state.clump.tolist(), state.radius.tolist(), state.position.tolist()
        )
    ]
    lines = [*head, *sides, "", "Atoms # bpm/sphere", "", *rows]
    if count:
        pairs = zip(bonds["first"].tolist(), bonds["second"].tolist())
        lines += ["", "Bonds", "", *(f"{row} 1 {one + 1} {two + 1}" for row, (one, two) in enumerate(pairs, start=1))]
    return "\n".join([*lines, ""])


def dump_text(states: Sequence[State]) -> str:
    """A dump with a snapshot for each state; its time step is the number of the state."""
    return "\n".join([line for step, state in enumerate(states) for line in _snapshot(state, step)] + [""])


def _snapshot(state: State, step: int) -> Iterator[str]:
    yield from ("ITEM: UNITS", "si", "ITEM: TIMESTEP", str(step), "ITEM: NUMBER OF ATOMS", str(len(state.radius)))
    yield from _bounds(state)
    yield "ITEM: ATOMS id type mol radius xu yu zu cracked"
    columns = (state.id, state.clump, state.radius, state.position, state.cracked)
    for number, clump, radius, (x, y, z), cracked in zip(*(column.tolist() for column in columns)):
        yield f"{number + 1} 1 {clump + 1} {radius!r} {x!r} {y!r} {z!r} {cracked}"


def _bounds(state: State) -> Iterator[str]:
    yield "ITEM: BOX BOUNDS pp pp ff"
    yield from (f"0 {float(side)!r}" for side in state.box)


def bond_dump_text(state: State) -> str:
    """A local dump of the bonds: both particles (from 1, as in the dump), radius and length at rest [m]."""
    bonds = state.bonds
    lines = ["ITEM: TIMESTEP", "0", "ITEM: NUMBER OF ENTRIES", str(len(bonds["first"])), *_bounds(state)]
    lines.append(f"ITEM: ENTRIES {' '.join(BOND_COLUMNS)}")
    for one, two, radius, length in zip(*(bonds[name].tolist() for name in ("first", "second", "radius", "length"))):
        lines.append(f"{one + 1} {two + 1} {radius!r} {length!r}")
    return "\n".join([*lines, ""])


def read_bonds(path: Path) -> Table:
    """First, second (from 0), radius and length [m] of a dump that `bond_dump_text` wrote. Raises InputError."""
    lines = path.read_text().splitlines()
    try:
        place = next(row for row, line in enumerate(lines) if line.startswith("ITEM: ENTRIES"))
        count = int(lines[lines.index("ITEM: NUMBER OF ENTRIES") + 1])
        names = lines[place].split()[2:]
        rows = [line.split() for line in lines[place + 1 :]]
        if len(rows) != count or any(len(row) != len(names) for row in rows):
            raise ValueError(f"{len(rows)} rows, {count} announced")
        values = {name: [row[names.index(name)] for row in rows] for name in BOND_COLUMNS}
    except (StopIteration, ValueError, IndexError) as error:
        why = re.sub(r"\s+", " ", str(error))[:80]
        raise InputError(Fault(path.name, "the file", f"is no dump of bonds ({why})", "as kalander export")) from None
    return {
        "first": np.array(values["batom1"], np.int32) - 1, "second": np.array(values["batom2"], np.int32) - 1,
        "radius": np.array(values["radius"], float), "length": np.array(values["length"], float),
    }  # fmt: skip
