"""Bonds on the device: a cylinder of binder between two bodies that carries tension, shear, bending and torsion.

Constants are in the order of kernels.laws.bond.BOND_CONSTANTS.
"""

from kalander.kernels.device.backend import ti
from kalander.kernels.laws.bond import BOND_CONSTANTS, BOND_STATES, BRITTLE, YIELDING
from kalander.kernels.layout import in_a_row

__all__ = ["BONDS"]

# places of constants and of a bond's row; what both laws have lies in the same places
C = in_a_row((name, 1) for name in BOND_CONSTANTS[YIELDING])
STRENGTH = in_a_row((name, 1) for name in BOND_CONSTANTS[BRITTLE])
S = BOND_STATES[YIELDING]


@ti.func
def turned(vector, normal, spin_about_normal_dt):
    """Vector carried along by the bond axis: projected on its plane, then twisted with the pair.

    The projection shortens it by the square of the turn in a step, some 1e-10 in quasi-static pressing.
    """
    across = vector - vector.dot(normal) * normal
    return across + normal.cross(across) * spin_about_normal_dt


@ti.func
def parallel_bond(
    constants, radius, length, stretch, normal, velocity, spin, mean_spin, mass, shear, bending, twist, dt
):
    """Elastic beam between two bodies with dashpots proportional to its stiffness.

    constants: E [MPa], G [MPa], damping ratio ζ of the stretching mode, strengths [MPa]; radius R_b, length L at rest,
    stretch (> 0 is tension) [µm]; velocity at the middle [µm/µs], spin of the first relative to the second and mean
    spin [1/µs]; mass m* [ng]; shear force, bending moment, twisting moment (scalar) of the springs so far [µN, µN µm].

    F_n = −k_n stretch,  ΔF_s = −k_s v_t Δt,  ΔM_b = −k_b ω_t Δt,  ΔM_t = −k_t ω_n Δt
    k_n = E A/L,  k_s = G A/L,  k_b = E I/L,  k_t = G J/L;  dashpots t_d k with t_d = 2 ζ √(m*/k_n)
    Returns force and moment on the first body, shear, bending, twist, heat made in this step [pJ].
    Source: Potyondy & Cundall, Int. J. Rock Mech. 41 (2004) 1329, eqs. 9–15, with k_n = E/L and k_s = G/L per area.
    """
    slenderness = ti.math.pi * radius * radius / length
    stretching = constants[C.modulus] * slenderness
    shearing = constants[C.shear_modulus] * slenderness
    flexing = 0.25 * stretching * radius * radius
    twisting = 0.5 * shearing * radius * radius

    normal_velocity = velocity.dot(normal)
    tangential_velocity = velocity - normal_velocity * normal
    normal_spin = spin.dot(normal)
    tangential_spin = spin - normal_spin * normal

    turn = mean_spin.dot(normal) * dt
    shear = turned(shear, normal, turn) - shearing * dt * tangential_velocity
    bending = turned(bending, normal, turn) - flexing * dt * tangential_spin
    twist -= twisting * normal_spin * dt

    delay = 2.0 * constants[C.damping] * ti.sqrt(mass / stretching)
    force = -stretching * (stretch + delay * normal_velocity) * normal + shear - shearing * delay * tangential_velocity
    moment = bending - flexing * delay * tangential_spin + (twist - twisting * delay * normal_spin) * normal
    heat = (
        dt
        * delay
        * (
            stretching * normal_velocity * normal_velocity
            + shearing * tangential_velocity.dot(tangential_velocity)
            + flexing * tangential_spin.dot(tangential_spin)
            + twisting * normal_spin * normal_spin
        )
    )
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
def bond_breaks(constants, radius, length, stretch, shear, bending, twist):
    """1 if the largest tensile or shear stress in the cylinder exceeds its strength (Potyondy & Cundall, eq. 16)."""
    area = ti.math.pi * radius * radius
    tension = constants[C.modulus] * stretch / length + 4.0 * bending.norm() / (area * radius)
    shearing = shear.norm() / area + 2.0 * ti.abs(twist) / (area * radius)
    return ti.cast(tension > constants[STRENGTH.strength] or shearing > constants[STRENGTH.shear_strength], ti.i32)


@ti.func
def yielding_bond(
    constants, radius, length, volume, permanent, distance, normal, velocity, spin, mean_spin, mass, shear, bending,
    twist, dt,
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
    area = ti.math.pi * radius * radius
    stretching = constants[C.modulus] * area / length
    shearing = constants[C.shear_modulus] * area / length
    flexing = 0.25 * stretching * radius * radius
    twisting = 0.5 * shearing * radius * radius

    normal_velocity = velocity.dot(normal)
    tangential_velocity = velocity - normal_velocity * normal
    normal_spin = spin.dot(normal)
    tangential_spin = spin - normal_spin * normal

    turn = mean_spin.dot(normal) * dt
    shear = turned(shear, normal, turn) - shearing * dt * tangential_velocity
    bending = turned(bending, normal, turn) - flexing * dt * tangential_spin
    twist -= twisting * normal_spin * dt
    tension = stretching * (distance - length - permanent)

    lost = 0.0
    if volume > 0.0:
        lost = ti.min(ti.max(area * (length - distance) / volume, 0.0), constants[C.most_lost])
    harder = 1.0 + constants[C.hardening] * lost
    pull, slip = constants[C.flow_stress] * harder * area, constants[C.shear_flow_stress] * harder * area
    bend, torque = 4.0 / (3.0 * ti.math.pi) * pull * radius, 2.0 / 3.0 * slip * radius
    reached = (
        tension * tension / (pull * pull)
        + shear.dot(shear) / (slip * slip)
        + bending.dot(bending) / (bend * bend)
        + twist * twist / (torque * torque)
    )
    flow = 0.0
    if reached > 1.0:
        back = 1.0 / ti.sqrt(reached)
        flow = (
            back
            * (1.0 - back)
            * (
                tension * tension / stretching
                + shear.dot(shear) / shearing
                + bending.dot(bending) / flexing
                + twist * twist / twisting
            )
        )
        permanent += (1.0 - back) * tension / stretching
        tension *= back
        shear *= back
        bending *= back
        twist *= back

    delay = 2.0 * constants[C.damping] * ti.sqrt(mass / stretching)
    force = -(tension + stretching * delay * normal_velocity) * normal + shear - shearing * delay * tangential_velocity
    moment = bending - flexing * delay * tangential_spin + (twist - twisting * delay * normal_spin) * normal
    heat = (
        dt
        * delay
        * (
            stretching * normal_velocity * normal_velocity
            + shearing * tangential_velocity.dot(tangential_velocity)
            + flexing * tangential_spin.dot(tangential_spin)
            + twisting * normal_spin * normal_spin
        )
    )
    return force, moment, shear, bending, twist, permanent, heat, flow


@ti.func
def brittle(constants, state, gap, distance, normal, velocity, spin, mean_spin, mass, dt):
    """Force and moment on the first body, the bond's row (records.BOND_STATES) after the step, heat [pJ].

    A bond that fails carries nothing, and its elastic energy becomes heat.
    """
    shear = ti.Vector([state[S.shear], state[S.shear + 1], state[S.shear + 2]])
    bending = ti.Vector([state[S.bending], state[S.bending + 1], state[S.bending + 2]])
    stretch = distance - state[S.length]
    force, moment, shear, bending, twist, heat = parallel_bond(
        constants, state[S.radius], state[S.length], stretch, normal, velocity, spin, mean_spin, mass, shear, bending,
        state[S.twist], dt,
    )  # fmt: skip
    intact = state[S.intact]
    if bond_breaks(constants, state[S.radius], state[S.length], stretch, shear, bending, twist) == 1:
        heat += bond_energy(constants, state[S.radius], state[S.length], stretch, shear, bending, twist)
        force *= 0.0
        moment *= 0.0
        intact = 0.0
    after = ti.Vector(
        [shear.x, shear.y, shear.z, state[S.radius], bending.x, bending.y, bending.z, state[S.length], twist, intact]
    )
    return force, moment, after, heat


@ti.func
def yielding(constants, state, gap, distance, normal, velocity, spin, mean_spin, mass, dt):
    """The same of a bond that yields: it parts where the gap between the surfaces exceeds the parting gap."""
    shear = ti.Vector([state[S.shear], state[S.shear + 1], state[S.shear + 2]])
    bending = ti.Vector([state[S.bending], state[S.bending + 1], state[S.bending + 2]])
    force, moment, shear, bending, twist, permanent, heat, flow = yielding_bond(
        constants, state[S.radius], state[S.length], state[S.volume], state[S.set], distance, normal, velocity, spin,
        mean_spin, mass, shear, bending, state[S.twist], dt,
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
