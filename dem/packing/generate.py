"""Packings: spheres in a box periodic in x and y between two platens, without overlap, drawn together as by drying.

The wet coating is dilute; while it dries its height shrinks and capillary bridges pull close particles together. The
generator does this geometrically: it shrinks the height in steps, pushes overlapping spheres apart and pulls spheres
closer than a reach into touch, so that the dry skeleton is connected at solid fractions where a random one is not.
"""

from collections.abc import Iterator

import numpy as np

from kalander.dem.packing.near import Neighbours, near_pairs
from kalander.kernels.errors import NumericalError

__all__ = ["Settling", "deepest", "generate", "largest_overlap", "wet_height"]

WET_HEIGHT = 1.5  # height of the wet film in dry heights
SHRINKING_ROUNDS = 60
SWEEPS = 4  # relaxation sweeps a round
OVERLAP_GOAL = 5e-4  # of the smaller radius
OVERLAP_LIMIT = 1e-3  # what is promised
MOST_ROUNDS = 1000  # without shrinking, to remove the last overlaps
USUAL_ROUNDS = 400  # of them: 140 of spheres of like size, 450 of sizes of ratio 10
SEEN_ROUNDS = 30  # over which the fall of the largest overlap is taken


def largest_overlap(
    position: np.ndarray, radius: np.ndarray, width: np.ndarray, height: float, *, clump: np.ndarray | None = None
) -> float:
    """Largest overlap of spheres or with the platens at 0 and `height`, over the smaller radius."""
    return deepest(position, radius, height, near_pairs(position, radius, width, 0.0, clump=clump))


def deepest(position: np.ndarray, radius: np.ndarray, height: float, near: tuple[np.ndarray, ...]) -> float:
    """As `largest_overlap`, of pairs as near_pairs gives them."""
    first, second, _, gap = near
    pairs = -gap / np.minimum(radius[first], radius[second])
    platens = np.maximum(radius - position[:, 2], position[:, 2] + radius - height) / radius
    return float(max(pairs.max(initial=0.0), platens.max(initial=0.0)))


def _sweep(position: np.ndarray, neighbours: Neighbours, height: float, reach: float) -> np.ndarray:
    """Move every sphere by half of what its overlaps ask for, and by a little towards neighbours within reach."""
    radius = neighbours.radius
    first, second, unit, gap = neighbours.near(position, reach)
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
    neighbours, progress = Neighbours(radius, width), Settling()
    for number in range(done + 1, SHRINKING_ROUNDS + 1):
        before, now = wet_height(height, number - 1), wet_height(height, number)
        position = position * [1.0, 1.0, now / before]
        neighbours.squeeze(now / before)
        for _ in range(SWEEPS):
            position = _sweep(position, neighbours, now, reach)
        yield progress.share(number), number, position
    for number in range(max(done, SHRINKING_ROUNDS) + 1, SHRINKING_ROUNDS + MOST_ROUNDS + 1):
        overlap = deepest(position, radius, height, neighbours.near(position, 0.0))
        if overlap <= OVERLAP_GOAL:
            break
        for _ in range(SWEEPS):
            position = _sweep(position, neighbours, height, 0.0)
        yield progress.share(number, overlap), number, position
    overlap = deepest(position, radius, height, neighbours.near(position, 0.0))
    if overlap > OVERLAP_LIMIT:
        raise NumericalError(
            f"packing: overlap {overlap:.2g} of a radius remains after {MOST_ROUNDS * SWEEPS} sweeps (limit 1e-3); "
            "the spheres do not fit: raise electrode.porosity or widen the size distribution"
        )
    yield 1.0, SHRINKING_ROUNDS + MOST_ROUNDS, position


class Settling:
    """Share done of a packing in rounds, which cost alike: those that are left follow from how fast overlaps go.

    The largest overlap falls by a like factor a round once the crowd has settled; until that is seen, USUAL_ROUNDS.
    """

    def __init__(self) -> None:
        self.overlaps: list[float] = []
        self.done = 0.0

    def share(self, number: int, overlap: float | None = None) -> float:
        """Share done after a number of rounds, which never falls; overlap: the largest, once the film is dry."""
        left = float(max(SHRINKING_ROUNDS + USUAL_ROUNDS - number, 1))
        if overlap is not None:
            self.overlaps.append(max(overlap, OVERLAP_GOAL))
            past = self.overlaps[-SEEN_ROUNDS:]
            fall = np.log(past[0] / past[-1]) / len(past)
            if len(past) == SEEN_ROUNDS and fall > 0:
                left = float(np.log(past[-1] / OVERLAP_GOAL) / fall)
            left = min(left, SHRINKING_ROUNDS + MOST_ROUNDS - number)
        self.done = max(self.done, number / (number + left))
        return min(self.done, 0.999)


def wet_height(height: float, number: int) -> float:
    """Height of the drying film after a number of rounds [µm]."""
    return height * (WET_HEIGHT + (1.0 - WET_HEIGHT) * number / SHRINKING_ROUNDS)
