"""Force of contacts that have yielded and are released as Hertzian contacts of an enlarged radius."""

from kalander.kernels.device.backend import ti
from kalander.kernels.laws.factors import FACTORS

__all__ = ["flattened", "recovery"]


@ti.func
def flattened(factors, peak_force, peak_area, depth):
    """Hertzian release from a flattened contact: force, contact radius; depth: overlap less what stays when released.

    R_p = 4/3 E* a³/F and δ_max − δ_p = a²/R_p at the turn, so that neither force nor contact area jumps there.
    peak_area: a² at the turn [µm²].
    """
    flat_radius = factors[FACTORS.hertz] * peak_area * ti.sqrt(peak_area) / peak_force
    contact_radius = ti.sqrt(flat_radius * ti.max(depth, 0.0))
    return factors[FACTORS.hertz] * contact_radius * ti.max(depth, 0.0), contact_radius


@ti.func
def recovery(factors, peak_force, peak_area):
    """δ_max − δ_p = F/(4/3 E* a): overlap that a flattened contact gives back [µm]."""
    return peak_force / (factors[FACTORS.hertz] * ti.sqrt(peak_area))
