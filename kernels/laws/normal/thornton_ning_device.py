"""Force and stiffness of law "thornton_ning": what has yielded is a function of the largest overlap alone.

Its heat is then a difference of two states: whatever path is taken, work = recoverable energy + heat.
"""

from kalander.kernels.device.backend import ti
from kalander.kernels.laws.factors import FACTORS
from kalander.kernels.laws.flattened_device import flattened, recovery
from kalander.kernels.laws.normal.hertz_device import hertz_stiffness
from kalander.kernels.laws.normal.thornton_ning import LAWS

__all__ = ["NORMAL"]

PLACES = LAWS[0].places()


@ti.func
def thornton_peak(factors, radius, largest):
    """Force of first loading to an overlap, work of it, and overlap that stays afterwards."""
    onset = factors[FACTORS.yield_pressure] / factors[FACTORS.twice_modulus]
    yield_overlap = radius * (ti.math.pi * onset) * (ti.math.pi * onset)
    area = radius * largest
    force = factors[FACTORS.hertz] * ti.sqrt(area) * largest
    work = 0.4 * force * largest
    stays = 0.0
    if largest > yield_overlap:
        yield_force = factors[FACTORS.hertz] * ti.sqrt(radius * yield_overlap) * yield_overlap
        beyond = largest - yield_overlap
        slope = ti.math.pi * factors[FACTORS.yield_pressure] * radius
        force = yield_force + slope * beyond
        work = 0.4 * yield_force * yield_overlap + (yield_force + 0.5 * slope * beyond) * beyond
        stays = largest - recovery(factors, force, area)
    return force, work, stays


@ti.func
def thornton_ning(factors, radius, overlap, history):
    """Elastic-perfectly plastic spheres, with a constant pull of adhesion as long as they press on each other (DMT).

    Loading: Hertz to δ_y = R*(π p_y/(2 E*))², then F = F_y + π p_y R*(δ − δ_y). Release: Hertz with the enlarged radius
    R_p from δ_max to the overlap δ_p that stays. Adhesion: −2π w R* while δ > δ_p.
    Source: Thornton & Ning, Powder Technology 99 (1998) 154, eqs. 14–25 without their JKR neck; Derjaguin, Muller &
    Toporov, J. Colloid Interface Sci. 53 (1975) 314.
    """
    before = history[PLACES.largest_overlap]
    largest = ti.max(before, overlap)
    force, work, stays = thornton_peak(factors, radius, largest)
    pull = factors[FACTORS.pull] * radius
    heat = 0.0
    if overlap > before:
        force_before, work_before, stays_before = thornton_peak(factors, radius, before)
        kept = (0.4 * force - pull) * (largest - stays)
        kept_before = (0.4 * force_before - pull) * (before - stays_before)
        heat = (work - pull * largest - kept) - (work_before - pull * before - kept_before)
    contact_radius = ti.sqrt(radius * overlap)
    if stays > 0.0 and overlap < largest:
        force, contact_radius = flattened(factors, force, radius * largest, overlap - stays)
    elif overlap < largest:
        force = factors[FACTORS.hertz] * contact_radius * overlap
    if overlap > stays:
        force -= pull
    history[PLACES.largest_overlap] = largest
    return force, contact_radius, heat, history


NORMAL = {"thornton_ning": (thornton_ning, hertz_stiffness)}
