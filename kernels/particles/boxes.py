"""Schedule `boxes`, for CPUs: workers advance boxes by many steps in one launch, each pair computed once.

Many boxes: a worker takes a box from a queue and advances it alone. Few boxes: all workers advance a box together, each
its part of the bodies, meeting twice a step. Pairs that cross parts are computed first and kept; everything else is
scattered in the order of the rows, so that a body always sums the same numbers in the same order: the result depends
neither on workers nor on parts.
"""

from functools import cache
from typing import Any

from kalander.kernels.device.backend import ti
from kalander.kernels.device.shared import CHUNK, FRESH
from kalander.kernels.law_table import MEMORY
from kalander.kernels.laws.bond import BRITTLE
from kalander.kernels.laws.book import memory_of, swelling_of, yields_of
from kalander.kernels.layout import LOW, Z, in_a_row
from kalander.kernels.particles.clumps import turn_clump
from kalander.kernels.particles.growth import add_sums, sized
from kalander.kernels.particles.motion import list_state, platen_limits, turn_over
from kalander.kernels.particles.pairs import (
    centre,
    keep,
    keep_sums,
    kept,
    pair_functions,
    partner_of,
    platen_span,
    posture,
)
from kalander.kernels.particles.periodic_cell import periodic_limits, span_at
from kalander.kernels.particles.rows import vector_at
from kalander.kernels.records import (
    BOND_STATE,
    CARRY,
    CODE,
    FRAME,
    LOAD,
    LOSSES,
    MOTION,
    PAIR_LOAD_WIDTH,
    PLATEN,
    SUM_COUNT,
    law_arrays,
)

__all__ = ["LANE", "PART", "box_kernel"]

each = ti.template()  # an array handed on to a function

# The CPU backend does not split a loop below 512 turns a thread: a worker a turn would leave all to one thread.
LANE = 512

# What a part has: bodies, bodies near platens, bonds; contacts that leave it and that come in; bonds likewise
PART = BODIES, AT_PLATENS, BONDS, CROSS, CROSS_IN, TIES, TIE_IN = range(7)

SHARE = in_a_row((name, 1) for name in ("group", "worker", "workers"))  # first group of the box, and whose share
CROSSING = in_a_row((name, 1) for name in ("body", "place"))  # of a pair between parts: first body, place in the list
TIE = in_a_row((name, 1) for name in ("row", "body"))  # of a bond from another part: where it is kept, second body
# of a pair that touches: vector, later the normal; square of the distance, later the distance; R*, m*; see sift
SEEN = in_a_row([("vector", 3), ("distance", 1), ("radius", 1), ("mass", 1), ("early", 2)])
# the same rows for bonds: see bond_posture
BEAM_SEEN = in_a_row([("normal", 3), ("distance", 1), ("over_length", 1), ("shear_share", 1), ("impedance", 1)])

# A worker that had to wait longer than this for others, which some other program keeps from their cores, says so with a
# sign; the team then ends the launch after its next step, and the host may go on with one worker.
TIRED = 16
PATIENCE, PATIENCE_OF_A_BODY = 200_000, 20  # looks at the gate, of some 10 to 30 ns


@ti.func
def meet(gate: each, team, meeting, patience):
    """Wait until every worker of the team has come to this meeting. TIRED if that took more looks than `patience`."""
    looks = 0
    if team > 1:
        ti.atomic_add(gate[0], 1)
        while ti.atomic_max(gate[0], 0) < team * meeting:  # an atomic: a plain read could be kept in a register
            looks += 1
    return TIRED if looks > patience else 0


@ti.func
def share_of(parts: each, kind: ti.template(), share):
    """Equal shares of all rows of a box for its workers; share: first group of the box, worker, workers."""
    first = parts[share[SHARE.group]][kind]
    count = parts[share[SHARE.group] + share[SHARE.workers]][kind] - first
    worker, workers = share[SHARE.worker], share[SHARE.workers]
    return first + count * worker // workers, first + count * (worker + 1) // workers


@ti.func
def pair_at(phase, n, owner: each, cross: each):
    """First body and place in the list of pair n: of the list itself (phase 0), of those that cross parts (phase 1)."""
    i, k = n, n
    if phase == 1:
        i, k = cross[n][CROSSING.body], cross[n][CROSSING.place]
    else:
        i = owner[n]
    return i, k


@cache
def box_kernel(
    law_name: str, *, precision: str, periodic: bool = False, clumps: bool = False, bonds: str = BRITTLE
) -> Any:
    """The kernel for one contact law, for boxes with platens or a periodic cell.

    Sums are written x = x + y: x += y would be a locked operation.
    clumps: some bodies are members of rigid clumps; without, the kernel knows nothing of them.
    """
    compensated = precision == "f32"
    functions = pair_functions(law_name, compensated=compensated, periodic=periodic, bonds=bonds)
    separation, contact, platens = functions.separation, functions.contact, functions.platens
    bond_posture, bond_forces = functions.bond_posture, functions.bond_forces
    work_of_flow, touching = functions.work_of_flow, functions.touches
    memory, swells = memory_of(law_name, periodic=periodic), swelling_of(law_name) > 0
    yields = yields_of(law_name)
    a = law_arrays(precision, law_name, periodic=periodic, bonds=bonds)

    @ti.func
    def add_to(load: each, p, force, moment):
        """Add a force and a moment to the sums of body p."""
        sums = load[p]
        pushed, turned = vector_at(sums, LOAD.force) + force, vector_at(sums, LOAD.moment) + moment
        load[p] = ti.Vector(
            [
                pushed.x, pushed.y, pushed.z, sums[LOAD.heat],
                turned.x, turned.y, turned.z, sums[LOAD.work],
            ]
        )  # fmt: skip

    @ti.func
    def add_all(load: each, losses: each, p, force, moment, heat, work, lost):
        """Add a force, a moment, and what of heat and a flow's work is booked with body p to its sums."""
        sums = load[p]
        pushed, turned = vector_at(sums, LOAD.force) + force, vector_at(sums, LOAD.moment) + moment
        done = sums[LOAD.work]
        if ti.static(periodic):
            done += work
        load[p] = ti.Vector(
            [
                pushed.x, pushed.y, pushed.z, sums[LOAD.heat] + heat,
                turned.x, turned.y, turned.z, done,
            ]
        )  # fmt: skip
        losses[p][LOSSES.damping] = losses[p][LOSSES.damping] + lost[LOSSES.damping]
        if ti.static(yields):
            losses[p][LOSSES.yielding] = losses[p][LOSSES.yielding] + lost[LOSSES.yielding]

    @ti.func
    def sift(
        crossing: ti.template(), begin, stop, end, base, span, motion: each, rest: each, owner: each, partner: each,
        spring: each, cross: each, seen: each, seen_place: each, load: each,
    ):  # fmt: skip
        """How many pairs from `begin` to `stop` touch; their vectors, squares of distances and places, in their order.

        A place is stored as its complement where the pair did not touch in the step before. A loop of its own, because
        what follows from a distance takes long to find out and none of it should be begun in vain.
        """
        count = 0
        for n in range(begin, stop):
            i, k = pair_at(1 if ti.static(crossing) else 0, n, owner, cross)
            code = partner[k]
            j = partner_of(code)
            vector = separation(i, j, centre(motion[i]), motion, rest, span)
            reach = motion[i][MOTION.radius] + motion[j][MOTION.radius]
            square = vector.dot(vector)
            touches = touching(square, reach, code, spring, k)
            known = True
            if ti.static(not crossing):  # those that leave the part are looked at elsewhere
                touches = touches and j < end
                known = j < end
            for d in ti.static(range(3)):
                seen[base + count][SEEN.vector + d] = vector[d]
            seen[base + count][SEEN.distance] = square
            # never read: asks memory early for what the law will need of the other body, 7 % at a million spheres
            seen[base + count][SEEN.early] = load[j][LOAD.force]
            seen[base + count][SEEN.early + 1] = motion[j][MOTION.spin + Z]
            seen_place[base + count] = n if code < 0 else ~n
            count += 1 if touches else 0
            state = ~j if touches else j
            if state != code and known:
                partner[k] = state
        return count

    @ti.func
    def contacts(
        phase, group, share, begin, end, finish, start, dt, span, table, material_count, acceleration, carry, still,
        carried, platen_step, worker, motion: each, rest: each, load: each, losses: each, listed: each, row: each,
        owner: each, partner: each, spring: each, factors: each, swelling: each, parts: each, cross: each,
        cross_load: each, seen: each, seen_place: each, member: each, clump: each, offset: each,
    ):  # fmt: skip
        """Phase 0: contacts of all bodies of a part with later ones (if a step ends), then the bodies move on.

        Phase 1: a share of the contacts whose bodies are in two parts, which are kept. One loop for both, because
        compiling a law takes seconds. Returns the signs of the bodies.
        """
        signs = ti.cast(0, ti.i32)
        crossing = parts[group][CROSS]
        body, base = begin, worker * CHUNK
        first, last = row[begin], row[end]
        if phase == 1:
            first, last = share_of(parts, CROSS, share)
        elif finish == 0:
            last = first
        while first < last or (phase == 0 and body < end):
            stop = ti.min(first + CHUNK, last)
            count = 0
            if phase == 1:
                count = sift(
                    True, first, stop, end, base, span, motion, rest, owner, partner, spring, cross, seen, seen_place,
                    load,
                )  # fmt: skip
            else:
                count = sift(
                    False, first, stop, end, base, span, motion, rest, owner, partner, spring, cross, seen, seen_place,
                    load,
                )  # fmt: skip
            first = stop
            for q in range(base, base + count):
                n = partner_of(seen_place[q])
                i, k = pair_at(phase, n, owner, cross)
                normal, distance, radius, mass = posture(
                    motion[i], motion[~partner[k]], vector_at(seen[q], SEEN.vector), seen[q][SEEN.distance]
                )  # fmt: skip
                for d in ti.static(range(3)):
                    seen[q][SEEN.vector + d] = normal[d]
                seen[q][SEEN.distance], seen[q][SEEN.radius], seen[q][SEEN.mass] = distance, radius, mass
            for q in range(base, base + count):
                mark = seen_place[q]
                n = partner_of(mark)
                i, k = pair_at(phase, n, owner, cross)
                j = ~partner[k]
                history = ti.Vector([0.0] * (MEMORY + memory))
                if mark >= 0:
                    history = spring[k]
                normal, distance = vector_at(seen[q], SEEN.vector), seen[q][SEEN.distance]
                force, moment, other_moment, history, heat, lost, gains = contact(
                    i, j, motion[i], motion[j], normal, distance, seen[q][SEEN.radius], seen[q][SEEN.mass], dt, span,
                    table, material_count, factors, swelling, history,
                )  # fmt: skip
                spring[k] = history
                work = work_of_flow(force, distance * normal, span, dt)
                if phase == 1:
                    keep(cross_load, n, force, moment, other_moment, heat, work, lost)
                    if ti.static(swells):
                        keep_sums(cross_load, n, gains)
                else:
                    if ti.static(swells):
                        add_sums(swelling, i, gains, 0)
                        add_sums(swelling, j, gains, SUM_COUNT)
                    add_all(load, losses, i, force, moment, heat, work, lost)
                    add_to(load, j, -force, other_moment)
            while phase == 0 and body < end and (finish == 0 or row[body + 1] <= stop):
                i = body
                body += 1
                while crossing < parts[group + 1][CROSS] and cross[crossing][CROSSING.body] == i:
                    if finish == 1 and partner[cross[crossing][CROSSING.place]] < 0:
                        force, moment, _, heat, work, lost = kept(cross_load, crossing)
                        add_all(load, losses, i, force, moment, heat, work, lost)
                        if ti.static(swells):
                            add_sums(swelling, i, cross_load[crossing], PAIR_LOAD_WIDTH)
                    crossing += 1
                sums = load[i]
                alone = 1
                if ti.static(clumps):
                    mine = member[i]
                    if mine[CODE.clump] >= 0:
                        alone = 0
                        if mine[CODE.behind] == 0:
                            signs |= turn_clump(
                                i, mine[CODE.clump], finish, start, dt, acceleration, motion, rest, load, listed, carry,
                                still, carried, platen_step, clump, offset, compensated, periodic,
                            )  # fmt: skip
                if alone == 1:
                    me, size = sized(i, motion[i], start, table, material_count, factors, swelling, swells)
                    signs |= turn_over(
                        i, me, sums, size, finish, start, dt, acceleration, motion, rest, load, listed, carry, still,
                        carried, platen_step, compensated, periodic,
                    )  # fmt: skip
        return signs

    @ti.func
    def add_bond(load: each, losses: each, p, force, moment, heat, work):
        """Add what a bond makes of force, moment, heat and a flow's work to the sums of its first body."""
        sums = load[p]
        pushed, turned = vector_at(sums, LOAD.force) + force, vector_at(sums, LOAD.moment) + moment
        done = sums[LOAD.work]
        if ti.static(periodic):
            done += work
        load[p] = ti.Vector(
            [
                pushed.x, pushed.y, pushed.z, sums[LOAD.heat] + heat,
                turned.x, turned.y, turned.z, done,
            ]
        )  # fmt: skip
        losses[p][LOSSES.bonds] = losses[p][LOSSES.bonds] + heat

    @ti.func
    def bonds_of_part(
        phase, group, share, end, dt, span, binder, motion: each, rest: each, load: each, losses: each, bond: each,
        bond_first: each, bond_second: each, parts: each, tie: each, tie_load: each, base, seen: each,
    ):  # fmt: skip
        """Phase 0: a share of the bonds between parts, which are kept. Phase 1: all bonds of the part.

        Roots and divisions of a stretch of bonds come first: a processor waits for them if each bond begins with its
        own.
        """
        kept_row = parts[group][TIES]
        first, last = share_of(parts, TIES, share)
        if phase == 1:
            first, last = parts[group][BONDS], parts[group + 1][BONDS]
        while first < last:
            stop = ti.min(first + CHUNK, last)
            for n in range(first, stop):
                k = n
                if phase == 0:
                    k = tie[n]
                normal, distance, over_length, shear_share, impedance = bond_posture(
                    bond_first[k], bond_second[k], motion, rest, span, binder, bond, k
                )
                row = base + n - first
                for d in ti.static(range(3)):
                    seen[row][BEAM_SEEN.normal + d] = normal[d]
                seen[row][BEAM_SEEN.distance], seen[row][BEAM_SEEN.over_length] = distance, over_length
                seen[row][BEAM_SEEN.shear_share], seen[row][BEAM_SEEN.impedance] = shear_share, impedance
            for n in range(first, stop):
                k = n
                if phase == 0:
                    k = tie[n]
                i, j = bond_first[k], bond_second[k]
                if phase == 1 and j >= end:
                    force, moment, _, heat, work, _lost = kept(tie_load, kept_row)
                    kept_row += 1
                    add_bond(load, losses, i, force, moment, heat, work)
                else:
                    force = ti.Vector([0.0, 0.0, 0.0])
                    moment = ti.Vector([0.0, 0.0, 0.0])
                    other_moment = ti.Vector([0.0, 0.0, 0.0])
                    heat, work = 0.0, 0.0
                    if bond[k][BOND_STATE.intact] > 0.0:
                        beam = seen[base + n - first]
                        force, moment, other_moment, heat, work = bond_forces(
                            i, j, vector_at(beam, BEAM_SEEN.normal), beam[BEAM_SEEN.distance],
                            beam[BEAM_SEEN.over_length], beam[BEAM_SEEN.shear_share], beam[BEAM_SEEN.impedance], dt,
                            motion, span, binder, bond, k,
                        )  # fmt: skip
                    if phase == 0:
                        keep(tie_load, n, force, moment, other_moment, heat, work, ti.Vector([0.0, 0.0]))
                    else:
                        add_bond(load, losses, i, force, moment, heat, work)
                        add_to(load, j, -force, other_moment)
            first = stop

    @ti.func
    def surroundings(box, gap, now, then):
        """What a box is to its bodies in the step from one time to the next: spans, carry, rooms, own signs."""
        signs = ti.cast(0, ti.i32)
        if ti.static(periodic):
            span, coming = span_at(gap, now), span_at(gap, then)
            carry, carried, most = periodic_limits(gap, span, coming, box[FRAME.dt], box[FRAME.skin], box[FRAME.reach])
            return span, coming, carry, -1.0, carried, most, signs
        else:
            span = platen_span(box)
            low, high, stretch, still, carried, most, signs = platen_limits(box, gap, then)
            carry = ti.Vector([low, gap[PLATEN.listed_height + LOW], stretch, high])
            return span, span, carry, still, carried, most, signs

    @ti.kernel
    def advance_boxes(
        workers: int, team: int, material_count: int, queue: a.integer, head: a.integer, gate: a.integer,
        motion: a.motion, rest: a.point, load: a.load, losses: a.point, listed: a.point,
        row: a.integer, owner: a.integer, partner: a.integer, spring: a.spring,
        platen_body: a.integer, platen_spring: a.platen_spring,
        bond_first: a.integer, bond_second: a.integer, bond: a.bond,
        frame: a.frame, platen: a.platen,
        todo: a.integer, done: a.integer, stale: a.integer, signs_of_box: a.integer,
        factors: a.law, binder: a.binder, swelling: a.swelling,
        parts: a.parts, cross: a.link, cross_load: a.cross_load, cross_in: a.integer,
        tie: a.integer, tie_load: a.pair_load, tie_in: a.link, seen: a.load, seen_place: a.integer,
        member: a.link, clump: a.clump, offset: a.point,
    ):  # fmt: skip
        """Advance the boxes in the queue until their steps are done or their list is stale.

        team 1: a worker a box. team of all workers: a part a worker. parts: where the rows of each part begin, box
        after box, in the order of PART.
        """
        for slot in range(workers * LANE):
            if slot % LANE == 0:
                meeting = 1
                place = 0
                part = 0
                if team == 1:
                    place = ti.atomic_add(head[0], 1)  # of integers: who takes a box does not matter
                else:
                    part = slot // LANE
                while place < queue.shape[0]:
                    b = queue[place]
                    group, share = b * team + part, ti.Vector([b * team, part, team])
                    first, end = parts[group][BODIES], parts[group + 1][BODIES]
                    box, gap = frame[b], platen[b]
                    h = box[FRAME.dt]
                    table = b * material_count * material_count
                    pull = vector_at(box, FRAME.gravity)
                    count, last = done[b], todo[b]
                    going = count < last and stale[b] == FRESH
                    state = stale[b]
                    finish = 0
                    mood = ti.cast(0, ti.i32)
                    patience = PATIENCE + PATIENCE_OF_A_BODY * (end - first)
                    while going or finish == 1:
                        # every body ends the step before, unless this is the first, and begins this one
                        begin = 1 if going else 0
                        span, coming, carry, still, carried, most, signs = surroundings(
                            box, gap, h * count, h * (count + begin)
                        )
                        for phase in range(2):
                            here = span
                            if phase == 1:
                                here = coming
                            if phase == 0 or (going and team > 1):
                                signs |= contacts(
                                    phase, group, share, first, end, finish, begin, h,
                                    here, table, material_count, pull, carry, still, carried, most, slot // LANE,
                                    motion, rest, load, losses, listed, row, owner, partner, spring, factors, swelling,
                                    parts, cross, cross_load, seen, seen_place, member, clump, offset,
                                )  # fmt: skip
                            if phase == 0 and going and team > 1:
                                ti.atomic_or(signs_of_box[2 * b + (count + 1) % 2], signs | mood)
                                mood = meet(gate, team, meeting, patience)
                                meeting += 1
                                signs = ti.atomic_or(signs_of_box[2 * b + (count + 1) % 2], 0)
                        finish = 0
                        if going:
                            count += 1
                            finish = 1
                            for phase in range(2):
                                bonds_of_part(
                                    phase, group, share, end, h, coming, binder[b], motion, rest, load, losses,
                                    bond, bond_first, bond_second, parts, tie, tie_load, slot // LANE * CHUNK, seen,
                                )  # fmt: skip
                                if phase == 0:
                                    if part == 0:
                                        signs_of_box[2 * b + (count + 1) % 2] = 0
                                    mood |= meet(gate, team, meeting, patience)
                                    meeting += 1
                                    if ti.static(not periodic):
                                        for m in range(parts[group][AT_PLATENS], parts[group + 1][AT_PLATENS]):
                                            platens(
                                                m, platen_body[m], carry[CARRY.low], carry[CARRY.high], gap, h, table,
                                                material_count, motion, rest,
                                                load, losses, platen_spring, factors, swelling,
                                            )  # fmt: skip
                                    # the first bodies of bonds from other parts come before all of this part
                                    for m in range(parts[group][TIE_IN], parts[group + 1][TIE_IN]):
                                        force, _, other_moment, _heat, _work, _lost = kept(tie_load, tie_in[m][TIE.row])
                                        add_to(load, tie_in[m][TIE.body], -force, other_moment)
                            for m in range(parts[group][CROSS_IN], parts[group + 1][CROSS_IN]):
                                arrival = cross_in[m]
                                code = partner[cross[arrival][CROSSING.place]]
                                if code < 0:
                                    force, _, other_moment, _heat, _work, _lost = kept(cross_load, arrival)
                                    add_to(load, ~code, -force, other_moment)
                                    if ti.static(swells):
                                        add_sums(swelling, ~code, cross_load[arrival], PAIR_LOAD_WIDTH + SUM_COUNT)
                            state = list_state(signs)
                            going = count < last and state == FRESH and (signs & TIRED) == 0
                    if part == 0:
                        done[b] = count
                        stale[b] = state
                    if team == 1:
                        place = ti.atomic_add(head[0], 1)
                    else:
                        meet(gate, team, meeting, patience)
                        meeting += 1
                        place += 1

    return advance_boxes
