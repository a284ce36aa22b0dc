"""Rigid clumps of spheres: one step of a clump from the forces on its members.

Members are consecutive rows of `motion` and never each other's candidates. The row of the last member is reached when
the forces on all are known; it moves the clump and writes the members anew.

A member's mass in `motion` is an equal share of the clump's: dashpots go by it. A flat clump rests on as many contacts
as it has members; were each damped by all of the mass, the clump would be overdamped by the root of their number, and
the step would have to be as much shorter.

Translation is velocity Verlet. Rotation keeps the angular momentum L in space and turns the body about its principal
axes one after another, x y z y x, each by the exact flow of L_k²/2I_k in the body's frame: symplectic, reversible, of
second order, and without torque L does not change at all. Dullweber, Leimkuhler & McLachlan, J. Chem. Phys. 107 (1997)
5840; axis by axis as in Omelyan, Phys. Rev. E 58 (1998) 1169. Quaternions are scalar first and turn body to space.
"""

from kalander.kernels.device.backend import ti
from kalander.kernels.particles.motion import strayed
from kalander.kernels.particles.periodic_cell import drift_of
from kalander.kernels.particles.rows import vector_at
from kalander.kernels.records import CLUMP_STATE, LOAD, MOTION, PERIODIC_CARRY

__all__ = ["turn_clump"]

each = ti.template()  # an array handed on to a function


@ti.func
def product(a, b):
    """Product of two quaternions: first b turns, then a."""
    return ti.Vector(
        [
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        ]
    )


@ti.func
def turned(q, vector):
    """Vector of the body's frame in space."""
    axis = ti.Vector([q[1], q[2], q[3]])
    across = 2.0 * axis.cross(vector)
    return vector + q[0] * across + axis.cross(across)


@ti.func
def turned_back(q, vector):
    """Vector of space in the body's frame."""
    return turned(ti.Vector([q[0], -q[1], -q[2], -q[3]]), vector)


@ti.func
def about(momentum, inertia, dt, axis: ti.template()):
    """Quaternion of a turn about one principal axis by φ = dt L_k/I_k: tan(φ/2) to the third order, free of libraries.

    The angle is a function of L_k alone, which this turn keeps: the map stays the exact flow of some energy of L_k.
    """
    half = 0.5 * dt * momentum[axis] / inertia[axis]
    tangent = half * (1.0 + half * half / 3.0)
    cosine = 1.0 / ti.sqrt(1.0 + tangent * tangent)
    turn = ti.Vector([cosine, 0.0, 0.0, 0.0])
    turn[axis + 1] = cosine * tangent
    return turn


@ti.func
def turn_of(momentum, inertia, dt):
    """Quaternion in the body's frame of its free turn in a step; momentum: angular, in the body's frame."""
    turn = about(momentum, inertia, 0.5 * dt, 0)
    momentum = turned_back(turn, momentum)
    for axis, share in ti.static(((1, 0.5), (2, 1.0), (1, 0.5), (0, 0.5))):
        next_turn = about(momentum, inertia, share * dt, axis)
        momentum = turned_back(next_turn, momentum)
        turn = product(turn, next_turn)
    return turn


@ti.func
def change_of_orientation(q, momentum, inertia, dt):
    """What a free step adds to the quaternion; it also takes back the rounding of its length.

    A small turn is added as a small number: a clump that hardly turns would not turn at all in single precision.
    """
    turn = turn_of(turned_back(q, momentum), inertia, dt)
    square = turn[1] * turn[1] + turn[2] * turn[2] + turn[3] * turn[3]
    turn[0] = -square / (1.0 + turn[0])
    return product(q, turn) + 0.5 * (1.0 - q.dot(q)) * q


@ti.func
def spin_of(q, momentum, inertia):
    """Angular velocity in space."""
    body = turned_back(q, momentum)
    return turned(q, ti.Vector([body[0] / inertia[0], body[1] / inertia[1], body[2] / inertia[2]]))


@ti.func
def turn_clump(
    p, c, finish, begin, dt, acceleration, motion: each, rest: each, load: each, listed: each, carry, still, carried,
    platen_step, clump: each, offset: each, compensated: ti.template(), periodic: ti.template(),
):  # fmt: skip
    """End a step of clump c, whose last member is body p, begin the next, or both. Returns the signs of its members."""
    state = clump[c]
    first = p + 1 - ti.cast(state[CLUMP_STATE.count], ti.i32)
    place = vector_at(state, CLUMP_STATE.position)
    speed = vector_at(state, CLUMP_STATE.velocity)
    momentum = vector_at(state, CLUMP_STATE.momentum)
    q = ti.Vector([state[CLUMP_STATE.orientation + d] for d in range(4)])
    inertia = vector_at(state, CLUMP_STATE.inertia)
    place_rest = vector_at(state, CLUMP_STATE.rest)
    q_rest = ti.Vector([state[CLUMP_STATE.orientation_rest + d] for d in range(4)])
    force = ti.Vector([0.0, 0.0, 0.0])
    moment = ti.Vector([0.0, 0.0, 0.0])
    for m in range(first, p + 1):
        sums = load[m]
        push = vector_at(sums, LOAD.force)
        force += push
        moment += vector_at(sums, LOAD.moment) + turned(q, offset[m]).cross(push)
    gain = 0.5 * dt * (force / state[CLUMP_STATE.mass] + acceleration)
    turn_gain = 0.5 * dt * moment
    if finish == 1:
        speed += gain
        momentum += turn_gain
    if begin == 1:
        speed += gain
        momentum += turn_gain
        step = speed * dt
        if ti.static(periodic):
            step += drift_of(carry, PERIODIC_CARRY.step, place)
        turn = change_of_orientation(q, momentum, inertia, dt)
        if ti.static(compensated):
            step += place_rest
            there = place + step
            place_rest = step - (there - place)
            place = there
            turn += q_rest
            after = q + turn
            q_rest = turn - (after - q)
            q = after
        else:
            place += step
            q += turn
    spin = spin_of(q, momentum, inertia)
    signs = ti.cast(0, ti.i32)
    for m in range(first, p + 1):
        me, sums = motion[m], load[m]
        arm = turned(q, offset[m])
        centre = place + arm
        velocity = speed + spin.cross(arm)
        if ti.static(compensated):
            back = centre - place
            rest[m] = place_rest + ((place - (centre - back)) + (arm - back))  # exact sum of two: Knuth
        if begin == 1:
            load[m] = ti.Vector([0.0, 0.0, 0.0, sums[LOAD.heat], 0.0, 0.0, 0.0, sums[LOAD.work]])
            signs |= strayed(
                centre, velocity, dt, listed[m], ti.Vector([0.0] * 3), carry, still, carried, platen_step, periodic
            )
        motion[m] = ti.Vector(
            [
                centre.x, centre.y, centre.z, me[MOTION.radius], velocity.x, velocity.y, velocity.z, me[MOTION.mass],
                spin.x, spin.y, spin.z, me[MOTION.material],
            ]
        )  # fmt: skip
    clump[c] = ti.Vector(
        [
            place.x, place.y, place.z, state[CLUMP_STATE.mass], speed.x, speed.y, speed.z, state[CLUMP_STATE.count],
            momentum.x, momentum.y, momentum.z, state[CLUMP_STATE.volume], q[0], q[1], q[2], q[3],
            inertia.x, inertia.y, inertia.z, place_rest.x, place_rest.y, place_rest.z,
            q_rest[0], q_rest[1], q_rest[2], q_rest[3],
        ]
    )  # fmt: skip
    return signs
