"""Powder-fed rolls of a case, by Johanson: the film leaves with the rolls' gap as its thickness."""

from typing import Any

import numpy as np

from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT
from kalander.continuum.number_range import within_numbers
from kalander.continuum.powder import Powder, feed_powder
from kalander.coupling.cases.powder import PowderCase
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.errors import NumericalError
from kalander.kernels.quantities import porosity

__all__ = ["feed_case"]


def feed_case(case: PowderCase) -> dict[str, Any]:
    """Answer of the contract, in SI. Raises InputError, NumericalError."""
    given = case.powder
    with within_numbers():
        nip = feed_powder(
            Powder(given.compressibility, given.internal_friction, given.wall_friction),
            in_unit(case.rolls.diameter, "mm"),
            in_unit(case.rolling.gap, "mm"),
            feed_pressure=in_unit(given.feed_pressure, "MPa"),
            feed_angle=given.feed_angle,
        )
    density = given.feed_solid_fraction * nip.density
    if density[-1] > SOLID_FRACTION_LIMIT:
        raise NumericalError(
            f"the film would reach solid fraction {density[-1]:.3g} at the gap, above {SOLID_FRACTION_LIMIT}: the "
            "rolls take in more than passes; open the gap, or feed less pressure or a looser powder"
        )
    order = slice(None, None, -1)  # x ascending
    return {
        "line_load_N_per_m": in_si(nip.line_load, "N/mm"),
        "peak_pressure_Pa": in_si(nip.peak_pressure, "MPa"),
        "set_gap_m": case.rolling.gap,
        "nip_angle_rad": nip.nip_angle,
        "entry_x_m": float(np.sin(nip.theta[0])) * case.rolls.diameter / 2,
        "exit_x_m": 0.0,
        "exit_thickness_m": case.rolling.gap,
        "density_ratio": nip.density_ratio,
        "torque_N_m_per_m": nip.torque,
        "model": "johanson",
        "x_m": (np.sin(nip.theta[order]) * case.rolls.diameter / 2).tolist(),
        "pressure_Pa": in_si(nip.pressure[order], "MPa").tolist(),
        "solid_fraction": density[order].tolist(),
        "porosity_mean": float(porosity(density[-1], 1.0)),
    }
