"""LAMMPS data files: header, and the columns of the atom style that the section Atoms names.

Columns as of the LAMMPS documentation of read_data; each row may end with three image flags.
"""

import re
from collections.abc import Iterable
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

__all__ = ["read_data"]

FORMATS = "a LAMMPS data file: title, N atoms, xlo xhi, ylo yhi, zlo zhi, Atoms # sphere"
SPHERE = ("id", "type", "diameter", "density", "x", "y", "z")
# styles whose particles have a diameter of their own
STYLES = {
    "sphere": SPHERE,
    "granular": SPHERE,  # its name in older versions and in LIGGGHTS
    "bpm/sphere": ("id", "molecule", "type", "diameter", "density", "x", "y", "z"),
    "smd": ("id", "type", "molecule", "volume", "mass", "kernel", "radius", "x0", "y0", "z0", "x", "y", "z"),
}
# styles whose rows hold no diameter
WITHOUT_DIAMETER = (
    "amoeba", "angle", "atomic", "body", "bond", "charge", "dielectric", "dipole", "dpd", "edpd", "electron",
    "ellipsoid", "full", "line", "mdpd", "molecular", "oxdna", "peri", "rheo", "rheo/thermal", "sph", "spin", "tdpd",
    "template", "tri", "wavepacket",
)  # fmt: skip
FLAGS = 3
BOX_EDGES = (["xlo", "xhi"], ["ylo", "yhi"], ["zlo", "zhi"])


def read_data(path: Path, notes: PackingNotes) -> Spheres:
    """The spheres of a data file. Raises Unreadable naming what is wrong: style, tilt, row, number of rows."""
    with open_lines(path) as lines:
        title = lines.raw() or ""
        head = _Header()
        style = head.read_to_atoms(lines)
        if head.atoms is None or len(head.bounds) != 3 or style is None:
            raise Unreadable("the file", "is no LAMMPS data file: it lacks atoms or bounds", FORMATS)
        rows = _rows(lines, head.atoms)
    columns = _columns(style, rows, head.types)
    wanted = ("id", "type", "diameter", "radius", "density", "x", "y", "z")
    places: dict[str, int] = {name: columns.index(name) for name in wanted if name in columns}
    widths = (len(columns), len(columns) + FLAGS)
    _check_flags(rows, len(columns))
    rows = head.numbered(rows, columns.index("type"))
    table = rows_of(rows, places, widths, f"atom style {style or 'sphere'}, with or without three image flags")
    _check_table(table, head.types)
    edges = np.array([head.bounds[axis] for axis in "xyz"])
    bounds = Bounds(edges[:, 0], edges[:, 1])
    units = re.search(r"\bunits\s*=\s*([a-z]+)", title)
    said = () if style else ("the section Atoms names no style; read as atom style sphere",)
    return spheres_of(table, bounds, notes, unit=unit_named(units[1]) if units else None, said=said)


class _Header:
    """What stands before the section Atoms."""

    def __init__(self) -> None:
        self.atoms: int | None = None
        self.types: int | None = None
        self.bounds: dict[str, tuple[float, float]] = {}
        self.labels: dict[str, str] = {}

    def read_to_atoms(self, lines: Lines) -> str | None:
        """Read up to the rows of Atoms; the style that it names, empty where it names none, None without Atoms."""
        section = ""
        for line in lines:
            said, _, comment = line.partition("#")
            words = said.split()
            if words == ["Atoms"]:
                return comment.strip().lower()
            if words and words[0][0].isupper():  # header lines end with their words, sections begin with theirs
                section = " ".join(words)
            elif section == "Atom Type Labels" and len(words) == 2:
                self.labels[words[1]] = words[0]
            elif not section:
                self.take(words)
        return None

    def take(self, words: list[str]) -> None:
        if len(words) == 2 and words[1] == "atoms":
            self.atoms = count_of(words[0])
        elif len(words) == 3 and words[1:] == ["atom", "types"]:
            self.types = count_of(words[0])
        elif len(words) == 4 and words[2:] in BOX_EDGES:
            self.bounds[words[2][0]] = (real(words[0]), real(words[1]))
        elif words[-3:] == ["xy", "xz", "yz"]:
            tilt = [real(word) for word in words[:-3]]
            if len(tilt) != 3 or any(value != 0 for value in tilt):
                raise Unreadable("the box", f"is tilted ({' '.join(words)[:60]})", "an orthogonal box: xy xz yz of 0")
        elif words[-1:] in (["avec"], ["bvec"], ["cvec"]) or words[-2:] == ["abc", "origin"]:
            raise Unreadable("the box", f"is given by vectors ({' '.join(words)[:60]})", "xlo xhi, ylo yhi, zlo zhi")

    def numbered(self, rows: list[str], place: int) -> list[str]:
        """Rows with the numbers of types in place of their labels."""
        if not self.labels:
            return rows
        split = [row.split() for row in rows]
        for words in split:
            if place < len(words):
                words[place] = self.labels.get(words[place], words[place])
        return [" ".join(words) for words in split]


def _rows(lines: Lines, count: int) -> list[str]:
    """As many rows as are announced, no fewer and no more, the last one ended."""
    if not 0 < count <= MOST_PARTICLES:
        raise Unreadable("atoms", f"are {count}", f"1 to {MOST_PARTICLES}")
    rows: list[str] = []
    for line in lines:
        if line[0].isalpha():
            if len(rows) < count:
                why = f"has {len(rows)} rows of Atoms before {line[:40]!r}, and announces {count} atoms"
                raise Unreadable("the file", why, "as many rows as atoms")
            return rows
        if len(rows) == count:
            raise Unreadable(
                "the file", f"has more rows of Atoms than the {count} it announces", "as many rows as atoms"
            )
        if not lines.ended:
            raise Unreadable("the file", f"ends inside the line {line[:60]!r}", "a whole file, its last line ended")
        rows.append(line.partition("#")[0])
    if len(rows) < count:
        raise Unreadable("the file", f"ends after {len(rows)} of {count} spheres", "a whole file")
    return rows


def _columns(style: str, rows: Iterable[str], types: int | None) -> tuple[str, ...]:
    """Columns of the style; without a name those of style sphere, unless they may as well be of another."""
    name = re.sub(r"/(kk|gpu|omp|intel|opt)$", "", " ".join(style.split()))
    allowed = f"atom style {', '.join(STYLES)}, which give every particle its diameter"
    if name in STYLES:
        return STYLES[name]
    if name in WITHOUT_DIAMETER:
        raise Unreadable("Atoms", f"is of atom style {name}, whose rows hold no diameter", allowed)
    if name:
        raise Unreadable("Atoms", f"is of atom style {name[:40]!r}, whose columns are not known", allowed)
    third = [words[2] for words in (row.split() for row in rows) if len(words) > 2]
    most = types or 1
    if third and all(re.fullmatch(r"[0-9]{1,9}", word) and 1 <= int(word) <= most for word in third):
        why = "names no style, and its third column may be types (styles full, bond) or diameters (style sphere)"
        raise Unreadable("Atoms", why, 'the style behind it, "Atoms # sphere"')
    return SPHERE


def _check_flags(rows: Iterable[str], columns: int) -> None:
    """Image flags behind the columns are whole numbers; else the columns are those of another style."""
    for row in rows:
        for word in row.split()[columns:]:
            if not re.fullmatch(r"[+-]?[0-9]{1,18}", word):
                why = f"holds {word[:40]!r} where an image flag is due, a whole number"
                raise Unreadable("the file", why, "columns of the style, and three image flags or none")


def _check_table(table: dict[str, np.ndarray], types: int | None) -> None:
    if types is not None and (table["type"] > types).any():
        row = int(np.argmax(table["type"] > types))
        raise Unreadable("type", f"of row {row + 1} is {table['type'][row]:g}", f"1 to {types}, as announced")
    if "density" in table and not (table["density"] > 0).all():
        row = int(np.argmin(table["density"] > 0))
        why = f"of row {row + 1} is {table['density'][row]:g}: are the columns those of the style?"
        raise Unreadable("density", why, "above 0")
