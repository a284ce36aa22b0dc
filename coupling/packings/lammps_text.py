"""Text as LAMMPS and codes like it write it: lines, numbers, columns, and columns to spheres."""

import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kalander.coupling.cases.compact import PackingNotes
from kalander.coupling.packings.spheres import MOST_PARTICLES, Spheres, Unreadable

__all__ = ["Bounds", "Lines", "count_of", "open_lines", "real", "rows_of", "spheres_of", "unit_named"]

LONGEST_LINE = 1 << 16  # characters
SHORTEST_LINE = 32  # what an empty one costs in time
MOST_CHARACTERS = 4 << 30
TIGHTEST, SMALL = 50, 64 << 20  # characters that a byte of a gzip file may unpack to, of files above so many
WHOLE = "a whole text file of LAMMPS"
LARGEST_WHOLE = 2**53  # beyond, not every whole number is a float
# metres of one unit of length, by the name of the style; lj has none
UNITS = {"si": 1.0, "cgs": 1e-2, "micro": 1e-6, "nano": 1e-9, "real": 1e-10, "metal": 1e-10}


class Lines:
    """Lines of a text in turn, stripped, blank ones left out; `ended`: whether the last one was ended."""

    def __init__(self, file: io.TextIOBase, most: int = MOST_CHARACTERS) -> None:
        self.file, self.ended, self.characters, self.most = file, True, 0, most

    def raw(self) -> str | None:
        """The next line, blank or not; None at the end of the file."""
        try:
            line = self.file.readline(LONGEST_LINE)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Unreadable("the file", f"is damaged ({str(error)[:80]})", WHOLE) from None
        if not line:
            return None
        self.characters += max(len(line), SHORTEST_LINE)
        self.ended = line.endswith("\n")
        if not self.ended and len(line) >= LONGEST_LINE:
            raise Unreadable("the file", f"has a line of more than {LONGEST_LINE} characters", WHOLE)
        if self.characters > self.most:
            raise Unreadable("the file", f"unpacks to more than {self.most} characters", WHOLE)
        return line.strip()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while (line := self.raw()) is not None:
            if line:
                return line
        raise StopIteration


@contextmanager
def open_lines(path: Path) -> Iterator[Lines]:
    """Lines of a file, gzip or not; a byte order mark and the line ends of other systems are no part of them."""
    with path.open("rb") as head:
        packed = head.read(2) == b"\x1f\x8b"
    opened = gzip.open if packed else open
    most = max(SMALL, TIGHTEST * path.stat().st_size) if packed else MOST_CHARACTERS
    with opened(path, "rt", encoding="utf-8-sig", errors="replace") as file:
        yield Lines(file, most)  # type: ignore[arg-type]


def real(text: str) -> float:
    """A number. Raises Unreadable, also for what only Python takes for one."""
    try:
        if "_" in text or not text.isascii():
            raise ValueError
        return float(text)
    except ValueError:
        raise Unreadable("the file", f"holds {text[:40]!r} where a number is due", WHOLE) from None


def count_of(text: str) -> int:
    """A number of spheres, types or so. Raises Unreadable."""
    if not re.fullmatch(r"\+?[0-9]{1,18}", text):
        raise Unreadable("the file", f"holds {text[:40]!r} where a whole number is due", WHOLE)
    return int(text)


def unit_named(style: str) -> float | None:
    """Metres of one unit of length in a style of units; None where it does not say."""
    return UNITS.get(style)


def rows_of(
    rows: Sequence[str], columns: Mapping[str, int], widths: tuple[int, ...], what: str
) -> dict[str, np.ndarray]:
    """Some columns of rows of so many words. Raises Unreadable naming the row; id and type must be whole numbers."""
    if not 0 < len(rows) <= MOST_PARTICLES:
        raise Unreadable("atoms", f"are {len(rows)}", f"1 to {MOST_PARTICLES}")
    places = tuple(columns.values())
    values = np.empty((len(rows), len(places)))
    for number, row in enumerate(rows):
        words = row.split()
        if len(words) not in widths:
            few = "few" if len(words) < min(widths) else "many"
            due = " or ".join(str(width) for width in widths)
            raise Unreadable("the file", f"has a line {row[:60]!r} of too {few} numbers", f"{due} of them: {what}")
        values[number] = [real(words[place]) for place in places]
    table = dict(zip(columns, values.T))
    for name in ("id", "type"):
        if name in table:
            _check_whole(name, table[name])
    if "id" in table:
        _check_distinct(table["id"])
    return table


def _check_whole(name: str, values: np.ndarray) -> None:
    sound = np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < LARGEST_WHOLE)
    wrong = np.flatnonzero(~sound | (values < (1 if name == "type" else 0)))
    if len(wrong):
        why = f"of row {wrong[0] + 1} is {values[wrong[0]]:g}"
        raise Unreadable(name, why, "a whole number, types from 1" if name == "type" else "a whole number")


def _check_distinct(ids: np.ndarray) -> None:
    found, times = np.unique(ids, return_counts=True)
    if times.max() > 1:
        raise Unreadable("id", f"{found[times > 1][0]:.0f} stands in {times.max()} rows", "each sphere once")


@dataclass(frozen=True)
class Bounds:
    """Where a box begins and ends, in units of the file, shape (3,); walls: axes along which it does not repeat."""

    low: np.ndarray
    high: np.ndarray
    walls: tuple[bool, bool, bool] = (False, False, False)


def spheres_of(
    table: Mapping[str, np.ndarray], bounds: Bounds, notes: PackingNotes, *, unit: float | None,
    scaled: np.ndarray | None = None, said: tuple[str, ...] = (),
) -> Spheres:  # fmt: skip
    """Columns type, radius or diameter, x, y, z in units of the file, or of the box along scaled axes, to SI.

    unit: metres of one, where the file says so; what the case says goes first. Raises Unreadable without either.
    """
    length = notes.length_unit or unit
    if length is None:
        raise Unreadable("packing.length_unit", "is not given", 'the unit of the lengths in the file, such as "1 um"')
    if notes.length_unit and unit and abs(notes.length_unit / unit - 1) > 1e-9:
        said = (
            *said,
            f"the file says that its unit of length is {unit:g} m; {notes.length_unit:g} m is taken, as asked",
        )
    if not (np.isfinite(bounds.low).all() and np.isfinite(bounds.high).all()):
        raise Unreadable("the box", "has bounds that are not finite", "finite bounds")
    low, high = bounds.low * length, bounds.high * length
    place = np.column_stack([table[axis] for axis in "xyz"])
    origin = low.copy()
    if notes.plates is not None:
        origin[2], high[2] = notes.plates
    position = place * length - origin
    if scaled is not None and scaled.any():
        inside = place * ((bounds.high - bounds.low) * length) + (low - origin)
        position = np.where(scaled, inside, position)
    order = np.argsort(table["id"], kind="stable") if "id" in table else np.arange(len(position))
    kind = table["type"].astype(np.int64) - 1 if "type" in table else np.zeros(len(position), np.int64)
    return Spheres(
        position[order], _radius(table)[order] * length, kind[order], high - origin, walls=bounds.walls, notes=said
    )


def _radius(table: Mapping[str, np.ndarray]) -> np.ndarray:
    if "radius" not in table:
        return table["diameter"] / 2
    if "diameter" in table and not np.allclose(table["diameter"], 2 * table["radius"], rtol=1e-3, atol=0):
        raise Unreadable("the columns", "radius and diameter contradict each other", "either of them")
    return table["radius"]
