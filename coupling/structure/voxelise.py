"""Packings to voxels: active material, pores, and the binder domain where the stated rule puts it.

The binder domain is porous (nanopores): its voxels are a phase of their own. Its volume is exact: voxels are ranked by
the rule, and as many are taken as its volume asks for. Ranks: inside a bridge, by distance from its axis over its
radius; elsewhere by rule "films", the distance to the nearest particle, or by rule "necks", the sum of the distances to
the nearest two (what capillary forces leave behind a drying film).
"""

from dataclasses import dataclass, field

import numpy as np

from kalander.coupling.structure.images import ACTIVE, BINDER, CRACKED, PORE
from kalander.kernels.device.arrays import Pool, view
from kalander.kernels.device.shared import LINES, TILE
from kalander.kernels.device.steps import Steps, finish
from kalander.kernels.on_demand import raster_kernels
from kalander.kernels.quantities import porosity_of_phases

__all__ = ["RULES", "Body", "Voxels", "voxelise", "voxelising"]

RULES = ("films", "necks")
VOXELS_IN_A_LAUNCH = 1 << 18  # less than a second, so that signals are served


@dataclass(frozen=True)
class Body:
    """A packing to be voxelised; lengths in one unit of any kind.

    position (sphere, 3), radius (sphere,); box (3,), periodic in x and y, z from 0 to its height. body: spheres with
    one number are one particle (a clump); each its own by default. cracked: of each sphere. first, second: spheres that
    a bridge joins, and its radius. binder_volume: of the binder domain with its nanopores.
    """

    position: np.ndarray
    radius: np.ndarray
    box: np.ndarray
    body: np.ndarray | None = None
    cracked: np.ndarray | None = None
    first: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    second: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    bridge_radius: np.ndarray = field(default_factory=lambda: np.zeros(0))
    binder_volume: float = 0.0


@dataclass(frozen=True)
class Voxels:
    """labels: uint8 (x, y, z), ACTIVE, PORE, BINDER or CRACKED of structure.images; size: of a voxel along x, y, z.

    active_share: active volume of each voxel over its own. open_shares: open area of faces across each axis over their
    own, with one more layer along the axis. Both are exact where asked for; else a voxel is active where its centre is.
    """

    labels: np.ndarray
    size: tuple[float, float, float]
    active_share: np.ndarray
    open_shares: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def fraction(self, label: int) -> float:
        """Volume fraction of a label."""
        here = self.labels == label
        if label == CRACKED:
            return float(np.mean(here * self.active_share))
        if label == ACTIVE:  # also what lies in voxels that are partly open
            return float(np.mean(self.active_share) - np.mean((self.labels == CRACKED) * self.active_share))
        return float(np.mean(here * (1.0 - self.active_share)))

    def porosity(self, nanoporosity: float = 0.0) -> float:
        """Pores and the nanopores of the binder domain."""
        pores = {PORE: 1.0, BINDER: nanoporosity}
        return porosity_of_phases({label: self.fraction(label) for label in pores}, pores)


def voxelise(
    packing: Body, size: float, *, rule: str = "films", exact: bool = False, precision: str = "f64",
    on_host: bool = True,
) -> Voxels:  # fmt: skip
    """Labels of a packing on voxels of about `size` (a whole number of them fills the box).

    exact: volumes and faces that a particle's surface cuts are measured; a voxel is then active where nothing of it is
    open. Raises ValueError for an unknown rule or a binder domain larger than the pores.
    """
    return finish(voxelising(packing, size, rule=rule, exact=exact, precision=precision, on_host=on_host))


def voxelising(
    packing: Body, size: float, *, rule: str = "films", exact: bool = False, precision: str = "f64",
    on_host: bool = True,
) -> Steps[Voxels]:  # fmt: skip
    """As `voxelise`, yielding between its launches."""
    if rule not in RULES:
        raise ValueError(f"rule {rule!r} is none of {RULES}")
    raster = _Raster(packing, size, precision, on_host)
    yield from raster.measure_distances()
    return (yield from raster.voxels(rule, exact))


class _Raster:
    """The arrays of one packing on the device."""

    def __init__(self, packing: Body, size: float, precision: str, on_host: bool) -> None:
        self.packing = packing
        self.shape = np.maximum(np.round(packing.box / size), 1).astype(np.int32)
        self.edge = packing.box / self.shape
        self.count = int(np.prod(self.shape))
        self.pool, self.kernels = Pool(precision, on_host=on_host), raster_kernels(precision)
        put = self.pool.put
        box = (put("shape", self.shape), put("size", self.edge.astype(float)), put("box", packing.box.astype(float)))
        self.grid = box
        spheres = np.concatenate([packing.position, packing.radius[:, None]], axis=1).astype(float)
        self.body = (np.arange(len(spheres)) if packing.body is None else packing.body).astype(np.int32)
        lists = tile_lists(packing.position, packing.radius + self._reach(), packing.box, self.shape, self.edge)
        row, member = (put(name, values) for name, values in zip(("row", "member"), lists))
        self.spheres = (put("spheres", spheres), row, member)
        self.lines = put("lines", np.concatenate(_gauss_lines()))
        reals = (self.pool.take(name, self.count, real=True, exact=True) for name in ("nearest", "second"))
        self.nearest, self.second = reals
        self.owner = self.pool.take("owner", self.count, exact=True)

    def measure_distances(self) -> Steps[None]:
        """Distance of each voxel to the nearest two particles, and which is the nearest."""
        bodies, held, box = self.pool.put("body", self.body), self.spheres, self.grid
        for first, last in _launches(self.count):
            self.kernels.distances(first, last, *box, held[0], bodies, *held[1:], self.nearest, self.second, self.owner)
            yield

    def voxels(self, rule: str, exact: bool) -> Steps[Voxels]:
        distance = view(self.nearest, self.count)
        active = (yield from self._active_shares()) if exact else (distance < 0.0).astype(np.float32)
        shares = (yield from self._open_shares()) if exact else None
        labels = np.where(active >= 1.0, ACTIVE, PORE).astype(np.uint8)
        cracked = self.packing.cracked
        if cracked is not None:
            broken = np.zeros(int(self.body.max()) + 1, bool)
            broken[self.body[np.asarray(cracked, bool)]] = True
            labels[(labels == ACTIVE) & broken[view(self.owner, self.count)]] = CRACKED
        if self.packing.binder_volume > 0.0:
            yield from self._place_binder(labels, active, rule)
        x, y, z = (float(value) for value in self.edge)
        return Voxels(labels.reshape(self.shape), (x, y, z), active.reshape(self.shape), shares)

    def _active_shares(self) -> Steps[np.ndarray]:
        share = self.pool.take("share", self.count, real=True, exact=True)
        for first, last in _launches(self.count):
            self.kernels.solid_shares(first, last, *self.grid, self.lines, *self.spheres, self.nearest, share)
            yield
        active = view(share, self.count)
        return np.where(active > 1.0 - 1e-6, 1.0, active)  # what rounding leaves open is closed

    def _open_shares(self) -> Steps[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        faces: list[np.ndarray] = []
        for axis in range(3):
            shape = self.shape + (np.arange(3) == axis)
            count = int(np.prod(shape))
            share = Pool("f32", on_host=self.pool.on_host).take("share", count, real=True, exact=True)
            for first, last in _launches(count):
                self.kernels.open_shares(first, last, axis, *self.grid, self.lines, *self.spheres, self.nearest, share)
                yield
            faces.append(view(share, count).reshape(shape))
        x, y, z = faces
        return x, y, z

    def _place_binder(self, labels: np.ndarray, active: np.ndarray, rule: str) -> Steps[None]:
        """Turn voxels of the best ranks into binder domain, up to its volume."""
        wanted = self.packing.binder_volume / float(np.prod(self.edge))
        pores = np.flatnonzero(labels == PORE)
        room = 1.0 - active[pores]
        if wanted > room.sum():
            raise ValueError(f"a binder domain of {wanted:.0f} voxels does not fit into pores of {room.sum():.0f}")
        rank = view(self.nearest, self.count)[pores]
        if rule == "necks":
            rank = rank + view(self.second, self.count)[pores]
        rank = np.maximum(rank / float(self.edge.min()), 0.0)
        if len(self.packing.first):
            depth = (yield from self._bridge_depths())[pores]
            rank = np.where(depth < 1.0, depth - 1.0, rank)
        labels[pores[_first_to_fill(rank, room, wanted - 0.5)]] = BINDER

    def _bridge_depths(self) -> Steps[np.ndarray]:
        packing = self.packing
        start = packing.position[packing.first]
        axis = packing.position[packing.second] - start
        axis[:, :2] -= packing.box[:2] * np.round(axis[:, :2] / packing.box[:2])
        beams = np.zeros((len(axis), 8))
        beams[:, :3], beams[:, 3], beams[:, 4:7] = start, packing.bridge_radius, axis
        reach = np.hypot(0.5 * np.linalg.norm(axis, axis=1), packing.bridge_radius)
        lists = tile_lists(start + 0.5 * axis, reach, packing.box, self.shape, self.edge)
        row, member = (self.pool.put(name, values) for name, values in zip(("bridge row", "bridge member"), lists))
        depth = self.pool.take("depth", self.count, real=True, exact=True)
        held = self.pool.put("bridges", beams)
        for first, last in _launches(self.count):
            self.kernels.bridge_depths(first, last, *self.grid, held, row, member, self.nearest, depth)
            yield
        return view(depth, self.count)

    def _reach(self) -> float:
        """Distance from the particles up to which voxels are ranked: some films of the binder domain, and to spare."""
        edge, volume = float(self.edge.max()), self.packing.binder_volume
        area = float((4 * np.pi * self.packing.radius**2).sum())
        return 6.0 * volume / area + 2.0 * edge if volume else edge


def _first_to_fill(rank: np.ndarray, room: np.ndarray, wanted: float) -> np.ndarray:
    """Voxels in the order of their ranks, then of their numbers, up to the one whose room makes it `wanted`."""
    count = min(2 * int(max(wanted, 0.0)) + 16, len(rank))
    while True:  # only the best ranks need an order among themselves
        limit = np.partition(rank, count - 1)[count - 1] if count < len(rank) else np.inf
        best = np.flatnonzero(rank <= limit)
        order = best[np.argsort(rank[best], kind="stable")]
        filled = np.cumsum(room[order])
        if filled[-1] >= wanted or len(best) == len(rank):
            return order[: np.searchsorted(filled, wanted) + 1]
        count = min(2 * count, len(rank))


def tile_lists(
    centre: np.ndarray, reach: np.ndarray, box: np.ndarray, shape: np.ndarray, edge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each tile of TILE³ voxels, the balls of radius `reach` that may touch it, in the order of their numbers.

    Returns the beginning of each tile's list, and the lists. The box wraps around in x and y.
    """
    tiles, span = -(-shape // TILE), TILE * edge
    centre = centre.copy()
    centre[:, :2] %= box[:2]
    low = np.floor((centre - reach[:, None]) / span).astype(int)
    high = np.floor((centre + reach[:, None]) / span).astype(int)
    # where the last tile of a periodic axis is narrower, a ball that wraps is looked for one tile further
    short = np.array([shape[0] % TILE != 0, shape[1] % TILE != 0, False]).astype(int)
    low, high = low - short, high + short
    found_tile, found_ball = [], []
    for ball in range(len(centre)):
        ranges = [_wrapped(low[ball, axis], high[ball, axis], tiles[axis]) for axis in range(2)]
        ranges.append(np.arange(max(low[ball, 2], 0), min(high[ball, 2], tiles[2] - 1) + 1))
        x, y, z = np.meshgrid(*ranges, indexing="ij")
        found_tile.append(((x * tiles[1] + y) * tiles[2] + z).ravel())
        found_ball.append(np.full(x.size, ball))
    tile, ball_of = np.concatenate(found_tile), np.concatenate(found_ball)
    order = np.argsort(tile, kind="stable")
    row = np.searchsorted(tile[order], np.arange(int(np.prod(tiles)) + 1))
    return row.astype(np.int32), ball_of[order].astype(np.int32)


def _wrapped(low: int, high: int, tiles: int) -> np.ndarray:
    """Tiles from low to high of a row that wraps around."""
    return np.arange(tiles) if high - low + 1 >= tiles else np.arange(low, high + 1) % tiles


def _gauss_lines() -> tuple[np.ndarray, np.ndarray]:
    """Gauss points and weights on [0, 1]."""
    point, weight = np.polynomial.legendre.leggauss(LINES)
    return (point + 1.0) / 2.0, weight / 2.0


def _launches(count: int) -> list[tuple[int, int]]:
    return [(first, min(first + VOXELS_IN_A_LAUNCH, count)) for first in range(0, count, VOXELS_IN_A_LAUNCH)]
