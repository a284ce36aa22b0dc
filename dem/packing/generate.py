"""Packings: spheres in a box periodic in x and y between two platens, without overlap, drawn together as by drying.

The wet coating is dilute; while it dries its height shrinks and capillary bridges pull close particles together. The
generator does this geometrically: it shrinks the height in steps, pushes overlapping spheres apart and pulls spheres
closer than a reach into touch, so that the dry skeleton is connected at solid fractions where a random one is not.
"""

from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from kalander.kernels.errors import NumericalError

__all__ = ["close_pairs", "generate", "largest_overlap", "near_pairs", "settled_share", "wet_height"]

WET_HEIGHT = 1.5  # height of the wet film in dry heights
SHRINKING_ROUNDS = 60
SWEEPS = 4  # relaxation sweeps a round
OVERLAP_GOAL = 5e-4  # of the smaller radius
FIRST_OVERLAP = 0.1  # usual when drying ends
OVERLAP_LIMIT = 1e-3  # what is promised
MOST_ROUNDS = 1000  # without shrinking, to remove the last overlaps


def near_pairs(
    position: np.ndarray, radius: np.ndarray, width: np.ndarray, reach: float, *, clump: np.ndarray | None = None
) -> tuple[np.ndarray, ...]:
    """Pairs with a surface gap below `reach` [µm]: first < second, unit vector to the first, gap; sorted.

    width: of a box that is periodic in x and y (2,), or in all directions (3,) [µm];
    clump: rigid clump of each sphere, −1 for none; its members are no pairs.
    """
    wrapped, sides = position.copy(), len(width)
    wrapped[:, :sides] %= width
    wrapped[:, :sides] = np.where(wrapped[:, :sides] >= width, 0.0, wrapped[:, :sides])
    low = wrapped[:, 2].min()
    height = np.ptp(wrapped[:, 2]) + 4 * radius.max() + 2 * reach  # no image in z within reach
    wrapped[:, 2] -= low if sides == 2 else 0.0
    pairs = close_pairs(wrapped, radius, np.array([*width, max(height, 1e-6)][:3]), reach)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    first, second = pairs[:, 0], pairs[:, 1]
    vector = position[first] - position[second]
    vector[:, :sides] -= width * np.round(vector[:, :sides] / width)
    distance = np.linalg.norm(vector, axis=1)
    gap = distance - radius[first] - radius[second]
    keep = gap < reach
    if clump is not None:
        keep &= (clump[first] < 0) | (clump[first] != clump[second])
    # coincident centres have no direction: any fixed one resolves them
    unit = np.where(distance[:, None] > 0, vector / np.maximum(distance, 1e-300)[:, None], [1.0, 0.0, 0.0])
    return first[keep], second[keep], unit[keep], gap[keep]


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


def largest_overlap(
    position: np.ndarray, radius: np.ndarray, width: np.ndarray, height: float, *, clump: np.ndarray | None = None
) -> float:
    """Largest overlap of spheres or with the platens at 0 and `height`, over the smaller radius."""
    first, second, _, gap = near_pairs(position, radius, width, 0.0, clump=clump)
    pairs = -gap / np.minimum(radius[first], radius[second])
    platens = np.maximum(radius - position[:, 2], position[:, 2] + radius - height) / radius
    return float(max(pairs.max(initial=0.0), platens.max(initial=0.0)))


def _sweep(position: np.ndarray, radius: np.ndarray, width: np.ndarray, height: float, reach: float) -> np.ndarray:
    """Move every sphere by half of what its overlaps ask for, and by a little towards neighbours within reach."""
    first, second, unit, gap = near_pairs(position, radius, width, reach)
    wish = np.where(gap < 0, -0.5 * gap * 1.05, -0.1 * gap)
    # lighter spheres move more, as volumes would
    share = radius[second] ** 3 / (radius[first] ** 3 + radius[second] ** 3)
    move = np.zeros_like(position)
    for axis in range(3):
        step = 2.0 * wish * unit[:, axis]
        move[:, axis] += np.bincount(first, step * share, len(radius))
        move[:, axis] -= np.bincount(second, step * (1 - share), len(radius))
    pushes = np.bincount(first, gap < 0, len(radius)) + np.bincount(second, gap < 0, len(radius))
    position = position + move / np.maximum(1.0, 0.5 * pushes)[:, None]
    position[:, 2] = np.clip(position[:, 2], radius, height - radius)
    return position


def generate(
    radius: np.ndarray,
    width: np.ndarray,
    height: float,
    *,
    reach: float,
    rng: np.random.Generator,
    start: tuple[int, np.ndarray] | None = None,
    bands: np.ndarray | None = None,
) -> Iterator[tuple[float, int, np.ndarray]]:
    """Yield (share done, round, centres [µm], shape (particle, 3)); the last centres are the packing.

    reach [µm]: surface gap over which drying pulls spheres together. bands (sphere, 2): shares of the height between
    which each is laid, all of it by default; drying carries the layers down together. start: round and centres as
    yielded before, to go on from them. Raises NumericalError where the overlap stays above 1e-3 of a radius: the
    spheres do not fit.
    """
    if start is None:
        position = rng.random((len(radius), 3)) * [*width, 1.0]
        share = position[:, 2] if bands is None else bands[:, 0] + (bands[:, 1] - bands[:, 0]) * position[:, 2]
        position[:, 2] = radius + share * np.maximum(WET_HEIGHT * height - 2 * radius, 0.0)
        start = (0, position)
    done, position = start[0], start[1].copy()
    for number in range(done + 1, SHRINKING_ROUNDS + 1):
        before, now = wet_height(height, number - 1), wet_height(height, number)
        position = position * [1.0, 1.0, now / before]
        for _ in range(SWEEPS):
            position = _sweep(position, radius, width, now, reach)
        yield 0.5 * number / SHRINKING_ROUNDS, number, position
    share = 0.5
    for number in range(max(done, SHRINKING_ROUNDS) + 1, SHRINKING_ROUNDS + MOST_ROUNDS + 1):
        overlap = largest_overlap(position, radius, width, height)
        if overlap <= OVERLAP_GOAL:
            break
        for _ in range(SWEEPS):
            position = _sweep(position, radius, width, height, 0.0)
        share = max(share, settled_share(number, overlap))
        yield share, number, position
    overlap = largest_overlap(position, radius, width, height)
    if overlap > OVERLAP_LIMIT:
        raise NumericalError(
            f"packing: overlap {overlap:.2g} of a radius remains after {MOST_ROUNDS * SWEEPS} sweeps (limit 1e-3); "
            "the spheres do not fit: raise electrode.porosity or widen the size distribution"
        )
    yield 1.0, SHRINKING_ROUNDS + MOST_ROUNDS, position


def settled_share(number: int, overlap: float) -> float:
    """Share done of a packing whose last overlaps go: by rounds, or by the decades that the largest has come down."""
    rounds = (number - SHRINKING_ROUNDS) / MOST_ROUNDS
    decades = np.log(FIRST_OVERLAP / max(overlap, OVERLAP_GOAL)) / np.log(FIRST_OVERLAP / OVERLAP_GOAL)
    return 0.5 + 0.5 * float(max(rounds, decades))


def wet_height(height: float, number: int) -> float:
    """Height of the drying film after a number of rounds [µm]."""
    return height * (WET_HEIGHT + (1.0 - WET_HEIGHT) * number / SHRINKING_ROUNDS)
