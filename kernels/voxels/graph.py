"""Voxel images on the device: numbered, linked, and summed up to the levels of the multigrid below them."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from kalander.kernels.device.arrays import Pool, view
from kalander.kernels.device.steps import Steps
from kalander.kernels.errors import NumericalError
from kalander.kernels.voxels.hierarchy import Grid, Rows, levels_of
from kalander.kernels.voxels.krylov import graph_kernels
from kalander.kernels.voxels.multigrid import (
    OVERCORRECTION,
    SMALLEST,
    SMALLEST_OF_CONTRAST,
    Graph,
    Multigrid,
    graph_of_rows,
)
from kalander.kernels.voxels.voxel import (
    AXIS,
    BLOCKS,
    EDGE,
    FRAME_LENGTH,
    IMAGES,
    SEAM,
    SHAPE,
    WRAP,
    block_components,
    odd_seams,
    voxel_kernels,
)

__all__ = ["Images", "VoxelGraph"]

VOXELS_IN_A_LAUNCH = 1 << 22  # less than a second, so that signals are served
MOST_GROUPS = 3
GAP = 100.0  # ratio of conductivities beyond which poor conductors join no good ones in an aggregate
BLOCKS_IN_A_LAUNCH = VOXELS_IN_A_LAUNCH // 8


@dataclass(frozen=True)
class Images:
    """Images of one shape in which every conducting voxel belongs to a cluster that spans the axis.

    phase: 0 insulates, 1 to P conduct, uint8 of shape (image, x, y, z). conductivity: of phases 1 to P, relative.
    size: of a voxel along x, y, z. axis: 0, 1 or 2, whose faces hold potentials 1 and 0. periodic: by axis, a side that
    wraps around, else it lets nothing through; what is said of the axis itself is not heard. open_shares: of the faces
    across each axis where walls cut through voxels, float32 of the shape of phase and one more along the axis.
    """

    phase: np.ndarray
    conductivity: tuple[float, ...]
    size: tuple[float, float, float]
    axis: int
    periodic: tuple[bool, bool, bool]
    open_shares: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        x, y, z = self.phase.shape[1:]
        return x, y, z

    def wraps(self) -> tuple[bool, bool, bool]:
        x, y, z = (wraps and axis != self.axis for axis, wraps in enumerate(self.periodic))
        return x, y, z

    def shape_factor(self) -> np.ndarray:
        """Area over length of a voxel along each axis, over that of the whole image along the axis of the flux."""
        size, count = np.array(self.size), np.array(self.shape)
        area_over_length = np.prod(size) / size**2
        whole = area_over_length[self.axis] * np.prod(count) / count[self.axis] ** 2
        return area_over_length / whole


class _Classes:
    """Classes of links: their conductances along each axis, and which one two phases have."""

    def __init__(self, images: Images) -> None:
        phases = len(images.conductivity)
        own = np.array([0.0, *images.conductivity])
        classes = [0.0]
        self.kind = np.zeros((phases + 1, phases + 1), np.int32)
        for a in range(1, phases + 1):
            for b in range(a + 1):
                other = np.inf if b == 0 else own[b]  # a wall is half a voxel away
                self.kind[a, b] = self.kind[b, a] = len(classes)
                classes.append(2.0 / (1.0 / own[a] + 1.0 / other))
        self.bits = max(len(classes) - 1, 1).bit_length()
        padded = np.zeros(1 << self.bits)
        padded[: len(classes)] = classes
        self.conductance = np.outer(images.shape_factor(), padded)
        self.group = _groups(np.array(images.conductivity))
        self.groups = int(self.group.max())

    def between(self, first: np.ndarray, second: np.ndarray, axis: int) -> float:
        """Conductance of two adjacent layers of voxels side by side: all links between them."""
        phases = len(self.kind)
        pairs = np.bincount((first.astype(np.int16) * phases + second).ravel(), minlength=phases**2)
        worth = self.conductance[axis][self.kind].ravel().copy()
        worth[[k for k in range(phases**2) if k < phases or k % phases == 0]] = 0.0
        return float(pairs @ worth)

    def to_wall(self, layer: np.ndarray, axis: int) -> float:
        pairs = np.bincount(layer.ravel(), minlength=len(self.kind))[1:]
        return float(pairs @ self.conductance[axis][self.kind[1:, 0]])

    def profile(self, image: np.ndarray, axis: int) -> np.ndarray:
        """Potential of each layer across the axis if layers were in series, each at one potential: exact for slabs."""
        layers = np.moveaxis(image, axis, 0)
        conductances = [self.to_wall(layers[0], axis)]
        conductances += [self.between(below, above, axis) for below, above in pairwise(layers)]
        conductances += [self.to_wall(layers[-1], axis)]
        drops = 1.0 / np.array(conductances)
        return 1.0 - np.cumsum(drops)[:-1] / drops.sum()


def _groups(conductivity: np.ndarray) -> np.ndarray:
    """Group of each phase, int32: 0 of phase 0; from 1 on a further one beyond each gap of more than GAP.

    Of more gaps than a few the widest count: tables of blocks grow with the number of groups.
    """
    order = np.argsort(-conductivity, kind="stable")
    steps = conductivity[order][:-1] / conductivity[order][1:]
    widest = np.sort(np.argsort(-steps, kind="stable")[: MOST_GROUPS - 1])
    group = np.zeros(len(conductivity) + 1, np.int32)
    group[order + 1] = 1 + np.searchsorted(widest[steps[widest] > GAP], np.arange(len(order)))
    return group


class VoxelGraph:
    """Images as a graph on the device, and the multigrid that preconditions it; complete after `build`.

    count: conducting voxels. links: as krylov takes them, in the precision of the potential. potential: a first
    one, walls included. spans: first and last number of the voxels of each image, for every colour. Raises
    NumericalError where 32-bit links do not reach.
    """

    def __init__(self, images: Images, *, precision: str, on_host: bool) -> None:
        self.images = images
        self.classes = _Classes(images)
        # a million times a single rounding is no rounding: what leaves a cluster of good conductors would be lost
        self.inner = precision if self.classes.groups > 1 else "f32"
        self.single, self.fine = Pool(self.inner, on_host=on_host), Pool(precision, on_host=on_host)
        self.kind = "voxels" if images.open_shares is None else "cut"
        self.bits = self.classes.bits if self.kind == "voxels" else 0
        strength = images.shape_factor()
        x, y, z = (float(value) for value in strength / strength.max())
        self.grid = Grid(images.shape, images.wraps(), (x, y, z))
        self.colours = self.grid.colours()
        self.kernels = voxel_kernels(
            precision, bytes_of_phase=1 if on_host else 4, cut=self.kind == "cut", inner=self.inner
        )
        self.precision, self.on_host = precision, on_host

    def build(self) -> Steps[None]:
        """Number the voxels, link them, and make the levels below; yields between launches."""
        frame, phase = self._frame(), self.images.phase.reshape(-1)
        if not self.on_host:
            phase = self.single.put("phase", phase.astype(np.int32), exact=True)
        number, parent = yield from self._number(frame, phase)
        yield from self._link(
            frame, phase, number, graph_kernels(self.kind, precision=self.precision, inner=self.inner)
        )
        self.single.forget("number", "phase")
        rows = yield from self._aggregates(parent)
        self._coarsen(rows)
        self.single.forget("parent", "block of", "child begin", "child end")

    def _frame(self) -> Any:
        """What kernels know of the images."""
        images, frame = self.images, np.zeros(FRAME_LENGTH, np.int32)
        frame[IMAGES], frame[AXIS] = len(images.phase), images.axis
        vectors: dict[int, Any] = {
            SHAPE: images.shape,
            EDGE: self.grid.edge(),
            BLOCKS: self.grid.coarser().shape,
            WRAP: images.wraps(),
            SEAM: odd_seams(np.array(images.shape), np.array(images.wraps())),
        }
        for first, values in vectors.items():
            frame[first : first + 3] = values
        return self.single.put("frame", frame, exact=True)

    def _number(self, frame: Any, phase: Any) -> Steps[tuple[Any, Any]]:
        """Number of every voxel, and the aggregate that each number belongs to."""
        pool, colours, images = self.single, self.colours, len(self.images.phase)
        found, component = (
            pool.put(f"components {k}", table)
            for k, table in enumerate(block_components(self.grid.edge(), self.classes.groups))
        )
        group, base = pool.put("group", self.classes.group, exact=True), self.classes.groups + 1
        blocks = images * int(np.prod(self.grid.coarser().shape))
        counts = pool.take("voxels of a block", colours * blocks, exact=True)
        parts = pool.take("components of a block", blocks, exact=True)
        for first, last in _chunks(blocks, BLOCKS_IN_A_LAUNCH):
            self.kernels.count_voxels(first, last, colours, base, frame, phase, group, component, found, counts, parts)
            yield
        begin, ends = _begins(view(counts, colours * blocks))
        self.count = int(ends[-1])
        limit = min((2**31 >> self.bits) - 2, 2**31 // 6 - 1)
        if self.count > limit:
            raise NumericalError(f"{self.count} conducting voxels exceed {limit}, the 32-bit links; use larger voxels")
        self.colour_begin = (0, *(int(end) for end in ends[blocks - 1 :: blocks]))
        self.spans = _spans(ends.reshape(colours, images, -1)[:, :, -1])
        start = pool.put("voxels of a block", begin, exact=True)
        del begin, ends
        part_begin, part_ends = _begins(view(parts, blocks))
        self.aggregates = int(part_ends[-1])
        part_start = pool.put("components of a block", part_begin, exact=True)
        number = pool.take("number", phase.shape[0], exact=True)
        parent = pool.take("parent", self.count, exact=True)
        self.children = tuple(pool.take(f"child {end}", colours * self.aggregates) for end in ("begin", "end"))
        self.block_of = pool.take("block of", self.aggregates, exact=True)
        for first, last in _chunks(blocks, BLOCKS_IN_A_LAUNCH):
            self.kernels.number_voxels(
                first, last, colours, base, self.aggregates, frame, phase, group, component, found, start, part_start,
                number, parent, *self.children, self.block_of,
            )  # fmt: skip
            yield
        pool.forget("voxels of a block", "components of a block")
        return number, parent

    def _link(self, frame: Any, phase: Any, number: Any, kernels: Any) -> Steps[None]:
        """Links, one over the sum of conductances, and the first potential."""
        images, classes, count, pool = self.images, self.classes, self.count, self.single
        table = classes.conductance.ravel()
        conductance = self.fine.put("conductance", table, exact=True)
        profile = np.concatenate([classes.profile(image, images.axis) for image in images.phase])
        link = pool.take("link", 6 * count, exact=True)
        self.inverse = pool.take("inverse", count, real=True, exact=True)
        self.potential = self.fine.take("potential", count + 2, real=True, exact=True)
        kernels.hold_walls(count, self.potential)
        shares = images.open_shares or (np.zeros(1, np.float32),) * 3
        open_shares = [pool.put(f"open {axis}", share.reshape(-1), exact=True) for axis, share in enumerate(shares)]
        weight = pool.take("link weight", 6 * count if self.kind == "cut" else 1, real=True, exact=True)
        kind = pool.put("kind", classes.kind.ravel(), exact=True)
        held = self.fine.put("profile", profile, exact=True)
        for first, last in _chunks(phase.shape[0], VOXELS_IN_A_LAUNCH):
            self.kernels.link_voxels(
                first, last, count, classes.bits, len(images.conductivity), frame, phase, number, kind, conductance,
                *open_shares, held, link, weight, self.inverse, self.potential,
            )  # fmt: skip
            yield
        pool.forget("open 0", "open 1", "open 2")
        unused = pool.take("unused", 1, exact=True)
        if self.kind == "cut":
            self.links = self.single_links = (link, unused, weight)
        else:
            self.links = (link, unused, conductance)
            self.single_links = (link, unused, pool.put("conductance", table, exact=True))

    def _aggregates(self, parent: Any) -> Steps[Rows]:
        """The graph of the aggregates of voxels, in the order of their blocks."""
        pool, aggregates = self.single, self.aggregates
        sizes = (self.count, self.bits, self.colours, aggregates)
        link, _, weight = self.single_links
        length = pool.take("length", aggregates, exact=True)
        for first, last in _chunks(aggregates, BLOCKS_IN_A_LAUNCH):
            self.kernels.count_outward(first, last, *sizes, link, parent, *self.children, length)
            yield
        room, ends = _begins(view(length, aggregates))
        row = pool.put("row", room, exact=True)
        column = pool.take("column", int(ends[-1]), exact=True)
        value = pool.take("value", int(ends[-1]), real=True, exact=True)
        wall = pool.take("wall", aggregates, real=True, exact=True)
        for first, last in _chunks(aggregates, BLOCKS_IN_A_LAUNCH):
            self.kernels.sum_outward(
                first, last, *sizes, link, weight, parent, *self.children, row, column, value, length, wall
            )
            yield
        lengths = view(length, aggregates)
        kept = _kept(room, lengths, int(ends[-1]))
        begin = np.append(0, np.cumsum(lengths, dtype=np.int64)).astype(np.int32)
        links = csr_matrix(
            (view(value, len(kept))[kept], view(column, len(kept))[kept], begin), shape=(aggregates, aggregates)
        )
        place = np.unravel_index(view(self.block_of, aggregates), (len(self.images.phase), *self.grid.coarser().shape))
        pool.forget("row", "column", "value", "length")
        return Rows(
            links=links,
            wall=view(wall, aggregates).astype(np.float64),
            cell=np.stack([index.astype(np.int32) for index in place], axis=1),
            colour_begin=(0, aggregates),
        )

    def _coarsen(self, rows: Rows) -> None:
        """All levels below the voxels."""
        pool, count, shape = self.single, self.count, (self.colours, self.aggregates)
        contrast = self.classes.groups > 1
        smallest = SMALLEST_OF_CONTRAST if contrast else SMALLEST
        levels, order = levels_of(rows, self.grid.coarser(), smallest=smallest, contrast=contrast)
        graphs = [graph_of_rows(pool, number, rows) for number, rows in enumerate(levels, 1)]
        begin, end = (
            pool.put(f"children {k}", view(child, self.colours * self.aggregates).reshape(shape)[:, order].ravel())
            for k, child in enumerate(self.children)
        )
        del self.children, self.block_of
        vectors = {name: pool.take(f"voxel {name}", count + 2, real=True, exact=True) for name in ("x", "b")}
        voxels = Graph(
            kind=self.kind, count=count, colour_begin=self.colour_begin, bits=self.bits, links=self.single_links,
            inverse=self.inverse, children=(begin, end), vectors=vectors,
        )  # fmt: skip
        over = 1.0 if contrast else OVERCORRECTION
        self.preconditioner = Multigrid(pool, [voxels, *graphs], levels[-1], overcorrection=over)


def _begins(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where segments of these lengths begin (32 bits) and end, one behind the other."""
    ends = np.cumsum(lengths, dtype=np.int64)
    return (ends - lengths).astype(np.int32), ends


def _spans(ends: np.ndarray) -> list[list[tuple[int, int]]]:
    """First and last number of each image in each colour, from the last numbers, shape (colour, image)."""
    colours, images = ends.shape
    edges = np.append(0, ends.ravel())
    return [
        [(int(edges[colour * images + image]), int(edges[colour * images + image + 1])) for colour in range(colours)]
        for image in range(images)
    ]


def _kept(begin: np.ndarray, lengths: np.ndarray, room: int) -> np.ndarray:
    """Places that rows use of the room they were given, bool."""
    edges = np.zeros(room + 1, np.int8)
    used = lengths > 0
    np.add.at(edges, begin[used], 1)
    np.subtract.at(edges, begin[used] + lengths[used], 1)
    return np.cumsum(edges[:-1], dtype=np.int8).astype(bool)


def _chunks(count: int, size: int) -> list[tuple[int, int]]:
    return [(first, min(first + size, count)) for first in range(0, count, size)]
