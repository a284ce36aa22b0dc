"""Clusters of voxels: which of them span an image from face to face. A check before anything is solved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

__all__ = ["JoinedByFaces", "clusters", "spanning", "spanning_cut"]

FACES = ndimage.generate_binary_structure(3, 1)  # voxels that share a face are joined


def clusters(conducts: np.ndarray, periodic: Iterable[bool]) -> tuple[np.ndarray, int]:
    """Number of the cluster of each voxel, 0 where nothing conducts, and how many there are.

    conducts: bool, shape (x, y, z); periodic: axes that wrap around.
    """
    label, count = ndimage.label(conducts, FACES)
    pairs = [_across(label, axis) for axis, wraps in enumerate(periodic) if wraps and conducts.shape[axis] > 1]
    if not pairs or count == 0:
        return label, count
    first, second = np.concatenate(pairs, axis=1)
    graph = coo_matrix((np.ones(len(first), np.int8), (first, second)), shape=(count + 1, count + 1))
    joined, number = connected_components(graph, directed=False)
    return number.astype(label.dtype)[label], joined - 1  # label 0, alone and first, keeps the number 0


def spanning(conducts: np.ndarray, axis: int, periodic: tuple[bool, bool, bool]) -> np.ndarray:
    """Voxels of clusters that touch both faces across an axis; bool, the shape of the image."""
    sides = [wraps and other != axis for other, wraps in enumerate(periodic)]
    label, _ = clusters(conducts, sides)
    low, high = (np.unique(np.take(label, place, axis=axis)) for place in (0, -1))
    through = np.intersect1d(low, high)
    through = through[through > 0]
    if len(through) == 0:
        return np.zeros(conducts.shape, bool)
    wanted = np.zeros(int(label.max()) + 1, bool)
    wanted[through] = True
    return wanted[label]


def spanning_cut(
    conducts: np.ndarray, shares: Sequence[np.ndarray], axis: int, periodic: tuple[bool, bool, bool]
) -> np.ndarray:
    """As `spanning`, where voxels are joined by faces of which a share is open (see kernels.voxels.graph.Images)."""
    return JoinedByFaces.of(conducts, shares).spanning(axis, periodic)


@dataclass(frozen=True)
class JoinedByFaces:
    """Clusters of voxels joined by open faces inside the image: found once, for every axis and every side that wraps.

    cluster: int32, shape (x, y, z), 0 where nothing conducts; count: with that of 0. open_ends: by axis, the voxels of
    the first and the last layer whose outer face is open. seams: by axis, pairs of clusters that meet where it wraps.
    """

    cluster: np.ndarray
    count: int
    open_ends: tuple[tuple[np.ndarray, np.ndarray], ...]
    seams: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, conducts: np.ndarray, shares: Sequence[np.ndarray]) -> "JoinedByFaces":
        """From voxels that conduct and the open shares of faces across each axis.

        Voxels in a row along z are one node: ten times fewer than voxels to be joined.
        """
        begins = conducts.copy()
        begins[:, :, 1:] &= ~(conducts[:, :, :-1] & (shares[2][:, :, 1:-1] > 0))
        run = np.cumsum(begins.ravel(), dtype=np.int32).reshape(conducts.shape)
        run *= conducts
        pairs = []
        for axis in (0, 1):
            face = np.moveaxis(shares[axis], axis, 0)[1:-1]
            layers = np.moveaxis(run, axis, 0)
            pairs.append(_pairs(layers[:-1], layers[1:], face))
        count = int(begins.sum()) + 1
        joined, cluster = _joined(np.concatenate(pairs, axis=1), count)
        cluster = cluster[run]
        ends = tuple(
            (np.take(conducts, 0, axis) & (np.take(face, 0, axis) > 0),
             np.take(conducts, -1, axis) & (np.take(face, -1, axis) > 0))
            for axis, face in enumerate(shares)
        )  # fmt: skip
        seams = tuple(
            _pairs(np.take(cluster, -1, axis), np.take(cluster, 0, axis), np.take(face, 0, axis))
            for axis, face in enumerate(shares)
        )
        return cls(cluster, joined, ends, seams)

    def spanning(self, axis: int, periodic: tuple[bool, bool, bool]) -> np.ndarray:
        """Voxels of clusters that touch both faces across an axis; bool, the shape of the image."""
        pairs = [self.seams[other] for other in range(3) if periodic[other] and other != axis]
        number = np.arange(self.count)
        if pairs:
            _, number = _joined(np.concatenate(pairs, axis=1), self.count)
        low, high = (
            np.unique(number[np.take(self.cluster, place, axis)[ends]])
            for place, ends in zip((0, -1), self.open_ends[axis])
        )
        wanted = np.isin(number, np.intersect1d(low, high))
        wanted[0] = False
        return wanted[self.cluster]


def _pairs(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Distinct neighbours through faces of which a share is open; shape (2, pair)."""
    joined = (low > 0) & (high > 0) & (share > 0)
    first, second = low[joined], high[joined]
    fresh = np.ones(len(first), bool)  # along rows a pair of runs comes again and again
    fresh[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return np.stack([first[fresh], second[fresh]])


def _joined(pairs: np.ndarray, count: int) -> tuple[int, np.ndarray]:
    """How many clusters some nodes make that pairs of them join, and the cluster of each; node 0 stays alone and 0."""
    graph = coo_matrix((np.ones(pairs.shape[1], np.int8), (pairs[0], pairs[1])), shape=(count, count))
    return connected_components(graph, directed=False)


def _across(label: np.ndarray, axis: int) -> np.ndarray:
    """Pairs of clusters that meet where an axis wraps around; shape (2, pair)."""
    low, high = (np.take(label, place, axis=axis).ravel() for place in (0, -1))
    both = (low > 0) & (high > 0)
    return np.unique(np.stack([low[both], high[both]]), axis=1)
