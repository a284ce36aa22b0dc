"""The most likely point and the curvature there, by derivatives that are one call of the vectorised density."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

__all__ = ["Density", "Peak", "climb", "derivatives"]

Density = Callable[[np.ndarray], np.ndarray]

STEP = 1e-3  # of a coordinate, whose values are of order 1
WORST = -1e15  # in place of -inf, which no optimiser can step back from
ROUNDED = 4  # digits of the start: the last bits of a fit differ between machines, the chain shall not


@dataclass(frozen=True)
class Peak:
    """Mode u, shape (parameter,), the density's logarithm there, and the covariance by its curvature."""

    mode: np.ndarray
    height: float
    covariance: np.ndarray


def derivatives(density: Density, u: np.ndarray, step: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, gradient and Hessian at u by central differences of width `step`, shape (parameter,): one call."""
    count = len(u)
    rows, columns = np.triu_indices(count, 1)
    one = np.diag(step)
    both, apart = one[rows] + one[columns], one[rows] - one[columns]
    moves = np.concatenate([np.zeros((1, count)), one, -one, both, -both, apart, -apart])
    found = np.maximum(density(u + moves), WORST)
    middle, plus, minus = found[0], found[1 : count + 1], found[count + 1 : 2 * count + 1]
    pairs = found[2 * count + 1 :].reshape(4, -1)
    hessian = np.diag((plus - 2.0 * middle + minus) / step**2)
    mixed = (pairs[0] + pairs[1] - pairs[2] - pairs[3]) / (4.0 * step[rows] * step[columns])
    hessian[rows, columns] = hessian[columns, rows] = mixed
    return float(middle), (plus - minus) / (2.0 * step), hessian


def climb(density: Density, starts: np.ndarray) -> Peak:
    """The highest peak found from starts, shape (start, parameter), by a trust region with the exact Hessian."""
    best = max((_climbed(density, start) for start in starts), key=lambda found: found[1])
    mode = best[0]
    covariance = _covariance(density, mode)
    scale = np.sqrt(np.diag(covariance))
    digits = 10.0 ** (ROUNDED - np.ceil(np.log10(scale)) - 2)
    return Peak(np.round(mode * digits) / digits, best[1], _rounded(covariance))


def _climbed(density: Density, start: np.ndarray) -> tuple[np.ndarray, float]:
    step = np.full(len(start), STEP)
    last: dict[bytes, tuple[float, np.ndarray, np.ndarray]] = {}

    def at(u: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        key = u.tobytes()
        if key not in last:
            last.clear()
            last[key] = derivatives(density, u, step)
        return last[key]

    found = minimize(
        lambda u: -at(u)[0], start, jac=lambda u: -at(u)[1], hess=lambda u: -at(u)[2], method="trust-exact",
        options={"gtol": 1e-4, "maxiter": 100, "initial_trust_radius": 1.0, "max_trust_radius": 4.0},
    )  # fmt: skip
    return found.x, -float(found.fun)


def _covariance(density: Density, mode: np.ndarray) -> np.ndarray:
    """Inverse of the negative Hessian; along directions in which the density is flat, no wider than 3."""
    step = np.full(len(mode), STEP)
    for _ in range(2):
        values, vectors = np.linalg.eigh(-derivatives(density, mode, step)[2])
        covariance = (vectors / np.maximum(values, 0.1)) @ vectors.T
        step = np.clip(0.1 * np.sqrt(np.diag(covariance)), 1e-5, 0.1)
    return covariance


def _rounded(covariance: np.ndarray) -> np.ndarray:
    """The covariance with ROUNDED digits of scale and correlation, a little wider, so that it stays one."""
    scale = np.sqrt(np.diag(covariance))
    digits = 10.0 ** (ROUNDED - np.ceil(np.log10(scale)))
    correlation = np.round(covariance / np.outer(scale, scale), ROUNDED) * (1.0 - 1e-4)
    np.fill_diagonal(correlation, 1.0)
    scale = np.round(scale * digits) / digits
    return correlation * np.outer(scale, scale)
