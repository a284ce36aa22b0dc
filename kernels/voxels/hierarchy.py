"""Coarser and coarser graphs of conductances by aggregation: what is joined inside a block of cells becomes one cell.

Two pores that meet in no cell of a block stay two cells however coarse the grid is: the topology of the pores is kept.
Conductances between aggregates are sums, which makes the coarse operator the Galerkin one of piecewise constants.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from kalander.kernels.voxels.voxel import colour_count, odd_seams

__all__ = ["Grid", "Rows", "block_edge", "levels_of"]

STRONG = 0.001  # of the largest link at either end; links of clusters also differ by their sizes
WEAK = 0.25  # an axis that conducts less than this share of the best one is not coarsened


@dataclass(frozen=True)
class Grid:
    """Cells of a level: counts along x, y, z; periodic axes; conductance of a link along each axis, relative."""

    shape: tuple[int, int, int]
    periodic: tuple[bool, bool, bool]
    strength: tuple[float, float, float]

    def edge(self) -> tuple[int, int, int]:
        """Edges of a block in cells, 1 or 2: strong axes are coarsened."""
        return block_edge(self.shape, self.strength)

    def coarser(self) -> "Grid":
        """The grid of the blocks. A link of piecewise constants sums those beside it, and is no longer than before."""
        edge = self.edge()
        shape = tuple(-(-count // size) for count, size in zip(self.shape, edge))
        volume = float(np.prod(edge))
        strength = tuple(value * volume / size for value, size in zip(self.strength, edge))
        return replace(self, shape=shape, strength=strength)  # type: ignore[arg-type]

    def colours(self) -> int:
        return colour_count(odd_seams(np.array(self.shape), np.array(self.periodic)))


def block_edge(shape: tuple[int, int, int], strength: tuple[float, float, float]) -> tuple[int, int, int]:
    """2 along axes whose links are about as strong as the strongest that can be coarsened, else 1."""
    possible = [value for value, count in zip(strength, shape) if count > 1]
    best = max(possible, default=0.0)
    x, y, z = (2 if count > 1 and value >= WEAK * best else 1 for value, count in zip(strength, shape))
    return x, y, z


@dataclass(frozen=True)
class Rows:
    """A level: links as rows (float32), conductance to the walls, and the cell of each node as (image, x, y, z).

    colour_begin: first node of each colour, and their number. child_begin, child_end: nodes of each aggregate by
    colour, shape (colour, aggregate); empty on the coarsest level.
    """

    links: csr_matrix
    wall: np.ndarray
    cell: np.ndarray
    colour_begin: tuple[int, ...]
    child_begin: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int32))
    child_end: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int32))

    @property
    def count(self) -> int:
        return len(self.wall)

    def diagonal(self) -> np.ndarray:
        """Sum of all conductances of a node."""
        return np.asarray(self.links.sum(axis=1, dtype=np.float64)).ravel() + self.wall


def levels_of(rows: Rows, grid: Grid, *, smallest: int, contrast: bool = False) -> tuple[list[Rows], np.ndarray]:
    """Levels from the given one down to one of at most `smallest` nodes, and the order its nodes were brought into.

    contrast: conductances span many decades, so that poor links do not join good conductors (`_by_strength`).
    """
    levels, orders = [], []
    while rows.count > smallest and grid.shape != (1, 1, 1):
        level, order, rows = _aggregate(rows, grid, contrast)
        levels.append(level)
        orders.append(order)
        grid = grid.coarser()
    levels.append(rows)
    orders.append(np.arange(rows.count))
    above = [
        replace(level, child_begin=level.child_begin[:, order], child_end=level.child_end[:, order])
        for level, order in zip(levels, orders[1:])
    ]
    return [*above, rows], orders[0]


def _aggregate(rows: Rows, grid: Grid, contrast: bool) -> tuple[Rows, np.ndarray, Rows]:
    """The level in the order of colours and aggregates, that order, and the coarser level as it comes."""
    parent, parents = _components(rows, grid, contrast)
    colour, colours = _colour(rows.cell, grid), grid.colours()
    key = colour * np.int64(parents) + parent
    order = np.argsort(key, kind="stable")
    key = key[order]
    edges = np.searchsorted(key, np.arange(colours * parents + 1))
    links = rows.links[order][:, order]
    begin = np.searchsorted(key, parents * np.arange(colours + 1))
    level = Rows(
        links=links,
        wall=rows.wall[order],
        cell=rows.cell[order],
        colour_begin=tuple(int(number) for number in begin),
        child_begin=edges[:-1].reshape(colours, parents).astype(np.int32),
        child_end=edges[1:].reshape(colours, parents).astype(np.int32),
    )
    return level, order, _coarse(level, parent[order], parents, grid)


def _coarse(level: Rows, parent: np.ndarray, parents: int, grid: Grid) -> Rows:
    """The graph of aggregates; links inside one vanish."""
    member = csr_matrix(
        (np.ones(level.count, np.float32), (np.arange(level.count), parent)), shape=(level.count, parents)
    )
    links = (member.T @ (level.links @ member)).tocsr()
    links.setdiag(0.0)
    links.eliminate_zeros()
    cell = np.zeros((parents, 4), np.int32)
    cell[parent] = level.cell // np.array([1, *grid.edge()])
    wall = np.bincount(parent, weights=level.wall, minlength=parents)
    return Rows(links=links, wall=wall, cell=cell, colour_begin=(0, parents))


def _components(rows: Rows, grid: Grid, contrast: bool) -> tuple[np.ndarray, int]:
    """Number of the aggregate of each node, and how many there are: what is linked inside one block."""
    block = rows.cell // np.array([1, *grid.edge()])
    shape = np.array(grid.coarser().shape)
    key = ((block[:, 0] * np.int64(shape[0]) + block[:, 1]) * shape[1] + block[:, 2]) * shape[2] + block[:, 3]
    links = rows.links
    source = np.repeat(np.arange(rows.count), np.diff(links.indptr))
    inside = key[source] == key[links.indices]
    if contrast:
        return _by_strength(rows, source[inside], links.indices[inside], links.data[inside])
    begin = np.append(0, np.cumsum(np.bincount(source[inside], minlength=rows.count)))
    ones = np.ones(int(inside.sum()), np.int8)
    graph = csr_matrix((ones, links.indices[inside], begin), shape=links.shape)
    parents, parent = connected_components(graph, directed=False)
    return parent, parents


def _by_strength(rows: Rows, first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, int]:
    """Aggregates of links inside blocks: clusters of strong links, and poor conductors with the best that they touch.

    A link is strong that is no less than STRONG of the largest at either end. So two good conductors that only a poor
    one joins stay apart, until each is a single node, whose links are then as poor as its neighbours'.
    """
    largest = np.maximum(np.asarray(rows.links.max(axis=1).todense(), np.float64).ravel(), rows.wall)
    strong = weight >= STRONG * np.maximum(largest[first], largest[second])
    graph = csr_matrix((np.ones(int(strong.sum()), np.int8), (first[strong], second[strong])), shape=rows.links.shape)
    count, cluster = connected_components(graph, directed=False)
    best = np.zeros(count)
    np.maximum.at(best, cluster, largest)
    low, high = cluster[first], cluster[second]
    up = best[high] * STRONG > best[low]
    order = np.argsort(weight[up], kind="stable")  # the largest link is written last
    target = np.arange(count)
    target[low[up][order]] = high[up][order]
    while (target[target] != target).any():  # upwards all the way: conductors get better with each step
        target = target[target]
    kept, parent = np.unique(target[cluster], return_inverse=True)
    return parent, len(kept)


def _colour(cell: np.ndarray, grid: Grid) -> np.ndarray:
    """As voxel colours voxels: red or black, and pairs of their own on the seams of odd periodic axes."""
    place = cell[:, 1:]
    colour, pair = place.sum(axis=1) % 2, 2
    for axis in np.flatnonzero(odd_seams(np.array(grid.shape), np.array(grid.periodic))):
        colour = colour + pair * (place[:, axis] == grid.shape[axis] - 1)
        pair *= 2
    return colour
