"""Device arrays: allocation and copies. Rows of several numbers become vectors."""

import numpy as np

from kalander.kernels.backend import ti

__all__ = ["allocate", "download", "upload"]

KINDS = {"i": ti.i32, "u": ti.i32}


def allocate(length: int, components: int = 1, *, precision: str | None = None):
    """Zeroed device array of `length` rows, of integers where no precision is given; at least one row is allocated."""
    kind = {"f32": ti.f32, "f64": ti.f64, None: ti.i32}[precision]
    dtype = kind if components == 1 else ti.types.vector(components, kind)
    return ti.ndarray(dtype, shape=max(int(length), 1))


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
