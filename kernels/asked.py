"""Arguments of public functions, looked at before the work: what is none is a fault that names the argument.

Kinds are names of classes, so that nothing is imported to look: `@asked(card="Card", folder="path")`. Besides classes:
"path" (text or os.PathLike), "mapping", "text", "number", "numbers" (anything an array of numbers can be made of),
"flag". Several stand with "|"; a kind in brackets, "[Leg]", is a sequence of it; "?" behind the last allows None.
"""

import functools
import inspect
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

import numpy as np

from kalander.kernels.errors import Fault, InputError

__all__ = ["asked", "without_flags"]

P = ParamSpec("P")
R = TypeVar("R")

WORDS = {
    "path": "a path", "mapping": "a mapping of names to values", "text": "a text", "number": "a number",
    "numbers": "numbers, as an array or a list", "flag": "True or False",
}  # fmt: skip


def asked(**kinds: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Look at arguments by name before a function begins. The function then raises InputError for those that are none.

    An argument that is missing or unknown is a fault as well.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        name = function.__qualname__

        @functools.wraps(function)
        def looked_at(*args: P.args, **options: P.kwargs) -> R:
            try:
                given = signature.bind(*args, **options).arguments
            except TypeError as wrong:
                raise InputError(
                    Fault(name, "(the call)", f"is wrong: {wrong}", f"{name}{_plain(signature)}")
                ) from None
            faults = [
                Fault(f"{name}: {key}", given[key], "is none of what is asked for", said(kind))
                for key, kind in kinds.items() if key in given and not _is(given[key], kind)
            ]  # fmt: skip
            if faults:
                raise InputError(faults)
            return function(*args, **options)

        return looked_at

    return decorated


def without_flags(function: Callable[P, R]) -> Callable[P, R]:
    """Faults that name options of the command line name the arguments of the function instead."""

    @functools.wraps(function)
    def in_python(*args: P.args, **options: P.kwargs) -> R:
        try:
            return function(*args, **options)
        except InputError as refused:
            raise InputError([
                replace(fault, where=_bare(fault.where), why=_bare(fault.why), allowed=_bare(fault.allowed))
                for fault in refused.faults
            ]) from None  # fmt: skip

    return in_python


def _plain(signature: inspect.Signature) -> str:
    """Names of arguments; those that may be left out with their defaults."""
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    return str(inspect.Signature([one for one in bare if one.name not in ("self", "cls")]))


def _bare(text: str) -> str:
    return re.sub(r"--([a-z][a-z-]*)", lambda option: option[1].replace("-", "_"), text)


def said(kind: str) -> str:
    """What a kind asks for, in words."""
    optional = kind.endswith("?")
    parts = [_said(part) for part in kind.removesuffix("?").split("|")]
    return " or ".join([*parts, *(["None"] if optional else [])])


def _said(part: str) -> str:
    if part.startswith("["):
        return f"several {part[1:-1]}"
    return WORDS.get(part, f"a {part}")


def _is(value: Any, kind: str) -> bool:
    if kind.endswith("?") and value is None:
        return True
    return any(_is_one(value, part) for part in kind.removesuffix("?").split("|"))


def _is_one(value: Any, part: str) -> bool:
    if part.startswith("["):
        inside = part[1:-1]
        return isinstance(value, list | tuple) and all(_is_one(one, inside) for one in value)
    plain: dict[str, Callable[[Any], bool]] = {
        "path": lambda one: isinstance(one, str | os.PathLike),
        "mapping": lambda one: isinstance(one, Mapping),
        "text": lambda one: isinstance(one, str),
        "number": _number,
        "numbers": _numbers,
        "flag": lambda one: isinstance(one, bool | np.bool_),
    }
    if part in plain:
        return plain[part](value)
    return any(base.__name__ == part for base in type(value).__mro__)


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and not math.isnan(value)


def _numbers(value: Any) -> bool:
    if value is None or isinstance(value, str | bytes | Mapping):
        return False
    try:
        return bool(np.asarray(value).dtype.kind in "iufc")
    except ValueError:
        return False
