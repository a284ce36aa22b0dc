"""Schedule `bodies`, for GPUs: every body is a work item and sums its own side of all its pairs from a full list.

Each contact is computed twice, alike on both sides, and nothing is scattered: less memory traffic than one computation
that is stored and gathered. The result equals that of schedule `boxes` to the bit where arithmetic is the same.
"""

from functools import cache
from typing import Any

from kalander.kernels.device.backend import has_double_exponential, ti
from kalander.kernels.device.shared import FRESH
from kalander.kernels.errors import DeviceError
from kalander.kernels.law_table import MEMORY
from kalander.kernels.laws.bond import BRITTLE
from kalander.kernels.laws.book import memory_of, swelling_of
from kalander.kernels.layout import LOW, width_of
from kalander.kernels.particles.clumps import turn_clump
from kalander.kernels.particles.growth import add_sums, sized
from kalander.kernels.particles.motion import list_state, platen_limits, turn_over
from kalander.kernels.particles.pairs import centre, keep, pair_functions, partner_of, platen_span, posture
from kalander.kernels.particles.periodic_cell import periodic_limits, span_at
from kalander.kernels.particles.rows import vector_at
from kalander.kernels.records import (
    BOND_STATE,
    CODE,
    COURSE,
    FRAME,
    LOAD,
    LOSSES,
    MOTION,
    PAIR_LOAD,
    PERIODIC_CARRY,
    PERIODIC_ROOM,
    PLATEN,
    ROOM,
    SPAN,
    SUM_COUNT,
    law_arrays,
)

__all__ = ["body_kernel"]

each = ti.template()  # an array handed on to a function


@cache
def body_kernel(
    law_name: str, *, precision: str, periodic: bool = False, clumps: bool = False, bonds: str = BRITTLE
) -> Any:
    """The kernel for one contact law, for boxes with platens or a periodic cell.

    It has 32 arrays: more than 32 fail on Vulkan, from 33 silently.
    clumps: some bodies are members of rigid clumps; without, the kernel knows nothing of them.
    """
    if swelling_of(law_name) and precision == "f64" and not has_double_exponential():
        raise DeviceError(f'law "{law_name}" needs exp in double precision, which Vulkan has not; use --precision f32')
    compensated = precision == "f32"
    functions = pair_functions(law_name, compensated=compensated, periodic=periodic, bonds=bonds)
    separation, contact, bonded, platens = (
        functions.separation, functions.contact, functions.bonded, functions.platens,
    )  # fmt: skip
    work_of_flow, touches = functions.work_of_flow, functions.touches
    memory, swells = memory_of(law_name, periodic=periodic), swelling_of(law_name) > 0
    a = law_arrays(precision, law_name, periodic=periodic, bonds=bonds)

    @ti.func
    def rooms(limit, gap):
        """Carry and rooms of a box in this step, from its row."""
        if ti.static(periodic):
            carry = ti.Vector([limit[PERIODIC_ROOM.step + d] for d in range(width_of(PERIODIC_CARRY))])
            return carry, -1.0, limit[PERIODIC_ROOM.carried], limit[PERIODIC_ROOM.most]
        else:
            carry = ti.Vector([limit[ROOM.low], gap[PLATEN.listed_height + LOW], limit[ROOM.stretch]])
            return carry, limit[ROOM.still], limit[ROOM.carried], limit[ROOM.most]

    @ti.func
    def span_of(limit, box):
        """Span of a box at the end of this step."""
        if ti.static(periodic):
            return ti.Vector([limit[PERIODIC_ROOM.span + d] for d in range(width_of(SPAN))])
        else:
            return platen_span(box)

    @ti.func
    def turn(
        p, finish, begin, box, table, material_count, carry, still, carried, most, motion: each, rest: each,
        load: each, listed: each, factors: each, swelling: each, member: each, clump: each, offset: each,
    ):  # fmt: skip
        """End or begin a step of body p, or of the clump whose last member it is. Returns the signs of its list."""
        signs = ti.cast(0, ti.i32)
        pull = vector_at(box, FRAME.gravity)
        alone = 1
        if ti.static(clumps):
            mine = member[p]
            if mine[CODE.clump] >= 0:
                alone = 0
                if mine[CODE.behind] == 0:
                    signs = turn_clump(
                        p, mine[CODE.clump], finish, begin, box[FRAME.dt], pull, motion, rest, load, listed, carry,
                        still, carried, most, clump, offset, compensated, periodic,
                    )  # fmt: skip
        if alone == 1:
            me, size = sized(p, motion[p], begin, table, material_count, factors, swelling, swells)
            signs = turn_over(
                p, me, load[p], size, finish, begin, box[FRAME.dt], pull, motion, rest, load, listed, carry, still,
                carried, most, compensated, periodic,
            )  # fmt: skip
        return signs

    @ti.kernel
    def step_bodies(
        body_count: int, bond_count: int, platen_count: int, material_count: int, box_count: int,
        active: a.integer, motion: a.motion, rest: a.point, load: a.load, losses: a.point, listed: a.point,
        box_of: a.integer, row: a.integer, partner: a.integer, spring: a.spring,
        platen_body: a.integer, platen_spring: a.platen_spring,
        bond_first: a.integer, bond_second: a.integer, bond: a.bond, bond_load: a.pair_load,
        bond_row: a.integer, bond_column: a.integer, bond_incident: a.integer,
        frame: a.frame, platen: a.platen,
        course: a.link, done: a.integer, stale: a.integer, signs_of_box: a.integer, room: a.room,
        factors: a.law, binder: a.binder, swelling: a.swelling,
        member: a.link, clump: a.clump, offset: a.point,
    ):  # fmt: skip
        """One step of every box that is not done and whose list holds.

        active: bodies of the boxes that are not done; course: steps to do, and whether a box moves in this one."""
        for b in range(box_count):
            course[b][COURSE.moves] = 1 if done[b] < course[b][COURSE.todo] and stale[b] == FRESH else 0
            if course[b][COURSE.moves] == 1:
                done[b] = done[b] + 1
                box, gap = frame[b], platen[b]
                if ti.static(periodic):
                    now, then = span_at(gap, box[FRAME.dt] * (done[b] - 1)), span_at(gap, box[FRAME.dt] * done[b])
                    carry, carried, most = periodic_limits(
                        gap, now, then, box[FRAME.dt], box[FRAME.skin], box[FRAME.reach]
                    )
                    signs_of_box[b] = 0
                    stored = room[b]
                    for d in ti.static(range(8)):
                        stored[PERIODIC_ROOM.step + d] = carry[d]
                        stored[PERIODIC_ROOM.span + d] = then[d]
                    stored[PERIODIC_ROOM.carried], stored[PERIODIC_ROOM.most] = carried, most
                    room[b] = stored
                else:
                    low, high, stretch, still, carried, most, signs = platen_limits(box, gap, box[FRAME.dt] * done[b])
                    signs_of_box[b] = signs
                    room[b] = ti.Vector([low, high, stretch, still, carried, most])
        for q in range(body_count):
            p = active[q]
            b = box_of[p]
            if course[b][COURSE.moves] == 1:
                carry, still, carried, most = rooms(room[b], platen[b])
                signs = turn(
                    p, 0, 1, frame[b], b * material_count * material_count, material_count, carry, still, carried, most,
                    motion, rest, load, listed, factors, swelling, member, clump, offset,
                )  # fmt: skip
                if signs > 0:
                    ti.atomic_or(signs_of_box[b], signs)
        for b in range(box_count):
            if course[b][COURSE.moves] == 1:
                stale[b] = list_state(signs_of_box[b])
        for q in range(platen_count):
            p = platen_body[q]
            b = box_of[p]
            if ti.static(not periodic) and course[b][COURSE.moves] == 1:
                gap = platen[b]
                platens(
                    q, p, room[b][ROOM.low], room[b][ROOM.high], gap, frame[b][FRAME.dt],
                    b * material_count * material_count, material_count, motion, rest, load, losses, platen_spring,
                    factors, swelling,
                )  # fmt: skip
        for k in range(bond_count):
            i = bond_first[k]
            b = box_of[i]
            if course[b][COURSE.moves] == 1:
                force = ti.Vector([0.0, 0.0, 0.0])
                moment = ti.Vector([0.0, 0.0, 0.0])
                other_moment = ti.Vector([0.0, 0.0, 0.0])
                heat, work = 0.0, 0.0
                if bond[k][BOND_STATE.intact] > 0.0:
                    force, moment, other_moment, heat, work = bonded(
                        i, bond_second[k], frame[b][FRAME.dt], motion, rest, span_of(room[b], frame[b]), binder[b],
                        bond, k,
                    )  # fmt: skip
                keep(bond_load, k, force, moment, other_moment, heat, work, ti.Vector([0.0, 0.0]))
        for q in range(body_count):
            p = active[q]
            b = box_of[p]
            if course[b][COURSE.moves] == 1:
                box, me, sums = frame[b], motion[p], load[p]
                span = span_of(room[b], box)
                table = b * material_count * material_count
                force_sum = vector_at(sums, LOAD.force)
                moment_sum = vector_at(sums, LOAD.moment)
                heat_sum, work_sum, gone = sums[LOAD.heat], sums[LOAD.work], losses[p]
                for m in range(bond_column[p], bond_column[p + 1]):
                    held = bond_load[bond_incident[m]]
                    force_sum -= vector_at(held, PAIR_LOAD.force)
                    moment_sum += vector_at(held, PAIR_LOAD.other_moment)
                for k in range(bond_row[p], bond_row[p + 1]):
                    held = bond_load[k]
                    force_sum += vector_at(held, PAIR_LOAD.force)
                    moment_sum += vector_at(held, PAIR_LOAD.moment)
                    heat_sum += held[PAIR_LOAD.heat]
                    gone[LOSSES.bonds] += held[PAIR_LOAD.heat]
                    work_sum += held[PAIR_LOAD.work]
                for k in range(row[p], row[p + 1]):
                    code = partner[k]
                    j = partner_of(code)
                    vector = separation(p, j, centre(me), motion, rest, span)
                    reach = me[MOTION.radius] + motion[j][MOTION.radius]
                    square = vector.dot(vector)
                    if touches(square, reach, code, spring, k):
                        history = ti.Vector([0.0] * (MEMORY + memory))
                        if code < 0:
                            history = spring[k]
                        else:
                            partner[k] = ~j
                        # both sides compute from the first body, so that they agree also where products are fused
                        first, second, sign = me, motion[j], 1.0
                        if p > j:
                            first, second, sign = motion[j], me, -1.0
                        normal, distance, radius, mass = posture(first, second, sign * vector, square)
                        force, moment, other_moment, history, heat, lost, gains = contact(
                            ti.min(p, j), ti.max(p, j), first, second, normal, distance, radius, mass, box[FRAME.dt],
                            span, table, material_count, factors, swelling, history,
                        )  # fmt: skip
                        spring[k] = history
                        if ti.static(swells):
                            if p < j:
                                add_sums(swelling, p, gains, 0)
                            else:
                                add_sums(swelling, p, gains, SUM_COUNT)
                        force_sum += sign * force
                        if p < j:
                            moment_sum += moment
                            heat_sum += heat
                            gone[LOSSES.damping] += lost[LOSSES.damping]
                            gone[LOSSES.yielding] += lost[LOSSES.yielding]
                            work_sum += work_of_flow(force, distance * normal, span, box[FRAME.dt])
                        else:
                            moment_sum += other_moment
                    elif code < 0:
                        partner[k] = j
                losses[p] = gone
                load[p] = ti.Vector(
                    [
                        force_sum.x, force_sum.y, force_sum.z, heat_sum,
                        moment_sum.x, moment_sum.y, moment_sum.z, work_sum,
                    ]
                )  # fmt: skip
                # a neighbour reads velocities: they change in a loop of their own
        for q in range(body_count):
            p = active[q]
            b = box_of[p]
            if course[b][COURSE.moves] == 1:
                carry, still, carried, most = rooms(room[b], platen[b])
                turn(
                    p, 1, 0, frame[b], b * material_count * material_count, material_count, carry, still, carried, most,
                    motion, rest, load, listed, factors, swelling, member, clump, offset,
                )  # fmt: skip

    return step_bodies
