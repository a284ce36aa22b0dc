"""The case file of `kalander suggest`: what may be set, what is wanted of the outcome, and what must hold."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import model_validator

from kalander.coupling.cards.config import Section, parse_model
from kalander.coupling.cards.fields import PYTHON, Choice, Count, Real, Text, wrong
from kalander.coupling.cases.written import written_case

__all__ = [
    "MOST", "LimitSection", "LinearSection", "MixtureSection", "ObjectiveSection", "ParameterSection", "SuggestCase",
    "load_suggest_case", "suggest_case",
]  # fmt: skip

Name = Annotated[str, Text(longest=60)]
MOST = 1e24  # far beyond any outcome in a sensible unit; squares of it stay finite
Number = Annotated[float, Real(at_least=-MOST, at_most=MOST)]
MaybeNumber = Annotated[float | None, Real(at_least=-MOST, at_most=MOST, absent="none")]
MOST_OBJECTIVES = 2
ROUNDING = 1e-9  # by which sums of bounds may miss the total of a mixture


class ParameterSection(Section):
    """What may be set: a number between two limits, in a unit that is only told."""

    name: Name  # a word without spaces
    low: Number  # the least value, in the unit
    high: Number  # the largest value, in the unit
    unit: Name = "1"  # in which low, high and suggestions are numbers
    log: bool = False  # whether steps are ratios, for a parameter that spans decades

    @model_validator(mode="after")
    def has_a_range(self) -> Self:
        if self.low >= self.high:
            raise wrong("is not above low", allowed=f"above {self.low:g}", key=".high", value=self.high)
        if self.log and self.low <= 0.0:
            raise wrong("has no logarithm", allowed="above 0, where log = true", key=".low", value=self.low)
        return self


class LinearSection(Section):
    """A linear constraint of parameters: the weighted sum is at most a number. For fractions that sum to a total, write
    a mixture."""

    of: tuple[Name, ...]  # names of parameters
    weights: tuple[Number, ...]  # one for each of them
    at_most: Number  # limit of the weighted sum

    @model_validator(mode="after")
    def has_a_weight_for_each(self) -> Self:
        if len(self.weights) != len(self.of) or not any(self.weights):
            allowed = f"{len(self.of)} numbers, not all 0"
            raise wrong("is not one for each of `of`", allowed=allowed, key=".weights", value=list(self.weights))
        return self


class MixtureSection(Section):
    """Fractions that sum to a total: each suggestion keeps the sum to rounding."""

    of: tuple[Name, ...]  # names of parameters
    total: Annotated[float, Real(above=0)] = 1.0  # what they sum to


class ObjectiveSection(Section):
    """An outcome to be as small or as large as possible."""

    name: Name  # of the outcome that is told
    direction: Annotated[str, Choice(("minimise", "maximise"))]  # which way is better
    unit: Name = "1"  # of the numbers that are told
    reference: MaybeNumber = None  # of two objectives: the worst value that still counts in the hypervolume; from data


class LimitSection(Section):
    """A limit of an outcome, beyond which a trial does not count."""

    name: Name  # of the outcome that is told; may be an objective
    at_least: MaybeNumber = None  # lower limit
    at_most: MaybeNumber = None  # upper limit
    unit: Name = "1"  # of the numbers that are told

    @model_validator(mode="after")
    def has_a_limit(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise wrong("has no limit", allowed="at_least, at_most or both", key=".name", value=self.name)
        if self.at_least is not None and self.at_most is not None and self.at_least >= self.at_most:
            raise wrong("is not above at_least", allowed=f"above {self.at_least:g}", key=".at_most", value=self.at_most)
        return self


class SuggestCase(Section):
    """A campaign of trials: parameters and what they must keep, objectives, limits of outcomes. initial: trials that
    fill the space before a model chooses, two for each parameter and two more if not given."""

    name: Name  # of the campaign in its store
    seed: Annotated[int, Count(at_least=0, at_most=2**31)] = 1  # of designs and searches
    initial: Annotated[int | None, Count(at_least=2, at_most=1000, absent="automatic")] = None
    parameter: tuple[ParameterSection, ...]
    linear: tuple[LinearSection, ...] = ()
    mixture: tuple[MixtureSection, ...] = ()
    objective: tuple[ObjectiveSection, ...]
    limit: tuple[LimitSection, ...] = ()

    @model_validator(mode="after")
    def names_what_there_is(self) -> Self:
        known = {one.name: one for one in self.parameter}
        for key, listed in (("parameter", self.parameter), ("objective", self.objective)):
            _refuse_names(key, [one.name for one in listed])
        if not 1 <= len(self.objective) <= MOST_OBJECTIVES:
            raise wrong("is no number of objectives", allowed="one or two", key="objective", value=len(self.objective))
        for number, one in enumerate(self.linear):
            _refuse_sum(f"linear[{number}].of", one.of, known, least=1)
        for number, mixed in enumerate(self.mixture):
            _refuse_sum(f"mixture[{number}].of", mixed.of, known, least=2)
            least = math.fsum(known[name].low for name in mixed.of)
            most = math.fsum(known[name].high for name in mixed.of)
            if not least - ROUNDING <= mixed.total <= most + ROUNDING:
                allowed = f"{least:g} to {most:g}, which low and high of its parameters sum to"
                raise wrong("is out of reach", allowed=allowed, key=f"mixture[{number}].total", value=mixed.total)
        return self

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names of what must be told of a trial."""
        return tuple(dict.fromkeys([*(one.name for one in self.objective), *(one.name for one in self.limit)]))

    @property
    def units(self) -> dict[str, str]:
        """Unit of each parameter and outcome by name, "1" for a plain number; an objective's own counts."""
        units = {one.name: one.unit for one in self.parameter} | {one.name: one.unit for one in self.limit}
        return units | {one.name: one.unit for one in self.objective}

    @property
    def first(self) -> int:
        """Trials that fill the space before a model chooses."""
        return self.initial or 2 * len(self.parameter) + 2


def _refuse_names(key: str, names: list[str]) -> None:
    """Raise for no names, names that are no words, and those that come twice."""
    if not names:
        raise wrong("is empty", allowed="one or more", key=key, value=0)
    for number, name in enumerate(names):
        where = f"{key}[{number}].name"
        if not name.isidentifier():
            raise wrong("is no word", allowed="letters, digits and _", key=where, value=name)
        if name in names[:number]:
            raise wrong("is there twice", allowed="another name", key=where, value=name)


def _refuse_sum(key: str, of: tuple[str, ...], known: Mapping[str, ParameterSection], *, least: int) -> None:
    """Raise for names of a sum that are no parameters, or whose sum is not linear, or that are too few."""
    for place, name in enumerate(of):
        where = f"{key}[{place}]"
        if name not in known:
            raise wrong("is no parameter", allowed=", ".join(known), key=where, value=name)
        if known[name].log:
            why = "is a parameter with log = true, whose sums are not linear"
            raise wrong(why, allowed="parameters without log", key=where, value=name)
    if len(set(of)) != len(of) or len(of) < least:
        raise wrong("cannot be summed", allowed=f"{least} or more names that differ", key=key, value=list(of))


def suggest_case(document: Mapping[str, Any]) -> SuggestCase:
    """The case of a dictionary as the file would hold it. Raises InputError with every fault."""
    return parse_model(SuggestCase, document, lambda key: key or "case", PYTHON)


def load_suggest_case(path: str | Path, *, overrides: Mapping[str, str] | None = None) -> SuggestCase:
    """Read and check a case of `kalander suggest`; overrides are written as TOML values. Raises InputError."""
    document, place = written_case(path, overrides)
    return parse_model(SuggestCase, document, place, {})
