"""Ranges that columns of results must lie in, generous: they catch what no study can have computed."""

from collections.abc import Iterator, Mapping

import numpy as np

from kalander.kernels.columns import Table

__all__ = [
    "FLAG", "LENGTH", "NOT_NEGATIVE", "POSITIVE", "PRESSURE", "ROWS", "SHARE", "VOLUME", "Faults", "Range", "outside",
]  # fmt: skip

Faults = Iterator[str]
Range = tuple[float, float]
LENGTH = (1e-10, 1.0)  # m
VOLUME = (1e-30, 1.0)  # m^3
SHARE = (0.0, 1.0 + 1e-9)
PRESSURE = (-1e15, 1e15)  # Pa
POSITIVE = (1e-300, 1e100)
NOT_NEGATIVE = (0.0, 1e100)
FLAG = (0, 1)
ROWS = (0, 2**31 - 1)


def outside(tables: Mapping[str, Table], ranges: Mapping[str, Mapping[str, Range]]) -> Faults:
    """The first value of each column that lies outside of its range; NaN, where it is allowed, passes."""
    for table, columns in ranges.items():
        for name, (low, high) in columns.items():
            values = tables[table][name]
            if values.dtype.kind == "f":  # limits may be beyond single precision
                values = values.astype(np.float64)
            wrong = (values < low) | (values > high)
            if wrong.any():
                where = tuple(int(index) for index in np.argwhere(wrong)[0])
                yield f"column '{table}/{name}' holds {values[where]} at {list(where)}, outside {low:g} to {high:g}"
