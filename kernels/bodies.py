"""Schedule `bodies`, for GPUs: every body is a work item and sums its own side of all its pairs from a full list.

Each contact is computed twice, alike on both sides, and nothing is scattered: less memory traffic than one computation
that is stored and gathered. The result equals that of schedule `boxes` to the bit where arithmetic is the same.
"""

from functools import cache
from typing import Any

from kalander.kernels.backend import has_double_exponential, ti
from kalander.kernels.contact import LAWS
from kalander.kernels.dense import add_sums, swell
from kalander.kernels.errors import DeviceError
from kalander.kernels.law_table import memory_of
from kalander.kernels.motion import FRESH, list_state, travel_limits, turn_over
from kalander.kernels.normal_laws import MEMORY
from kalander.kernels.pairs import centre, keep, pair_functions, partner_of
from kalander.kernels.records import SUM_COUNT, law_arrays

__all__ = ["body_kernel"]


@cache
def body_kernel(law_name: str, *, precision: str) -> Any:
    """The kernel for one contact law. It has 28 arrays: more than 32 fail on Vulkan, from 33 silently."""
    if LAWS[law_name].swells and precision == "f64" and not has_double_exponential():
        raise DeviceError(f'law "{law_name}" needs exp in double precision, which Vulkan has not; use --precision f32')
    compensated = precision == "f32"
    functions = pair_functions(law_name, compensated=compensated)
    separation, contact, bonded, platens = (
        functions.separation, functions.contact, functions.bonded, functions.platens,
    )  # fmt: skip
    memory, swells = memory_of(law_name), LAWS[law_name].swells
    a = law_arrays(precision, law_name)

    @ti.kernel
    def step_bodies(
        body_count: int, bond_count: int, wall_count: int, material_count: int, box_count: int,
        motion: a.motion, rest: a.point, load: a.load, listed: a.point, box_of: a.integer,
        row: a.integer, partner: a.integer, spring: a.spring,
        wall_body: a.integer, wall: a.wall,
        bond_first: a.integer, bond_second: a.integer, bond: a.bond, bond_load: a.pair_load,
        bond_row: a.integer, bond_column: a.integer, bond_incident: a.integer,
        frame: a.frame, platen: a.platen,
        todo: a.integer, done: a.integer, stale: a.integer, signs_of_box: a.integer,
        moving: a.integer, room: a.room,
        factors: a.law, binder: a.binder, swelling: a.swelling,
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
                box, limit, me = frame[b], room[b], motion[p]
                size = ti.Vector([me[3], 0.0, 0.0])
                if ti.static(swells):
                    size[0] = swelling[p][0]
                    own = (b * material_count + ti.cast(me[11], ti.i32)) * material_count + ti.cast(me[11], ti.i32)
                    me[3], size[1], size[2] = swell(p, me[3], factors[own][16], swelling)
                signs = turn_over(
                    p, me, load[p], size, 0, 1, box[5], ti.Vector([box[2], box[3], box[4]]), motion, rest, load,
                    listed, limit[0], platen[b][4], limit[2], limit[3], limit[4], limit[5], compensated,
                )  # fmt: skip
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
                    q, p, room[b][0], room[b][1], gap[2], gap[3], ti.Vector([gap[6], gap[7]]), frame[b][5],
                    b * material_count * material_count, material_count, motion, rest, load, wall, factors,
                    swelling,
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
                box, limit, me, sums = frame[b], room[b], motion[p], load[p]
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
                        history = ti.Vector([0.0] * (MEMORY + memory))
                        if code < 0:
                            history = spring[k]
                        else:
                            partner[k] = ~j
                        # both sides compute from the first body, so that they agree also where products are fused
                        first, second, sign = me, motion[j], 1.0
                        if p > j:
                            first, second, sign = motion[j], me, -1.0
                        force, moment, other_moment, history, heat, gains = contact(
                            ti.min(p, j), ti.max(p, j), first, second, sign * vector, square, box[5], table,
                            material_count, factors, swelling, history,
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
                box, limit = frame[b], room[b]
                size = ti.Vector([motion[p][3], 0.0, 0.0])
                if ti.static(swells):
                    size[0] = swelling[p][0]
                turn_over(
                    p, motion[p], load[p], size, 1, 0, box[5], ti.Vector([box[2], box[3], box[4]]), motion, rest, load,
                    listed, limit[0], platen[b][4], limit[2], limit[3], limit[4], limit[5], compensated,
                )  # fmt: skip

    return step_bodies
