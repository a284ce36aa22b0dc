"""Labels of a packing on voxels as a TIFF stack: pages are z, their rows y, their columns x, as we read it."""

import io

import numpy as np

from kalander.coupling.scales import in_unit
from kalander.coupling.structure.voxelise import Voxels
from kalander.kernels.errors import Fault, InputError

__all__ = ["tiff_bytes"]


def tiff_bytes(voxels: Voxels) -> bytes:
    """A stack with the size of its voxels in micrometres, as ImageJ reads it. Raises InputError without tifffile."""
    try:
        import tifffile
    except ImportError:
        why = "needs the package tifffile"
        raise InputError(Fault("--format", "tiff", why, "pip install 'kalander[image]'")) from None
    x, y, z = (float(in_unit(edge, "um")) for edge in voxels.size)
    pages = np.ascontiguousarray(voxels.labels.transpose(2, 1, 0))
    shown = io.BytesIO()
    metadata = {"axes": "ZYX", "spacing": z, "unit": "um"}
    tifffile.imwrite(shown, pages, imagej=True, resolution=(1.0 / x, 1.0 / y), metadata=metadata)
    return shown.getvalue()
