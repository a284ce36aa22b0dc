"""Force and stiffness of law "storakers": what has yielded is a function of the largest overlap alone.

Its heat is then a difference of two states: whatever path is taken, work = recoverable energy + heat.
"""

from kalander.kernels.device.backend import ti
from kalander.kernels.laws.factors import FACTORS
from kalander.kernels.laws.flattened_device import flattened, recovery
from kalander.kernels.laws.normal.storakers import LAWS

__all__ = ["NORMAL"]

PLACES = LAWS[0].places()
STORAKERS_AREA = 2.86  # a² = 1.43 R h for equal spheres, R = 2 R*


@ti.func
def storakers_peak(factors, radius, largest):
    """Force of first loading to an overlap, square of the contact radius, work of it, and overlap that stays.

    Where Hertz' force is the smaller one the contact has not yielded yet.
    """
    slope = ti.math.pi * factors[FACTORS.yield_pressure] * STORAKERS_AREA * radius
    area = radius * largest
    force = factors[FACTORS.hertz] * ti.sqrt(area) * largest
    work, stays = 0.4 * force * largest, 0.0
    if force > slope * largest:
        root = slope / (factors[FACTORS.hertz] * ti.sqrt(radius))
        onset = root * root
        force, area = slope * largest, STORAKERS_AREA * area
        work = 0.4 * slope * onset * onset + 0.5 * slope * (largest - onset) * (largest + onset)
        stays = largest - recovery(factors, force, area)
    return force, area, work, stays


@ti.func
def storakers(factors, radius, overlap, history):
    """Fully plastic spheres: F = p_y π a², a² = 2.86 R*δ, p_y = 3 σ_0; Hertzian release as of a flattened contact.

    Below the overlap at which that exceeds Hertz' force the contact is elastic; there its area jumps by 2.86.
    Source: similarity solution of Storåkers, Biwa & Larsson, Int. J. Solids Struct. 34 (1997) 3061, for perfect
    plasticity: equal spheres have a² = 1.43 R h and F = 4.29 π σ_0 R h.
    """
    before = history[PLACES.largest_overlap]
    largest = ti.max(before, overlap)
    force, area, work, stays = storakers_peak(factors, radius, largest)
    heat = 0.0
    if overlap > before:
        force_before, _area, work_before, stays_before = storakers_peak(factors, radius, before)
        heat = (work - 0.4 * force * (largest - stays)) - (work_before - 0.4 * force_before * (before - stays_before))
    contact_radius = ti.sqrt(area)
    if stays > 0.0 and overlap < largest:
        force, contact_radius = flattened(factors, force, area, overlap - stays)
    elif overlap < largest:
        contact_radius = ti.sqrt(radius * overlap)
        force = factors[FACTORS.hertz] * contact_radius * overlap
    history[PLACES.largest_overlap] = largest
    return force, contact_radius, heat, history


@ti.func
def storakers_stiffness(factors, radius, overlap):
    """Release at once: 2 E* a, loading π p_y 2.86 R*, whichever is more."""
    slope = ti.math.pi * factors[FACTORS.yield_pressure] * STORAKERS_AREA * radius
    return ti.max(factors[FACTORS.twice_modulus] * ti.sqrt(STORAKERS_AREA * radius * overlap), slope)


NORMAL = {"storakers": (storakers, storakers_stiffness)}
