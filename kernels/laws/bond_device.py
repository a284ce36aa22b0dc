"""Bonds on the device: a cylinder of binder between two bodies that carries tension, shear, bending and torsion.

Constants are in the order of kernels.laws.bond.BOND_CONSTANTS.
"""

from math import pi

from kalander.kernels.device.backend import ti
from kalander.kernels.laws.bond import BOND_CONSTANTS, BOND_STATES, BRITTLE, YIELDING
from kalander.kernels.layout import in_a_row

__all__ = ["BONDS", "C"]

# places of constants and of a bond's row; what both laws have lies in the same places
C = in_a_row((name, 1) for name in BOND_CONSTANTS[YIELDING])
STRENGTH = in_a_row((name, 1) for name in BOND_CONSTANTS[BRITTLE])
S = BOND_STATES[YIELDING]
BENDS = (0.75 * pi) ** 2  # (N_p r/M_p)² of a full circle
TWISTS = 2.25  # (V_p r/T_p)²


@ti.func
def turned(vector, normal, spin_about_normal_dt):
    """Vector carried along by the bond axis: projected on its plane, then twisted with the pair.

    The projection shortens it by the square of the turn in a step, some 1e-10 in quasi-static pressing.
    """
    across = vector - vector.dot(normal) * normal
    return across + normal.cross(across) * spin_about_normal_dt


@ti.func
def stiffnesses(constants, radius, over_length):
    """E A/L, G A/L, E I/L, G J/L of a cylinder [µN/µm, µN/µm, µN µm, µN µm]; over_length: 1/L [1/µm]."""
    slenderness = ti.math.pi * radius * radius * over_length
    stretching = constants[C.modulus] * slenderness
    shearing = constants[C.shear_modulus] * slenderness
    return stretching, shearing, 0.25 * stretching * radius * radius, 0.5 * shearing * radius * radius


@ti.func
def dashpots(constants, impedance, shear_share, radius):
    """t_d k of stretching, shearing, bending and twisting with one t_d = 2 ζ √(m*/k_n).

    impedance: √(m* k_n) [ng/µs], shear_share: G/E.
    """
    stretch = 2.0 * constants[C.damping] * impedance
    shear = stretch * shear_share
    return stretch, shear, 0.25 * stretch * radius * radius, 0.5 * shear * radius * radius


@ti.func
def damped(
    constants, radius, shear_share, impedance, pull, shear, bending, twist, normal, normal_velocity,
    tangential_velocity, normal_spin, tangential_spin, dt,
):  # fmt: skip
    """Force and moment of springs with their dashpots side by side, and the heat of the dashpots in a step [pJ]."""
    stretching, shearing, flexing, twisting = dashpots(constants, impedance, shear_share, radius)
    force = -(pull + stretching * normal_velocity) * normal + shear - shearing * tangential_velocity
    moment = bending - flexing * tangential_spin + (twist - twisting * normal_spin) * normal
    heat = dt * (
        stretching * normal_velocity * normal_velocity
        + shearing * tangential_velocity.dot(tangential_velocity)
        + flexing * tangential_spin.dot(tangential_spin)
        + twisting * normal_spin * normal_spin
    )
    return force, moment, heat


@ti.func
def parallel_bond(
    constants, radius, over_length, shear_share, stretch, normal, velocity, spin, mean_spin, impedance, shear, bending,
    twist, dt,
):  # fmt: skip
    """Elastic beam between two bodies with dashpots proportional to its stiffness.

    constants: E [MPa], G [MPa], damping ratio ζ of the stretching mode, strengths [MPa]; radius R_b [µm], 1/L of the
    length at rest [1/µm], G/E, stretch (> 0 is tension) [µm]; velocity at the middle [µm/µs], spin of the first
    relative to the second and mean spin [1/µs]; impedance √(m* k_n) [ng/µs]; shear force, bending moment, twisting
    moment (scalar) of the springs so far [µN, µN µm].

    F_n = −k_n stretch,  ΔF_s = −k_s v_t Δt,  ΔM_b = −k_b ω_t Δt,  ΔM_t = −k_t ω_n Δt
    k_n = E A/L,  k_s = G A/L,  k_b = E I/L,  k_t = G J/L;  dashpots t_d k with t_d = 2 ζ √(m*/k_n)
    Returns force and moment on the first body, shear, bending, twist, heat made in this step [pJ].
    Source: Potyondy & Cundall, Int. J. Rock Mech. 41 (2004) 1329, eqs. 9–15, with k_n = E/L and k_s = G/L per area.
    """
    stretching, shearing, flexing, twisting = stiffnesses(constants, radius, over_length)
    normal_velocity = velocity.dot(normal)
    tangential_velocity = velocity - normal_velocity * normal
    normal_spin = spin.dot(normal)
    tangential_spin = spin - normal_spin * normal

    turn = mean_spin.dot(normal) * dt
    shear = turned(shear, normal, turn) - shearing * dt * tangential_velocity
    bending = turned(bending, normal, turn) - flexing * dt * tangential_spin
    twist -= twisting * normal_spin * dt
    pull = stretching * stretch

    # t_d k of each mode, without a division: t_d k_n = 2 ζ √(m* k_n)
    force, moment, heat = damped(
        constants, radius, shear_share, impedance, pull, shear, bending, twist, normal, normal_velocity,
        tangential_velocity, normal_spin, tangential_spin, dt,
    )  # fmt: skip
    return force, moment, shear, bending, twist, heat


@ti.func
def bond_energy(constants, radius, length, stretch, shear, bending, twist):
    """Elastic energy of a bond [pJ]."""
    area = ti.math.pi * radius * radius
    second_moment = 0.25 * area * radius * radius
    return (
        0.5 * constants[C.modulus] * area / length * stretch * stretch
        + 0.5 * length / (constants[C.shear_modulus] * area) * shear.dot(shear)
        + 0.5 * length / (constants[C.modulus] * second_moment) * bending.dot(bending)
        + 0.25 * length / (constants[C.shear_modulus] * second_moment) * twist * twist
    )


@ti.func
def bond_breaks(constants, radius, over_length, stretch, shear, bending, twist):
    """1 if the largest tensile or shear stress in the cylinder exceeds its strength (Potyondy & Cundall, eq. 16)."""
    # σ − E stretch/L and τ, less what twists, times A r: without roots, and no division
    section = ti.math.pi * radius * radius * radius
    tension = (constants[STRENGTH.strength] - constants[C.modulus] * stretch * over_length) * section
    shearing = constants[STRENGTH.shear_strength] * section - 2.0 * ti.abs(twist)
    torn = tension < 0.0 or 16.0 * bending.dot(bending) > tension * tension
    sheared = shearing < 0.0 or radius * radius * shear.dot(shear) > shearing * shearing
    return ti.cast(torn or sheared, ti.i32)


@ti.func
def yielding_bond(
    constants, radius, length, over_length, shear_share, volume, permanent, distance, normal, velocity, spin, mean_spin,
    impedance, shear, bending, twist, dt,
):  # fmt: skip
    """Beam as in `parallel_bond` that flows where its forces reach a yield surface, beside the same dashpots.

    volume [µm³] of the bridge as laid, permanent elongation s, distance of the centres d [µm]; the rest as there.

    (N/N_p)² + (V/V_p)² + (M/M_p)² + (T/T_p)² ≤ 1 with N_p = σ_f A, V_p = τ_f A, M_p = 4/3 σ_f r³, T_p = 2π/3 τ_f r³.
    Beyond, all four are scaled back on the surface (radial return), and what is taken off is plastic deformation: of N
    it is the set, of the others it is in the springs. Flow stresses rise by 1 + H c with the share c of the volume
    that is lost, c = A (L − d)/V, at most `most_lost`. The work of the flow, force × plastic deformation, is returned.
    Limits: Neal, The Plastic Methods of Structural Analysis (1977), ch. 1; the sum of squares of moment and torque:
    Hill & Siebel, J. Mech. Phys. Solids 1 (1953) 207; with N and V as for a section in von Mises' sense.
    Returns force and moment on the first body, shear, bending, twist, set, heat of dashpots, plastic work [pJ].
    """
    stretching, shearing, flexing, twisting = stiffnesses(constants, radius, over_length)
    normal_velocity = velocity.dot(normal)
    tangential_velocity = velocity - normal_velocity * normal
    normal_spin = spin.dot(normal)
    tangential_spin = spin - normal_spin * normal

    turn = mean_spin.dot(normal) * dt
    shear = turned(shear, normal, turn) - shearing * dt * tangential_velocity
    bending = turned(bending, normal, turn) - flexing * dt * tangential_spin
    twist -= twisting * normal_spin * dt
    pull = stretching * (distance - length - permanent)

    area, square = ti.math.pi * radius * radius, radius * radius
    harder = 1.0
    if volume > 0.0 and constants[C.hardening] > 0.0:
        lost = ti.min(ti.max(area * (length - distance) / volume, 0.0), constants[C.most_lost])
        harder += constants[C.hardening] * lost
    limit = constants[C.flow_stress] * harder * area
    slip = constants[C.shear_flow_stress] * harder * area
    # the yield surface, times (r N_p V_p)²: a division where it is reached, none elsewhere
    reached = (square * pull * pull + BENDS * bending.dot(bending)) * slip * slip
    reached += (square * shear.dot(shear) + TWISTS * twist * twist) * limit * limit
    bound = square * limit * limit * slip * slip
    flow = 0.0
    if reached > bound:
        back = ti.sqrt(bound / reached)
        flow = (
            back
            * (1.0 - back)
            * (
                pull * pull / stretching
                + shear.dot(shear) / shearing
                + bending.dot(bending) / flexing
                + twist * twist / twisting
            )
        )
        permanent += (1.0 - back) * pull / stretching
        pull *= back
        shear *= back
        bending *= back
        twist *= back

    force, moment, heat = damped(
        constants, radius, shear_share, impedance, pull, shear, bending, twist, normal, normal_velocity,
        tangential_velocity, normal_spin, tangential_spin, dt,
    )  # fmt: skip
    return force, moment, shear, bending, twist, permanent, heat, flow


@ti.func
def brittle(
    constants, state, gap, distance, over_length, shear_share, normal, velocity, spin, mean_spin, impedance, dt
):
    """Force and moment on the first body, the bond's row (records.BOND_STATES) after the step, heat [pJ].

    over_length: 1/L [1/µm], shear_share: G/E.
    A bond that fails carries nothing, and its elastic energy becomes heat.
    """
    shear = ti.Vector([state[S.shear], state[S.shear + 1], state[S.shear + 2]])
    bending = ti.Vector([state[S.bending], state[S.bending + 1], state[S.bending + 2]])
    stretch = distance - state[S.length]
    force, moment, shear, bending, twist, heat = parallel_bond(
        constants, state[S.radius], over_length, shear_share, stretch, normal, velocity, spin, mean_spin, impedance,
        shear, bending, state[S.twist], dt,
    )  # fmt: skip
    intact = state[S.intact]
    if bond_breaks(constants, state[S.radius], over_length, stretch, shear, bending, twist) == 1:
        heat += bond_energy(constants, state[S.radius], state[S.length], stretch, shear, bending, twist)
        force *= 0.0
        moment *= 0.0
        intact = 0.0
    after = ti.Vector(
        [shear.x, shear.y, shear.z, state[S.radius], bending.x, bending.y, bending.z, state[S.length], twist, intact]
    )
    return force, moment, after, heat


@ti.func
def yielding(
    constants, state, gap, distance, over_length, shear_share, normal, velocity, spin, mean_spin, impedance, dt
):
    """The same of a bond that yields: it parts where the gap between the surfaces exceeds the parting gap."""
    shear = ti.Vector([state[S.shear], state[S.shear + 1], state[S.shear + 2]])
    bending = ti.Vector([state[S.bending], state[S.bending + 1], state[S.bending + 2]])
    force, moment, shear, bending, twist, permanent, heat, flow = yielding_bond(
        constants, state[S.radius], state[S.length], over_length, shear_share, state[S.volume], state[S.set], distance,
        normal, velocity, spin, mean_spin, impedance, shear, bending, state[S.twist], dt,
    )  # fmt: skip
    heat += flow
    intact = state[S.intact]
    if gap > constants[C.parting_gap]:
        heat += bond_energy(
            constants, state[S.radius], state[S.length], distance - state[S.length] - permanent, shear, bending, twist
        )
        force *= 0.0
        moment *= 0.0
        intact = 0.0
    after = ti.Vector(
        [
            shear.x, shear.y, shear.z, state[S.radius], bending.x, bending.y, bending.z, state[S.length], twist, intact,
            permanent, state[S.volume], state[S.flow] + flow,
        ]
    )  # fmt: skip
    return force, moment, after, heat


BONDS = {BRITTLE: brittle, YIELDING: yielding}
