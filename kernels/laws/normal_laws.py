"""Normal contact laws: elastic or plastic force of one contact from its overlap and its history. Units: µm, µN, MPa.

A law takes the factors of the pair of materials (contact.FACTORS), R* [µm], the overlap δ > 0 [µm] and the history, in
which places from MEMORY on are its own. It returns the force without dashpot [µN], the contact radius that tangent and
dashpots use [µm], the heat made by yielding in this step [pJ], and the history.

What has yielded is a function of the largest overlap δ_max alone, so its heat is a difference of two states: whatever
path is taken, work = recoverable energy + heat.
"""

from kalander.kernels.device.backend import ti

__all__ = ["MEMORY", "STORAKERS_AREA", "hertz", "hysteretic", "storakers", "thornton_ning"]

MEMORY = 3  # first place of a history that belongs to the normal law; the tangential spring comes before
STORAKERS_AREA = 2.86  # a² = 1.43 R h for equal spheres, R = 2 R*


@ti.func
def hertz(factors, radius, overlap, history):
    """F = 4/3 E* √(R*δ) δ; Hertz 1882."""
    contact_radius = ti.sqrt(radius * overlap)
    return factors[0] * contact_radius * overlap, contact_radius, 0.0, history


@ti.func
def flattened(factors, peak_force, peak_area, depth):
    """Hertzian release from a flattened contact: force, contact radius; depth: overlap less what stays when released.

    R_p = 4/3 E* a³/F and δ_max − δ_p = a²/R_p at the turn, so that neither force nor contact area jumps there.
    peak_area: a² at the turn [µm²].
    """
    flat_radius = factors[0] * peak_area * ti.sqrt(peak_area) / peak_force
    contact_radius = ti.sqrt(flat_radius * ti.max(depth, 0.0))
    return factors[0] * contact_radius * ti.max(depth, 0.0), contact_radius


@ti.func
def recovery(factors, peak_force, peak_area):
    """δ_max − δ_p = F/(4/3 E* a): overlap that a flattened contact gives back [µm]."""
    return peak_force / (factors[0] * ti.sqrt(peak_area))


@ti.func
def thornton_peak(factors, radius, largest):
    """Force of first loading to an overlap, work of it, and overlap that stays afterwards."""
    onset = factors[6] / factors[7]
    yield_overlap = radius * (ti.math.pi * onset) * (ti.math.pi * onset)
    area = radius * largest
    force = factors[0] * ti.sqrt(area) * largest
    work = 0.4 * force * largest
    stays = 0.0
    if largest > yield_overlap:
        yield_force = factors[0] * ti.sqrt(radius * yield_overlap) * yield_overlap
        beyond = largest - yield_overlap
        slope = ti.math.pi * factors[6] * radius
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
    before = history[MEMORY]
    largest = ti.max(before, overlap)
    force, work, stays = thornton_peak(factors, radius, largest)
    pull = factors[8] * radius
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
        force = factors[0] * contact_radius * overlap
    if overlap > stays:
        force -= pull
    history[MEMORY] = largest
    return force, contact_radius, heat, history


@ti.func
def storakers_peak(factors, radius, largest):
    """Force of first loading to an overlap, square of the contact radius, work of it, and overlap that stays.

    Where Hertz' force is the smaller one the contact has not yielded yet.
    """
    slope = ti.math.pi * factors[6] * STORAKERS_AREA * radius
    area = radius * largest
    force = factors[0] * ti.sqrt(area) * largest
    work, stays = 0.4 * force * largest, 0.0
    if force > slope * largest:
        root = slope / (factors[0] * ti.sqrt(radius))
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
    before = history[MEMORY]
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
        force = factors[0] * contact_radius * overlap
    history[MEMORY] = largest
    return force, contact_radius, heat, history


@ti.func
def hysteretic(factors, radius, overlap, history):
    """Linear loading k_1 = π p_y R*, stiffer linear release k_2 = k_1/e²: e is the restitution without dashpots.

    Source: Walton & Braun, J. Rheology 30 (1986) 949, constant restitution; Luding, Granular Matter 10 (2008) 235,
    without cohesion.
    """
    before = history[MEMORY]
    largest = ti.max(before, overlap)
    slope = ti.math.pi * factors[6] * radius
    release = slope * factors[9]
    force = ti.max(ti.min(slope * overlap, slope * largest - release * (largest - overlap)), 0.0)
    contact_radius = ti.sqrt(radius * overlap) if force > 0.0 else 0.0
    heat = 0.0
    if overlap > before:
        heat = 0.5 * slope * (1.0 - 1.0 / factors[9]) * (largest - before) * (largest + before)
    history[MEMORY] = largest
    return force, contact_radius, heat, history
