"""Where the numbers begin and end in the files of potentiostats: known preambles and trailers, nothing else."""

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Block", "block_of"]


@dataclass(frozen=True)
class Block:
    """A header line, if any, and rows: (line number from 1, text). negated: Im stands with the sign changed, always.

    names: what the columns are where the format fixes them. kind: of the file.
    """

    kind: str
    header: str | None
    rows: list[tuple[int, str]]
    names: tuple[str, ...] = ()


def block_of(lines: list[str]) -> Block:
    """The block of numbers of a file, by its own marks. Raises ValueError (a known file without its table)."""
    for reader in (_biologic, _gamry, _zplot, _plain):
        found = reader(lines)
        if found is not None:
            return found
    raise ValueError("has no table of an impedance spectrum")


Reader = Callable[[list[str]], Block | None]


def _numbered(lines: list[str], first: int, last: int | None = None) -> list[tuple[int, str]]:
    """Lines that are not blank, from an index to another."""
    stop = len(lines) if last is None else last
    return [(place + 1, lines[place]) for place in range(first, stop) if lines[place].strip()]


def _biologic(lines: list[str]) -> Block | None:
    """EC-Lab's .mpt: "Nb header lines : n" on the second line, the last of them names the columns."""
    if not lines[0].startswith("EC-Lab ASCII FILE"):
        return None
    count = re.search(r"Nb header lines\s*:\s*(\d{1,6})", "\n".join(lines[1:4]))
    if not count or not 2 <= int(count[1]) <= len(lines):
        raise ValueError('is an EC-Lab file without "Nb header lines : n" on its second line')
    first = int(count[1])
    return Block("BioLogic .mpt", lines[first - 1], _numbered(lines, first))


def _gamry(lines: list[str]) -> Block | None:
    """Gamry's .DTA: after ZCURVE TABLE a line of names and one of units; other tables and an abort end it."""
    if not any(line.startswith("EXPLAIN") for line in lines[:5]):
        return None
    starts = [place for place, line in enumerate(lines) if line.startswith("ZCURVE\t")]
    if not starts or starts[-1] + 3 > len(lines):
        raise ValueError("is a Gamry file without a table ZCURVE")
    if len(starts) > 1:
        raise ValueError(f"is a Gamry file with {len(starts)} tables ZCURVE; one spectrum a file is read")
    first = starts[0] + 1
    # rows are indented, so that the next entry of the file is known by its first letter
    last = next((place for place in range(first + 2, len(lines)) if re.match(r"\S", lines[place])), len(lines))
    names = [name.strip() for name in lines[first].split("\t")]
    units = [unit.strip() for unit in lines[first + 1].split("\t")]
    # units of resistance are those of the instrument's language; all are ohm, and phases degrees
    header = "\t".join(_gamry_name(name, unit) for name, unit in zip(names, units))
    return Block("Gamry .DTA", header, _numbered(lines, first + 2, last))


def _gamry_name(name: str, unit: str) -> str:
    units = {"zreal": "ohm", "zimag": "ohm", "zmod": "ohm", "zphz": "deg", "freq": "Hz"}
    return f"{name} ({units[name.lower()]})" if name.lower() in units else f"{name} ({unit})"


def _zplot(lines: list[str]) -> Block | None:
    """Scribner's .z: a preamble up to "End Comments", or a header that names Freq(Hz), Z'(a) and Z''(b)."""
    if not any("ZPLOT" in line.upper() or "ZPLOTW" in line.upper() for line in lines[:3]) and not any(
        "End Comments" in line for line in lines[:2000]
    ):
        return None
    ends = [place for place, line in enumerate(lines) if "End Comments" in line or "Freq(Hz)" in line]
    if not ends:
        raise ValueError('is a ZPlot file without "End Comments"')
    head = next((lines[place] for place in reversed(ends) if "Freq(Hz)" in lines[place]), None)
    names = ("Freq(Hz)", "Ampl", "Bias", "Time(Sec)", "Z'(ohm)", "Z''(ohm)", "GD", "Err", "Range")
    return Block("ZPlot .z", head, _numbered(lines, max(ends) + 1), names)


def _plain(lines: list[str]) -> Block | None:
    """CSV and the tables of Autolab: a line of names, if any, before the first line of numbers; # begins a comment."""
    rows = _numbered(lines, 0)
    start = next((index for index, (_, line) in enumerate(rows) if _numeric(line)), None)
    if start is None:
        return None
    above = [(place, line) for place, line in rows[:start] if not _comment(line)]
    if len(above) > 1:
        raise ValueError(f"has a preamble of no known kind: line {above[0][0]} is neither names of columns nor numbers")
    header = above[0][1] if above else None
    if header is None and start and any(name in rows[start - 1][1].lower() for name in ("freq", "z'", "real", "imag")):
        header = rows[start - 1][1].lstrip("#%/ ")  # as numpy.savetxt writes names
    return Block("table", header, [row for row in rows[start:] if not _comment(row[1])])


def _comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "//", "%"))


def _numeric(line: str) -> bool:
    """Whether a line begins with a number, and holds two more."""
    cells = [cell for cell in re.split(r"[,;\t ]+", line.strip()) if cell]
    number = re.compile(r'"?[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eEdD][+-]?\d+)?"?')
    return len(cells) >= 3 and bool(number.fullmatch(cells[0])) and sum(map(bool, map(number.fullmatch, cells))) >= 2
