"""Fracture criteria: the stress at which a crush test between rigid flat platens is as severe as what a particle bears.

Strength is what such a test measures, σ = 0.9 F/d² of the crushing force F (Hiramatsu & Oka, Int. J. Rock Mech. 3
(1966) 89). Each criterion turns the loads of a particle into that measure, so that all compare with one strength, and
none has a constant of its own. All but `mean_stress` agree for a sphere crushed between two rigid platens.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = [
    "CRITERIA",
    "SANGROS_2020",
    "Loads",
    "Sides",
    "contact_pressure",
    "contact_strength",
    "crushing_stress",
    "largest_force",
    "limit_force",
    "mean_stress",
    "octahedral",
    "tavares_king",
    "weakening",
]

CRUSHING_FACTOR = 0.9


@dataclass(frozen=True)
class Sides:
    """Contacts as one of their bodies sees them, each contact of two bodies twice, shape (side,).

    body: row; force: its size [µN]; push: its normal part [µN], at least 0; radius: R* [µm]; modulus: E* [MPa];
    share: part of the contact's compliance that is the body's own.
    """

    body: np.ndarray
    force: np.ndarray
    push: np.ndarray
    radius: np.ndarray
    modulus: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class Loads:
    """Loads of the bodies of a bed. stress [MPa], shape (body, 3, 3), compression positive; radius [µm], shape (body,);

    modulus: E/(1 − ν²) of the body [MPa], shape (body,).
    """

    radius: np.ndarray
    modulus: np.ndarray
    stress: np.ndarray
    sides: Sides


def crushing_stress(force: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """σ = 0.9 F/d² [MPa] of a sphere of radius [µm] crushed by a force [µN]; Hiramatsu & Oka 1966."""
    return CRUSHING_FACTOR * force / (2.0 * radius) ** 2


def largest_of(values: np.ndarray, body: np.ndarray, count: int) -> np.ndarray:
    """Largest value of each body, 0 where it has none."""
    largest = np.zeros(count)
    np.maximum.at(largest, body, values)
    return largest


def largest_force(loads: Loads) -> np.ndarray:
    """0.9 F/d² of the largest contact force; neighbours do not shield. Hiramatsu & Oka 1966; JIS R 1639-5."""
    count = len(loads.radius)
    return crushing_stress(largest_of(loads.sides.force, loads.sides.body, count), loads.radius)


def octahedral(loads: Loads) -> np.ndarray:
    """Octahedral shear of the mean stress, q = √((σ1−σ2)² + (σ2−σ3)² + (σ3−σ1)²)/3.

    McDowell & Bolton, Géotechnique 48 (1998) 667; McDowell & de Bono, Géotechnique 63 (2013) 895. Two opposite forces F
    give σ1 = 6 F/(π d²) and q = 0.9003 F/d².
    """
    s = loads.stress
    normal = (s[:, 0, 0] - s[:, 1, 1]) ** 2 + (s[:, 1, 1] - s[:, 2, 2]) ** 2 + (s[:, 2, 2] - s[:, 0, 0]) ** 2
    shear = sum((0.5 * (s[:, a, b] + s[:, b, a])) ** 2 for a, b in ((0, 1), (1, 2), (2, 0)))
    return np.sqrt(normal + 6.0 * shear) / 3.0


def mean_stress(loads: Loads) -> np.ndarray:
    """Mean of the principal stresses, 0 in tension: a particle's mean stress against its size-dependent strength.

    As Sangrós Giménez et al., Energy Technol. 8 (2020) 1900180, judge NMC111. A crush test gives 2 F/(π d²), 0.71 of
    what it gives by the other criteria.
    """
    return np.maximum(np.trace(loads.stress, axis1=1, axis2=2) / 3.0, 0.0)


def limit_force(strength: np.ndarray, radius: np.ndarray, modulus: np.ndarray) -> np.ndarray:
    """F_lim = (π σ_lim)³ (3 R*/(4 E*))² [µN], at which a Hertzian contact bears the mean pressure σ_lim [MPa].

    Russell & Muir Wood, Int. J. Solids Struct. 46 (2009) 3178; R* [µm], E* [MPa].
    """
    return (np.pi * strength) ** 3 * (0.75 * radius / modulus) ** 2


def contact_strength(strength: np.ndarray, radius: np.ndarray, modulus: np.ndarray) -> np.ndarray:
    """Mean contact pressure σ_lim [MPa] at which a sphere of radius [µm] crushes at `strength` [MPa].

    In the test R* = d/2 and E* = E/(1−ν²): F_lim of these is the force of the test.
    """
    force = strength * (2.0 * radius) ** 2 / CRUSHING_FACTOR
    return np.cbrt(force / (0.75 * radius / modulus) ** 2) / np.pi


def contact_pressure(loads: Loads) -> np.ndarray:
    """Force of a crush test whose F/F_lim is that of the contact nearest its limit; Russell & Muir Wood 2009.

    F_lim ~ (R*/E*)²: small neighbours are more dangerous; equal ones are judged as by `largest_force`.
    """
    sides = loads.sides
    body = sides.body
    ease = (loads.radius[body] * sides.modulus / (sides.radius * loads.modulus[body])) ** 2
    return crushing_stress(largest_of(sides.push * ease, body, len(loads.radius)), loads.radius)


def tavares_king(loads: Loads) -> np.ndarray:
    """Force of a crush test that stores the elastic energy which the particle stores at all its contacts.

    Hertz: 2/5 F δ, δ = (9 F²/(16 E*² R*))^(1/3), of which the particle has the share of its own compliance; the test
    has two contacts with R* = d/2, E* = E/(1−ν²). Tavares & King, Int. J. Miner. Process. 54 (1998) 1.
    """
    sides = loads.sides
    stored = sides.share * hertz_energy(sides.push, sides.radius, sides.modulus)
    energy = np.bincount(sides.body, stored, len(loads.radius))
    unit = 2.0 * hertz_energy(np.ones(1), loads.radius, loads.modulus)
    return crushing_stress((energy / unit) ** 0.6, loads.radius)


def hertz_energy(force: np.ndarray, radius: np.ndarray, modulus: np.ndarray) -> np.ndarray:
    """Energy [pJ] of a Hertzian contact that bears a force [µN]."""
    return 0.4 * force * np.cbrt(9.0 * force**2 / (16.0 * modulus**2 * radius))


def weakening(loading: np.ndarray, damage_constant: float) -> np.ndarray:
    """Factor on the strength of particles that survived a pass in which they bore the share `loading` of it.

    Damage D = (2 γ/(2 γ − 5 D + 5) · e/E)^(2γ/5) lowers the fracture energy E to (1 − D) E; stresses go with the energy
    as e ~ σ^(5/3). Tavares & King, Powder Technol. 123 (2002) 138. γ: 2 to 6 for minerals (commonly quoted).
    """
    energy = np.clip(loading, 0.0, 1.0) ** (5.0 / 3.0)
    damage = np.zeros_like(energy)
    for _ in range(200):  # contracts by 2 γ D/(2 γ + 5 − 5 D) < 1
        damage = (2.0 * damage_constant / (2.0 * damage_constant - 5.0 * damage + 5.0) * energy) ** (
            0.4 * damage_constant
        )
    return (1.0 - damage) ** 0.6


CRITERIA: dict[str, Callable[[Loads], np.ndarray]] = {
    "largest_force": largest_force,
    "octahedral": octahedral,
    "contact_pressure": contact_pressure,
    "mean_stress": mean_stress,
    "tavares_king": tavares_king,
}
SANGROS_2020 = "mean_stress"  # the criterion that corresponds to that of Sangrós Giménez et al. 2020
