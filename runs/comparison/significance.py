"""Whether two means over replicas differ by more than their scatter."""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

__all__ = ["LEVEL", "probability", "verdict"]

LEVEL = 0.05  # below which a difference is called one


def probability(one: Sequence[float], other: Sequence[float], *, paired: bool) -> float | None:
    """Probability of a difference as large as this if there were none; None where there is no scatter to judge it by.

    paired: the replicas are the same packings in both, so that their differences are judged (Student's t); else Welch's
    t of means with unlike scatter (Welch, Biometrika 34 (1947) 28).
    """
    first, second = np.asarray(one, float), np.asarray(other, float)
    if min(len(first), len(second)) < 2 or not (np.isfinite(first).all() and np.isfinite(second).all()):
        return None
    paired = paired and len(first) == len(second)
    spread = np.ptp(first - second) if paired else max(np.ptp(first), np.ptp(second))
    if spread <= 1e-12 * max(np.abs(first).max(), np.abs(second).max()):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns of values that hardly differ
        found = stats.ttest_rel(first, second) if paired else stats.ttest_ind(first, second, equal_var=False)
    return float(found.pvalue) if np.isfinite(found.pvalue) else None


def verdict(p: float | None) -> str:
    """In a word or two."""
    if p is None:
        return "no scatter to judge by"
    return f"differs (p = {p:.2g})" if p < LEVEL else f"not told apart (p = {p:.2g})"
