"""Pairs of spheres that stand close: found by trees of sizes alike, and followed while spheres move a little."""

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["Neighbours", "close_pairs", "near_pairs"]

MARGIN = 0.5  # of the smallest radius, beyond the reach


def near_pairs(
    position: np.ndarray, radius: np.ndarray, width: np.ndarray, reach: float, *, clump: np.ndarray | None = None
) -> tuple[np.ndarray, ...]:
    """Pairs with a surface gap below `reach` [µm]: first < second, unit vector to the first, gap; sorted.

    width: of a box that is periodic in x and y (2,), or in all directions (3,) [µm];
    clump: rigid clump of each sphere, −1 for none; its members are no pairs.
    """
    pairs = _candidates(position, radius, width, reach, clump)
    first, second = pairs.T
    gap = _steps(position, width, first, second)[1] - radius[first] - radius[second]
    return _within(position, width, reach, pairs, gap)


def _candidates(
    position: np.ndarray, radius: np.ndarray, width: np.ndarray, reach: float, clump: np.ndarray | None
) -> np.ndarray:
    """Pairs that may be closer than `reach`, sorted; shape (pair, 2)."""
    wrapped, sides = position.copy(), len(width)
    wrapped[:, :sides] %= width
    wrapped[:, :sides] = np.where(wrapped[:, :sides] >= width, 0.0, wrapped[:, :sides])
    low = wrapped[:, 2].min()
    height = np.ptp(wrapped[:, 2]) + 4 * radius.max() + 2 * reach  # no image in z within reach
    wrapped[:, 2] -= low if sides == 2 else 0.0
    pairs = close_pairs(wrapped, radius, np.array([*width, max(height, 1e-6)][:3]), reach)
    if clump is not None:
        first, second = clump[pairs[:, 0]], clump[pairs[:, 1]]
        pairs = pairs[(first < 0) | (first != second)]
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _steps(
    position: np.ndarray, width: np.ndarray, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Vector from the second to the first of some pairs, shape (3, pair), and its length."""
    step, squares = np.empty((3, len(first))), 0.0
    for axis in range(3):
        along = np.ascontiguousarray(position[:, axis])
        step[axis] = along[first] - along[second]
        if axis < len(width):
            step[axis] -= width[axis] * np.round(step[axis] / width[axis])
        squares = squares + step[axis] * step[axis]
    return step, np.sqrt(squares)


def _within(
    position: np.ndarray, width: np.ndarray, reach: float, pairs: np.ndarray, gap: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Those of some pairs whose gaps are below `reach`, as near_pairs gives them."""
    keep = np.flatnonzero(gap < reach)
    first, second = pairs[keep, 0], pairs[keep, 1]
    step, distance = _steps(position, width, first, second)
    # coincident centres have no direction: any fixed one resolves them
    unit = np.where(distance > 0, step / np.maximum(distance, 1e-300), np.array([[1.0], [0.0], [0.0]])).T
    return first, second, unit, gap[keep]


class Neighbours:
    """Near pairs of spheres on their way: candidates are looked for again only when some sphere may have got near.

    Candidates stand closer than the reach and a margin. As long as no sphere has gone half of the margin no other pair
    can be near, and what is found is what near_pairs finds, to the bit. Gaps are computed where a sphere has moved.
    """

    def __init__(self, radius: np.ndarray, width: np.ndarray, *, clump: np.ndarray | None = None) -> None:
        self.radius, self.width, self.clump = radius, width, clump
        self.margin = MARGIN * float(radius.min())
        self.reach, self.squeezed = -np.inf, 1.0
        self.listed = self.last = np.zeros((0, 3))
        self.pairs, self.gap = np.zeros((0, 2), int), np.zeros(0)

    def squeeze(self, factor: float) -> None:
        """All heights are multiplied by a factor of at most one: pairs come closer by their own share of it."""
        self.squeezed *= factor
        self.listed = self.listed * [1.0, 1.0, factor]

    def near(self, position: np.ndarray, reach: float) -> tuple[np.ndarray, ...]:
        """As near_pairs."""
        if not self._holds(position, reach):
            self.reach, self.squeezed, self.listed = reach, 1.0, position.copy()
            self.pairs = _candidates(position, self.radius, self.width, reach + self.margin, self.clump)
            self.last, self.gap = np.full_like(position, np.nan), np.zeros(len(self.pairs))
        moved = (position != self.last).any(axis=1)
        if moved.any():
            stale = np.flatnonzero(moved[self.pairs[:, 0]] | moved[self.pairs[:, 1]])
            first, second = self.pairs[stale].T
            distance = _steps(position, self.width, first, second)[1]
            self.gap[stale] = distance - self.radius[first] - self.radius[second]
            self.last = position.copy()
        return _within(position, self.width, reach, self.pairs, self.gap)

    def _holds(self, position: np.ndarray, reach: float) -> bool:
        if reach > self.reach or len(self.listed) != len(position):
            return False
        widest = 2.0 * float(self.radius.max())
        room = self.squeezed * (widest + self.reach + self.margin) - widest - reach
        moved = position - self.listed
        return bool(4.0 * (moved * moved).sum(axis=1).max(initial=0.0) < max(room, 0.0) ** 2)


def close_pairs(position: np.ndarray, radius: np.ndarray, size: np.ndarray, reach: float) -> np.ndarray:
    """Pairs whose surfaces may be closer than `reach` [µm], first < second, in no order; shape (pair, 2).

    Spheres of like size have a tree of their own, so that small ones look no further for each other than they reach:
    with one for all, each would find as many as fit beside the largest sphere.
    """
    level = np.floor(np.log2(radius / radius.max() * (1.0 + 1e-12)))
    members = [np.flatnonzero(level == value) for value in np.unique(level)]
    trees = [cKDTree(position[rows], boxsize=size) for rows in members]
    found = []
    for a, (rows, tree) in enumerate(zip(members, trees)):
        within = 2 * radius[rows].max() + reach
        found.append(np.sort(rows[tree.query_pairs(within, output_type="ndarray")], axis=1))
        for other_rows, other in zip(members[:a], trees[:a]):
            within = radius[rows].max() + radius[other_rows].max() + reach
            near = tree.sparse_distance_matrix(other, within, output_type="ndarray")
            pairs = np.column_stack([rows[near["i"]], other_rows[near["j"]]])
            found.append(np.sort(pairs, axis=1))
    return np.concatenate(found)
