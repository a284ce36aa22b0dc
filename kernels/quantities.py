"""Quantities that have one name in the field, each defined here and nowhere else: pure functions of numbers or arrays.

The fifth of them, the longest time step, needs a material: `dem.bodies.material.longest_time_step`.
"""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

__all__ = ["platen_pressure", "porosity", "porosity_of_phases", "solid_share", "springback", "tortuosity"]

Number = TypeVar("Number", float, np.ndarray)


def porosity(solid_volume: Number, bulk_volume: Number) -> Number:
    """ε = 1 − V_s/V: pores over all volume [1], from all solids in it and the volume, in any one unit.

    Volumes of a fixed area may be heights, and shares of one volume may be given over 1. Torquato, Random Heterogeneous
    Materials (2002), §2.1.
    """
    return 1.0 - solid_volume / bulk_volume


def solid_share(porosity: Number) -> Number:
    """1 − ε [1]: all solids over the volume, at a porosity."""
    return 1.0 - porosity


def porosity_of_phases(fractions: Mapping[int, float], pores: Mapping[int, float]) -> float:
    """ε = Σ φ_i ε_i [1]: the same of what is resolved in phases, by label of those that have pores.

    fractions: volume of a phase over all volume; pores: volume of its pores over its own, 1 for the pore space.
    """
    return sum(fractions[label] * share for label, share in pores.items())


def springback(released: Number, loaded: Number) -> Number:
    """(h_released − h_loaded)/h_loaded [1]: growth of the coating's thickness on release over its least one.

    Both in any one unit, of the coating without foil. Its strain is not this but ln(h_released/h_loaded).
    """
    return released / loaded - 1.0


def tortuosity(porosity: Number, effective_ratio: Number) -> np.ndarray:
    """τ = ε D_0/D_eff [1], without a square; NaN where nothing goes through.

    effective_ratio: D_eff/D_0. Epstein, Chem. Eng. Sci. 44 (1989) 777; as TauFactor has it.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(effective_ratio) > 0, porosity / np.asarray(effective_ratio), np.nan)


def platen_pressure(stress_low: Number, stress_high: Number) -> Number:
    """p = (σ_low + σ_high)/2: pressure of a bed, the mean of the normal stresses on both platens, in their unit.

    They differ by what the bed's inertia takes between them; the mean is that of Love–Weber over the height for a bed
    at rest.
    """
    return 0.5 * (stress_low + stress_high)
