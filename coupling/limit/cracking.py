"""What boxes show of fracture on loading: the share cracked over pressure, where it passes a share, and how surely.

The coating's share is the mean over the seeds, for a box holds too few particles for one in a hundred; its interval is
that of seeds drawn anew.
"""

from dataclasses import dataclass

import numpy as np

from kalander.coupling.store.store import Data
from kalander.dem.loading.press import LEG
from kalander.kernels.quantities import platen_pressure

__all__ = ["Cracking", "alone", "cracking_of", "mean_field_stress"]

DRAWS = 2000  # of seeds, for an interval
LEVELS = 400  # of pressure, at which the shares of seeds are averaged
LOW, HIGH = 5.0, 95.0  # per cent


def mean_field_stress(pressure: float, coordination: float, solid_fraction: float) -> float:
    """Tensile stress in the spheres of a bed [Pa] if all contacts bore alike: s = 2.8 p / (Z rho).

    The force of a contact is F = 4 pi R^2 p / (Z rho) (Rumpf 1958; Christoffersen et al. 1981), the strength of a
    sphere crushed by it 2.8 F / (pi d^2) (Hiramatsu & Oka 1966).
    """
    return 2.8 * pressure / (coordination * solid_fraction)


@dataclass(frozen=True, eq=False)
class Cracking:
    """What the seeds of one coating show on loading. pressure (level,) [Pa], rising; cracked, porosity, coordination,
    solid_fraction (seed, level): cracked never falls."""

    pressure: np.ndarray
    cracked: np.ndarray
    porosity: np.ndarray
    coordination: np.ndarray
    solid_fraction: np.ndarray

    def crossing(self, share: float, seeds: np.ndarray | None = None) -> float | None:
        """Pressure [Pa] at which the mean over seeds (all, or some by row) of the share cracked exceeds `share`; None
        where it does not within the range."""
        mean = self.cracked[slice(None) if seeds is None else seeds].mean(axis=0)
        after = int(np.argmax(mean > share))
        if mean[after] <= share:
            return None
        if after == 0:
            return float(self.pressure[0])
        part = (share - mean[after - 1]) / (mean[after] - mean[after - 1])
        return float(self.pressure[after - 1] + part * (self.pressure[after] - self.pressure[after - 1]))

    def interval(self, share: float) -> tuple[float | None, float | None]:
        """5 and 95 % of the pressure over seeds drawn anew (bootstrap); None where that lies beyond the range, and of
        one seed, which tells no interval."""
        count = len(self.cracked)
        if count < 2:
            return None, None
        random = np.random.default_rng(0)
        drawn = [self.crossing(share, random.integers(0, count, count)) for _ in range(DRAWS)]
        low, high = np.percentile([np.inf if one is None else one for one in drawn], [LOW, HIGH], method="higher")
        return (float(low) if np.isfinite(low) else None), (float(high) if np.isfinite(high) else None)

    def at(self, column: str, pressure: float) -> float:
        """Mean over the seeds of a column at a pressure."""
        return float(np.interp(pressure, self.pressure, getattr(self, column).mean(axis=0)))


def cracking_of(pressed: Data, criterion: str) -> Cracking:
    """The share cracked by a criterion over the largest pressure so far, of the boxes pressed hardest."""
    frames, boxes = pressed.tables["frames"], pressed.tables["boxes"]
    curves = []
    for replica in np.unique(boxes["replica"]):
        mine = np.flatnonzero(boxes["replica"] == replica)
        box = mine[np.argmax(boxes["stress"][mine])]
        rows = np.flatnonzero((frames["box"] == box) & (frames["leg"] == LEG["load"]))
        pressure = np.maximum.accumulate(platen_pressure(frames["stress_low"][rows], frames["stress_high"][rows]))
        first = np.append(True, np.diff(pressure) > 0.0)  # a frame in which the bed gave way adds to the one before
        last = np.append(np.flatnonzero(first)[1:] - 1, len(rows) - 1)
        shares = np.maximum.accumulate(frames[f"cracked_{criterion}"][rows])[last]
        others = [frames[name][rows][last] for name in ("porosity", "coordination", "solid_fraction")]
        curves.append((pressure[last], shares, *others))
    levels = np.linspace(0.0, min(float(curve[0][-1]) for curve in curves), LEVELS)
    columns = [np.array([np.interp(levels, curve[0], curve[column]) for curve in curves]) for column in range(1, 5)]
    return Cracking(levels, *columns)


def alone(pressed: Data, replica: int) -> Data:
    """The boxes of one seed."""
    boxes, frames = pressed.tables["boxes"], pressed.tables["frames"]
    kept = np.flatnonzero(boxes["replica"] == replica)
    place = np.full(len(boxes["replica"]), -1, np.int32)
    place[kept] = np.arange(len(kept))
    rows = place[frames["box"]] >= 0
    return Data(
        {
            **pressed.tables,
            "boxes": {name: column[kept] for name, column in boxes.items()},
            "frames": {**{name: column[rows] for name, column in frames.items()}, "box": place[frames["box"][rows]]},
        },
        pressed.attributes,
    )
