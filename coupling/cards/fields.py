"""Field types of cards and case files. Each checks one value and says what is wrong with it in the user's terms.

A value that enters as text with a unit is a plain float in SI afterwards. Only our own stored dictionaries, read
with the context STORED, and what is written in Python (PYTHON), may carry such values as bare numbers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from kalander.coupling.cards.quantity import DIMENSIONS, QuantityError, parse_quantity

__all__ = ["PYTHON", "STORED", "Choice", "Count", "Field", "Quantity", "Real", "Text", "exactly_one", "wrong"]

STORED = {"stored": True}
PYTHON = {"python": True}

# far beyond any physical value in SI, and near enough to 1 that products and cubes of values stay finite
SMALLEST, LARGEST = 1e-24, 1e24


def wrong(why: str, *, allowed: str = "", nearest: str = "", key: str = "", value: object = None) -> Exception:
    """The error a validator raises; key points below the value under test ("[2]", ".yield_pressure")."""
    context = {"why": why, "allowed": allowed, "nearest": nearest, "key": key, "value": value}
    return PydanticCustomError("wrong", "{why}", context)


class Field:
    """Base of the types below: pydantic calls `validate` on whatever was written."""

    def validate(self, value: Any, info: ValidationInfo) -> Any:
        raise NotImplementedError

    def describe(self) -> str:
        """What is allowed, in words."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self.validate)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Limits of a number; each may be absent."""

    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None

    def text(self, unit: str = "") -> str:
        limits = [("above", self.above), ("at least", self.at_least), ("at most", self.at_most), ("below", self.below)]
        return " and ".join(f"{word} {limit:g}{unit}" for word, limit in limits if limit is not None)

    def contain(self, value: float) -> bool:
        return (
            (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )


def plain_number(value: Any, allowed: str) -> float:
    """A finite int or float; a bool is not a number here."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(f"is of type {type(value).__name__}, not a number", allowed=allowed)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise wrong("is not finite", allowed=allowed)
    return number


def as_python(value: Any) -> Any:
    """A scalar of NumPy as the number it is; anything else as it stands."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


@dataclass(frozen=True)
class Quantity(Field, Bounds):
    """A float in the SI unit of a dimension, written as text with a unit. `absent` is the word that stands for None."""

    dimension: str
    absent: str = ""

    def validate(self, value: Any, info: ValidationInfo) -> float | None:
        if self.absent and (value is None or value == self.absent):
            return None
        context = info.context or {}
        plain = bool(context.get("stored")) or (bool(context.get("python")) and not isinstance(value, str))
        number = self.in_si(as_python(value) if plain else value, stored=plain)
        unit = f" {DIMENSIONS[self.dimension].unit}"
        if number and not SMALLEST <= abs(number) <= LARGEST:
            raise wrong("is no magnitude of a calender", allowed=f"{SMALLEST:g} to {LARGEST:g}{unit}, or 0")
        if not self.contain(number):
            raise wrong("is out of range", allowed=self.text(unit))
        return number

    def describe(self) -> str:
        return DIMENSIONS[self.dimension].allowed + (f', or "{self.absent}"' if self.absent else "")

    def in_si(self, value: Any, *, stored: bool) -> float:
        allowed = self.describe()
        if stored:
            return plain_number(value, f"a number in {DIMENSIONS[self.dimension].unit}")
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise wrong("needs a unit", allowed=allowed)
        if not isinstance(value, str):
            raise wrong(f"is of type {type(value).__name__}, not a text with a unit", allowed=allowed)
        try:
            return parse_quantity(value, self.dimension)
        except QuantityError as error:
            raise wrong(error.why, allowed=allowed, nearest=error.nearest) from None


@dataclass(frozen=True)
class Real(Field, Bounds):
    """A finite pure number within bounds. `percent`: a value in 1..100 is probably a percentage and is told so."""

    percent: bool = False
    absent: str = ""

    def validate(self, value: Any, info: ValidationInfo) -> float | None:
        if self.absent and (value is None or value == self.absent):
            return None
        limits = self.describe()
        number = plain_number(as_python(value) if info.context == PYTHON else value, limits)
        if not self.contain(number):
            share = f"{number / 100:g}" if self.percent and 1 < number < 100 else ""
            hint = "; it looks like a percentage" if share else ""
            raise wrong(f"is out of range{hint}", allowed=limits, nearest=share)
        return number

    def describe(self) -> str:
        return f"a number {self.text()}".rstrip() + (f', or "{self.absent}"' if self.absent else "")


@dataclass(frozen=True)
class Count(Field, Bounds):
    """A whole number within bounds."""

    absent: str = ""

    def validate(self, value: Any, info: ValidationInfo) -> int | None:
        if self.absent and (value is None or value == self.absent):
            return None
        limits = self.describe()
        value = as_python(value) if info.context == PYTHON else value
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong(f"is of type {type(value).__name__}, not a whole number", allowed=limits)
        if not self.contain(value):
            raise wrong("is out of range", allowed=limits)
        return value

    def describe(self) -> str:
        return f"a whole number {self.text()}".rstrip() + (f', or "{self.absent}"' if self.absent else "")


@dataclass(frozen=True)
class Choice(Field):
    """One word of a list. `planned` words have a meaning in the literature but no code here yet: never ignored."""

    available: tuple[str, ...]
    planned: tuple[str, ...] = ()

    def validate(self, value: Any, info: ValidationInfo) -> str:
        allowed = self.describe()
        if not isinstance(value, str):
            raise wrong(f"is of type {type(value).__name__}, not a word", allowed=allowed)
        if value in self.planned:
            raise wrong("is not available yet", allowed=allowed)
        if value not in self.available:
            close = get_close_matches(value, self.available, n=1)
            raise wrong("is not known", allowed=allowed, nearest=close[0] if close else "")
        return value

    def describe(self) -> str:
        return ", ".join(f'"{word}"' for word in self.available)


@dataclass(frozen=True)
class Text(Field):
    """A text of bounded length."""

    longest: int = 1000
    absent: str = ""

    def validate(self, value: Any, info: ValidationInfo) -> str | None:
        if self.absent and (value is None or value == self.absent):
            return None
        if not isinstance(value, str):
            raise wrong(f"is of type {type(value).__name__}, not a text", allowed=self.describe())
        if len(value) > self.longest:
            raise wrong(f"is longer than {self.longest} characters", allowed="a shorter text")
        return value

    def describe(self) -> str:
        return "a text in quotes"


def exactly_one(values: Mapping[str, object], names: tuple[str, ...]) -> None:
    """Raise unless just one of the alternatives is given."""
    given = [name for name in names if values.get(name) is not None]
    if len(given) != 1:
        what = "gives none of its alternatives" if not given else f"gives {' and '.join(given)} together"
        raise wrong(what, allowed=f"exactly one of {', '.join(names)}", value=given)
