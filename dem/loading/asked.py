"""What the legs on which boxes are ask of them, as columns with a row a box."""

import numpy as np

from kalander.dem.loading.path import AXES, ENDS, Leg, Path

__all__ = ["LENGTHS", "PLACE", "SHARES", "SHEAR", "STRESSES", "STRESS_ENDS", "VOLUME", "ZZ", "Asked"]

VOLUME, ZZ = 3, 2  # axes of a volume, and that of platens
PLACE = {name: place for place, name in enumerate(ENDS)}
STRESSES = [PLACE[f"stress_{axis}"] for axis in AXES[:VOLUME]]
LENGTHS = [PLACE[f"strain_{axis}"] for axis in AXES[:VOLUME]]
SHEAR = PLACE["strain_xz"]
STRESS_ENDS = slice(PLACE["pressure"], PLACE["strain"])
PRESSING = {"pressure", "strain"}
SHARES = [place for name, place in PLACE.items() if not (name.startswith("stress") or name in ("pressure", "height"))]


class Asked:
    """What the legs on which boxes are ask of them, a row each; NaN where they do not."""

    def __init__(self, path: Path, leg: np.ndarray, *, cell: bool) -> None:
        self.legs = [path.legs[min(number, len(path.legs) - 1)] for number in leg.tolist()]
        count = len(self.legs)

        def of_box(value: float | np.ndarray | None, box: int) -> float:
            return np.nan if value is None else float(np.broadcast_to(value, count)[box])

        def column(name: str) -> np.ndarray:
            return np.array([of_box(getattr(leg, name), box) for box, leg in enumerate(self.legs)])

        def ends(name: str) -> np.ndarray:
            return np.array([of_box(leg.until.get(name), box) for box, leg in enumerate(self.legs)])

        self.speed, self.temperature, self.approach_factor, self.inertial_number, self.least_pressure = (
            column(name) for name in ("speed", "temperature", "approach_factor", "inertial_number", "least_pressure")
        )
        self.material_speed, self.material_rate, self.material_time = (
            column(f"material_{name}") for name in ("speed", "rate", "time")
        )
        self.rate = np.array([np.broadcast_to(leg.rate, (count, 4))[box] for box, leg in enumerate(self.legs)])
        self.target = np.array([_stresses(leg, cell=cell) for leg in self.legs])
        self.held = np.isfinite(self.target)
        self.goal = np.where(self.held, np.abs(self.target), 0.0).max(axis=1)  # largest stress held, 0 for none
        self.quasi_static = np.isfinite(self.inertial_number)
        self.ends = np.column_stack([ends(name) for name in ENDS])
        self.steps, self.time = (np.nan_to_num(ends(name), nan=np.inf) for name in ("steps", "time"))
        self.endless = np.array([not leg.until for leg in self.legs])
        # legs that end by more than pressure and strain under an inertial number
        self.further = ~self.quasi_static | np.array([bool(leg.until.keys() - PRESSING) for leg in self.legs])

    def met(self, box: int) -> dict[str, float]:
        """Ends of the leg of a box beside steps and time."""
        row = self.ends[box]
        return {name: float(row[PLACE[name]]) for name in self.legs[box].until if name in PLACE}


def _stresses(leg: Leg, *, cell: bool) -> np.ndarray:
    """Stresses of x, y, z that a leg holds, NaN for none."""
    if leg.stress is None or not cell:
        return np.array([np.nan, np.nan, np.nan if leg.stress is None else leg.stress])
    return np.broadcast_to(np.asarray(leg.stress, float), VOLUME)
