"""How platelets and bonds lie: second moments of directions, x machine, y cross, z thickness direction.

a_ij = ⟨n_i n_j⟩ has trace 1; a third each where no direction is preferred (Advani & Tucker, J. Rheol. 31 (1987) 751).
"""

import numpy as np

from kalander.dem.bodies.clumps import double, rotation_matrices
from kalander.dem.engine.bed import Bed
from kalander.kernels.device.arrays import view
from kalander.kernels.records import MOTION

__all__ = ["FABRIC", "bond_fabric", "direction_moments", "fabric_of", "platelet_orientation"]

FABRIC = tuple(f"{what}_{axis}{axis}" for what in ("orientation", "bond_fabric") for axis in "xyz")


def direction_moments(unit: np.ndarray, weight: np.ndarray, box: np.ndarray, count: int) -> np.ndarray:
    """Weighted mean of n n of each box, shape (box, 3, 3), NaN where a box has none; unit: vectors (row, 3)."""
    total = np.zeros((count, 3, 3))
    for a, b in np.ndindex(3, 3):
        total[:, a, b] = np.bincount(box, weight * unit[:, a] * unit[:, b], count)
    whole = np.bincount(box, weight, count).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return total / np.where(whole > 0.0, whole, np.nan)[:, None, None]


def platelet_orientation(bed: Bed) -> np.ndarray:
    """Orientation tensor of the normals of all clumps by volume, shape (box, 3, 3)."""
    clumps = double(bed.clumps())
    normal = rotation_matrices(clumps["orientation"])[:, :, 2]
    return direction_moments(normal, clumps["volume"], bed.host_box[clumps["first"]], len(bed.boxes["dt"]))


def bond_fabric(bed: Bed) -> np.ndarray:
    """Fabric tensor of the bonds that hold, each counted once, shape (box, 3, 3)."""
    holds = view(bed.bond, bed.bond_count)[:, bed.bond_layout["intact"]] > 0.0
    first, second = bed.bond_first[holds], bed.bond_second[holds]
    position = view(bed.motion, bed.body_count)[:, MOTION["position"]]
    vector = position[first].astype(np.float64) - position[second]
    box = bed.host_box[first]
    span = bed.boxes["width"][box]
    vector[:, :2] -= span * np.round(vector[:, :2] / span)
    unit = vector / np.linalg.norm(vector, axis=1)[:, None]
    return direction_moments(unit, np.ones(len(unit)), box, len(bed.boxes["dt"]))


def fabric_of(bed: Bed) -> dict[str, np.ndarray]:
    """Diagonals of both tensors by the names of FABRIC, shape (box,); NaN without platelets or bonds."""
    tensors = platelet_orientation(bed), bond_fabric(bed)
    return dict(zip(FABRIC, (tensor[:, axis, axis] for tensor in tensors for axis in range(3)), strict=True))
