"""`homogenise`: all that the boxes of a study know of the coating, probed until it yields, in one file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kalander.continuum.closure.retardation import retardation
from kalander.coupling.homogenise.gather import gathered_coating
from kalander.coupling.homogenise.homogenised import PROPERTIES, Homogenised
from kalander.coupling.homogenise.moduli import FREE, stiffness_by_density, with_stiffness
from kalander.coupling.homogenise.stored import homogenised_of, load_homogenised, save_homogenised
from kalander.coupling.homogenise.yielding import with_yield
from kalander.coupling.results.compress import ignore, shown
from kalander.coupling.results.devices import running
from kalander.coupling.results.means import number
from kalander.coupling.results.study import Study
from kalander.coupling.stages.chain import schedule_for
from kalander.coupling.stages.probe import probe_work
from kalander.coupling.store.atomic import try_output
from kalander.coupling.store.store import Data, canonical_json, read_identity
from kalander.coupling.study.stage import Progress, stage_key
from kalander.kernels.device.backend import Device
from kalander.kernels.errors import CheckpointError, Fault, InputError
from kalander.kernels.quantities import porosity

__all__ = ["FILE", "homogenise", "homogenise_answer", "known_coating"]

FILE = "homogenised.h5"
VERSION = 2  # raised when the same study would now give another coating
PARENTS = ("pack", "press", "closure", "transport")
YIELD = ("yield_pressure", "cap_slope", "cap_shift", "tensile_strength", "shear_strength")
SIX_BY_SIX = tuple(name for name, kind in PROPERTIES.items() if kind.shape == (6, 6))
KEYS = {"Pa": "_Pa", "S/m": "_S_per_m", "1": ""}


def homogenise(
    study: Study | Path | str, *, probe: bool = True, device: Device | str | None = None,
    on_progress: Callable[[Progress], None] = ignore,
) -> Homogenised:  # fmt: skip
    """The coating of a finished study, stored as homogenised.h5 in its folder and read from there when it still holds.

    probe: press the packings once more and probe them until they yield; else what the stages know alone. Raises
    InputError (no study, press or closure missing), DeviceError, CheckpointError, NumericalError, StorageError.
    """
    study = study if isinstance(study, Study) else Study.open(study)
    closure, packed, pressed = (study.data(name) for name in ("closure", "pack", "press"))
    if closure is None or packed is None or pressed is None:
        why = f"is not computed yet: {', '.join(name for name in study.missing)}"
        raise InputError(Fault(str(study.folder), study.folder.name, why, "a study whose closure is finished"))
    path = study.folder / FILE
    identity = _identity(study, probe)
    if (known := stored_coating(path, identity)) is not None:
        return known
    try_output(path)
    coating = coating_of(study, closure, pressed)
    if probe:
        used = running(device)
        work = probe_work(study.card, packed, used.precision, schedule_for(used.kind))
        probed = shown(work, on_progress)
        coating = with_yield(with_stiffness(coating, probed.stiff), probed.yielded)
        coating = replace(coating, notes=(*coating.notes, *probed.notes))
    save_homogenised(coating, path, identity=identity)
    return coating


def coating_of(study: Study, closure: Data, pressed: Data) -> Homogenised:
    """What the stages know: of boxes that were held, their relaxation is in the closure already."""
    measured = study.data("transport")
    gathered = gathered_coating(closure, pressed, measured)
    if "properties" not in closure.tables:
        return gathered
    held = homogenised_of(closure)
    return Homogenised(
        held.law, {**gathered.knots, **held.knots}, held.relaxation, held.shift, held.thermal,
        tuple(dict.fromkeys((*gathered.notes, *held.notes))),
    )  # fmt: skip


def known_coating(study: Study) -> Homogenised | None:
    """What `homogenise` has stored in the folder of a study, where it is of the stages that are there now."""
    for probed in (True, False):
        if (known := stored_coating(study.folder / FILE, _identity(study, probed))) is not None:
            return known
    return None


def _identity(study: Study, probed: bool) -> dict[str, Any]:
    """All that a stored coating depends on."""
    return {
        "homogenised": VERSION, "probed": probed, "precision": str(study.identity.get("precision", "f64")),
        "parents": {name: stage_key(study.stored[name].identity) for name in PARENTS if name in study.stored},
    }  # fmt: skip


def stored_coating(path: Path, identity: dict[str, Any]) -> Homogenised | None:
    """That of the file, where it was made of the same stages; None where it was not, is damaged or absent."""
    if not path.exists():
        return None
    try:
        there = read_identity(path)
        same = all(canonical_json(there.get(name)) == canonical_json(value) for name, value in identity.items())
        return load_homogenised(path) if same else None
    except CheckpointError:
        return None


def homogenise_answer(study: Study, one: Homogenised) -> dict[str, Any]:
    """The JSON object of `kalander homogenise`: one entry a pressed stress, under load; fabric as released."""
    density = _densities(one)
    states = {name: one.at(name, density) for name in one.known if name != "relaxation_weight"}
    stiffness = states.get("stiffness")
    floppy = states.get("floppy_modes")
    at_knots = {name: one.knots[name] for name in YIELD if name in one.knots}
    return {
        "study": str(study.folder),
        "file": str(study.folder / FILE),
        "porosity": porosity(density, np.ones_like(density)).tolist(),
        "pressure_Pa": states["pressure"].value.tolist(),
        "stiffness_Pa": None if stiffness is None else stiffness.value.tolist(),
        "floppy_modes": None if floppy is None else [number(value) for value in floppy.value],
        "moduli": _moduli_answer(one, "stiffness"),
        "free_moduli": _moduli_answer(one, FREE),
        "yield": {
            "stress_measure": "Cauchy",
            **{
                f"{name}{KEYS[PROPERTIES[name].unit]}": {
                    "porosity": porosity(knots.density, np.ones_like(knots.density)).tolist(),
                    "value": knots.mean.tolist(),
                    "sd": [number(value) for value in knots.deviation],
                }
                for name, knots in at_knots.items()
            },
        },
        **_relaxation_answer(one),
        "fabric": None if "fabric" not in one.knots else one.at("fabric", _released(one, density)).value.tolist(),
        "properties": {
            f"{name}{KEYS[PROPERTIES[name].unit]}": found.value.tolist()
            for name, found in states.items() if name in PROPERTIES and name not in (*YIELD, *SIX_BY_SIX, "fabric")
        },
        "uncertainty": {
            name: [None if np.isnan(value).any() else value.tolist() for value in np.asarray(found.deviation)]
            for name, found in states.items()
        },
        "inside": {name: found.inside.tolist() for name, found in states.items()},
        "notes": list(one.notes),
    }  # fmt: skip


def _moduli_answer(one: Homogenised, name: str) -> list[dict[str, Any]]:
    """One entry a knot: constants along MD (x), CD (y) and z, nearest symmetric tensors with their misfit, bounds."""
    found = []
    for density, stiffness in stiffness_by_density(one, name):
        told = stiffness.to_dict()
        ratio, spread = stiffness.anisotropy
        found.append({
            "porosity": float(porosity(density, 1.0)), **told, "orthotropic_Pa": stiffness.orthotropic[0].tolist(),
            "in_plane_over_z": number(ratio), "in_plane_over_z_sd": number(spread),
        })  # fmt: skip
    return found


def _densities(one: Homogenised) -> np.ndarray:
    """Relative densities of the boxes under their stresses."""
    return one.knots["released_density"].density


def _released(one: Homogenised, density: np.ndarray) -> np.ndarray:
    return one.at("released_density", density).value


def _relaxation_answer(one: Homogenised) -> dict[str, Any]:
    series = one.relaxation
    if series is None:
        return {"relaxation": [], "retardation": [], "relaxation_held": False}
    for_weights, for_times = series.intervals() if series.terms else (np.zeros((0, 2)), np.zeros((0, 2)))
    terms = [
        {
            "weight": float(weight), "time_s": float(time),
            "weight_lo90": float(low[0]), "weight_hi90": float(low[1]),
            "time_lo90_s": float(high[0]), "time_hi90_s": float(high[1]),
        }
        for weight, time, low, high in zip(series.weights, series.times, for_weights, for_times)
    ]  # fmt: skip
    crept = retardation(series.weights, series.times) if series.terms else None
    shift = one.shift
    return {
        "relaxation": terms,
        "retardation": []
        if crept is None
        else [{"weight": float(weight), "time_s": float(time)} for weight, time in zip(crept.weights, crept.times)],
        "relaxation_held": True,
        "reference_temperature_K": one.thermal.reference,
        "softening_per_K": one.thermal.softening,
        "shift": None
        if shift is None
        else {
            "law": shift.law, "activation_energy_J_per_mol": number(shift.energy),
            "activation_energy_sd_J_per_mol": number(shift.energy_error), "c1": number(shift.c1),
            "c2_K": number(shift.c2), "from_K": shift.measured[0], "to_K": shift.measured[1],
        },
    }  # fmt: skip
