"""How directions are distributed: second moments a_ij = ⟨n_i n_j⟩, of trace 1; a third each where none is preferred.

Kanatani, Int. J. Eng. Sci. 22 (1984) 149; Advani & Tucker, J. Rheol. 31 (1987) 751.
"""

import numpy as np

__all__ = ["anisotropy", "direction_moments", "fabric"]


def direction_sums(unit: np.ndarray, weight: np.ndarray, box: np.ndarray, count: int) -> np.ndarray:
    """Weighted sum of n n of each box, shape (box, 3, 3), in the order of the rows; unit: vectors (row, 3)."""
    total = np.zeros((count, 3, 3))
    for a, b in np.ndindex(3, 3):
        total[:, a, b] = np.bincount(box, weight * unit[:, a] * unit[:, b], count)
    return total


def direction_moments(unit: np.ndarray, weight: np.ndarray, box: np.ndarray, count: int) -> np.ndarray:
    """Weighted mean of n n of each box, shape (box, 3, 3), NaN where a box has none; unit: vectors (row, 3)."""
    whole = np.bincount(box, weight, count).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return direction_sums(unit, weight, box, count) / np.where(whole > 0.0, whole, np.nan)[:, None, None]


def fabric(direction: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Fabric tensor (3, 3) of directions of any length and sign, shape (n, 3), weighted by `weight`, shape (n,).

    Of contact normals, or of normals of platelets. Without any direction it is isotropic.
    """
    if len(direction) == 0:
        return np.eye(3) / 3
    unit = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    share = np.ones(len(unit)) if weight is None else np.asarray(weight, float)
    return direction_sums(unit, share / share.sum(), np.zeros(len(unit), int), 1)[0]


def anisotropy(tensor: np.ndarray) -> float:
    """F_zz − (F_xx + F_yy)/2: 0 isotropic, 1 all along z, −1/2 all in the plane."""
    return float(tensor[2, 2] - 0.5 * (tensor[0, 0] + tensor[1, 1]))
