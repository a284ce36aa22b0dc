"""LAMMPS dumps in text: the last snapshot, with its box and the columns that it names."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kalander.coupling.cases.compact import PackingNotes
from kalander.coupling.packings.lammps_text import (
    Bounds,
    Lines,
    count_of,
    open_lines,
    real,
    rows_of,
    spheres_of,
    unit_named,
)
from kalander.coupling.packings.spheres import MOST_PARTICLES, Spheres, Unreadable

__all__ = ["read_dump"]

FORMATS = "a text dump of LAMMPS: ITEM: TIMESTEP, NUMBER OF ATOMS, BOX BOUNDS, ATOMS"
COLUMNS = "type, x y z (or xu, xs, xsu and so on), and radius or diameter"
# behind the axis, as a place stands, unwrapped, scaled by the box, and both
KINDS = {"": False, "u": False, "s": True, "su": True}
FLAT = 1e-12  # share of the largest length that a component of a box vector across its axis may have


@dataclass
class _Snapshot:
    """One snapshot as it stands in the file."""

    unit: float | None = None
    count: int | None = None
    bounds: Bounds | None = None
    names: list[str] | None = None
    rows: list[str] = field(default_factory=list)


def read_dump(path: Path, notes: PackingNotes, *, types: bool = True) -> Spheres:
    """The spheres of the last snapshot. Raises Unreadable; types: whether a column of types is needed."""
    with open_lines(path) as lines:
        last = _last_snapshot(lines)
    if last is None or last.names is None or last.bounds is None:
        raise Unreadable("the file", "holds no snapshot" if last is None else "ends inside a snapshot", FORMATS)
    names = last.names
    kinds = [next((kind for kind in KINDS if axis + kind in names), None) for axis in "xyz"]
    sizes = [name for name in ("radius", "diameter") if name in names]
    if None in kinds or not sizes or (types and "type" not in names):
        raise Unreadable("the columns", f"are {' '.join(names)[:100]}", COLUMNS)
    places = {name: names.index(name) for name in ("id", "type", *sizes) if name in names}
    places |= {axis: names.index(f"{axis}{kind}") for axis, kind in zip("xyz", kinds)}
    table = rows_of(last.rows, places, (len(names),), f"the columns {' '.join(names)[:100]}")
    scaled = np.array([KINDS[kind] for kind in kinds if kind is not None])
    return spheres_of(table, last.bounds, notes, unit=last.unit, scaled=scaled)


def _last_snapshot(lines: Lines) -> _Snapshot | None:
    """Walk through the file, keeping the snapshot in hand."""
    found, unit = None, None
    for line in lines:
        if not line.startswith("ITEM:"):
            raise Unreadable("the file", f"has a line {line[:60]!r} where an ITEM is due", FORMATS)
        item = line.removeprefix("ITEM:").strip()
        if item == "UNITS":
            unit = unit_named(next(lines, ""))
        elif item == "TIMESTEP":
            found = _Snapshot()
            next(lines, "")
        elif item == "TIME":
            next(lines, "")
        elif found is None:
            found = _Snapshot()
        if found is not None:
            found.unit = unit
            _take(found, item, lines)
    if not lines.ended:
        raise Unreadable("the file", "ends inside its last line", "a whole file, its last line ended")
    return found


def _take(snapshot: _Snapshot, item: str, lines: Lines) -> None:
    """One item of a snapshot, with its lines."""
    if item.startswith("NUMBER OF ATOMS"):
        snapshot.count = count_of(next(lines, ""))
        if snapshot.count > MOST_PARTICLES:
            raise Unreadable("atoms", f"are {snapshot.count}", f"1 to {MOST_PARTICLES}")
    elif item.startswith("BOX BOUNDS"):
        snapshot.bounds = _bounds(item.split()[2:], [next(lines, "") for _ in range(3)])
    elif item.startswith("ATOMS"):
        if snapshot.count is None or snapshot.bounds is None:
            raise Unreadable("the file", "lacks the number of atoms or the box before ATOMS", FORMATS)
        snapshot.names = item.split()[1:]
        for _, line in zip(range(snapshot.count), lines):
            if line.startswith("ITEM:"):
                break
            snapshot.rows.append(line)
        if len(snapshot.rows) < snapshot.count:
            if snapshot.rows and not lines.ended and len(snapshot.rows[-1].split()) < len(snapshot.names):
                why = f"ends with a line {snapshot.rows[-1][:60]!r} of too few numbers"
                raise Unreadable("the file", why, "a whole file")
            raise Unreadable("the file", f"ends after {len(snapshot.rows)} of {snapshot.count} spheres", "a whole file")
    elif item.split()[:1] not in (["TIMESTEP"], ["TIME"], ["UNITS"]):
        raise Unreadable("the file", f"has an ITEM {item[:40]!r}, which is not known", FORMATS)


def _bounds(words: list[str], rows: list[str]) -> Bounds:
    """Bounds of three kinds: two numbers a side, three with the tilt, four with box vector and origin."""
    kinds = {("xy", "xz", "yz"): 3, ("abc", "origin"): 4}
    named = next((kind for kind in kinds if tuple(words[: len(kind)]) == kind), ())
    flags = words[len(named) :]
    if flags and (len(flags) != 3 or any(len(flag) != 2 or not set(flag) <= set("pfsm") for flag in flags)):
        raise Unreadable("the box", f"has boundaries {' '.join(words)[:40]!r}", 'such as "pp pp ff"')
    if any("p" in flag and flag != "pp" for flag in flags):
        why = f"has boundaries {' '.join(flags)!r}, of which one repeats to one side"
        raise Unreadable("the box", why, "pp, which is periodic on both sides")
    due = kinds.get(named, 2)  # type: ignore[arg-type]
    numbers = [[real(word) for word in row.split()] for row in rows]
    if any(len(row) != due for row in numbers):
        tilted = "is tilted and " if due == 3 else ""
        why = f"{tilted}has lines of {', '.join(str(len(row)) for row in numbers)} numbers"
        raise Unreadable("the box", why, f"{due} a side")
    values = np.array(numbers)
    if due == 4:
        low, high = _along_axes(values)
    else:
        low, high = values[:, 0], values[:, 1]
        if due == 3 and (values[:, 2] != 0).any():
            raise Unreadable("the box", f"is tilted (xy xz yz of {values[:, 2].tolist()})", "an orthogonal box")
    for axis, flag in zip("xy", flags):
        if set(flag) & set("sm"):
            why = f"follows its particles along {axis} (boundary {flag}) and has no width of its own"
            raise Unreadable("the box", why, f"a box that is periodic along {axis} (pp)")
    walls = tuple("p" not in flag for flag in flags) if flags else (False, False, False)
    return Bounds(low, high, walls)  # type: ignore[arg-type]


def _along_axes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds from box vectors and origin, where the vectors lie along x, y and z."""
    vectors, origin = values[:, :3], values[:, 3]
    across = np.abs(vectors - np.diag(np.diag(vectors)))
    with np.errstate(invalid="ignore"):
        if not (across <= FLAT * np.abs(vectors).max()).all():
            why = f"has vectors that do not lie along x, y and z: {vectors.tolist()}"[:160]
            raise Unreadable("the box", why, "an orthogonal box, its vectors along x, y and z")
    return origin, origin + np.diag(vectors)
