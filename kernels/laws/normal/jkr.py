"""Law "thornton_ning_jkr": spheres that yield, held together beyond first touch by a neck of adhesion."""

from typing import Any

import numpy as np

from kalander.kernels.law_table import CONSTANTS, Law, Place, Slopes, Supports

__all__ = [
    "LAWS", "LONGEST_NECK", "energy", "held_radius", "largest_adhesion", "longest_neck", "pull_off_overlap", "slopes",
]  # fmt: skip

LONGEST_NECK = 0.1  # of the mean radius: JKR's necks are small beside spheres


def reach_of(constants: np.ndarray) -> np.ndarray:
    """k = √(2π w/E*) [µm^½] of constants, shape (…, constant)."""
    named = dict(zip(CONSTANTS, np.moveaxis(constants, -1, 0)))
    return np.sqrt(2.0 * np.pi * named["adhesion"] / named["effective_modulus"])


def pull_off_overlap(reach: Any, radius: Any) -> Any:
    """Overlap [µm], below 0, at which a neck lets go: δ_f = −3 a_f²/R, a_f = (k R/4)^{2/3}; JKR 1971."""
    return -3.0 * (reach * radius / 4.0) ** (4.0 / 3.0) / radius


def longest_neck(constants: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Longest neck of any pair of each box [µm], shape (box,); constants (box, material, material, constant).

    radius: of the largest sphere, which is R* at a platen; taken with the softest pair, so that it is at most 1.6 times
    the longest. Yielding makes a neck no longer: more overlap stays than it gains.
    """
    reach = reach_of(constants).max(axis=(1, 2))
    return -pull_off_overlap(reach, radius)


def largest_adhesion(pressure: Any, modulus: Any, radius: float) -> Any:
    """Work of adhesion [µN/µm, or J/m² from SI] with which surfaces that just touch would yield: w of p_y, E* and R*.

    The pressure in the middle is E* a/(π R*) there, a = (k R*)^{2/3}; so w = (π p_y)³ R*/(2π E*²).
    """
    return (np.pi * pressure) ** 3 * radius / (2.0 * np.pi * modulus**2)


def held_radius(reach: np.ndarray, radius: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """Contact radius [µm] of δ = a²/R − k √a, the stable one; overlaps at least those of pull-off."""
    root = (reach * radius) ** (1.0 / 3.0) + np.maximum(overlap * radius, 0.0) ** 0.25  # from above: f is convex there
    for _ in range(60):
        slope = 4.0 * root**3 - reach * radius
        root = root - np.where(slope > 0.0, root**4 - reach * radius * root - overlap * radius, 0.0) / np.where(
            slope > 0.0, slope, 1.0
        )
    return root**2


def work_of_neck(modulus: np.ndarray, reach: np.ndarray, radius: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Elastic energy less that of the surfaces joined, w π a² [pJ], of a JKR contact.

    Elastic: Hertz' contact of that radius, then drawn back by k √a: E* (8/15 a⁵/R² − 4/3 k a^{7/2}/R + k² a²).
    """
    elastic = 8.0 / 15.0 * held**5 / radius**2 - 4.0 / 3.0 * reach * held**3.5 / radius + reach**2 * held**2
    return modulus * (elastic - 0.5 * reach**2 * held**2)  # π w = E* k²/2


def first_yield(pressure: np.ndarray, modulus: np.ndarray, reach: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Contact radius [µm] at which 2 E* a/(π R) − E* k/(π √a) is the yield pressure; by bisection."""
    low, high = np.zeros_like(radius), np.full_like(radius, 1e3) * radius
    for _ in range(200):
        middle = 0.5 * (low + high)
        over = 2.0 * middle / radius - reach / np.sqrt(np.maximum(middle, 1e-300)) > np.pi * pressure / modulus
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return high


def flat_radius(
    pressure: np.ndarray, modulus: np.ndarray, reach: np.ndarray, radius: np.ndarray, largest: np.ndarray
) -> np.ndarray:
    """R_p [µm] of contacts that were loaded to the contact radius `largest`; R* where they have not yielded."""
    onset = first_yield(pressure, modulus, reach, radius)
    peak = np.maximum(largest, onset)
    force = modulus * (4.0 / 3.0 * onset**3 / radius - 2.0 * reach * onset**1.5)
    force = force + np.pi * pressure * (peak**2 - onset**2) - 2.0 / 3.0 * modulus * reach * (peak**1.5 - onset**1.5)
    released = 4.0 / 3.0 * modulus * peak**3 / (force + 2.0 * modulus * reach * peak**1.5)
    return np.where(largest > onset, released, radius)


def energy(c: dict, radius: np.ndarray, overlap: np.ndarray, history: dict) -> tuple[np.ndarray, np.ndarray]:
    """Energy that contacts give back until they part; overlaps are below 0 where a neck holds."""
    modulus, reach = c["effective_modulus"], np.sqrt(2.0 * np.pi * c["adhesion"] / c["effective_modulus"])
    largest, exists = history["largest_radius"], history["contact_radius"] > 0.0
    flat = flat_radius(c["yield_pressure"], modulus, reach, radius, largest)
    stays = largest**2 * (1.0 / radius - 1.0 / flat)
    depth = np.maximum(overlap - stays, pull_off_overlap(reach, flat))
    held = np.where(exists, held_radius(reach, flat, depth), 0.0)
    parting = (reach * flat / 4.0) ** (2.0 / 3.0)
    stored = work_of_neck(modulus, reach, flat, held) - work_of_neck(modulus, reach, flat, parting)
    return np.where(exists, stored, 0.0), held


def slopes(c: dict, radius: np.ndarray, overlap: np.ndarray, history: dict) -> Slopes:
    """dF/dδ = (dF/da)/(dδ/da) of a JKR contact of radius R_p; pressed on where it flows, of plastic loading."""
    modulus, reach = c["effective_modulus"], np.sqrt(2.0 * np.pi * c["adhesion"] / c["effective_modulus"])
    largest, exists = history["largest_radius"], history["contact_radius"] > 0.0
    flat = flat_radius(c["yield_pressure"], modulus, reach, radius, largest)
    depth = np.maximum(overlap - largest**2 * (1.0 / radius - 1.0 / flat), pull_off_overlap(reach, flat))
    held = held_radius(reach, flat, depth)
    root = np.sqrt(held)

    def slope(force_change: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        return np.where(exists, force_change / (2.0 * held / curvature - 0.5 * reach / root), 0.0)

    release = slope(modulus * (4.0 * held**2 / flat - 3.0 * reach * root), flat)
    plastic = slope(2.0 * np.pi * c["yield_pressure"] * held - modulus * reach * root, radius)
    force = modulus * (4.0 / 3.0 * held**3 / flat - 2.0 * reach * held**1.5)
    flows = (flat > radius) & (held >= largest)
    return Slopes(np.where(exists, force, 0.0), release, np.where(flows, plastic, release), np.where(exists, held, 0.0))


LAWS = (
    Law(
        name="thornton_ning_jkr",
        title="the same with a neck that holds contacts beyond first touch",
        source="Johnson, Kendall & Roberts, Proc. R. Soc. A 324 (1971) 301; Thornton & Ning 1998",
        energy=energy,
        slopes=slopes,
        card="thornton_ning",
        adhesion=("jkr",),
        constants=("yield_pressure", "adhesion"),
        history=(
            Place("largest_radius", "um", "largest contact radius so far"),
            Place("friction_pull", "uN", "twice the pull-off force, which friction bears beside the force"),
            Place("contact_radius", "um", "contact radius of the step before, 0 where there is none"),
        ),
        area="kept",
        holds=True,
        supports=Supports(foil=True),
        onset=True,
    ),
)
