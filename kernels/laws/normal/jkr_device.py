"""Normal law of elastic-plastic spheres that a neck of adhesion holds together beyond first touch. Units: µm, µN, MPa.

A contact forms where surfaces touch (overlap 0) and jumps to the contact radius of Johnson, Kendall & Roberts; drawn
apart it holds to the overlap −δ_f at which JKR's equilibrium ends, its pull having passed −3/2 π w R on the way. With
k = √(2π w/E*), contact radius a and radius of curvature R:

    δ = a²/R − k √a,   F = 4/3 E* a³/R − 2 E* k a^{3/2},   a_f = (k R/4)^{2/3},   δ_f = 3 a_f²/R

It yields where the pressure in its middle, 2 E* a/(π R) − E* k/(π √a), exceeds p_y. From there on
F = F_y + π p_y (a² − a_y²) − 2/3 E* k (a^{3/2} − a_y^{3/2}) at the same δ(a). Released, it is a JKR contact of the
enlarged radius R_p with the same a and F at the turn, so that its pull-off is −3/2 π w R_p; the overlap
a²/R − a²/R_p stays, and there it forms anew.

What has yielded is a function of the largest contact radius, and energy a function of that and the contact radius. The
energy of a contact counts from where it parts. So what will be lost there is counted as heat with what the jump into
contact loses, when it forms; whatever path is taken, work = recoverable energy + heat.

Sources: Johnson, Kendall & Roberts, Proc. R. Soc. A 324 (1971) 301; Thornton & Ning, Powder Technology 99 (1998) 154,
eqs. 36–70, with work of adhesion w for their Γ.
"""

from kalander.kernels.device.backend import ti
from kalander.kernels.laws.factors import FACTORS
from kalander.kernels.laws.normal.jkr import LAWS

__all__ = ["NORMAL", "cube_root"]

PLACES = LAWS[0].places()


@ti.func
def cube_root(x):
    """Of x > 0, to rounding; from single precision, because Vulkan has no powers in double."""
    root = 1.0 * ti.pow(ti.cast(x, ti.f32), ti.cast(1.0 / 3.0, ti.f32))
    for _ in ti.static(range(2)):
        root -= (root - x / (root * root)) / 3.0
    return root


@ti.func
def neck_scale(reach, radius):
    """√a_f = (k R/4)^{1/3}; reach: k [µm^½]."""
    return cube_root(0.25 * reach * radius)


@ti.func
def jkr_radius(reach, radius, overlap):
    """Contact radius at an overlap on the stable branch, 0 beyond where that ends.

    With a = a_f t² the overlap is a_f²/R (t⁴ − 4 t), t ≥ 1: the larger real root of a quartic, whose resolvent is
    m³ + D m = 2.
    """
    scale = neck_scale(reach, radius)
    square = scale * scale
    unit = square * square / radius
    depth = overlap / unit
    contact_radius = 0.0
    if depth >= -3.0:
        inner = (3.0 + depth) * (9.0 + depth * (depth - 3.0)) / 27.0  # 1 + D³/27
        root = cube_root(1.0 + ti.sqrt(ti.max(inner, 0.0)))
        third = depth / (3.0 * root)
        resolvent = 2.0 / (root * root + third * third + depth / 3.0)
        half = ti.sqrt(2.0 * resolvent)
        way = 0.5 * (half + ti.sqrt(ti.max(8.0 / half - 2.0 * resolvent, 0.0)))
        contact_radius = square * way * way
    return contact_radius


@ti.func
def jkr_force(modulus, reach, radius, a):
    return modulus * a * (4.0 / 3.0 * a * a / radius - 2.0 * reach * ti.sqrt(a))


@ti.func
def jkr_work(modulus, reach, radius, a):
    """∫ F dδ from a = 0 along the equilibria of a JKR contact: its energy against surfaces that are apart [pJ]."""
    root = ti.sqrt(a)
    strain = a * root / radius
    return modulus * a * a * (8.0 / 15.0 * strain * strain - 4.0 / 3.0 * reach * strain + 0.5 * reach * reach)


@ti.func
def yields_at(factors, reach, radius, a):
    """Whether the pressure in the middle of the contact exceeds p_y."""
    return (
        0.5 * factors[FACTORS.twice_modulus] * (2.0 * a / radius - reach / ti.sqrt(a))
        > ti.math.pi * factors[FACTORS.yield_pressure]
    )


@ti.func
def yield_radius(factors, reach, radius):
    """Contact radius at first yield: s³ − g s − k R/2 = 0, g = π p_y R/(2 E*), a = s²; Newton's method from above."""
    onset = ti.math.pi * factors[FACTORS.yield_pressure] * radius / factors[FACTORS.twice_modulus]
    pull = 0.5 * reach * radius
    root = ti.sqrt(onset) + 0.5 * pull / onset
    for _ in ti.static(range(6)):
        square = root * root
        root -= (root * (square - onset) - pull) / (3.0 * square - onset)
    return root * root


@ti.func
def plastic_parts(factors, reach, radius, a):
    """Of first loading beyond yield: force without its constant, its work, overlap."""
    slope, pull, root = (
        ti.math.pi * factors[FACTORS.yield_pressure],
        0.5 * factors[FACTORS.twice_modulus] * reach,
        ti.sqrt(a),
    )
    square, power = a * a, a * root
    force = slope * square - 2.0 / 3.0 * pull * power
    work = slope * square * (0.5 * square / radius - 0.2 * reach * root)
    work += pull * square * (reach / 6.0 - 8.0 / 21.0 * power / radius)
    return force, work, square / radius - reach * root


@ti.func
def flattening(factors, reach, radius, largest):
    """Radius of curvature when released from the contact radius `largest` [µm], and heat that yielding has made."""
    modulus = 0.5 * factors[FACTORS.twice_modulus]
    flat_radius, heat = radius, 0.0
    if largest > 0.0 and yields_at(factors, reach, radius, largest):
        onset = yield_radius(factors, reach, radius)
        force, work, overlap = plastic_parts(factors, reach, radius, largest)
        force_onset, work_onset, overlap_onset = plastic_parts(factors, reach, radius, onset)
        constant = jkr_force(modulus, reach, radius, onset) - force_onset
        force += constant
        work += constant * (overlap - overlap_onset) - work_onset
        spread = force / (largest * largest) + 2.0 * modulus * reach / ti.sqrt(largest)
        flat_radius = 4.0 / 3.0 * modulus * largest / spread
        # work from first yield less the recoverable energy there and what parting takes more of than before
        heat = work + jkr_work(modulus, reach, radius, onset) - jkr_work(modulus, reach, flat_radius, largest)
        heat += lost_in_parting(modulus, reach, flat_radius) - lost_in_parting(modulus, reach, radius)
    return flat_radius, heat


@ti.func
def lost_in_parting(modulus, reach, radius):
    """Energy of the neck where equilibrium ends [pJ]."""
    scale = neck_scale(reach, radius)
    return jkr_work(modulus, reach, radius, scale * scale)


@ti.func
def necked(factors, radius, overlap, history):
    """Thornton & Ning's spheres with JKR adhesion, as at the head of this module; overlap < 0 while the neck holds."""
    modulus, reach = (
        0.5 * factors[FACTORS.twice_modulus],
        ti.sqrt(2.0 * factors[FACTORS.pull] / factors[FACTORS.twice_modulus]),
    )
    before = history[PLACES.largest_radius]
    flat_radius, heat_before = flattening(factors, reach, radius, before)
    stays = before * before * (1.0 / radius - 1.0 / flat_radius)
    force, contact_radius, heat = 0.0, 0.0, 0.0
    exists = history[PLACES.contact_radius] > 0.0
    if exists or overlap >= stays:
        contact_radius = jkr_radius(reach, flat_radius, overlap - stays)
        force = jkr_force(modulus, reach, flat_radius, contact_radius)
        if not exists:
            touch = jkr_radius(reach, flat_radius, 0.0)
            heat = lost_in_parting(modulus, reach, flat_radius) - jkr_work(modulus, reach, flat_radius, touch)
        if contact_radius > before:
            if flat_radius > radius:
                contact_radius = jkr_radius(reach, radius, overlap)
            flat_radius, heat_now = flattening(factors, reach, radius, contact_radius)
            heat += heat_now - heat_before
            force = jkr_force(modulus, reach, flat_radius, contact_radius)  # R_p keeps a and F
            history[PLACES.largest_radius] = contact_radius
        history[PLACES.friction_pull] = 1.5 * factors[FACTORS.pull] * flat_radius
    return force, contact_radius, heat, history


@ti.func
def neck_stiffness(factors, radius, overlap):
    """2 E* a: an equilibrium of JKR is softer, and released from a flattened contact a is no larger."""
    reach = ti.sqrt(2.0 * factors[FACTORS.pull] / factors[FACTORS.twice_modulus])
    return factors[FACTORS.twice_modulus] * jkr_radius(reach, radius, overlap)


NORMAL = {"thornton_ning_jkr": (necked, neck_stiffness)}
