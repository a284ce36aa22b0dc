"""From pressed boxes to the closure of the nip: loading curve, recovery, lateral ratio, with their scatter."""

import numpy as np
from scipy.optimize import minimize_scalar

from kalander.continuum.closure import TabulatedClosure
from kalander.continuum.closure_fit import ReplicaCurves, fit_closure
from kalander.coupling.store import Data
from kalander.dem.press_tables import LEG
from kalander.kernels.columns import Column, Table
from kalander.kernels.errors import NumericalError

__all__ = ["CLOSURE", "closure_from", "closure_table", "loaded_and_released"]

CURVE = ("strain", "pressure", "unload_modulus", "lateral_ratio")
UNITS = {"strain": "1", "pressure": "Pa", "unload_modulus": "Pa", "lateral_ratio": "1"}
MEANING = {
    "strain": "ln(initial / present thickness) of the coating",
    "pressure": "pressure on first loading",
    "unload_modulus": "pressure over the strain ln(released / loaded thickness) recovered from it",
    "lateral_ratio": "stress in the plane over the pressure",
}

CLOSURE = {
    "curve": {
        **{name: Column("f8", ("knot",), UNITS[name], MEANING[name]) for name in CURVE},
        **{
            f"{name}_sd": Column("f8", ("knot",), UNITS[name], f"scatter over replicas: {MEANING[name]}", nullable=True)
            for name in CURVE[1:]
        },
    }
}


def loaded_and_released(frames: Table, box: int | np.integer) -> tuple[int, int]:
    """Rows of the turning point and of the last frame of a box."""
    rows = np.flatnonzero(frames["box"] == box)
    return int(rows[frames["leg"][rows] == LEG["load"]][-1]), int(rows[-1])


def closure_table(pressed: Data, *, porosity: float) -> Data:
    """Closure of pressed boxes, SI. Raises NumericalError where no box reached its stress."""
    closure = fit_closure(_replicas(pressed), porosity=porosity, unload_exponent=_unload_exponent(pressed))
    curve = {
        "strain": closure.strain,
        "lateral_ratio": closure.lateral_ratio,
        "lateral_ratio_sd": closure.lateral_ratio_sd,
        **{
            name: getattr(closure, name) * 1e6
            for name in ("pressure", "unload_modulus", "pressure_sd", "unload_modulus_sd")
        },
    }
    attributes = {"porosity": closure.porosity, "unload_exponent": closure.unload_exponent}
    return Data({"curve": {name: curve[name] for name in CLOSURE["curve"]}}, attributes)


def closure_from(data: Data) -> TabulatedClosure:
    """Closure as the nip takes it (MPa) from its table."""
    curve = data.tables["curve"]
    scale = {name: 1e-6 if column.unit == "Pa" else 1.0 for name, column in CLOSURE["curve"].items()}
    return TabulatedClosure(
        porosity=data.attributes["porosity"],
        unload_exponent=data.attributes["unload_exponent"],
        **{name: curve[name] * scale[name] for name in curve},
    )


def _replicas(pressed: Data) -> list[ReplicaCurves]:
    """A replica's loading curve is that of its highest stress; its releases are those from all of its stresses."""
    boxes, frames = pressed.tables["boxes"], pressed.tables["frames"]
    found = []
    for replica in np.unique(boxes["replica"]):
        members = np.flatnonzero((boxes["replica"] == replica) & (boxes["reached"] == 1))
        if len(members) == 0:
            raise NumericalError(
                f"no box of replica {replica} reached its stress; raise press.max_strain or lower press.stress"
            )
        hardest = members[np.argmax(boxes["stress"][members])]
        rows = np.flatnonzero((frames["box"] == hardest) & (frames["leg"] == LEG["load"]))
        ends = [loaded_and_released(frames, box) for box in members]
        modulus = [
            _pressure(frames, loaded) / np.log(frames["height"][released] / frames["height"][loaded])
            for loaded, released in ends
        ]
        found.append(
            ReplicaCurves(
                strain=np.log(boxes["start_height"][hardest] / frames["height"][rows]),
                pressure=_pressure(frames, rows),
                lateral_pressure=0.5e-6 * (frames["stress_xx"][rows] + frames["stress_yy"][rows]),
                release_pressure=np.array([_pressure(frames, loaded) for loaded, _ in ends]),
                release_modulus=np.array(modulus),
            )
        )
    return found


def _pressure(frames: Table, rows: np.ndarray | int) -> np.ndarray:
    """Mean of both platens [MPa]."""
    return 0.5e-6 * (frames["stress_low"][rows] + frames["stress_high"][rows])


def _unload_exponent(pressed: Data) -> float:
    """Exponent m of p = p_max (1 − s/r)^m that fits all releases best; s is the strain recovered, r its end."""
    frames, boxes = pressed.tables["frames"], pressed.tables["boxes"]
    shares, levels = [], []
    for box in np.flatnonzero(boxes["reached"] == 1):
        loaded, released = loaded_and_released(frames, box)
        rows = np.arange(len(frames["box"]))[(frames["box"] == box) & (frames["leg"] == LEG["release"])]
        recovered = np.log(frames["height"][rows] / frames["height"][loaded])
        shares.append(
            np.clip(1.0 - recovered / np.log(frames["height"][released] / frames["height"][loaded]), 0.0, 1.0)
        )
        levels.append(_pressure(frames, rows) / _pressure(frames, loaded))
    share, level = np.concatenate(shares), np.concatenate(levels)
    fit = minimize_scalar(lambda m: float(np.sum((share**m - level) ** 2)), bounds=(1.0, 6.0), method="bounded")
    return float(fit.x)
