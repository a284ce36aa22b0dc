"""Law "hysteretic": linear loading, and linear release that is stiffer."""

import numpy as np

from kalander.kernels.law_table import Law, Place, Slopes, Supports

__all__ = ["LAWS", "energy", "slopes"]


def energy(c: dict, radius: np.ndarray, overlap: np.ndarray, history: dict) -> tuple[np.ndarray, np.ndarray]:
    """F²/(2 k_2) of linear release, k_2 = π p_y R* k_2/k_1, δ − δ_p = F/k_2."""
    largest = np.maximum(history["largest_overlap"], overlap)
    stays = largest * (1.0 - 1.0 / c["release_ratio"])
    depth = np.maximum(overlap - stays, 0.0)
    release = np.pi * c["yield_pressure"] * radius * c["release_ratio"]
    return 0.5 * release * depth**2, np.where(depth > 0.0, np.sqrt(radius * overlap), 0.0)


def slopes(c: dict, radius: np.ndarray, overlap: np.ndarray, history: dict) -> Slopes:
    """F = k_2 (δ − δ_p), k_2 on release; k_1 = π p_y R* pressed on from the largest overlap."""
    largest = np.maximum(history["largest_overlap"], overlap)
    loading = np.pi * c["yield_pressure"] * radius
    release = loading * c["release_ratio"]
    depth = np.maximum(overlap - largest * (1.0 - 1.0 / c["release_ratio"]), 0.0)
    holds = depth > 0.0
    return Slopes(
        release * depth, np.where(holds, release, 0.0), np.where(holds & (overlap < largest), release, loading * holds),
        np.where(holds, np.sqrt(radius * np.maximum(overlap, 0.0)), 0.0),
    )  # fmt: skip


LAWS = (
    Law(
        name="hysteretic",
        title="linear loading π p_y R*, release stiffer by 1/e²: constant restitution e",
        source="Walton & Braun, J. Rheology 30 (1986) 949; Luding, Granular Matter 10 (2008) 235",
        energy=energy,
        slopes=slopes,
        constants=("yield_pressure", "release_ratio"),
        history=(
            Place("largest_overlap", "um", "largest overlap so far"),
            Place("contact_radius", "um", "contact radius of the step before"),
        ),
        area="kept",
        supports=Supports(foil=True),
    ),
)
