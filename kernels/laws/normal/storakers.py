"""Law "storakers": spheres that are fully plastic from the start."""

import numpy as np

from kalander.kernels.law_table import Law, Place, Slopes, Supports
from kalander.kernels.laws.flattened import released, released_slopes

__all__ = ["LAWS", "energy", "slopes"]

AREA = 2.86  # a² over R*δ


def peak_load(c: dict, radius: np.ndarray, largest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Force [µN] and square of the contact radius [µm²] of first loading to the overlap `largest` [µm]."""
    modulus, slope = c["effective_modulus"], np.pi * c["yield_pressure"] * radius
    area = radius * largest
    elastic = 4.0 / 3.0 * modulus * np.sqrt(radius) * largest**1.5
    plastic = AREA * slope * largest
    flows = elastic > plastic
    return np.where(flows, plastic, elastic), np.where(flows, AREA, 1.0) * area


def energy(c: dict, radius: np.ndarray, overlap: np.ndarray, history: dict) -> tuple[np.ndarray, np.ndarray]:
    """2/5 F (δ − δ_p) of Hertzian release."""
    largest = np.maximum(history["largest_overlap"], overlap)
    stored, contact_radius, _ = released(c, overlap, largest, *peak_load(c, radius, largest))
    return stored, contact_radius


def slopes(c: dict, radius: np.ndarray, overlap: np.ndarray, history: dict) -> Slopes:
    """Of Hertzian release; pressed on, 2.86 π p_y R* where they flow and 2 E* a before."""
    largest = np.maximum(history["largest_overlap"], overlap)
    force, area = peak_load(c, radius, largest)
    flows = area > 1.5 * radius * largest
    loading = np.where(flows, AREA * np.pi * c["yield_pressure"] * radius, 2.0 * c["effective_modulus"] * np.sqrt(area))
    return released_slopes(c, overlap, largest, force, area, loading)


LAWS = (
    Law(
        name="storakers",
        title="spheres that are fully plastic from the start",
        source="Storåkers, Biwa & Larsson, Int. J. Solids Struct. 34 (1997) 3061",
        energy=energy,
        slopes=slopes,
        constants=("yield_pressure",),
        history=(
            Place("largest_overlap", "um", "largest overlap so far"),
            Place("contact_radius", "um", "contact radius of the step before"),
        ),
        area="kept",
        supports=Supports(foil=True),
        onset=True,
    ),
)
