"""What every particle of a bed bears: its mean stress tensor, and the force and geometry of each of its contacts."""

import numpy as np

from kalander.dem.bodies.material import Material
from kalander.dem.bodies.periodic import nearest_vectors
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.engine.bed import Bed
from kalander.dem.fracture.crushing import Loads, Sides
from kalander.kernels.columns import Table
from kalander.kernels.law_table import CONSTANTS

__all__ = ["body_loads"]


def body_loads(bed: Bed, materials: list[Material], boxes: np.ndarray | None = None) -> Loads:
    """Loads as they stand; boxes (box,): of which they are wanted, those of other boxes lack contacts and bonds.

    σ = (1/V) Σ f ⊗ l over contacts, bonds and platens of a particle of volume V, l from its surface to its centre: the
    mean stress of a sphere in equilibrium (Love–Weber). Contacts act in the middle of the overlap, bonds in the middle
    of the gap, so that V σ summed over the particles is the box's volume times its stress. Platens count with their
    normal force, as they do there. surface_stress: the same forces on the sphere as it was, at its radius.
    """
    box, radius, material = bed.host_box, bed.body("radius").astype(float), bed.body("material")
    position = bed.body("position").astype(float) + bed.body("rest")
    poisson = np.array([one.poisson for one in materials])[material]
    plane = np.array([one.modulus for one in materials])[material] / (1.0 - poisson**2)
    moduli = bed.lawbook["contact"][..., CONSTANTS.index("effective_modulus")]
    contacts, bonds = _forces(bed, boxes)
    virial, surface = np.zeros((len(radius), 3, 3)), np.zeros((len(radius), 3, 3))
    for pairs in (contacts, bonds):
        first, second = pairs["first"], pairs["second"]
        vector = nearest_vectors(position[first] - position[second], bed.boxes, box[first])
        distance = np.sqrt((vector**2).sum(axis=1))
        gap = distance - radius[first] - radius[second]
        for body in (first, second):
            for total, arm in ((virial, radius[body] + 0.5 * gap), (surface, radius[body])):
                _add_virial(total, pairs["force"].astype(float), vector * (arm / distance)[:, None], body)
        if pairs is contacts:
            normal = vector / distance[:, None]
    sides = [_contact_sides(contacts, normal, radius, material, box, moduli, plane)]
    for name, height, inward in (("load_low", 0, 1.0), ("load_high", 1, -1.0)):
        load = bed.body(name).astype(float)
        body = np.flatnonzero(load > 0.0)
        platen = bed.boxes["platen_height"][box[body], height]
        virial[body, 2, 2] += load[body] * inward * (position[body, 2] - platen)
        surface[body, 2, 2] += load[body] * radius[body]
        modulus = moduli[box[body], material[body], bed.boxes["platen_material"][box[body], height]]
        sides.append((body, load[body], load[body], radius[body], modulus, modulus / plane[body]))
    joined = Sides(*(np.concatenate(columns) for columns in zip(*sides)))
    solid = bed.solid_radius().astype(float)
    volume = sphere_volume(solid)[:, None, None]
    return Loads(solid, plane, poisson, virial / volume, surface / volume, joined)


def _forces(bed: Bed, boxes: np.ndarray | None) -> tuple[Table, Table]:
    """Contacts and bonds of the boxes, by default of all."""
    if boxes is None or boxes.all() or not bed.pool.on_host:
        return bed.forces()
    found = [bed.forces(int(bed.start[box]), int(bed.start[box + 1])) for box in np.flatnonzero(boxes)]
    contacts, bonds = (
        {name: np.concatenate([table[name] for table in tables]) for name in tables[0]} for tables in zip(*found)
    )
    return contacts, bonds


def _add_virial(virial: np.ndarray, force: np.ndarray, arm: np.ndarray, body: np.ndarray) -> None:
    """Add force times arm of each pair to one of its bodies, a component at a time for memory."""
    for a, b in np.ndindex(3, 3):
        virial[:, a, b] += np.bincount(body, force[:, a] * arm[:, b], len(virial))


def _contact_sides(
    contacts: dict[str, np.ndarray], normal: np.ndarray, radius: np.ndarray, material: np.ndarray, box: np.ndarray,
    moduli: np.ndarray, plane: np.ndarray,
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """Columns of `Sides` of the contacts between bodies: first bodies, then second ones."""
    first, second, force = contacts["first"], contacts["second"], contacts["force"].astype(float)
    size = np.sqrt((force**2).sum(axis=1))
    push = np.maximum((force * normal).sum(axis=1), 0.0)
    reduced = radius[first] * radius[second] / (radius[first] + radius[second])
    modulus = moduli[box[first], material[first], material[second]]
    body = np.concatenate([first, second])
    both = [np.concatenate([column, column]) for column in (size, push, reduced, modulus)]
    return (body, *both, both[3] / plane[body])
