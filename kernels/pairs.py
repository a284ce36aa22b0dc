"""From the state of two bodies to the forces between them: gather, call the law, store.

A force is computed once for each pair and applied to both bodies. The pair list is sorted by (first, second); a body
sums its pairs in the order of the list, so a result depends neither on threads nor on when the list was made.
"""

from functools import cache
from types import SimpleNamespace

from kalander.kernels.backend import ti
from kalander.kernels.bond import bond_breaks, bond_energy, parallel_bond
from kalander.kernels.contact import LAWS

__all__ = ["nearest_image", "pair_functions"]

each = ti.template()  # an array handed on to a function


@ti.func
def nearest_image(vector, width):
    """Shortest of the periodic images in x and y [µm]; positions themselves are never wrapped."""
    if ti.abs(vector.x) > 0.5 * width.x:
        vector.x -= width.x * ti.floor(vector.x / width.x + 0.5)
    if ti.abs(vector.y) > 0.5 * width.y:
        vector.y -= width.y * ti.floor(vector.y / width.y + 0.5)
    return vector


@cache
def pair_functions(law_name: str, *, compensated: bool) -> SimpleNamespace:
    """Device functions for one contact law.

    compensated: positions carry their rounding rest (single precision), which the distance then uses.
    """
    law = LAWS[law_name]

    @ti.func
    def separation(i, j, position: each, rest: each, width):
        """Vector from body j to body i, nearest image [µm]."""
        vector = nearest_image(position[i] - position[j], width)
        if ti.static(compensated):
            vector += rest[i] - rest[j]
        return vector

    @ti.func
    def contact_pair(
        i, j, b, dt, material_count, position: each, rest: each, velocity: each, spin: each, radius: each,
        mass: each, material: each, width: each, constants: each,
        spring, touching,
    ):  # fmt: skip
        """Does the pair touch, force on i, moments on i and j, its spring and the heat made; stores nothing."""
        touch = ti.cast(0, ti.i32)
        force = ti.Vector([0.0, 0.0, 0.0])
        moment_i = ti.Vector([0.0, 0.0, 0.0])
        moment_j = ti.Vector([0.0, 0.0, 0.0])
        history = ti.Vector([0.0, 0.0, 0.0])
        warmth = 0.0
        vector = separation(i, j, position, rest, width[b])
        reach = radius[i] + radius[j]
        square = vector.dot(vector)
        if square < reach * reach:
            touch = 1
            distance = ti.sqrt(square)
            normal = vector * (1.0 / distance)
            overlap = reach - distance
            arm_i = radius[i] - 0.5 * overlap
            arm_j = radius[j] - 0.5 * overlap
            slide = velocity[i] - velocity[j] - (arm_i * spin[i] + arm_j * spin[j]).cross(normal)
            if touching == 1:
                history = spring
            pair = (b * material_count + material[i]) * material_count + material[j]
            force, history, warmth = law(
                constants[pair], radius[i] * radius[j] / reach, mass[i] * mass[j] / (mass[i] + mass[j]),
                overlap, normal, slide, history, dt,
            )  # fmt: skip
            couple = normal.cross(force)
            moment_i = -arm_i * couple
            moment_j = -arm_j * couple
        return touch, force, moment_i, moment_j, history, warmth

    @ti.func
    def bonded_pair(
        i, j, b, dt, position: each, rest: each, velocity: each, spin: each, radius: each, mass: each, width: each,
        binder: each, bond_radius, bond_length, shear, bending, twist,
    ):  # fmt: skip
        """Does the bond hold, force on i, moments on i and j, its springs, heat made; stores nothing.

        The elastic energy of a bond that fails becomes heat.
        """
        vector = separation(i, j, position, rest, width[b])
        distance = vector.norm()
        normal = vector * (1.0 / distance)
        gap = distance - radius[i] - radius[j]
        arm_i = radius[i] + 0.5 * gap
        arm_j = radius[j] + 0.5 * gap
        slide = velocity[i] - velocity[j] - (arm_i * spin[i] + arm_j * spin[j]).cross(normal)
        stretch = distance - bond_length
        force, moment, new_shear, new_bending, new_twist, warmth = parallel_bond(
            binder[b], bond_radius, bond_length, stretch, normal, slide, spin[i] - spin[j],
            0.5 * (spin[i] + spin[j]), mass[i] * mass[j] / (mass[i] + mass[j]), shear, bending, twist, dt,
        )  # fmt: skip
        holds = 1 - bond_breaks(binder[b], bond_radius, bond_length, stretch, new_shear, new_bending, new_twist)
        couple = normal.cross(force)
        moment_i = moment - arm_i * couple
        moment_j = -moment - arm_j * couple
        if holds == 0:
            warmth += bond_energy(binder[b], bond_radius, bond_length, stretch, new_shear, new_bending, new_twist)
            force *= 0.0
            moment_i *= 0.0
            moment_j *= 0.0
        return holds, force, moment_i, moment_j, new_shear, new_bending, new_twist, warmth

    @ti.func
    def platen(
        p, b, dt, material_count, height, direction, plate_velocity, position: each, rest: each, velocity: each,
        spin: each, radius: each, mass: each,
        material: each, constants: each, spring,
    ):  # fmt: skip
        """Force and moment on body p of the platen at `height` whose inward normal is `direction` z.

        The spring of a body that does not touch is kept at zero, which is also its value at first touch.
        """
        force = ti.Vector([0.0, 0.0, 0.0])
        moment = ti.Vector([0.0, 0.0, 0.0])
        history = ti.Vector([0.0, 0.0, 0.0])
        warmth = 0.0
        distance = direction * (position[p].z - height)
        if ti.static(compensated):
            distance += direction * rest[p].z
        overlap = radius[p] - distance
        if overlap > 0.0:
            normal = ti.Vector([0.0, 0.0, direction])
            arm = radius[p] - overlap
            slide = velocity[p] - arm * spin[p].cross(normal)
            slide.z -= plate_velocity
            pair = (b * material_count + material[p]) * material_count + material_count - 1
            force, history, warmth = law(constants[pair], radius[p], mass[p], overlap, normal, slide, spring, dt)
            moment = -arm * normal.cross(force)
        return force, moment, history, warmth

    return SimpleNamespace(separation=separation, contact_pair=contact_pair, bonded_pair=bonded_pair, platen=platen)
