"""Every key of cards and case files as it is declared: unit, default, range, meaning."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.config import models_in
from kalander.coupling.cards.fields import Choice, Field, Quantity
from kalander.coupling.cards.quantity import DIMENSIONS, unit_registry
from kalander.runs.reference.meaning import meaning_of

__all__ = ["Key", "files", "keys_of", "matching", "rule_of", "rules_of", "written_value"]


@dataclass(frozen=True)
class Key:
    """A key of a file. key: dotted, members of arrays of tables with []. unit: one that a person writes, "" for none.

    default: as one writes it, "required", or "" where a rule of its table decides; allowed: what may stand there.
    """

    file: str
    key: str
    unit: str
    default: str
    allowed: str
    meaning: str
    table: str


@cache
def files() -> dict[str, type[BaseModel]]:
    """What each kind of file is parsed to, by name: the card, and every case that a module of coupling declares."""
    root = Path(import_module("kalander.coupling").__file__ or "").parent
    found: dict[str, type[BaseModel]] = {"card": Card}
    for path in sorted(root.rglob("*.py")):
        for name in re.findall(r"^class (\w+)Case\(", path.read_text(encoding="utf-8"), re.MULTILINE):
            dotted = ".".join(("kalander.coupling", *path.relative_to(root).with_suffix("").parts))
            found[name.lower()] = getattr(import_module(dotted), f"{name}Case")
    return found


def keys_of(file: str) -> list[Key]:
    """All keys of a kind of file, in the order of its tables."""
    return list(_keys(file, files()[file], ""))


@cache
def rules_of(file: str) -> dict[str, Field | None]:
    """The rule of each key of a kind of file, members of arrays with []."""
    return dict(_rules(files()[file], ""))


def _rules(table: type[BaseModel], prefix: str) -> Iterator[tuple[str, Field | None]]:
    for name, field in table.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        for model in (inner := list(models_in(field.annotation))):
            yield from _rules(model, f"{key}{'[]' if _is_array(field) else ''}.")
        if not inner:
            yield key, rule_of((field.annotation, *field.metadata))


def matching(pattern: str) -> list[Key]:
    """Keys of all files in which a text occurs: in the key, or else in the meaning. Capitals do not matter."""
    wanted = pattern.lower()
    every = [key for file in files() for key in keys_of(file)]
    named = [one for one in every if wanted in f"{one.file}.{one.key}".lower()]
    return named or [one for one in every if wanted in f"{one.meaning} {one.allowed}".lower()]


def _keys(file: str, table: type[BaseModel], prefix: str) -> Iterator[Key]:
    for name, field in table.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = list(models_in(field.annotation))
        if inner:
            many = "[]" if _is_array(field) else ""
            for model in inner:
                yield from _keys(file, model, f"{key}{many}.")
            continue
        rule = rule_of((field.annotation, *field.metadata))
        yield Key(
            file, key, _unit(rule), _default(field, rule), _allowed(field, rule), meaning_of(table, name),
            table.__name__,
        )  # fmt: skip


def _is_array(field: FieldInfo) -> bool:
    return "tuple[" in str(field.annotation)


def rule_of(parts: Any) -> Field | None:
    """The rule that an annotation holds, also within a tuple."""
    for part in parts:
        found = part if isinstance(part, Field) else rule_of(get_args(part))
        if found is not None:
            return found
    return None


def _unit(rule: Field | None) -> str:
    if isinstance(rule, Quantity):
        return DIMENSIONS[rule.dimension].examples[0].split(" ", 1)[1]
    inner = getattr(rule, "whole", None)  # a value, or one by axis
    return _unit(inner) if inner is not None else ""


def _allowed(field: FieldInfo, rule: Field | None) -> str:
    if rule is None:
        return "true or false" if "bool" in str(field.annotation) else "a value"
    if isinstance(rule, Quantity):
        limits = rule.text(f" {DIMENSIONS[rule.dimension].unit}")
        word = f'or "{rule.absent}"' if rule.absent else ""
        text = " ".join(part for part in (limits, word) if part) or "any"
    else:
        text = rule.describe()
    listed = "tuple[" in str(field.annotation)
    return f"[{text}, …]" if listed else text


def _default(field: FieldInfo, rule: Field | None) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if value is PydanticUndefined else written_value(value, rule)


def written_value(value: Any, rule: Field | None) -> str:
    """A value as one writes it in a file, without its quotes: quantities in a handy unit."""
    if value is None:
        return getattr(rule, "absent", "") or "not given"
    if isinstance(value, tuple):
        return "[" + ", ".join(written_value(item, rule) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(rule, Quantity):
        return _handy(float(value), rule)
    if isinstance(rule, Choice) or isinstance(value, str):
        return str(value) or '""'
    return f"{value:g}" if isinstance(value, float) else str(value)


def _handy(value: float, rule: Quantity) -> str:
    """In that unit of the examples in which the number is shortest and nearest to one to a thousand."""
    registry, dimension = unit_registry(), DIMENSIONS[rule.dimension]
    units = dict.fromkeys([*(example.split(" ", 1)[1] for example in dimension.examples), dimension.unit])
    shown = []
    for unit in units:
        number = float(registry.Quantity(value, dimension.unit).to(unit).magnitude)
        text = f"{number:.6g}"
        outside = 0 if number == 0 or 1 <= abs(number) < 1000 else 1
        shown.append((outside, len(text), f"{text} {unit}"))
    return min(shown, key=lambda item: item[:2])[2]
