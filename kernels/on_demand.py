"""Kernels whose modules, and with them the kernel language, are imported as the first of them is asked for.

What is read, checked or refused before anything is computed then never waits for the kernel language to load.
"""

from types import SimpleNamespace
from typing import Any

__all__ = [
    "body_kernel", "box_kernel", "cell_kernels", "marking_kernel", "raster_kernels", "readout_kernels",
]  # fmt: skip


def box_kernel(law: str, **variant: Any) -> Any:
    """See kernels.boxes."""
    from kalander.kernels.particles.boxes import box_kernel as make

    return make(law, **variant)


def body_kernel(law: str, **variant: Any) -> Any:
    """See kernels.bodies."""
    from kalander.kernels.particles.bodies import body_kernel as make

    return make(law, **variant)


def readout_kernels(law: str, **variant: Any) -> SimpleNamespace:
    """See kernels.readout."""
    from kalander.kernels.particles.readout import readout_kernels as make

    return make(law, **variant)


def cell_kernels(*arguments: Any, **variant: Any) -> Any:
    """See kernels.cells."""
    from kalander.kernels.particles.cells import cell_kernels as make

    return make(*arguments, **variant)


def marking_kernel(precision: str) -> Any:
    """See kernels.particles.growth."""
    from kalander.kernels.particles.growth import marking_kernel as make

    return make(precision)


def raster_kernels(precision: str) -> SimpleNamespace:
    """See kernels.raster."""
    from kalander.kernels.voxels.raster import raster_kernels as make

    return make(precision)
