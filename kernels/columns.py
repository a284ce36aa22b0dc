"""Columns: one declaration of name, unit, dimensions and meaning drives allocation, files, checks and exports.

This module holds declarations only and does not import the kernel language.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Column", "Table", "check_table"]

Table = dict[str, np.ndarray]


@dataclass(frozen=True)
class Column:
    """An array of a state or a result.

    kind: "real" (the precision of the run), "f8", "i4", "i8", "u1" or "str" (UTF-8, fixed width).
    dims: names of its dimensions, or fixed lengths, e.g. ("particle", 3). Equal names have equal lengths.
    unit: as written in files, "1" for a pure number.
    nullable: NaN is allowed and means "does not exist" (a real column is finite otherwise).
    """

    kind: str
    dims: tuple[str | int, ...]
    unit: str
    doc: str
    saved: bool = True
    nullable: bool = False


def check_table(table: Mapping[str, np.ndarray], columns: Mapping[str, Column]) -> Iterator[str]:
    """Yield one sentence per disagreement of a table with its declaration (missing, foreign, kind, shape)."""
    sizes: dict[str, int] = {}
    for name in columns.keys() - table.keys():
        if columns[name].saved:
            yield f"column {name!r} is missing"
    for name, array in table.items():
        column = columns.get(name)
        if column is None:
            yield f"column {name!r} is not known"
            continue
        kinds = {"real": "f", "f8": "f", "i4": "i", "i8": "i", "u1": "u", "str": "SU"}[column.kind]
        if array.dtype.kind not in kinds:
            yield f"column {name!r} is of kind {array.dtype.str}, expected {column.kind}"
        if array.ndim != len(column.dims):
            yield f"column {name!r} has {array.ndim} dimensions, expected {column.dims}"
            continue
        for length, dim in zip(array.shape, column.dims):
            expected = dim if isinstance(dim, int) else sizes.setdefault(dim, length)
            if length != expected:
                yield f"column {name!r}: dimension {dim!r} is {length}, expected {expected}"
