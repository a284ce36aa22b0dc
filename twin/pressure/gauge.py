"""Watching a gauge of porosity by check samples: whether it has failed or drifts. Many gauges at once, shape (gauges,).

A drift of the gauge looks like a drift of the process: nothing but a second measurement tells them apart. Now and then
a sample is weighed and measured in the laboratory; the sums of Page, Biometrika 41 (1954) 100, over the difference find
a small bias in few of them.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["GaugeWatch"]

SLACK = 0.5  # of a standard deviation: biases below are not looked for
DOUBT = 1.5  # standard deviations in sum, from which a gauge should be checked more often
THRESHOLD = 6.0  # standard deviations in sum: a sound gauge is doubted once in a thousand checks
REPEATS = 3  # equal readings in a row of a gauge with noise


@dataclass(frozen=True, eq=False)
class GaugeWatch:
    """Whether gauges are trusted, and what was seen of them: sums above and below, last reading, its repeats."""

    trusted: np.ndarray
    above: np.ndarray
    below: np.ndarray
    last: np.ndarray
    repeats: np.ndarray

    @classmethod
    def of(cls, gauges: int) -> "GaugeWatch":
        """Trusted, nothing seen yet."""
        zero = np.zeros(gauges)
        return cls(np.ones(gauges, bool), zero, zero, np.full(gauges, np.inf), np.zeros(gauges, int))

    @property
    def doubtful(self) -> np.ndarray:
        """Which gauges are trusted no more, or should be checked sooner."""
        return np.asarray(~self.trusted | (np.maximum(self.above, self.below) > DOUBT))

    def seen(self, reading: np.ndarray, check: np.ndarray, deviation: float) -> "GaugeWatch":
        """After readings and check samples (nan: none); deviation: standard deviation of their difference."""
        silent = np.isnan(reading)
        repeats = np.where(reading == self.last, self.repeats + 1, 0)
        bias = (reading - check) / deviation
        above, below = (
            np.where(np.isnan(bias), one, np.maximum(one + sign * bias - SLACK, 0.0))
            for one, sign in ((self.above, 1.0), (self.below, -1.0))
        )
        doubted = silent | (repeats >= REPEATS) | (above > THRESHOLD) | (below > THRESHOLD)
        return GaugeWatch(self.trusted & ~doubted, above, below, np.where(silent, self.last, reading), repeats)
