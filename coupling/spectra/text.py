"""Text of a spectrum's file: bounded, in the encodings that instruments write, cut into lines and cells."""

import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kalander.kernels.errors import Fault, InputError

__all__ = ["LARGEST", "Layout", "cells_of", "layout_of", "lines_of", "number"]

LARGEST = 16 << 20  # bytes; a spectrum of a thousand points with all its columns is some 200 kB
LONGEST_LINE = 1 << 14  # characters
MOST_LINES = 400_000
ALLOWED = "a text of an impedance spectrum: CSV, .mpt, .DTA, .z or Autolab's"
PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eEdD][+-]?[0-9]{1,4})?")
COMMA = re.compile(r"[+-]?(?:[0-9]+,?[0-9]*|,[0-9]+)(?:[eEdD][+-]?[0-9]{1,4})?")
WORDS = {"nan", "inf", "-inf", "+inf", "infinity", "#n/a", "n/a", "-", "--", "null", "none"}


@dataclass(frozen=True)
class Layout:
    """How a line is cut into cells: the delimiter ("" is any blank), and the decimal mark."""

    delimiter: str
    decimal: str


def lines_of(path: Path) -> list[str]:
    """The lines of a regular file of at most LARGEST bytes, no more of which is ever read. Raises InputError."""
    name = path.name
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            what = "is a directory" if stat.S_ISDIR(about.st_mode) else "is not a regular file"
            raise InputError(Fault(str(path), name, what, ALLOWED))
        if about.st_size > LARGEST:
            why = f"is {about.st_size} bytes, larger than {LARGEST}"
            raise InputError(Fault(str(path), "the file", why, ALLOWED))
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        why = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise InputError(Fault(str(path), name, why, "the path of a readable file")) from None
    if len(content) > LARGEST:
        raise InputError(Fault(str(path), "the file", f"is larger than {LARGEST} bytes", ALLOWED))
    return _lines(_decoded(content, name), name)


def _decoded(content: bytes, name: str) -> str:
    """UTF-8, UTF-16 with its mark, or Latin-1, in which older instruments write their degree signs."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            raise InputError(Fault(name, "the file", "is damaged UTF-16 text", ALLOWED)) from None
    if b"\0" in content:
        raise InputError(Fault(name, "the file", "is binary", ALLOWED))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _lines(text: str, name: str) -> list[str]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not text.strip():
        raise InputError(Fault(name, "the file", "is empty", ALLOWED))
    if len(lines) > MOST_LINES:
        raise InputError(Fault(name, len(lines), f"lines are more than {MOST_LINES}", ALLOWED))
    for place, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            why = f"is longer than {LONGEST_LINE} characters"
            raise InputError(Fault(f"{name}:{place}", "the line", why, ALLOWED))
    return lines


def cells_of(line: str, layout: Layout) -> list[str]:
    """The cells of a line, stripped of blanks and quotes."""
    cells = line.split(layout.delimiter) if layout.delimiter else line.split()
    return [cell.strip().strip('"').strip() for cell in cells]


def number(cell: str, layout: Layout) -> float | None:
    """The number of a cell; NaN for an empty one and for the words that programs write for none; None for other text.

    A Fortran exponent (1.0D+03) is read.
    """
    if not cell or cell.lower() in WORDS:
        return float("nan")
    if not (COMMA if layout.decimal == "," else PLAIN).fullmatch(cell):
        return None
    return float(cell.replace(layout.decimal, ".").replace("d", "e").replace("D", "e"))


def layout_of(rows: Sequence[str], header: str | None) -> Layout | str:
    """The layout in which all rows have equally many cells, three or more, most of them numbers; or why there is none.

    A comma is a decimal mark where cells are cut at semicolons, tabs or blanks. Where commas could be both ("1,5,2,5"),
    it is not guessed.
    """
    fitting: list[Layout] = []
    for layout in (
        Layout("\t", "."), Layout(";", "."), Layout(",", "."), Layout("", "."),
        Layout("\t", ","), Layout(";", ","), Layout("", ","),
    ):  # fmt: skip
        width = len(cells_of(rows[0], layout))
        if width < 3 or any(len(cells_of(row, layout)) != width for row in rows[:50]):
            continue
        good = [[number(cell, layout) is not None for cell in cells_of(row, layout)[:3]] for row in rows[:50]]
        if sum(map(all, good)) >= 0.5 * len(good):
            fitting.append(layout)
    if not fitting:
        return "has no lines of three numbers or more, cut at commas, semicolons, tabs or blanks"
    best = fitting[0]
    if best.delimiter == "," and len(cells_of(rows[0], best)) % 2 == 0:
        named = len(cells_of(header, best)) if header else 0
        halves = any("," in cell for cell in (header or "").split(";"))
        if named and named * 2 == len(cells_of(rows[0], best)) and halves:
            return "has twice as many numbers as names: its commas are both decimal marks and delimiters"
    return best
