"""The next state of a fixed point from the last ones."""

import numpy as np

__all__ = ["mixed"]

RIDGE = 1e-2  # of the differences of misses: states that miss alike do not send the next one far away,
FARTHEST = 1.0  # nor beyond as many of their differences


def mixed(states: np.ndarray, misses: np.ndarray, *, damping: float, memory: int) -> np.ndarray:
    """Anderson's mixing (J. ACM 12 (1965) 547): states and misses g(state) - state, shape (round, number), last is now.

    Of the states that the last `memory` differences span, the one with the least miss, moved by `damping` of that miss.
    """
    span = min(memory, len(states) - 1)
    if span == 0:
        return states[-1] + damping * misses[-1]
    moved, changed = np.diff(states[-span - 1 :], axis=0).T, np.diff(misses[-span - 1 :], axis=0).T
    ridge = RIDGE * np.linalg.norm(changed) * np.eye(span)
    system, right = np.vstack([changed, ridge]), np.append(misses[-1], np.zeros(span))
    weights = np.clip(np.linalg.lstsq(system, right, rcond=None)[0], -FARTHEST, FARTHEST)
    return states[-1] + damping * misses[-1] - (moved + damping * changed) @ weights
