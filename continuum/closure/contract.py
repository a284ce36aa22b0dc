"""The closure: how a coating resists compression and what it gives back. Particle boxes fill it; the nip uses it.

Strain is x = ln(h_initial / h) >= 0, counted from the free coating (zero pressure). Pressures and moduli in MPa.
Loading of virgin coating: p = p(x). Release from strain x, with s = ln(h / h_min) the strain recovered so far:
p = p(x) (1 - s / r)^m with the recovery strain r(x); m = 1 is p = p(x) - M s. M = p / r is the secant modulus of the
release, whatever m; the tangent at its start is m M. A law may release by another shape (see `release`).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import brentq

from kalander.kernels.errors import NumericalError

__all__ = ["SOLID_FRACTION_LIMIT", "Closure", "ClosureRangeError", "LoadingState", "strain_at_pressure"]

# above it the pores are closed and the pressure tends to infinity: no particle box and no law here describes that
SOLID_FRACTION_LIMIT = 0.98


class ClosureRangeError(NumericalError):
    """A state lies beyond the strain up to which the closure is known."""


@dataclass(frozen=True, eq=False)
class LoadingState:
    """Virgin loading at a pressure: strain and the strain that a release recovers, with slopes [1/MPa]; any shape."""

    strain: np.ndarray
    strain_slope: np.ndarray
    recovery: np.ndarray
    recovery_slope: np.ndarray


class Closure(Protocol):
    """What the nip asks of a coating; every method takes strains of any shape and returns values of that shape."""

    @property
    def strain_limit(self) -> float:
        """Largest strain at which the closure is known; `math.inf` for an analytic law."""

    def pressure_at(self, strain: np.ndarray) -> np.ndarray:
        """Pressure of virgin loading [MPa]; 0 at strain 0, increasing."""

    def pressure_slope_at(self, strain: np.ndarray) -> np.ndarray:
        """d pressure / d strain [MPa]."""

    def recovery_at(self, strain: np.ndarray) -> np.ndarray:
        """Strain r that a release from this strain recovers; 0 at strain 0."""

    def recovery_slope_at(self, strain: np.ndarray) -> np.ndarray:
        """d r / d strain."""

    def unload_modulus_at(self, strain: np.ndarray) -> np.ndarray:
        """Secant modulus M = p / r of a release from this strain [MPa]."""

    def lateral_ratio_at(self, strain: np.ndarray) -> np.ndarray:
        """In-plane stress over through-thickness stress on loading."""

    def release(self, recovered: np.ndarray, recovery: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Share of the turning pressure left after recovering part of the recovery strain r > 0; its derivatives."""

    def unreleased(self, share: np.ndarray, recovery: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The inverse: elastic strain left over r at a share in [0, 1], and its derivatives by share and by r."""

    def loading_at(self, pressure: np.ndarray) -> LoadingState:
        """Virgin loading at a pressure >= 0 [MPa]; past the end along the tangent, which the caller refuses."""


def strain_at_pressure(closure: Closure, pressure: float, strain_limit: float) -> float:
    """Strain at which virgin loading reaches the pressure [MPa]. Raises ClosureRangeError if that is past the limit."""
    highest = float(closure.pressure_at(np.array(strain_limit)))
    if pressure > highest:
        raise ClosureRangeError(
            f"pressure {pressure:.4g} MPa exceeds the {highest:.4g} MPa that the coating reaches at strain "
            f"{strain_limit:.4g}, the end of its closure or solid fraction {SOLID_FRACTION_LIMIT}; lower the pressure "
            "or press the particle boxes further"
        )
    # xtol in strain: 1e-14 of a thickness is far below every discretisation error
    return float(
        brentq(lambda strain: float(closure.pressure_at(np.array(strain))) - pressure, 0.0, strain_limit, xtol=1e-14)
    )
