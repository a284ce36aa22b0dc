"""Slow the bodies of a bed: the one thing besides the step that changes their motion."""

import numpy as np

from kalander.dem.bed import Bed
from kalander.dem.state import solid_radius
from kalander.kernels.arrays import download
from kalander.kernels.records import LOAD, MOTION

__all__ = ["scale_motion"]


def scale_motion(bed: Bed, factor: np.ndarray) -> None:
    """Multiply all velocities and spins of a box by its factor, shape (box,); the energy that goes becomes heat."""
    motion, load = download(bed.motion, bed.body_count), download(bed.load, bed.body_count)
    share = np.asarray(factor)[bed.host_box]
    velocity, spin = motion[:, MOTION["velocity"]], motion[:, MOTION["spin"]]
    radius = solid_radius({"radius": motion[:, MOTION["radius"]], "swelling": bed.body("swelling")})
    square = (velocity**2).sum(axis=1) + 0.4 * radius**2 * (spin**2).sum(axis=1)
    load[:, LOAD["heat"]] += 0.5 * motion[:, MOTION["mass"]] * square * (1.0 - share**2)
    velocity *= share[:, None]
    spin *= share[:, None]
    bed.pool.put("motion", motion, exact=True)
    bed.pool.put("load", load, exact=True)
