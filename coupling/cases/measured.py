"""What was measured on calendered coatings, one row a state: the CSV of `kalander calibrate`, or tables; SI."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import field_validator, model_validator

from kalander.coupling.cards.config import Section, parse_model
from kalander.coupling.cards.fields import Choice, Quantity, Real, Text, exactly_one, wrong
from kalander.coupling.cards.mill_limits import LineLoad, SetGap
from kalander.coupling.cards.quantity import DIMENSIONS, QuantityError, parse_quantity
from kalander.kernels.errors import Fault, InputError

__all__ = ["QUANTITIES", "SETTINGS", "USUAL_SD", "MeasuredState", "measured_states", "read_states"]

SETTINGS = {"stress": "pressure", "line_load": "line_load", "gap": "length"}
LENGTHS = ("thickness", "thickness_sd")
PURE = ("porosity", "porosity_sd", "springback", "springback_sd")
QUANTITIES = ("porosity", "thickness", "springback")
LATER = ("indentation", "tortuosity", "tau", "conductivity", "sigma")
WORDS = ("name", "lab", "use")
LARGEST = 1 << 20  # bytes
MOST_STATES = 200
USUAL_SD = {"porosity": 0.005, "thickness": 1e-6, "springback": 0.005}

Deviation = Annotated[float | None, Real(above=0, at_most=0.2, absent="none")]
MaybeLength = Annotated[float | None, Quantity("length", above=0, at_most=0.01, absent="none")]


class MeasuredState(Section):
    """A coating as a setting of the line, or a stress on it, left it; what is not measured is None.

    Just one of stress (uniaxial, on the coating; 0: not calendered), line_load and gap (set, unloaded). thickness: of
    the web, foil included. springback: growth of the coating on release over its least thickness. Standard deviations:
    of what was measured, by default half a point of porosity and of springback, and 1 um. use: "predict" keeps a state
    out of the fit. lab: states of one name share a pressure scale.
    """

    name: Annotated[str, Text(longest=200)] = ""
    lab: Annotated[str, Text(longest=100)] = ""
    use: Annotated[str, Choice(("fit", "predict"))] = "fit"
    stress: Annotated[float | None, Quantity("pressure", at_least=0, at_most=1e11, absent="none")] = None
    line_load: LineLoad = None
    gap: SetGap = None
    porosity: Annotated[float | None, Real(above=0, below=1, percent=True, absent="none")] = None
    porosity_sd: Deviation = None
    thickness: MaybeLength = None
    thickness_sd: MaybeLength = None
    springback: Annotated[float | None, Real(above=-0.2, below=1, percent=True, absent="none")] = None
    springback_sd: Deviation = None

    @model_validator(mode="after")
    def one_setting(self) -> Self:
        exactly_one(dict(self), tuple(SETTINGS))
        return self

    @field_validator("porosity_sd", "thickness_sd", "springback_sd", mode="after")
    @classmethod
    def of_something(cls, value: float | None, info: Any) -> float | None:
        if value is not None and info.data.get(info.field_name.removesuffix("_sd")) is None:
            raise wrong("is an error of nothing that was measured", allowed=f"{info.field_name[:-3]} beside it")
        return value

    @property
    def setting(self) -> tuple[str, float]:
        """Name and value [SI] of what was set."""
        return next((name, value) for name in SETTINGS if (value := getattr(self, name)) is not None)

    @property
    def pressed(self) -> bool:
        """Whether it was calendered at all."""
        return self.stress != 0.0

    def deviation(self, quantity: str) -> float:
        """Standard deviation of a measured quantity [SI], the usual one where none is given."""
        given = getattr(self, f"{quantity}_sd")
        return USUAL_SD[quantity] if given is None else float(given)


def read_states(paths: Sequence[str | Path]) -> tuple[MeasuredState, ...]:
    """The states of CSV files, in their order. Raises InputError with every fault of all of them."""
    states: list[MeasuredState] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            states += _states_of(Path(path))
        except InputError as unread:
            faults += unread.faults
    if not faults:
        faults = _faults_together(states, ", ".join(str(path) for path in paths))
    if faults:
        raise InputError(faults)
    return tuple(states)


def measured_states(data: Any) -> tuple[MeasuredState, ...]:
    """States of Python: a path or several of CSV files, tables, or states themselves. Raises InputError."""
    many = data if isinstance(data, list | tuple) else [data]
    if many and all(isinstance(one, str | Path) for one in many):
        return read_states(many)
    if not many or not all(isinstance(one, MeasuredState | Mapping) for one in many):
        raise InputError(Fault("data", "data", "are no measured states", "a CSV file, tables, or several of them"))
    states = [one if isinstance(one, MeasuredState) else MeasuredState(**one) for one in many]
    if faults := _faults_together(states, "data"):
        raise InputError(faults)
    return tuple(states)


def _faults_together(states: Sequence[MeasuredState], where: str) -> list[Fault]:
    if not 1 <= len(states) <= MOST_STATES:
        return [Fault(where, len(states), "states are no calibration", f"1 to {MOST_STATES} rows")]
    fitted = [one for one in states if one.use == "fit" and one.pressed]
    if not any(getattr(one, quantity) is not None for one in fitted for quantity in QUANTITIES):
        allowed = f"a row that was calendered, of use fit, with one of {', '.join(QUANTITIES)}"
        return [Fault(where, len(states), "rows hold nothing to calibrate on", allowed)]
    return []


def _states_of(path: Path) -> list[MeasuredState]:
    rows = _rows_of(path)
    if not rows:
        raise InputError(Fault(str(path), path.name, "is empty", "a line of column names, and a row a state"))
    number, names = rows[0]
    columns = _columns(names, f"{path.name}:{number}")
    states: list[MeasuredState] = []
    faults: list[Fault] = []
    for number, cells in rows[1:]:
        if len(cells) != len(names):
            faults.append(
                Fault(f"{path.name}:{number}", len(cells), "cells are in this row", f"{len(names)}, a column")
            )
            continue
        try:
            document, wrote = _document(columns, cells, f"{path.name}:{number}")
            place = _place(f"{path.name}:{number}", wrote)
            states.append(parse_model(MeasuredState, {"name": f"row {number}", **document}, place, {}))
        except InputError as unread:
            faults += unread.faults
    if faults:
        raise InputError(faults)
    return states


def _place(where: str, wrote: Mapping[str, str]) -> Any:
    return lambda key: f"{where}: {wrote.get(key.lstrip('.'), key)}"


def _rows_of(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and cells of each line that is neither empty nor a comment."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(Fault(str(path), path.name, "is no UTF-8 text", "a CSV file")) from None
    except (OSError, ValueError) as error:
        why = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise InputError(Fault(str(path), path.name, why, "the path of a CSV file")) from None
    if len(content) > LARGEST:
        raise InputError(Fault(str(path), path.name, f"is larger than {LARGEST} bytes", "a CSV file of states"))
    lines = enumerate(text.splitlines(), start=1)
    kept = [(number, line) for number, line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [(number, [cell.strip().strip('"').strip() for cell in line.split(",")]) for number, line in kept]


def _columns(names: Sequence[str], where: str) -> list[tuple[str, str]]:
    """Key and unit of each column ("" for pure numbers and words). Raises InputError that names the unknown."""
    found: list[tuple[str, str]] = []
    faults: list[Fault] = []
    for name in names:
        try:
            found.append(_column(name))
        except InputError as unknown:
            faults += [Fault(f"{where}: {name}", name, one.why, one.allowed, one.nearest) for one in unknown.faults]
    known = [key for key, _ in found]
    faults += [
        Fault(f"{where}: {name}", name, "says again what another column says", "each quantity once")
        for name, (key, _) in zip(names, found) if known.count(key) > 1
    ] if not faults else []  # fmt: skip
    if faults:
        raise InputError(faults)
    return found


def _column(name: str) -> tuple[str, str]:
    """A column by its name: "porosity", "stress_MPa", "line_load_N/mm" (or N_mm), "thickness_sd_um"."""
    allowed = (
        f"{', '.join((*WORDS, *PURE))}, and with their units stress_MPa, line_load_N_mm, gap_um, thickness_um, "
        "thickness_sd_um"
    )
    if name in (*WORDS, *PURE):
        return name, ""
    for key in sorted((*SETTINGS, *LENGTHS), key=len, reverse=True):
        found = re.fullmatch(rf"{key}_(.+)", name)
        if not found:
            continue
        unit, dimension = found[1].replace("_", "/"), SETTINGS.get(key, "length")
        try:
            parse_quantity(f"1 {unit}", dimension)
        except QuantityError as error:
            raise InputError(Fault(name, unit, error.why, DIMENSIONS[dimension].allowed, error.nearest)) from None
        return key, unit
    if name in (*SETTINGS, *LENGTHS):
        example = DIMENSIONS[SETTINGS.get(name, "length")].examples[0].split(" ")[1].replace("/", "_")
        raise InputError(Fault(name, name, "has no unit in its name", f"such as {name}_{example}"))
    if name.split("_")[0].lower() in LATER:
        raise InputError(Fault(name, name, "is nothing that calibrate can use yet", allowed))
    close = get_close_matches(name, [*WORDS, *PURE, "stress_MPa", "line_load_N_mm", "gap_um", "thickness_um"], n=1)
    raise InputError(Fault(name, name, "is a column of no known meaning", allowed, close[0] if close else ""))


def _document(
    columns: Sequence[tuple[str, str]], cells: Sequence[str], where: str
) -> tuple[dict[str, Any], dict[str, str]]:  # fmt: skip
    """A row as a table of what is written in it, and the columns of its keys. Raises InputError."""
    document: dict[str, Any] = {}
    wrote: dict[str, str] = {}
    for (key, unit), cell in zip(columns, cells):
        if cell == "":
            continue
        wrote[key] = f"{key}_{unit}" if unit else key
        if key in WORDS:
            document[key] = cell
        elif unit:
            document[key] = f"{cell} {unit}"
        else:
            try:
                document[key] = float(cell)
            except ValueError:
                raise InputError(Fault(f"{where}: {key}", cell, "is no number", "such as 0.416, or nothing")) from None
    return document, wrote
