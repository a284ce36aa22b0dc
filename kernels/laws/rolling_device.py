"""Moment that resists rolling and twisting."""

from kalander.kernels.device.backend import ti
from kalander.kernels.laws.carried_device import carried
from kalander.kernels.laws.factors import FACTORS
from kalander.kernels.laws.rolling import ROLLING
from kalander.kernels.layout import in_a_row

__all__ = ["rolling_moment"]

AT = in_a_row((place.name, place.length) for place in ROLLING.history)


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
    lever = factors[FACTORS.rolling_friction] * radius
    rolling, twisting = (
        2.25 * factors[FACTORS.twice_modulus] * lever * lever,
        0.5 * factors[FACTORS.tangential],
    )  # over a, over a³
    spin_about = spin.dot(normal)

    angle = carried(
        ti.Vector([history[place + AT.angle], history[place + AT.angle + 1], history[place + AT.angle + 2]]), normal
    )
    twist = history[place + AT.twist]
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
    limit = 2.0 / 3.0 * contact_radius * factors[FACTORS.twisting_friction] * ti.max(normal_force, 0.0)
    if ti.abs(torque) > limit:
        torque = ti.math.sign(torque) * limit
        twist = -torque / stiffness
    stored -= stiffness * twist * twist

    moment += torque * normal
    for d in ti.static(range(3)):
        history[place + AT.angle + d] = angle[d]
    history[place + AT.twist] = twist
    return moment, history, 0.5 * stored - moment.dot(spin) * dt
