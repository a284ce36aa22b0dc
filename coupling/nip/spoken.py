"""Frozen dataclasses that a script fills in SI or with texts that have units: Pass(gap="120 um") or Pass(gap=1.2e-4).

Fields are annotated as those of a card's sections, so that a card, a case file and a script meet the same limits.
"""

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar, get_args, get_type_hints

from pydantic_core import PydanticCustomError

from kalander.coupling.cards.fields import Field
from kalander.kernels.errors import Fault, InputError

__all__ = ["Spoken", "spoken"]


@cache
def _rules(kind: Any) -> dict[str, Field]:
    """The field type that each annotation carries, by name."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: rule for name, hint in hints.items() for rule in get_args(hint)[1:] if isinstance(rule, Field)}


def spoken(rule: Field, where: str, value: Any) -> tuple[Any, list[Fault]]:
    """A number in SI or a text with a unit, as the rule has it; or the value with what is wrong with it."""
    plain = value.item() if getattr(value, "ndim", None) == 0 else value
    # the context of stored values lets plain numbers in, which are SI
    info: Any = SimpleNamespace(context={"stored": not isinstance(plain, str)})
    try:
        return rule.validate(plain, info), []
    except PydanticCustomError as wrong:
        found = wrong.context or {}
        return value, [Fault(where, value, found["why"], found["allowed"], found["nearest"])]


@dataclass(frozen=True)
class Spoken:
    """Base: every annotated field is checked and becomes a number in SI. Raises InputError with all faults, each by
    `key` and name."""

    key: ClassVar[str]

    def __post_init__(self) -> None:
        faults: list[Fault] = []
        kind: Any = type(self)
        for name, rule in _rules(kind).items():
            value, wrong = spoken(rule, f"{self.key}.{name}", getattr(self, name))
            object.__setattr__(self, name, value)
            faults += wrong
        if faults:
            raise InputError(faults)
