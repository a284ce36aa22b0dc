"""A packing that is periodic in all directions led along the path of a case: strain rates and stresses of its axes."""

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import numpy as np

from kalander.coupling.cases.compact import REST_STEPS, CompactCase
from kalander.coupling.cases.legs import AXES, NORMAL_AXES, PathLeg, by_axis
from kalander.coupling.scales import fracture_in, relaxation_of
from kalander.coupling.stages.stored_names import as_held, as_stored
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress
from kalander.dem.ageing.bond_clock import no_branches
from kalander.dem.ageing.reforming import no_lasting
from kalander.dem.bodies.material import Material
from kalander.dem.bodies.state import Ensemble, sphere_volume
from kalander.dem.loading.triaxial import PROBE_SHARE, Probe, ProbeLeg, ProbeMoment, ProbeState, probe
from kalander.dem.loading.triaxial_tables import PROBE, PROBE_PROGRESS
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault
from kalander.kernels.laws.book import card_laws

__all__ = ["EXTRA_COLUMNS", "PERIODIC_TABLES", "box_faults", "curve_of", "periodic_work", "probe_of"]

PERIODIC_TABLES = {"progress": as_stored(PROBE_PROGRESS), "rows": PROBE}

# name in the file -> (column of the curve, factor to SI), beside the columns of every curve
EXTRA_COLUMNS = {
    **{f"strain_{axis}": (f"strain_{axis}", 1.0) for axis in AXES},
    "stress_xz_Pa": ("stress_xz", 1e6),
    "temperature_K": ("temperature", 1.0),
    "material_time_s": ("material_time", 1.0),
    "energy_error": ("energy_error", 1.0),
}

# inertial number of a stress leg that gives no strain_rate: quasi-static (GDR MiDi, Eur. Phys. J. E 14 (2004) 341)
QUASI_STATIC = 1e-3
ENDS_INSIDE = {"time": 1e6, "steps": 1.0, "solid_fraction": 1.0, "strain": 1.0, "stress": 1e-6}


def box_faults(case: CompactCase) -> list[Fault]:
    """Where the path and the box of a case do not belong together; `where` is the key alone."""
    return list(_lattice_faults(case) if case.periodic else _plate_faults(case))


def _plate_faults(case: CompactCase) -> Iterator[Fault]:
    """What a box between plates cannot do."""
    remedy = '[box] periodic = "xyz" for a packing without plates'
    if case.plates is None:
        yield Fault("plates", "(nothing)", "is given, but a value is required", f"a table with material, or {remedy}")
    for k, leg in enumerate(case.path):
        for name, other in (("strain_rate", "plate_speed"), ("material_strain_rate", "material_speed")):
            value = getattr(leg, name)
            if value is not None:
                yield Fault(f"path[{k}].{name}", value, "needs a box without plates", f"{other}, or {remedy}")
        ends = leg.until.ends if leg.until else {}
        given = {"stress": leg.stress, "until.stress": ends.get("stress"), "until.strain": ends.get("strain")}
        for name, value in given.items():
            if isinstance(value, Mapping):
                yield Fault(f"path[{k}].{name}", value, "is by axis, but plates have one", f"one value, or {remedy}")


def _lattice_faults(case: CompactCase) -> Iterator[Fault]:
    """What a box without plates cannot do."""
    remedy = 'strain_rate, or [box] periodic = "xy" for plates'
    if case.plates is not None:
        yield Fault("plates.material", case.plates.material.name, 'has no place in a box that is periodic in "xyz"',
                    'no [plates], or [box] periodic = "xy"')  # fmt: skip
    if case.packing.plates is not None:
        yield Fault("packing.plates", list(case.packing.plates), 'has no place in a box that is periodic in "xyz"',
                    'nothing, or [box] periodic = "xy"')  # fmt: skip
    if not case.contact.meant.supports.periodic:
        others = ", ".join(f'"{name}"' for name in card_laws(lambda law: law.supports.periodic))
        yield Fault("contact.law", case.contact.law, "is for spheres between plates", others)
    for k, leg in enumerate(case.path):
        for name in ("plate_speed", "material_speed"):
            if getattr(leg, name) is not None:
                other = "material_strain_rate" if name == "material_speed" else remedy
                yield Fault(f"path[{k}].{name}", getattr(leg, name), "needs plates, which the box has not", other)
        if leg.plate_speed is None:
            yield from _unmet_ends(k, leg)


def _unmet_ends(k: int, leg: PathLeg) -> Iterator[Fault]:
    """Ends that a leg of a box without plates does not have, or can never come to."""
    ends = leg.until.ends if leg.until else {}
    if "height" in ends:
        yield Fault(f"path[{k}].until.height", ends["height"], "needs plates, which the box has not",
                    "until = { strain = { zz = 0.1 } }")  # fmt: skip
    moves = set(leg.moving) | set(by_axis(leg.stress))
    for axis in by_axis(ends["strain"]) if isinstance(ends.get("strain"), Mapping) else ():
        wanted, key = ends["strain"][axis], f"path[{k}].until.strain.{axis}"
        if axis not in moves:
            why = "is never met: the axis does not move"
            yield Fault(key, wanted, why, f"a strain_rate or stress of {axis}, or the strain of another axis")
        elif wanted * leg.moving.get(axis, wanted) < 0:
            yield Fault(key, wanted, "is never met: the axis moves the other way", "the sign of the strain_rate")


def probe_of(case: CompactCase, ensemble: Ensemble) -> Probe:
    """The path of a case in the units of the particle world."""
    frames, step = case.frames, case.step
    every_steps, every_strain = frames.every_steps, frames.every_strain
    if every_steps is None and every_strain is None:
        every_steps = 500
    given = "contact_share" in step.model_fields_set
    return Probe(
        legs=tuple(_leg(leg, ensemble) for leg in case.path) * case.passes,
        time_step=float(ensemble.boxes["dt"].max()),
        contact_share=np.inf if step.dt is not None else step.contact_share if given else PROBE_SHARE,
        control_steps=frames.sample_steps or min(40, max(1, (every_steps or 400) // 10)),
        every_steps=every_steps,
        every_strain=every_strain,
        max_strain=case.max_strain,
        most_steps=10**8,
        narrow_ends=True,
        relaxation=None if case.binder is None else relaxation_of(case.binder),
        reform=None if case.binder is None else case.binder.reform_after,
        fracture=fracture_in(case.fracture),
    )


def _leg(leg: PathLeg, ensemble: Ensemble) -> ProbeLeg:
    rates, held = by_axis(leg.strain_rate), by_axis(leg.stress)
    stress = tuple(held.get(axis, np.nan * 1e6) / 1e6 for axis in NORMAL_AXES)
    if held:
        quiet = quasi_static_rate(ensemble, max(held.values()) / 1e6) * 1e6
        fastest = max([quiet, *(abs(rate) for rate in rates.values())])  # what is held can follow what moves
        rates = {**dict.fromkeys(held, fastest), **rates}
    ends = dict(_ends_inside(leg.until.ends if leg.until else {}))
    if leg.hold is not None and "steps" not in ends:
        ends["steps"] = REST_STEPS
    along = None if leg.material_strain_rate is None else leg.material_strain_rate * 1e-6
    rate = tuple(rates.get(axis, 0.0) * 1e-6 for axis in AXES)
    return ProbeLeg(rate, stress, ends, leg.temperature, along, leg.hold)


def quasi_static_rate(ensemble: Ensemble, pressure: float) -> float:
    """Rate [1/µs] at which I = ε̇ d √(ρ/P) takes QUASI_STATIC; pressure [MPa]."""
    radius, mass = ensemble.bodies["radius"].astype(float), ensemble.bodies["mass"].astype(float)
    density = mass.sum() / sphere_volume(radius).sum()
    return float(QUASI_STATIC / (2.0 * radius.mean()) * np.sqrt(pressure / density))


def _ends_inside(ends: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Ends of a leg by the names of dem.triaxial."""
    for name, value in ends.items():
        factor = ENDS_INSIDE[name]
        if isinstance(value, Mapping):
            yield from ((f"{name}_{axis}", inner * factor) for axis, inner in value.items())
        else:
            yield {"stress": "pressure"}.get(name, name), value * factor


def periodic_work(
    case: CompactCase, start: ProbeState, stored: Data | None, *, materials: list[Material], precision: str,
    schedule: str,
) -> Generator[Progress, None, Data]:  # fmt: skip
    """The path as work of a stage, from its start or from what was stored."""
    settings = probe_of(case, start.ensemble)
    begin = start if stored is None else _state(stored, start.ensemble)
    moments = probe(begin, settings, materials=materials, precision=precision, schedule=schedule)
    while True:
        try:
            moment = next(moments)
        except StopIteration as stop:
            return _data(stop.value)
        leg = min(int(moment.leg[0]) + 1, len(settings.legs))
        yield Progress(
            "compact", moment.fraction,
            f"leg {leg} of {len(settings.legs)}, {moment.stress[0, :3].mean():.3g} MPa", _snapshot(moment),
            counters={"steps": moment.steps},
        )  # fmt: skip


def _snapshot(moment: ProbeMoment) -> Callable[[], Data]:
    return lambda: _data(moment.snapshot())


def _data(state: ProbeState) -> Data:
    ensemble = state.ensemble
    tables = {
        "bodies": ensemble.bodies, "contacts": ensemble.contacts, "bonds": ensemble.bonds, "boxes": ensemble.boxes,
        "clumps": ensemble.clumps, "members": ensemble.members,
        "progress": as_stored(state.progress), "rows": state.rows, "damage": state.damage,
        "branches": no_branches() if state.branches is None else state.branches,
        "lasting": no_lasting() if state.lasting is None else state.lasting,
    }  # fmt: skip
    return Data(tables, {})


def _state(data: Data, like: Ensemble) -> ProbeState:
    """State of the box as stored, with the laws of the case."""
    tables = data.tables
    stored = Ensemble(tables["bodies"], tables["contacts"], tables["bonds"], tables["boxes"], like.lawbook, like.law,
                      tables["clumps"], tables["members"])  # fmt: skip
    named = ("rows", "damage", "branches", "lasting")
    progress = as_held(tables["progress"], PROBE_PROGRESS)
    return ProbeState(stored, progress, *(tables[name] for name in named))


def curve_of(rows: Table) -> Table:
    """Rows by the names of a curve between plates; `stress` is what a plate normal to z would bear [MPa]."""
    stress, strains = rows["stress"], rows["strains"]
    normal = {f"stress_{axis}": stress[:, k, k] for k, axis in enumerate(NORMAL_AXES)}
    return {
        **{name: column for name, column in rows.items() if name not in ("stress", "strains")},
        **normal,
        **{f"strain_{axis}": strains[:, k] for k, axis in enumerate(AXES)},
        "stress_xz": -0.5 * (stress[:, 0, 2] + stress[:, 2, 0]),  # positive where it resists a positive shear
        "stress": stress[:, 2, 2],
    }
