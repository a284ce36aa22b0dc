"""How the state of bodies lies in device memory: few wide rows, so that a neighbour is one or two cache lines away.

Each layout maps the columns of a table to the places of a row; a column is a slice (vector) or one place (scalar).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np

from kalander.kernels.device import backend
from kalander.kernels.law_table import MEMORY
from kalander.kernels.laws.bond import BOND_CONSTANTS, BOND_STATES, BRITTLE
from kalander.kernels.laws.book import law_of, memory_of, platen_memory_of, swelling_of
from kalander.kernels.laws.factors import FACTORS, factors_of
from kalander.kernels.laws.normal.mdr import SUM
from kalander.kernels.layout import Layout, in_a_row, width_of

__all__ = [
    "BOND_STATE", "BOND_STATES", "CARRY", "CLUMP_STATE", "CODE", "COURSE", "FRAME", "GRID", "LOAD", "LOSSES", "MOTION",
    "PAIR_LOAD", "PAIR_LOAD_WIDTH", "PERIODIC", "PERIODIC_CARRY", "PERIODIC_ROOM", "PLATEN", "PLATEN_LOADS",
    "PLATEN_SPAN", "ROOM", "SHAPE", "SIZE", "SPAN", "SUM_COUNT", "array_types", "cross_width", "law_arrays", "pack",
    "platen_layout", "platen_place", "swelling_width", "unpack",
]  # fmt: skip

MOTION = Layout(
    {
        "position": slice(0, 3),
        "radius": 3,
        "velocity": slice(4, 7),
        "mass": 7,
        "spin": slice(8, 11),
        "material": 11,
    }
)
LOAD = Layout({"force": slice(0, 3), "heat": 3, "moment": slice(4, 7), "work": 7})
BOND_STATE = BOND_STATES[BRITTLE]  # rows of other laws begin alike
CLUMP_STATE = Layout(
    {
        "position": slice(0, 3),
        "mass": 3,
        "velocity": slice(4, 7),
        "count": 7,
        "momentum": slice(8, 11),
        "volume": 11,
        "orientation": slice(12, 16),
        "inertia": slice(16, 19),
        "rest": slice(19, 22),
        "orientation_rest": slice(22, 26),
    }
)
FRAME = Layout({"width": slice(0, 2), "gravity": slice(2, 5), "dt": 5, "skin": 6, "reach": 7})
PLATEN = Layout(
    {
        "platen_height": slice(0, 2),
        "platen_velocity": slice(2, 4),
        "listed_height": slice(4, 6),
        "platen_material": slice(6, 8),
    }
)
PERIODIC = Layout(
    {
        "size": slice(0, 3),
        "tilt": 3,
        "strain_rate": slice(4, 8),
        "listed_size": slice(8, 11),
        "listed_tilt": 11,
    }
)
PLATEN_LOADS = (3, 7)  # places of the platens' normal forces in a row of platen_layout

# what a pair gives its bodies: force on the first, moments on both, heat, work of the flow, losses (see pairs)
PAIR_LOAD = in_a_row([("force", 3), ("moment", 3), ("other_moment", 3), ("heat", 1), ("work", 1), ("losses", 2)])
PAIR_LOAD_WIDTH = width_of(PAIR_LOAD)
LOSSES = in_a_row([("damping", 1), ("yielding", 1), ("bonds", 1)])  # of the heat of a body
# heights and what the list of a box allows, see motion.travel_limits
ROOM = in_a_row((name, 1) for name in ("low", "high", "stretch", "still", "carried", "most"))
PLATEN_SPAN = in_a_row((name, 1) for name in ("width", "depth", "over_width", "over_depth"))
# what kernels know of a periodic cell at one moment, see particles
SPAN = in_a_row((name, 1) for name in ("x", "y", "z", "tilt", "xx", "yy", "zz", "xz"))
# how surroundings carry bodies: platens; and a cell, by affine maps less 1 of this step and since the list was made
CARRY = in_a_row((name, 1) for name in ("low", "listed_low", "stretch", "high"))
PERIODIC_CARRY = in_a_row([("step", 4), ("since", 4)])
PERIODIC_ROOM = in_a_row([("step", 4), ("since", 4), ("carried", 1), ("most", 1), ("span", width_of(SPAN))])

SIZE = in_a_row((name, 1) for name in ("radius", "grown", "soon"))  # of a body, see motion.turn_over
CODE = in_a_row((name, 1) for name in ("clump", "behind"))  # of a member: its clump, members that come after it
COURSE = in_a_row((name, 1) for name in ("todo", "moves"))  # of a box: steps to do, whether it moves in this one
GRID = in_a_row([("low", 1), ("size", 3)])  # of the cells of a box: lower end in z, lengths
SHAPE = in_a_row([("cells", 3), ("first", 1)])  # how many cells a box has, and its first
SUM_COUNT = width_of(SUM)  # of what contacts add to bodies whose radius grows (laws.normal.mdr)


def platen_layout(memory: int) -> Layout:
    """Rows of bodies near a platen, whose contacts have `memory` places of history beyond the tangential spring."""
    low, high = PLATEN_LOADS[1] + 1, PLATEN_LOADS[1] + 1 + memory
    return Layout({
        "spring_low": slice(0, 3), "load_low": PLATEN_LOADS[0],
        "spring_high": slice(4, 7), "load_high": PLATEN_LOADS[1],
        "memory_low": slice(low, high), "memory_high": slice(high, high + memory),
    })  # fmt: skip


def platen_place(side: int, place: int, memory: int) -> int:
    """Where place `place` of the history at the lower (0) or upper (1) platen is in a row of platen_layout."""
    first = (0, PLATEN_LOADS[0] + 1)[side] if place < 3 else PLATEN_LOADS[1] + 1 + side * memory - 3
    return first + place


def pack(table: dict[str, Any], layout: Layout, *, precision: str) -> np.ndarray:
    """Rows of a layout from the columns of a table, shape (row, width)."""
    kind = np.float32 if precision == "f32" else np.float64
    rows = np.empty((len(table[next(iter(layout))]), width_of(layout)), kind)
    for name, place in layout.items():
        rows[:, place] = table[name]
    return rows


def unpack(rows: np.ndarray, layout: Layout, name: str) -> np.ndarray:
    """Copy of one column of rows that are laid out so."""
    return rows[:, layout[name]].copy()


def swelling_width(swelling: int) -> int:
    """Width of the rows of bodies whose law keeps `swelling` places each; those of other laws are never read."""
    return swelling + 1 if swelling else 2


def cross_width(swelling: int) -> int:
    """Width of the rows in which contacts are kept: what both bodies add to their sums comes after forces and heat."""
    return PAIR_LOAD_WIDTH + (2 * SUM_COUNT if swelling else 0)


def law_arrays(precision: str, law: str, *, periodic: bool = False, bonds: str = BRITTLE) -> SimpleNamespace:
    """Annotations of the kernel arguments of one contact law and one law of bonds."""
    return array_types(
        precision, memory_of(law, periodic=periodic), platen_memory_of(law), swelling_of(law), periodic=periodic,
        factors=width_of(factors_of(law_of(law))), bonds=bonds,
    )  # fmt: skip


def array_types(
    precision: str, memory: int = 0, platen_memory: int = 0, swelling: int = 0, *, periodic: bool = False,
    factors: int = len(FACTORS), bonds: str = BRITTLE,
) -> SimpleNamespace:  # fmt: skip
    """Annotations of kernel arguments by name, for device arrays and for host arrays that a CPU reads in place.

    memory, platen_memory: places of the history of a contact beyond the tangential spring; swelling: places of a body;
    periodic: boxes are periodic cells, without platens; factors: of a contact law; bonds: law of the bonds.
    """
    ti = backend.ti
    real = {"f32": ti.f32, "f64": ti.f64}[precision]

    def of(kind: Any) -> Any:
        return ti.types.ndarray(dtype=kind, ndim=1)

    vectors = {
        "motion": width_of(MOTION),
        "load": width_of(LOAD),
        "platen_spring": width_of(platen_layout(platen_memory)),
        "swelling": swelling_width(swelling),
        "cross_load": cross_width(swelling),
        "spring": MEMORY + memory,
        "room": width_of(PERIODIC_ROOM if periodic else ROOM),
        "bond": width_of(BOND_STATES[bonds]),
        "clump": width_of(CLUMP_STATE),
        "frame": width_of(FRAME),
        "platen": width_of(PERIODIC if periodic else PLATEN),
        "pair_load": PAIR_LOAD_WIDTH,
        "law": factors,
        "point": 3,
        "couple": 2,
        "binder": len(BOND_CONSTANTS[bonds]),
    }
    types = {name: of(ti.types.vector(width, real)) for name, width in vectors.items()}
    grid = {"grid": of(ti.types.vector(4, real)), "shape": of(ti.types.vector(4, ti.i32))}
    rows = {"parts": of(ti.types.vector(7, ti.i32)), "link": of(ti.types.vector(2, ti.i32))}
    return SimpleNamespace(**types, **grid, **rows, real=of(real), integer=of(ti.i32))
