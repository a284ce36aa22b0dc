"""Percolation thresholds: at which value links first span from platen to platen, and what an infinite sample would say.

A link of value v is open once the control parameter reaches v; the sample spans at the smallest value that leaves a
path of open links, which the minimum spanning tree holds. Thresholds of finite samples scatter with a width that
vanishes as the mean approaches its limit, both as L^(−1/ν): the mean against the width, extrapolated to no width, needs
no ν (Stauffer & Aharony, Introduction to Percolation Theory, 1994, §4.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from scipy.spatial import cKDTree

__all__ = ["Threshold", "critical_value", "infinite_threshold", "overlapping_spheres", "wide_threshold"]

TINY = 1e-300  # a link of value 0 would not be stored


@dataclass(frozen=True)
class Threshold:
    """Threshold of an infinite sample, and its standard error from the scatter of the samples."""

    value: float
    error: float


def critical_value(
    count: int, first: np.ndarray, second: np.ndarray, value: np.ndarray, low: np.ndarray, high: np.ndarray
) -> float:
    """Smallest value at which links of at most that value join the platens; infinite where all links do not.

    low, high: value at which each of the `count` nodes is joined to a platen, infinite where it never is.
    """
    to_low, to_high = np.flatnonzero(np.isfinite(low)), np.flatnonzero(np.isfinite(high))
    a = np.concatenate([first, to_low, to_high])
    b = np.concatenate([second, np.full(len(to_low), count), np.full(len(to_high), count + 1)])
    weight = np.maximum(np.concatenate([value, low[to_low], high[to_high]]), TINY)
    order = np.lexsort((weight, b, a))  # of several links between two nodes the least counts
    a, b, weight = a[order], b[order], weight[order]
    fresh = np.append(True, (np.diff(a) != 0) | (np.diff(b) != 0))[: len(a)]
    graph = coo_matrix((weight[fresh], (a[fresh], b[fresh])), shape=(count + 2,) * 2).tocsr()
    tree = minimum_spanning_tree(graph)
    tree = tree + tree.T
    _, before = breadth_first_order(tree, count, directed=False)
    node, largest = count + 1, 0.0
    while node != count:
        if before[node] < 0:
            return float("inf")
        largest = max(largest, float(tree[node, before[node]]))
        node = int(before[node])
    return largest


def infinite_threshold(samples: Sequence[np.ndarray]) -> Threshold:
    """Threshold without finite-size effect, from thresholds of samples of two or more sizes.

    Weighted least squares of the mean against the standard deviation of each size, read off at zero.
    """
    mean = np.array([np.mean(each) for each in samples])
    spread = np.array([np.std(each, ddof=1) for each in samples])
    error = spread / np.sqrt([len(each) for each in samples])
    design = np.stack([np.ones_like(spread), spread], axis=1) / error[:, None]
    covariance = np.linalg.inv(design.T @ design)
    value, _ = covariance @ design.T @ (mean / error)
    # more scatter about the line than the samples have of their own is scatter too
    rest = mean / error - design @ (covariance @ design.T @ (mean / error))
    excess = max(1.0, float(rest @ rest) / max(len(mean) - 2, 1)) if len(mean) > 2 else 1.0
    return Threshold(float(value), float(np.sqrt(excess * covariance[0, 0])))


def wide_threshold(width: np.ndarray, value: np.ndarray) -> Threshold:
    """Threshold of a wide coating of given thickness, from one value a box of some width.

    A coating's thickness stays, so that boxes scatter from packing to packing at any width; least squares of the value
    against 1/width, read off at zero, with the standard error that the scatter of the boxes leaves.
    """
    x, y = 1.0 / np.asarray(width, float), np.asarray(value, float)
    design = np.stack([np.ones_like(x), x], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    solution = inverse @ design.T @ y
    rest = y - design @ solution
    return Threshold(float(solution[0]), float(np.sqrt(inverse[0, 0] * float(rest @ rest) / (len(y) - 2))))


def overlapping_spheres(width: float, rng: np.random.Generator, *, eta: float = 0.3418, reach: float = 1.25) -> float:
    """Volume fraction at which spheres about random points in a cube span it along z; width in their diameters.

    Points are drawn at the reduced density η = n π d³/6 and the diameter grows until a path spans; φ = 1 − exp(−η).
    A sphere reaches a platen where it overlaps it; x and y wrap around.
    """
    count = round(width**3 * eta / (np.pi / 6))
    point = rng.random((count, 3)) * width
    tree = cKDTree(point, boxsize=[width, width, 4 * width])
    first, second = tree.query_pairs(reach, output_type="ndarray").T
    step = point[first] - point[second]
    step[:, :2] -= width * np.round(step[:, :2] / width)
    low, high = (np.where(gap < reach / 2, 2 * gap, np.inf) for gap in (point[:, 2], width - point[:, 2]))
    diameter = critical_value(count, first, second, np.linalg.norm(step, axis=1), low, high)
    return float(1 - np.exp(-count * np.pi / 6 * diameter**3 / width**3))
