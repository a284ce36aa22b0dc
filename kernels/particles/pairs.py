"""From the state of two bodies to the forces between them: gather, call the law.

Bodies are rows of `records.MOTION`. A body sums, in this order: platens, bonds, contacts; pairs by the index of the
partner.
"""

from functools import cache
from types import SimpleNamespace

from kalander.kernels.device.backend import ti
from kalander.kernels.law_table import BRITTLE, NORMAL_MEMORY, STICKY, WALL_MEMORY, base_of, swelling_of, wall_memory_of
from kalander.kernels.laws.bond_device import BONDS
from kalander.kernels.laws.contact import LAWS
from kalander.kernels.laws.dense import add_sums, one_flat, two_flats
from kalander.kernels.laws.normal_laws import MEMORY
from kalander.kernels.particles.lattice import flow_of, lattice_image
from kalander.kernels.records import PAIR_LOAD_WIDTH, SUM_COUNT, WALL_LOADS, swelling_width, wall_place

__all__ = [
    "centre", "keep", "keep_sums", "kept", "nearest_image", "pair_functions", "partner_of", "platen_span", "posture",
]  # fmt: skip

each = ti.template()  # an array handed on to a function


@ti.func
def platen_span(width, depth):
    """Span of a box between platens: its widths in x and y [µm] and one over each."""
    return ti.Vector([width, depth, 1.0 / width, 1.0 / depth])


@ti.func
def nearest_image(vector, span):
    """Shortest of the periodic images in x and y [µm]; positions themselves are never wrapped."""
    vector.x -= span[0] * ti.floor(vector.x * span[2] + 0.5)
    vector.y -= span[1] * ti.floor(vector.y * span[3] + 0.5)
    return vector


@ti.func
def partner_of(code):
    """Row of the other body; the code of a pair that touched in the last step is the row's complement."""
    return code ^ (code >> 31)


@ti.func
def centre(body):
    return ti.Vector([body[0], body[1], body[2]])


@ti.func
def velocity(body):
    return ti.Vector([body[4], body[5], body[6]])


@ti.func
def spin(body):
    return ti.Vector([body[8], body[9], body[10]])


@ti.func
def posture(me, other, vector, square):
    """Normal, distance, R* and m* of two bodies that touch; square: of their distance."""
    distance = ti.sqrt(square)
    reach, masses = me[3] + other[3], me[7] + other[7]
    reduced = reach * masses
    share = 1.0 / (distance * reduced)  # one division for all
    normal = vector * (share * reduced)
    share *= distance
    return normal, distance, me[3] * other[3] * masses * share, me[7] * other[7] * reach * share


@ti.func
def keep(result: each, q, force, moment, other_moment, heat, work, lost):
    """Store what a pair gives its bodies in row q of the pair loads; lost: of the heat, by dashpots and by yielding."""
    for d in ti.static(range(3)):
        result[q][d], result[q][3 + d], result[q][6 + d] = force[d], moment[d], other_moment[d]
    result[q][9], result[q][10], result[q][11], result[q][12] = heat, work, lost[0], lost[1]


@ti.func
def kept(result: each, q):
    """Force on the first body, moments on both, heat, work and losses of a pair, as stored."""
    row = result[q]
    return (
        ti.Vector([row[0], row[1], row[2]]), ti.Vector([row[3], row[4], row[5]]),
        ti.Vector([row[6], row[7], row[8]]), row[9], row[10], ti.Vector([row[11], row[12]]),
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
    periodic: spans are those of a lattice, else widths in x and y between platens.
    """
    law, bond_law = LAWS[law_name], BONDS[bonds]
    necks, whole_levers = law.necks, law.whole_levers
    # place of a history with the contact radius of the step before, in pairs and at platens
    last, wall_last = (MEMORY + places[base_of(law_name)] - 1 for places in (NORMAL_MEMORY, WALL_MEMORY))
    sticky = base_of(law_name) == STICKY
    normal_law, respond, wall_respond, rolling, swells = (
        law.normal, law.lattice_respond if periodic else law.respond, law.wall_respond, law.rolling, law.swells,
    )  # fmt: skip
    wall_memory, row_width = wall_memory_of(law_name), swelling_width(swelling_of(law_name))
    places = MEMORY + wall_memory
    front, back = (tuple(wall_place(side, d, wall_memory) for d in range(places)) for side in (0, 1))

    @ti.func
    def separation(i, j, here, motion: each, rest: each, span):
        """Vector from body j to body i, whose centre is `here`, nearest image [µm]."""
        vector = here - centre(motion[j])
        if ti.static(periodic):
            vector = lattice_image(vector, span)
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
            near = near or (code < 0 and spring[k][last] > 0.0)
        return near

    @ti.func
    def work_of_flow(force, vector, span, dt):
        """Work that the flow of a lattice does on a pair in a step [pJ]: it carries the bodies along their force."""
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
        overlap = me[3] + other[3] - distance
        arm = me[3] - 0.5 * overlap
        other_arm = other[3] - 0.5 * overlap
        slide = velocity(me) - velocity(other) - (arm * spin(me) + other_arm * spin(other)).cross(normal)
        if ti.static(whole_levers):
            slide -= 0.5 * overlap * (spin(me) + spin(other)).cross(normal)
        if ti.static(periodic):
            slide += flow_of(span, distance * normal)
        pair = table + ti.cast(me[11], ti.i32) * material_count + ti.cast(other[11], ti.i32)
        history = spring
        elastic, contact_radius, heat, sums = 0.0, 0.0, 0.0, ti.Vector([0.0] * (2 * SUM_COUNT))
        if ti.static(swells):
            one = table + ti.cast(me[11], ti.i32) * (material_count + 1)
            two = table + ti.cast(other[11], ti.i32) * (material_count + 1)
            elastic, contact_radius, heat, history, sums = two_flats(
                factors[one], factors[two], me[3], other[3], swelling[i], swelling[j], overlap, spring, dt, sticky
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
    def bonded(i, j, dt, motion: each, rest: each, span, binder, bond: each, k):
        """Force on i, moments on i and j, heat made by bond k, work; updates its springs and whether it holds.

        The elastic energy of a bond that fails becomes heat, as does the work of one that yields.
        """
        me, other, state = motion[i], motion[j], bond[k]
        vector = separation(i, j, centre(me), motion, rest, span)
        distance = vector.norm()
        normal = vector * (1.0 / distance)
        gap = distance - me[3] - other[3]
        arm = me[3] + 0.5 * gap
        other_arm = other[3] + 0.5 * gap
        slide = velocity(me) - velocity(other) - (arm * spin(me) + other_arm * spin(other)).cross(normal)
        if ti.static(periodic):
            slide += flow_of(span, vector)
        mass = me[7] * other[7] / (me[7] + other[7])
        turning, mean_spin = spin(me) - spin(other), 0.5 * (spin(me) + spin(other))
        force, moment, state, heat = bond_law(
            binder, state, gap, distance, normal, slide, turning, mean_spin, mass, dt
        )  # fmt: skip
        couple = normal.cross(force)
        moment_me = moment - arm * couple
        moment_other = -moment - other_arm * couple
        if dt > 0.0:  # a look at the forces changes nothing
            bond[k] = state
        return force, moment_me, moment_other, heat, work_of_flow(force, vector, span, dt)

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
        distance = direction * (me[2] - height)
        if ti.static(compensated):
            distance += direction * rest.z
        overlap = me[3] - distance
        near = overlap > 0.0
        if ti.static(necks):
            near = near or spring[wall_last] > 0.0
        if near:
            normal = ti.Vector([0.0, 0.0, direction])
            arm = me[3] - overlap
            if ti.static(whole_levers):
                arm = me[3]
            slide = velocity(me) - arm * spin(me).cross(normal)
            slide.z -= plate_velocity
            elastic, contact_radius = 0.0, 0.0
            if ti.static(swells):
                elastic, contact_radius, heat, history, sums = one_flat(
                    own_factors, me[3], row, overlap, spring, dt, sticky
                )  # fmt: skip
            else:
                elastic, contact_radius, heat, history = normal_law(factors, me[3], overlap, spring)
            lost[1] = heat
            force, resisting, history, heat, lost[0] = wall_respond(
                factors, me[3], me[7], overlap, elastic, contact_radius, heat, normal, slide, spin(me), history, dt
            )  # fmt: skip
            moment = -arm * normal.cross(force)
            if ti.static(rolling):
                moment += resisting
        return force, moment, history, heat, lost, sums

    @ti.func
    def platens(q, p, low, high, low_velocity, high_velocity, materials, dt, table, material_count, motion: each,
                rest: each, load: each, losses: each, wall: each, factors: each, swelling: each):  # fmt: skip
        """Forces of both platens on body p, which is row q of the bodies near them: the first terms of its sums.

        materials: rows of the lower and the upper platen's material.
        """
        me, held, sums = motion[p], wall[q], load[p]
        offset = ti.Vector([0.0, 0.0, 0.0])
        if ti.static(compensated):
            offset = rest[p]
        material = ti.cast(me[11], ti.i32)
        row = table + material * material_count
        own = ti.Vector([0.0] * row_width)
        if ti.static(swells):
            own = swelling[p]
        springs = held  # as by records.wall_layout: the side whose turn it is lies in front
        pushes = ti.Vector([0.0, 0.0])
        push = ti.Vector([0.0, 0.0, 0.0])
        turn = ti.Vector([0.0, 0.0, 0.0])
        heat, work, gone = sums[3], 0.0, losses[p]
        for side in range(2):
            direction = 1.0 - 2.0 * side
            height = low if side == 0 else high
            speed = low_velocity if side == 0 else high_velocity
            spring = ti.Vector([0.0] * places)
            for d in ti.static(range(places)):
                spring[d] = springs[ti.static(front[d])]
            force, moment, history, made, lost, sums_of_side = platen(
                me, offset, dt, height, direction, speed, factors[row + ti.cast(materials[side], ti.i32)],
                factors[row + material], own, spring,
            )  # fmt: skip
            if ti.static(swells):
                add_sums(swelling, p, sums_of_side, 0)
            # the other side's turn: what was found goes to the back
            for d in ti.static(range(places)):
                springs[ti.static(front[d])] = springs[ti.static(back[d])]
                springs[ti.static(back[d])] = history[d]
            # 0 - x, not -x: no load is +0, as of a body that is not listed
            pushes = ti.Vector([pushes[1], force.z if side == 0 else 0.0 - force.z])
            push += force
            turn += moment
            heat += made
            gone[0] += lost[0]
            gone[1] += lost[1]
            work += force.z * speed
        springs[WALL_LOADS[0]], springs[WALL_LOADS[1]] = pushes[0], pushes[1]
        wall[q] = springs
        losses[p] = gone
        load[p] = ti.Vector([push.x, push.y, push.z, heat, turn.x, turn.y, turn.z, sums[7] + dt * work])

    return SimpleNamespace(
        separation=separation, touches=touches, contact=contact, bonded=bonded, platens=platens,
        work_of_flow=work_of_flow,
    )  # fmt: skip
