"""Advance all boxes by velocity Verlet. Two schedules of the same arithmetic, equal to the bit:

- `boxes`: a box is advanced by one thread for many steps in one launch, boxes being taken from a queue; forces are
  scattered in the order of the pairs.
- `pairs`: every pair, then every body, is a work item; a body gathers from its pairs in the same order.

A box stops by itself when its pair list may become incomplete (`stale`), and does nothing once its steps are done.
"""

from functools import cache
from types import SimpleNamespace

from kalander.kernels.backend import ti
from kalander.kernels.pairs import pair_functions

__all__ = ["FRESH", "LOST", "STALE", "motion_kernels"]

each = ti.template()  # an array handed on to a function

# The CPU backend does not split a loop below 512 turns a thread: a box a turn would leave all boxes to one thread.
LANE = 512
FRESH, STALE, LOST = 0, 1, 2  # the pair list is complete; complete for this step only; was incomplete: an error


@ti.func
def kick(p, dt, force: each, moment: each, gravity, mass: each, radius: each, velocity: each, spin: each):
    """Half a step of acceleration."""
    velocity[p] += 0.5 * dt * (force[p] / mass[p] + gravity)
    spin[p] += 0.5 * dt / (0.4 * mass[p] * radius[p] * radius[p]) * moment[p]


@ti.func
def drift(p, dt, skin, velocity: each, position: each, rest: each, listed: each, compensated: ti.template()):
    """A step of motion; says whether the pair list stays complete (a body may move half a skin since the list)."""
    if ti.static(compensated):
        move = velocity[p] * dt + rest[p]
        there = position[p] + move
        rest[p] = move - (there - position[p])
        position[p] = there
    else:
        position[p] += velocity[p] * dt
    away = (position[p] - listed[p]).norm()
    step = velocity[p].norm() * dt
    state = ti.cast(0, ti.i32)
    if not (away <= 0.5 * skin):  # also where the position is not a number
        state = 2
    elif away + 1.5 * step > 0.5 * skin:
        state = 1
    return state


@cache
def motion_kernels(law_name: str, *, compensated: bool) -> SimpleNamespace:
    """Kernels for one contact law."""
    functions = pair_functions(law_name, compensated=compensated)
    contact_pair, bonded_pair, platen = functions.contact_pair, functions.bonded_pair, functions.platen
    array = ti.types.ndarray

    @ti.func
    def platens(
        p, b, dt, step, material_count, position: each, rest: each, velocity: each, spin: each, force: each,
        moment: each, radius: each, mass: each, material: each,
        spring_low: each, spring_high: each, load_low: each, load_high: each, heat: each, work: each,
        platen_height: each, platen_velocity: each, constants: each,
    ):  # fmt: skip
        """Forces of both platens on a body: the first terms of its sums."""
        low = platen_height[b, 0] + platen_velocity[b, 0] * (dt * step)
        high = platen_height[b, 1] + platen_velocity[b, 1] * (dt * step)
        force_low, moment_low, history_low, heat_low = platen(
            p, b, dt, material_count, low, 1.0, platen_velocity[b, 0], position, rest, velocity, spin, radius, mass,
            material, constants, spring_low[p],
        )  # fmt: skip
        force_high, moment_high, history_high, heat_high = platen(
            p, b, dt, material_count, high, -1.0, platen_velocity[b, 1], position, rest, velocity, spin, radius, mass,
            material, constants, spring_high[p],
        )  # fmt: skip
        spring_low[p] = history_low
        spring_high[p] = history_high
        load_low[p] = force_low.z
        load_high[p] = -force_high.z
        force[p] = force_low + force_high
        moment[p] = moment_low + moment_high
        heat[p] += heat_low + heat_high
        work[p] += dt * (force_low.z * platen_velocity[b, 0] + force_high.z * platen_velocity[b, 1])

    @ti.kernel
    def advance_boxes(
        workers: int, queue: array(), head: array(), material_count: int,
        position: array(), rest: array(), velocity: array(), spin: array(), force: array(), moment: array(),
        radius: array(), mass: array(), material: array(), box: array(), listed: array(),
        spring_low: array(), spring_high: array(), load_low: array(), load_high: array(), heat: array(), work: array(),
        body_start: array(), contact_start: array(), bond_start: array(), width: array(), platen_height: array(),
        platen_velocity: array(), gravity: array(), dt: array(), skin: array(), todo: array(), done: array(),
        stale: array(), constants: array(), binder: array(),
        first: array(), second: array(), spring: array(), touching: array(),
        bond_first: array(), bond_second: array(), bond_radius: array(), bond_length: array(), intact: array(),
        shear: array(), bending: array(), twist: array(),
    ):  # fmt: skip
        """Workers take boxes from the queue until it is empty; a box is advanced by one worker."""
        for slot in range(workers * LANE):
            if slot % LANE == 0:
                place = ti.atomic_add(head[0], 1)  # of integers: who takes a box does not matter
                while place < queue.shape[0]:
                    b = queue[place]
                    while done[b] < todo[b] and stale[b] == 0:
                        state = ti.cast(0, ti.i32)
                        for p in range(body_start[b], body_start[b + 1]):
                            kick(p, dt[b], force, moment, gravity[b], mass, radius, velocity, spin)
                            moved = drift(p, dt[b], skin[b], velocity, position, rest, listed, compensated)
                            state = ti.max(state, moved)
                        done[b] += 1
                        stale[b] = state
                        for p in range(body_start[b], body_start[b + 1]):
                            platens(
                                p, b, dt[b], done[b], material_count, position, rest, velocity, spin, force, moment,
                                radius, mass, material, spring_low, spring_high, load_low, load_high, heat, work,
                                platen_height, platen_velocity, constants,
                            )  # fmt: skip
                        for k in range(contact_start[b], contact_start[b + 1]):
                            i = first[k]
                            j = second[k]
                            touch, push, turn_i, turn_j, history, warmth = contact_pair(
                                i, j, b, dt[b], material_count, position, rest, velocity, spin, radius, mass, material,
                                width, constants, spring[k], touching[k],
                            )  # fmt: skip
                            touching[k] = touch
                            if touch == 1:
                                spring[k] = history
                                force[i] += push
                                force[j] -= push
                                moment[i] += turn_i
                                moment[j] += turn_j
                                heat[i] += warmth
                        for k in range(bond_start[b], bond_start[b + 1]):
                            if intact[k] == 1:
                                i = bond_first[k]
                                j = bond_second[k]
                                holds, push, turn_i, turn_j, new_shear, new_bending, new_twist, warmth = bonded_pair(
                                    i, j, b, dt[b], position, rest, velocity, spin, radius, mass, width, binder,
                                    bond_radius[k], bond_length[k], shear[k], bending[k], twist[k],
                                )  # fmt: skip
                                intact[k] = holds
                                shear[k] = new_shear
                                bending[k] = new_bending
                                twist[k] = new_twist
                                heat[i] += warmth
                                if holds == 1:
                                    force[i] += push
                                    force[j] -= push
                                    moment[i] += turn_i
                                    moment[j] += turn_j
                        for p in range(body_start[b], body_start[b + 1]):
                            kick(p, dt[b], force, moment, gravity[b], mass, radius, velocity, spin)
                    place = ti.atomic_add(head[0], 1)

    # The kernels of schedule `pairs`. More than 32 arrays in one kernel fail on Vulkan (silently, Taichi 1.7.4).

    @ti.kernel
    def move(
        position: array(), rest: array(), velocity: array(), spin: array(), force: array(), moment: array(),
        radius: array(), mass: array(), box: array(), listed: array(), gravity: array(), dt: array(), skin: array(),
        todo: array(), done: array(), stale: array(), moving: array(),
    ):  # fmt: skip
        """Decide which boxes move, then half a kick and a drift of their bodies."""
        for b in range(todo.shape[0]):
            moving[b] = ti.cast(done[b] < todo[b] and stale[b] == 0, ti.i32)
            done[b] += moving[b]
        for p in range(position.shape[0]):
            b = box[p]
            if moving[b] == 1:
                kick(p, dt[b], force, moment, gravity[b], mass, radius, velocity, spin)
                state = drift(p, dt[b], skin[b], velocity, position, rest, listed, compensated)
                if state > 0:
                    ti.atomic_max(stale[b], state)  # of integers: order does not matter

    @ti.kernel
    def touch_contacts(
        material_count: int, contact_count: int,
        position: array(), rest: array(), velocity: array(), spin: array(), radius: array(), mass: array(),
        material: array(), box: array(), width: array(), dt: array(), constants: array(), moving: array(),
        first: array(), second: array(), spring: array(), touching: array(),
        push: array(), turn_i: array(), turn_j: array(), warmth: array(),
    ):  # fmt: skip
        """Forces of all contacts."""
        for k in range(contact_count):
            i = first[k]
            b = box[i]
            if moving[b] == 1:
                touch, force, moment_i, moment_j, history, heat = contact_pair(
                    i, second[k], b, dt[b], material_count, position, rest, velocity, spin, radius, mass, material,
                    width, constants, spring[k], touching[k],
                )  # fmt: skip
                touching[k] = touch
                if touch == 1:
                    spring[k] = history
                    push[k] = force
                    turn_i[k] = moment_i
                    turn_j[k] = moment_j
                    warmth[k] = heat

    @ti.kernel
    def load_bonds(
        bond_count: int,
        position: array(), rest: array(), velocity: array(), spin: array(), radius: array(), mass: array(),
        box: array(), width: array(), dt: array(), binder: array(), moving: array(),
        bond_first: array(), bond_second: array(), bond_radius: array(), bond_length: array(), intact: array(),
        shear: array(), bending: array(), twist: array(),
        push: array(), turn_i: array(), turn_j: array(), warmth: array(),
    ):  # fmt: skip
        """Forces of all bonds that hold; one that fails hands on its heat."""
        for k in range(bond_count):
            i = bond_first[k]
            b = box[i]
            if moving[b] == 1:
                warmth[k] = 0.0
                if intact[k] == 1:
                    holds, force, moment_i, moment_j, new_shear, new_bending, new_twist, heat = bonded_pair(
                        i, bond_second[k], b, dt[b], position, rest, velocity, spin, radius, mass, width, binder,
                        bond_radius[k], bond_length[k], shear[k], bending[k], twist[k],
                    )  # fmt: skip
                    intact[k] = holds
                    shear[k] = new_shear
                    bending[k] = new_bending
                    twist[k] = new_twist
                    push[k] = force
                    turn_i[k] = moment_i
                    turn_j[k] = moment_j
                    warmth[k] = heat

    @ti.kernel
    def press_platens(
        material_count: int,
        position: array(), rest: array(), velocity: array(), spin: array(), force: array(), moment: array(),
        radius: array(), mass: array(), material: array(), box: array(),
        spring_low: array(), spring_high: array(), load_low: array(), load_high: array(), heat: array(), work: array(),
        platen_height: array(), platen_velocity: array(), dt: array(), done: array(), moving: array(),
        constants: array(),
    ):  # fmt: skip
        """Forces of the platens: the first terms of the sums of all bodies."""
        for p in range(position.shape[0]):
            b = box[p]
            if moving[b] == 1:
                platens(
                    p, b, dt[b], done[b], material_count, position, rest, velocity, spin, force, moment, radius,
                    mass, material, spring_low, spring_high, load_low, load_high, heat, work, platen_height,
                    platen_velocity, constants,
                )  # fmt: skip

    @ti.kernel
    def gather(
        force: array(), moment: array(), heat: array(), velocity: array(), spin: array(), radius: array(),
        mass: array(), box: array(), gravity: array(), dt: array(), moving: array(),
        touching: array(), row: array(), column: array(), incident: array(),
        push: array(), turn_i: array(), turn_j: array(), warmth: array(),
        intact: array(), bond_row: array(), bond_column: array(), bond_incident: array(),
        bond_push: array(), bond_turn_i: array(), bond_turn_j: array(), bond_warmth: array(),
    ):  # fmt: skip
        """Sum the forces of every body in the order of the pairs, then the second half of its kick."""
        for p in range(force.shape[0]):
            b = box[p]
            if moving[b] == 1:
                for m in range(column[p], column[p + 1]):
                    k = incident[m]
                    if touching[k] == 1:
                        force[p] -= push[k]
                        moment[p] += turn_j[k]
                for k in range(row[p], row[p + 1]):
                    if touching[k] == 1:
                        force[p] += push[k]
                        moment[p] += turn_i[k]
                        heat[p] += warmth[k]
                for m in range(bond_column[p], bond_column[p + 1]):
                    k = bond_incident[m]
                    if intact[k] == 1:
                        force[p] -= bond_push[k]
                        moment[p] += bond_turn_j[k]
                for k in range(bond_row[p], bond_row[p + 1]):
                    heat[p] += bond_warmth[k]
                    if intact[k] == 1:
                        force[p] += bond_push[k]
                        moment[p] += bond_turn_i[k]
                kick(p, dt[b], force, moment, gravity[b], mass, radius, velocity, spin)

    return SimpleNamespace(
        advance_boxes=advance_boxes,
        move=move,
        touch_contacts=touch_contacts,
        load_bonds=load_bonds,
        press_platens=press_platens,
        gather=gather,
    )
