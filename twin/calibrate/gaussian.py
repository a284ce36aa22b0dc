"""Gaussian processes over the unit cube: a wide linear trend, a smooth rest, and noise that runs share.

Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), ch. 2 and 5. Several processes over the same
points are kept as one array, so that all are predicted in one call.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve
from scipy.optimize import minimize

__all__ = ["Processes", "fit_processes"]

TREND = 10.0  # standard deviation of the slopes of the trend, over that of the values
OWN = 0.02  # of the noise's variance, that points of one run do not share
JITTER = 1e-8
LENGTH, LENGTH_SPREAD = 0.8, 0.7  # prior of the lengths of the rest, in ratios
SIZE, SIZE_SPREAD = 0.4, 0.8  # and of its amplitude
NOISE_SPREAD = 0.4  # of the noise's deviation about the one that replicas show
MOST_DOUBT = 9.0  # by which the variance may be raised where runs left out are foretold badly


@dataclass(frozen=True, eq=False)
class Processes:
    """points (point, axis) in the unit cube; lengths (process, axis), amplitude and doubt (process,); inverse
    (process, point, point) of the covariance, weights (process, point). doubt: factor on variances, by runs left out.
    misfit (process,): mean square of what runs left out differ from their foretelling, over its variance.
    """

    points: np.ndarray
    lengths: np.ndarray
    amplitude: np.ndarray
    inverse: np.ndarray
    weights: np.ndarray
    doubt: np.ndarray
    misfit: np.ndarray

    def predicted(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the noiseless functions, each of shape (process, place); places (place, axis)."""
        across = self._across(places, self.points)
        mean = np.einsum("kpn,kn->kp", across, self.weights)
        own = self.amplitude[:, None] ** 2 + TREND**2 * (1.0 + _centred(places, places, paired=True))[None, :]
        told = np.einsum("kpn,kpn->kp", np.matmul(across, self.inverse), across)
        return mean, self.doubt[:, None] * np.maximum(own - told, 1e-12)

    def covariance(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Of the functions at two sets of places after the data, shape (process, first, second)."""
        one, other = self._across(first, self.points), self._across(second, self.points)
        told = np.matmul(np.matmul(one, self.inverse), np.swapaxes(other, 1, 2))
        return self.doubt[:, None, None] * (self._across(first, second) - told)

    def _across(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Covariance before the data, shape (process, first, second)."""
        one, other = first[None] / self.lengths[:, None], second[None] / self.lengths[:, None]
        square = (
            (one**2).sum(-1)[:, :, None] + (other**2).sum(-1)[:, None] - 2.0 * np.matmul(one, np.swapaxes(other, 1, 2))
        )
        rest = self.amplitude[:, None, None] ** 2 * np.exp(-0.5 * np.maximum(square, 0.0))
        return rest + TREND**2 * (1.0 + _centred(first, second))[None]


def _centred(first: np.ndarray, second: np.ndarray, *, paired: bool = False) -> np.ndarray:
    """Products of places about the middle of the cube."""
    one, other = 2.0 * first - 1.0, 2.0 * second - 1.0
    return (one * other).sum(axis=-1) if paired else one @ other.T


def fit_processes(points: np.ndarray, values: np.ndarray, run: np.ndarray, noise: np.ndarray) -> Processes:
    """Processes through values (process, point) of mean 0 and variance 1; run (point,): its points share their noise.

    noise (process,): its variance as replicas show it. Each process has lengths, amplitude and noise of its own.
    """
    shared = (1.0 - OWN) * (run[:, None] == run[None, :]) + OWN * np.eye(len(run))
    trend = TREND**2 * (1.0 + _centred(points, points)) + JITTER * TREND**2 * np.eye(len(points))
    apart = (points[:, None, :] - points[None, :, :]) ** 2
    found = [_fitted(one, trend, apart, shared, run, float(own)) for one, own in zip(values, noise)]
    lengths, amplitude, inverse, weights, misfit = (np.array(part) for part in zip(*found))
    return Processes(points, lengths, amplitude, inverse, weights, np.clip(misfit, 1.0, MOST_DOUBT), misfit)


def _fitted(
    values: np.ndarray, trend: np.ndarray, apart: np.ndarray, shared: np.ndarray, run: np.ndarray, noise: float
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray, float]:  # fmt: skip
    """Lengths, amplitude, inverse, weights and misfit of one process, at the most likely of its constants."""
    axes = apart.shape[2]
    middle = np.concatenate([[np.log(SIZE)], np.full(axes, np.log(LENGTH)), [0.5 * np.log(noise)]])
    spread = np.concatenate([[SIZE_SPREAD], np.full(axes, LENGTH_SPREAD), [NOISE_SPREAD]])

    def rest(constants: np.ndarray) -> np.ndarray:
        return np.exp(2.0 * constants[0] - 0.5 * apart @ np.exp(-2.0 * constants[1:-1]))

    def height(constants: np.ndarray) -> tuple[float, np.ndarray]:
        """The negative logarithm of likelihood and prior, and its gradient (Rasmussen & Williams, eq. 5.9)."""
        smooth, quiet = rest(constants), np.exp(2.0 * constants[-1]) * shared
        root = np.linalg.cholesky(trend + smooth + quiet)
        inverse = cho_solve((root, True), np.eye(len(values)))
        weights = inverse @ values
        pull = np.outer(weights, weights) - inverse
        along = [smooth * apart[:, :, axis] * np.exp(-2.0 * constants[1 + axis]) for axis in range(axes)]
        slopes = [2.0 * smooth, *along, 2.0 * quiet]
        gradient = np.array([0.5 * float((pull * slope).sum()) for slope in slopes])
        off = (constants - middle) / spread
        total = 0.5 * float(values @ weights) + float(np.log(np.diag(root)).sum()) + 0.5 * float(off @ off)
        return total, -gradient + off / spread

    bounds = [(low - 3.0 * wide, low + 3.0 * wide) for low, wide in zip(middle, spread)]
    best = minimize(height, middle, jac=True, method="TNC", bounds=bounds, options={"maxfun": 150}).x
    inverse = np.linalg.inv(trend + rest(best) + np.exp(2.0 * best[-1]) * shared)
    weights = inverse @ values
    return np.exp(best[1:-1]), float(np.exp(best[0])), inverse, weights, _left_out(inverse, weights, run)


def _left_out(inverse: np.ndarray, weights: np.ndarray, run: np.ndarray) -> float:
    """Mean square of what each run differs from its foretelling by the others, over its variance (ibid., eq. 5.12)."""
    squares = []
    for one in np.unique(run):
        rows = np.flatnonzero(run == one)
        covariance = np.linalg.inv(inverse[np.ix_(rows, rows)])
        off = covariance @ weights[rows]
        squares.append(float(off @ np.linalg.solve(covariance, off)) / len(rows))
    return float(np.mean(squares))
