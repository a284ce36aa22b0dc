"""Contact laws: pure functions from the state of one contact to its force. Units: µm, µs, ng, hence µN and MPa.

A law sees scalars and vectors only; gathering and storing is done in `pairs`. The normal n points from the second
body to the first, velocities are of the first relative to the second, forces act on the first. A law is composed of a
normal law, friction with a tangential spring, dashpots, and (names that end in `_rolling`) resistance to rolling and
twisting.

History of a contact: tangential spring (3), memory of the normal law, and where it resists rolling: angle (3), twist.

Heat is what a contact loses: the work done on it less the change of what it stores, ½ k ξ² included. A spring that is
wound stiffens as the contact grows, at no work; so Hertz–Mindlin contacts may give more than they were given for a
while, and their heat is then negative.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kalander.kernels.device.backend import ti
from kalander.kernels.law_table import (
    CONSTANTS,
    HOLDING,
    LAW_NAMES,
    NECKED,
    NORMAL_MEMORY,
    ROLLING,
    ROLLING_SUFFIX,
    STICKY,
    WALL_MEMORY,
    WHOLE_SUFFIX,
    base_of,
    swelling_of,
)
from kalander.kernels.laws.necks import FRICTION_PULL, neck_stiffness, necked
from kalander.kernels.laws.normal_laws import MEMORY, STORAKERS_AREA, hertz, hysteretic, storakers, thornton_ning

__all__ = ["FACTORS", "LAWS", "ContactLaw", "law_factors"]

# What laws multiply with, in this order: 4/3 E*, c_n, 8 G*, c_t, μ, floor, p_y, 2 E*, 2π w, k_2/k_1, μ_r, μ_tw, and
# what MDR takes from the pair of a material with itself: Y, ν, κ, G, ψ_b; dashpots γ = c √(a m*) with contact radius a
FACTORS = 17

ROOT_FIVE_SIXTHS = 0.9128709291752769

NOTHING = 1e-30  # keeps 0/0 away where spheres just meet, also in single precision
SMALL_TURN = 1e-5  # square of the sine of an angle; the next term of the series is 0.31 SMALL_TURN³, under rounding


@dataclass(frozen=True)
class ContactLaw:
    """Device functions. normal: force without dashpot; None where it needs the state of both bodies (kernels.dense).

    respond: the rest of a contact from its normal force; lattice_respond, wall_respond: the same in a box without
    platens and at a platen, whose histories differ
    stiffness: at least dF/dδ [MPa µm] from factors, R* and overlap
    rolling: whether the last places of a history resist rolling; swells: whether radii grow
    necks: whether contacts hold beyond first touch
    whole_levers: surfaces move by spin with whole radii, not with what is left of them at the middle of the contact
    """

    normal: Callable | None
    respond: Callable
    lattice_respond: Callable
    wall_respond: Callable
    stiffness: Callable
    rolling: bool
    swells: bool
    necks: bool
    whole_levers: bool


def law_factors(constants: np.ndarray) -> np.ndarray:
    """Factors of pairs, shape (…, FACTORS), from their constants, shape (…, len(CONSTANTS))."""
    named = dict(zip(CONSTANTS, np.moveaxis(constants, -1, 0), strict=True))
    normal, tangential = 2.0 * named["effective_modulus"], 8.0 * named["effective_shear_modulus"]
    # of a material with itself: 2 E* is E/(1 - ν²)
    young = normal * (1.0 - named["poisson"] ** 2)
    columns = (
        4.0 / 3.0 * named["effective_modulus"],
        2.0 * ROOT_FIVE_SIXTHS * named["damping"] * np.sqrt(normal),
        tangential,
        2.0 * ROOT_FIVE_SIXTHS * named["tangential_damping"] * np.sqrt(tangential),
        named["friction"],
        named["floor"],
        named["yield_pressure"],
        normal,
        2.0 * np.pi * named["adhesion"],
        named["release_ratio"],
        named["rolling_friction"],
        named["twisting_friction"],
        named["yield_strength"],
        named["poisson"],
        young / (3.0 * (1.0 - 2.0 * named["poisson"])),
        young / (2.0 * (1.0 + named["poisson"])),
        named["psi_b"],
    )
    return np.stack(columns, axis=-1)


@ti.func
def carried(vector, normal):
    """Vector turned into the contact plane, at its length, else the stress drifts (Luding 2008, §4)."""
    old = vector.dot(vector)
    out = vector.dot(normal)
    vector -= out * normal
    if old > 0.0:
        lost = out * out / old  # of the square of its length; 1/sqrt(1 - lost) by its series where that is exact
        scale = 1.0 + lost * (0.5 + 0.375 * lost)
        if lost > SMALL_TURN:
            new = vector.dot(vector)
            scale = ti.sqrt(old / new) if new > 0.0 else 0.0
        vector *= scale
    return vector


@ti.func
def rolling_moment(
    factors, radius, contact_radius, grown, normal_force, normal, spin, history, place: ti.template(), dt
):
    """Moment on the first body that resists rolling and twisting, history, heat.

    Rolling: spring k_r = 2.25 S_n (μ_r R*)² up to |M| = μ_r R* F_n, S_n = 2 E* a; Ai, Chen, Rotter & Ooi, Powder
    Technology 206 (2011) 269, model C without its dashpot. Twisting: spring k_t a²/2 up to |M| = 2/3 a μ_tw F_n;
    Marshall, J. Comput. Phys. 228 (2009) 1541. Both springs slip as friction does. As a contact grows its moments
    stay, as it shrinks its angles stay: springs that stiffen or soften make no energy, and what they lose is heat.
    grown: contact radius of the step before.
    """
    stay = grown / contact_radius if contact_radius > grown else 1.0
    lever = factors[10] * radius
    rolling, twisting = 2.25 * factors[7] * lever * lever, 0.5 * factors[2]  # over a, over a³
    spin_about = spin.dot(normal)

    angle = carried(ti.Vector([history[place], history[place + 1], history[place + 2]]), normal)
    twist = history[place + 3]
    stored = rolling * grown * angle.dot(angle) + twisting * grown * grown * grown * twist * twist
    angle = stay * angle + (spin - spin_about * normal) * dt
    twist = stay * stay * stay * twist + spin_about * dt

    stiffness = rolling * contact_radius
    moment = -stiffness * angle
    limit = lever * ti.max(normal_force, 0.0)
    size = moment.norm()
    if size > limit:
        moment *= limit / size
        angle = -moment / stiffness
    stored -= stiffness * angle.dot(angle)
    stiffness = twisting * contact_radius * contact_radius * contact_radius
    torque = -stiffness * twist
    limit = 2.0 / 3.0 * contact_radius * factors[11] * ti.max(normal_force, 0.0)
    if ti.abs(torque) > limit:
        torque = ti.math.sign(torque) * limit
        twist = -torque / stiffness
    stored -= stiffness * twist * twist

    moment += torque * normal
    for d in ti.static(range(3)):
        history[place + d] = angle[d]
    history[place + 3] = twist
    return moment, history, 0.5 * stored - moment.dot(spin) * dt


def responder(memory: int, *, yields: bool, rolling: bool, base: str, remembers: bool = False) -> Callable:
    """What follows from the normal force of a contact whose law has `memory` places of history of its own.

    remembers: the last places of its history hold the dashpots' force of the step before. What they lose is then exact,
    half a kick with the velocity before it, half with that after it; else it is that of a contact whose bodies touch
    nothing beside it. In a bed that flows quietly forces balance, and the kick of a contact changes no velocity: with
    the latter, frictionless beds of restitution 0.3 were open by 2 % of the work.
    """
    last = MEMORY + memory + (ROLLING if rolling else 0)

    @ti.func
    def respond(
        factors, radius, mass, overlap, elastic, contact_radius, yielded, normal, velocity, spin, history, dt
    ):  # fmt: skip
        """Dashpot, Coulomb friction with a spring, resistance to rolling.

        factors: of law_factors; radius R* [µm], mass m* [ng], overlap δ > 0 [µm], force F(δ) [µN], contact radius a
        [µm] and heat of yielding [pJ] of the normal law, normal n, velocity [µm/µs] at the contact, spin of the first
        relative to the second [1/µs], history, dt [µs]

        F_n = F(δ) − γ_n v_n,   γ_n = 2 √(5/6) β √(S_n m*), S_n = 2 E* a
        F_t = −k_t ξ − γ_t v_t, k_t = 8 G* a, |F_t| ≤ μ F_n without adhesion's pull, ξ shortened with it

        Returns force [µN] and resisting moment [µN µm] on the first body, history, heat made in this step, and what of
        it dashpots made [pJ]; what neither they nor yielding made is friction's.
        Source: Tsuji, Tanaka & Ishida, Powder Technology 71 (1992) 239; Di Renzo & Di Maio, Chem. Eng. Sci. 59 (2004)
        525; a = √(R*δ) with Hertz' F is the Hertz–Mindlin law.
        """
        root = ti.sqrt(contact_radius * mass)
        normal_velocity = velocity.dot(normal)
        tangential_velocity = velocity - normal_velocity * normal
        normal_force = ti.max(elastic - factors[1] * root * normal_velocity, factors[5])
        before = carried(ti.Vector([history[0], history[1], history[2]]), normal)
        spring = before + tangential_velocity * dt

        # contact radius of the step before, less what it is: the velocity that led here is that of the half step;
        # for √(1 + x) its Padé approximant, as the energy of a spring that much changes is next to none
        way = ti.max(normal_velocity * dt, -overlap)
        shrunk = contact_radius * (0.5 * way) / (overlap + 0.25 * way + NOTHING)
        if ti.static(yields):
            shrunk = history[MEMORY + memory - 1] - contact_radius
            history[MEMORY + memory - 1] = contact_radius

        stiffness = factors[2] * contact_radius
        tangential_force = -stiffness * spring - factors[3] * root * tangential_velocity
        pressing = normal_force
        if ti.static(base == NECKED):
            pressing += history[FRICTION_PULL]
        elif ti.static(yields and base != STICKY):
            pressing += factors[8] * radius  # adhesion presses the surfaces together
        limit = factors[4] * ti.max(pressing, 0.0)
        square = tangential_force.dot(tangential_force)
        # dashpots dissipate with the velocity in the middle of the kick, of which they themselves have taken half:
        # γ v (v − γ v dt/2 m), γ² = c² a m, and along the surface 7/2 of that, as spheres turn
        taken = 0.5 * dt * contact_radius
        own = taken * factors[1] * factors[1] * normal_velocity if normal_force > factors[5] else 0.0
        drag, rubbed = factors[3] * (root - 3.5 * taken * factors[3]), 0.0
        if square > limit * limit:
            drag = 0.0
            tangential_force *= limit / ti.sqrt(square)
            # the whole force, not the dashpot's share apart: a sliding contact would store what it loses
            # 0 - x, not -x: no spring is +0, as of a body that is not listed
            held = (0.0 - tangential_force) * (1.0 / stiffness)
            rubbed = (spring - held).dot(stiffness * held + (stiffness + factors[2] * shrunk) * before)
            spring = held
        if ti.static(yields) and contact_radius == 0.0:  # flattened surfaces that have parted hold nothing
            rubbed = factors[2] * shrunk * before.dot(spring)
            spring *= 0.0

        loss = (elastic - normal_force - own) * normal_velocity
        loss += drag * tangential_velocity.dot(tangential_velocity)
        if ti.static(remembers):
            dashpots = (normal_force - elastic) * normal
            if square <= limit * limit:
                dashpots -= factors[3] * root * tangential_velocity
            loss = -0.5 * velocity.dot(dashpots + ti.Vector([history[last], history[last + 1], history[last + 2]]))
            for d in ti.static(range(3)):
                history[last + d] = dashpots[d]
        # a spring gives the mean of its forces along the way, less what it stores: what stiffening and friction make
        damped = dt * loss
        heat = damped + 0.5 * (factors[2] * shrunk * before.dot(spring) + rubbed)
        moment = ti.Vector([0.0, 0.0, 0.0])
        if ti.static(yields):
            heat += yielded
        for d in ti.static(range(3)):
            history[d] = spring[d]
        if ti.static(rolling):
            moment, history, rolled = rolling_moment(
                factors, radius, contact_radius, contact_radius + shrunk, normal_force, normal, spin, history,
                MEMORY + memory, dt,
            )  # fmt: skip
            heat += rolled
        return normal_force * normal + tangential_force, moment, history, heat, damped

    return respond


def compose(name: str) -> ContactLaw:
    """The contact law of that name."""
    base, rolling = base_of(name), name.endswith(ROLLING_SUFFIX)
    whole = name.removesuffix(ROLLING_SUFFIX).endswith(WHOLE_SUFFIX)
    normal, stiffness = NORMAL_LAWS[base]
    memory = NORMAL_MEMORY[base]
    respond, wall_respond = (
        responder(places, yields=memory > 0, rolling=rolling, base=base) for places in (memory, WALL_MEMORY[base])
    )
    lattice_respond = responder(memory, yields=memory > 0, rolling=rolling, base=base, remembers=True)
    return ContactLaw(
        normal, respond, lattice_respond, wall_respond, stiffness, rolling, swelling_of(name) > 0, base in HOLDING,
        whole,
    )  # fmt: skip


@ti.func
def hertz_stiffness(factors, radius, overlap):
    """S_n = 2 E* √(R*δ); release from a flattened contact is no stiffer, its contact area being no larger."""
    return factors[7] * ti.sqrt(radius * overlap)


@ti.func
def storakers_stiffness(factors, radius, overlap):
    """Release at once: 2 E* a, loading π p_y 2.86 R*, whichever is more."""
    slope = ti.math.pi * factors[6] * STORAKERS_AREA * radius
    return ti.max(factors[7] * ti.sqrt(STORAKERS_AREA * radius * overlap), slope)


@ti.func
def hysteretic_stiffness(factors, radius, overlap):
    """k_2; or that of the tangential spring where it is more."""
    return ti.max(ti.math.pi * factors[6] * radius * factors[9], factors[7] * ti.sqrt(radius * overlap))


@ti.func
def dense_stiffness(factors, radius, overlap):
    """Release, 2 E* a with a² = 2 R*δ, 2.5 times for the displacement of the centre, and the bulk's κ A²/V."""
    return 2.5 * factors[7] * ti.sqrt(2.0 * radius * overlap) + 1.5 * ti.math.pi * factors[14] * overlap


NORMAL_LAWS: dict[str, tuple] = {
    "hertz_mindlin": (hertz, hertz_stiffness),
    "thornton_ning": (thornton_ning, hertz_stiffness),
    NECKED: (necked, neck_stiffness),
    "storakers": (storakers, storakers_stiffness),
    "hysteretic": (hysteretic, hysteretic_stiffness),
    "mdr": (None, dense_stiffness),
    STICKY: (None, dense_stiffness),
}
LAWS = {name: compose(name) for name in LAW_NAMES}
