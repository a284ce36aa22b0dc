"""Temperature along the face of a roll: growth, zones that heat it, and how the roll evens them out.

Units: mm, K, s. A roll as long as it is thick and more is a fin: along it T - l^2 T'' + tau dT/dt = T_zone with
l^2 = k A / (h P), tau = rho c A / (h P), no heat through its ends; A section, P circumference, h heat transfer to the
zones' medium. What zones ask for is thus smeared over l. Incropera & DeWitt, Fundamentals of Heat and Mass Transfer,
section 3.6.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm, solve

from kalander.continuum.rolls.width import share_within
from kalander.kernels.errors import Fault, InputError

__all__ = ["Fin", "centre_hot", "growth", "zone_profiles"]


def growth(expansion: float, diameter: float, temperature: np.ndarray) -> np.ndarray:
    """How much wider a roll [mm] gets by warming [K]: alpha D T, which of two equal rolls closes the gap as much.

    expansion alpha [1/K]. Plane sections: a place as warm through the whole section grows freely.
    """
    return expansion * diameter * temperature


def centre_hot(y: np.ndarray, rise: float) -> np.ndarray:
    """A parabola that is `rise` [K] hotter in the middle than at the ends of the face, shape of y."""
    return rise * (1.0 - (y / y[-1]) ** 2)


@dataclass(frozen=True)
class Fin:
    """How a roll evens out its temperature along the face: length l [mm], time constant tau [s]."""

    length: float
    time: float

    @classmethod
    def of(cls, diameter: float, bore: float, conductivity: float, heat_capacity: float, transfer: float) -> "Fin":
        """Of a roll [mm] with conductivity [N/(s K)], heat capacity per volume [MPa/K] and heat transfer [N/(mm s K)]
        over its circumference. Raises InputError."""
        for name, value in (("conductivity", conductivity), ("heat_capacity", heat_capacity), ("transfer", transfer)):
            if not 0.0 < value < math.inf:
                raise InputError(Fault(f"temperature.{name}", value, "is no property", "above 0"))
        depth = (diameter**2 - bore**2) / (4.0 * diameter)  # section over circumference
        return cls(math.sqrt(conductivity * depth / transfer), heat_capacity * depth / transfer)

    def reached(self, y: np.ndarray, after: float = math.inf) -> np.ndarray:
        """The matrix that makes a roll's temperature of its zones', shape (n, n); `after` [s] from an even roll."""
        size, spacing = y.size, float(y[1] - y[0])
        ends = np.full(size, 2.0)
        ends[[0, -1]] = 1.0
        along = np.diag(ends) - np.diag(np.ones(size - 1), 1) - np.diag(np.ones(size - 1), -1)
        volume = np.ones(size)
        volume[[0, -1]] = 0.5  # the outermost cells are half as long
        losses = np.eye(size) + (self.length / spacing) ** 2 * along / volume[:, None]
        steady = solve(losses, np.eye(size))
        if math.isinf(after):
            return steady
        return steady - expm(-losses * after / self.time) @ steady


def zone_profiles(y: np.ndarray, zones: list[tuple[float, float]], reached: np.ndarray | None = None) -> np.ndarray:
    """Temperature of the face per kelvin of each zone (start, end [mm] from the middle), shape (n, zones).

    reached: matrix of a fin; None: zones as sharp as the stations. Raises InputError for zones off the face.
    """
    faults = [
        Fault(f"temperature.zones[{index}]", zone, "is no stretch of the face", f"from {y[0]:g} to {y[-1]:g} mm")
        for index, zone in enumerate(zones)
        if not y[0] - 1e-9 <= zone[0] < zone[1] <= y[-1] + 1e-9
    ]
    if faults:
        raise InputError(faults)
    profiles = np.column_stack([share_within(y, *zone) for zone in zones])
    return profiles if reached is None else reached @ profiles
