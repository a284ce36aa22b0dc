"""Steady conduction through voxel images between two faces: conjugate gradients on the device, with a stated error.

The flux at unit potential difference is the least power of all potentials with the values of the walls, so that its
error is the square of the potential's in the energy norm: a potential good to a thousandth gives a flux to a millionth.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.sparse import csr_matrix

from kalander.kernels.arrays import REALS, Pool, view
from kalander.kernels.errors import NumericalError
from kalander.kernels.hierarchy import Grid, Rows, levels_of
from kalander.kernels.krylov import BLOCK, graph_kernels
from kalander.kernels.multigrid import SMALLEST, Graph, Multigrid, graph_of_rows
from kalander.kernels.voxel import (
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

__all__ = ["LARGEST_ITERATIONS", "Conduction", "Images", "solve"]

LARGEST_ITERATIONS = 200
VOXELS_IN_A_LAUNCH = 1 << 24  # less than a second, so that signals are served
QUALITY = 0.5  # the preconditioned operator has no eigenvalue below this share of the least one that CG has found


@dataclass(frozen=True)
class Images:
    """Images of one shape in which every conducting voxel belongs to a cluster that spans the axis.

    phase: 0 insulates, 1 to P conduct, uint8 of shape (image, x, y, z). conductivity: of phases 1 to P, relative.
    size: of a voxel along x, y, z. axis: 0, 1 or 2, whose faces hold potentials 1 and 0. periodic: by axis, a side that
    wraps around, else it lets nothing through; what is said of the axis itself is not heard.
    """

    phase: np.ndarray
    conductivity: tuple[float, ...]
    size: tuple[float, float, float]
    axis: int
    periodic: tuple[bool, bool, bool]

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


@dataclass
class Conduction:
    """Result for each image. conductance: of the image over that of a block of conductivity 1.

    error: bound of its relative error, estimated; iterations: of conjugate gradients; unknowns: of all images.
    """

    conductance: np.ndarray
    error: np.ndarray
    iterations: int
    unknowns: int
    history: list[float] = field(default_factory=list)  # estimated relative errors, one an iteration


def solve(images: Images, *, precision: str, on_host: bool, tolerance: float) -> Conduction:
    """Conductance of every image to a relative error of `tolerance`.

    Raises NumericalError where rounding or LARGEST_ITERATIONS ends the iteration before.
    """
    return _Solver(images, precision, on_host).solve(tolerance)


class _Links:
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


def _layer_profile(image: np.ndarray, axis: int, links: _Links) -> np.ndarray:
    """Potential of each layer across the axis if layers were in series, each at one potential: exact for slabs."""
    layers = np.moveaxis(image, axis, 0)
    count = len(layers)
    conductances = [links.to_wall(layers[0], axis)]
    conductances += [links.between(layers[k], layers[k + 1], axis) for k in range(count - 1)]
    conductances += [links.to_wall(layers[-1], axis)]
    drops = 1.0 / np.array(conductances)
    return 1.0 - np.cumsum(drops)[:-1] / drops.sum()


class _Solver:
    def __init__(self, images: Images, precision: str, on_host: bool) -> None:
        self.images, self.precision = images, precision
        self.single, self.fine = Pool("f32", on_host=on_host), Pool(precision, on_host=on_host)
        self.links = _Links(images)
        self.kernels = graph_kernels("voxels", precision=precision)
        self._number(on_host)
        self._coarsen()

    # --- graph of the voxels ----------------------------------------------------------------------------------------

    def _number(self, on_host: bool) -> None:
        """Number the voxels, link them, and sum up the links of aggregates."""
        images, links = self.images, self.links
        strength = images.shape_factor()
        self.grid = Grid(images.shape, images.wraps(), tuple(strength / strength.max()))
        edge, blocks = self.grid.edge(), self.grid.coarser().shape
        seams = odd_seams(np.array(images.shape), np.array(images.wraps()))
        frame = np.zeros(FRAME_LENGTH, np.int32)
        frame[IMAGES], frame[AXIS] = len(images.phase), images.axis
        for place, values in (
            (SHAPE, images.shape),
            (EDGE, edge),
            (BLOCKS, blocks),
            (WRAP, images.wraps()),
            (SEAM, seams),
        ):
            frame[place : place + 3] = values
        self.colours = self.grid.colours()
        width = 1 if on_host else 4
        kernels = voxel_kernels(self.precision, bytes_of_phase=width)
        phase = images.phase.reshape(-1)
        if not on_host:
            phase = self.single.put("phase", phase.astype(np.int32), exact=True)
        integers = self.single
        frame = integers.put("frame", frame, exact=True)
        found, component = (integers.put(f"components {k}", v) for k, v in enumerate(block_components(edge)))
        block_count = len(images.phase) * int(np.prod(blocks))
        counts = integers.take("voxels of a block", self.colours * block_count, exact=True)
        parts = integers.take("components of a block", block_count, exact=True)
        for first, last in _chunks(block_count, VOXELS_IN_A_LAUNCH // 8):
            kernels.count_voxels(first, last, self.colours, frame, phase, found, counts, parts)
        count_of = view(counts, self.colours * block_count)
        ends = np.cumsum(count_of, dtype=np.int64)
        self.count = count = int(ends[-1])
        limit = (2**31 >> links.bits) - 2
        if count > min(limit, 2**31 // 6 - 1):
            raise NumericalError(f"{count} conducting voxels exceed {limit} of 32-bit links; use larger voxels")
        by_colour = ends[block_count - 1 :: block_count]
        self.colour_begin = (0, *(int(end) for end in by_colour))
        edges = np.append(ends.reshape(self.colours, len(images.phase), -1)[:, :, -1].ravel(), 0)
        self.spans = [
            [(int(edges[k - 1]), int(edges[k])) for k in range(image, len(edges) - 1, len(images.phase))]
            for image in range(len(images.phase))
        ]
        start = integers.put("voxels of a block", (ends - count_of).astype(np.int32), exact=True)
        part_of = view(parts, block_count)
        part_ends = np.cumsum(part_of, dtype=np.int64)
        aggregates = int(part_ends[-1])
        first_part = integers.put("components of a block", (part_ends - part_of).astype(np.int32), exact=True)
        del ends, part_ends
        number = integers.take("number", phase.shape[0], exact=True)
        parent = integers.take("parent", count, exact=True)
        begin = integers.take("child begin", self.colours * aggregates, exact=True)
        end = integers.take("child end", self.colours * aggregates, exact=True)
        block_of = integers.take("block of", aggregates, exact=True)
        for first, last in _chunks(block_count, VOXELS_IN_A_LAUNCH // 8):
            kernels.number_voxels(
                first, last, self.colours, aggregates, frame, phase, component, found, start, first_part, number,
                parent, begin, end, block_of,
            )  # fmt: skip
        integers.forget("voxels of a block", "components of a block")
        self._link(kernels, frame, phase, number)
        integers.forget("number", "phase")
        self.rows = self._outer_rows(kernels, parent, begin, end, block_of, aggregates, blocks)
        integers.forget("parent", "block of", "child begin", "child end")

    def _link(self, kernels: Any, frame: Any, phase: Any, number: Any) -> None:
        images, links, count = self.images, self.links, self.count
        conductance = links.conductance.ravel()
        self.weight = self.fine.put("conductance", conductance, exact=True)
        self.single_weight = self.single.put("conductance", conductance, exact=True)
        profile = np.concatenate([_layer_profile(image, images.axis, links) for image in images.phase])
        self.link = self.single.take("link", 6 * count, exact=True)
        self.inverse = self.single.take("inverse", count, real=True, exact=True)
        self.potential = self.fine.take("potential", count + 2, real=True, exact=True)
        self.kernels.hold_walls(count, self.potential)
        kind = self.single.put("kind", links.kind.ravel(), exact=True)
        profile = self.fine.put("profile", profile, exact=True)
        for first, last in _chunks(phase.shape[0], VOXELS_IN_A_LAUNCH):
            kernels.link_voxels(
                first, last, count, links.bits, len(images.conductivity), frame, phase, number, kind, self.weight,
                profile, self.link, self.inverse, self.potential,
            )  # fmt: skip

    def _outer_rows(
        self, kernels: Any, parent: Any, begin: Any, end: Any, block_of: Any, aggregates: int, blocks: Any
    ) -> Rows:
        """The graph of the aggregates of voxels, in the order of their blocks."""
        integers, sizes = self.single, (self.count, self.links.bits, self.colours, aggregates)
        length = integers.take("length", aggregates, exact=True)
        for first, last in _chunks(aggregates, VOXELS_IN_A_LAUNCH // 8):
            kernels.count_outward(first, last, *sizes, self.link, parent, begin, end, length)
        room = np.append(0, np.cumsum(view(length, aggregates), dtype=np.int64))
        row = integers.put("row", room.astype(np.int32), exact=True)
        column = integers.take("column", int(room[-1]), exact=True)
        weight = integers.take("weight", int(room[-1]), real=True, exact=True)
        wall = integers.take("wall", aggregates, real=True, exact=True)
        for first, last in _chunks(aggregates, VOXELS_IN_A_LAUNCH // 8):
            kernels.sum_outward(
                first, last, *sizes, self.link, self.single_weight, parent, begin, end, row, column, weight, length,
                wall,
            )  # fmt: skip
        lengths = view(length, aggregates)
        used = np.zeros(int(room[-1]) + 1, np.int8)
        np.add.at(used, room[:-1][lengths > 0], 1)
        ends = (room[:-1] + lengths)[lengths > 0]
        np.subtract.at(used, ends, 1)
        used = np.cumsum(used[:-1], dtype=np.int8).astype(bool)
        entries = int(room[-1])
        links = csr_matrix(
            (
                view(weight, entries)[used],
                view(column, entries)[used],
                np.append(0, np.cumsum(lengths, dtype=np.int64)).astype(np.int32),
            ),
            shape=(aggregates, aggregates),
        )
        block = view(block_of, aggregates)
        place = np.unravel_index(block, (len(self.images.phase), *blocks))
        rows = Rows(
            links=links,
            wall=view(wall, aggregates).astype(np.float64),
            cell=np.stack(place, axis=1).astype(np.int32),
            colour_begin=(0, aggregates),
        )
        integers.forget("row", "column", "weight", "wall", "length")
        shape = (self.colours, aggregates)
        self.child_begin = view(begin, int(np.prod(shape))).reshape(shape).copy()
        self.child_end = view(end, int(np.prod(shape))).reshape(shape).copy()
        return rows

    def _coarsen(self) -> None:
        """All levels below the voxels."""
        pool, count = self.single, self.count
        levels, order = levels_of(self.rows, self.grid.coarser(), smallest=SMALLEST)
        graphs = [graph_of_rows(pool, number, rows) for number, rows in enumerate(levels, 1)]
        begin = pool.put("children begin", self.child_begin[:, order].ravel(), exact=True)
        end = pool.put("children end", self.child_end[:, order].ravel(), exact=True)
        unused = pool.take("unused", 1, exact=True)
        vectors = {name: pool.take(f"voxel {name}", count + 2, real=True, exact=True) for name in ("x", "b")}
        voxels = Graph(
            kind="voxels", count=count, colour_begin=self.colour_begin, bits=self.links.bits,
            links=(self.link, unused, self.single_weight), inverse=self.inverse, children=(begin, end), vectors=vectors,
        )  # fmt: skip
        del self.rows, self.child_begin, self.child_end
        self.preconditioner = Multigrid(pool, [voxels, *graphs], levels[-1])
        self.z, self.rounded = vectors["x"], vectors["b"]

    # --- conjugate gradients ----------------------------------------------------------------------------------------

    def solve(self, tolerance: float) -> Conduction:
        """Flexible conjugate gradients from the potential of layers in series."""
        count, fine, kernels = self.count, self.fine, self.kernels
        graph = (self.links.bits, self.link, self.preconditioner.graphs[0].links[1], self.weight)
        q, r, p = (fine.take(name, count + 2, real=True, exact=True) for name in ("q", "r", "p"))
        blocks = -(-count // BLOCK)
        parts = fine.take("parts", 2 * blocks, real=True, exact=True)
        kernels.outflows(count, *graph, self.potential, r, parts)
        start = view(r, count)
        largest = float(np.abs(start).max())
        kernels.negate(count, 1.0 / largest if largest > 0 else 0.0, r, self.rounded)
        lanczos = _Lanczos()
        power = self._power(graph, q)
        total = power.sum()
        history: list[float] = []
        share, overlap, turned, moved = 0.0, 0.0, 0.0, 1.0
        floor = 64 * np.finfo(REALS[self.precision]).eps
        for iteration in range(LARGEST_ITERATIONS + 1):
            if largest > 0:
                self.preconditioner.apply()
                kernels.overlaps(count, self.z, r, q, parts)
                overlap, turned = view(parts, 2 * blocks).reshape(-1, 2).sum(axis=0, dtype=np.float64)
            rest = overlap * largest / lanczos.least()
            history.append(abs(rest) / total)
            if history[-1] <= tolerance:
                break
            if iteration:
                share = -turned / moved
            kernels.turn(count, share, self.z, p)
            kernels.outflows(count, *graph, p, q, parts)
            moved = float(view(parts, blocks).sum(dtype=np.float64))
            length = overlap / moved
            lanczos.add(length / largest, share)
            total -= length * overlap
            kernels.step(count, length, 1.0 / largest, p, q, self.potential, r, self.rounded)
        else:
            raise NumericalError(
                f"conduction reached a relative error of {history[-1]:.1e}, not {tolerance:.1e}, "
                f"in {LARGEST_ITERATIONS} iterations; raise the tolerance"
            )
        power = self._power(graph, q)
        error = history[-1] * power.sum() / power + floor
        return Conduction(power, error, iteration, count, history)

    def _power(self, graph: tuple, into: Any) -> np.ndarray:
        """Power of each image at the present potential: its flux, and more where the potential is not yet right."""
        self.kernels.dissipation(self.count, *graph, self.potential, into)
        power = view(into, self.count)
        return np.array([sum(power[first:last].sum() for first, last in spans) for spans in self.spans])


class _Lanczos:
    """The tridiagonal matrix of conjugate gradients, whose least eigenvalue tells how good the preconditioner is."""

    def __init__(self) -> None:
        self.diagonal: list[float] = []
        self.beside: list[float] = []

    def add(self, length: float, share: float) -> None:
        share = max(share, 0.0)  # flexible steps may make it slightly negative
        if self.diagonal:
            self.beside.append(np.sqrt(share) / self.last)
            self.diagonal.append(1.0 / length + share / self.last)
        else:
            self.diagonal.append(1.0 / length)
        self.last = length

    def least(self) -> float:
        """QUALITY of the least eigenvalue found so far."""
        if not self.diagonal:
            return QUALITY
        if len(self.diagonal) == 1:
            return QUALITY * min(self.diagonal[0], 1.0)
        return QUALITY * min(float(eigh_tridiagonal(self.diagonal, self.beside, eigvals_only=True)[0]), 1.0)


def _chunks(count: int, size: int) -> list[tuple[int, int]]:
    return [(first, min(first + size, count)) for first in range(0, count, size)]
