"""Criterion `contact_pressure`: the contact nearest to its limit pressure."""

import numpy as np

from kalander.dem.fracture.crushing import CRUSHING_FACTOR, Criterion, Loads, crushing_stress, largest_of

__all__ = ["CRITERION", "contact_pressure", "contact_strength", "limit_force"]


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


CRITERION = Criterion("contact_pressure", "contact pressure", "Russell & Muir Wood 2009", contact_pressure)
