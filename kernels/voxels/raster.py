"""Spheres and binder bridges to voxels. Each voxel looks through the list of its tile; the order of lists is fixed."""

from functools import cache
from types import SimpleNamespace

from kalander.kernels.device.backend import ti
from kalander.kernels.device.shared import LINES, TILE

__all__ = ["raster_kernels"]

FAR = 1e30
NOTED = 31  # spheres of a tile's list of which a voxel notes, in the bits of a number, whether they reach it

each = ti.template()  # an array handed on to a function


@cache
def raster_kernels(precision: str) -> SimpleNamespace:
    """Kernels for one precision. Voxels of shape (nx, ny, nz) over a box that wraps around in x and y."""
    real = {"f32": ti.f32, "f64": ti.f64}[precision]
    single = ti.types.ndarray(dtype=ti.f32, ndim=1)
    vector = ti.types.ndarray(dtype=real, ndim=1)
    integer = ti.types.ndarray(dtype=ti.i32, ndim=1)
    sphere = ti.types.ndarray(dtype=ti.types.vector(4, real), ndim=1)
    bridge = ti.types.ndarray(dtype=ti.types.vector(8, real), ndim=1)

    @ti.func
    def place_of(v, shape: each):
        """Voxel along x, y, z and its tile."""
        z = v % shape[2]
        y = v // shape[2] % shape[1]
        x = v // (shape[2] * shape[1])
        tiles_y, tiles_z = (shape[1] + TILE - 1) // TILE, (shape[2] + TILE - 1) // TILE
        tile = (x // TILE * tiles_y + y // TILE) * tiles_z + z // TILE
        return ti.Vector([x, y, z]), tile

    @ti.func
    def from_centre(point, ball, box: each):
        """Vector from the nearest image of a centre to a point."""
        step = ti.Vector([point[0] - ball[0], point[1] - ball[1], point[2] - ball[2]])
        for axis in ti.static(range(2)):
            step[axis] -= box[axis] * ti.floor(step[axis] / box[axis] + 0.5)
        return step

    @ti.kernel
    def distances(
        first: int, last: int, shape: integer, size: vector, box: vector, spheres: sphere, body: integer,
        row: integer, member: integer, nearest: vector, second: vector, owner: integer,
    ):  # fmt: skip
        """Distance of each voxel's centre to the surface of the nearest body and of the next other body; the nearest.

        Negative inside; FAR where no sphere is listed. Spheres with one body id are one clump.
        """
        for v in range(first, last):
            place, tile = place_of(v, shape)
            point = ti.Vector([(place[k] + 0.5) * size[k] for k in ti.static(range(3))])
            best, next_best = ti.cast(FAR, real), ti.cast(FAR, real)
            own = -1
            for m in range(row[tile], row[tile + 1]):
                ball = spheres[member[m]]
                gap = from_centre(point, ball, box).norm() - ball[3]
                if body[member[m]] == own:
                    best = ti.min(best, gap)
                elif gap < best:
                    next_best = best
                    best = gap
                    own = body[member[m]]
                else:
                    next_best = ti.min(next_best, gap)
            nearest[v] = best
            second[v] = next_best
            owner[v] = own

    @ti.func
    def reaching(centre, reach, tile, box: each, spheres: each, row: each, member: each):
        """Bits of those of a tile's first spheres that come within reach of a voxel's centre."""
        bits = 0
        for m in range(row[tile], ti.min(row[tile] + NOTED, row[tile + 1])):
            ball = spheres[member[m]]
            if from_centre(centre, ball, box).norm() - ball[3] < 1.001 * reach:
                bits |= 1 << (m - row[tile])
        return bits

    @ti.func
    def covered(
        point, axis: ti.template(), length, tile, bits, box: each, spheres: each, row: each, member: each
    ):  # fmt: skip
        """Length of a line from a point along an axis that lies in spheres: exact chords, united where they overlap.

        bits: of `reaching`, for the voxel in which the line lies.
        """
        reached, total = ti.cast(0.0, real), ti.cast(0.0, real)
        going = True
        while going:  # the chord that begins first beyond what is reached, over and over
            begin, end = length, length
            found = 0
            for m in range(row[tile], row[tile + 1]):
                if m - row[tile] < NOTED and (bits >> (m - row[tile])) & 1 == 0:
                    continue
                ball = spheres[member[m]]
                step = from_centre(point, ball, box)
                square = ball[3] ** 2 - step.dot(step) + step[axis] ** 2
                if square > 0.0:
                    half = ti.sqrt(square)
                    a, b = ti.max(-step[axis] - half, reached), ti.min(half - step[axis], length)
                    if a < b:
                        found += 1
                        if a < begin or (a == begin and b > end):
                            begin, end = a, b
            if found > 0:
                total += end - begin
                reached = end
            going = found > 1 and reached < length  # a single chord leaves nothing to look for: nearly always
        return total

    @ti.kernel
    def solid_shares(
        first: int, last: int, shape: integer, size: vector, box: vector, lines: vector, spheres: sphere, row: integer,
        member: integer, nearest: vector, share: vector,
    ):  # fmt: skip
        """Solid volume of each voxel over its own: chords along z of LINES² lines, weighted as Gauss has it.

        lines: places of the lines on [0, 1] and then their weights.
        """
        for v in range(first, last):
            reach = 0.5 * ti.sqrt(size[0] ** 2 + size[1] ** 2 + size[2] ** 2)
            total = ti.cast(0.0, real)
            if nearest[v] <= -reach:
                total = 1.0
            elif nearest[v] < reach:
                place, tile = place_of(v, shape)
                centre = ti.Vector([(place[k] + 0.5) * size[k] for k in ti.static(range(3))])
                bits = reaching(centre, reach, tile, box, spheres, row, member)
                for line in range(LINES * LINES):
                    i, j = line // LINES, line % LINES
                    point = ti.Vector(
                        [(place[0] + lines[i]) * size[0], (place[1] + lines[j]) * size[1], place[2] * size[2]]
                    )
                    chord = covered(point, 2, size[2], tile, bits, box, spheres, row, member) / size[2]
                    total += lines[LINES + i] * lines[LINES + j] * chord
            share[v] = total

    @ti.kernel
    def open_shares(
        first: int, last: int, axis: ti.template(), shape: integer, size: vector, box: vector, lines: vector,
        spheres: sphere, row: integer, member: integer, nearest: vector, share: single,
    ):  # fmt: skip
        """Open area of each face across an axis over its own: one more layer of faces than of voxels."""
        for f in range(first, last):
            # the face on the low side of a voxel; of the last layer, on the high side of the last voxel
            extent = ti.Vector([shape[0], shape[1], shape[2]])
            extent[axis] += 1
            place = ti.Vector([f // (extent[1] * extent[2]), f // extent[2] % extent[1], f % extent[2]])
            inside = place
            inside[axis] = ti.min(place[axis], extent[axis] - 2)
            tiles_y, tiles_z = (shape[1] + TILE - 1) // TILE, (shape[2] + TILE - 1) // TILE
            tile = (inside[0] // TILE * tiles_y + inside[1] // TILE) * tiles_z + inside[2] // TILE
            along, across = ti.static((axis + 1) % 3, (axis + 2) % 3)
            total = ti.cast(0.0, real)
            reach = 0.5 * ti.sqrt(size[0] ** 2 + size[1] ** 2 + size[2] ** 2)
            gap = nearest[(inside[0] * shape[1] + inside[1]) * shape[2] + inside[2]]
            if gap <= -reach:  # the voxel lies in a sphere as a whole, its faces with it
                total = size[along]
            elif gap < reach:
                centre = ti.Vector([(inside[k] + 0.5) * size[k] for k in ti.static(range(3))])
                bits = reaching(centre, reach, tile, box, spheres, row, member)
                for i in range(LINES):
                    point = ti.Vector([place[k] * size[k] for k in ti.static(range(3))])
                    point[across] += lines[i] * size[across]
                    chord = covered(point, along, size[along], tile, bits, box, spheres, row, member)
                    total += lines[LINES + i] * chord
            share[f] = ti.cast(ti.max(1.0 - total / size[along], 0.0), ti.f32)

    @ti.kernel
    def bridge_depths(
        first: int, last: int, shape: integer, size: vector, box: vector, bridges: bridge, row: integer,
        member: integer, nearest: vector, depth: vector,
    ):  # fmt: skip
        """Smallest ratio of the distance from a bridge's axis to its radius, for voxels beside the axis; else FAR.

        nearest: of `distances`; a voxel that lies in a sphere as a whole holds no bridge, and is given FAR.

        A bridge is (x, y, z of one end, radius, vector to the other end, unused).
        """
        for v in range(first, last):
            place, tile = place_of(v, shape)
            point = ti.Vector([(place[k] + 0.5) * size[k] for k in ti.static(range(3))])
            best = ti.cast(FAR, real)
            reach = 0.5 * ti.sqrt(size[0] ** 2 + size[1] ** 2 + size[2] ** 2)
            end = row[tile + 1] if nearest[v] > -reach else row[tile]
            for m in range(row[tile], end):
                beam = bridges[member[m]]
                axis = ti.Vector([beam[4], beam[5], beam[6]])
                # the middle decides which image is near: a bridge is shorter than half of the box
                middle = ti.Vector([beam[0] + 0.5 * axis[0], beam[1] + 0.5 * axis[1], beam[2] + 0.5 * axis[2], 0.0])
                step = from_centre(point, middle, box)
                along = step.dot(axis) / axis.dot(axis)
                if ti.abs(along) <= 0.5:
                    best = ti.min(best, (step - along * axis).norm() / beam[3])
            depth[v] = best

    return SimpleNamespace(
        distances=distances, solid_shares=solid_shares, open_shares=open_shares, bridge_depths=bridge_depths
    )
