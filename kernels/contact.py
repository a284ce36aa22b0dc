"""Contact laws: pure functions from the state of one contact to its force. Units: µm, µs, ng, hence µN and MPa.

A law sees scalars and vectors only; gathering and storing is done in `pairs`. The normal n points from the second
body to the first, velocities are of the first relative to the second, forces act on the first.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kalander.kernels.backend import ti

__all__ = ["CONSTANTS", "LAWS", "ContactLaw", "hertz_mindlin"]

# Meaning of the constants of a pair of materials, in this order (see dem.material).
CONSTANTS = ("effective_modulus", "effective_shear_modulus", "damping", "tangential_damping", "friction", "floor")

ROOT_FIVE_SIXTHS = 0.9128709291752769


@dataclass(frozen=True)
class ContactLaw:
    """force: the device function. factors: constants of pairs (…, 6) to what it multiplies with, (…, LAW_WIDTH);

    the last of them is 2 E*: normal stiffness over contact radius.
    """

    force: Callable
    factors: Callable[[np.ndarray], np.ndarray]


def hertz_mindlin_factors(constants: np.ndarray) -> np.ndarray:
    """4/3 E*, c_n, 8 G*, c_t, μ, floor, 0, 2 E*; dashpots γ = c √(a m*) with contact radius a = √(R*δ)."""
    modulus, shear_modulus, damping, tangential_damping, friction, floor = np.moveaxis(constants, -1, 0)
    normal, tangential = 2.0 * modulus, 8.0 * shear_modulus
    columns = (
        4.0 / 3.0 * modulus,
        2.0 * ROOT_FIVE_SIXTHS * damping * np.sqrt(normal),
        tangential,
        2.0 * ROOT_FIVE_SIXTHS * tangential_damping * np.sqrt(tangential),
        friction,
        floor,
        np.zeros_like(modulus),
        normal,
    )
    return np.stack(columns, axis=-1)


@ti.func
def hertz_mindlin(factors, radius, mass, overlap, normal, velocity, spring, dt):
    """Hertz–Mindlin contact with history, Coulomb friction and restitution-based damping.

    factors: of hertz_mindlin_factors, from E* [MPa], G* [MPa], β, β_t, μ, smallest normal force [µN]
    radius R* [µm], mass m* [ng], overlap δ > 0 [µm], normal n, velocity [µm/µs] at the contact, spring ξ [µm], dt [µs]

    F_n = 4/3 E* √(R*δ) δ − γ_n v_n,  γ_n = 2 √(5/6) β √(S_n m*), S_n = 2 E* √(R*δ)
    F_t = −k_t ξ − γ_t v_t,           k_t = 8 G* √(R*δ), |F_t| ≤ μ F_n, ξ shortened with it

    Returns force on the first body [µN], spring [µm], heat made in this step [pJ].
    Source: Tsuji, Tanaka & Ishida, Powder Technology 71 (1992) 239; Di Renzo & Di Maio, Chem. Eng. Sci. 59 (2004) 525.
    """
    contact_radius = ti.sqrt(radius * overlap)
    root = ti.sqrt(contact_radius * mass)
    normal_velocity = velocity.dot(normal)
    tangential_velocity = velocity - normal_velocity * normal

    elastic = factors[0] * contact_radius * overlap
    normal_force = ti.max(elastic - factors[1] * root * normal_velocity, factors[5])

    # history turns with the contact plane and keeps its length, else the stress drifts (Luding 2008, §4)
    old = spring.dot(spring)
    spring -= spring.dot(normal) * normal
    new = spring.dot(spring)
    if new > 0.0:
        spring *= ti.sqrt(old / new)
    spring += tangential_velocity * dt

    stiffness = factors[2] * contact_radius
    tangential_force = -stiffness * spring - factors[3] * root * tangential_velocity
    limit = factors[4] * ti.max(normal_force, 0.0)
    square = tangential_force.dot(tangential_force)
    if square > limit * limit:
        tangential_force *= limit / ti.sqrt(square)
        # the whole force, not the dashpot's share apart: a sliding contact would store what it loses
        spring = -tangential_force / stiffness

    stored = 0.5 * stiffness * (spring.dot(spring) - old)
    heat = (elastic - normal_force) * normal_velocity * dt - tangential_force.dot(tangential_velocity) * dt - stored
    return normal_force * normal + tangential_force, spring, heat


LAWS = {"hertz_mindlin": ContactLaw(hertz_mindlin, hertz_mindlin_factors)}
