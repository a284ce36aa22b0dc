"""Line load of a slice of the web against the gap of the rolls there: a table of nips, local flattening included.

A slice is a nip in plane strain, so the fast nip at some twenty line loads answers every slice of every roll. Units:
mm, N/mm, MPa, K. The gap is that of the rolls' surfaces before they flatten, foil included; penetration is the free
web's thickness less the gap.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator

from kalander.continuum.closure.contract import Closure, LoadingState
from kalander.continuum.nip.result import NipResult
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.setting import Pass
from kalander.continuum.nip.web import Web
from kalander.continuum.rolling import roll
from kalander.kernels.errors import NumericalError
from kalander.kernels.quantities import porosity

__all__ = ["READ", "LoadLaw", "Softened", "at_temperature"]

LOWEST = 1.0 / 300.0  # of the highest line load of a table; below, the straight line in logarithms goes on
NODES = 20
ENOUGH = 4  # nodes of a table that ends early

# what else is read off a slice: field of a nip's result
READ = ("porosity_exit", "porosity_nip", "springback", "exit_thickness", "loaded_gap", "peak_pressure")


@dataclass(frozen=True, eq=False)
class Softened:
    """A closure whose stresses, of loading and of release, are a share of another's."""

    whole: Closure
    factor: float

    @property
    def strain_limit(self) -> float:
        return self.whole.strain_limit

    @property
    def pressed(self) -> tuple[float, float] | None:
        """Lowest and highest pressure [MPa] that was released, for the notes on a closure; None if not known."""
        given = getattr(self.whole, "pressed", None)
        return None if given is None else (self.factor * given[0], self.factor * given[1])

    def pressure_at(self, strain: np.ndarray) -> np.ndarray:
        return self.factor * self.whole.pressure_at(strain)

    def pressure_slope_at(self, strain: np.ndarray) -> np.ndarray:
        return self.factor * self.whole.pressure_slope_at(strain)

    def recovery_at(self, strain: np.ndarray) -> np.ndarray:
        return self.whole.recovery_at(strain)

    def recovery_slope_at(self, strain: np.ndarray) -> np.ndarray:
        return self.whole.recovery_slope_at(strain)

    def unload_modulus_at(self, strain: np.ndarray) -> np.ndarray:
        return self.factor * self.whole.unload_modulus_at(strain)

    def lateral_ratio_at(self, strain: np.ndarray) -> np.ndarray:
        return self.whole.lateral_ratio_at(strain)

    def release(self, recovered: np.ndarray, recovery: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.whole.release(recovered, recovery)

    def unreleased(self, share: np.ndarray, recovery: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.whole.unreleased(share, recovery)

    def loading_at(self, pressure: np.ndarray) -> LoadingState:
        state = self.whole.loading_at(pressure / self.factor)
        return replace(
            state, strain_slope=state.strain_slope / self.factor, recovery_slope=state.recovery_slope / self.factor
        )


def at_temperature(web: Web, temperature: float) -> Web:
    """The web with its stresses at a temperature [K], throughout and for good. Raises InputError where none is left."""
    layers = []
    for layer in web.layers:
        factor = float(layer.stress_factor(np.array(temperature)))
        closure = layer.closure if factor == 1.0 else Softened(layer.closure, factor)
        layers.append(replace(layer, closure=closure, softening=0.0))
    return replace(web, layers=tuple(layers))


@dataclass(frozen=True, eq=False)
class Table:
    """One temperature: logarithms of penetration and line load, and what else is read there."""

    load: PchipInterpolator
    ends: tuple[float, float]
    slopes: tuple[float, float]
    highest: float
    read: dict[str, PchipInterpolator]

    def log_load(self, penetration: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ln q and d ln q / d ln penetration, straight beyond the ends."""
        inside = np.clip(penetration, *self.ends)
        below = penetration < self.ends[0]
        slope = np.where(below, self.slopes[0], self.slopes[1])
        value = self.load(inside)
        outside = penetration != inside
        derivative = np.where(outside, slope, self.load(inside, 1))
        return value + np.where(outside, slope * (penetration - inside), 0.0), derivative


@dataclass(frozen=True, eq=False)
class LoadLaw:
    """Line load [N/mm] of a slice by gap [mm], by temperature [K], and by how much thicker its coating is [mm].

    A thicker coating is pressed to the same strain at a wider gap, and its contact is longer by the root of the
    thicknesses' ratio, which is exact for rigid rolls. highest: line load [N/mm] up to which nips were computed.
    """

    web: Web
    temperatures: np.ndarray
    tables: tuple[Table, ...]

    @classmethod
    def of(cls, web: Web, rolls: Rolls, highest: float, temperatures: Sequence[float]) -> "LoadLaw":
        """Compute the tables up to a line load, or up to where the closure ends.

        Raises InputError; NumericalError where hardly any of these loads has a nip.
        """
        rigid_stand = replace(rolls, stand_compliance=0.0)  # the stand opens the whole gap, not a slice of it
        tables = [_table(at_temperature(web, one), rigid_stand, highest) for one in temperatures]
        return cls(web, np.array(temperatures, dtype=float), tuple(tables))

    @property
    def highest(self) -> float:
        """Largest line load [N/mm] that all tables know."""
        return min(table.highest for table in self.tables)

    def load_at(
        self, gap: np.ndarray, excess: np.ndarray | float = 0.0, temperature: np.ndarray | float | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Line load, 0 where nothing touches, and its slopes by gap [N/mm^2] and temperature [N/mm/K]; shape of gap."""
        ratio = self.web.coating / (self.web.coating + excess)
        penetration = (self.web.thickness + excess - gap) * ratio
        touches = penetration > 0.0
        depth = np.where(touches, penetration, 1.0)
        low, high, share, span = self._between(np.shape(gap), temperature)
        value, slope = self._logs(np.log(depth), low, high, share)
        load = np.where(touches, np.exp(value) / np.sqrt(ratio), 0.0)
        warmer = np.zeros(np.shape(gap))
        if span > 0.0:
            warmer = (self.tables[high].log_load(np.log(depth))[0] - self.tables[low].log_load(np.log(depth))[0]) / span
        return load, -load * slope / depth * ratio, load * warmer

    def _between(
        self, shape: tuple[int, ...], temperature: np.ndarray | float | None
    ) -> tuple[int, int, np.ndarray, float]:
        """The tables around temperatures: the outermost two, and the share of the hotter."""
        span = float(self.temperatures[-1] - self.temperatures[0])
        if temperature is None or span == 0.0:
            return 0, 0, np.zeros(shape), 0.0
        share = (np.broadcast_to(temperature, shape) - self.temperatures[0]) / span
        return 0, len(self.tables) - 1, share, span

    def _logs(self, depth: np.ndarray, low: int, high: int, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, slope = self.tables[low].log_load(depth)
        if high == low:
            return value, slope
        hot, hot_slope = self.tables[high].log_load(depth)
        return value + share * (hot - value), slope + share * (hot_slope - slope)

    def gap_at(
        self, load: float, excess: np.ndarray | float = 0.0, temperature: np.ndarray | float | None = None
    ) -> np.ndarray:
        """Gap [mm] at a line load [N/mm] above 0, shape of excess and temperature; Newton in logarithms."""
        given = 0.0 if temperature is None else temperature
        shape = np.broadcast_shapes(np.shape(excess), np.shape(given))
        ratio = np.broadcast_to(self.web.coating / (self.web.coating + np.asarray(excess)), shape)
        low, high, share, _ = self._between(shape, temperature)
        wanted = np.log(load * np.sqrt(ratio))
        depth = np.full(shape, float(self.tables[0].ends[1]))
        for _ in range(60):
            value, slope = self._logs(depth, low, high, share)
            change = (wanted - value) / slope
            depth = depth + change
            if np.max(np.abs(change)) < 1e-13:
                break
        return self.web.thickness + np.asarray(excess) - np.exp(depth) / ratio

    def read_at(
        self, gap: np.ndarray, excess: np.ndarray | float = 0.0, temperature: np.ndarray | float | None = None
    ) -> dict[str, np.ndarray]:
        """What else a slice has, by READ, shape of gap; where nothing touches the web is as it came."""
        ratio = self.web.coating / (self.web.coating + excess)
        depth = np.maximum((self.web.thickness + excess - gap) * ratio, 1e-12)
        low, high, share, _ = self._between(np.shape(gap), temperature)
        found = {}
        for name in READ:
            cold, hot = (self._read(one, name, np.log(depth)) for one in (low, high))
            found[name] = cold + share * (hot - cold)
        for name in ("exit_thickness", "loaded_gap"):  # the coating in proportion, the foil as it is
            found[name] = (found[name] - self.web.foil_thickness) / ratio + self.web.foil_thickness
        return found

    def _read(self, table: int, name: str, depth: np.ndarray) -> np.ndarray:
        return self.tables[table].read[name](np.exp(np.minimum(depth, self.tables[table].ends[1])))


def _table(web: Web, rolls: Rolls, highest: float) -> Table:
    nips = _nips(web, rolls, highest * np.geomspace(LOWEST, 1.0, NODES))
    load = np.array([nip.line_load for nip in nips])
    depth = web.thickness - np.array([nip.set_gap for nip in nips])
    steps = np.diff(np.log(load)) / np.diff(np.log(depth))
    bare = porosity(web.solid, web.coating)
    free = {
        "porosity_exit": bare, "porosity_nip": bare, "springback": 0.0,
        "exit_thickness": web.thickness, "loaded_gap": web.thickness, "peak_pressure": 0.0,
    }  # fmt: skip
    read = {
        name: PchipInterpolator(np.append(0.0, depth), np.append(free[name], [getattr(nip, name) for nip in nips]))
        for name in READ
    }
    return Table(
        load=PchipInterpolator(np.log(depth), np.log(load)),
        ends=(math.log(depth[0]), math.log(depth[-1])),
        slopes=(float(steps[0]), float(steps[-1])),
        highest=float(load[-1]),
        read=read,
    )


def _nips(web: Web, rolls: Rolls, loads: np.ndarray) -> list[NipResult]:
    """Nips at ascending line loads [N/mm], but for those so light that none is found and those beyond where the
    closure, or what the rolls stand, ends."""
    nips: list[NipResult] = []
    failure = NumericalError("no line load was asked for")
    for load in loads:
        try:
            nips += roll(web, rolls, [Pass(line_load=float(load))])
        except NumericalError as ends:
            failure = ends
            if nips:
                break
    if len(nips) < ENOUGH:
        raise failure
    return nips
