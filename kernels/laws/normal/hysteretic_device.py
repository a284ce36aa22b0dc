"""Force and stiffness of law "hysteretic": what has yielded is a function of the largest overlap alone.

Its heat is then a difference of two states: whatever path is taken, work = recoverable energy + heat.
"""

from kalander.kernels.device.backend import ti
from kalander.kernels.laws.factors import FACTORS
from kalander.kernels.laws.normal.hysteretic import LAWS

__all__ = ["NORMAL"]

PLACES = LAWS[0].places()


@ti.func
def hysteretic(factors, radius, overlap, history):
    """Linear loading k_1 = π p_y R*, stiffer linear release k_2 = k_1/e²: e is the restitution without dashpots.

    Source: Walton & Braun, J. Rheology 30 (1986) 949, constant restitution; Luding, Granular Matter 10 (2008) 235,
    without cohesion.
    """
    before = history[PLACES.largest_overlap]
    largest = ti.max(before, overlap)
    slope = ti.math.pi * factors[FACTORS.yield_pressure] * radius
    release = slope * factors[FACTORS.release_ratio]
    force = ti.max(ti.min(slope * overlap, slope * largest - release * (largest - overlap)), 0.0)
    contact_radius = ti.sqrt(radius * overlap) if force > 0.0 else 0.0
    heat = 0.0
    if overlap > before:
        heat = 0.5 * slope * (1.0 - 1.0 / factors[FACTORS.release_ratio]) * (largest - before) * (largest + before)
    history[PLACES.largest_overlap] = largest
    return force, contact_radius, heat, history


@ti.func
def hysteretic_stiffness(factors, radius, overlap):
    """k_2; or that of the tangential spring where it is more."""
    return ti.max(
        ti.math.pi * factors[FACTORS.yield_pressure] * radius * factors[FACTORS.release_ratio],
        factors[FACTORS.twice_modulus] * ti.sqrt(radius * overlap),
    )


NORMAL = {"hysteretic": (hysteretic, hysteretic_stiffness)}
