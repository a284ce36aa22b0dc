"""Networks for the tests of stiffness: bonded and touching lattices with their closed forms, packings at a pressure."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from beds import GRAIN, RIGID, lay, loose_packing

from kalander.dem.bodies.material import BinderConstants
from kalander.dem.bodies.periodic import nearest_vectors
from kalander.dem.bodies.state import Ensemble, unloaded_bonds
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import last_state, lead
from kalander.dem.packing.near import near_pairs
from kalander.dem.packing.packing import Packing
from kalander.kernels.law_table import CONSTANTS

GLUE = BinderConstants(modulus=100.0, poisson=0.3, damping=0.3, strength=1e9, shear_strength=1e9)
BRIDGE = 0.3  # radius of bonds [µm]; spheres have 1
BASES = {
    "simple cubic": (np.array([[0.0, 0, 0]]), 2.0),
    "face-centred": (np.array([[0.0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]), 2.0 * np.sqrt(2.0)),
}
RUN = {"precision": "f64", "schedule": "boxes", "materials": [GRAIN]}


def lattice_places(kind: str, repeats: int, closed: float = 0.0) -> tuple[np.ndarray, float]:
    """Centres of spheres of radius 1 µm, neighbours 2 (1 − closed) apart, and the edge of the box."""
    basis, edge = BASES[kind]
    edge *= 1.0 - closed
    corners = np.stack(np.meshgrid(*[np.arange(repeats)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    return ((corners + basis) * edge).reshape(-1, 3) + 0.25 * edge, repeats * edge


def bonded_lattice(kind: str, *, repeats: int = 3) -> Ensemble:
    """Spheres that do not touch, bonded to their nearest neighbours 2 µm away, in a periodic cell."""
    place, size = lattice_places(kind, repeats)
    first, second, _, gap = near_pairs(place, np.full(len(place), 0.9), np.full(3, size), 0.3)
    near = np.abs(gap - 0.2) < 1e-6
    bonds = unloaded_bonds(first[near], second[near], BRIDGE, 2.0)
    packing = Packing(place, np.full(len(place), 0.9), np.zeros(len(place), int), np.array([size, size]), size, bonds,
                      periodic=True)  # fmt: skip
    return lay([packing], (GRAIN, RIGID), dt=1e-3, binder=GLUE)


def lattice_constants(kind: str) -> np.ndarray:
    """Closed form of the stiffness of a bonded lattice [MPa]: k_n = E A/l, k_s = G A/l."""
    length = 2.0
    normal = GLUE.modulus * np.pi * BRIDGE**2 / length
    shear = normal / 2.6
    one, side, angle = {
        "simple cubic": (normal, 0.0, 0.5 * shear),
        "face-centred": (np.sqrt(2.0) * (normal + shear), (normal - shear) / np.sqrt(2.0),
                         (normal + shear) / np.sqrt(2.0)),
    }[kind]  # fmt: skip
    found = np.diag([one - side] * 3 + [angle] * 3)
    found[:3, :3] += side
    return found / length


def touching(ensemble: Ensemble, *, overlap: float) -> Ensemble:
    """The spheres a little larger, with a contact wherever two of them then overlap; what slid is at rest."""
    bodies = {**ensemble.bodies, "radius": ensemble.bodies["radius"] * (1.0 + overlap)}
    centre, radius, rows = bodies["position"], bodies["radius"], []
    for box in range(ensemble.box_count):
        inside, boxes = ensemble.bodies_of(box), ensemble.boxes
        size = [*boxes["width"][box], *([boxes["depth"][box]] if boxes["depth"][box] > 0.0 else [])]
        pairs = np.column_stack(near_pairs(centre[inside], radius[inside], np.array(size), 0.0)[:2])
        rows.append(pairs + inside.start)
    first, second = np.concatenate(rows).T
    vector = nearest_vectors(centre[first] - centre[second], ensemble.boxes, bodies["box"][first])
    assert (np.linalg.norm(vector, axis=1) < radius[first] + radius[second]).all()
    contacts = {
        "first": first.astype(np.int32), "second": second.astype(np.int32), "spring": np.zeros((len(first), 3)),
        "memory": np.zeros((len(first), ensemble.contacts["memory"].shape[1])),
    }  # fmt: skip
    return replace(ensemble, bodies=bodies, contacts=contacts)


def touching_lattice(strain: float, *, axis: int) -> Ensemble:
    """Simple cubic spheres that just touch, closed along an axis; contacts along it alone bear."""
    place, size = lattice_places("simple cubic", 3)
    sides = np.full(3, size)
    place[:, axis] *= 1.0 - strain
    sides[axis] *= 1.0 - strain
    packing = Packing(place, np.ones(len(place)), np.zeros(len(place), int), sides[:2], sides[2], periodic=True)
    return touching(lay([packing], (GRAIN, RIGID), dt=1e-3, friction=10.0), overlap=0.0)


def pressed_cells(count: int, seeds: Iterable[int], pressure: float) -> Ensemble:
    """Spheres without friction in periodic cells, pressed from all sides to a pressure [MPa] and at rest."""
    packings = [replace(loose_packing(count, seed=seed, spread=0.2), periodic=True) for seed in seeds]
    start = lay(packings, (GRAIN, RIGID), dt=1e-3)
    legs = (Leg(rate=(0.02, 0.02, 0.02, 0.0), stress=(pressure,) * 3), Leg(until={"steps": 4000}))
    return led(start, legs)


def led(start: Ensemble, legs: tuple[Leg, ...]) -> Ensemble:
    """Boxes at the end of legs."""
    path = Path(legs, 1e-3, max_steps=300_000, every_steps=None, contact_share=np.inf)
    found = last_state(lead(new_load(start), path, **RUN))
    assert (found.progress["done"] == 1).all()
    return found.ensemble


def with_friction(ensemble: Ensemble, friction: float) -> Ensemble:
    """The same contacts, none of which has slid, with a coefficient of friction."""
    contact = ensemble.lawbook["contact"].copy()
    contact[..., CONSTANTS.index("friction")] = friction
    return replace(ensemble, lawbook={**ensemble.lawbook, "contact": contact})
