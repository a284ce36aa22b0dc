"""Law "hysteretic": linear loading, and linear release that is stiffer."""

import numpy as np

from kalander.kernels.law_table import Law, Place, Supports

__all__ = ["LAWS", "energy"]


def energy(c: dict, radius: np.ndarray, overlap: np.ndarray, history: dict) -> tuple[np.ndarray, np.ndarray]:
    """F²/(2 k_2) of linear release, k_2 = π p_y R* k_2/k_1, δ − δ_p = F/k_2."""
    largest = np.maximum(history["largest_overlap"], overlap)
    stays = largest * (1.0 - 1.0 / c["release_ratio"])
    depth = np.maximum(overlap - stays, 0.0)
    release = np.pi * c["yield_pressure"] * radius * c["release_ratio"]
    return 0.5 * release * depth**2, np.where(depth > 0.0, np.sqrt(radius * overlap), 0.0)


LAWS = (
    Law(
        name="hysteretic",
        title="linear loading π p_y R*, release stiffer by 1/e²: constant restitution e",
        source="Walton & Braun, J. Rheology 30 (1986) 949; Luding, Granular Matter 10 (2008) 235",
        energy=energy,
        constants=("yield_pressure", "release_ratio"),
        history=(
            Place("largest_overlap", "um", "largest overlap so far"),
            Place("contact_radius", "um", "contact radius of the step before"),
        ),
        area="kept",
        supports=Supports(foil=True),
    ),
)
