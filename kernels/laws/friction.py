"""Friction along the surface of a contact: a spring that slips, with a dashpot; part of every law."""

import numpy as np

from kalander.kernels.law_table import Place, Resistance

__all__ = ["FRICTION", "friction_energy"]

FRICTION = Resistance(
    name="friction",
    title="tangential spring 8 G* a up to Coulomb's limit, dashpots of a restitution",
    source="Tsuji, Tanaka & Ishida, Powder Technology 71 (1992) 239; Di Renzo & Di Maio 2004",
    constants=("friction", "damping", "tangential_damping", "floor"),
    history=(Place("spring", "um", "tangential spring", 3),),
)


def friction_energy(c: dict, contact_radius: np.ndarray, spring: np.ndarray) -> np.ndarray:
    """½ k_t ξ² [pJ] with k_t = 8 G* a, shape (contact,); spring: (contact, 3) [µm]."""
    return 0.5 * (8.0 * c["effective_shear_modulus"]) * contact_radius * (spring**2).sum(axis=1)
