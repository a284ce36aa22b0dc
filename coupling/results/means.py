"""Numbers over replicas: mean and standard deviation; None (null in JSON) where there is none."""

from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Mean", "by_axis", "deviation", "mean", "number"]


def number(value: float) -> float | None:
    """A float, or None where it does not exist."""
    return float(value) if np.isfinite(value) else None


def mean(values: np.ndarray) -> float | None:
    """Mean over the replicas; None without any, or where one of them has no value."""
    return number(np.mean(values)) if len(values) else None


def deviation(values: np.ndarray) -> float | None:
    """Standard deviation over the replicas; None for one."""
    return number(np.std(values, ddof=1)) if len(values) > 1 else None


def by_axis(of: Callable[[np.ndarray], float | None], values: np.ndarray) -> list[float | None]:
    """Mean or deviation of each column of values, shape (replica, axis)."""
    return [of(column) for column in values.T]


class Mean(float):
    """A mean over replicas that is a number; `scatter` is their standard deviation (NaN for one), `values` are they."""

    values: np.ndarray

    def __new__(cls, values: ArrayLike) -> Self:
        held = np.atleast_1d(np.asarray(values, float))
        made = super().__new__(cls, float(np.mean(held)) if len(held) else np.nan)
        made.values = held
        return made

    @property
    def scatter(self) -> float:
        """Standard deviation over the replicas; NaN for one."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else float("nan")

    @property
    def error(self) -> float:
        """Standard error of the mean; NaN for one replica."""
        return self.scatter / float(np.sqrt(max(len(self.values), 1)))

    def __str__(self) -> str:
        return f"{float(self):.4g}" + (f" ± {self.scatter:.2g}" if len(self.values) > 1 else "")

    __repr__ = __str__
