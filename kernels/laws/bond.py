"""Parallel bonds: a cylinder of binder between two bodies that carries tension, shear, bending and torsion."""

from kalander.kernels.device.backend import ti

__all__ = ["BOND_CONSTANTS", "bond_breaks", "parallel_bond"]

# Meaning of the constants of a bond, in this order (see dem.binder).
BOND_CONSTANTS = ("modulus", "shear_modulus", "damping", "strength", "shear_strength")


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
    stretching = constants[0] * slenderness
    shearing = constants[1] * slenderness
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

    delay = 2.0 * constants[2] * ti.sqrt(mass / stretching)
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
        0.5 * constants[0] * area / length * stretch * stretch
        + 0.5 * length / (constants[1] * area) * shear.dot(shear)
        + 0.5 * length / (constants[0] * second_moment) * bending.dot(bending)
        + 0.25 * length / (constants[1] * second_moment) * twist * twist
    )


@ti.func
def bond_breaks(constants, radius, length, stretch, shear, bending, twist):
    """1 if the largest tensile or shear stress in the cylinder exceeds its strength (Potyondy & Cundall, eq. 16)."""
    area = ti.math.pi * radius * radius
    tension = constants[0] * stretch / length + 4.0 * bending.norm() / (area * radius)
    shearing = shear.norm() / area + 2.0 * ti.abs(twist) / (area * radius)
    return ti.cast(tension > constants[3] or shearing > constants[4], ti.i32)
