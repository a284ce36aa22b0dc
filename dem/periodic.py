"""Nearest periodic images on the host, for boxes between platens and for lattices."""

import numpy as np

from kalander.kernels.columns import Table

__all__ = ["nearest_vectors"]


def nearest_vectors(vector: np.ndarray, boxes: Table, box: np.ndarray) -> np.ndarray:
    """Shortest periodic images of vectors (row, 3) [µm] of the given boxes (row,); boxes by dem.state.BOX.

    Between platens x and y are periodic; in a lattice z is too, along its tilted vector, whose |tilt| is at most half
    of the length in x.
    """
    vector = vector.copy()
    depth = boxes["depth"][box]
    layers = np.where(depth > 0, np.floor(vector[:, 2] / np.where(depth > 0, depth, 1.0) + 0.5), 0.0)
    vector[:, 2] -= depth * layers
    vector[:, 0] -= boxes["tilt"][box] * layers
    span = boxes["width"][box]
    vector[:, :2] -= span * np.floor(vector[:, :2] / span + 0.5)
    return vector
