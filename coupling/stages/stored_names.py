"""Names that columns of saves have in files, where the particle world has clearer ones: files are a contract.

A save of a press has called all solids of a box `solid`, one of a path its solids beside the spheres: two quantities.
Inside they are `solid_volume` and `filler_volume`; on disk both keep their name.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

__all__ = ["as_held", "as_stored"]

STORED = {"solid_volume": "solid", "filler_volume": "solid"}
Value = TypeVar("Value")


def as_stored(table: Mapping[str, Value]) -> dict[str, Value]:
    """A table, or its declaration, by the names in files."""
    return {STORED.get(name, name): column for name, column in table.items()}


def as_held(table: Mapping[str, Value], names: Iterable[str]) -> dict[str, Value]:
    """A table of a file by the names of the particle world, which are `names`."""
    return {name: table[STORED.get(name, name)] for name in names}
