"""Fabric: how directions are distributed, F_ij = ⟨n_i n_j⟩ with trace 1; a third of the unit tensor if isotropic."""

import numpy as np

__all__ = ["anisotropy", "fabric"]


def fabric(direction: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Fabric tensor of directions (sign does not matter), shape (n, 3), weighted by `weight`, shape (n,).

    Contact normals, or normals of platelets. Without any direction it is isotropic. Kanatani, Int. J. Eng. Sci. 22
    (1984) 149.
    """
    if len(direction) == 0:
        return np.eye(3) / 3
    unit = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    share = np.ones(len(unit)) if weight is None else np.asarray(weight, float)
    return np.einsum("n,ni,nj->ij", share / share.sum(), unit, unit)


def anisotropy(tensor: np.ndarray) -> float:
    """F_zz − (F_xx + F_yy)/2: 0 isotropic, 1 all along z, −1/2 all in the plane."""
    return float(tensor[2, 2] - 0.5 * (tensor[0, 0] + tensor[1, 1]))
