"""What laws multiply with: factors of a pair, derived once from its constants and read by name in kernels."""

import numpy as np

from kalander.kernels.law_table import CONSTANTS, Law
from kalander.kernels.layout import Layout, in_a_row

__all__ = ["FACTORS", "factors_of", "law_factors"]

ROOT_FIVE_SIXTHS = 0.9128709291752769

# hertz: 4/3 E*; damping, tangential_damping: c of the dashpots γ = c √(a m*) with contact radius a; tangential: 8 G*;
# pull: 2π w; release_ratio: k_2/k_1; from yield_strength on what MDR takes from the pair of a material with itself:
# Y, ν, κ, G, ψ_b
FACTORS = in_a_row(
    (name, 1)
    for name in (
        "hertz", "damping", "tangential", "tangential_damping", "friction", "floor", "yield_pressure", "twice_modulus",
        "pull", "release_ratio", "rolling_friction", "twisting_friction", "yield_strength", "poisson", "bulk_modulus",
        "shear_modulus", "psi_b",
    )
)  # fmt: skip


def factors_of(law: Law) -> Layout:
    """Places of the factors of a law: those of all, then the constants of it alone as they are."""
    return Layout({**FACTORS, **in_a_row(((one.name, 1) for one in law.own), first=len(FACTORS))})


def law_factors(constants: np.ndarray) -> np.ndarray:
    """Factors of pairs, shape (…, factor), from their constants, shape (…, constant), those of one law behind."""
    named = dict(zip(CONSTANTS, np.moveaxis(constants, -1, 0)))
    normal, tangential = 2.0 * named["effective_modulus"], 8.0 * named["effective_shear_modulus"]
    # of a material with itself: 2 E* is E/(1 - ν²)
    young = normal * (1.0 - named["poisson"] ** 2)
    columns = {
        "hertz": 4.0 / 3.0 * named["effective_modulus"],
        "damping": 2.0 * ROOT_FIVE_SIXTHS * named["damping"] * np.sqrt(normal),
        "tangential": tangential,
        "tangential_damping": 2.0 * ROOT_FIVE_SIXTHS * named["tangential_damping"] * np.sqrt(tangential),
        "twice_modulus": normal,
        "pull": 2.0 * np.pi * named["adhesion"],
        "bulk_modulus": young / (3.0 * (1.0 - 2.0 * named["poisson"])),
        "shear_modulus": young / (2.0 * (1.0 + named["poisson"])),
    }
    shared = np.stack([columns[name] if name in columns else named[name] for name in FACTORS], axis=-1)
    return np.concatenate([shared, constants[..., len(CONSTANTS) :]], axis=-1)
