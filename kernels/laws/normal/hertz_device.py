"""Force and stiffness of law "hertz_mindlin"."""

from kalander.kernels.device.backend import ti
from kalander.kernels.laws.factors import FACTORS

__all__ = ["NORMAL", "hertz_stiffness"]


@ti.func
def hertz(factors, radius, overlap, history):
    """F = 4/3 E* √(R*δ) δ; Hertz 1882."""
    contact_radius = ti.sqrt(radius * overlap)
    return factors[FACTORS.hertz] * contact_radius * overlap, contact_radius, 0.0, history


@ti.func
def hertz_stiffness(factors, radius, overlap):
    """S_n = 2 E* √(R*δ); release from a flattened contact is no stiffer, its contact area being no larger."""
    return factors[FACTORS.twice_modulus] * ti.sqrt(radius * overlap)


NORMAL = {"hertz_mindlin": (hertz, hertz_stiffness)}
