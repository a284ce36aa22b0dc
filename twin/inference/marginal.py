"""What one spectrum says of its ln R_ion, as a smooth density that other stages look up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Marginal", "Marginals", "marginal_of"]

POINTS = 512
REACH = 8.0  # standard deviations tabled to either side
BANDWIDTH = 0.2  # of the kernel over the standard deviation, which shrinking keeps as it is
TAIL = (1e-3, 1.3)  # share and widening of a normal under the tabled density, so that no value is impossible


@dataclass(frozen=True)
class Marginal:
    """Logarithm of the density over an even grid of ln R_ion; beyond it a normal goes on. mean, deviation: its own."""

    low: float
    step: float
    log_density: np.ndarray
    mean: float
    deviation: float


class Marginals:
    """Densities of several spectra, looked up together."""

    def __init__(self, marginals: Sequence[Marginal]) -> None:
        self.low = np.array([one.low for one in marginals])
        self.step = np.array([one.step for one in marginals])
        self.table = np.stack([one.log_density for one in marginals])
        self.mean = np.array([one.mean for one in marginals])
        self.wide = TAIL[1] * np.array([one.deviation for one in marginals])

    def at(self, log_resistance: np.ndarray) -> np.ndarray:
        """Logarithm of the densities, shape (walker, electrode, ...); linear between the points of the grid."""
        shape = (-1, *[1] * (log_resistance.ndim - 2))
        place = (log_resistance - self.low.reshape(shape)) / self.step.reshape(shape)
        last = self.table.shape[1] - 1
        inside = np.minimum(np.maximum(place, 0.0), last - 1e-6)
        left = inside.astype(np.int64)
        share = inside - left
        row = np.arange(len(self.low)).reshape(shape)
        tabled = (1.0 - share) * self.table[row, left] + share * self.table[row, left + 1]
        far = -0.5 * ((log_resistance - self.mean.reshape(shape)) / self.wide.reshape(shape)) ** 2
        edge = -0.5 * (REACH / TAIL[1]) ** 2
        return np.where((place < 0.0) | (place > last), tabled + far - edge, tabled)


def marginal_of(log_resistance: np.ndarray, weights: np.ndarray | None = None, *, more: float = 0.0) -> Marginal:
    """The density of samples of ln R_ion, shape (sample,), widened by an independent normal error `more` of ln R_ion.

    Kernel density with the samples shrunk towards their mean, which keeps mean and variance (West, J. R. Stat. Soc. B
    55 (1993) 409).
    """
    mean = float(np.average(log_resistance, weights=weights))
    deviation = float(np.sqrt(np.average((log_resistance - mean) ** 2, weights=weights)))
    total = float(np.hypot(deviation, more))
    step = 2.0 * REACH * total / (POINTS - 1)
    low = mean - REACH * total
    shrunk = mean + np.sqrt(1.0 - BANDWIDTH**2) * (log_resistance - mean)
    edges = low + step * (np.arange(POINTS + 1) - 0.5)
    count, _ = np.histogram(shrunk, bins=edges, weights=weights)
    kernel = step * np.arange(-(POINTS - 1), POINTS)
    smooth = np.exp(-0.5 * (kernel / np.hypot(BANDWIDTH * deviation, more)) ** 2)
    density = np.convolve(count / count.sum(), smooth / (smooth.sum() * step), mode="valid")
    grid = low + step * np.arange(POINTS)
    normal = np.exp(-0.5 * ((grid - mean) / (TAIL[1] * total)) ** 2) / (TAIL[1] * total * np.sqrt(2.0 * np.pi))
    return Marginal(low, step, np.log((1.0 - TAIL[0]) * density + TAIL[0] * normal), mean, total)
