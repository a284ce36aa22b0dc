"""A box that is periodic in all directions and deforms, a periodic cell: its lattice, and how it carries bodies along.

The lattice vectors are (w_x, 0, 0), (0, w_y, 0) and (tilt, 0, w_z); sizes and tilt change at constant rates during an
advance. Bodies are carried by the affine map from step to step, and their velocities are what they have beside that
flow, whose gradient L enters the relative velocity of two bodies as L (x_i − x_j): no image needs to be remembered.
This is the SLLOD form of the motion (Evans & Morriss, Phys. Rev. A 30 (1984) 1528) without its inertial term m L v, of
the order of the inertial number squared.

A span is what kernels know of the cell at one moment: w_x, w_y, w_z, tilt, L_xx, L_yy, L_zz, L_xz.
"""

from kalander.kernels.device.backend import ti
from kalander.kernels.layout import X, Y, Z
from kalander.kernels.particles.rows import vector_at
from kalander.kernels.records import PERIODIC, SPAN

__all__ = ["drift_of", "flow_of", "periodic_image", "periodic_limits", "span_at"]

SHEAR = 3  # place of an affine map, and of strain rates, behind X, Y and Z: of z in x


@ti.func
def span_at(cell, time):
    """Span at a time since the beginning of the advance [µs]; cell: a row of records.PERIODIC."""
    wide, deep, tall = cell[PERIODIC.size + X], cell[PERIODIC.size + Y], cell[PERIODIC.size + Z]
    rate_x, rate_y, rate_z, shear = (
        cell[PERIODIC.strain_rate + X], cell[PERIODIC.strain_rate + Y], cell[PERIODIC.strain_rate + Z],
        cell[PERIODIC.strain_rate + SHEAR],
    )  # fmt: skip
    x, y, z = wide * (1.0 + rate_x * time), deep * (1.0 + rate_y * time), tall * (1.0 + rate_z * time)
    # whichever of the equal lattices is described
    tilt = cell[PERIODIC.tilt] * (1.0 + rate_x * time) + shear * tall * time
    along = rate_x * wide / x
    return ti.Vector([x, y, z, tilt, along, rate_y * deep / y, rate_z * tall / z, (shear * tall - along * tilt) / z])


@ti.func
def map_between(x, y, z, tilt, span):
    """Affine map less 1 from the lattice (x, y, z, tilt) to that of a span: three stretches and the shear of z in x."""
    stretch = span[SPAN.x] / x
    return ti.Vector(
        [stretch - 1.0, span[SPAN.y] / y - 1.0, span[SPAN.z] / z - 1.0, (span[SPAN.tilt] - stretch * tilt) / z]
    )


@ti.func
def drift_of(carry, first: ti.template(), place):
    """Way that an affine map less 1, places `first` to `first` + 3 of a carry, moves a place [µm]."""
    return ti.Vector(
        [
            carry[first + X] * place.x + carry[first + SHEAR] * place.z, carry[first + Y] * place.y,
            carry[first + Z] * place.z,
        ]
    )  # fmt: skip


@ti.func
def flow_of(span, vector):
    """Difference of the flow over a vector [µm/µs]."""
    return ti.Vector(
        [span[SPAN.xx] * vector.x + span[SPAN.xz] * vector.z, span[SPAN.yy] * vector.y, span[SPAN.zz] * vector.z]
    )


@ti.func
def periodic_image(vector, span):
    """Shortest of the periodic images [µm]; |tilt| is at most half of w_x."""
    layers = ti.floor(vector.z / span[SPAN.z] + 0.5)
    vector.z -= span[SPAN.z] * layers
    vector.x -= span[SPAN.tilt] * layers
    vector.x -= span[SPAN.x] * ti.floor(vector.x / span[SPAN.x] + 0.5)
    vector.y -= span[SPAN.y] * ti.floor(vector.y / span[SPAN.y] + 0.5)
    return vector


@ti.func
def periodic_limits(cell, now, then, dt, skin, reach):
    """Carry of a step from span to span, room of every body beside the flow, and what the next step may take of it.

    Since the list was made the cell was mapped by F. Lengths shrink by no more than the smallest singular value of
    F, at least its smallest stretch less the shear: a pair that was not listed is no closer than that times
    (2 r + skin), less twice the way of a body beside the flow.
    """
    step = map_between(now[SPAN.x], now[SPAN.y], now[SPAN.z], now[SPAN.tilt], then)
    listed = vector_at(cell, PERIODIC.listed_size)
    since = map_between(listed.x, listed.y, listed.z, cell[PERIODIC.listed_tilt], then)
    shrinkage = ti.max(-ti.min(since[X], ti.min(since[Y], since[Z])) + ti.abs(since[SHEAR]), 0.0)
    rates = ti.abs(then[SPAN.xx]) + ti.abs(then[SPAN.yy]) + ti.abs(then[SPAN.zz]) + ti.abs(then[SPAN.xz])
    most = 0.75 * dt * rates * reach
    carry = ti.Vector([step[X], step[Y], step[Z], step[SHEAR], since[X], since[Y], since[Z], since[SHEAR]])
    return carry, 0.5 * (skin - shrinkage * reach), most
