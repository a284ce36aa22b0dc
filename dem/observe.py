"""What a pressed bed shows: stress, coordination, energies, damage. Host side, from copies of the columns.

The energies are written here from the formulas of the laws, not taken from the kernels, so that they check them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kalander.dem.bed import Bed
from kalander.dem.dense import dense_energy, sides_of
from kalander.dem.energy import contact_energy
from kalander.dem.state import solid_radius, sphere_volume
from kalander.kernels.columns import Table

__all__ = ["Observation", "observe", "platen_stress"]


@dataclass(frozen=True)
class Observation:
    """One value a box (arrays of shape (box,) unless said); stresses in MPa, compression positive; energies in pJ."""

    stress_low: np.ndarray
    stress_high: np.ndarray
    stress: np.ndarray  # Love–Weber, shape (box, 3, 3)
    coordination: np.ndarray
    broken_bond_fraction: np.ndarray
    largest_force: np.ndarray  # of each body's contacts, shape (body,) [µN]
    overlap_ratio: np.ndarray
    kinetic: np.ndarray
    elastic: np.ndarray
    heat: np.ndarray
    work: np.ndarray


def box_sum(values: np.ndarray, box: np.ndarray, count: int) -> np.ndarray:
    """Sum per box in the order of the rows."""
    return np.bincount(box, np.asarray(values, dtype=np.float64), count).astype(np.float64)  # empty: integers


def platen_stress(bed: Bed) -> tuple[np.ndarray, np.ndarray]:
    """Normal stress on the lower and the upper platen [MPa], shape (box,)."""
    stress = bed.platen_force() / bed.boxes["width"].prod(axis=1)[:, None]
    return stress[:, 0], stress[:, 1]


def _separations(bodies: Table, pairs: Table, width: np.ndarray) -> np.ndarray:
    """Vectors from second to first body, nearest image [µm], shape (pair, 3)."""
    first, second = pairs["first"], pairs["second"]
    vector = bodies["position"][first] - bodies["position"][second]
    span = width[bodies["box"][first]]
    vector[:, :2] -= span * np.floor(vector[:, :2] / span + 0.5)
    return vector


def _virial(force: np.ndarray, vector: np.ndarray, box: np.ndarray, count: int) -> np.ndarray:
    """Sum of force times branch vector of each box [µN µm], shape (box, 3, 3); a component at a time for memory."""
    total = np.zeros((count, 3, 3))
    for a, b in np.ndindex(3, 3):
        total[:, a, b] = box_sum(force[:, a].astype(np.float64) * vector[:, b], box, count)
    return total


def _bond_energy(binder: np.ndarray, bonds: Table, stretch: np.ndarray) -> np.ndarray:
    """Tension, shear, bending and torsion of the beams [pJ]."""
    area = np.pi * bonds["radius"] ** 2
    second_moment = area * bonds["radius"] ** 2 / 4
    length, modulus, shear_modulus = bonds["length"], binder[:, 0], binder[:, 1]
    return 0.5 * (
        modulus * area / length * stretch**2
        + (bonds["shear"] ** 2).sum(axis=1) * length / (shear_modulus * area)
        + (bonds["bending"] ** 2).sum(axis=1) * length / (modulus * second_moment)
        + bonds["twist"] ** 2 * length / (2 * shear_modulus * second_moment)
    )


def observe(bed: Bed) -> Observation:
    """Read everything a frame reports off the bed."""
    boxes, constants = bed.boxes, bed.lawbook["contact"]
    names = (
        "box", "material", "radius", "mass", "velocity", "spin", "spring_low", "spring_high", "memory_low",
        "memory_high", "swelling", "heat", "work",
    )  # fmt: skip
    bodies: dict[str, Any] = {
        name: bed.body(name).astype(np.float64 if name not in ("box", "material") else np.int32, copy=False)
        for name in names
    }
    bodies["position"] = bed.body("position").astype(np.float64) + bed.body("rest")
    load_low, load_high = bed.body("load_low").astype(np.float64), bed.body("load_high").astype(np.float64)
    contacts, bonds = bed.forces()
    box, radius, material, count = bodies["box"], bodies["radius"], bodies["material"], len(boxes["dt"])
    height = np.diff(boxes["platen_height"], axis=1)[:, 0]
    area = boxes["width"].prod(axis=1)

    # contacts
    vector = _separations(bodies, contacts, boxes["width"])
    first, second = contacts["first"], contacts["second"]
    reach = radius[first] + radius[second]
    overlap = np.maximum(reach - np.linalg.norm(vector, axis=1), 0.0)
    law = constants[box[first], material[first], material[second]]
    spring, memory = (contacts[name].astype(np.float64, copy=False) for name in ("spring", "memory"))
    own, swelling = constants[box, material, material], bodies["swelling"]
    if bed.swells:
        sides = tuple(
            sides_of(own[row], radius[row], swelling[row], memory, place) for place, row in enumerate((first, second))
        )
        energy = dense_energy(bed.law, law, sides, spring, memory)
    else:
        energy = contact_energy(bed.law, law, radius[first] * radius[second] / reach, overlap, spring, memory)
    elastic = box_sum(energy, box[first], count)
    ratio = np.zeros(count)
    np.maximum.at(ratio, box[first], overlap / np.minimum(radius[first], radius[second]))
    virial = _virial(contacts["force"], vector, box[first], count)

    # bonds
    reach_of_bonds = _separations(bodies, bonds, boxes["width"])
    stretch = np.linalg.norm(reach_of_bonds, axis=1) - bonds["length"]
    bond_box = box[bonds["first"]]
    elastic += box_sum(
        _bond_energy(bed.lawbook["binder"][bond_box], {k: v.astype(np.float64) for k, v in bonds.items()}, stretch),
        bond_box, count,
    )  # fmt: skip
    virial += _virial(bonds["force"], reach_of_bonds, bond_box, count)
    laid = np.bincount(box[bed.bond_first], minlength=count)
    held = np.bincount(bond_box, minlength=count)

    # platens
    largest = np.maximum(load_low, load_high)
    for side, (distance, load, name) in enumerate((
        (bodies["position"][:, 2] - boxes["platen_height"][box, 0], load_low, "low"),
        (boxes["platen_height"][box, 1] - bodies["position"][:, 2], load_high, "high"),
    )):  # fmt: skip
        dent = np.maximum(radius - distance, 0.0)
        law = constants[box, material, boxes["platen_material"][box, side]]
        spring, memory = bodies[f"spring_{name}"], bodies[f"memory_{name}"]
        if bed.swells:
            energy = dense_energy(bed.law, law, (sides_of(own, radius, swelling, memory),), spring, memory)
        else:
            energy = contact_energy(bed.law, law, radius, dent, spring, memory)
        elastic += box_sum(energy, box, count)
        virial[:, 2, 2] += box_sum(load * (radius - dent), box, count)
        np.maximum.at(ratio, box, dent / radius)

    size = np.linalg.norm(contacts["force"], axis=1)
    np.maximum.at(largest, first, size)
    np.maximum.at(largest, second, size)
    inertia = 0.4 * bodies["mass"] * solid_radius(bodies) ** 2
    kinetic = 0.5 * bodies["mass"] * (bodies["velocity"] ** 2).sum(axis=1) + 0.5 * inertia * (bodies["spin"] ** 2).sum(
        axis=1
    )
    return Observation(
        stress_low=box_sum(load_low, box, count) / area,
        stress_high=box_sum(load_high, box, count) / area,
        stress=virial / (area * height)[:, None, None],
        coordination=2.0 * np.bincount(box[first], minlength=count) / boxes["body_count"],
        broken_bond_fraction=np.where(laid > 0, 1.0 - held / np.maximum(laid, 1), 0.0),
        largest_force=largest,
        overlap_ratio=ratio,
        kinetic=box_sum(kinetic, box, count),
        elastic=elastic,
        heat=box_sum(bodies["heat"], box, count),
        work=box_sum(bodies["work"], box, count),
    )


def solid_volume(bed: Bed) -> np.ndarray:
    """Volume of the spheres of each box [µm³]."""
    radius = solid_radius({name: bed.body(name) for name in ("radius", "swelling")})
    return box_sum(sphere_volume(radius.astype(np.float64)), bed.host_box, len(bed.boxes["dt"]))
