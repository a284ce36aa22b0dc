"""Contacts of dense compaction: the mechanically-derived response of Zunker & Kamrin.

A sphere is pressed between rigid flats, each of which meets an elliptical indenter of the method of dimensionality
reduction (MDR). A flat between two spheres lies where their surfaces intersect, and the force of the pair is the mean
of both sides. Volume is kept: the apparent radius of a sphere grows by what its caps displace. Once the free share of
its surface falls below ψ_b, the mean displacement of its surface acts on the bulk modulus instead. Units: µm, µN, MPa.

Sources: Zunker & Kamrin, J. Mech. Phys. Solids 183 (2024) 105492 (part I) and 105493 (part II); Zunker, Dunatunga,
Thakur, Tang & Kamrin, Powder Technology (2025) 120972 (many spheres).
"""

from kalander.kernels.device.backend import ti
from kalander.kernels.laws.factors import FACTORS
from kalander.kernels.laws.normal.jkr_device import cube_root
from kalander.kernels.laws.normal.mdr import BODY, LAWS, SIDE, SUM
from kalander.kernels.layout import width_of

__all__ = ["NORMAL", "one_flat", "solid_volume", "two_flats"]

PAIR, AT_PLATEN = LAWS[0].places(), LAWS[0].places(platen=True)
STUCK, STUCK_PLATEN = LAWS[1].places(), LAWS[1].places(platen=True)
SIDES, SUMS = width_of(SIDE), width_of(SUM)
DEEPEST = 0.95  # of the radius: deeper the plane of intersection moves into the other sphere
ADHERES = 0.99  # of the contact radius: the edge of the ellipse is upright at its full width


@ti.func
def solid_volume(row):
    """Volume of a sphere without load [µm³]."""
    return 4.0 / 3.0 * ti.math.pi * row[BODY.solid] * row[BODY.solid] * row[BODY.solid]


@ti.func
def contact_area(radius, overlap, intercept):
    """Area of a flattened cap [µm²]: Hertz' πRδ until it yields, then that of the plane through the sphere and what it
    lacked of it when it began to yield.
    """
    area = ti.math.pi * radius * overlap
    if intercept < 0.0:
        area = ti.math.pi * overlap * (2.0 * radius - overlap) + intercept
    return ti.max(area, 0.0)


@ti.func
def indented(depth, height, width):
    """Force and energy over E* of a rigid ellipse [µm] pressed `depth` into springs, and its contact radius.

    F/E* = h w/4 (φ − sin φ cos φ), cos φ = 1 − 2 d/h; ∫ F dd = h² w/8 (sin φ − φ cos φ − sin³ φ/3).
    """
    share = ti.max(depth, 0.0) / height
    sine, cosine = 2.0 * ti.sqrt(share * (1.0 - share)), 1.0 - 2.0 * share
    angle = 2.0 * ti.asin(ti.sqrt(share))
    force = 0.25 * height * width * (angle - cosine * sine)
    energy = 0.125 * height * height * width * (sine - angle * cosine - sine * sine * sine / 3.0)
    return force, energy, 0.5 * width * sine


@ti.func
def smallest_adhered(reach, height, width):
    """Radius below which springs that are stretched to their limit let go one after the other: dg/da = dl/da there.

    a³ + c w²/h² a² − c w⁴/(4 h²) = 0 with c = k²/4, by Newton's method from above.
    """
    share = 0.25 * reach * reach * (width / height) * (width / height)
    product = 0.25 * share * width * width
    radius = cube_root(product)
    for _ in ti.static(range(6)):
        radius -= (radius * radius * (radius + share) - product) / (radius * (3.0 * radius + 2.0 * share))
    return radius


@ti.func
def adhering(depth, height, width, reach, adhered, loading):
    """Force and energy over E* of a rigid ellipse that springs stick to, contact radius, radius to which they stick.

    Pressed anew, or as far as no spring is stretched, as `indented`. Withdrawn, springs within `adhered` hold on; the
    outermost may be stretched by l = k √a, and the radius shrinks to where it is; a contact that finds none parts.
    Zunker & Kamrin 2024, part I, §4.
    """
    force, energy, contact_radius = indented(depth, height, width)
    if loading or contact_radius >= adhered:
        adhered = ti.min(ti.max(adhered, ADHERES * contact_radius), 0.5 * ADHERES * width)
    else:
        half = 0.5 * width
        edge = 0.5 * height * (1.0 - ti.sqrt(ti.max(1.0 - adhered * adhered / (half * half), 0.0)))
        if depth + reach * ti.sqrt(adhered) < edge:
            least = smallest_adhered(reach, height, width)
            rim = 0.5 * height * (1.0 - ti.sqrt(ti.max(1.0 - least * least / (half * half), 0.0)))
            if adhered <= least or depth + reach * ti.sqrt(least) < rim:
                adhered = 0.0
            else:  # concave and falling: Newton's method comes down from the last radius without passing the root
                for _ in range(12):
                    across = ti.sqrt(half * half - adhered * adhered)
                    miss = depth - 0.5 * height * (1.0 - across / half) + reach * ti.sqrt(adhered)
                    slope = 0.5 * reach / ti.sqrt(adhered) - 0.5 * height * adhered / (half * across)
                    adhered -= miss / slope
            edge = 0.5 * height * (1.0 - ti.sqrt(ti.max(1.0 - adhered * adhered / (half * half), 0.0)))
        stretch = depth - edge
        force, energy, contact_radius = indented(edge, height, width)
        energy += stretch * (force + stretch * adhered)
        force += 2.0 * stretch * adhered
        contact_radius = adhered
    return force, energy, contact_radius, adhered


@ti.func
def flat(factors, radius, row, overlap, side, dt, adhered, sticky: ti.template()):
    """One sphere against a rigid flat.

    factors: of the sphere's own material with itself; radius: apparent [µm]; row: of `swelling`; overlap δ [µm]; side:
    its history. p_Y = Y (1.75 exp(−4.4 δ_max/R) + 1); the contact yields when Hertz' mean pressure exceeds it; then
    a² = 2 δ_max R − δ_max² + c_A/π, indenter h = 4 p_Y a/E*, w = 2 a, and the displacement of the sphere's centre
    stretches that of the springs by 1 + ΔR/(h/2). adhered: radius to which the flat sticks, where it does.

    Returns force [µN], contact radius [µm], recoverable energy [pJ], history, radius that adheres, and sums: contact
    area, surface beyond 4πR², volume of caps, volume strain, volume displaced, surface that cannot grow, area times
    displacement.
    """
    modulus, strength, poisson, bulk_modulus, psi_b = (
        factors[FACTORS.twice_modulus],
        factors[FACTORS.yield_strength],
        factors[FACTORS.poisson],
        factors[FACTORS.bulk_modulus],
        factors[FACTORS.psi_b],
    )
    moved = overlap - side[SIDE.overlap]
    intercept = side[SIDE.intercept]
    area_before = contact_area(radius - row[BODY.growth], side[SIDE.overlap], intercept)
    bulk = side[SIDE.bulk]
    if row[BODY.covered] > 1.0 - psi_b and dt > 0.0:  # a look at the forces changes nothing
        bulk = ti.max(bulk + row[BODY.shift], 0.0)
    displacement = overlap - bulk
    largest = ti.max(side[SIDE.largest], displacement)
    pressure = strength * (1.75 * ti.exp(-4.4 * largest / radius) + 1.0)
    if intercept == 0.0 and displacement >= largest:
        hertz = 4.0 / (3.0 * ti.math.pi) * modulus * ti.sqrt(ti.max(displacement, 0.0) / radius)
        if hertz > pressure:
            intercept = ti.math.pi * displacement * (displacement - radius)

    height, width, depth, stretch, stays = 4.0 * radius, 2.0 * radius, displacement, 1.0, 0.0
    if intercept < 0.0:
        square = 2.0 * largest * radius - largest * largest + intercept / ti.math.pi
        flat_radius = ti.sqrt(square)
        height, width = 4.0 * pressure * flat_radius / modulus, 2.0 * flat_radius
        deepest = 0.5 * height
        centre = radius - (largest - deepest)
        slant = ti.sqrt(square + centre * centre)
        # displacement at the centre of the sphere by the pressure p_Y on the contact
        correction = 2.0 * square * (poisson - 1.0) + (1.0 - 2.0 * poisson) * centre * (slant - centre)
        correction *= pressure / (2.0 * factors[FACTORS.shear_modulus] * slant)
        stretch = 1.0 + correction / deepest
        depth = (displacement - largest + deepest + correction) / stretch
        stays = largest - (deepest + correction)
    over_modulus, energy_over, contact_radius = 0.0, 0.0, 0.0
    if ti.static(sticky):
        reach = ti.sqrt(factors[FACTORS.pull] / modulus)  # k = √(2π w/E*) of this side
        over_modulus, energy_over, contact_radius, adhered = adhering(
            depth, height, width, reach, adhered, displacement >= largest
        )  # fmt: skip
    else:
        over_modulus, energy_over, contact_radius = indented(depth, height, width)
    force = modulus * over_modulus

    area = contact_area(radius, overlap, intercept)
    bulk_force = row[BODY.crowding] * bulk_modulus * area * bulk
    energy = modulus * stretch * energy_over + 0.5 * bulk_force * bulk
    volume = solid_volume(row)
    strain = -(force + bulk_force) * (radius - overlap) / (3.0 * bulk_modulus * volume * (1.0 + row[BODY.strain]))
    displaced, held = 0.0, 0.0
    if displacement >= largest and intercept < 0.0 and force > 0.0:
        displaced = -volume * (strain - side[SIDE.strain])
        displaced -= ti.math.pi * (moved - row[BODY.growth]) * overlap * (2.0 * radius - overlap)
        held = 2.0 * ti.math.pi * radius * overlap
    sums = ti.Vector(
        [
            area, area - 2.0 * ti.math.pi * radius * (largest + bulk),
            ti.math.pi / 3.0 * overlap * overlap * (3.0 * radius - overlap),
            strain, displaced, held, area_before * moved,
        ]
    )  # fmt: skip
    history = ti.Vector([overlap, bulk, largest, intercept, strain, stays])
    return force + bulk_force, contact_radius, energy, history, adhered, sums


@ti.func
def one_flat(factors, radius, row, overlap, history, dt, sticky: ti.template()):
    """Sphere and platen: force, contact radius, heat of yielding [pJ], history, sums of the sphere."""
    side = ti.Vector([history[AT_PLATEN.one + d] for d in range(SIDES)])
    held = 0.0
    if ti.static(sticky):
        held = history[STUCK_PLATEN.adhered]
    force, contact_radius, energy, side, held, sums = flat(factors, radius, row, overlap, side, dt, held, sticky)
    if ti.static(sticky):
        history[STUCK_PLATEN.adhered] = held
    way = overlap - history[AT_PLATEN.one + SIDE.overlap] - row[BODY.growth]
    # the mean of the step's ends: with the last force alone, motion to and fro would seem to make heat
    heat = history[AT_PLATEN.energy] - energy + 0.5 * (history[AT_PLATEN.one + SIDE.stays] + force) * way
    for d in ti.static(range(SIDES)):
        history[AT_PLATEN.one + d] = side[d]
    history[AT_PLATEN.one + SIDE.stays], history[AT_PLATEN.energy] = force, energy
    return force, contact_radius, heat, history, sums


@ti.func
def two_flats(
    factors, other_factors, radius, other_radius, row, other_row, overlap, history, dt, sticky: ti.template()
):  # fmt: skip
    """Pair of spheres: force, contact radius, heat of yielding [pJ], history, sums of one sphere and of the other.

    In first loading the flat is the plane in which the spheres intersect; released, both sides part at once.
    """
    largest = ti.max(history[PAIR.largest_overlap], overlap)
    reach = radius + other_radius
    deep = largest * (2.0 * other_radius - largest) / (2.0 * (reach - largest))
    deep = ti.min(deep, DEEPEST * radius)
    deep = ti.max(deep, largest - DEEPEST * other_radius)
    stays, other_stays = history[PAIR.one + SIDE.stays], history[PAIR.other + SIDE.stays]
    returned = largest - stays - other_stays
    share = (deep - stays) / returned if returned > 0.0 else 0.5  # of what is taken back from the largest overlap
    mine = deep - share * (largest - overlap)
    theirs = overlap - mine

    side = ti.Vector([history[PAIR.one + d] for d in range(SIDES)])
    other_side = ti.Vector([history[PAIR.other + d] for d in range(SIDES)])
    held, other_held = 0.0, 0.0
    if ti.static(sticky):
        held, other_held = history[STUCK.adhered], history[STUCK.adhered + 1]
    force, contact_radius, energy, side, held, sums = flat(factors, radius, row, mine, side, dt, held, sticky)
    other_force, other_contact, other_energy, other_side, other_held, other_sums = flat(
        other_factors, other_radius, other_row, theirs, other_side, dt, other_held, sticky
    )  # fmt: skip
    if ti.static(sticky):
        history[STUCK.adhered], history[STUCK.adhered + 1] = held, other_held
    force = 0.5 * (force + other_force)
    # the mean force along the whole overlap gives back what both sides do along their shares of it
    energy = 0.5 * (energy / share + other_energy / (1.0 - share))
    # not the velocity along the line of centres, which turns
    way = (
        overlap
        - history[PAIR.one + SIDE.overlap]
        - history[PAIR.other + SIDE.overlap]
        - row[BODY.growth]
        - other_row[BODY.growth]
    )
    heat = history[PAIR.energy] - energy + 0.5 * (history[PAIR.force] + force) * way
    for d in ti.static(range(SIDES)):
        history[PAIR.one + d] = side[d]
        history[PAIR.other + d] = other_side[d]
    history[PAIR.largest_overlap], history[PAIR.energy], history[PAIR.force] = largest, energy, force
    both = ti.Vector([0.0] * (2 * SUMS))
    for d in ti.static(range(SUMS)):
        both[d], both[SUMS + d] = sums[d], other_sums[d]
    return force, 0.5 * (contact_radius + other_contact), heat, history, both


@ti.func
def dense_stiffness(factors, radius, overlap):
    """Release, 2 E* a with a² = 2 R*δ, 2.5 times for the displacement of the centre, and the bulk's κ A²/V."""
    return (
        2.5 * factors[FACTORS.twice_modulus] * ti.sqrt(2.0 * radius * overlap)
        + 1.5 * ti.math.pi * factors[FACTORS.bulk_modulus] * overlap
    )


NORMAL = {"mdr": (None, dense_stiffness), "mdr_adhesive": (None, dense_stiffness)}
