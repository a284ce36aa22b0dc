"""Slow the bodies of a bed: the one thing besides the step that changes their motion."""

import numpy as np

from kalander.dem.bodies.clumps import double, kinetic_energy
from kalander.dem.engine.bed import Bed
from kalander.kernels.device.arrays import download
from kalander.kernels.records import CLUMP_STATE, LOAD, MOTION

__all__ = ["scale_motion"]


def scale_motion(bed: Bed, factor: np.ndarray) -> None:
    """Multiply all velocities and spins of a box by its factor, shape (box,); the energy that goes becomes heat."""
    motion, load = download(bed.motion, bed.body_count), download(bed.load, bed.body_count)
    share = np.asarray(factor)[bed.host_box]
    table = {name: motion[:, MOTION[name]] for name in ("mass", "velocity", "spin")}
    solid = {**table, "radius": bed.solid_radius()}
    energy = kinetic_energy(solid, bed.host_only["clump"], double(bed.clumps()))
    gone = energy * (1.0 - share**2)
    load[:, LOAD["heat"]] += gone
    losses = download(bed.losses, bed.body_count)
    losses[:, 0] += gone
    table["velocity"] *= share[:, None]
    table["spin"] *= share[:, None]
    bed.pool.put("motion", motion, exact=True)
    bed.pool.put("load", load, exact=True)
    bed.pool.put("losses", losses, exact=True)
    if bed.clump_count:
        clumps = download(bed.clump, bed.clump_count)
        for name in ("velocity", "momentum"):
            clumps[:, CLUMP_STATE[name]] *= share[bed.clump_rows["first"], None]
        bed.pool.put("clump", clumps, exact=True)
