"""Closures by a power of the thickness and by a table, both of which release by a power; see the contract."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator, PPoly

from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT, ClosureRangeError, LoadingState
from kalander.continuum.closure.loading import LoadingTable
from kalander.continuum.closure.recovery import recovery_spline
from kalander.kernels.errors import Fault, InputError

__all__ = ["PowerClosure", "PowerRelease", "TabulatedClosure", "rising_spline"]

SMALLEST_SHARE = 1e-12  # of the turning pressure, below which a release by a power is a parabola
LEAST_END_SLOPE = 0.1  # of the chord beside it


class PowerRelease:
    """Release by a power m >= 1 of the strain still to be recovered."""

    unload_exponent: float

    def release(self, recovered: np.ndarray, recovery: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        exponent = self.unload_exponent
        remaining = np.maximum(1.0 - recovered / recovery, 0.0)
        tangent = np.where(remaining > 0.0, exponent * remaining ** (exponent - 1.0), 0.0) / recovery
        return remaining**exponent, -tangent, tangent * recovered / recovery

    def unreleased(self, share: np.ndarray, recovery: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inverse = 1.0 / self.unload_exponent
        power = np.maximum(share, SMALLEST_SHARE) ** (inverse - 1.0)
        # for m > 1 the slope of share^(1/m) grows without bound towards 0, where a web leaves the rolls; up to the
        # smallest share a parabola from 0 takes its place, with the same value and slope at its end
        curved = np.minimum(share / SMALLEST_SHARE, 1.0)
        ratio = power * share * np.where(share < SMALLEST_SHARE, 2.0 - inverse - (1.0 - inverse) * curved, 1.0)
        slope = power * np.where(share < SMALLEST_SHARE, 2.0 - inverse - 2.0 * (1.0 - inverse) * curved, inverse)
        return ratio, slope, np.zeros_like(ratio)


@dataclass(frozen=True)
class PowerClosure(PowerRelease):
    """p = p0 ((h_initial / h)^k - 1) with a constant unloading modulus.

    p0 [MPa], k [1], unload_modulus M [MPa]. The lateral ratio is assumed (compacted powders: 0.3 to 0.5); the nip
    does not use it.
    """

    p0: float
    k: float
    unload_modulus: float
    unload_exponent: float = 1.0
    lateral_ratio: float = 0.4

    def __post_init__(self) -> None:
        faults = [
            Fault(f"closure.{name}", getattr(self, name), "makes no stiffness", "above 0")
            for name in ("p0", "k", "unload_modulus")
            if not 0.0 < getattr(self, name) < math.inf
        ]
        faults += _exponent_faults(self.unload_exponent)
        if faults:
            raise InputError(faults)

    @property
    def strain_limit(self) -> float:
        return math.inf

    def pressure_at(self, strain: np.ndarray) -> np.ndarray:
        return self.p0 * np.expm1(self.k * strain)

    def pressure_slope_at(self, strain: np.ndarray) -> np.ndarray:
        return self.p0 * self.k * np.exp(self.k * strain)

    def recovery_at(self, strain: np.ndarray) -> np.ndarray:
        return self.pressure_at(strain) / self.unload_modulus

    def recovery_slope_at(self, strain: np.ndarray) -> np.ndarray:
        return self.pressure_slope_at(strain) / self.unload_modulus

    def unload_modulus_at(self, strain: np.ndarray) -> np.ndarray:
        return np.full(np.shape(strain), self.unload_modulus)

    def lateral_ratio_at(self, strain: np.ndarray) -> np.ndarray:
        return np.full(np.shape(strain), self.lateral_ratio)

    def loading_at(self, pressure: np.ndarray) -> LoadingState:
        return LoadingState(
            np.log1p(pressure / self.p0) / self.k, 1.0 / (self.k * (self.p0 + pressure)),
            pressure / self.unload_modulus, np.full(np.shape(pressure), 1.0 / self.unload_modulus),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class TabulatedClosure(PowerRelease):
    """A closure known at knots, from particle boxes, with its standard deviations over replicas.

    porosity: of the free coating, strain 0. Arrays of shape (knots,): strain from 0; pressure [MPa] from 0;
    unload_modulus [MPa]; lateral_ratio; each *_sd over replicas (nan where one replica leaves it unknown).
    Between knots ln(1 + p / p_s) is a monotone cubic (PCHIP; Fritsch & Carlson 1980) with p_s a hundredth of the last
    pressure: for p << p_s this is p itself and reaches 0 without an offset, above it is ln p, in which a stiffening
    coating is nearly straight. The recovery strain p / M of the knots, 0 at the first, is a piecewise cubic by which
    the lasting strain rises where it does from knot to knot (see `recovery_spline`); the lateral ratio is a PCHIP. A
    strain beyond the last knot raises ClosureRangeError. pressed: lowest and highest pressure [MPa] of releases, None
    if not known. notes: what was done to the data, a sentence each.
    """

    porosity: float
    strain: np.ndarray
    pressure: np.ndarray
    unload_modulus: np.ndarray
    lateral_ratio: np.ndarray
    pressure_sd: np.ndarray
    unload_modulus_sd: np.ndarray
    lateral_ratio_sd: np.ndarray
    unload_exponent: float = 1.0
    pressed: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if faults := list(_table_faults(self)):
            raise InputError(faults)

    @property
    def strain_limit(self) -> float:
        return float(self.strain[-1])

    @cached_property
    def _pressure_scale(self) -> float:
        return 0.01 * float(self.pressure[-1])

    @cached_property
    def _log_pressure(self) -> CubicHermiteSpline:
        return rising_spline(self.strain, np.log1p(self.pressure / self._pressure_scale))

    @cached_property
    def _recovery(self) -> PPoly:
        return recovery_spline(self.strain, self.pressure / self.unload_modulus)

    @cached_property
    def _lateral(self) -> PchipInterpolator:
        return PchipInterpolator(self.strain, self.lateral_ratio)

    def pressure_at(self, strain: np.ndarray) -> np.ndarray:
        return self._pressure_scale * np.expm1(self._log_pressure(self._known(strain)))

    def pressure_slope_at(self, strain: np.ndarray) -> np.ndarray:
        return (self.pressure_at(strain) + self._pressure_scale) * self._log_pressure(strain, 1)

    def recovery_at(self, strain: np.ndarray) -> np.ndarray:
        return self._recovery(self._known(strain))

    def recovery_slope_at(self, strain: np.ndarray) -> np.ndarray:
        return self._recovery(strain, 1)

    def unload_modulus_at(self, strain: np.ndarray) -> np.ndarray:
        loaded = np.maximum(strain, 1e-6 * self.strain_limit)  # both vanish at 0, their ratio does not
        return self.pressure_at(loaded) / self.recovery_at(loaded)

    def lateral_ratio_at(self, strain: np.ndarray) -> np.ndarray:
        return self._lateral(self._known(strain))

    def loading_at(self, pressure: np.ndarray) -> LoadingState:
        return self._backwards.loading_at(pressure)

    @cached_property
    def _backwards(self) -> LoadingTable:
        return LoadingTable.of(self)

    def _known(self, strain: np.ndarray) -> np.ndarray:
        """The strains as they came, or ClosureRangeError if one lies outside the table."""
        low, high = float(np.min(strain)), float(np.max(strain))
        # ln(H / (H e^-limit)) may exceed the limit by a rounding
        if low < 0.0 or high > self.strain_limit * (1.0 + 1e-12):
            raise ClosureRangeError(
                f"strain {low if low < 0.0 else high:.4g} lies outside the closure, known from 0 to "
                f"{self.strain_limit:.4g} ({self.pressure[-1]:.4g} MPa); press the particle boxes further"
            )
        return strain


def rising_spline(x: np.ndarray, values: np.ndarray) -> CubicHermiteSpline:
    """PCHIP of values that increase, with slopes above 0 at both ends too, where PCHIP may set 0.

    There a coating would have no stiffness, and its strain at a pressure no slope. A tenth of the first or last chord's
    slope is the least: a cubic is monotone with slopes of up to three times the chord's (Fritsch & Carlson 1980).
    """
    slopes, chords = PchipInterpolator(x, values)(x, 1), np.diff(values) / np.diff(x)
    slopes[[0, -1]] = np.maximum(slopes[[0, -1]], LEAST_END_SLOPE * chords[[0, -1]])
    return CubicHermiteSpline(x, values, slopes)


def _exponent_faults(exponent: float) -> list[Fault]:
    # below 1 the tangent at the end of the release is infinite
    return [] if 1.0 <= exponent < math.inf else [Fault("closure.unload_exponent", exponent, "is too small", ">= 1")]


def _table_faults(table: TabulatedClosure) -> Iterator[Fault]:
    """Every reason to refuse a table; the later ones need the shapes and numbers to be in order."""
    yield from _exponent_faults(table.unload_exponent)
    if not 0.0 < table.porosity < 1.0:
        yield Fault("closure.porosity", table.porosity, "is no porosity", "above 0, below 1")
        return
    shape = np.shape(table.strain)
    if len(shape) != 1 or shape[0] < 3:
        yield Fault("closure.strain", shape, "is the shape of no table", "one dimension, three knots or more")
        return
    arrays = {f.name: getattr(table, f.name) for f in fields(table) if f.type == "np.ndarray" or f.type is np.ndarray}
    broken = [
        Fault(f"closure.{name}", np.shape(array), "differs from the shape of strain or is not finite", str(shape))
        for name, array in arrays.items()
        if np.shape(array) != shape or not (name.endswith("_sd") or np.all(np.isfinite(array)))
    ]
    yield from broken
    if broken:
        return
    for name in ("strain", "pressure"):
        array = arrays[name]
        if array[0] != 0.0:
            yield Fault(f"closure.{name}[0]", float(array[0]), "is not the free coating", "0")
        if np.any(falls := np.diff(array) <= 0.0):
            knot = int(np.argmax(falls)) + 1
            why = "does not increase" if name == "strain" else "does not increase: the coating would have no stiffness"
            yield Fault(f"closure.{name}[{knot}]", float(array[knot]), why, f"above {array[knot - 1]:.6g}")
    if np.min(table.unload_modulus) <= 0.0:
        yield Fault("closure.unload_modulus", float(np.min(table.unload_modulus)), "is no stiffness", "above 0 MPa")
    if np.min(table.lateral_ratio) < 0.0:
        yield Fault("closure.lateral_ratio", float(np.min(table.lateral_ratio)), "is a lateral pull", "0 or more")
    for name in (name for name in arrays if name.endswith("_sd")):
        if np.any(arrays[name] < 0.0):
            yield Fault(f"closure.{name}", float(np.nanmin(arrays[name])), "is no standard deviation", "0 or more")
    densest = (1.0 - table.porosity) * math.exp(min(float(table.strain[-1]), 100.0))
    if densest > SOLID_FRACTION_LIMIT:
        allowed = f"up to {math.log(SOLID_FRACTION_LIMIT / (1.0 - table.porosity)):.6g}"
        why = f"compresses the coating to solid fraction {densest:.4g}, above {SOLID_FRACTION_LIMIT}"
        yield Fault("closure.strain[-1]", float(table.strain[-1]), why, allowed)
