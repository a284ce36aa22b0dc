"""Layers that densify under one pressure: the states that an optimal pressure history steers.

A layer tends to its equilibrium densification S(z) at the pressure z with a relaxation time τ. A linear layer follows
both ways, e' = (c z - e) / τ; a saturating or tabulated one is irreversible, e' = [S(z) - e]₊ / τ, where the positive
part is smoothed over a width δ: [x]₊ = (x + √(x² + δ²)) / 2. Time in s, pressure in MPa, densification e as a share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.interpolate import CubicSpline

__all__ = ["Equilibrium", "Layers", "Linear", "Saturating", "Tabulated", "layers_of"]

SMOOTHING = 0.02  # width of the positive part over the largest densification: layers do not stop at once


class Equilibrium(Protocol):
    """Densification that a layer tends to at pressures of any shape [MPa], with its first two derivatives."""

    def value(self, pressure: np.ndarray) -> np.ndarray: ...

    def at(self, pressure: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...

    @property
    def largest(self) -> float:
        """Densification that no pressure passes; infinite for a linear layer."""


@dataclass(frozen=True)
class Linear:
    """S = c z; compliance c [1/MPa]."""

    compliance: float

    def value(self, pressure: np.ndarray) -> np.ndarray:
        return self.compliance * pressure

    def at(self, pressure: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.compliance * pressure, np.full_like(pressure, self.compliance), np.zeros_like(pressure)

    @property
    def largest(self) -> float:
        return np.inf


@dataclass(frozen=True)
class Saturating:
    """S = e_max (1 - exp(-z / κ)); e_max as a share, κ [MPa]."""

    max_densification: float
    pressure_scale: float

    def value(self, pressure: np.ndarray) -> np.ndarray:
        return -self.max_densification * np.expm1(-pressure / self.pressure_scale)

    def at(self, pressure: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left = self.max_densification * np.exp(-pressure / self.pressure_scale)
        return self.max_densification - left, left / self.pressure_scale, -left / self.pressure_scale**2

    @property
    def largest(self) -> float:
        return self.max_densification


@dataclass(frozen=True, eq=False)
class Tabulated:
    """S through points of a measured or computed curve; straight in ln(1 + z / scale) beyond its last pressure.

    A cubic spline of that logarithm with few knots: conditions of second order ask for a second derivative that does
    not jump.
    """

    curve: CubicSpline
    scale: float
    last: float
    largest: float

    @classmethod
    def through(cls, pressure: np.ndarray, densification: np.ndarray) -> "Tabulated":
        """pressure [MPa] from 0, increasing; densification from 0, increasing. As many knots as leave it increasing."""
        scale = float(np.interp(0.25 * densification[-1], densification, pressure))
        place = np.log1p(pressure / scale)
        for knots in (12, 9, 7, 5, 3):
            at = np.linspace(0.0, place[-1], knots)
            curve = CubicSpline(at, np.interp(at, place, densification))
            if (curve(np.linspace(0.0, place[-1], 40 * knots), 1) > 0.0).all():
                break
        return cls(curve, scale, float(pressure[-1]), float(densification[-1]))

    def value(self, pressure: np.ndarray) -> np.ndarray:
        place = np.log1p(np.maximum(pressure, -0.5 * self.scale) / self.scale)
        inside = np.minimum(place, self.curve.x[-1])
        return self.curve(inside) + (place - inside) * self.curve(self.curve.x[-1], 1)

    def at(self, pressure: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        place = np.log1p(np.maximum(pressure, -0.5 * self.scale) / self.scale)
        end = self.curve.x[-1]
        inside = np.minimum(place, end)
        slope = self.curve(inside, 1)
        bend = np.where(place <= end, self.curve(inside, 2), 0.0)
        by_pressure = np.exp(-place) / self.scale
        value = self.curve(inside) + (place - inside) * slope
        return value, slope * by_pressure, (bend - slope) * by_pressure**2


@dataclass(frozen=True, eq=False)
class Layers:
    """N layers: shares of the thickness (sum 1), relaxation times [s], equilibria; reversible if all are linear."""

    weight: np.ndarray
    relaxation_time: np.ndarray
    equilibrium: tuple[Equilibrium, ...]
    smoothing: float

    @property
    def count(self) -> int:
        return len(self.weight)

    @cached_property
    def linear(self) -> bool:
        return all(isinstance(one, Linear) for one in self.equilibrium)

    @property
    def has_authority(self) -> bool:
        """Whether the history of pressure can change the gradient at a given mean.

        All layers see one pressure. With one relaxation time and equilibria in proportion, e_i(T) = k_i X(T) for any
        history, so that the gradient at a given mean is fixed.
        """
        times = self.relaxation_time
        if np.ptp(times) > 1e-9 * times.max():
            return True
        probe = np.geomspace(1e-2, 1e3, 40)
        ratios = np.array([one.at(probe)[0] for one in self.equilibrium]) / self.equilibrium[0].at(probe)[0]
        return bool((np.ptp(ratios, axis=1) > 1e-9 * np.abs(ratios).max(axis=1)).any())

    def targets(self, pressure: np.ndarray) -> np.ndarray:
        """S_i(z) (N, ...) of pressures of any shape [MPa]."""
        return np.array([one.value(pressure) for one in self.equilibrium])

    def flow(self, drive: np.ndarray) -> np.ndarray:
        """e' [1/s] of S - e, both (N, k)."""
        if not self.linear:
            drive = 0.5 * (drive + np.sqrt(drive * drive + self.smoothing**2))
        return drive / self.relaxation_time[:, None]

    def slopes(self, state: np.ndarray, pressure: np.ndarray) -> tuple[np.ndarray, ...]:
        """f, f_e, f_z, f_ee, f_ez, f_zz of f_i(e_i, z), each of shape (N, m)."""
        parts = [one.at(pressure) for one in self.equilibrium]
        target, first, second = (np.array([part[k] for part in parts]) for k in range(3))
        rate = 1.0 / self.relaxation_time[:, None]
        zero = np.zeros_like(target)
        drive = target - state
        if self.linear:
            return rate * drive, zero - rate, rate * first, zero, zero, rate * second
        root = np.hypot(drive, self.smoothing)
        value, slope, bend = 0.5 * (drive + root), 0.5 * (1.0 + drive / root), 0.5 * self.smoothing**2 / root**3
        return (
            rate * value, -rate * slope, rate * slope * first,
            rate * bend, -rate * bend * first, rate * (bend * first**2 + slope * second),
        )  # fmt: skip


def layers_of(weight: Sequence[float], relaxation_time: Sequence[float], equilibrium: Sequence[Equilibrium]) -> Layers:
    """Layers whose weights are brought to the sum 1."""
    share = np.asarray(weight, float)
    largest = max((one.largest for one in equilibrium if np.isfinite(one.largest)), default=1.0)
    return Layers(share / share.sum(), np.asarray(relaxation_time, float), tuple(equilibrium), SMOOTHING * largest)
