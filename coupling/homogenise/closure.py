"""From pressed boxes to the closure of the nip: loading curve, recovery, lateral ratio, with their scatter."""

import numpy as np
from scipy.optimize import minimize_scalar

from kalander.continuum.closure.fit import ReplicaCurves, fit_closure
from kalander.continuum.closure.laws import TabulatedClosure
from kalander.coupling.scales import in_si, in_unit
from kalander.coupling.store.store import Data
from kalander.dem.loading.press import LEG
from kalander.kernels.columns import Column, Table
from kalander.kernels.errors import InputError, NumericalError
from kalander.kernels.quantities import platen_pressure

__all__ = ["CLOSURE", "closure_from", "closure_table", "closure_tables", "loaded_and_released"]

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


SMALLEST_RECOVERY = 1e-6  # of strain: a box that gives back less, or grows no thicker, has not been released


def loaded_and_released(frames: Table, box: int | np.integer) -> tuple[int, int]:
    """Rows of the turning point and of the last frame of a box."""
    rows = np.flatnonzero(frames["box"] == box)
    return int(rows[frames["leg"][rows] == LEG["load"]][-1]), int(rows[-1])


def closure_table(pressed: Data, *, porosity: float) -> Data:
    """Closure of pressed boxes, SI. Raises NumericalError where no box reached its stress and came back.

    Attributes beside porosity and exponent: `pressed`, lowest and highest stress [Pa] of a release, and `notes`.
    """
    replicas, notes = _replicas(pressed)
    try:
        closure = fit_closure(replicas, porosity=porosity, unload_exponent=_unload_exponent(pressed))
    except InputError as unfit:
        raise NumericalError(f"the pressed boxes make no closure: {unfit}") from unfit
    found = closure_tables(closure)
    return Data(found.tables, {**found.attributes, "notes": [*notes, *closure.notes]})


def closure_tables(closure: TabulatedClosure) -> Data:
    """A closure as the nip takes it (MPa) as its table in SI, with its attributes."""
    curve = {
        name: in_si(getattr(closure, name), "MPa") if column.unit == "Pa" else getattr(closure, name)
        for name, column in CLOSURE["curve"].items()
    }
    attributes = {
        "porosity": closure.porosity,
        "unload_exponent": closure.unload_exponent,
        "pressed": None if closure.pressed is None else [in_si(stress, "MPa") for stress in closure.pressed],
        "notes": [*closure.notes],
    }
    return Data({"curve": curve}, attributes)


def closure_from(data: Data) -> TabulatedClosure:
    """Closure as the nip takes it (MPa) from its table; older files do not say between which stresses it is known."""
    pressed = data.attributes.get("pressed")
    curve = data.tables["curve"]
    inside = {name: "MPa" if column.unit == "Pa" else "1" for name, column in CLOSURE["curve"].items()}
    return TabulatedClosure(
        porosity=data.attributes["porosity"],
        unload_exponent=data.attributes["unload_exponent"],
        pressed=None if pressed is None else (in_unit(float(pressed[0]), "MPa"), in_unit(float(pressed[1]), "MPa")),
        notes=tuple(data.attributes.get("notes", ())),
        **{name: in_unit(curve[name], inside[name]) for name in curve},
    )


def _replicas(pressed: Data) -> tuple[list[ReplicaCurves], list[str]]:
    """A replica's loading curve is that of its highest stress; its releases are those from all of its stresses.

    With a note on each box that gave nothing back, which is left out.
    """
    boxes, frames = pressed.tables["boxes"], pressed.tables["frames"]
    found: list[ReplicaCurves] = []
    notes: list[str] = []
    for replica in np.unique(boxes["replica"]):
        members = np.flatnonzero((boxes["replica"] == replica) & (boxes["reached"] == 1))
        if len(members) == 0:
            raise NumericalError(
                f"no box of replica {replica} reached its stress; raise press.max_strain or lower press.stress"
            )
        hardest = members[np.argmax(boxes["stress"][members])]
        rows = np.flatnonzero((frames["box"] == hardest) & (frames["leg"] == LEG["load"]))
        loaded, released = np.array([loaded_and_released(frames, box) for box in members]).T
        recovered = np.log(frames["height"][released] / frames["height"][loaded])
        stays = recovered < SMALLEST_RECOVERY
        notes += [
            f"the box of replica {replica} pressed to {stress:g} MPa grew no thicker when "
            "released: left out of the closure"
            for stress in in_unit(boxes["stress"][members[stays]], "MPa")
        ]
        if stays.all():
            raise NumericalError(
                f"no box of replica {replica} grew thicker when released: there is no recovery to roll by"
            )
        pressure, target = _pressure(frames, loaded), boxes["stress"][members]
        strain = np.log(boxes["start_height"][members] / frames["height"][loaded])
        found.append(
            ReplicaCurves(
                strain=np.log(boxes["start_height"][hardest] / frames["height"][rows]),
                pressure=_pressure(frames, rows),
                lateral_pressure=in_unit(0.5 * (frames["stress_xx"][rows] + frames["stress_yy"][rows]), "MPa"),
                release_pressure=pressure[~stays],
                release_modulus=pressure[~stays] / recovered[~stays],
                release_strain=strain[~stays],
                release_target=in_unit(target[~stays], "MPa"),
            )
        )
    return found, notes


def _pressure(frames: Table, rows: np.ndarray | int) -> np.ndarray:
    """Mean of both platens [MPa]."""
    return in_unit(platen_pressure(frames["stress_low"][rows], frames["stress_high"][rows]), "MPa")


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
