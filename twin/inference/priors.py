"""Priors of the parameters, each in a coordinate without bounds in which sampling and curvature are at home.

A prior knows its coordinate u, the value x(u), and the logarithm of the density of u, normalised, so that evidences of
models with other parameters can be compared.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kalander.twin.impedance.cell import CellModel

__all__ = ["NOISE", "HalfNormal", "LogNormal", "LogUniform", "Prior", "Uniform", "spectrum_priors"]

HALF_LOG_TAU = 0.5 * np.log(2.0 * np.pi)
QUIET = 1e-3  # of the least modulus: the noise that an instrument has where the impedance is small
NOISE = ("noise_share", "noise_mix", "noise_absolute")


class Prior(Protocol):
    """What every prior below answers; u and x are arrays of any shape. about: mean and standard deviation of u."""

    @property
    def about(self) -> tuple[float, float]: ...
    def value(self, u: np.ndarray) -> np.ndarray: ...
    def coordinate(self, x: np.ndarray | float) -> np.ndarray: ...
    def log_density(self, u: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class LogNormal:
    """ln x is normal about ln(median) with standard deviation spread; u = ln x."""

    median: float
    spread: float

    @property
    def about(self) -> tuple[float, float]:
        return float(np.log(self.median)), self.spread

    def value(self, u: np.ndarray) -> np.ndarray:
        return np.exp(u)

    def coordinate(self, x: np.ndarray | float) -> np.ndarray:
        return np.log(x)

    def log_density(self, u: np.ndarray) -> np.ndarray:
        return -0.5 * ((u - np.log(self.median)) / self.spread) ** 2 - np.log(self.spread) - HALF_LOG_TAU


@dataclass(frozen=True)
class HalfNormal:
    """x is the size of a normal number of standard deviation scale; u = ln x, so that 0 is no wall."""

    scale: float

    @property
    def about(self) -> tuple[float, float]:
        """Moments of the logarithm of chi squared of one degree of freedom, halved."""
        return float(np.log(self.scale)) - 0.5 * (float(np.euler_gamma) + float(np.log(2.0))), np.pi / np.sqrt(8.0)

    def value(self, u: np.ndarray) -> np.ndarray:
        return np.exp(u)

    def coordinate(self, x: np.ndarray | float) -> np.ndarray:
        return np.log(x)

    def log_density(self, u: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            square = np.exp(2.0 * (u - np.log(self.scale)))
        return np.log(2.0) - HALF_LOG_TAU + u - np.log(self.scale) - 0.5 * square


@dataclass(frozen=True)
class Uniform:
    """x is anywhere between two ends; u is the logit of its place between them."""

    low: float
    high: float

    @property
    def about(self) -> tuple[float, float]:
        """Moments of the logistic distribution."""
        return 0.0, np.pi / np.sqrt(3.0)

    def value(self, u: np.ndarray) -> np.ndarray:
        return self.low + (self.high - self.low) * _share(u)

    def coordinate(self, x: np.ndarray | float) -> np.ndarray:
        share = np.clip((np.asarray(x, float) - self.low) / (self.high - self.low), 1e-9, 1.0 - 1e-9)
        return np.log(share) - np.log1p(-share)

    def log_density(self, u: np.ndarray) -> np.ndarray:
        size = np.abs(u)
        return -size - 2.0 * np.log1p(np.exp(-size))


@dataclass(frozen=True)
class LogUniform:
    """ln x is anywhere between two ends."""

    low: float
    high: float

    @property
    def of_logarithm(self) -> Uniform:
        return Uniform(float(np.log(self.low)), float(np.log(self.high)))

    @property
    def about(self) -> tuple[float, float]:
        return self.of_logarithm.about

    def value(self, u: np.ndarray) -> np.ndarray:
        return np.exp(self.of_logarithm.value(u))

    def coordinate(self, x: np.ndarray | float) -> np.ndarray:
        return self.of_logarithm.coordinate(np.log(x))

    def log_density(self, u: np.ndarray) -> np.ndarray:
        return self.of_logarithm.log_density(u)


def _share(u: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-u)) without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(u)))


def spectrum_priors(
    model: CellModel,
    *,
    area: float,
    unit_resistance: float,
    smallest: float,
    separator: float | None = None,
    electronic: tuple[float, float] | None = None,
) -> dict[str, Prior]:
    """Priors of a cell's parameters and of the noise. area [m²], unit_resistance: R_ion [ohm] of tortuosity 1,

    smallest: modulus [ohm] of the spectrum, by which only the absolute noise is scaled. separator: its resistance
    [ohm] where known. electronic: resistance [ohm] of the solid with its relative error, where it was measured.

    ionic: tortuosity 0.3 to 300, all alike in the logarithm: the data decide, and the joint law, not this, knows
    that tau >= 1. series: 15 ohm cm² (5 to 10 ohm of a cell of 2 to 3 cm², Landesfeind 2016) within a factor 4.5.
    q: 2 mF/cm² within a factor 12, from planar graphite to nanoporous carbon. exponent: 0.5 to 1, all alike.
    inductance: leads of 3 uH or less. rail_ratio: 1e-4 to 1, all alike in the logarithm; of two rails one cannot
    tell which is which, and electrons are taken for the faster; span and front as ionic and series. arc: 5 ohm cm²,
    at 5 kHz, within factors 4.5 and 7. noise_share: 0.7 % within a factor 2.7, of each component (noise_mix 0) or
    of the modulus (1), or anything between; absolute 0.1 % of the smallest modulus within 4.5.
    """
    cm2 = 1e-4 / area
    priors: dict[str, Prior] = {
        "ionic": LogUniform(0.3 * unit_resistance, 300.0 * unit_resistance),
        "series": LogNormal(15.0 * cm2, 1.5) if separator is None else LogNormal(separator + 5.0 * cm2, 0.7),
        "q": LogNormal(2e-3 / cm2, 2.5),
        "exponent": Uniform(0.5, 1.0),
        "inductance": HalfNormal(3e-6),
        "rail_ratio": LogUniform(1e-4, 1.0),
        "electronic": LogNormal(*(electronic or (1.0, 1.0))),
        "arc_resistance": LogNormal(5.0 * cm2, 1.5),
        "arc_frequency": LogNormal(5e3, 2.0),
        "arc_exponent": Uniform(0.6, 1.0),
        "noise_share": LogNormal(7e-3, 1.0),
        "noise_mix": Uniform(0.0, 1.0),
        "noise_absolute": LogNormal(QUIET * smallest, 1.5),
    }
    priors |= {"span": priors["ionic"], "front": priors["series"]}
    return {name: priors[name] for name in (*model.names, *NOISE)}
