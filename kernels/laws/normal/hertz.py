"""Law "hertz_mindlin": elastic spheres."""

import numpy as np

from kalander.kernels.law_table import Law, Slopes

__all__ = ["LAWS", "energy", "slopes"]


def energy(c: dict, radius: np.ndarray, overlap: np.ndarray, history: dict) -> tuple[np.ndarray, np.ndarray]:
    """2/5 F δ with F = 4/3 E* √(R*δ) δ; contact radius √(R*δ). Hertz 1882."""
    depth = np.maximum(overlap, 0.0)
    contact_radius = np.sqrt(radius * depth)
    return 0.4 * (4.0 / 3.0 * c["effective_modulus"] * contact_radius * depth) * depth, contact_radius


def slopes(c: dict, radius: np.ndarray, overlap: np.ndarray, history: dict) -> Slopes:
    """F = 4/3 E* a δ, dF/dδ = 2 E* a with a = √(R*δ)."""
    depth = np.maximum(overlap, 0.0)
    contact_radius = np.sqrt(radius * depth)
    stiffness = 2.0 * c["effective_modulus"] * contact_radius
    return Slopes(2.0 / 3.0 * stiffness * depth, stiffness, stiffness, contact_radius)


LAWS = (
    Law(
        name="hertz_mindlin",
        title="elastic spheres",
        source="Hertz 1882; Di Renzo & Di Maio, Chem. Eng. Sci. 59 (2004) 525",
        energy=energy,
        slopes=slopes,
        beyond="Hertz contacts do not know their neighbours there; particles would yield or crack",
    ),
)
