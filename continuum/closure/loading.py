"""A loading curve read backwards: the strain at a pressure, for the column in which all layers share the pressure."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from kalander.continuum.closure.contract import Closure, LoadingState

__all__ = ["LoadingTable"]

KNOTS = 1500  # cubic with exact slopes: below 1e-9 in strain for the curves here


@dataclass(frozen=True, eq=False)
class LoadingTable:
    """Strain of loading and strain of its release over u = ln(1 + p / p_s), p_s a hundredth of the last pressure."""

    scale: float
    last: float
    strain: CubicHermiteSpline
    recovery: CubicHermiteSpline

    @classmethod
    def of(cls, closure: Closure, knots: np.ndarray | None = None) -> "LoadingTable":
        """Sample a closure up to its strain limit, evenly or at given knots; exact in value and slope at each."""
        strain = np.linspace(0.0, closure.strain_limit, KNOTS) if knots is None else knots
        pressure, slope = closure.pressure_at(strain), closure.pressure_slope_at(strain)
        last = float(pressure[-1])
        scale = 0.01 * last
        u, u_slope = np.log1p(pressure / scale), slope / (pressure + scale)
        return cls(
            scale, last,
            CubicHermiteSpline(u, strain, 1.0 / u_slope),
            CubicHermiteSpline(u, closure.recovery_at(strain), closure.recovery_slope_at(strain) / u_slope),
        )  # fmt: skip

    def loading_at(self, pressure: np.ndarray) -> LoadingState:
        """Beyond the end the curves go on along their tangents: iterates may pass there, a result may not."""
        inside = np.minimum(pressure, self.last)
        beyond = pressure - inside
        u, by_pressure = np.log1p(inside / self.scale), 1.0 / (inside + self.scale)
        strain_slope, recovery_slope = self.strain(u, 1) * by_pressure, self.recovery(u, 1) * by_pressure
        return LoadingState(
            self.strain(u) + strain_slope * beyond, strain_slope,
            self.recovery(u) + recovery_slope * beyond, recovery_slope,
        )  # fmt: skip
