"""Constants of the finite elements' law: from a cap, and from a closure measured in particle boxes."""

import numpy as np

from kalander.continuum.closure.cap import Cap, rigid_plastic_oedometer
from kalander.continuum.closure.contract import Closure
from kalander.continuum.elements.law import LawTable

__all__ = ["Constants", "cap_constants", "law_table", "measured_constants"]

Constants = tuple[Cap, np.ndarray, np.ndarray]
"""A cap, and compaction with ln p_c at its knots; the cap's own p_c0 and k are not used."""

COMPACTION_LIMIT = 1.0  # plastic volume strain up to which hardening is tabulated; solid fraction 0.98 comes first
KNOTS = 501


def cap_constants(cap: Cap) -> Constants:
    """Exponential hardening is a straight line in ln p_c."""
    compaction = np.array([0.0, COMPACTION_LIMIT])
    return cap, compaction, np.log(cap.p_c0) + cap.k * compaction


def measured_constants(closure: Closure, strain: float, *, poisson: float = 0.2) -> Constants:
    """A cap with chi = 1 that presses like a measured closure; strain: about the largest in the nip, where the
    release modulus and the lateral ratio are read.

    chi = 1 and rigid plasticity: K0 = (1 - 2 M^2 / 9) / (1 + 4 M^2 / 9) gives M; sigma_z / p_c follows; the axial
    Kirchhoff stress of the closure gives p_c, and v = x - p / K. Above K0 = 0.95 or below 0.05 there is no such cap.
    """
    ratio = float(np.clip(closure.lateral_ratio_at(np.array(strain)), 0.05, 0.95))
    slope = float(np.sqrt(9.0 * (1.0 - ratio) / (2.0 + 4.0 * ratio)))
    oedometric = float(closure.unload_modulus_at(np.array(strain))) * float(np.exp(-strain))
    modulus = oedometric * (1.0 + poisson) * (1.0 - 2.0 * poisson) / (1.0 - poisson)
    cap = Cap(modulus, poisson, slope, 1.0, 1.0, 1.0)
    limit = min(closure.strain_limit, COMPACTION_LIMIT)
    strains = np.linspace(0.0, limit, KNOTS)[1:]
    axial = closure.pressure_at(strains) * np.exp(-strains)
    # where the first touch is softer than a hundredth of the nip's stress the law is elastic: ln p_c has no beginning
    firm = axial >= 0.01 * float(closure.pressure_at(np.array(strain)))
    strains, axial = strains[firm], axial[firm]
    share, _ = rigid_plastic_oedometer(slope, 1.0)
    compaction = strains - axial * (1.0 + 2.0 * ratio) / 3.0 / cap.bulk
    rising = np.flatnonzero(compaction > np.maximum.accumulate(np.insert(compaction, 0, 0.0))[:-1])
    return cap, compaction[rising], np.log(axial[rising] / share)


def law_table(constants: list[Constants]) -> LawTable:
    """One table for all layers, in the order in which they are given."""
    spacing = COMPACTION_LIMIT / (KNOTS - 1)
    knots = spacing * np.arange(KNOTS)
    caps = [cap for cap, _, _ in constants]
    return LawTable(
        bulk=np.array([cap.bulk for cap in caps]),
        shear=np.array([cap.shear for cap in caps]),
        slope=np.array([cap.slope for cap in caps]),
        shift=np.array([cap.shift for cap in caps]),
        knot_spacing=spacing,
        log_strength=np.array([_on_knots(knots, at, values) for _, at, values in constants]),
    )


def _on_knots(knots: np.ndarray, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Linear between the given points, constant before them, along their end behind them."""
    result = np.interp(knots, at, values)
    high = (values[-1] - values[-2]) / (at[-1] - at[-2])
    return np.where(knots > at[-1], values[-1] + high * (knots - at[-1]), result)
