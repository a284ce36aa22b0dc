"""Springs along a surface turn with it."""

from kalander.kernels.device.backend import ti

__all__ = ["carried"]

SMALL_TURN = 1e-5  # square of the sine of an angle; the next term of the series is 0.31 SMALL_TURN³, under rounding


@ti.func
def carried(vector, normal):
    """Vector turned into the contact plane, at its length, else the stress drifts (Luding 2008, §4)."""
    old = vector.dot(vector)
    out = vector.dot(normal)
    vector -= out * normal
    if old > 0.0:
        lost = out * out / old  # of the square of its length; 1/sqrt(1 - lost) by its series where that is exact
        scale = 1.0 + lost * (0.5 + 0.375 * lost)
        if lost > SMALL_TURN:
            new = vector.dot(vector)
            scale = ti.sqrt(old / new) if new > 0.0 else 0.0
        vector *= scale
    return vector
