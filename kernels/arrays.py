"""Device arrays: allocation and copies. Rows of several numbers become vectors."""

from typing import Any

import numpy as np

from kalander.kernels.backend import ti

__all__ = ["HEADROOM", "Pool", "allocate", "download", "upload"]

HEADROOM = 1.2  # spare room of arrays that grow


def allocate(length: int, components: int = 1, *, precision: str | None = None):
    """Zeroed device array of `length` rows, of integers where no precision is given; at least one row is allocated."""
    kind = {"f32": ti.f32, "f64": ti.f64, None: ti.i32}[precision]
    dtype = kind if components == 1 else ti.types.vector(components, kind)
    return ti.ndarray(dtype, shape=max(int(length), 1))


class Pool:
    """Device arrays by name that are written again and again: the kernel language never gives small arrays back.

    An array is at least as long as asked; the kernels that use one are told how much of it counts. on_host: integers
    stay host arrays, which a CPU reads in place.
    """

    def __init__(self, precision: str, *, on_host: bool) -> None:
        self.precision = precision
        self.on_host = on_host
        self.arrays: dict[str, Any] = {}

    def take(self, name: str, length: int, components: int = 1, *, real: bool = False):
        """Array of that name with room for `length` rows; what it holds is what was left in it."""
        if self.on_host and not real:
            return np.zeros(length, np.int32)
        array = self.arrays.get(name)
        if array is None or array.shape[0] < length:
            array = allocate(int(HEADROOM * length) + 16, components, precision=self.precision if real else None)
            self.arrays[name] = array
        return array

    def put(self, name: str, values: np.ndarray):
        """Array of that name that begins with the given integers."""
        if self.on_host:
            return np.ascontiguousarray(values, dtype=np.int32)
        array = self.take(name, len(values))
        padded = np.zeros(array.shape[0], dtype=np.int32)
        padded[: len(values)] = values
        array.from_numpy(padded)
        return array


def upload(values: np.ndarray, *, precision: str):
    """Device copy of an array of shape (rows,) or (rows, components)."""
    values = np.asarray(values)
    components = 1 if values.ndim == 1 else values.shape[1]
    real = values.dtype.kind == "f"
    array = allocate(len(values), components, precision=precision if real else None)
    if len(values):
        kind = {"f32": np.float32, "f64": np.float64}[precision] if real else np.int32
        array.from_numpy(np.ascontiguousarray(values, dtype=kind))
    return array


def download(array, length: int) -> np.ndarray:
    """Host copy of the first rows of a device array."""
    return (array if isinstance(array, np.ndarray) else array.to_numpy())[:length].copy()
