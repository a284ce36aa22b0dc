"""A packing from outside led along the path of a case: the work behind `kalander compact`, in SI at its ends."""

import csv
import io
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from kalander.coupling.cases.compact import REST_STEPS, CompactCase
from kalander.coupling.cases.legs import AXES, NORMAL_AXES, PathLeg, by_axis
from kalander.coupling.packings.packing_files import Spheres, packing_of
from kalander.coupling.scales import binder_in, contact_in, fracture_in, from_si, in_si, in_unit, relaxation_of
from kalander.coupling.stages.faults.compact_faults import case_materials, longest_step, may_not_narrow
from kalander.coupling.stages.faults.state_faults import Question, state_faults
from kalander.coupling.stages.load import load_work, resumed
from kalander.coupling.store.atomic import replacing
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress, Stage
from kalander.dem.bodies.material import binder_constants
from kalander.dem.bodies.state import Ensemble, sphere_volume
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.record import STATE, LoadState, curve, new_load
from kalander.dem.packing.binder import make_bonds
from kalander.dem.packing.packing import assemble, spatial_order
from kalander.kernels.columns import Table

__all__ = ["COLUMNS", "compact_stage", "compact_start", "curve_rows", "path_of", "path_rows", "write_curve"]

# name in the file -> (column of the curve, its unit)
COLUMNS = {
    "time_s": ("time", "us"),
    "strain": ("strain", "1"),
    "plate_stress_Pa": ("stress", "MPa"),
    "stress_xx_Pa": ("stress_xx", "MPa"),
    "stress_yy_Pa": ("stress_yy", "MPa"),
    "stress_zz_Pa": ("stress_zz", "MPa"),
    "solid_fraction": ("solid_fraction", "1"),
    "porosity": ("porosity", "1"),
    "coordination": ("coordination", "1"),
    "max_overlap_ratio": ("overlap_ratio", "1"),
    "kinetic_over_elastic": ("kinetic_over_elastic", "1"),
    "broken_bond_fraction": ("broken_bond_fraction", "1"),
    "broken_particle_fraction": ("cracked_fraction", "1"),
}

# beside them, between platens
MEANS = {"plate_stress_mean_Pa": ("stress_mean", "MPa")}

# in a box without platens
EXTRA_COLUMNS = {
    **{f"strain_{axis}": (f"strain_{axis}", "1") for axis in AXES},
    "stress_xz_Pa": ("stress_xz", "MPa"),
    "temperature_K": ("temperature", "K"),
    "material_time_s": ("material_time", "s"),
    "energy_error": ("energy_error", "1"),
}

# inertial number of a stress leg that gives no strain_rate: quasi-static (GDR MiDi, Eur. Phys. J. E 14 (2004) 341)
QUASI_STATIC = 1e-3
STRESS_FLOOR = 0.1  # of the stress that ends a leg: what an inertial number counts at least
# units of ends inside; other ends are numbers
ENDS_INSIDE = {"stress": "MPa", "height": "um", "time": "us"}


def compact_start(case: CompactCase, spheres: Spheres) -> LoadState:
    """The packing at rest under the laws of the case, which fit it by fit_faults."""
    packing = packing_of(spheres, periodic=case.periodic)
    order = np.arange(len(packing.radius))
    if packing.bonds is None:
        order = spatial_order(packing.position, 2.0 * packing.radius.max())
        packing = replace(
            packing, position=packing.position[order], radius=packing.radius[order], material=packing.material[order]
        )
    size = np.array([*packing.width, packing.height])
    bulk = float(size.prod())
    filler_volume = max(0.0, in_unit(spheres.solid_volume, "um^3") - float(sphere_volume(packing.radius).sum()))
    if case.binder is not None and case.binder.volume_fraction is not None and packing.bonds is None:
        domain = case.binder.volume_fraction * bulk
        bonds, _ = make_bonds(
            packing.position, packing.radius, size if case.periodic else packing.width,
            binder_domain=domain, bridging_distance=in_unit(case.binder.bridging_distance, "um"),
        )  # fmt: skip
        packing = replace(packing, bonds=bonds)
        filler_volume = domain * (1.0 - case.binder.nanoporosity)
    materials = case_materials(case)
    law, constants = contact_in(case.contact, materials)
    ensemble = assemble(
        [packing],
        density=np.array([material.density for material in materials]),
        contact=constants,
        binder=np.zeros(5) if case.binder is None else binder_constants(binder_in(case.binder)),
        dt=longest_step(case, spheres),
        law=law,
    )  # fmt: skip
    ensemble.bodies["id"][:] = order  # rows of the file
    return new_load(ensemble, filler_volume=filler_volume, temperature=case.temperature)


def compact_stage(
    case: CompactCase, spheres: Spheres, config: Mapping[str, Any], *, precision: str, schedule: str
) -> Stage:
    """The path as a stage without a file of its own: its saves can be gone on from like those of a study."""
    start = compact_start(case, spheres)

    # of the start, whose time step is the longest: that of a save may have been shortened
    path = path_of(case, start.ensemble, narrow_ends=case.periodic or may_not_narrow(spheres))
    question = _question(case, start.ensemble)

    def work(_: dict[str, Data], state: Data | None) -> Generator[Progress, None, Data]:
        begin = start if state is None else resumed(state, start.ensemble)
        laws = case_materials(case)[:-1]
        return load_work("compact", begin, path, materials=laws, precision=precision, schedule=schedule)

    return Stage(
        "compact", 6, (), config, STATE, STATE, work, uses_device=True,
        check_state=lambda state: state_faults(state, question),
    )  # fmt: skip


def _question(case: CompactCase, start: Ensemble) -> Question:
    """What a case and its packing say of the boxes of a save."""
    materials = case_materials(case)
    relaxation = None if case.binder is None else relaxation_of(case.binder)
    last = len(materials) - 1
    return Question(
        law=start.law,
        density=np.array([material.density for material in materials[:-1]]),
        platens=(last, last),
        longest_bond=max(float(start.bonds["length"].max(initial=0.0)), 2.0 * float(start.bodies["radius"].max())),
        longest_step=float(start.boxes["dt"].max()),
        branches=0 if relaxation is None else len(relaxation.weights),
        periodic=case.periodic,
        width=None if case.periodic else start.boxes["width"],
        pieces=case.fracture.mode == "replace",
        legs=len(case.path) * case.passes,
    )


def path_of(case: CompactCase, ensemble: Ensemble, *, narrow_ends: bool) -> Path:
    """The path of a case in the units of the particle world; narrow_ends: as dem.loading.path.Path."""
    frames, step, most = case.frames, case.step, 40 if case.periodic else 50
    every_steps, every_strain = frames.every_steps, frames.every_strain
    if every_steps is None and every_strain is None:
        every_steps = 500
    given = step.contact_share if "contact_share" in step.model_fields_set else None
    return Path(
        legs=tuple(_leg(leg, ensemble, periodic=case.periodic) for leg in case.path) * case.passes,
        time_step=float(ensemble.boxes["dt"].max()),
        contact_share=given if step.dt is None else np.inf,
        look_every=frames.sample_steps or min(most, max(1, (every_steps or 10 * most) // 10)),
        every_steps=every_steps,
        every_strain=every_strain,
        max_strain=case.max_strain,
        relaxation=None if case.binder is None else relaxation_of(case.binder),
        reform=None if case.binder is None else case.binder.reform_after,
        fracture=fracture_in(case.fracture),
        least_radius=float(ensemble.bodies["radius"].min()) if case.fracture.mode == "replace" else 0.0,
        narrow_ends=narrow_ends,
    )


def _leg(leg: PathLeg, ensemble: Ensemble, *, periodic: bool) -> Leg:
    until = dict(_ends_inside(leg.until.ends if leg.until else {}))
    if leg.hold is not None and "steps" not in until:
        until["steps"] = REST_STEPS
    common = Leg(
        until=until, temperature=leg.temperature, material_time=leg.hold, approach_factor=leg.approach_factor,
        inertial_number=leg.inertial_number, least_pressure=STRESS_FLOOR * abs(until.get("pressure", 0.0)),
    )  # fmt: skip
    if not periodic:
        assert not isinstance(leg.stress, dict)  # box_faults refuses stresses by axis between plates
        stress = None if leg.stress is None else float(from_si(leg.stress, "MPa"))
        speed = leg.plate_speed if leg.plate_speed is not None else 0.0 if stress is None else 1.0
        return replace(common, speed=speed, stress=stress, material_speed=leg.material_speed)
    rates, held = by_axis(leg.strain_rate), by_axis(leg.stress)
    if held:
        quiet = in_si(quasi_static_rate(ensemble, float(from_si(max(held.values()), "MPa"))), "1/us")
        fastest = max([quiet, *(abs(rate) for rate in rates.values())])  # what is held can follow what moves
        rates = {**dict.fromkeys(held, fastest), **rates}
    x, y, z, shear = (in_unit(rates.get(axis, 0.0), "1/us") for axis in AXES)
    xx, yy, zz = (float(from_si(held.get(axis, np.nan), "MPa")) for axis in NORMAL_AXES)
    along = None if leg.material_strain_rate is None else in_unit(leg.material_strain_rate, "1/us")
    return replace(common, rate=(x, y, z, shear), stress=(xx, yy, zz) if held else None, material_rate=along)


def quasi_static_rate(ensemble: Ensemble, pressure: float) -> float:
    """Rate [1/µs] at which I = ε̇ d √(ρ/P) takes QUASI_STATIC; pressure [MPa]."""
    radius, mass = ensemble.bodies["radius"].astype(float), ensemble.bodies["mass"].astype(float)
    density = mass.sum() / sphere_volume(radius).sum()
    return float(QUASI_STATIC / (2.0 * radius.mean()) * np.sqrt(pressure / density))


def _ends_inside(ends: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Ends of a leg by the names of dem.loading.path."""
    for name, value in ends.items():
        unit = ENDS_INSIDE.get(name, "1")
        if isinstance(value, Mapping):
            yield from ((f"{name}_{axis}", in_unit(inner, unit)) for axis, inner in value.items())
        else:
            yield {"stress": "pressure"}.get(name, name), in_unit(value, unit)


def path_rows(state: Data) -> Table:
    """The curve of a path so far: frames by dem.loading.record.FRAME, `stress` and means of it [MPa]."""
    return curve(state.tables["frames"], state.tables["looks"], cell=_periodic(state))


def _periodic(state: Data) -> bool:
    return bool((state.tables["boxes"]["depth"] > 0).any())


def curve_rows(state: Data) -> Table:
    """The curve so far, SI, by the columns of the contract; NaN where elastic energy is zero and motion is not."""
    rows = path_rows(state)
    columns = {**COLUMNS, **(EXTRA_COLUMNS if _periodic(state) else MEANS)}
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = rows["kinetic"] / rows["elastic"]
    rows["kinetic_over_elastic"] = np.where(rows["kinetic"] == 0.0, 0.0, np.where(np.isfinite(ratio), ratio, np.nan))
    return {name: in_si(rows[source], unit) for name, (source, unit) in columns.items()}


def write_curve(path: FilePath, table: Table) -> None:
    """Write a curve as CSV, whole or not at all; what does not exist stays empty. Raises StorageError."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    for values in zip(*table.values(), strict=True):
        writer.writerow(["" if np.isnan(value) else f"{value:.9g}" for value in values])
    with replacing(path) as file:
        file.write(text.getvalue().encode())
