"""Voxel images as graphs of conductances: conducting voxels are numbered block by block, then linked to neighbours.

A link is one integer, neighbour << bits | class: the class chooses the conductance in a small table, a row an axis. Two
places behind the last voxel stand for the walls that hold the potential; class 0 is no link. Where walls of pores cut
through voxels, a link carries a conductance of its own: that of its class times the open share of the face.
"""

from functools import cache
from types import SimpleNamespace

import numpy as np

from kalander.kernels.device.backend import ti

__all__ = ["COLOUR_PAIRS", "GRID", "block_components", "colour_count", "odd_seams", "voxel_kernels"]

each = ti.template()  # an array handed on to a function

GRID = IMAGES, SHAPE, EDGE, BLOCKS, WRAP, SEAM, AXIS = 0, 1, 4, 7, 10, 13, 16
"""Places of the frame: images, voxels, edges of a block in voxels, blocks, periodic?, odd and periodic?, axis."""
FRAME_LENGTH = 17

COLOUR_PAIRS = 8  # at most three seams of odd periodic axes, each of which needs a pair of colours of its own


def odd_seams(shape: np.ndarray, periodic: np.ndarray) -> np.ndarray:
    """Axes along which red and black cannot alternate: periodic with an odd count; shape (3,) of 0 and 1."""
    return ((np.asarray(shape) % 2 == 1) & (np.asarray(shape) > 1) & np.asarray(periodic, bool)).astype(np.int32)


def colour_count(seams: np.ndarray) -> int:
    """Colours that neighbours never share."""
    return 2 << int(seams.sum())


@cache
def block_components(edge: tuple[int, int, int], groups: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """For each occupation of a block: how many components it has, and the component of each of its 8 places.

    An occupation is the sum of (0: insulates, else number of its group) (groups + 1)^k over the places k = 4 dx + 2 dy
    + dz. Places of a group share a component where faces join them; those of a poorer group than the first join a
    component of a better one that they are joined to. Components are numbered by group and first place.
    """
    places = [(k >> 2, k >> 1 & 1, k & 1) for k in range(8)]
    base = groups + 1
    pattern = np.arange(base**8)
    inside = np.array([all(step < size for step, size in zip(place, edge)) for place in places])
    group = np.where(inside, pattern[:, None] // base ** np.arange(8) % base, 0)
    near = [(k, q) for k in range(8) for q in range(8) if sum(abs(a - b) for a, b in zip(places[k], places[q])) == 1]
    count, label = np.zeros(base**8, np.int32), np.full((base**8, 8), -1, np.int32)

    def spread(wanted: int) -> None:
        """Labels go on to places of a group that have none."""
        for _ in range(7):
            for k, q in near:
                goes = (group[:, q] == wanted) & (label[:, q] < 0) & (label[:, k] >= 0)
                label[goes, q] = label[goes, k]

    for wanted in range(1, base):
        spread(wanted)
        for first in range(8):
            fresh = (group[:, first] == wanted) & (label[:, first] < 0)
            label[fresh, first] = count[fresh]
            count += fresh
            spread(wanted)
    return count, label.ravel()


@cache
def voxel_kernels(precision: str, *, bytes_of_phase: int, cut: bool, inner: str = "f32") -> SimpleNamespace:
    """Kernels that turn phases (0 does not conduct) into links. The graph is of the inner precision, the potential as
    given.

    cut: faces have open shares, by axis, shape (image, x, y, z) with one more along the axis.
    """
    fine = ti.types.ndarray(dtype={"f32": ti.f32, "f64": ti.f64}[precision], ndim=1)
    rough = {"f32": ti.f32, "f64": ti.f64}[inner]
    single = ti.types.ndarray(dtype=rough, ndim=1)
    integer = ti.types.ndarray(dtype=ti.i32, ndim=1)
    phases = ti.types.ndarray(dtype={1: ti.u8, 4: ti.i32}[bytes_of_phase], ndim=1)

    @ti.func
    def colour_of(x, y, z, grid: each):
        """Red or black, and another pair on the last plane of an odd periodic axis."""
        colour = (x + y + z) % 2
        pair = 2
        for axis in ti.static(range(3)):
            place = ti.Vector([x, y, z])[axis]
            if grid[SEAM + axis] == 1:
                if place == grid[SHAPE + axis] - 1:
                    colour += pair
                pair *= 2
        return colour

    @ti.func
    def corner_of(block, grid: each):
        """Image and first voxel of a block."""
        z = block % grid[BLOCKS + 2]
        y = block // grid[BLOCKS + 2] % grid[BLOCKS + 1]
        x = block // (grid[BLOCKS + 2] * grid[BLOCKS + 1]) % grid[BLOCKS]
        image = block // (grid[BLOCKS + 2] * grid[BLOCKS + 1] * grid[BLOCKS])
        return ti.Vector([image, x * grid[EDGE], y * grid[EDGE + 1], z * grid[EDGE + 2]])

    @ti.func
    def voxel_at(corner, k, grid: each):
        """Place of voxel k of a block in the array, -1 beyond the block or the image."""
        dx, dy, dz = k >> 2, (k >> 1) & 1, k & 1
        x, y, z = corner[1] + dx, corner[2] + dy, corner[3] + dz
        inside = dx < grid[EDGE] and dy < grid[EDGE + 1] and dz < grid[EDGE + 2]
        inside = inside and x < grid[SHAPE] and y < grid[SHAPE + 1] and z < grid[SHAPE + 2]
        place = ((corner[0] * grid[SHAPE] + x) * grid[SHAPE + 1] + y) * grid[SHAPE + 2] + z
        return place if inside else -1

    @ti.func
    def occupation(corner, base, phase: phases, grid: each, group_of: each):
        """Number of the occupation of a block, see block_components."""
        pattern, place = 0, 1
        for k in range(8):
            v = voxel_at(corner, k, grid)
            if v >= 0:
                pattern += group_of[ti.cast(phase[v], ti.i32)] * place
            place *= base
        return pattern

    @ti.func
    def face_share(
        image, place, axis: ti.template(), side: ti.template(), grid: each, open_x: each, open_y: each, open_z: each
    ):
        """Open share of the face of a voxel on one side along an axis."""
        nx, ny, nz = grid[SHAPE], grid[SHAPE + 1], grid[SHAPE + 2]
        share = ti.cast(0.0, rough)
        if ti.static(axis == 0):
            share = open_x[((image * (nx + 1) + place[0] + side) * ny + place[1]) * nz + place[2]]
        elif ti.static(axis == 1):
            share = open_y[((image * nx + place[0]) * (ny + 1) + place[1] + side) * nz + place[2]]
        else:
            share = open_z[((image * nx + place[0]) * ny + place[1]) * (nz + 1) + place[2] + side]
        return share

    @ti.kernel
    def count_voxels(
        first: int, last: int, colours: int, base: int, grid: integer, phase: phases, group_of: integer,
        component: integer, component_count: integer, count: integer, found: integer,
    ):  # fmt: skip
        """Conducting voxels of each colour, shape (colour, block), and components of blocks first to last."""
        blocks = found.shape[0]
        for b in range(first, last):
            corner = corner_of(b, grid)
            pattern = occupation(corner, base, phase, grid, group_of)
            found[b] = component_count[pattern]
            for colour in range(colours):
                here = 0
                if pattern != 0:
                    for k in range(8):
                        if component[8 * pattern + k] >= 0:
                            own = colour_of(corner[1] + (k >> 2), corner[2] + ((k >> 1) & 1), corner[3] + (k & 1), grid)
                            here += 1 if own == colour else 0
                count[colour * blocks + b] = here

    @ti.kernel
    def number_voxels(
        first: int, last: int, colours: int, base: int, aggregates: int, grid: integer, phase: phases,
        group_of: integer, component: integer, component_count: integer, start: integer, component_start: integer,
        number: integer, parent: integer, child_begin: integer, child_end: integer, block_of: integer,
    ):  # fmt: skip
        """Number of every conducting voxel: by colour, then block, then component; a component is an aggregate."""
        blocks = component_start.shape[0]
        for b in range(first, last):
            corner = corner_of(b, grid)
            pattern = occupation(corner, base, phase, grid, group_of)
            for part in range(component_count[pattern]):
                block_of[component_start[b] + part] = b
            for colour in range(colours):
                n = start[colour * blocks + b]
                for part in range(component_count[pattern]):
                    aggregate = component_start[b] + part
                    child_begin[colour * aggregates + aggregate] = n
                    for k in range(8):
                        own = colour_of(corner[1] + (k >> 2), corner[2] + ((k >> 1) & 1), corner[3] + (k & 1), grid)
                        if component[8 * pattern + k] == part and own == colour:
                            number[voxel_at(corner, k, grid)] = n
                            parent[n] = aggregate
                            n += 1
                    child_end[colour * aggregates + aggregate] = n

    @ti.kernel
    def link_voxels(
        first: int, last: int, count: int, bits: int, phase_count: int, grid: integer, phase: phases, number: integer,
        kind: integer, conductance: fine, open_x: single, open_y: single, open_z: single, profile: fine, link: integer,
        weight: single, inverse: single, potential: fine,
    ):  # fmt: skip
        """Six links of every conducting voxel, one over the sum of their conductances, and its first potential.

        kind: class of a link between two phases, shape (phase, phase), phase 0 standing for the wall.
        """
        classes = 1 << bits
        for v in range(first, last):
            own = ti.cast(phase[v], ti.i32)
            if own > 0:
                n = number[v]
                place = ti.Vector([0, 0, 0])
                rest = v
                for axis in ti.static([2, 1, 0]):
                    place[axis] = rest % grid[SHAPE + axis]
                    rest = rest // grid[SHAPE + axis]
                total = ti.cast(0.0, rough)
                for axis in ti.static(range(3)):
                    stride = 1
                    for later in ti.static(range(axis + 1, 3)):
                        stride *= grid[SHAPE + later]
                    length = grid[SHAPE + axis]
                    for side in ti.static(range(2)):
                        target, group = count, 0
                        ahead = place[axis] + (2 * side - 1)
                        outside = ahead < 0 or ahead >= length
                        if outside and axis == grid[AXIS]:
                            target, group = count + side, kind[own * (phase_count + 1)]
                        elif not outside or (grid[WRAP + axis] == 1 and length > 1):
                            u = v + (ahead - place[axis]) * stride
                            if outside:
                                u = v - (2 * side - 1) * (length - 1) * stride
                            other = ti.cast(phase[u], ti.i32)
                            if other > 0:
                                target, group = number[u], kind[own * (phase_count + 1) + other]
                        g = conductance[axis * classes + group]
                        if ti.static(cut):
                            g *= face_share(rest, place, axis, side, grid, open_x, open_y, open_z)
                            weight[6 * n + 2 * axis + side] = ti.cast(g, rough)
                            link[6 * n + 2 * axis + side] = target if g > 0.0 else count
                        else:
                            link[6 * n + 2 * axis + side] = (target << bits) | group
                        total += ti.cast(g, rough)
                inverse[n] = 1.0 / total
                layer = place[0]
                for axis in ti.static(range(1, 3)):
                    if axis == grid[AXIS]:
                        layer = place[axis]
                potential[n] = profile[rest * (profile.shape[0] // grid[IMAGES]) + layer]

    @ti.kernel
    def count_outward(
        first: int, last: int, count: int, bits: int, colours: int, aggregates: int, link: integer, parent: integer,
        child_begin: integer, child_end: integer, length: integer,
    ):  # fmt: skip
        """Links of each aggregate that leave it: room for its row."""
        for a in range(first, last):
            found = 0
            for colour in range(colours):
                for n in range(child_begin[colour * aggregates + a], child_end[colour * aggregates + a]):
                    for face in range(6):
                        j = link[6 * n + face] >> bits
                        if j < count:
                            found += 1 if parent[j] != a else 0
            length[a] = found

    @ti.kernel
    def sum_outward(
        first: int, last: int, count: int, bits: int, colours: int, aggregates: int, link: integer, conductance: single,
        parent: integer, child_begin: integer, child_end: integer, row: integer, column: integer, weight: single,
        length: integer, wall: single,
    ):  # fmt: skip
        """Neighbours of each aggregate with the summed conductance of all links to them, and that to the walls."""
        classes = 1 << bits
        for a in range(first, last):
            end = row[a]
            to_wall = ti.cast(0.0, rough)
            for colour in range(colours):
                for n in range(child_begin[colour * aggregates + a], child_end[colour * aggregates + a]):
                    for face in range(6):
                        code = link[6 * n + face]
                        j = code >> bits
                        slot_of = 6 * n + face
                        if ti.static(not cut):
                            slot_of = face // 2 * classes + code % classes
                        g = conductance[slot_of]
                        if j >= count:
                            to_wall += g
                        elif parent[j] != a:
                            slot = row[a]
                            while slot < end and column[slot] != parent[j]:
                                slot += 1
                            if slot == end:
                                column[slot] = parent[j]
                                weight[slot] = g
                                end += 1
                            else:
                                weight[slot] = weight[slot] + g
            length[a] = end - row[a]
            wall[a] = to_wall

    return SimpleNamespace(
        count_voxels=count_voxels,
        number_voxels=number_voxels,
        link_voxels=link_voxels,
        count_outward=count_outward,
        sum_outward=sum_outward,
    )
