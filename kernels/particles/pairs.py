"""From the state of two bodies to the forces between them: gather, call the law.

Bodies are rows of `records.MOTION`. A body sums, in this order: platens, bonds, contacts; pairs by the index of the
partner.
"""

from functools import cache
from types import SimpleNamespace

from kalander.kernels.device.backend import ti
from kalander.kernels.law_table import MEMORY
from kalander.kernels.laws.bond import BRITTLE
from kalander.kernels.laws.bond_device import BONDS
from kalander.kernels.laws.bond_device import C as BINDER
from kalander.kernels.laws.book import platen_memory_of, swelling_of
from kalander.kernels.laws.contact import contact_law
from kalander.kernels.laws.normal.mdr_device import one_flat, two_flats
from kalander.kernels.layout import HIGH, LOW, X, Y, Z
from kalander.kernels.particles.growth import add_sums
from kalander.kernels.particles.periodic_cell import flow_of, periodic_image
from kalander.kernels.particles.rows import vector_at
from kalander.kernels.records import (
    BOND_STATE,
    FRAME,
    LOAD,
    LOSSES,
    MOTION,
    PAIR_LOAD,
    PAIR_LOAD_WIDTH,
    PLATEN,
    PLATEN_LOADS,
    PLATEN_SPAN,
    SUM_COUNT,
    platen_place,
    swelling_width,
)

__all__ = [
    "centre", "keep", "keep_sums", "kept", "nearest_image", "pair_functions", "partner_of", "platen_span", "posture",
]  # fmt: skip

each = ti.template()  # an array handed on to a function


@ti.func
def platen_span(box: each):
    """Span of a box between platens: its widths in x and y [µm] and one over each; box: a row of records.FRAME."""
    width, depth = box[FRAME.width + X], box[FRAME.width + Y]
    return ti.Vector([width, depth, 1.0 / width, 1.0 / depth])


@ti.func
def nearest_image(vector, span):
    """Shortest of the periodic images in x and y [µm]; positions themselves are never wrapped."""
    vector.x -= span[PLATEN_SPAN.width] * ti.floor(vector.x * span[PLATEN_SPAN.over_width] + 0.5)
    vector.y -= span[PLATEN_SPAN.depth] * ti.floor(vector.y * span[PLATEN_SPAN.over_depth] + 0.5)
    return vector


@ti.func
def partner_of(code):
    """Row of the other body; the code of a pair that touched in the last step is the row's complement."""
    return code ^ (code >> 31)


@ti.func
def centre(body):
    return vector_at(body, MOTION.position)


@ti.func
def velocity(body):
    return vector_at(body, MOTION.velocity)


@ti.func
def spin(body):
    return vector_at(body, MOTION.spin)


@ti.func
def posture(me, other, vector, square):
    """Normal, distance, R* and m* of two bodies that touch; square: of their distance."""
    distance = ti.sqrt(square)
    reach, masses = me[MOTION.radius] + other[MOTION.radius], me[MOTION.mass] + other[MOTION.mass]
    reduced = reach * masses
    share = 1.0 / (distance * reduced)  # one division for all
    normal = vector * (share * reduced)
    share *= distance
    radius = me[MOTION.radius] * other[MOTION.radius] * masses * share
    return normal, distance, radius, me[MOTION.mass] * other[MOTION.mass] * reach * share


@ti.func
def keep(result: each, q, force, moment, other_moment, heat, work, lost):
    """Store what a pair gives its bodies in row q of the pair loads; lost: of the heat, by dashpots and by yielding."""
    for d in ti.static(range(3)):
        result[q][PAIR_LOAD.force + d], result[q][PAIR_LOAD.moment + d] = force[d], moment[d]
        result[q][PAIR_LOAD.other_moment + d] = other_moment[d]
    result[q][PAIR_LOAD.heat], result[q][PAIR_LOAD.work] = heat, work
    result[q][PAIR_LOAD.losses] = lost[LOSSES.damping]
    result[q][PAIR_LOAD.losses + 1] = lost[LOSSES.yielding]


@ti.func
def kept(result: each, q):
    """Force on the first body, moments on both, heat, work and losses of a pair, as stored."""
    row = result[q]
    return (
        vector_at(row, PAIR_LOAD.force), vector_at(row, PAIR_LOAD.moment), vector_at(row, PAIR_LOAD.other_moment),
        row[PAIR_LOAD.heat], row[PAIR_LOAD.work], ti.Vector([row[PAIR_LOAD.losses], row[PAIR_LOAD.losses + 1]]),
    )  # fmt: skip


@ti.func
def keep_sums(result: each, q, sums):
    """Store what a pair adds to the sums of its bodies behind what `keep` stores."""
    for d in ti.static(range(2 * SUM_COUNT)):
        result[q][PAIR_LOAD_WIDTH + d] = sums[d]


@cache
def pair_functions(law_name: str, *, compensated: bool, periodic: bool, bonds: str = BRITTLE) -> SimpleNamespace:
    """Device functions for one contact law and one law of bonds.

    compensated: positions carry their rounding rest (single precision), which the distance then uses.
    periodic: spans are those of a periodic cell, else widths in x and y between platens.
    """
    law, bond_law = contact_law(law_name), BONDS[bonds]
    necks, whole_levers, swells, rolling = law.law.holds, law.whole_levers, swelling_of(law_name) > 0, law.rolling
    sticky = swells and necks
    history_of, platen_history = law.law.places(), law.law.places(platen=True)
    normal_law, platen_respond = law.normal, law.platen_respond
    respond = law.periodic_respond if periodic else law.respond
    platen_memory, row_width = platen_memory_of(law_name), swelling_width(swelling_of(law_name))
    places = MEMORY + platen_memory
    front, back = (tuple(platen_place(side, d, platen_memory) for d in range(places)) for side in (0, 1))

    @ti.func
    def separation(i, j, here, motion: each, rest: each, span):
        """Vector from body j to body i, whose centre is `here`, nearest image [µm]."""
        vector = here - centre(motion[j])
        if ti.static(periodic):
            vector = periodic_image(vector, span)
        else:
            vector = nearest_image(vector, span)
        if ti.static(compensated):
            vector += rest[i] - rest[j]
        return vector

    @ti.func
    def touches(square, reach, code, spring: each, k):
        """Whether pair k of the list touches: overlaps, or is held by a neck since it did, which may let go now.

        square: of the distance; reach: sum of radii; spring: histories of the list.
        """
        near = square < reach * reach
        if ti.static(necks):
            near = near or (code < 0 and spring[k][history_of.contact_radius] > 0.0)
        return near

    @ti.func
    def work_of_flow(force, vector, span, dt):
        """Work that the flow of a periodic cell does on a pair in a step [pJ]: it carries bodies along their force."""
        work = 0.0
        if ti.static(periodic):
            work = -dt * force.dot(flow_of(span, vector))
        return work

    @ti.func
    def contact(
        i, j, me, other, normal, distance, radius, mass, dt, span, table, material_count, factors: each,
        swelling: each, spring,
    ):  # fmt: skip
        """Force on `me`, moments on both, history, heat, losses, and what is summed over contacts where radii grow.

        Losses: of the heat, by dashpots and by yielding.

        i, j, me, other: bodies and their rows; normal, distance, radius, mass: of `posture`; table: first row of the
        box in `factors`.
        """
        my_radius, other_radius = me[MOTION.radius], other[MOTION.radius]
        overlap = my_radius + other_radius - distance
        arm = my_radius - 0.5 * overlap
        other_arm = other_radius - 0.5 * overlap
        slide = velocity(me) - velocity(other) - (arm * spin(me) + other_arm * spin(other)).cross(normal)
        if ti.static(whole_levers):
            slide -= 0.5 * overlap * (spin(me) + spin(other)).cross(normal)
        if ti.static(periodic):
            slide += flow_of(span, distance * normal)
        pair = table + ti.cast(me[MOTION.material], ti.i32) * material_count + ti.cast(other[MOTION.material], ti.i32)
        history = spring
        elastic, contact_radius, heat, sums = 0.0, 0.0, 0.0, ti.Vector([0.0] * (2 * SUM_COUNT))
        if ti.static(swells):
            one = table + ti.cast(me[MOTION.material], ti.i32) * (material_count + 1)
            two = table + ti.cast(other[MOTION.material], ti.i32) * (material_count + 1)
            elastic, contact_radius, heat, history, sums = two_flats(
                factors[one], factors[two], my_radius, other_radius, swelling[i], swelling[j], overlap, spring, dt,
                sticky,
            )  # fmt: skip
        else:
            elastic, contact_radius, heat, history = normal_law(factors[pair], radius, overlap, spring)
        yielded = heat
        force, resisting, history, heat, damped = respond(
            factors[pair], radius, mass, overlap, elastic, contact_radius, heat, normal, slide, spin(me) - spin(other),
            history, dt,
        )  # fmt: skip
        couple = normal.cross(force)
        moment, other_moment = -arm * couple, -other_arm * couple
        if ti.static(whole_levers):  # forces act in the middle of the contact: what surfaces beyond it would have lost
            heat -= 0.5 * overlap * dt * couple.dot(spin(me) + spin(other))
        if ti.static(rolling):
            moment += resisting
            other_moment -= resisting
        return force, moment, other_moment, history, heat, ti.Vector([damped, yielded]), sums

    @ti.func
    def bond_posture(i, j, motion: each, rest: each, span, binder, bond: each, k):
        """Normal, distance, 1/L, G/E and √(m* k_n) of bond k: what takes long to find out and needs no forces."""
        me, other = motion[i], motion[j]
        vector = separation(i, j, centre(me), motion, rest, span)
        distance = vector.norm()
        masses, modulus = me[MOTION.mass] + other[MOTION.mass], binder[BINDER.modulus]
        length, radius = bond[k][BOND_STATE.length], bond[k][BOND_STATE.radius]
        # 1 over the distance, the masses, the length and the modulus: one division for all
        masses_length, distance_modulus = masses * length, distance * modulus
        share = 1.0 / (masses_length * distance_modulus)
        of_pair, of_beam = share * distance_modulus, share * masses_length
        over_length, mass = of_pair * masses, me[MOTION.mass] * other[MOTION.mass] * (of_pair * length)
        impedance = ti.sqrt(mass * modulus * ti.math.pi * radius * radius * over_length)
        shear_share = binder[BINDER.shear_modulus] * (of_beam * distance)
        return vector * (of_beam * modulus), distance, over_length, shear_share, impedance

    @ti.func
    def bond_forces(
        i, j, normal, distance, over_length, shear_share, impedance, dt, motion: each, span, binder, bond: each, k
    ):
        """Force on i, moments on i and j, heat made by bond k, work; updates its springs and whether it holds.

        The elastic energy of a bond that fails becomes heat, as does the work of one that yields.
        """
        me, other, state = motion[i], motion[j], bond[k]
        vector = distance * normal
        gap = distance - me[MOTION.radius] - other[MOTION.radius]
        arm = me[MOTION.radius] + 0.5 * gap
        other_arm = other[MOTION.radius] + 0.5 * gap
        slide = velocity(me) - velocity(other) - (arm * spin(me) + other_arm * spin(other)).cross(normal)
        if ti.static(periodic):
            slide += flow_of(span, vector)
        turning, mean_spin = spin(me) - spin(other), 0.5 * (spin(me) + spin(other))
        force, moment, state, heat = bond_law(
            binder, state, gap, distance, over_length, shear_share, normal, slide, turning, mean_spin, impedance, dt,
        )  # fmt: skip
        couple = normal.cross(force)
        moment_me = moment - arm * couple
        moment_other = -moment - other_arm * couple
        if dt > 0.0:  # a look at the forces changes nothing
            bond[k] = state
        return force, moment_me, moment_other, heat, work_of_flow(force, vector, span, dt)

    @ti.func
    def bonded(i, j, dt, motion: each, rest: each, span, binder, bond: each, k):
        """Both at once."""
        normal, distance, over_length, shear_share, impedance = bond_posture(i, j, motion, rest, span, binder, bond, k)
        force, moment, other_moment, heat, work = bond_forces(
            i, j, normal, distance, over_length, shear_share, impedance, dt, motion, span, binder, bond, k
        )
        return force, moment, other_moment, heat, work

    @ti.func
    def platen(me, rest, dt, height, direction, plate_velocity, factors, own_factors, row, spring):
        """Of the platen at `height` with inward normal `direction` z: force, moment, history, heat, losses, sums.

        own_factors: of the body's material with itself, row: of `swelling`; both only where radii grow.

        The history of a body that does not touch is kept at zero, which is also its value at first touch.
        """
        force = ti.Vector([0.0, 0.0, 0.0])
        moment = ti.Vector([0.0, 0.0, 0.0])
        history = ti.Vector([0.0] * places)
        heat, lost, sums = 0.0, ti.Vector([0.0, 0.0]), ti.Vector([0.0] * SUM_COUNT)
        distance = direction * (me[MOTION.position + Z] - height)
        if ti.static(compensated):
            distance += direction * rest.z
        overlap = me[MOTION.radius] - distance
        near = overlap > 0.0
        if ti.static(necks):
            near = near or spring[platen_history.contact_radius] > 0.0
        if near:
            normal = ti.Vector([0.0, 0.0, direction])
            arm = me[MOTION.radius] - overlap
            if ti.static(whole_levers):
                arm = me[MOTION.radius]
            slide = velocity(me) - arm * spin(me).cross(normal)
            slide.z -= plate_velocity
            elastic, contact_radius = 0.0, 0.0
            if ti.static(swells):
                elastic, contact_radius, heat, history, sums = one_flat(
                    own_factors, me[MOTION.radius], row, overlap, spring, dt, sticky
                )  # fmt: skip
            else:
                elastic, contact_radius, heat, history = normal_law(factors, me[MOTION.radius], overlap, spring)
            lost[LOSSES.yielding] = heat
            force, resisting, history, heat, lost[LOSSES.damping] = platen_respond(
                factors, me[MOTION.radius], me[MOTION.mass], overlap, elastic, contact_radius, heat, normal, slide,
                spin(me), history, dt,
            )  # fmt: skip
            moment = -arm * normal.cross(force)
            if ti.static(rolling):
                moment += resisting
        return force, moment, history, heat, lost, sums

    @ti.func
    def platens(q, p, low, high, gap: each, dt, table, material_count, motion: each,
                rest: each, load: each, losses: each, platen_spring: each, factors: each, swelling: each):  # fmt: skip
        """Forces of both platens on body p, which is row q of the bodies near them: the first terms of its sums.

        low, high: heights of the platens; gap: their row of records.PLATEN.
        """
        me, held, sums = motion[p], platen_spring[q], load[p]
        offset = ti.Vector([0.0, 0.0, 0.0])
        if ti.static(compensated):
            offset = rest[p]
        material = ti.cast(me[MOTION.material], ti.i32)
        row = table + material * material_count
        own = ti.Vector([0.0] * row_width)
        if ti.static(swells):
            own = swelling[p]
        springs = held  # as by records.platen_layout: the side whose turn it is lies in front
        pushes = ti.Vector([0.0, 0.0])
        push = ti.Vector([0.0, 0.0, 0.0])
        turn = ti.Vector([0.0, 0.0, 0.0])
        heat, work, gone = sums[LOAD.heat], 0.0, losses[p]
        for side in range(2):
            direction = 1.0 - 2.0 * side
            height = low if side == 0 else high
            speed = gap[PLATEN.platen_velocity + LOW] if side == 0 else gap[PLATEN.platen_velocity + HIGH]
            spring = ti.Vector([0.0] * places)
            for d in ti.static(range(places)):
                spring[d] = springs[ti.static(front[d])]
            facing = gap[PLATEN.platen_material + LOW] if side == 0 else gap[PLATEN.platen_material + HIGH]
            force, moment, history, made, lost, sums_of_side = platen(
                me, offset, dt, height, direction, speed, factors[row + ti.cast(facing, ti.i32)],
                factors[row + material], own, spring,
            )  # fmt: skip
            if ti.static(swells):
                add_sums(swelling, p, sums_of_side, 0)
            # the other side's turn: what was found goes to the back
            for d in ti.static(range(places)):
                springs[ti.static(front[d])] = springs[ti.static(back[d])]
                springs[ti.static(back[d])] = history[d]
            # 0 - x, not -x: no load is +0, as of a body that is not listed
            pushes = ti.Vector([pushes[HIGH], force.z if side == 0 else 0.0 - force.z])
            push += force
            turn += moment
            heat += made
            gone[LOSSES.damping] += lost[LOSSES.damping]
            gone[LOSSES.yielding] += lost[LOSSES.yielding]
            work += force.z * speed
        springs[PLATEN_LOADS[LOW]], springs[PLATEN_LOADS[HIGH]] = pushes[LOW], pushes[HIGH]
        platen_spring[q] = springs
        losses[p] = gone
        load[p] = ti.Vector([push.x, push.y, push.z, heat, turn.x, turn.y, turn.z, sums[LOAD.work] + dt * work])

    return SimpleNamespace(
        separation=separation, touches=touches, contact=contact, bonded=bonded, bond_posture=bond_posture,
        bond_forces=bond_forces, platens=platens,
        work_of_flow=work_of_flow,
    )  # fmt: skip
