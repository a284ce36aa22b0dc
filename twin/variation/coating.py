"""One virtual coating: its recipe with deviations, before and behind the nip; many at once. SI."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kalander.coupling.cards.electrode import Electrode, solid_density
from kalander.kernels.errors import Fault, InputError
from kalander.kernels.quantities import porosity, solid_share
from kalander.twin.cell.state import ElectrodeState

__all__ = ["Coatings", "TransportCurves", "coatings_of"]

Columns = Mapping[str, np.ndarray]
RELATIVE = ("loading", "thickness", "particle_size", "binder", "hardness")


@dataclass(frozen=True, eq=False)
class Coatings:
    """n dry coatings: loading [kg/m²], porosity, thickness of one side [m], pressure over that of the closure, size of
    the particles over the study's, volume shares of the solids (active, additive; the rest is carbon and binder)."""

    loading: np.ndarray
    porosity: np.ndarray
    thickness: np.ndarray
    pressure_scale: np.ndarray
    size: np.ndarray
    active_share: np.ndarray
    additive_share: np.ndarray

    def pressed_thickness(self, pressed: np.ndarray) -> np.ndarray:
        """Of one side at a porosity [m]: solids stay, and the web does not widen."""
        return self.thickness * solid_share(self.porosity) / solid_share(pressed)

    def fractions(self, pressed: np.ndarray) -> dict[str, np.ndarray]:
        """Volume fractions at a porosity; they sum to 1."""
        solids = solid_share(pressed)
        active, additive = solids * self.active_share, solids * self.additive_share
        return {"porosity": pressed, "active": active, "additive": additive, "binder": solids - active - additive}


def _recipe(electrode: Electrode, binder_deviation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Density of the solids [kg/m³], and shares of their volume that are active and additive, with other shares of
    binder; the other masses keep their ratios. A density that was measured moves as that of the recipe does."""
    mass, own = electrode.mass_fractions, electrode.densities
    binder = mass.binder * (1.0 + binder_deviation)
    others = (1.0 - binder) / (1.0 - mass.binder)
    rest = mass.active / electrode.active.density + mass.graphite / own.graphite + mass.carbon / own.carbon
    volume = others * rest + binder / own.binder
    density = solid_density(electrode) * (rest + mass.binder / own.binder) / volume
    return (
        density,
        others * mass.active / electrode.active.density * density,
        (others * mass.graphite / own.graphite * density),
    )


def coatings_of(electrode: Electrode, deviations: Columns, binder_exponent: float = 0.0) -> Coatings:
    """Coatings with deviations (n,) by quantity; what is missing has none. Raises InputError: no such coating."""
    count = len(next(iter(deviations.values())))
    given = {name: np.asarray(deviations.get(name, np.zeros(count)), float) for name in RELATIVE + ("porosity",)}
    density, active_share, additive_share = _recipe(electrode, given["binder"])
    loading = electrode.mass_loading * (1.0 + given["loading"])
    if "thickness" in deviations:
        free = electrode.mass_loading / (solid_density(electrode) * solid_share(electrode.porosity))
        thickness = free * (1.0 + given["thickness"])
        pores = porosity(loading / density, thickness)
    else:
        pores = electrode.porosity + given["porosity"]
        thickness = loading / (density * solid_share(pores))
    if not ((pores > 0.02) & (pores < 1.0)).all():
        worst = float(pores[np.argmax(np.abs(pores - 0.5))])
        raise InputError(Fault("tolerance", worst, "is a porosity that a dry coating would have", "narrower scatter"))
    scale = (1.0 + given["hardness"]) * (1.0 + given["binder"]) ** binder_exponent
    return Coatings(loading, pores, thickness, scale, 1.0 + given["particle_size"], active_share, additive_share)


@dataclass(frozen=True)
class TransportCurves:
    """D_eff/D_0 = a ε^b and σ = c (1 − ε)^d through the states of a study; *_scatter: of ln about the line, by packing.

    size: radius of the study's particles [m]; connected: share of active volume that is joined to the collector.
    """

    ionic: tuple[float, float]
    electronic: tuple[float, float]
    ionic_scatter: float
    electronic_scatter: float
    size: float
    connected: float

    @classmethod
    def of(cls, states: tuple[ElectrodeState, ...]) -> "TransportCurves":
        """By least squares on logarithms. Raises InputError: fewer than two porosities that conduct."""
        good = [one for one in states if one.conducts]
        pores = np.array([one.porosity for one in good])
        if len(good) < 2 or np.ptp(pores) < 0.01:
            why = "states let ions and electrons through, at porosities too near each other for a curve"
            raise InputError(Fault("study.transport", len(good), why, "two stresses or more that differ"))
        ionic, ionic_scatter = _line(np.log(pores), [one.effective_ratio for one in good])
        electronic, electronic_scatter = _line(np.log(solid_share(pores)), [one.sigma for one in good])
        joined = [one.active / (one.active + one.lost) for one in good if one.stress > 0] or [1.0]
        size = float(np.mean([one.particle_radius for one in good]))
        return cls(ionic, electronic, ionic_scatter, electronic_scatter, size, float(np.mean(joined)))

    def ratio(self, pores: np.ndarray) -> np.ndarray:
        """D_eff/D_0 [1]; never above that of pores without detours."""
        return np.minimum(self.ionic[0] * pores ** self.ionic[1], pores)

    def sigma(self, pores: np.ndarray) -> np.ndarray:
        """Conductivity of electrons [S/m]."""
        return self.electronic[0] * solid_share(pores) ** self.electronic[1]

    def answer(self) -> dict[str, Any]:
        return {
            "ionic_factor": self.ionic[0], "ionic_power": self.ionic[1], "ionic_ln_scatter": self.ionic_scatter,
            "electronic_factor_S_per_m": self.electronic[0], "electronic_power": self.electronic[1],
            "electronic_ln_scatter": self.electronic_scatter, "connected": self.connected,
        }  # fmt: skip


def _line(x: np.ndarray, values: list[float]) -> tuple[tuple[float, float], float]:
    """Factor and power of values = factor exp(x)^power, and the scatter of ln about it."""
    y = np.log(values)
    power, offset = np.polyfit(x, y, 1)
    left = y - offset - power * x
    return (math.exp(offset), float(power)), float(np.sqrt((left**2).sum() / max(len(y) - 2, 1)))
