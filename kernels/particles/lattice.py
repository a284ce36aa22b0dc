"""A box that is periodic in all directions and deforms: its lattice, and how it carries bodies along.

The lattice vectors are (w_x, 0, 0), (0, w_y, 0) and (tilt, 0, w_z); sizes and tilt change at constant rates during an
advance. Bodies are carried by the affine map from step to step, and their velocities are what they have beside that
flow, whose gradient L enters the relative velocity of two bodies as L (x_i − x_j): no image needs to be remembered.
This is the SLLOD form of the motion (Evans & Morriss, Phys. Rev. A 30 (1984) 1528) without its inertial term m L v, of
the order of the inertial number squared.

A span is what kernels know of the lattice at one moment: w_x, w_y, w_z, tilt, L_xx, L_yy, L_zz, L_xz.
"""

from kalander.kernels.device.backend import ti

__all__ = ["LATTICE_CARRY", "SPAN", "drift_of", "flow_of", "lattice_at", "lattice_image", "lattice_limits"]

SPAN = 8  # numbers of a span
LATTICE_CARRY = 8  # affine map of one step less 1 (4), of all steps since the list was made less 1 (4)


@ti.func
def lattice_at(cell, time):
    """Span at a time since the beginning of the advance [µs]; cell: a row of records.LATTICE."""
    x, y, z = cell[0] * (1.0 + cell[4] * time), cell[1] * (1.0 + cell[5] * time), cell[2] * (1.0 + cell[6] * time)
    tilt = cell[3] * (1.0 + cell[4] * time) + cell[7] * cell[2] * time  # whichever of the equal lattices is described
    along = cell[4] * cell[0] / x
    return ti.Vector(
        [x, y, z, tilt, along, cell[5] * cell[1] / y, cell[6] * cell[2] / z, (cell[7] * cell[2] - along * tilt) / z]
    )


@ti.func
def map_between(x, y, z, tilt, span):
    """Affine map less 1 from the lattice (x, y, z, tilt) to that of a span: three stretches and the shear of z in x."""
    stretch = span[0] / x
    return ti.Vector([stretch - 1.0, span[1] / y - 1.0, span[2] / z - 1.0, (span[3] - stretch * tilt) / z])


@ti.func
def drift_of(carry, first: ti.template(), place):
    """Way that an affine map less 1, places `first` to `first` + 3 of a carry, moves a place [µm]."""
    return ti.Vector(
        [
            carry[first] * place.x + carry[first + 3] * place.z, carry[first + 1] * place.y,
            carry[first + 2] * place.z,
        ]
    )  # fmt: skip


@ti.func
def flow_of(span, vector):
    """Difference of the flow over a vector [µm/µs]."""
    return ti.Vector([span[4] * vector.x + span[7] * vector.z, span[5] * vector.y, span[6] * vector.z])


@ti.func
def lattice_image(vector, span):
    """Shortest of the periodic images [µm]; |tilt| is at most half of w_x."""
    layers = ti.floor(vector.z / span[2] + 0.5)
    vector.z -= span[2] * layers
    vector.x -= span[3] * layers
    vector.x -= span[0] * ti.floor(vector.x / span[0] + 0.5)
    vector.y -= span[1] * ti.floor(vector.y / span[1] + 0.5)
    return vector


@ti.func
def lattice_limits(cell, now, then, dt, skin, reach):
    """Carry of a step from span to span, room of every body beside the flow, and what the next step may take of it.

    Since the list was made the lattice was mapped by F. Lengths shrink by no more than the smallest singular value of
    F, at least its smallest stretch less the shear: a pair that was not listed is no closer than that times
    (2 r + skin), less twice the way of a body beside the flow.
    """
    step = map_between(now[0], now[1], now[2], now[3], then)
    since = map_between(cell[8], cell[9], cell[10], cell[11], then)
    shrinkage = ti.max(-ti.min(since[0], ti.min(since[1], since[2])) + ti.abs(since[3]), 0.0)
    most = 0.75 * dt * (ti.abs(then[4]) + ti.abs(then[5]) + ti.abs(then[6]) + ti.abs(then[7])) * reach
    carry = ti.Vector([step[0], step[1], step[2], step[3], since[0], since[1], since[2], since[3]])
    return carry, 0.5 * (skin - shrinkage * reach), most
