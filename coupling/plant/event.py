"""One event of a plant: what was made or measured, when, from what, with values in SI; read with suspicion.

An event is a JSON object, a row of a table, or the payload of a message:

    {"kind": "pass", "name": "P-0017", "time": "2026-11-30T08:00:00Z", "parents": ["drying:D-12"],
     "values": {"line_load": "180 N/mm", "coating_thickness": {"value": 72, "unit": "um", "sd": 0.5}}}

`source` says who measured, `study` which study computed. Who sends an `id` says which events are one and which are two;
without it equal contents are one event, however they were written.
"""

import functools
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from kalander.coupling.cards.quantity import DIMENSIONS, QuantityError, parse_quantity
from kalander.coupling.plant.quantities import KINDS, PARENTS, QUANTITIES, Quantity
from kalander.coupling.scales import in_si
from kalander.kernels.errors import Fault

__all__ = ["LONGEST_NAME", "MOST_VALUES", "Event", "Value", "event_of", "scale_of", "unit_of"]

LONGEST_NAME = 200  # characters of a name, a source, an identity
MOST_VALUES = 100  # in one event, and most parents
KEYS = ("kind", "name", "time", "source", "id", "parents", "values", "study")
EARLIEST, LATEST = 1990, 2100  # years that a plant's clock may show


@dataclass(frozen=True)
class Value:
    """A measured number in SI with its standard deviation (None: not said) and the unit it is stored in."""

    quantity: str
    value: float
    sd: float | None
    unit: str


@dataclass(frozen=True)
class Event:
    """One event, checked: `record` and `parents` are "kind:name", `time` is in seconds since 1970 (UTC)."""

    identity: str
    digest: str
    record: str
    time: float
    source: str
    study: str
    parents: tuple[str, ...]
    values: tuple[Value, ...]


def event_of(given: Any, source: str = "") -> tuple[Event | None, list[Fault]]:
    """The event that a decoded object describes, or None and what is wrong with it. source: where none is given."""
    if not isinstance(given, Mapping):
        return None, [Fault("event", given, "is no object", 'such as {"kind": "pass", "name": "P-1", ...}')]
    faults = [_unknown(f"event.{key}", key, KEYS) for key in given if key not in KEYS][:5]
    kind, name = given.get("kind"), _text(given, "name", faults)
    if kind not in KINDS:
        faults.append(_unknown("event.kind", kind, KINDS))
    where = _text(given, "source", faults, source)
    study, own = _text(given, "study", faults, ""), _text(given, "id", faults, "")
    time = _time(given.get("time"), faults)
    parents = _parents(given.get("parents", []), kind, faults)
    values = _values(given.get("values", {}), faults)
    if not faults and not values and not parents:
        faults.append(Fault("event.values", {}, "is empty", "at least one value or parent"))
    if faults:
        return None, faults
    record = f"{kind}:{name}"
    said = [record, time, where, study, parents, [(one.quantity, one.value, one.sd) for one in values]]
    digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()
    return Event(own or digest, digest, record, time, where, study, parents, values), []


def _unknown(where: str, value: object, known: tuple[str, ...]) -> Fault:
    nearest = get_close_matches(str(value)[:LONGEST_NAME], known, n=1)
    return Fault(where, value, "is unknown", ", ".join(known), nearest[0] if nearest else "")


def _text(given: Mapping[str, Any], key: str, faults: list[Fault], default: str | None = None) -> str:
    """A short printable text; without a default it has to be there."""
    value = given.get(key, default)
    if isinstance(value, str) and len(value) <= LONGEST_NAME and value.isprintable() and (value or default == ""):
        return value
    allowed = f"a text of at most {LONGEST_NAME} printable characters"
    faults.append(Fault(f"event.{key}", value, "is missing" if value in (None, "") else "is no such text", allowed))
    return ""


def _time(value: Any, faults: list[Fault]) -> float:
    """Seconds since 1970 of a time as ISO 8601 writes it, with its zone."""
    allowed = 'a time with its zone, such as "2026-11-30T08:00:00Z" or "2026-11-30 09:00:00+01:00"'
    try:
        read = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        faults.append(Fault("event.time", value, "is missing" if value is None else "is no time", allowed))
        return 0.0
    if read.tzinfo is None:
        faults.append(Fault("event.time", value, "names no zone", allowed))
    elif not EARLIEST <= read.year < LATEST:
        faults.append(Fault("event.time", value, "is no time of a plant", f"years {EARLIEST} to {LATEST}"))
    else:
        return read.astimezone(UTC).timestamp()
    return 0.0


def _parents(given: Any, kind: Any, faults: list[Fault]) -> tuple[str, ...]:
    """Names "kind:name" of what this was made of."""
    allowed = PARENTS.get(kind, KINDS) if isinstance(kind, str) else KINDS
    form = f'texts such as "{allowed[0]}:NAME", of kinds {", ".join(allowed)}'
    if not isinstance(given, list | tuple) or len(given) > MOST_VALUES:
        faults.append(Fault("event.parents", given, "is no list, or a long one", f"at most {MOST_VALUES} {form}"))
        return ()
    for one in given:
        parts = one.split(":", 1) if isinstance(one, str) and len(one) <= LONGEST_NAME and one.isprintable() else [""]
        if len(parts) < 2 or parts[0] not in allowed or not parts[1]:
            faults.append(Fault("event.parents", one, f"can be no parent of a {kind}", form))
    return tuple(sorted(set(given))) if not faults else ()


def _values(given: Any, faults: list[Fault]) -> tuple[Value, ...]:
    """The values of an event in SI, in order of their names."""
    if not isinstance(given, Mapping) or len(given) > MOST_VALUES:
        faults.append(Fault("event.values", given, "is no object, or a large one", f"at most {MOST_VALUES} values"))
        return ()
    values = []
    for name in sorted(given, key=str):
        if name not in QUANTITIES:
            faults.append(_unknown(f"event.values.{name}", name, tuple(QUANTITIES)))
            continue
        try:
            values.append(_value(name, given[name]))
        except QuantityError as error:
            faults.append(Fault(f"event.values.{name}", given[name], str(error), error.allowed, error.nearest))
    return tuple(values)


def _value(name: str, given: Any) -> Value:
    """One value: a number (of what has no dimension), a text with unit, or an object of value, unit and sd."""
    quantity = QUANTITIES[name]
    parts = given if isinstance(given, Mapping) else {"value": given}
    if set(parts) - {"value", "unit", "sd"}:
        raise QuantityError("has other keys", allowed="value, unit and sd")
    number, factor, offset = _number(parts.get("value"), parts.get("unit"), quantity)
    value = _exact(number, factor) + offset
    if not quantity.low <= value <= quantity.high:
        unit = unit_of(name)
        raise QuantityError("is out of its range", allowed=f"{quantity.low:g} to {quantity.high:g} {unit}".strip())
    sd = parts.get("sd")
    if sd is not None:
        if isinstance(sd, bool) or not isinstance(sd, int | float) or not (math.isfinite(sd) and sd >= 0):
            raise QuantityError("has an sd that is no positive number", allowed="a number in the unit of the value")
        sd = _exact(float(sd), factor)
    return Value(name, value, sd, unit_of(name))


def _exact(number: float, factor: float) -> float:
    """The float nearest to the product of two numbers as they are written: 16.9 mg/cm^2 are 0.169 kg/m^2."""
    return float(Fraction(repr(number)) * Fraction(repr(factor)))


def unit_of(name: str) -> str:
    """The SI unit of a quantity, "1" for a plain number."""
    dimension = QUANTITIES[name].dimension
    return "1" if dimension is None else DIMENSIONS[dimension].unit


def _number(value: Any, unit: Any, quantity: Quantity) -> tuple[float, float, float]:
    """Number, and factor and offset of its unit to SI."""
    if isinstance(value, str):
        number, blank, written = value.strip().partition(" ")
        if unit is not None and blank:
            raise QuantityError("names a unit twice", allowed="a unit in the text or beside it")
        unit = written.strip() or unit
        try:
            value = float(number)
        except ValueError:
            raise QuantityError("is no number", allowed=_form(quantity)) from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise QuantityError("is no finite number", allowed=_form(quantity))
    if quantity.dimension is None:
        if unit not in (None, "1", "%"):
            raise QuantityError(f"has the unit {unit!r}, and is a plain number", allowed="no unit, or %")
        return float(value), in_si(1.0, unit or "1"), 0.0
    if not isinstance(unit, str) or not unit:
        raise QuantityError("has no unit", allowed=_form(quantity))
    return float(value), *scale_of(unit, quantity.dimension)


def _form(quantity: Quantity) -> str:
    return "a number" if quantity.dimension is None else DIMENSIONS[quantity.dimension].allowed


@functools.lru_cache(maxsize=1000)
def scale_of(unit: str, dimension: str) -> tuple[float, float]:
    """Factor and offset from a unit to SI; events name few units, and each is looked up once. Raises QuantityError."""
    offset = parse_quantity(f"0 {unit}", dimension)
    return parse_quantity(f"1 {unit}", dimension) - offset, offset
