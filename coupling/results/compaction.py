"""`kalander compact PACKING --case CASE.toml -o CURVE.csv`: a given packing led along a given path, answered in SI."""

import hashlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cards.toml import read_toml
from kalander.coupling.cases.compact import CompactCase, load_compact_case
from kalander.coupling.cases.legs import NORMAL_AXES
from kalander.coupling.packings.packing_files import Spheres, read_spheres
from kalander.coupling.results.devices import device_answer, started
from kalander.coupling.results.validity import validity_flags
from kalander.coupling.scales import in_si, in_unit
from kalander.coupling.stages.compact import compact_stage, curve_rows, path_rows, write_curve
from kalander.coupling.stages.faults.compact_faults import case_warnings, fit_faults, may_not_narrow, narrowed
from kalander.coupling.stages.held_stresses import beyond_promise, stress_legs, why_unfinished
from kalander.coupling.store.atomic import try_output
from kalander.coupling.store.store import Data
from kalander.coupling.study.execution import Schedule, carry_out
from kalander.coupling.study.saves import newest_valid, remove_saves
from kalander.coupling.study.signals import Left, stop_requests
from kalander.coupling.study.stage import Progress, Stage, identity_of, stage_key
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.measure.ledger import HEATS, turnover
from kalander.kernels.columns import Table
from kalander.kernels.errors import CheckpointError, Fault, InputError, Interrupted, NumericalError

__all__ = ["compact"]

log = logging.getLogger("kalander")

ENERGIES = ("work", "elastic", "kinetic", "heat", "bond_heat", "fracture_energy")


def compact(
    packing: Path | str,
    case: Path | str,
    curve: Path | str,
    *,
    overrides: Mapping[str, str] | None = None,
    device: str = "auto",
    precision: str = "f64",
    threads: int | None = None,
    allow_software: bool = False,
    save_every: float = 600.0,
    max_walltime: float = math.inf,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Any]:
    """Lead a packing along the path of a case, write its curve, and return the answer of the contract.

    Saves lie in CURVE.saves until the curve is finished; the same call goes on from them. Raises InputError,
    DeviceError, CheckpointError, NumericalError (the end of the path was not reached: the curve so far is kept),
    StorageError, Interrupted (likewise, and saved).
    """
    curve = Path(curve)
    loaded, spheres = _read(Path(packing), Path(case), overrides)
    _refuse_unwritable(curve)
    question = {"case": loaded.model_dump(mode="json"), "packing": _digest(spheres)}
    running, identity, schedule = started(device, precision, threads, allow_software)
    stage = compact_stage(loaded, spheres, question, precision=precision, schedule=schedule)
    wanted = identity_of(stage, {}, identity)
    whole = {**identity, **wanted, "key": stage_key(wanted)}
    began = time.monotonic()
    try:
        done, steps = _work(stage, whole, curve, save_every, max_walltime, on_progress)
    except Left as left:
        raise Interrupted(f"{left}: there was nothing new to save; go on with the same call") from None
    wall = time.monotonic() - began
    write_curve(curve, curve_rows(done))
    remove_saves(_saves(curve))
    narrow = [replace(fault, where=str(packing)) for fault in narrowed(loaded, spheres, done)]
    if narrow and may_not_narrow(spheres):
        raise InputError(narrow)
    answer = {
        **_answer(loaded, spheres, done, [str(fault) for fault in narrow]),
        "wall_s": wall,
        "particle_steps_per_s": len(spheres.radius) * steps / wall,
        "device": device_answer(running),
        "curve": str(curve),
        "warnings": [*(f"{Path(packing).name}: {note}" for note in spheres.notes), *case_warnings(loaded, spheres)],
    }
    answer["warnings"] += beyond_promise(answer["stress_legs"])
    if not answer["path_finished"]:
        leg = answer["legs_done"] + 1
        remedy = f"see until of path[{(leg - 1) % len(loaded.path)}], or raise max_strain"
        raise NumericalError(
            f"leg {leg} of {len(loaded.path) * loaded.passes} did not end: {curve} holds the curve up to a strain of "
            f"{answer['strain_max']:.3g}; {why_unfinished(loaded, done) or remedy}"
        )
    return answer


def _read(packing: Path, case: Path, overrides: Mapping[str, str] | None) -> tuple[CompactCase, Spheres]:
    """Case and packing, which fit each other."""
    loaded = load_compact_case(case, overrides=overrides)
    spheres = read_spheres(packing, loaded.packing, materials=len(loaded.material), periodic=loaded.periodic)
    place = read_toml(case).place
    faults = [replace(fault, where=place(fault.where)) for fault in fit_faults(loaded, spheres)]
    if faults:
        raise InputError(faults)
    for note in spheres.notes:
        log.warning("%s: %s", packing.name, note)
    return loaded, spheres


def _refuse_unwritable(curve: Path) -> None:
    """Before minutes of work: a folder for the curve, in which one may write."""
    if curve.is_dir():
        raise InputError(Fault("-o", str(curve), "is a directory", "the path of a CSV file"))
    if not curve.resolve().parent.is_dir():
        raise InputError(Fault("-o", str(curve), "lies in no folder", "a path in an existing folder"))
    try_output(curve)


def _digest(spheres: Spheres) -> str:
    """Hash of all of a packing that the curve depends on."""
    total = hashlib.sha256()
    for values in (spheres.position, spheres.radius, spheres.type, spheres.box_size, *(spheres.bonds or {}).values()):
        total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()


def _saves(curve: Path) -> Path:
    return curve.with_name(f"{curve.name}.saves")


def _work(
    stage: Stage,
    identity: Mapping[str, Any],
    curve: Path,
    save_every: float,
    max_walltime: float,
    on_progress: Callable[[Progress], None],
) -> tuple[Data, int]:
    """Follow the path from the newest save, saving and stopping between samples; the end, and the steps done here."""
    saves = _saves(curve)
    resume = newest_valid(saves, stage, identity)
    useless = (*resume.other_device, *resume.damaged, *resume.unsound)
    if resume.state is None and useless:
        raise CheckpointError(f"{'; '.join(useless)}; delete {saves} to begin again")
    if resume.path is not None:
        log.warning("went on from %s", resume.path)
    before = _steps(resume.state) if resume.state else 0
    deadline = time.monotonic() + max_walltime

    def leave(state: Data) -> str:
        write_curve(curve, curve_rows(state))
        return f", the curve so far is in {curve}"

    with stop_requests() as signals:

        def stop() -> str:
            late = time.monotonic() >= deadline
            return signals() or (f"wall time of {max_walltime:g} s is over" if late else "")

        schedule = Schedule(save_every, stop, signals)
        done = carry_out(saves, stage, {}, resume.state, identity, on_progress, schedule, on_leaving=leave)
    return done, _steps(done) - before


def _steps(state: Data) -> int:
    return int(state.tables["boxes"]["step"][0])


def _answer(case: CompactCase, spheres: Spheres, done: Data, flags: list[str]) -> dict[str, Any]:
    """What the curve says as a whole; flags: beside those of its numbers."""
    rows, progress = path_rows(done), done.tables["progress"]
    last = {name: float(values[-1]) for name, values in rows.items()}
    normal = [rows[f"stress_{axis}"] for axis in NORMAL_AXES]
    start, lost = float(progress["start_energy"][0]), last["heat"] + last["bond_heat"]
    gap = last["work"] - (last["kinetic"] + last["elastic"] - start) - lost - last["fracture_energy"]
    error = gap / float(turnover(rows["work"], lost, rows["elastic"], start).max())
    validity = {
        "inertial_number_max": _inertial_number(rows, spheres, case),
        "overlap_ratio_max": float(rows["overlap_ratio"].max()),
        "energy_error": error,
    }
    return {
        "particles": len(spheres.radius),
        "steps": _steps(done),
        "path_finished": bool(progress["done"][0] == 1),
        "legs_done": int(progress["leg"][0]),
        "stress_max_Pa": in_si(float(np.max(normal) if case.periodic else rows["stress"].max()), "MPa"),
        "strain_max": float(rows["strain"].max()),
        "solid_fraction_max": float(rows["solid_fraction"].max()),
        "solid_fraction_end": last["solid_fraction"],
        "max_overlap_ratio": validity["overlap_ratio_max"],
        "energy_error": error,
        "stress_legs": stress_legs(case, done),
        "material_time_s": last["material_time"],
        "energies_J": {
            **{name: in_si(last[name], "pJ") for name in (*ENERGIES, *HEATS)},
            "work_largest": in_si(float(np.abs(rows["work"]).max()), "pJ"),
        },
        "validity": {**validity, "flags": [*flags, *validity_flags(validity, case.contact.law)]},
    }


def _inertial_number(rows: Table, spheres: Spheres, case: CompactCase) -> float:
    """Largest I = rate d sqrt(density / stress) between rows, of those that carry a tenth of the largest stress."""
    if case.periodic:
        lengths = [np.log1p(-rows[f"strain_{axis}"]) for axis in NORMAL_AXES]
        closing = np.abs(np.diff([*lengths, rows["strain_xz"]], axis=1)).max(axis=0)
        stress = np.mean([rows[f"stress_{axis}"] for axis in NORMAL_AXES], axis=0)[1:]
    else:
        closing = np.abs(np.diff(rows["height"])) / rows["height"][1:]
        stress = rows["stress_mean"][1:]
    carrying = stress >= 0.1 * stress.max(initial=0.0)
    time = np.diff(rows["time"])
    if not (carrying & (time > 0) & (stress > 0)).any():
        return 0.0
    volume = sphere_volume(spheres.radius)
    mean = np.average([case.material[kind].density for kind in spheres.type], weights=volume)
    density = in_unit(mean, "ng/um^3")
    rate = closing / np.maximum(time, 1e-300)
    number = rate * 2e6 * spheres.radius.mean() * np.sqrt(density / np.maximum(stress, 1e-300))
    return float(number[carrying & (time > 0) & (stress > 0)].max())
