"""What a coating gives back after any load, from a few releases: recovery strain over loading strain.

r = ln(h_released / h_min) after loading to strain x; lasting strain l = x - r. Boxes show an r that grows little with
pressure, while r = p / M with M carried on below the lowest release would vanish with p. So r is what is carried on:
    below the first release   r = c (1 - exp(-x / c)), c so that the first release is met: the free coating begins
                              elastic (dr/dx = 1, nothing lasts yet) and what it gives back saturates
    between releases          straight in x
    beyond the last           constant: all further strain lasts
l rises throughout, that is porosity behind the nip falls with load, if it rises from release to release. Where scatter
makes it fall, releases are pooled (isotonic regression) until a share LASTING of every further strain lasts.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator, PPoly
from scipy.optimize import brentq, isotonic_regression

__all__ = ["RecoveryCurve", "recovery_spline"]

LASTING = 0.01  # smallest share of a further strain that lasts; boxes are nowhere fully elastic over a decade of stress


@dataclass(frozen=True, eq=False)
class RecoveryCurve:
    """Releases of one coating: strain, from 0, and recovery there, shape (releases + 1,); pooled: largest change of a
    measured recovery that made the lasting strain rise."""

    strain: np.ndarray
    recovery: np.ndarray
    saturation: float
    pooled: float

    @classmethod
    def through(cls, strain: np.ndarray, recovery: np.ndarray) -> "RecoveryCurve":
        """From measured releases, shape (releases,), strains above 0, recoveries above 0."""
        at, place = np.unique(strain, return_inverse=True)
        count = np.bincount(place)
        measured = np.bincount(place, recovery) / count
        excess = (1.0 - LASTING) * at - measured  # lasting strain beyond the least
        kept = np.maximum(isotonic_regression(excess, weights=count).x, 0.0)
        made = (1.0 - LASTING) * at - kept  # above 0: the lasting strain of a pool is at most that of its first release
        return cls(
            np.append(0.0, at), np.append(0.0, made), _saturation(float(at[0]), float(made[0])),
            float(np.max(np.abs(made - measured))),
        )  # fmt: skip

    def at(self, strain: np.ndarray) -> np.ndarray:
        """Recovery strain at strains >= 0."""
        first = self.saturation * -np.expm1(-np.minimum(strain, self.strain[1]) / self.saturation)
        return np.where(strain < self.strain[1], first, np.interp(strain, self.strain, self.recovery))


def _saturation(strain: float, recovery: float) -> float:
    """c of c (1 - exp(-x / c)) = r, for 0 < r < x: with u = x / c, (1 - e^-u) / u = r / x falls from 1 to 0."""
    share = recovery / strain
    # 1 / u bounds it from above, 1 - u / 2 from below
    return strain / float(brentq(lambda u: -np.expm1(-u) / u - share, 2.0 * (1.0 - share), 2.0 / share, xtol=1e-14))


def recovery_spline(strain: np.ndarray, recovery: np.ndarray) -> PPoly:
    """Recovery between knots, from 0 at strain 0, so that it stays positive and the lasting strain rises.

    A cubic between values that rise by d per knot distance rises throughout if its slopes lie within 0 and 3 d (Fritsch
    & Carlson 1980). PCHIP's slopes do so for the recovery; where they do not for the lasting strain as well, which is
    where the recovery bends sharply, the piece is straight.
    """
    slopes = np.minimum(PchipInterpolator(strain, recovery).derivative()(strain), 1.0)
    curve = CubicHermiteSpline(strain, recovery, slopes)
    secant = np.diff(recovery) / np.diff(strain)
    bent = np.maximum(1.0 - slopes[:-1], 1.0 - slopes[1:]) > 3.0 * (1.0 - secant)
    coefficients = curve.c.copy()
    coefficients[:3, bent] = np.array([np.zeros_like(secant), np.zeros_like(secant), secant])[:, bent]
    return PPoly(coefficients, strain)
