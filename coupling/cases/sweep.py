"""The case file of `kalander ensemble`: values that the keys of a card take, as a grid, rows, or a Latin hypercube.

Latin hypercube: McKay, Beckman, Conover, Technometrics 21 (1979) 239.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import model_validator
from scipy.stats import qmc

from kalander.coupling.cards.card import Card, find_card, places, try_card
from kalander.coupling.cards.config import (
    Place,
    Section,
    apply_overrides,
    overlay,
    parse_model,
    with_value,
)
from kalander.coupling.cards.fields import PYTHON, Count, Quantity, Real, Text, wrong
from kalander.coupling.cards.quantity import DIMENSIONS, QuantityError, parse_quantity
from kalander.coupling.cards.sections import number_field
from kalander.coupling.cards.toml import read_toml
from kalander.coupling.cases.written import written_case
from kalander.kernels.errors import Fault, InputError

__all__ = ["MOST_MEMBERS", "SweepCase", "Variant", "load_sweep", "sweep_case", "variants"]

MOST_MEMBERS = 100_000
MOST_FAULTS = 20  # that are told of one sweep
Maker = Callable[[Mapping[str, Any], Place], tuple[Card | None, list[Fault]]]
Key = Annotated[str, Text(longest=120)]


class GridSection(Section):
    """A key of the card and values for it; every value goes with every one of the other tables."""

    key: Key  # dotted, as in the card
    values: tuple[Any, ...]  # as they would stand in the card

    @model_validator(mode="after")
    def has_values(self) -> Self:
        if not self.values:
            raise wrong("is empty", allowed="one or more values", key=".values", value="[]")
        return self


class RangeSection(Section):
    """A key of the card and the two ends between which a Latin hypercube draws."""

    key: Key  # dotted, as in the card; a number
    low: Any  # least value, as it would stand in the card
    high: Any  # largest value
    log: bool = False  # whether logarithms are drawn evenly

    @model_validator(mode="after")
    def has_a_range(self) -> Self:
        rule = number_field(self.key)
        if not isinstance(rule, Quantity | Real):
            raise wrong("is no number of the card", allowed="a key that holds one number", key=".key", value=self.key)
        low, high = (_end(rule, name, getattr(self, name)) for name in ("low", "high"))
        if low >= high:
            raise wrong("is not above low", allowed=f"above {self.low}", key=".high", value=self.high)
        if self.log and low <= 0.0:
            raise wrong("has no logarithm", allowed="above 0, where log = true", key=".low", value=self.low)
        return self

    def at(self, share: np.ndarray) -> list[Any]:
        """Values at shares of the range, shape (member,), as one writes them in a card."""
        rule = number_field(self.key)
        assert isinstance(rule, Quantity | Real)
        low, high = _end(rule, "low", self.low), _end(rule, "high", self.high)
        drawn = low * (high / low) ** share if self.log else low + (high - low) * share
        unit = f" {DIMENSIONS[rule.dimension].unit}" if isinstance(rule, Quantity) else ""
        return [f"{one!r}{unit}" if unit else one for one in drawn.tolist()]


class LatinSection(Section):
    """A Latin hypercube over ranges: as many members as wished, of which each range is cut into as many parts."""

    members: Annotated[int, Count(at_least=1, at_most=MOST_MEMBERS)]  # how many are drawn
    range: tuple[RangeSection, ...]

    @model_validator(mode="after")
    def has_ranges(self) -> Self:
        if not self.range:
            raise wrong("is empty", allowed="one or more ranges", key=".range", value="[]")
        return self


class SweepCase(Section):
    """What the members of an ensemble have of their own. Tables are combined: each row and each draw goes with
    each combination of the grid."""

    seed: Annotated[int, Count(at_least=0, at_most=2**31)] = 1  # of the Latin hypercube
    grid: tuple[GridSection, ...] = ()
    row: tuple[dict[str, Any], ...] = ()  # a member each: keys of the card in quotation marks, and their values
    latin: LatinSection | None = None

    @model_validator(mode="after")
    def sweeps_something(self) -> Self:
        keys = [*(one.key for one in self.grid), *(one.key for one in (self.latin.range if self.latin else ()))]
        if not keys and not any(self.row):
            raise wrong("sweeps nothing", allowed="tables [[grid]], [[row]] or [latin]", key="", value="(nothing)")
        keys += sorted({key for row in self.row for key in _flat(row)})
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise wrong("is swept twice", allowed="each key in one table", key="", value=key)
        if self.count > MOST_MEMBERS:
            raise wrong("are too many members", allowed=f"at most {MOST_MEMBERS}", key="", value=self.count)
        return self

    @property
    def count(self) -> int:
        """Members, equal ones counted as often as they come."""
        made = max(len(self.row), 1) * (self.latin.members if self.latin else 1)
        for one in self.grid:
            made *= len(one.values)
        return made

    def changes(self) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
        """Of every member: values by dotted key, and where in this file each of them stands."""
        rows = [
            (_flat(row), {key: f"row[{number}].{key}" for key in _flat(row)})
            for number, row in enumerate(self.row)
        ] or [({}, {})]  # fmt: skip
        grids = [
            [({one.key: value}, {one.key: f"grid[{number}].values"}) for value in one.values]
            for number, one in enumerate(self.grid)
        ]
        for parts in product(rows, self._drawn(), *grids):
            values: dict[str, Any] = {}
            where: dict[str, str] = {}
            for changed, stands in parts:
                values |= changed
                where |= stands
            yield values, where

    def _drawn(self) -> list[tuple[dict[str, Any], dict[str, str]]]:
        if self.latin is None:
            return [({}, {})]
        ranges = self.latin.range
        shares = qmc.LatinHypercube(len(ranges), rng=np.random.default_rng(self.seed)).random(self.latin.members)
        columns = [one.at(shares[:, number]) for number, one in enumerate(ranges)]
        where = {one.key: f"latin.range[{number}].low" for number, one in enumerate(ranges)}
        return [(dict(zip(where, row)), where) for row in zip(*columns)]


@dataclass(frozen=True)
class Variant:
    """A card of a sweep, and what of it is its own: values by dotted key as written."""

    card: Card
    changes: Mapping[str, Any]


def _end(rule: Quantity | Real, name: str, value: Any) -> float:
    """An end of a range in SI. Raises as a validator does."""
    if isinstance(rule, Real):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong("is no number", allowed=rule.describe(), key=f".{name}", value=value)
        return float(value)
    if not isinstance(value, str):
        raise wrong("needs a unit", allowed=rule.describe(), key=f".{name}", value=value)
    try:
        return parse_quantity(value, rule.dimension)
    except QuantityError as error:
        raise wrong(error.why, allowed=error.allowed, nearest=error.nearest, key=f".{name}", value=value) from None


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Leaves by dotted key, whether keys are in quotation marks or in tables."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def sweep_case(document: Mapping[str, Any]) -> SweepCase:
    """The case of a dictionary as the file would hold it. Raises InputError with every fault."""
    return parse_model(SweepCase, document, lambda key: key or "sweep", PYTHON)


def load_sweep(path: str | Path) -> tuple[SweepCase, Place]:
    """Read and check a sweep, and where each of its keys stands. Raises InputError."""
    document, place = written_case(path)
    return parse_model(SweepCase, document, place, {}), place


def variants(
    card: Card | str | Path,
    sweep: SweepCase,
    *,
    place: Place = lambda key: f"sweep: {key}",
    overrides: Mapping[str, str] | None = None,
    quick: bool = False,
) -> list[Variant]:
    """Every card of a sweep over a card, one in a file, or a shipped one, in order, equal ones once.

    overrides, quick: of all of them, as `load_card` takes them. Raises InputError: faults of the card, and those that
    values of the sweep make, each where the value stands.
    """
    make, of_card = _maker(card, dict(overrides or {}), quick)
    found: dict[str, Variant] = {}
    faults: dict[str, Fault] = {}
    for changes, where in sweep.changes():
        made_card, wrong_here = make(changes, _places_of(changes, where, place, of_card))
        faults |= {str(one): one for one in wrong_here[:MOST_FAULTS]}
        if len(faults) >= MOST_FAULTS:
            break
        if made_card is not None:
            found.setdefault(json.dumps(made_card.model_dump(mode="json"), sort_keys=True), Variant(made_card, changes))
    if faults:
        raise InputError(list(faults.values())[:MOST_FAULTS])
    return list(found.values())


def _maker(card: Card | str | Path, overrides: dict[str, str], quick: bool) -> tuple[Maker, Place]:
    """What makes the card of a member, and where keys of the base card stand. Raises InputError."""
    if isinstance(card, Card):
        held = card
        if quick or overrides:
            why = "is of a card file; this card is made already"
            raise InputError(Fault("ensemble: quick, overrides", overrides or quick, why, "card.with_values(...)"))
        return lambda changes, place: _with_values(held, changes, place), lambda key: f"card: {key}"
    source = read_toml(find_card(card))
    document = {key: value for key, value in source.document.items() if key != "quick"}
    small = source.document.get("quick", {}) if quick else {}
    if quick and not small:
        why, allowed = "has no table [quick]", "a table [quick] in the card, or --set for single values"
        raise InputError(Fault("--quick", str(card), why, allowed))
    base = apply_overrides(overlay(document, small), overrides)

    def make(changes: Mapping[str, Any], place: Place) -> tuple[Card | None, list[Fault]]:
        made = base
        for key, value in changes.items():
            made = with_value(made, key.split("."), value)
        return try_card(made, place)

    return make, places(source, small, overrides)


def _with_values(card: Card, changes: Mapping[str, Any], place: Place) -> tuple[Card | None, list[Fault]]:
    try:
        return card.with_values(dict(changes)), []
    except InputError as unfit:
        return None, [replace(one, where=place(one.where.removeprefix("Card").lstrip("."))) for one in unfit.faults]


def _places_of(changes: Mapping[str, Any], where: Mapping[str, str], place: Place, of_card: Place) -> Place:
    """Where a key of one card was written: in the sweep, or where the card has it."""
    keys: Sequence[str] = sorted(changes, key=len, reverse=True)

    def stands(key: str) -> str:
        for swept in keys:
            if key == swept or key.startswith((f"{swept}.", f"{swept}[")):
                return f"{place(where[swept])}: {key}" if not where[swept].endswith(key) else place(where[swept])
        return of_card(key)

    return stands
