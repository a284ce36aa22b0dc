"""Schedule `bodies`, for GPUs: every body is a work item and sums its own side of all its pairs from a full list.

Each contact is computed twice, alike on both sides, and nothing is scattered: less memory traffic than one computation
that is stored and gathered. The result equals that of schedule `boxes` to the bit where arithmetic is the same.
"""

from functools import cache
from typing import Any

from kalander.kernels.backend import ti
from kalander.kernels.clumps import turn_clump
from kalander.kernels.motion import FRESH, list_state, travel_limits, turn_over
from kalander.kernels.pairs import centre, keep, pair_functions, partner_of
from kalander.kernels.records import array_types

__all__ = ["body_kernel"]

each = ti.template()  # an array handed on to a function


@cache
def body_kernel(law_name: str, *, precision: str, clumps: bool = False) -> Any:
    """The kernel for one contact law. It has 30 arrays: more than 32 fail on Vulkan, from 33 silently.

    clumps: some bodies are members of rigid clumps; without, the kernel knows nothing of them.
    """
    compensated = precision == "f32"
    functions = pair_functions(law_name, compensated=compensated)
    separation, contact, bonded, platens = (
        functions.separation, functions.contact, functions.bonded, functions.platens,
    )  # fmt: skip
    a = array_types(precision)

    @ti.func
    def turn(
        p, finish, begin, box, limit, listed_low, motion: each, rest: each, load: each, listed: each, member: each,
        clump: each, offset: each,
    ):  # fmt: skip
        """End or begin a step of body p, or of the clump whose last member it is. Returns the signs of its list."""
        signs = ti.cast(0, ti.i32)
        pull = ti.Vector([box[2], box[3], box[4]])
        alone = 1
        if ti.static(clumps):
            mine = member[p]
            if mine[0] >= 0:
                alone = 0
                if mine[1] == 0:
                    signs = turn_clump(
                        p, mine[0], finish, begin, box[5], pull, motion, rest, load, listed, limit[0], listed_low,
                        limit[2], limit[3], limit[4], limit[5], clump, offset, compensated,
                    )  # fmt: skip
        if alone == 1:
            signs = turn_over(
                p, motion[p], load[p], finish, begin, box[5], pull, motion, rest, load, listed, limit[0], listed_low,
                limit[2], limit[3], limit[4], limit[5], compensated,
            )  # fmt: skip
        return signs

    @ti.kernel
    def step_bodies(
        body_count: int, bond_count: int, wall_count: int, material_count: int, box_count: int,
        motion: a.motion, rest: a.point, load: a.load, listed: a.point, box_of: a.integer,
        row: a.integer, partner: a.integer, spring: a.point,
        wall_body: a.integer, wall: a.wall,
        bond_first: a.integer, bond_second: a.integer, bond: a.bond, bond_load: a.pair_load,
        bond_row: a.integer, bond_column: a.integer, bond_incident: a.integer,
        frame: a.frame, platen: a.platen,
        todo: a.integer, done: a.integer, stale: a.integer, signs_of_box: a.integer,
        moving: a.integer, room: a.platen,
        factors: a.law, binder: a.binder,
        member: a.link, clump: a.clump, offset: a.point,
    ):  # fmt: skip
        """One step of every box that is not done and whose list holds."""
        for b in range(box_count):
            moving[b] = 1 if done[b] < todo[b] and stale[b] == FRESH else 0
            if moving[b] == 1:
                done[b] = done[b] + 1
                box, gap = frame[b], platen[b]
                low = gap[0] + gap[2] * (box[5] * done[b])
                high = gap[1] + gap[3] * (box[5] * done[b])
                platen_step = 1.5 * box[5] * ti.max(ti.abs(gap[2]), ti.abs(gap[3]))
                stretch, still, carried, signs = travel_limits(low, high, gap[4], gap[5], box[6], box[7], platen_step)
                signs_of_box[b] = signs
                room[b] = ti.Vector([low, high, stretch, still, carried, platen_step * (1.0 + box[7] / (high - low))])
        for p in range(body_count):
            b = box_of[p]
            if moving[b] == 1:
                signs = turn(
                    p, 0, 1, frame[b], room[b], platen[b][4], motion, rest, load, listed, member, clump, offset
                )
                if signs > 0:
                    ti.atomic_or(signs_of_box[b], signs)
        for b in range(box_count):
            if moving[b] == 1:
                stale[b] = list_state(signs_of_box[b])
        for q in range(wall_count):
            p = wall_body[q]
            b = box_of[p]
            if moving[b] == 1:
                gap = platen[b]
                platens(
                    q, p, room[b][0], room[b][1], gap[2], gap[3], frame[b][5], b * material_count * material_count,
                    material_count, motion, rest, load, wall, factors,
                )  # fmt: skip
        for k in range(bond_count):
            i = bond_first[k]
            b = box_of[i]
            if moving[b] == 1:
                force = ti.Vector([0.0, 0.0, 0.0])
                moment = ti.Vector([0.0, 0.0, 0.0])
                other_moment = ti.Vector([0.0, 0.0, 0.0])
                heat = 0.0
                if bond[k][9] > 0.0:
                    force, moment, other_moment, heat = bonded(
                        i, bond_second[k], frame[b][5], motion, rest, ti.Vector([frame[b][0], frame[b][1]]), binder[b],
                        bond, k,
                    )  # fmt: skip
                keep(bond_load, k, force, moment, other_moment, heat)
        for p in range(body_count):
            b = box_of[p]
            if moving[b] == 1:
                box, me, sums = frame[b], motion[p], load[p]
                span = ti.Vector([box[0], box[1]])
                table = b * material_count * material_count
                force_sum = ti.Vector([sums[0], sums[1], sums[2]])
                moment_sum = ti.Vector([sums[4], sums[5], sums[6]])
                heat_sum = sums[3]
                for m in range(bond_column[p], bond_column[p + 1]):
                    held = bond_load[bond_incident[m]]
                    force_sum -= ti.Vector([held[0], held[1], held[2]])
                    moment_sum += ti.Vector([held[6], held[7], held[8]])
                for k in range(bond_row[p], bond_row[p + 1]):
                    held = bond_load[k]
                    force_sum += ti.Vector([held[0], held[1], held[2]])
                    moment_sum += ti.Vector([held[3], held[4], held[5]])
                    heat_sum += held[9]
                for k in range(row[p], row[p + 1]):
                    code = partner[k]
                    j = partner_of(code)
                    vector = separation(p, j, centre(me), motion, rest, span)
                    reach = me[3] + motion[j][3]
                    square = vector.dot(vector)
                    if square < reach * reach:
                        history = ti.Vector([0.0, 0.0, 0.0])
                        if code < 0:
                            history = spring[k]
                        else:
                            partner[k] = ~j
                        # both sides compute from the first body, so that they agree also where products are fused
                        first, second, sign = me, motion[j], 1.0
                        if p > j:
                            first, second, sign = motion[j], me, -1.0
                        force, moment, other_moment, history, heat = contact(
                            first, second, sign * vector, square, box[5], table, material_count, factors, history
                        )
                        spring[k] = history
                        force_sum += sign * force
                        if p < j:
                            moment_sum += moment
                            heat_sum += heat
                        else:
                            moment_sum += other_moment
                    elif code < 0:
                        partner[k] = j
                load[p] = ti.Vector(
                    [
                        force_sum.x, force_sum.y, force_sum.z, heat_sum,
                        moment_sum.x, moment_sum.y, moment_sum.z, sums[7],
                    ]
                )  # fmt: skip
                # a neighbour reads velocities: they change in a loop of their own
        for p in range(body_count):
            b = box_of[p]
            if moving[b] == 1:
                turn(p, 1, 0, frame[b], room[b], platen[b][4], motion, rest, load, listed, member, clump, offset)

    return step_bodies
