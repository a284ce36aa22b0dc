"""The cap law in uniaxial compression as a closure: its loading curve, and the elastic release from it.

In the nip the coating does not stretch along the web, so of the cap only one curve is felt. Along it, with theta the
angle on the ellipse (p = p_m + a cos theta, q = M a sin theta) and l the plastic flow per axial strain,
    d v = l cos theta,  d e_q^p = l sin theta / M
    K (1 - d v) = dp/dv d v - a sin theta d theta
    2 G - 3 G d e_q^p = M da/dv sin theta d v + M a cos theta d theta
which are two linear equations for l and d theta. Cauchy stress is Kirchhoff stress times e^strain.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from kalander.continuum.closure.cap import Cap
from kalander.continuum.closure.contract import ClosureRangeError, LoadingState
from kalander.continuum.closure.loading import LoadingTable
from kalander.kernels.errors import Fault, InputError

__all__ = ["CapClosure"]

SOFTEST = 1e-6  # p_c0 over K + G at least: substeps go by its inverse
STEPS = 800  # of the loading curve; its error falls with the fourth power, here 1e-9 of the pressure


@dataclass(frozen=True, eq=False)
class CapClosure:
    """A cap compressed uniaxially up to a strain. Raises InputError where the release would flow again.

    The release is linear in Kirchhoff stress: p = p_max (1 - s / r) e^-s with r = tau_max / (K + 4 G / 3).
    """

    cap: Cap
    strain_limit: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.strain_limit < 10.0:
            raise ClosureRangeError(f"strain limit {self.strain_limit:g} is outside of 0 to 10")
        softest = SOFTEST * (self.cap.bulk + self.cap.shear)
        if self.cap.p_c0 < softest:
            why = "is too small beside the modulus for its loading curve to be followed"
            raise InputError(
                Fault("closure.p_c0", self.cap.p_c0, why, f"at least {softest:.3g} MPa, or a smaller modulus")
            )
        self._refuse_reverse_flow()

    def pressure_at(self, strain: np.ndarray) -> np.ndarray:
        return self._axial(self._known(strain)) * np.exp(strain)

    def pressure_slope_at(self, strain: np.ndarray) -> np.ndarray:
        return self._axial(strain, 1) * np.exp(strain) + self.pressure_at(strain)

    def recovery_at(self, strain: np.ndarray) -> np.ndarray:
        return self._axial(self._known(strain)) / self.cap.oedometric

    def recovery_slope_at(self, strain: np.ndarray) -> np.ndarray:
        return self._axial(strain, 1) / self.cap.oedometric

    def unload_modulus_at(self, strain: np.ndarray) -> np.ndarray:
        """Cauchy pressure over the strain of its release."""
        return self.cap.oedometric * np.exp(strain)

    def lateral_ratio_at(self, strain: np.ndarray) -> np.ndarray:
        # at zero strain the elastic ratio
        axial = self._axial(self._known(strain))
        ratio = np.full(np.shape(strain), self.cap.poisson / (1.0 - self.cap.poisson))
        return np.divide(self._lateral(strain), axial, out=ratio, where=np.asarray(axial) > 0.0)

    def release(self, recovered: np.ndarray, recovery: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        remaining = np.maximum(1.0 - recovered / recovery, 0.0)
        inside = remaining > 0.0
        share = remaining * np.exp(-recovered)
        by_recovered = np.where(inside, -np.exp(-recovered) / recovery - share, 0.0)
        by_recovery = np.where(inside, np.exp(-recovered) * recovered / recovery**2, 0.0)
        return share, by_recovered, by_recovery

    def unreleased(self, share: np.ndarray, recovery: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Solves u e^(r u) = share e^r for u = elastic strain / recovery r by Newton: r is a few per cent."""
        target = share * np.exp(recovery)
        ratio = share
        for _ in range(4):
            grown = np.exp(recovery * ratio)
            ratio = ratio - (ratio * grown - target) / (grown * (1.0 + recovery * ratio))
        slope = np.exp(recovery * ratio) * (1.0 + recovery * ratio)
        return ratio, np.exp(recovery) / slope, (target - ratio**2 * np.exp(recovery * ratio)) / slope

    def loading_at(self, pressure: np.ndarray) -> LoadingState:
        return self._table.loading_at(pressure)

    @cached_property
    def _table(self) -> LoadingTable:
        return LoadingTable.of(self, self._curve[0])  # its knots hold the kink at the yield point

    @cached_property
    def _curve(self) -> tuple[np.ndarray, ...]:
        return loading_curve(self.cap, self.strain_limit)

    @cached_property
    def _axial(self) -> CubicHermiteSpline:
        strain, p, q, p_slope, q_slope = self._curve
        return CubicHermiteSpline(strain, p + 2.0 / 3.0 * q, p_slope + 2.0 / 3.0 * q_slope)

    @cached_property
    def _lateral(self) -> CubicHermiteSpline:
        strain, p, q, p_slope, q_slope = self._curve
        return CubicHermiteSpline(strain, p - q / 3.0, p_slope - q_slope / 3.0)

    def _known(self, strain: np.ndarray) -> np.ndarray:
        # the start of the curve is elastic and its end exact to a rounding
        if np.min(strain) < 0.0 or np.max(strain) > self.strain_limit * (1.0 + 1e-12):
            raise ClosureRangeError(
                f"strain {float(np.max(strain)):.4g} lies outside the cap's curve, known to {self.strain_limit:.4g}"
            )
        return strain

    def _refuse_reverse_flow(self) -> None:
        """The release ends at zero axial stress; the ellipse is convex, so it stays elastic if its end is inside."""
        _, p, q, _, _ = self._curve
        cap = self.cap
        released = (p + 2.0 / 3.0 * q) / cap.oedometric
        p, q = p - cap.bulk * released, q - 2.0 * cap.shear * released
        # the size of the ellipse after loading, from the yield condition at the turning point
        _, p_top, q_top, _, _ = self._curve
        size = cap_size(cap, p_top, q_top)
        centre, half = 0.5 * (1.0 - cap.shift) * size, 0.5 * (1.0 + cap.shift) * size
        if np.any((q / cap.slope) ** 2 + (p - centre) ** 2 > half**2 * (1.0 + 1e-9)):
            why = "lets the coating flow again sideways while it is released, which this model does not follow"
            raise InputError(Fault("closure.M", cap.slope, why, "a larger M or chi, or a smaller Poisson ratio"))


def cap_size(cap: Cap, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """p_c of the ellipse through (p, q): chi p_c^2 + (1 - chi) p p_c - p^2 - (q / M)^2 = 0; at least p_c0."""
    linear = (1.0 - cap.shift) * p
    size = (-linear + np.sqrt(linear**2 + 4.0 * cap.shift * (p**2 + (q / cap.slope) ** 2))) / (2.0 * cap.shift)
    return np.maximum(size, cap.p_c0)


def loading_curve(cap: Cap, strain_limit: float) -> tuple[np.ndarray, ...]:
    """Strain, p, q [MPa] and their slopes on uniaxial loading: elastic to the ellipse, then classical Runge-Kutta."""
    yield_strain = cap.p_c0 / float(cap_size_at_zero(cap))
    if yield_strain >= strain_limit:
        strain = np.array([0.0, strain_limit])
        return (
            strain, cap.bulk * strain, 2.0 * cap.shear * strain,
            np.full(2, cap.bulk), np.full(2, 2.0 * cap.shear),
        )  # fmt: skip
    half = 0.5 * (1.0 + cap.shift) * cap.p_c0
    cosine = (cap.bulk * yield_strain - 0.5 * (1.0 - cap.shift) * cap.p_c0) / half
    theta, volume = math.acos(min(max(cosine, -1.0), 1.0)), 0.0
    step = (strain_limit - yield_strain) / STEPS
    # the knot just before the yield point keeps the kink sharp
    before = yield_strain * (1.0 - 1e-9)
    rows: list[tuple[float, ...]] = [
        (strain, cap.bulk * strain, 2.0 * cap.shear * strain, cap.bulk, 2.0 * cap.shear) for strain in (0.0, before)
    ]
    for index in range(STEPS + 1):
        first = _rates(cap, volume, theta)
        rows.append(_point(cap, yield_strain + index * step, volume, theta, first))
        # the angle settles within a few per cent of strain: its rate, K / p_c, is the stiff part and sets the substeps
        parts = max(1, math.ceil(8.0 * step * (cap.bulk + cap.shear) / (cap.p_c0 * math.exp(cap.k * volume))))
        for _ in range(parts):
            volume, theta = _runge_kutta(cap, volume, theta, step / parts)
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def cap_size_at_zero(cap: Cap) -> float:
    """p_c over strain of an elastic uniaxial path: where it meets the ellipse, cap_size is linear along the ray."""
    p, q = cap.bulk, 2.0 * cap.shear
    linear = (1.0 - cap.shift) * p
    return (-linear + math.sqrt(linear**2 + 4.0 * cap.shift * (p**2 + (q / cap.slope) ** 2))) / (2.0 * cap.shift)


def _runge_kutta(cap: Cap, volume: float, theta: float, step: float) -> tuple[float, float]:
    a = _rates(cap, volume, theta)
    b = _rates(cap, volume + 0.5 * step * a[0], theta + 0.5 * step * a[1])
    c = _rates(cap, volume + 0.5 * step * b[0], theta + 0.5 * step * b[1])
    d = _rates(cap, volume + step * c[0], theta + step * c[1])
    return (
        volume + step / 6.0 * (a[0] + 2.0 * b[0] + 2.0 * c[0] + d[0]),
        theta + step / 6.0 * (a[1] + 2.0 * b[1] + 2.0 * c[1] + d[1]),
    )


def _rates(cap: Cap, volume: float, theta: float) -> tuple[float, float]:
    """d v and d theta per axial strain."""
    size = cap.p_c0 * math.exp(cap.k * volume)
    centre, half = 0.5 * (1.0 - cap.shift) * size, 0.5 * (1.0 + cap.shift) * size
    sine, cosine = math.sin(theta), math.cos(theta)
    flow_p = (cap.bulk + cap.k * (centre + half * cosine)) * cosine
    flow_q = 3.0 * cap.shear * sine / cap.slope + cap.slope * cap.k * half * sine * cosine
    turn_p, turn_q = -half * sine, cap.slope * half * cosine
    determinant = flow_p * turn_q - flow_q * turn_p
    flow = (cap.bulk * turn_q - 2.0 * cap.shear * turn_p) / determinant
    turn = (2.0 * cap.shear * flow_p - cap.bulk * flow_q) / determinant
    return flow * cosine, turn


def _point(cap: Cap, strain: float, volume: float, theta: float, rates: tuple[float, float]) -> tuple[float, ...]:
    size = cap.p_c0 * math.exp(cap.k * volume)
    centre, half = 0.5 * (1.0 - cap.shift) * size, 0.5 * (1.0 + cap.shift) * size
    sine, cosine = math.sin(theta), math.cos(theta)
    grown, turned = cap.k * rates[0], rates[1]
    p, q = centre + half * cosine, cap.slope * half * sine
    return strain, p, q, grown * p - half * sine * turned, grown * q + cap.slope * half * cosine * turned
