"""Arrays of the kernels: allocation and copies. Rows of several numbers become vectors.

A CPU computes on host arrays in place; other devices hold their own.
"""

from typing import Any

import numpy as np

from kalander.kernels.device import backend

__all__ = ["HEADROOM", "Pool", "download", "view"]

HEADROOM = 1.1  # spare room of arrays that grow
GROWTH = 1.5  # where all arrays grow: what is outgrown, and on a GPU lost, stays below twice what is in use
LINE = 64  # bytes of a cache line
REALS = {"f32": np.float32, "f64": np.float64}


class Pool:
    """Arrays by name that are written again and again: the kernel language never gives its arrays back.

    precision: of reals. on_host: arrays are numpy's, which a CPU reads in place. An array is at least as long as asked;
    the kernels that use one are told how much of it counts. grows: every array may grow, as where bodies break.
    """

    def __init__(self, precision: str, *, on_host: bool) -> None:
        self.precision = precision
        self.on_host = on_host
        self.grows = False
        self.arrays: dict[str, Any] = {}

    def take(self, name: str, length: int, components: int = 1, *, real: bool = False, exact: bool = False):
        """Array of that name with room for `length` rows; what it holds is what was left in it, at first zeros.

        exact: no spare room, for arrays that never grow.
        """
        array = self.arrays.get(name)
        if array is None or array.shape[0] < length:
            self.arrays[name] = array = None  # the old one goes before the new one comes
            room = max(length, 1) if exact else int(HEADROOM * length) + 16
            room = int(GROWTH * length) + 16 if self.grows else room
            self.arrays[name] = array = self._new(room, components, real=real)
        return array

    def put(self, name: str, values: np.ndarray, *, exact: bool = False):
        """Array of that name that begins with the given integers or reals, shape (rows,) or (rows, components)."""
        values = np.asarray(values)
        real = values.dtype.kind == "f"
        components = 1 if values.ndim == 1 else values.shape[1]
        array = self.take(name, len(values), components, real=real, exact=exact)
        if self.on_host:
            array[: len(values)] = values
        elif len(values):
            padded = np.zeros((array.shape[0], *values.shape[1:]), self._kind(real=real))
            padded[: len(values)] = values
            array.from_numpy(padded)
        return array

    def forget(self, *names: str) -> None:
        """Let go of arrays that are not needed any more: the host's at once; a device keeps its own."""
        for name in names:
            self.arrays.pop(name, None)

    def table(self, values: np.ndarray) -> np.ndarray:
        """Small host array handed to kernels as it is: a few numbers a box."""
        values = np.asarray(values)
        return np.ascontiguousarray(values, dtype=self._kind(real=values.dtype.kind == "f"))

    def bytes(self) -> int:
        """Memory of all arrays."""
        size = {name: np.dtype(self._kind(real=_is_real(array))).itemsize for name, array in self.arrays.items()}
        return sum(size[name] * int(np.prod(_full_shape(array))) for name, array in self.arrays.items())

    def _kind(self, *, real: bool):
        return REALS[self.precision] if real else np.int32

    def _new(self, length: int, components: int, *, real: bool):
        if self.on_host:
            shape = (length,) if components == 1 else (length, components)
            return _aligned(shape, np.dtype(self._kind(real=real)))
        kind = {"f32": backend.ti.f32, "f64": backend.ti.f64}[self.precision] if real else backend.ti.i32
        return backend.ti.ndarray(kind if components == 1 else backend.ti.types.vector(components, kind), shape=length)


def _aligned(shape: tuple[int, ...], kind: np.dtype) -> np.ndarray:
    """Zeros that begin at a cache line: a row of 64 bytes is one line, not parts of two."""
    size = int(np.prod(shape)) * kind.itemsize
    raw = np.zeros(size + LINE, np.uint8)
    begin = -raw.ctypes.data % LINE
    return raw[begin : begin + size].view(kind).reshape(shape)


def _is_real(array: Any) -> bool:
    return array.dtype.kind == "f" if isinstance(array, np.ndarray) else array.dtype in (backend.ti.f32, backend.ti.f64)


def _full_shape(array: Any) -> tuple:
    return array.shape if isinstance(array, np.ndarray) else (*array.shape, *array.element_shape)


def view(array: Any, length: int) -> np.ndarray:
    """First rows of an array to read: in place where it lies on the host, else a copy."""
    return (array if isinstance(array, np.ndarray) else array.to_numpy())[:length]


def download(array: Any, length: int) -> np.ndarray:
    """Host copy of the first rows of an array."""
    return view(array, length).copy()
