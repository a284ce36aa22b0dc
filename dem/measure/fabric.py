"""Of a bed: how its platelets and bonds lie; x is the machine direction, y across it, z through the thickness."""

import numpy as np

from kalander.dem.bodies.clumps import double, rotation_matrices
from kalander.dem.bodies.periodic import nearest_vectors
from kalander.dem.engine.bed import Bed
from kalander.dem.measure.directions import direction_moments
from kalander.kernels.device.arrays import view
from kalander.kernels.records import MOTION

__all__ = ["FABRIC", "bond_fabric", "fabric_of", "platelet_orientation"]

FABRIC = tuple(f"{what}_{axis}{axis}" for what in ("orientation", "bond_fabric") for axis in "xyz")


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
    vector = nearest_vectors(vector, bed.boxes, box)
    unit = vector / np.linalg.norm(vector, axis=1)[:, None]
    return direction_moments(unit, np.ones(len(unit)), box, len(bed.boxes["dt"]))


def fabric_of(bed: Bed) -> dict[str, np.ndarray]:
    """Diagonals of both tensors by the names of FABRIC, shape (box,); NaN without platelets or bonds."""
    tensors = platelet_orientation(bed), bond_fabric(bed)
    return dict(zip(FABRIC, (tensor[:, axis, axis] for tensor in tensors for axis in range(3)), strict=True))
