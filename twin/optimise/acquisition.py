"""What a trial is worth before it is made, from means and deviations of what is believed of it; smaller is better.

Sources: Jones, Schonlau & Welch, J. Glob. Optim. 13 (1998) 455 (expected improvement); Gardner et al., ICML 2014
(constraints); Ament et al., NeurIPS 2023 (logarithm); Emmerich, Deutz & Klinkenberg, IEEE CEC 2011 (hypervolume).
"""

import numpy as np
from scipy.special import erfcx, log1p, log_ndtr, ndtr

__all__ = ["expected_hypervolume_improvement", "front", "hypervolume", "log_improvement", "log_within"]

LEAST = 1e-300  # below which an expected improvement is none
HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)


def log_improvement(mean: np.ndarray, sd: np.ndarray, best: float | np.ndarray) -> np.ndarray:
    """ln E[max(best - Y, 0)] of Y ~ N(mean, sd²), without underflow far above the best; shape of mean."""
    deviation = np.maximum(sd, 1e-150)
    return np.log(deviation) + _log_gain((best - mean) / deviation)


def _log_gain(z: np.ndarray) -> np.ndarray:
    """ln(φ(z) + z Φ(z)). With Mills' ratio m = Φ(z)/φ(z), φ (1 + z m) for z < -1; 1/z² of φ where that cancels."""
    near = np.maximum(z, -1.0)
    direct = np.log(np.exp(-0.5 * near**2 - HALF_LOG_TWO_PI) + near * ndtr(near))
    far = np.minimum(z, -1.0)
    mills = np.sqrt(np.pi / 2.0) * erfcx(-far / np.sqrt(2.0))
    tail = -0.5 * far**2 - HALF_LOG_TWO_PI
    lost = np.where(far > -1e5, log1p(np.maximum(far * mills, -1.0 + 1e-16)), 0.0)
    return np.where(z > -1.0, direct, tail + np.where(far > -1e4, lost, -2.0 * np.log(-far)))


def log_within(mean: np.ndarray, sd: np.ndarray, least: float, most: float) -> np.ndarray:
    """ln P[least <= Y <= most] of Y ~ N(mean, sd²); limits may be infinite."""
    deviation = np.maximum(sd, 1e-150)
    above, below = log_ndtr((mean - least) / deviation), log_ndtr((most - mean) / deviation)
    if not np.isfinite(least):
        return below
    if not np.isfinite(most):
        return above
    return np.log(np.maximum(np.exp(above) + np.exp(below) - 1.0, LEAST))


def front(values: np.ndarray) -> np.ndarray:
    """Rows (n,) of (n, 2) that no other beats in both columns, true once for equal rows."""
    order = np.lexsort((values[:, 1], values[:, 0]))
    kept, least = np.zeros(len(values), bool), np.inf
    for row in order:
        if values[row, 1] < least:
            kept[row], least = True, values[row, 1]
    return kept


def hypervolume(values: np.ndarray, reference: np.ndarray) -> float:
    """Area between the front of rows (n, 2) and a reference (2,) that is worse; 0 without a row that beats it."""
    inside = values[(values < reference).all(axis=1)]
    if len(inside) == 0:
        return 0.0
    chosen = inside[front(inside)]
    chosen = chosen[np.argsort(chosen[:, 0])]
    ceiling = np.concatenate([[reference[1]], chosen[:-1, 1]])
    return float(((reference[0] - chosen[:, 0]) * (ceiling - chosen[:, 1])).sum())


def expected_hypervolume_improvement(
    mean: np.ndarray, sd: np.ndarray, known: np.ndarray, reference: np.ndarray
) -> np.ndarray:
    """E of what a trial adds to the area that a front beats, of independent normal outcomes (n, 2); shape (n,).

    Between neighbours a_k < a_{k+1} of the front under the ceiling b_k the added area is a product of two gains, so
    that its mean is one of two expected improvements. known: rows (m, 2) that were reached, perhaps none.
    """
    inside = known[(known < reference).all(axis=1)]
    chosen = inside[front(inside)]
    chosen = chosen[np.argsort(chosen[:, 0])]
    edges = np.concatenate([chosen[:, 0], reference[:1]])
    ceilings = np.concatenate([reference[1:], chosen[:, 1]])
    across = np.exp(log_improvement(mean[:, :1], sd[:, :1], edges))
    width = np.diff(across, axis=1, prepend=0.0)
    return (np.maximum(width, 0.0) * np.exp(log_improvement(mean[:, 1:], sd[:, 1:], ceilings))).sum(axis=1)
