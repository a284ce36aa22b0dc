"""Variance-based sensitivity: which input causes the spread of an output. Pure.

Sobol, Math. Comput. Simul. 55 (2001) 271; Saltelli et al., Comput. Phys. Commun. 181 (2010) 259 (estimators, on the
points of `scipy.stats.sobol_indices`). For inputs that scatter together: Kucherenko, Tarantola, Annoni, Comput. Phys.
Commun. 183 (2012) 937, by the orders of Mara & Tarantola, Reliab. Eng. Syst. Saf. 107 (2012) 115.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, sobol_indices

from kalander.twin.variation.scatter import Scatter

__all__ = ["Indices", "indices", "scatter_indices"]

RESAMPLES = 200
LEVEL = 0.95

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Indices:
    """First and total order, shape (output, input), each with its bootstrap interval of 95 % (output, input, 2).

    Without correlations first is at most total. With them `first` is the variance that an input explains with all that
    goes along with it, `total` that which it causes beyond the others: first may exceed total.
    """

    first: np.ndarray
    total: np.ndarray
    first_interval: np.ndarray
    total_interval: np.ndarray


def indices(function: Function, inputs: Sequence[Any], count: int, *, seed: int = 0) -> Indices:
    """Of a function of independent inputs, from points (n, k) to outputs (n, m); count (a power of two) base samples.

    inputs: frozen distributions of scipy. An output that does not vary has 0 and NaN intervals.
    """
    samples: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def outputs(points: np.ndarray) -> np.ndarray:
        return np.asarray(function(points.T), float).T

    def estimated(f_A: np.ndarray, f_B: np.ndarray, f_AB: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        samples.append((f_A, f_B, f_AB))  # kept for the bootstrap; scipy wants these names
        return _estimates(f_A, f_B, f_AB)

    chance = np.random.default_rng(seed)
    found = sobol_indices(func=outputs, n=count, dists=list(inputs), method=estimated, random_state=chance)
    shape = (-1, len(inputs))
    first, total = found.first_order.reshape(shape), found.total_order.reshape(shape)
    (base,) = samples
    drawn = (chance.integers(0, count, count) for _ in range(RESAMPLES))
    spread = np.array([_estimates(*(one[..., rows] for one in base)) for rows in drawn])
    ends = np.quantile(spread.reshape(RESAMPLES, 2, *first.shape), [0.5 - LEVEL / 2, 0.5 + LEVEL / 2], axis=0)
    return Indices(first, total, *np.moveaxis(ends, 0, -1))


def _estimates(a: np.ndarray, b: np.ndarray, ab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and total order (m, k) of outputs (m, n) at both samples and (k, m, n) at mixed ones.

    Saltelli et al. (2010), table 2, lines b and f (Jansen).
    """
    variance = np.concatenate([a, b], axis=-1).var(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        first = np.mean(b * (ab - a), axis=-1) / variance
        total = 0.5 * np.mean((a - ab) ** 2, axis=-1) / variance
    return first.T, total.T


def scatter_indices(function: Function, scatter: Scatter, count: int, *, seed: int = 0) -> Indices:
    """Of a function of deviations (n, k) that scatter together; a quantity without scatter has 0."""
    size = len(scatter.names)
    if np.array_equal(scatter.correlation, np.eye(size)):
        return _by_scores(function, scatter, np.arange(size), count, seed)
    first, last = [], []
    for one in range(size):  # one first: its score is all of it; one last: its score is what the others leave
        others = [other for other in range(size) if other != one]
        ahead = _by_scores(function, scatter, np.array([one, *others]), count, seed)
        behind = _by_scores(function, scatter, np.array([*others, one]), count, seed)
        first.append((ahead.first[:, 0], ahead.first_interval[:, 0]))
        last.append((behind.total[:, -1], behind.total_interval[:, -1]))
    return Indices(
        np.stack([one for one, _ in first], axis=1), np.stack([one for one, _ in last], axis=1),
        np.stack([one for _, one in first], axis=1), np.stack([one for _, one in last], axis=1),
    )  # fmt: skip


def _by_scores(function: Function, scatter: Scatter, order: np.ndarray, count: int, seed: int) -> Indices:
    """Indices of the scores of an order of the quantities."""
    factor = scatter.factor(order)
    return indices(lambda scores: function(scores @ factor.T), [norm()] * len(order), count, seed=seed)
