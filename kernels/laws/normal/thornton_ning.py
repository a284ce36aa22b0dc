"""Law "thornton_ning": elastic-perfectly plastic spheres, with a constant pull of adhesion while they press (DMT)."""

from dataclasses import replace

import numpy as np

from kalander.kernels.law_table import Law, Place, Slopes, Supports
from kalander.kernels.laws.flattened import released, released_slopes

__all__ = ["LAWS", "energy", "slopes"]


def peak_load(c: dict, radius: np.ndarray, largest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Force [µN] and square of the contact radius [µm²] of first loading to the overlap `largest` [µm]."""
    modulus, slope = c["effective_modulus"], np.pi * c["yield_pressure"] * radius
    elastic = 4.0 / 3.0 * modulus * np.sqrt(radius) * largest**1.5
    onset = radius * (np.pi * c["yield_pressure"] / (2.0 * modulus)) ** 2
    yields = largest > onset
    start = np.where(yields, onset, 0.0)
    force = 4.0 / 3.0 * modulus * np.sqrt(radius) * start**1.5 + np.where(yields, slope, 0.0) * (largest - start)
    return np.where(yields, force, elastic), radius * largest


def energy(c: dict, radius: np.ndarray, overlap: np.ndarray, history: dict) -> tuple[np.ndarray, np.ndarray]:
    """2/5 F (δ − δ_p) of Hertzian release, less 2π w R* (δ − δ_p) of adhesion."""
    largest = np.maximum(history["largest_overlap"], overlap)
    stored, contact_radius, depth = released(c, overlap, largest, *peak_load(c, radius, largest))
    return stored - 2.0 * np.pi * c["adhesion"] * radius * depth, contact_radius


def slopes(c: dict, radius: np.ndarray, overlap: np.ndarray, history: dict) -> Slopes:
    """Of Hertzian release less the pull 2π w R*; pressed on, π p_y R* where they flow and 2 E* a before."""
    largest = np.maximum(history["largest_overlap"], overlap)
    force, area = peak_load(c, radius, largest)
    onset = radius * (np.pi * c["yield_pressure"] / (2.0 * c["effective_modulus"])) ** 2
    loading = np.where(
        largest > onset, np.pi * c["yield_pressure"] * radius, 2.0 * c["effective_modulus"] * np.sqrt(area)
    )
    found = released_slopes(c, overlap, largest, force, area, loading)
    pull = np.where(found.contact_radius > 0.0, 2.0 * np.pi * c["adhesion"] * radius, 0.0)
    return replace(found, force=found.force - pull)


LAWS = (
    Law(
        name="thornton_ning",
        title="spheres that yield at a pressure; adhesion as a constant pull (DMT)",
        source="Thornton & Ning, Powder Technology 99 (1998) 154; Derjaguin, Muller & Toporov 1975",
        energy=energy,
        slopes=slopes,
        adhesion=("none", "dmt"),
        constants=("yield_pressure", "adhesion"),
        history=(
            Place("largest_overlap", "um", "largest overlap so far"),
            Place("contact_radius", "um", "contact radius of the step before"),
        ),
        area="kept",
        supports=Supports(foil=True),
        onset=True,
    ),
)
