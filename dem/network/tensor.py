"""Stiffness as six by six numbers: turned, made of a symmetry, and read as an engineer does. Any unit of stress.

Order xx, yy, zz, yz, xz, xy with shears as angles. Norms and nearest tensors are those of the fourth-order tensor, in
which a shear counts twice (Kelvin's notation; Mehrabadi & Cowin, Q. J. Mech. Appl. Math. 43 (1990) 15).
"""

from dataclasses import dataclass

import numpy as np

__all__ = [
    "Constants", "constants_of", "isotropic_part", "misfit", "norm", "orthotropic_part", "rotated", "transverse_part",
]  # fmt: skip

PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
KELVIN = np.array([1.0, 1.0, 1.0, np.sqrt(2.0), np.sqrt(2.0), np.sqrt(2.0)])
SINGULAR = 1e-9  # of the largest eigenvalue


def norm(matrix: np.ndarray) -> float:
    """√(C_ijkl C_ijkl)."""
    return float(np.linalg.norm(matrix * np.outer(KELVIN, KELVIN)))


def misfit(matrix: np.ndarray, fit: np.ndarray) -> float:
    """‖C − C_fit‖/‖C‖; NaN of nothing."""
    size = norm(matrix)
    return norm(matrix - fit) / size if size > 0.0 else float("nan")


def rotated(matrix: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The tensor of the body turned by a matrix (3, 3): C'_ijkl = Q_ia Q_jb Q_kc Q_ld C_abcd."""
    change = np.zeros((6, 6))  # of tensors of second order in Kelvin's notation, orthogonal
    for row, (i, j) in enumerate(PAIRS):
        for column, (a, b) in enumerate(PAIRS):
            mean = 0.5 * (turn[i, a] * turn[j, b] + turn[i, b] * turn[j, a])
            change[row, column] = mean * KELVIN[row] * KELVIN[column]
    whole = matrix * np.outer(KELVIN, KELVIN)
    return (change @ whole @ change.T) / np.outer(KELVIN, KELVIN)


def orthotropic_part(matrix: np.ndarray) -> np.ndarray:
    """The nearest tensor with mirror planes across x, y and z: nine constants."""
    found = np.zeros((6, 6))
    found[:3, :3] = 0.5 * (matrix + matrix.T)[:3, :3]
    found[range(3, 6), range(3, 6)] = np.diag(matrix)[3:]
    return found


def transverse_part(matrix: np.ndarray) -> np.ndarray:
    """The nearest tensor that is the same all around z: five constants. Browaeys & Chevrot, Geophys. J. Int. 159 (2004)
    667, eq. A11."""
    c = 0.5 * (matrix + matrix.T)
    one = 3.0 / 8.0 * (c[0, 0] + c[1, 1]) + 0.25 * c[0, 1] + 0.5 * c[5, 5]
    shear = 1.0 / 8.0 * (c[0, 0] + c[1, 1]) - 0.25 * c[0, 1] + 0.5 * c[5, 5]
    found = np.zeros((6, 6))
    found[0, 0] = found[1, 1] = one
    found[0, 1] = found[1, 0] = one - 2.0 * shear
    found[2, 2] = c[2, 2]
    found[:2, 2] = found[2, :2] = 0.5 * (c[0, 2] + c[1, 2])
    found[3, 3] = found[4, 4] = 0.5 * (c[3, 3] + c[4, 4])
    found[5, 5] = shear
    return found


def isotropic_part(matrix: np.ndarray) -> tuple[float, float]:
    """K and G of the nearest isotropic tensor: Voigt's averages over all directions."""
    c = 0.5 * (matrix + matrix.T)
    normal, side, shear = np.trace(c[:3, :3]), c[0, 1] + c[0, 2] + c[1, 2], np.trace(c[3:, 3:])
    return float((normal + 2.0 * side) / 9.0), float((normal - side + 3.0 * shear) / 15.0)


@dataclass(frozen=True)
class Constants:
    """Young's moduli along x, y, z; Poisson's ratios xy, xz, yz (the second shrinks as the first is pulled); shear
    moduli yz, xz, xy: the sides free. NaN where the body resists nothing some way."""

    young: np.ndarray
    poisson: np.ndarray
    shear: np.ndarray


def constants_of(matrix: np.ndarray) -> Constants:
    """From the compliance, the inverse of a stiffness that is positive definite."""
    whole = 0.5 * (matrix + matrix.T)
    values = np.linalg.eigvalsh(whole)
    if values[0] <= SINGULAR * max(values[-1], 0.0):
        return Constants(*(np.full(3, np.nan) for _ in range(3)))
    soft = np.linalg.inv(whole)
    young = 1.0 / np.diag(soft)[:3]
    poisson = np.array([-soft[1, 0] * young[0], -soft[2, 0] * young[0], -soft[2, 1] * young[1]])
    return Constants(young, poisson, 1.0 / np.diag(soft)[3:])
