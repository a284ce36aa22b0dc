"""Packings to voxels: active material, pores, and the binder domain where the stated rule puts it.

The binder domain is porous (nanopores): its voxels are a phase of their own. Its volume is exact: voxels are ranked by
the rule, and as many are taken as its volume asks for. Ranks: inside a bridge, by distance from its axis over its
radius; elsewhere by rule "films", the distance to the nearest particle, or by rule "necks", the sum of the distances to
the nearest two (what capillary forces leave behind a drying film).
"""

from dataclasses import dataclass, field

import numpy as np

from kalander.coupling.images import ACTIVE, BINDER, CRACKED, PORE
from kalander.kernels.arrays import Pool, view
from kalander.kernels.raster import TILE, raster_kernels

__all__ = ["RULES", "Body", "Voxels", "voxelise"]

RULES = ("films", "necks")
VOXELS_IN_A_LAUNCH = 1 << 22


@dataclass(frozen=True)
class Body:
    """A packing to be voxelised; lengths in one unit of any kind.

    position (sphere, 3), radius (sphere,); box (3,), periodic in x and y, z from 0 to its height. body: spheres with
    one number are one particle (a clump); each its own by default. cracked: of each sphere. bridges: first, second
    sphere and radius of each. binder_volume: of the binder domain with its nanopores.
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
    """labels: uint8 (x, y, z), ACTIVE, PORE, BINDER or CRACKED of coupling.images; size: of a voxel along x, y, z.

    share: solid volume of each voxel over its own, or None.
    """

    labels: np.ndarray
    size: tuple[float, float, float]
    share: np.ndarray | None = None

    def fraction(self, label: int) -> float:
        """Volume fraction of a label."""
        return float(np.mean(self.labels == label))


def voxelise(
    packing: Body, size: float, *, rule: str = "films", shares: bool = False, precision: str = "f64",
    on_host: bool = True,
) -> Voxels:  # fmt: skip
    """Labels of a packing on voxels of about `size` (a whole number of them fills the box).

    A voxel is active where its centre is. shares: also the exact solid volume of each voxel. Raises ValueError for an
    unknown rule or a binder domain larger than the pores.
    """
    if rule not in RULES:
        raise ValueError(f"rule {rule!r} is none of {RULES}")
    shape = np.maximum(np.round(packing.box / size), 1).astype(np.int32)
    edge = packing.box / shape
    pool, kernels = Pool(precision, on_host=on_host), raster_kernels(precision)
    film = _reach(packing, edge)
    grid = (pool.put("shape", shape), pool.put("size", edge.astype(float)), pool.put("box", packing.box.astype(float)))
    spheres = np.concatenate([packing.position, packing.radius[:, None]], axis=1).astype(float)
    body = np.arange(len(spheres)) if packing.body is None else packing.body
    lists = tile_lists(packing.position, packing.radius + film, packing.box, shape, edge)
    row, member = (pool.put(name, values) for name, values in zip(("row", "member"), lists))
    count = int(np.prod(shape))
    nearest, second = (pool.take(name, count, real=True, exact=True) for name in ("nearest", "second"))
    owner = pool.take("owner", count, exact=True)
    held = pool.put("spheres", spheres)
    kind = pool.put("body", body.astype(np.int32))
    for first, last in _launches(count):
        kernels.distances(first, last, *grid, held, kind, row, member, nearest, second, owner)
    share = None
    if shares:
        filled = pool.take("share", count, real=True, exact=True)
        for first, last in _launches(count):
            kernels.solid_shares(first, last, *grid, held, row, member, nearest, filled)
        share = view(filled, count).reshape(shape)
    distance = view(nearest, count)
    labels = np.where(distance < 0.0, ACTIVE, PORE).astype(np.uint8)
    if packing.cracked is not None:
        broken = np.zeros(int(body.max()) + 1, bool)
        broken[body[np.asarray(packing.cracked, bool)]] = True
        labels[(labels == ACTIVE) & broken[view(owner, count)]] = CRACKED
    if packing.binder_volume > 0.0:
        _place_binder(packing, labels, edge, rule, pool, grid, kernels, distance, view(second, count))
    x, y, z = (float(value) for value in edge)
    return Voxels(labels.reshape(shape), (x, y, z), share)


def _place_binder(packing, labels, edge, rule, pool, grid, kernels, nearest, second) -> None:  # type: ignore[no-untyped-def]
    """Turn the pore voxels of the best ranks into binder domain, as many as its volume asks for."""
    wanted = round(packing.binder_volume / float(np.prod(edge)))
    pores = np.flatnonzero(labels == PORE)
    if wanted > len(pores):
        raise ValueError(f"a binder domain of {wanted} voxels does not fit into pores of {len(pores)}")
    rank = nearest[pores] if rule == "films" else nearest[pores] + second[pores]
    rank = rank / float(edge.min())
    if len(packing.first):
        depth = _bridge_depths(packing, edge, pool, grid, kernels, len(labels))[pores]
        rank = np.where(depth < 1.0, depth - 1.0, rank)
    labels[pores[np.argsort(rank, kind="stable")[:wanted]]] = BINDER


def _bridge_depths(packing, edge, pool, grid, kernels, count) -> np.ndarray:  # type: ignore[no-untyped-def]
    start = packing.position[packing.first]
    axis = packing.position[packing.second] - start
    axis[:, :2] -= packing.box[:2] * np.round(axis[:, :2] / packing.box[:2])
    length = np.linalg.norm(axis, axis=1)
    beams = np.zeros((len(axis), 8))
    beams[:, :3], beams[:, 3], beams[:, 4:7] = start, packing.bridge_radius, axis
    reach = np.sqrt((0.5 * length) ** 2 + packing.bridge_radius**2)
    lists = tile_lists(start + 0.5 * axis, reach, packing.box, np.array(view(grid[0], 3)), edge)
    row, member = (pool.put(name, values) for name, values in zip(("bridge row", "bridge member"), lists))
    depth = pool.take("depth", count, real=True, exact=True)
    held = pool.put("bridges", beams)
    for first, last in _launches(count):
        kernels.bridge_depths(first, last, *grid, held, row, member, depth)
    return view(depth, count)


def _reach(packing: Body, edge: np.ndarray) -> float:
    """Distance from the particles up to which voxels must be ranked: a film of the binder's volume, and to spare."""
    area = float((4 * np.pi * packing.radius**2).sum())
    return 4.0 * packing.binder_volume / area + 2.0 * float(edge.max()) if packing.binder_volume else float(edge.max())


def tile_lists(
    centre: np.ndarray, reach: np.ndarray, box: np.ndarray, shape: np.ndarray, edge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each tile of TILE³ voxels, the balls of radius `reach` that may touch it, in the order of their numbers.

    Returns the beginning of each tile's list, and the lists. The box wraps around in x and y.
    """
    tiles = -(-shape // TILE)
    span = TILE * edge
    centre = centre.copy()
    centre[:, :2] %= box[:2]
    found_tile, found_ball = [], []
    low = np.floor((centre - reach[:, None]) / span).astype(int)
    high = np.floor((centre + reach[:, None]) / span).astype(int)
    # the last tile of a periodic axis may be narrower: a ball that wraps is looked for one tile further
    for axis in range(2):
        short = shape[axis] % TILE != 0
        high[:, axis] += int(short)
        low[:, axis] -= int(short)
    for ball in range(len(centre)):
        ranges = []
        for axis in range(3):
            if axis == 2:
                numbers = np.arange(max(low[ball, 2], 0), min(high[ball, 2], tiles[2] - 1) + 1)
            elif high[ball, axis] - low[ball, axis] + 1 >= tiles[axis]:
                numbers = np.arange(tiles[axis])
            else:
                numbers = np.unique(np.arange(low[ball, axis], high[ball, axis] + 1) % tiles[axis])
            ranges.append(numbers)
        x, y, z = np.meshgrid(*ranges, indexing="ij")
        here = ((x * tiles[1] + y) * tiles[2] + z).ravel()
        found_tile.append(here)
        found_ball.append(np.full(len(here), ball))
    tile, ball_of = np.concatenate(found_tile), np.concatenate(found_ball)
    order = np.argsort(tile, kind="stable")
    row = np.searchsorted(tile[order], np.arange(int(np.prod(tiles)) + 1))
    return row.astype(np.int32), ball_of[order].astype(np.int32)


def _launches(count: int) -> list[tuple[int, int]]:
    return [(first, min(first + VOXELS_IN_A_LAUNCH, count)) for first in range(0, count, VOXELS_IN_A_LAUNCH)]
