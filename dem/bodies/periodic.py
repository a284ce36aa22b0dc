"""Nearest periodic images on the host, for boxes between platens and for periodic cells."""

import numpy as np

from kalander.kernels.columns import Table

__all__ = ["BARE", "meets_twice", "nearest_vectors", "shortest_repeat"]

BARE = 1e-9  # of the reach


def nearest_vectors(vector: np.ndarray, boxes: Table, box: np.ndarray) -> np.ndarray:
    """Shortest periodic images of vectors (row, 3) [µm] of the given boxes (row,); boxes by dem.bodies.state.BOX.

    Between platens x and y are periodic; in a periodic cell z is too, along its tilted vector, whose |tilt| is at most
    half of the length in x.
    """
    vector = vector.copy()
    depth = boxes["depth"][box]
    layers = np.where(depth > 0, np.floor(vector[:, 2] / np.where(depth > 0, depth, 1.0) + 0.5), 0.0)
    vector[:, 2] -= depth * layers
    vector[:, 0] -= boxes["tilt"][box] * layers
    span = boxes["width"][box]
    vector[:, :2] -= span * np.floor(vector[:, :2] / span + 0.5)
    return vector


def meets_twice(vector: np.ndarray, reach: np.ndarray, boxes: Table, box: np.ndarray) -> np.ndarray:
    """Whether the second image of pairs, nearest (row, 3) and radii together (row,) [µm], is within reach as well.

    Of such a pair one contact of two is found: the box is narrower than both spheres side by side. Bare touch, to
    rounding, counts as none.
    """
    found = np.zeros(len(vector), bool)
    width, depth, tilt = boxes["width"][box], boxes["depth"][box], boxes["tilt"][box]
    for axis in range(3):
        other = vector.copy()
        if axis < 2:
            other[:, axis] -= np.where(vector[:, axis] < 0.0, -1.0, 1.0) * width[:, axis]
        else:
            layers = np.where(vector[:, 2] < 0.0, -1.0, 1.0) * (depth > 0.0)
            other -= layers[:, None] * np.column_stack([tilt, np.zeros(len(tilt)), depth])
            other[:, 0] -= width[:, 0] * np.floor(other[:, 0] / width[:, 0] + 0.5)
        met = np.linalg.norm(other, axis=1) < (1.0 - BARE) * reach
        found |= met if axis < 2 else met & (depth > 0.0)
    return found


def shortest_repeat(boxes: Table) -> np.ndarray:
    """Shortest way from a point to one of its own images [µm], shape (box,); boxes by dem.bodies.state.BOX.

    A tilted vector is as long as itself, not as the box is deep: |tilt| is at most half of the length in x.
    """
    across = np.where(boxes["depth"] > 0.0, np.hypot(boxes["depth"], boxes["tilt"]), np.inf)
    return np.minimum(boxes["width"].min(axis=1), across)
