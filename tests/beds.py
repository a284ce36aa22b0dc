"""Small beds for the tests of the particle engine. Units: µm, µs, ng, hence µN, MPa, pJ.

The last row of `materials` is that of the platens; the others are those of the spheres.
"""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kalander.dem.bodies.material import BinderConstants, Material, YieldingBinder, binder_constants, contact_constants
from kalander.dem.bodies.state import Ensemble, sphere_volume, unloaded_bonds
from kalander.dem.engine.bed import Bed
from kalander.dem.packing.binder import make_bonds
from kalander.dem.packing.generate import generate
from kalander.dem.packing.packing import Packing, assemble

GRAIN = Material(modulus=1000.0, poisson=0.25, density=4.7e-3, restitution=0.4)
RIGID = Material(modulus=1e30, poisson=0.0, density=1.0)  # adds nothing to the compliance of a pair
BRITTLE = BinderConstants(modulus=50.0, poisson=0.3, damping=0.3, strength=1.0, shear_strength=1.0)
LAW = "hertz_mindlin"


@pytest.fixture
def make_bed(device):
    """Lays an ensemble on the device in double precision: closed forms are compared far below single rounding."""
    if device.precision != "f64":
        pytest.skip("closed forms are checked in f64; test_precision compares f32 with it")

    def make(ensemble: Ensemble, schedule: str = "boxes", skin: np.ndarray | None = None) -> Bed:
        return Bed(ensemble, precision="f64", schedule=schedule, skin=skin)

    return make


def lay(
    packings: list[Packing],
    materials: tuple[Material, ...],
    *,
    dt: float,
    friction: float = 0.0,
    binder: BinderConstants | YieldingBinder = BRITTLE,
    law: str = LAW,
    **constants: Any,
) -> Ensemble:
    """Ensemble of one box a packing, at rest; constants: others of the contact law."""
    contact = contact_constants(list(materials), friction, **constants)
    density = np.array([material.density for material in materials])
    return assemble(packings, density=density, contact=contact, binder=binder_constants(binder), dt=dt, law=law)


def spheres(position, radius, *, width: float, height: float, bonds=None) -> Packing:
    """Spheres of the first material in a square box; one radius may serve all."""
    position = np.asarray(position, dtype=float)
    radius = np.broadcast_to(np.asarray(radius, dtype=float), len(position)).copy()
    material = np.zeros(len(position), dtype=int)
    return Packing(position, radius, material, np.array([width, width], dtype=float), height, bonds)


def bonded(pairs, *, radius: float, length: float, volume: float = 0.0) -> dict[str, np.ndarray]:
    """Unloaded bonds between the given pairs of rows, all of one radius and rest length."""
    first, second = np.asarray(pairs, dtype=np.int32).T
    return unloaded_bonds(first, second, radius, length, volume)


def with_bodies(ensemble: Ensemble, **columns) -> Ensemble:
    """The ensemble with other body columns; rows are broadcast."""
    bodies = dict(ensemble.bodies)
    for name, values in columns.items():
        bodies[name] = np.broadcast_to(np.asarray(values, dtype=bodies[name].dtype), bodies[name].shape).copy()
    return replace(ensemble, bodies=bodies)


def loose_packing(
    count: int, *, seed: int, solid_fraction: float = 0.5, spread: float = 0.3, glued: bool = False
) -> Packing:
    """Spheres of radii 1 ± spread µm in a box twice as high as wide; glued: bridges of 3 % of its volume."""
    rng = np.random.default_rng(seed)
    radius = rng.uniform(1.0 - spread, 1.0 + spread, count)
    side = float(np.cbrt(sphere_volume(radius).sum() / (2.0 * solid_fraction)))
    width, height = np.array([side, side]), 2.0 * side
    *_, (_, _, position) = generate(radius, width, height, reach=0.1, rng=rng)
    bonds = None
    if glued:
        bonds, _ = make_bonds(position, radius, width, binder_domain=0.03 * height * side**2, bridging_distance=0.2)
    return Packing(position, radius, np.zeros(count, dtype=int), width, height, bonds)


def digest(ensemble: Ensemble) -> str:
    """Hash of every byte that influences the next step."""
    total = hashlib.sha256()
    state = (ensemble.bodies, ensemble.contacts, ensemble.bonds, ensemble.boxes, ensemble.clumps, ensemble.members)
    for table in state:
        for name in sorted(table):
            total.update(name.encode())
            total.update(np.ascontiguousarray(table[name]).tobytes())
    return total.hexdigest()
