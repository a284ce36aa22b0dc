"""Resistance to rolling and twisting: of laws whose names end in "_rolling"."""

import numpy as np

from kalander.kernels.law_table import Place, Resistance

__all__ = ["ROLLING", "rolling_energy"]

ROLLING = Resistance(
    name="rolling",
    title="springs that resist rolling and twisting and slip as friction does",
    source="Ai, Chen, Rotter & Ooi, Powder Technology 206 (2011) 269, model C; Marshall 2009",
    constants=("rolling_friction", "twisting_friction"),
    history=(Place("angle", "1", "angle of rolling", 3), Place("twist", "1", "angle of twisting")),
)


def rolling_energy(
    c: dict, radius: np.ndarray, contact_radius: np.ndarray, resistance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Energy [pJ] of the springs of rolling and of twisting, shape (contact,); resistance: (contact, places).

    ½ k_r θ², k_r = 2.25 · 2 E* a (μ_r R*)²; ½ k_tw φ², k_tw = 4 G* a³.
    """
    rolling = 2.25 * 2.0 * c["effective_modulus"] * contact_radius * (c["rolling_friction"] * radius) ** 2
    twisting = 0.5 * (8.0 * c["effective_shear_modulus"]) * contact_radius**3
    angle, twist = resistance[:, :3], resistance[:, 3]
    return 0.5 * rolling * (angle**2).sum(axis=1), 0.5 * twisting * twist**2
