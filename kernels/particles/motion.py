"""Velocity Verlet of one body, and whether the candidate list still holds where it has come to."""

from kalander.kernels.device.backend import ti
from kalander.kernels.device.shared import FRESH, LOST, STALE
from kalander.kernels.layout import HIGH, LOW
from kalander.kernels.particles.periodic_cell import drift_of
from kalander.kernels.particles.rows import vector_at
from kalander.kernels.records import CARRY, FRAME, LOAD, MOTION, PERIODIC_CARRY, PLATEN, SIZE

__all__ = ["list_state", "platen_limits", "strayed", "turn_over"]

each = ti.template()  # an array handed on to a function

# What a body says of its list: it has, or within the next step may have, left its room. The room is measured from
# where the body was when the list was made (still), or from where the platens would have carried it (carried).
STILL_SOON, CARRIED_SOON, STILL_NOW, CARRIED_NOW = 1, 2, 4, 8


@ti.func
def list_state(signs):
    """State of the list of a box from the signs of all its bodies: one of the two measures must hold for all."""
    state = ti.cast(FRESH, ti.i32)
    if (signs & STILL_NOW) != 0 and (signs & CARRIED_NOW) != 0:
        state = LOST
    elif (signs & STILL_SOON) != 0 and (signs & CARRIED_SOON) != 0:
        state = STALE
    return state


@ti.func
def travel_limits(low, high, listed_low, listed_high, skin, reach, largest_step):
    """Room of every body of a box since its list was made, for platens that are now at `low` and `high` [µm].

    A list holds all pairs closer than their radii and the skin. Either no body nor platen has moved by half a skin;
    or every body is within `carried` of where the platens, squeezing space between them by s, would have carried it:
    then a pair that was not listed is no closer than s (2 r + skin) − 2 carried ≥ 2 r. reach: largest 2 r + skin.
    Returns lowest and stretch of the carrying map, both rooms, and the signs of the platens themselves.
    """
    stretch = (high - low) / (listed_high - listed_low)
    travel = ti.max(ti.abs(low - listed_low), ti.abs(high - listed_high))
    still = 0.5 * skin
    carried = 0.5 * (skin - ti.max(1.0 - stretch, 0.0) * reach)
    signs = ti.cast(0, ti.i32)
    if not (travel <= still):
        signs |= STILL_NOW
    if not (travel + largest_step <= still):
        signs |= STILL_SOON
    return stretch, still, carried, signs


@ti.func
def platen_limits(box: each, gap: each, time):
    """Platens of a box after a time of this advance, and the rooms of its bodies in the step that ends there.

    box, gap: its rows of records.FRAME and records.PLATEN. Returns heights of the platens, stretch, rooms, the most by
    which platens carry a body in a step, and signs; see travel_limits.
    """
    speed, other_speed = gap[PLATEN.platen_velocity + LOW], gap[PLATEN.platen_velocity + HIGH]
    low, high = gap[PLATEN.platen_height + LOW] + speed * time, gap[PLATEN.platen_height + HIGH] + other_speed * time
    most = 1.5 * box[FRAME.dt] * ti.max(ti.abs(speed), ti.abs(other_speed))
    stretch, still, carried, signs = travel_limits(
        low, high, gap[PLATEN.listed_height + LOW], gap[PLATEN.listed_height + HIGH], box[FRAME.skin], box[FRAME.reach],
        most,
    )  # fmt: skip
    return low, high, stretch, still, carried, most * (1.0 + box[FRAME.reach] / (high - low)), signs


@ti.func
def turn_over(
    p, me, sums, size, finish, begin, dt, acceleration, motion: each, rest: each, load: each, listed: each, carry,
    still, carried, platen_step, compensated: ti.template(), periodic: ti.template(),
):  # fmt: skip
    """End a step of body p (second half of its kick), begin the next (first half and drift), or both.

    me, sums: its rows, of which the forces are stored; at zero where a step begins. size: radius of its inertia, what
    its radius has grown since its list was made, and what it may have by the next step. carry: how its surroundings
    move, see `drag`. Returns its signs for its list.
    """
    speed = vector_at(me, MOTION.velocity)
    turn = vector_at(me, MOTION.spin)
    half = 0.5 * dt
    square = size[SIZE.radius] * size[SIZE.radius]
    share = 1.0 / (me[MOTION.mass] * square)  # one division for the mass and for the inertia, 0.4 m r²
    gain = half * (share * square * vector_at(sums, LOAD.force) + acceleration)
    turn_gain = 2.5 * half * share * vector_at(sums, LOAD.moment)
    if finish == 1:
        speed += gain
        turn += turn_gain
    place = vector_at(me, MOTION.position)
    signs = ti.cast(0, ti.i32)
    if begin == 1:
        speed += gain
        turn += turn_gain
        if ti.static(periodic and compensated):
            move = speed * dt + drift_of(carry, PERIODIC_CARRY.step, place) + rest[p]
            there = place + move
            rest[p] = move - (there - place)
            place = there
        elif ti.static(periodic):
            place += speed * dt + drift_of(carry, PERIODIC_CARRY.step, place)
        elif ti.static(compensated):
            move = speed * dt + rest[p]
            there = place + move
            rest[p] = move - (there - place)
            place = there
        else:
            place += speed * dt
        sums = ti.Vector([0.0, 0.0, 0.0, sums[LOAD.heat], 0.0, 0.0, 0.0, sums[LOAD.work]])
        signs = strayed(place, speed, dt, listed[p], size, carry, still, carried, platen_step, periodic)
    load[p] = sums
    motion[p] = ti.Vector(
        [
            place.x, place.y, place.z, me[MOTION.radius], speed.x, speed.y, speed.z, me[MOTION.mass],
            turn.x, turn.y, turn.z, me[MOTION.material],
        ]
    )  # fmt: skip
    return signs


@ti.func
def drag(listed, carry, periodic: ti.template()):
    """Way that platens or periodic cell would have carried a body since the list was made [µm].

    carry: height of the lower platen now and then, and stretch between the platens; or that of a periodic cell.
    """
    way = ti.Vector([0.0, 0.0, 0.0])
    if ti.static(periodic):
        way = drift_of(carry, PERIODIC_CARRY.since, listed)
    else:
        low, listed_low = carry[CARRY.low], carry[CARRY.listed_low]
        way.z = (low - listed_low) + (carry[CARRY.stretch] - 1.0) * (listed.z - listed_low)
    return way


@ti.func
def strayed(place, speed, dt, listed, size, carry, still, carried, platen_step, periodic: ti.template()):
    """Signs of a body at `place`; a place that is not a number has strayed; growth counts as moving."""
    away = place - listed
    off = away - drag(listed, carry, periodic)
    # more than a step of the body, accelerating by half, and of the platens
    step = 1.5 * dt * (ti.abs(speed.x) + ti.abs(speed.y) + ti.abs(speed.z))
    signs = ti.cast(0, ti.i32)
    grown, soon = size[SIZE.grown], size[SIZE.soon]
    if not within(away, still - grown):
        signs |= STILL_NOW
    if not within(away, still - soon - step):
        signs |= STILL_SOON
    if not within(off, carried - grown):
        signs |= CARRIED_NOW
    if not within(off, carried - soon - step - platen_step):
        signs |= CARRIED_SOON
    return signs


@ti.func
def within(vector, room):
    return room >= 0.0 and vector.dot(vector) <= room * room
