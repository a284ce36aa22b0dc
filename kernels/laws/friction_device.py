"""What follows from the normal force of a contact: dashpots, Coulomb friction with a spring, resistance to rolling."""

from collections.abc import Callable

from kalander.kernels.device.backend import ti
from kalander.kernels.law_table import MEMORY, Law
from kalander.kernels.laws.carried_device import carried
from kalander.kernels.laws.factors import FACTORS
from kalander.kernels.laws.rolling import ROLLING
from kalander.kernels.laws.rolling_device import rolling_moment

__all__ = ["responder"]

NOTHING = 1e-30  # keeps 0/0 away where spheres just meet, also in single precision


def responder(law: Law, *, rolling: bool, platen: bool = False, remembers: bool = False) -> Callable:
    """What follows from the normal force of a contact of this law, at a platen or between particles.

    remembers: the last places of its history hold the dashpots' force of the step before. What they lose is then exact,
    half a kick with the velocity before it, half with that after it; else it is that of a contact whose bodies touch
    nothing beside it. In a bed that flows quietly forces balance, and the kick of a contact changes no velocity: with
    the latter, frictionless beds of restitution 0.3 were open by 2 % of the work.
    """
    at, yields, constant_area = law.places(platen=platen), law.yields, law.area == "constant"
    resistance = MEMORY + law.memory(platen=platen)
    last = resistance + (ROLLING.memory if rolling else 0)
    pull = "kept" if "jkr" in law.adhesion else "constant" if "dmt" in law.adhesion else "none"

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
        normal_force = ti.max(elastic - factors[FACTORS.damping] * root * normal_velocity, factors[FACTORS.floor])
        before = carried(ti.Vector([history[d] for d in range(MEMORY)]), normal)
        spring = before + tangential_velocity * dt

        # contact radius of the step before, less what it is: the velocity that led here is that of the half step;
        # for √(1 + x) its Padé approximant, as the energy of a spring that much changes is next to none
        way = ti.max(normal_velocity * dt, -overlap)
        shrunk = contact_radius * (0.5 * way) / (overlap + 0.25 * way + NOTHING)
        if ti.static(yields):
            shrunk = history[at.contact_radius] - contact_radius
            history[at.contact_radius] = contact_radius
        elif ti.static(constant_area):
            shrunk = 0.0

        stiffness = factors[FACTORS.tangential] * contact_radius
        tangential_force = -stiffness * spring - factors[FACTORS.tangential_damping] * root * tangential_velocity
        pressing = normal_force
        if ti.static(pull == "kept"):
            pressing += history[at.friction_pull]
        elif ti.static(pull == "constant"):
            pressing += factors[FACTORS.pull] * radius  # adhesion presses the surfaces together
        limit = factors[FACTORS.friction] * ti.max(pressing, 0.0)
        square = tangential_force.dot(tangential_force)
        # dashpots dissipate with the velocity in the middle of the kick, of which they themselves have taken half:
        # γ v (v − γ v dt/2 m), γ² = c² a m, and along the surface 7/2 of that, as spheres turn
        taken = 0.5 * dt * contact_radius
        own = (
            taken * factors[FACTORS.damping] * factors[FACTORS.damping] * normal_velocity
            if normal_force > factors[FACTORS.floor]
            else 0.0
        )
        drag, rubbed = (
            factors[FACTORS.tangential_damping] * (root - 3.5 * taken * factors[FACTORS.tangential_damping]),
            0.0,
        )
        if square > limit * limit:
            drag = 0.0
            tangential_force *= limit / ti.sqrt(square)
            # the whole force, not the dashpot's share apart: a sliding contact would store what it loses
            # 0 - x, not -x: no spring is +0, as of a body that is not listed
            held = (0.0 - tangential_force) * (1.0 / stiffness)
            rubbed = (spring - held).dot(stiffness * held + (stiffness + factors[FACTORS.tangential] * shrunk) * before)
            spring = held
        if ti.static(yields) and contact_radius == 0.0:  # flattened surfaces that have parted hold nothing
            rubbed = factors[FACTORS.tangential] * shrunk * before.dot(spring)
            spring *= 0.0

        loss = (elastic - normal_force - own) * normal_velocity
        loss += drag * tangential_velocity.dot(tangential_velocity)
        if ti.static(remembers):
            dashpots = (normal_force - elastic) * normal
            if square <= limit * limit:
                dashpots -= factors[FACTORS.tangential_damping] * root * tangential_velocity
            loss = -0.5 * velocity.dot(dashpots + ti.Vector([history[last], history[last + 1], history[last + 2]]))
            for d in ti.static(range(3)):
                history[last + d] = dashpots[d]
        # a spring gives the mean of its forces along the way, less what it stores: what stiffening and friction make
        damped = dt * loss
        heat = damped + 0.5 * (factors[FACTORS.tangential] * shrunk * before.dot(spring) + rubbed)
        moment = ti.Vector([0.0, 0.0, 0.0])
        if ti.static(yields):
            heat += yielded
        for d in ti.static(range(3)):
            history[d] = spring[d]
        if ti.static(rolling):
            moment, history, rolled = rolling_moment(
                factors, radius, contact_radius, contact_radius + shrunk, normal_force, normal, spin, history,
                resistance, dt,
            )  # fmt: skip
            heat += rolled
        return normal_force * normal + tangential_force, moment, history, heat, damped

    return respond
