"""A file of any kind to one `Spectrum` in ohm, capacitive below zero; sign, unit and area as said, never as guessed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kalander.coupling.cases.infer import SpectrumNotes
from kalander.coupling.spectra.columns import Role, role_of
from kalander.coupling.spectra.peer import PEER_FORMATS, read_by_peer
from kalander.coupling.spectra.spectrum import Spectrum, ordered, spectrum_faults
from kalander.coupling.spectra.text import ALLOWED, Layout, cells_of, layout_of, lines_of, number
from kalander.coupling.spectra.vendors import Block, block_of
from kalander.kernels.asked import asked
from kalander.kernels.errors import Fault, InputError

__all__ = ["read_spectrum"]

FORMATS = {"biologic": "BioLogic .mpt", "gamry": "Gamry .DTA", "zplot": "ZPlot .z", "csv": "table", "autolab": "table"}
SHOWN = 20  # faulty rows listed


@dataclass(frozen=True)
class Table:
    """Numbers of a file, shape (row, column), the lines they stand on, and what the columns are."""

    values: np.ndarray
    lines: np.ndarray
    roles: tuple[Role, ...]


@asked(path="path", area="number?")
def read_spectrum(path: Path | str, notes: SpectrumNotes | None = None, *, area: float | None = None) -> Spectrum:
    """The spectrum of a file. area [m²]: what resistances in ohm times area are divided by.

    Raises InputError: with the lines that are wrong, the columns that are missing, the units that are not said.
    """
    path, notes = Path(path), notes or SpectrumNotes.model_validate({})
    if notes.format in PEER_FORMATS:
        frequency, impedance = read_by_peer(path, notes.format)
        said: tuple[str, ...] = ()
        lines = None
    else:
        table = _table(path, notes)
        frequency, impedance, said = _columns(path.name, table, notes, area)
        frequency, impedance, lines, said = _without_gaps(path.name, frequency, impedance, table.lines, notes, said)
    if notes.imaginary == "negated":
        impedance = impedance.conj()
    if notes.format in PEER_FORMATS and not len(frequency):
        why = f"is not read by impedance.py as {notes.format}: it finds no points"
        raise InputError(Fault(path.name, "the file", why, f"a file of {notes.format}"))
    if faults := list(spectrum_faults(path.name, frequency, impedance, lines)):
        raise InputError(faults)
    inductive = int((impedance.imag > 0).sum())
    if inductive > 0.5 * len(frequency):
        said = (
            *said, f"{path.name}: {inductive} of {len(frequency)} points are inductive: "
            'is the sign of the imaginary part turned? imaginary = "negated" turns it back',
        )  # fmt: skip
    return ordered(frequency, impedance, said)


def _table(path: Path, notes: SpectrumNotes) -> Table:
    lines = lines_of(path)
    try:
        block = block_of(lines)
    except ValueError as error:
        raise InputError(Fault(path.name, "the file", str(error), ALLOWED)) from None
    if notes.format != "auto" and block.kind != FORMATS[notes.format]:
        why = f'is no file of format "{notes.format}", but {block.kind}'
        raise InputError(Fault(path.name, "the file", why, "the format of the file"))
    if not block.rows:
        raise InputError(Fault(path.name, "the file", f"({block.kind}) has no rows", ALLOWED))
    layout = layout_of([row for _, row in block.rows], block.header)
    if isinstance(layout, str):
        place = f"{path.name}:{block.rows[0][0]}"
        raise InputError(_uneven(path.name, block) or Fault(place, block.rows[0][1][:60], layout, ALLOWED))
    values, places = _numbers(path.name, block, layout)
    return Table(values, places, _roles(path.name, block, layout, values.shape[1], notes))


def _uneven(name: str, block: Block) -> Fault | None:
    """The first line that has another number of cells than the line before, at the delimiter of that one."""
    first = block.rows[0][1]
    delimiter = next((mark for mark in ("\t", ";", ",") if mark in first), "")
    layout = Layout(delimiter, ".")
    width = len(cells_of(first, layout))
    for place, row in block.rows[1:]:
        if (count := len(cells_of(row, layout))) != width:
            return Fault(f"{name}:{place}", row.strip()[:60], f"has {count} cells", f"{width} as the lines before")
    return None


def _numbers(name: str, block: Block, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Values, shape (row, column), and their lines. Other cells than the needed ones may hold text."""
    width = len(cells_of(block.rows[0][1], layout))
    values, faults = [], []
    for place, row in block.rows:
        cells = cells_of(row, layout)
        if len(cells) != width:
            if len(cells) == width + 1 and not cells[-1]:  # a delimiter at the end of the line
                cells = cells[:-1]
            else:
                faults.append(Fault(f"{name}:{place}", row.strip()[:60], f"has {len(cells)} cells", f"{width} cells"))
                continue
        found = [number(cell, layout) for cell in cells]
        if all(value is None or value != value for value in found):
            faults.append(Fault(f"{name}:{place}", row.strip()[:60], "is no row of numbers", "delete what follows"))
            continue
        values.append([TEXT if value is None else value for value in found])
    if faults:
        raise InputError(faults[:SHOWN])
    return np.array(values, float).reshape(-1, width), np.array([place for place, _ in block.rows])


TEXT = float("inf")  # a cell that holds words: no number, and not missing either


def _roles(name: str, block: Block, layout: Layout, width: int, notes: SpectrumNotes) -> tuple[Role, ...]:
    """What each column is: as said in the case, by the format, by the names, or by their order."""
    if notes.columns is not None:
        if max(notes.columns) > width:
            raise InputError(Fault(name, max(notes.columns), "is no column of the file", f"1 to {width}"))
        kinds = ("frequency", "modulus", "phase") if notes.angle != "none" else ("frequency", "real", "imaginary")
        headers = _headers(block.header, layout, width) if block.header else []
        roles = [Role("")] * width
        for column, kind in zip(notes.columns, kinds):
            seen = role_of(headers[column - 1]) if len(headers) == width else Role("")
            roles[column - 1] = Role(kind, seen.factor or float(kind == "frequency"), seen.per_area, seen.negated)
        return tuple(roles)
    if block.names and width <= len(block.names):
        return tuple(role_of(text) for text in block.names[:width])
    if block.header is not None:
        headers = _headers(block.header, layout, width)
        if len(headers) != width:
            why = f"names {len(headers)} columns where the rows have {width}"
            raise InputError(Fault(name, block.header.strip()[:60], why, "a name a column"))
        return tuple(role_of(text) for text in headers)
    if width == 3:
        return (Role("frequency", 1.0), Role("real"), Role("imaginary"))
    why = f"has no names of its {width} columns"
    raise InputError(Fault(name, "the file", why, "columns = [..]: of frequency, real and imaginary part, from 1"))


def _headers(header: str, layout: Layout, width: int) -> list[str]:
    """Names of the columns, cut as the rows are, or at another mark where that gives a name a column."""
    for delimiter in (layout.delimiter, ",", ";", "\t"):
        names = cells_of(header, Layout(delimiter, layout.decimal))
        names = names[:-1] if len(names) == width + 1 and not names[-1] else names
        if len(names) == width:
            return names
    return cells_of(header, layout)


def _columns(
    name: str, table: Table, notes: SpectrumNotes, area: float | None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Frequency [Hz], impedance [ohm], and what was assumed."""
    at: dict[str, int] = {}
    for column, role in enumerate(table.roles):
        if role.kind:
            at.setdefault(role.kind, column)
    cartesian = {"real", "imaginary"} <= at.keys()
    polar = {"modulus", "phase"} <= at.keys()
    if not ("frequency" in at or "angular" in at) or not (cartesian or polar):
        missing = [kind for kind in ("frequency", "real", "imaginary") if kind not in at]
        why = f"has no column of {', '.join(missing)} that is known by its name"
        raise InputError(Fault(name, "the file", why, "columns = [..]: of frequency, real and imaginary part, from 1"))
    first, second = ("real", "imaginary") if cartesian else ("modulus", "phase")
    values, roles = table.values, table.roles
    hertz = "frequency" if "frequency" in at else "angular"
    words = np.isinf(values[:, [at[hertz], at[first], at[second]]]).any(axis=1)
    if words.any():
        place = f"{name}:{table.lines[words][0]}"
        raise InputError(
            Fault(
                place,
                "the row",
                "holds words, or numbers out of range, where numbers are due",
                "delete what is no point",
            )
        )
    frequency = values[:, at[hertz]] * (roles[at[hertz]].factor if hertz == "frequency" else 0.5 / np.pi)
    scale, said = _scale(name, roles[at[first]], notes, area)
    one, two = values[:, at[first]], values[:, at[second]]
    sign = -1.0 if roles[at[second]].negated else 1.0
    if cartesian:
        other, _ = _scale(name, roles[at[second]], notes, area)
        impedance = scale * (-1.0 if roles[at[first]].negated else 1.0) * one + 1j * (sign * other * two)
    else:
        angle = sign * two * _angle(name, roles[at[second]], notes)
        with np.errstate(invalid="ignore"):
            impedance = scale * one * np.exp(1j * angle)
    return frequency, impedance, said


def _scale(name: str, role: Role, notes: SpectrumNotes, area: float | None) -> tuple[float, tuple[str, ...]]:
    """Factor into ohm of the cell, and what was assumed."""
    factor, per_area = role.factor, role.per_area
    if notes.unit != "auto":
        given = UNITS[notes.unit]
        if factor and (factor, per_area) != given:
            why = "differs from the unit in the file's names of columns"
            raise InputError(Fault(f"{name}: unit", notes.unit, why, 'the unit that is right, or "auto"'))
        factor, per_area = given
    said: tuple[str, ...] = ()
    if not factor:
        factor, said = 1.0, (f'{name}: no unit is named; ohm is assumed (unit = "..." says another)',)
    if not per_area:
        return factor, said
    if area is None:
        raise InputError(Fault(f"{name}: area", "(nothing)", "is needed for ohm times area", "the electrode's area"))
    return factor / area, said


UNITS = {
    "ohm": (1.0, False), "kohm": (1e3, False), "mohm": (1e-3, False), "ohm cm^2": (1e-4, True), "ohm m^2": (1.0, True)
}  # fmt: skip


def _angle(name: str, role: Role, notes: SpectrumNotes) -> float:
    """Factor of the phase into radian."""
    given = {"degree": np.pi / 180.0, "radian": 1.0}.get(notes.angle, 0.0)
    if role.factor and given and abs(role.factor - given) > 1e-12:
        why = "differs from the unit in the file's names of columns"
        raise InputError(Fault(f"{name}: angle", notes.angle, why, "the unit that is right"))
    if not (role.factor or given):
        raise InputError(Fault(f"{name}: angle", "(nothing)", "of the phase is not said", '"degree" or "radian"'))
    return float(role.factor or given)


def _without_gaps(
    name: str,
    frequency: np.ndarray,
    impedance: np.ndarray,
    lines: np.ndarray,
    notes: SpectrumNotes,
    said: tuple[str, ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """The points that have all their numbers; those that have not are a fault each, or dropped where that was asked."""
    size = np.maximum(np.abs(impedance.real), np.abs(impedance.imag))
    missing = np.isnan(frequency) | np.isnan(size)
    if not missing.any():
        return frequency, impedance, lines, said
    rows = lines[missing]
    if not notes.drop_bad_rows:
        shown = ", ".join(map(str, rows[:SHOWN])) + (" and more" if len(rows) > SHOWN else "")
        why = "has no number where one is due"
        raise InputError(Fault(f"{name}, line {shown}", float("nan"), why, "numbers; drop_bad_rows = true drops them"))
    kept = ~missing
    return (
        frequency[kept], impedance[kept], lines[kept],
        (*said, f"{name}: {len(rows)} rows without a number are dropped (lines {', '.join(map(str, rows[:SHOWN]))})"),
    )  # fmt: skip
