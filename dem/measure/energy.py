"""Recoverable energy of contacts, written from the formulas of the laws, not taken from the kernels: it checks them."""

import numpy as np

from kalander.dem.bodies.necks import neck_energy
from kalander.kernels.law_table import CONSTANTS, NECKED, NORMAL_MEMORY, ROLLING_SUFFIX, base_of

__all__ = ["contact_energy", "lasting_overlap", "named", "peak_load", "spring_energy"]

STORAKERS_AREA = 2.86  # a² over R*δ, see kernels.normal_laws


def named(constants: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of constants, shape (contact, constant), by name."""
    return dict(zip(CONSTANTS, constants.T, strict=True))


def peak_load(law: str, constants: np.ndarray, radius: np.ndarray, largest: np.ndarray) -> tuple[np.ndarray, ...]:
    """Force [µN] and square of the contact radius [µm²] of first loading to the overlap `largest` [µm]; R* [µm]."""
    c = named(constants)
    modulus, slope = c["effective_modulus"], np.pi * c["yield_pressure"] * radius
    area = radius * largest
    if law == "hysteretic":
        return slope * largest, area
    elastic = 4.0 / 3.0 * modulus * np.sqrt(radius) * largest**1.5
    if law == "storakers":
        plastic = STORAKERS_AREA * slope * largest
        flows = elastic > plastic
        return np.where(flows, plastic, elastic), np.where(flows, STORAKERS_AREA, 1.0) * area
    if law == "hertz_mindlin":
        return elastic, area
    onset = radius * (np.pi * c["yield_pressure"] / (2.0 * modulus)) ** 2
    yields = largest > onset
    start = np.where(yields, onset, 0.0)
    force = 4.0 / 3.0 * modulus * np.sqrt(radius) * start**1.5 + np.where(yields, slope, 0.0) * (largest - start)
    return np.where(yields, force, elastic), area


def lasting_overlap(law: str, constants: np.ndarray, radius: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Overlap that stays when a contact is released [µm]."""
    if law == "hertz_mindlin":
        return np.zeros_like(largest)
    c = named(constants)
    if law == "hysteretic":
        return largest * (1.0 - 1.0 / c["release_ratio"])
    force, area = peak_load(law, constants, radius, largest)
    depth = 3.0 * force / (4.0 * c["effective_modulus"] * np.sqrt(np.maximum(area, 1e-300)))
    return np.maximum(largest - depth, 0.0)


def contact_energy(
    law: str, constants: np.ndarray, radius: np.ndarray, overlap: np.ndarray, spring: np.ndarray, memory: np.ndarray
) -> np.ndarray:
    """Energy that contacts give back [pJ], shape (contact,).

    constants (contact, constant), R* and overlap [µm], tangential spring (contact, 3) [µm], memory (contact, places).
    Normal: 2/5 F (δ − δ_p) of Hertzian release, F²/(2 k_2) of a linear one; less 2π w R* (δ − δ_p) of adhesion.
    Springs: ½ k_t ξ², ½ k_r θ², ½ k_tw φ² with k_t = 8 G* a, k_r = 2.25 · 2 E* a (μ_r R*)², k_tw = k_t a²/2.
    """
    base, c = base_of(law), named(constants)
    modulus = c["effective_modulus"]
    own = NORMAL_MEMORY[base]
    if base == NECKED:
        energy, contact_radius = neck_energy(constants, radius, overlap, memory)
        return energy + spring_energy(law, constants, radius, contact_radius, spring, memory[:, own:])
    largest = np.maximum(memory[:, 0], overlap) if own else overlap
    depth = np.maximum(overlap - lasting_overlap(base, constants, radius, largest), 0.0)
    if base == "hysteretic":
        release = np.pi * c["yield_pressure"] * radius * c["release_ratio"]
        contact_radius = np.where(depth > 0.0, np.sqrt(radius * overlap), 0.0)
        energy = 0.5 * release * depth**2
    else:
        force, area = peak_load(base, constants, radius, largest)
        flat = 4.0 / 3.0 * modulus * area**1.5 / np.maximum(force, 1e-300)  # radius of the flattened contact
        contact_radius = np.sqrt(np.where(own, flat, radius) * depth)
        energy = 0.4 * (4.0 / 3.0 * modulus * contact_radius * depth) * depth
    if own:
        energy = energy - 2.0 * np.pi * c["adhesion"] * radius * depth
    return energy + spring_energy(law, constants, radius, contact_radius, spring, memory[:, own:])


def spring_energy(
    law: str, constants: np.ndarray, radius: np.ndarray, contact_radius: np.ndarray, spring: np.ndarray,
    resistance: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Energy of the springs of friction, rolling and twisting [pJ]; resistance: the places of history of the latter."""
    c = named(constants)
    tangential = 8.0 * c["effective_shear_modulus"]
    energy = 0.5 * tangential * contact_radius * (spring**2).sum(axis=1)
    if law.endswith(ROLLING_SUFFIX):
        rolling = 2.25 * 2.0 * c["effective_modulus"] * contact_radius * (c["rolling_friction"] * radius) ** 2
        twisting = 0.5 * tangential * contact_radius**3
        angle, twist = resistance[:, :3], resistance[:, 3]
        energy = energy + 0.5 * rolling * (angle**2).sum(axis=1) + 0.5 * twisting * twist**2
    return energy
