"""Clusters of voxels: which of them span an image from face to face. A check before anything is solved."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

__all__ = ["clusters", "spanning", "spanning_cut"]

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
    number = np.cumsum(conducts.ravel()).reshape(conducts.shape)  # 1, 2, ... where it conducts
    number = np.where(conducts, number, 0)
    pairs = []
    for other in range(3):
        face = np.moveaxis(shares[other], other, 0)
        layers = np.moveaxis(number, other, 0)
        joined = [(layers[:-1], layers[1:], face[1:-1])]
        if periodic[other] and other != axis:
            joined.append((layers[-1:], layers[:1], face[:1]))
        for low, high, share in joined:
            open_face = (low > 0) & (high > 0) & (share > 0)
            pairs.append(np.stack([low[open_face], high[open_face]]))
    first, second = np.concatenate(pairs, axis=1)
    count = int(number.max()) + 1
    graph = coo_matrix((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    _, cluster = connected_components(graph, directed=False)
    low_end, high_end = (
        np.unique(cluster[layer[(layer > 0) & (face > 0)]])
        for layer, face in ((np.take(number, k, axis=axis), np.take(shares[axis], k, axis=axis)) for k in (0, -1))
    )
    return conducts & np.isin(cluster, np.intersect1d(low_end, high_end))[number]


def _across(label: np.ndarray, axis: int) -> np.ndarray:
    """Pairs of clusters that meet where an axis wraps around; shape (2, pair)."""
    low, high = (np.take(label, place, axis=axis).ravel() for place in (0, -1))
    both = (low > 0) & (high > 0)
    return np.unique(np.stack([low[both], high[both]]), axis=1)
