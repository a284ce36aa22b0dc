"""A property of the coating over its relative density: knots from particle boxes, one sample a seed, and their scatter.

Relative density is 1 - porosity, all solids counted. Between knots the mean over the seeds is a monotone cubic (PCHIP;
Fritsch & Carlson 1980), of its logarithm where the property spans decades. Where physics demands a trend, what scatter
turns about is pooled (isotonic regression). Outside of the knots the value of the nearest one stands, and is flagged:
nothing is carried on in silence.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression

from kalander.continuum.closure.contract import ClosureRangeError
from kalander.kernels.errors import Fault, InputError

__all__ = ["TRENDS", "Knots", "Known", "scatter"]

TRENDS = ("rising", "falling", "free")
SLACK = 1e-6  # of a density: knots are met within a rounding of a stored thickness


@dataclass(frozen=True, eq=False)
class Known:
    """What is known at densities of any shape.

    value and deviation (one box's standard deviation over the seeds, NaN of a single seed): that shape, then the
    property's own; inside: that shape, False where the nearest knot stands for what was not measured.
    """

    value: np.ndarray
    deviation: np.ndarray
    inside: np.ndarray

    def strictly(self, name: str) -> np.ndarray:
        """The value, where all of it was measured. Raises ClosureRangeError."""
        if not np.all(self.inside):
            raise ClosureRangeError(f"{name} is asked for outside of what the boxes were measured at")
        return self.value


@dataclass(frozen=True, eq=False)
class Knots:
    """density, shape (knot,), rising in (0, 1]; samples, shape (seed, knot, ...): one a seed, NaN where a seed has
    none; trend of TRENDS; logarithmic: the logarithm is interpolated, all values are above 0. Raises InputError."""

    density: np.ndarray
    samples: np.ndarray
    trend: str = "free"
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if faults := _faults(self):
            raise InputError(faults)

    @property
    def entries(self) -> tuple[int, ...]:
        """Shape of the property at one density."""
        return self.samples.shape[2:]

    @cached_property
    def mean(self) -> np.ndarray:
        """Over the seeds, along the trend; shape (knot, ...)."""
        mean = np.nanmean(self.samples, axis=0)
        if self.trend == "free":
            return mean
        weights = np.sum(np.isfinite(self.samples), axis=0).astype(float)
        flat, count = mean.reshape(len(mean), -1), weights.reshape(len(mean), -1)
        pooled = [
            isotonic_regression(flat[:, k], weights=count[:, k], increasing=self.trend == "rising").x
            for k in range(flat.shape[1])
        ]
        return np.array(pooled).T.reshape(mean.shape)

    @property
    def pooled(self) -> float:
        """Largest change, over the largest value, that the trend asked of a mean."""
        raw = np.nanmean(self.samples, axis=0)
        return float(np.max(np.abs(self.mean - raw)) / max(float(np.max(np.abs(raw))), 1e-300))

    @cached_property
    def deviation(self) -> np.ndarray:
        """Standard deviation over the seeds, shape (knot, ...); NaN where fewer than two have a value."""
        return scatter(self.samples)

    @property
    def covariance(self) -> np.ndarray:
        """Of one box, between all knots and entries, shape (n, n) with n = knots x entries; NaN of a single seed.

        From seeds that have all knots; of rank seeds - 1 at most."""
        flat = self.samples.reshape(len(self.samples), -1)
        whole = flat[np.all(np.isfinite(flat), axis=1)]
        size = flat.shape[1]
        return np.full((size, size), np.nan) if len(whole) < 2 else np.atleast_2d(np.cov(whole, rowvar=False))

    def at(self, density: ArrayLike) -> Known:
        """The property at densities of any shape."""
        asked = np.asarray(density, dtype=float)
        low, high = float(self.density[0]), float(self.density[-1])
        held = np.clip(asked, low, high)
        inside = np.abs(asked - held) <= SLACK
        deviation = np.array([
            np.interp(held, self.density, column) for column in self.deviation.reshape(len(self.density), -1).T
        ])  # fmt: skip
        deviation = np.moveaxis(deviation, 0, -1).reshape((*asked.shape, *self.entries))
        return Known(self._curve(held), deviation, inside)

    def _curve(self, density: np.ndarray) -> np.ndarray:
        if len(self.density) == 1:
            return np.broadcast_to(self.mean[0], (*density.shape, *self.entries)).copy()
        values = np.log(self.mean) if self.logarithmic else self.mean
        found = PchipInterpolator(self.density, values, axis=0)(density)
        return np.exp(found) if self.logarithmic else found


def scatter(samples: np.ndarray) -> np.ndarray:
    """Standard deviation along the first axis of what is there; NaN where it is less than two values."""
    there = np.isfinite(samples)
    count = np.sum(there, axis=0)
    mean = np.sum(np.where(there, samples, 0.0), axis=0) / np.maximum(count, 1)
    square = np.sum(np.where(there, (samples - mean) ** 2, 0.0), axis=0)
    return np.where(count > 1, np.sqrt(square / np.maximum(count - 1, 1)), np.nan)


def _faults(knots: Knots) -> list[Fault]:
    density, samples = knots.density, knots.samples
    if np.ndim(density) != 1 or len(density) == 0:
        return [Fault("knots.density", np.shape(density), "is the shape of no knots", "one dimension, one or more")]
    if np.ndim(samples) < 2 or samples.shape[1] != len(density) or len(samples) == 0:
        why = "is not the shape of samples at these knots"
        return [Fault("knots.samples", np.shape(samples), why, f"(seeds, {len(density)}, ...)")]
    faults = []
    if not (np.all(np.diff(density) > 0.0) and density[0] > 0.0 and density[-1] <= 1.0):
        faults.append(Fault("knots.density", density.tolist(), "does not rise within 0 and 1", "relative densities"))
    if np.any(np.isinf(samples)) or np.any(np.all(np.isnan(samples), axis=0)):
        faults.append(Fault("knots.samples", "nan or inf", "leaves a knot without a value", "a number of one seed"))
    elif knots.logarithmic and np.nanmin(samples) <= 0.0:
        faults.append(Fault("knots.samples", float(np.nanmin(samples)), "has no logarithm", "above 0"))
    if knots.trend not in TRENDS:
        faults.append(Fault("knots.trend", knots.trend, "is no trend", ", ".join(TRENDS)))
    return faults
