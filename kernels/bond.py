"""Parallel bonds: a cylinder of binder between two bodies that carries tension, shear, bending and torsion."""

from kalander.kernels.backend import ti

__all__ = ["BOND_CONSTANTS", "bond_breaks", "parallel_bond"]

# Meaning of the constants of a bond, in this order (see dem.binder).
BOND_CONSTANTS = ("modulus", "shear_modulus", "damping", "strength", "shear_strength")


@ti.func
def turned(vector, normal, spin_about_normal_dt):
    """Vector carried along by the bond axis: projected on its plane at equal length, then twisted with the pair."""
    across = vector - vector.dot(normal) * normal
    before = vector.dot(vector)
    after = across.dot(across)
    if after > 0.0:
        across *= ti.sqrt(before / after)
    return across + normal.cross(across) * spin_about_normal_dt


@ti.func
def parallel_bond(constants, radius, length, stretch, normal, velocity, spin, mean_spin, mass, inertia, shear, bending, twist, dt):
    """Elastic beam between two bodies with dashpots at a fraction of critical damping.

    constants: E [MPa], G [MPa], damping ratio, strengths [MPa]; radius R_b, length L at rest, stretch (> 0 is tension) [µm];
    velocity at the middle [µm/µs], spin of the first relative to the second and mean spin [1/µs];
    shear force, bending moment and twisting moment (scalar) of the springs so far [µN, µN µm].

    F_n = −(E A/L) stretch;  ΔF_s = −(G A/L) v_t Δt;  ΔM_b = −(E I/L) ω_t Δt;  ΔM_t = −(G J/L) ω_n Δt
    Returns force and moment on the first body, shear, bending, twist, heat made in this step [pJ].
    Source: Potyondy & Cundall, Int. J. Rock Mech. 41 (2004) 1329, eqs. 9–15, with k_n = E/L and k_s = G/L.
    """
    area = ti.math.pi * radius * radius
    second_moment = 0.25 * area * radius * radius
    stretching = constants[0] * area / length
    shearing = constants[1] * area / length
    flexing = constants[0] * second_moment / length
    twisting = 2.0 * constants[1] * second_moment / length

    normal_velocity = velocity.dot(normal)
    tangential_velocity = velocity - normal_velocity * normal
    normal_spin = spin.dot(normal)
    tangential_spin = spin - normal_spin * normal

    turn = mean_spin.dot(normal) * dt
    shear = turned(shear, normal, turn) - shearing * dt * tangential_velocity
    bending = turned(bending, normal, turn) - flexing * dt * tangential_spin
    twist -= twisting * normal_spin * dt

    push = 2.0 * constants[2] * ti.sqrt(stretching * mass)
    drag = 2.0 * constants[2] * ti.sqrt(shearing * mass)
    roll = 2.0 * constants[2] * ti.sqrt(flexing * inertia)
    screw = 2.0 * constants[2] * ti.sqrt(twisting * inertia)
    force = -(stretching * stretch + push * normal_velocity) * normal + shear - drag * tangential_velocity
    moment = bending - roll * tangential_spin + (twist - screw * normal_spin) * normal
    heat = dt * (
        push * normal_velocity * normal_velocity
        + drag * tangential_velocity.dot(tangential_velocity)
        + roll * tangential_spin.dot(tangential_spin)
        + screw * normal_spin * normal_spin
    )
    return force, moment, shear, bending, twist, heat


@ti.func
def bond_energy(constants, radius, length, stretch, shear, bending, twist):
    """Elastic energy of a bond [pJ]."""
    area = ti.math.pi * radius * radius
    second_moment = 0.25 * area * radius * radius
    return (
        0.5 * constants[0] * area / length * stretch * stretch
        + 0.5 * length / (constants[1] * area) * shear.dot(shear)
        + 0.5 * length / (constants[0] * second_moment) * bending.dot(bending)
        + 0.25 * length / (constants[1] * second_moment) * twist * twist
    )


@ti.func
def bond_breaks(constants, radius, length, stretch, shear, bending, twist):
    """1 if the largest tensile or shear stress in the cylinder exceeds its strength (Potyondy & Cundall 2004, eq. 16)."""
    area = ti.math.pi * radius * radius
    tension = constants[0] * stretch / length + 4.0 * bending.norm() / (area * radius)
    shearing = shear.norm() / area + 2.0 * ti.abs(twist) / (area * radius)
    return ti.cast(tension > constants[3] or shearing > constants[4], ti.i32)
