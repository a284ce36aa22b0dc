"""Vectors in rows that kernels read by name: `vector_at(me, MOTION.velocity)`."""

from kalander.kernels.device.backend import ti

__all__ = ["vector_at"]


@ti.func
def vector_at(row: ti.template(), first: ti.template()):
    """Three places of a row, from the first of them on."""
    return ti.Vector([row[first], row[first + 1], row[first + 2]])
