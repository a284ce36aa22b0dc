"""Inertia of spheres that are pressed slowly: small ones may be given more, and then bear longer steps.

Where inertia is small beside the forces of contacts it tells nothing but how long a step may be. The lightest spheres
set that, and many of them are a small part of the mass: as heavy as larger ones, they cost the inertial number less
than they give the step. Thornton & Antony, Phil. Trans. R. Soc. A 356 (1998) 2763, and those after them scale the mass
of all spheres; here only of those that are light. The mass is the one that the inertial number counts.
"""

import numpy as np

__all__ = ["mass_factors", "step_factor"]


def mass_factors(radius: np.ndarray, box: np.ndarray, least: float) -> np.ndarray:
    """Factor of the mass of each sphere, at least 1, shape (sphere,).

    No sphere has less mass than the share `least` of a sphere of its density and the mean diameter by volume of its
    box, D = Σd⁴/Σd³. radius (sphere,) [µm] or any other length; box (sphere,): whose mean it is.
    """
    radius = np.asarray(radius, dtype=np.float64)
    mean = np.bincount(box, radius**4) / np.maximum(np.bincount(box, radius**3), 1e-300)
    return np.maximum(1.0, least * (mean[box] / radius) ** 3)


def step_factor(radius: np.ndarray, factors: np.ndarray) -> float:
    """How much longer steps may be, by Rayleigh's time r √ρ of the sphere that bears least, with these factors."""
    return float((radius * np.sqrt(factors)).min() / radius.min())
