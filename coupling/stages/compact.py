"""A packing from outside led along the path of a case: the work behind `kalander compact`, in SI at its ends."""

import csv
import io
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from kalander.coupling.cards.checks import BOX_WIDTHS, DENSITY_BAND
from kalander.coupling.cards.estimates import memory_estimate, rayleigh_time
from kalander.coupling.cases.compact import REST_STEPS, CompactCase
from kalander.coupling.cases.legs import PathLeg
from kalander.coupling.packings.packing_files import Spheres, packing_of
from kalander.coupling.scales import binder_in, contact_in, fracture_in, particle_of, relaxation_of
from kalander.coupling.stages.compact_periodic import (
    EXTRA_COLUMNS,
    PERIODIC_TABLES,
    box_faults,
    curve_of,
    periodic_work,
)
from kalander.coupling.stages.press import HALF_PRESSED
from kalander.coupling.stages.state_faults import Question, path_faults, state_faults
from kalander.coupling.store.atomic import replacing
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress, Stage
from kalander.dem.ageing.bond_clock import no_branches
from kalander.dem.ageing.reforming import no_lasting
from kalander.dem.bodies.material import Material, binder_constants
from kalander.dem.bodies.necks import LONGEST_NECK, largest_adhesion, longest_neck
from kalander.dem.bodies.periodic import BARE, meets_twice, nearest_vectors
from kalander.dem.bodies.state import Ensemble, sphere_volume
from kalander.dem.loading.path_tables import PROGRESS, ROW, SAMPLE
from kalander.dem.loading.paths import Leg, Path, PathMoment, PathState, curve, follow, new_path
from kalander.dem.loading.triaxial import ProbeState, new_probe
from kalander.dem.packing.binder import make_bonds
from kalander.dem.packing.generate import near_pairs
from kalander.dem.packing.packing import assemble, spatial_order
from kalander.kernels.columns import Table
from kalander.kernels.device.host import memory_bytes
from kalander.kernels.errors import Fault
from kalander.kernels.law_table import CONSTANTS

__all__ = [
    "COLUMNS",
    "ON_THE_WAY",
    "case_warnings",
    "compact_stage",
    "compact_start",
    "curve_rows",
    "fit_faults",
    "may_not_narrow",
    "narrowed",
    "path_rows",
    "write_curve",
]

STATE = {name: columns for name, columns in HALF_PRESSED.items() if name not in ("protocol", "frames")}
ON_THE_WAY = {
    **STATE,
    "progress": PROGRESS,
    "rows": ROW,
    "samples": SAMPLE,
}

# name in the file -> (column of the curve, factor to SI)
COLUMNS = {
    "time_s": ("time", 1e-6),
    "strain": ("strain", 1.0),
    "plate_stress_Pa": ("stress", 1e6),
    "stress_xx_Pa": ("stress_xx", 1e6),
    "stress_yy_Pa": ("stress_yy", 1e6),
    "stress_zz_Pa": ("stress_zz", 1e6),
    "solid_fraction": ("solid_fraction", 1.0),
    "porosity": ("porosity", 1.0),
    "coordination": ("coordination", 1.0),
    "max_overlap_ratio": ("overlap_ratio", 1.0),
    "kinetic_over_elastic": ("kinetic_over_elastic", 1.0),
    "broken_bond_fraction": ("broken_bond_fraction", 1.0),
    "broken_particle_fraction": ("cracked_fraction", 1.0),
}

# beside them, between plates
MEANS = {"plate_stress_mean_Pa": ("stress_mean", 1e6)}

LONGEST_STEP = 0.4  # of the Rayleigh time: beyond, packings have been seen to make energy while still loose
ENDS_INSIDE = {"stress": 1e-6, "height": 1e6, "time": 1e6}  # factors from SI; other ends are numbers


def compact_start(case: CompactCase, spheres: Spheres) -> PathState | ProbeState:
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
    solid = max(0.0, spheres.solids * 1e18 - float(sphere_volume(packing.radius).sum()))
    if case.binder is not None and case.binder.volume_fraction is not None and packing.bonds is None:
        domain = case.binder.volume_fraction * bulk
        bonds, _ = make_bonds(
            packing.position, packing.radius, size if case.periodic else packing.width,
            binder_domain=domain, bridging_distance=case.binder.bridging_distance * 1e6,
        )  # fmt: skip
        packing = replace(packing, bonds=bonds)
        solid = domain * (1.0 - case.binder.nanoporosity)
    materials = _materials(case)
    law, constants = contact_in(case.contact, materials)
    ensemble = assemble(
        [packing],
        density=np.array([material.density for material in materials]),
        contact=constants,
        binder=np.zeros(5) if case.binder is None else binder_constants(binder_in(case.binder)),
        dt=_longest_step(case, spheres),
        law=law,
    )  # fmt: skip
    ensemble.bodies["id"][:] = order  # rows of the file
    return (new_probe if case.periodic else new_path)(ensemble, solid=solid, temperature=case.temperature)


def compact_stage(
    case: CompactCase, spheres: Spheres, config: Mapping[str, Any], *, precision: str, schedule: str
) -> Stage:
    """The path as a stage without a file of its own: its saves can be gone on from like those of a study."""
    start = compact_start(case, spheres)

    def work(_: dict[str, Data], state: Data | None) -> Generator[Progress, None, Data]:
        if isinstance(start, ProbeState):
            laws = _materials(case)[:-1]
            return periodic_work(case, start, state, materials=laws, precision=precision, schedule=schedule)
        # of the start, whose time step is the longest: that of a save may have been shortened
        path = path_of(case, start.ensemble, narrow_ends=may_not_narrow(spheres))
        begin = start if state is None else _path_state(state, start.ensemble)
        return _work(path, begin, _materials(case)[:-1], precision, schedule)

    def check(state: Data) -> list[str]:
        legs = len(case.path) * case.passes
        return state_faults(state, _question(case, start.ensemble)) or path_faults(state, legs=legs)

    schema = {**STATE, **PERIODIC_TABLES} if case.periodic else ON_THE_WAY
    return Stage("compact", 4, (), config, schema, schema, work, uses_device=True, check_state=check)


def _work(
    path: Path, start: PathState, materials: list[Material], precision: str, schedule: str
) -> Generator[Progress, None, Data]:
    moments = follow(start, path, materials=materials, precision=precision, schedule=schedule)
    while True:
        try:
            moment = next(moments)
        except StopIteration as stop:
            return _data(stop.value)
        leg = min(int(moment.leg[0]) + 1, len(path.legs))
        yield Progress(
            "compact", moment.fraction, f"leg {leg} of {len(path.legs)}, {moment.stress[0]:.3g} MPa",
            _snapshot(moment), counters={"steps": moment.steps},
        )  # fmt: skip


def _snapshot(moment: PathMoment) -> Callable[[], Data]:
    return lambda: _data(moment.snapshot())


def _data(state: PathState) -> Data:
    ensemble = state.ensemble
    tables = {
        "bodies": ensemble.bodies, "contacts": ensemble.contacts, "bonds": ensemble.bonds, "boxes": ensemble.boxes,
        "clumps": ensemble.clumps, "members": ensemble.members,
        "progress": state.progress, "rows": state.rows, "samples": state.samples, "damage": state.damage,
        "branches": no_branches() if state.branches is None else state.branches,
        "lasting": no_lasting() if state.lasting is None else state.lasting,
    }  # fmt: skip
    return Data(tables, {})


def _path_state(data: Data, like: Ensemble) -> PathState:
    """State of the boxes as stored, with the laws of the case."""
    tables = data.tables
    stored = Ensemble(tables["bodies"], tables["contacts"], tables["bonds"], tables["boxes"], like.lawbook, like.law,
                      tables["clumps"], tables["members"])  # fmt: skip
    return PathState(
        stored,
        tables["progress"],
        tables["rows"],
        tables["samples"],
        tables["damage"],
        tables["branches"],
        tables["lasting"],
    )


def _question(case: CompactCase, start: Ensemble) -> Question:
    """What a case and its packing say of the boxes of a save."""
    materials = _materials(case)
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
    )


def _materials(case: CompactCase) -> list[Material]:
    """Materials by row, that of the plates last; where there are none the first stands in its row."""
    plates = case.material[0] if case.plates is None else case.plates.material
    return [
        particle_of(material, restitution=case.contact.restitution, crushes=True)
        for material in (*case.material, plates)
    ]


def path_of(case: CompactCase, ensemble: Ensemble, *, narrow_ends: bool) -> Path:
    """The path of a case in the units of the particle world; narrow_ends: as dem.paths.Path."""
    frames = case.frames
    every_steps, every_strain = frames.every_steps, frames.every_strain
    if every_steps is None and every_strain is None:
        every_steps = 500
    sample_steps = frames.sample_steps or min(50, max(1, (every_steps or 500) // 10))
    return Path(
        legs=tuple(_leg(leg) for leg in case.path) * case.passes,
        time_step=float(ensemble.boxes["dt"].max()),
        sample_steps=sample_steps,
        every_steps=every_steps,
        every_strain=every_strain,
        max_strain=case.max_strain,
        relaxation=None if case.binder is None else relaxation_of(case.binder),
        reform=None if case.binder is None else case.binder.reform_after,
        contact_share=case.step.contact_share if case.step.dt is None else np.inf,
        fracture=fracture_in(case.fracture),
        narrow_ends=narrow_ends,
    )


def _leg(leg: PathLeg) -> Leg:
    ends = {} if leg.until is None else {
        name: value * ENDS_INSIDE.get(name, 1.0) for name, value in leg.until.ends.items()
    }  # fmt: skip
    if leg.hold is not None and "steps" not in ends:
        ends = {**ends, "steps": REST_STEPS}
    assert not isinstance(leg.stress, dict)  # box_faults refuses stresses by axis between plates
    stress = None if leg.stress is None else leg.stress / 1e6
    speed = leg.plate_speed if leg.plate_speed is not None else 0.0 if stress is None else 1.0
    return Leg(speed, stress, ends, leg.temperature, leg.material_speed, leg.hold)


def _rayleigh_times(case: CompactCase, radius: np.ndarray, kind: np.ndarray) -> list[float]:
    """Rayleigh time [s] of the smallest sphere of each type that occurs; radius in m."""
    return [
        rayleigh_time(
            diameter=2 * float(radius[kind == row].min()), density=material.density, modulus=material.modulus,
            poisson=material.poisson,
        )
        for row, material in enumerate(case.material)
        if (kind == row).any()
    ]  # fmt: skip


def fit_faults(case: CompactCase, spheres: Spheres) -> list[Fault]:
    """Where case and packing do not fit; `where` is the key of the case alone."""
    faults = (
        box_faults(case),
        _width_faults(case, spheres),
        _step_faults(case, spheres),
        _neck_faults(case, spheres),
        _binder_faults(case, spheres),
        _temperature_faults(case),
    )
    return [fault for found in (*faults, _memory_faults(spheres)) for fault in found]


def _width_faults(case: CompactCase, spheres: Spheres) -> list[Fault]:
    """Boxes in which spheres meet their own images, or each other on both sides, where one contact alone is found."""
    repeats = _repeating(case, spheres)
    least, room = float(repeats.min()), side_by_side(spheres.radius)
    if case.periodic and least <= room:
        why = f"lets spheres meet their own images in a box of {least:.3g} m"
        return [Fault("box.periodic", case.box.periodic, why, f'a packing wider than {room:.3g} m, or "xy"')]
    if least >= room or not may_not_narrow(spheres):
        return []
    first, second, _, _ = near_pairs(spheres.position, spheres.radius, repeats, 0.0)
    boxes = {"width": repeats[None, :2], "depth": np.zeros(1), "tilt": np.zeros(1)}
    none = np.zeros(len(first), int)
    vector = nearest_vectors(spheres.position[first] - spheres.position[second], boxes, none)
    count = int(meets_twice(vector, spheres.radius[first] + spheres.radius[second], boxes, none).sum())
    count += int((least < (1.0 - BARE) * 2.0 * spheres.radius).sum())
    return [too_narrow(least, room, f"{count} in the packing")] if count else []


def may_not_narrow(spheres: Spheres) -> bool:
    """Whether spheres that touch on both sides end a path: in the pack of a study they are said, as in its press."""
    return spheres.bonds is None


def side_by_side(radius: np.ndarray) -> float:
    """Width from which on no two spheres can touch on both sides at once [as radius]; of one alone its diameter."""
    largest = np.sort(radius)[-2:]
    return 2.0 * float(largest.sum() if len(largest) == 2 else largest[0])


def too_narrow(width: float, room: float, pairs: str) -> Fault:
    """A box [m] in which spheres touch on both sides at once, or their own images."""
    why = f"lets spheres touch on both sides at once or meet their own images (pairs: {pairs}): a contact is not found"
    return Fault("packing", f"{width:.4g} m wide", why, f"at least {room:.4g} m; or two copies of it side by side")


def _temperature_faults(case: CompactCase) -> list[Fault]:
    """Temperatures at which the shift of relaxation times has no value."""
    if case.binder is None or case.binder.shift is None or case.binder.shift.c2 is None:
        return []
    pole = case.binder.reference_temperature - case.binder.shift.c2
    given = {
        "temperature": case.temperature,
        **{f"path[{k}].temperature": leg.temperature for k, leg in enumerate(case.path)},
    }
    return [
        Fault(key, value, "is where the WLF law has its pole", f"above {pole:g} K")
        for key, value in given.items()
        if value is not None and value <= pole
    ]


def _neck_faults(case: CompactCase, spheres: Spheres) -> list[Fault]:
    """Necks of adhesion beyond what JKR describes: that yield as surfaces touch, or are long beside the spheres."""
    dense = case.contact.law == "mdr"
    if case.contact.adhesion == 0 or not (dense or case.contact.adhesion_model == "jkr"):
        return []
    radius = spheres.radius * 1e6
    _, constants = contact_in(case.contact, _materials(case))
    named = dict(zip(CONSTANTS, constants.reshape(-1, len(CONSTANTS)).T, strict=True))
    yields = largest_adhesion(named["yield_pressure"], named["effective_modulus"], radius.min() / 2).min()
    neck = float(longest_neck(constants[None], radius.max()[None])[0])
    drawn = case.contact.adhesion * (LONGEST_NECK * float(radius.mean()) / neck) ** 1.5  # length goes by w^(2/3)
    largest = drawn if dense else min(float(yields), drawn)
    if case.contact.adhesion <= largest:
        return []
    why = "makes spheres of this packing yield as they touch, or necks long beside them"
    return [Fault("contact.adhesion", case.contact.adhesion, why, f"at most {largest:.3g} J/m^2")]


def _memory_faults(spheres: Spheres) -> list[Fault]:
    needed, there = memory_estimate(len(spheres.radius)), memory_bytes()
    if there is None or needed <= there:
        return []
    why = f"has {len(spheres.radius)} particles, which need some {needed / 1e9:.1f} GB of memory"
    return [Fault("packing", "spheres", why, f"at most {there / 1e9:.1f} GB")]


def _step_faults(case: CompactCase, spheres: Spheres) -> list[Fault]:
    limit = LONGEST_STEP * min(_rayleigh_times(case, spheres.radius, spheres.type))
    if case.step.dt is None or case.step.dt <= limit:
        return []
    why = f"exceeds the critical value, {LONGEST_STEP:g} of the Rayleigh time of the smallest sphere"
    return [Fault("step.dt", case.step.dt, why, f'at most {limit:.4g} s, or "auto"')]


def _longest_step(case: CompactCase, spheres: Spheres) -> float:
    """Time step [µs]: as given, else `safety` of the Rayleigh time."""
    if case.step.dt is not None:
        return case.step.dt * 1e6
    return case.step.safety * min(_rayleigh_times(case, spheres.radius, spheres.type)) * 1e6


def _binder_faults(case: CompactCase, spheres: Spheres) -> list[Fault]:
    """Bonds without constants, constants without bonds, bonds longer than the box."""
    binder, bonds, width = case.binder, spheres.bonds, float(_repeating(case, spheres).min())
    if binder is None:
        if bonds is None or len(bonds["first"]) == 0:
            return []
        why = "is missing, but the packing brings bonds"
        return [Fault("binder", "(nothing)", why, "[binder] with modulus, strength, bridging_distance")]
    if bonds is None and binder.volume_fraction is None:
        why = "is not given, and the packing brings no bonds"
        return [Fault("binder.volume_fraction", "(nothing)", why, "above 0 and below 1, pores of its own included")]
    longest = binder.longest_gap + 2 * float(spheres.radius.max()) if bonds is None else 0.0
    if bonds is not None:
        longest = float(bonds["length"].max(initial=0.0)) * 1e-6
    if longest > width:
        why = f"lets bonds be {longest:.3g} m long, longer than the box, {width:.3g} m wide: they would meet themselves"
        allowed = "a shorter bridging distance, or a wider packing"
        return [Fault("binder.bridging_distance", binder.bridging_distance, why, allowed)]
    return []


def _repeating(case: CompactCase, spheres: Spheres) -> np.ndarray:
    """Lengths in which a box repeats [m]."""
    return spheres.box_size if case.periodic else spheres.box_size[:2]


def case_warnings(case: CompactCase, spheres: Spheres) -> list[str]:
    """What is unusual but possible."""
    found = []
    limit = case.step.safety * min(_rayleigh_times(case, spheres.radius, spheres.type))
    if case.step.dt is not None and case.step.dt > limit:
        found.append(f"step.dt: above {limit:.4g} s, {case.step.safety:g} of the Rayleigh time; look at energy_error")
    widths = _repeating(case, spheres).min() / (2 * spheres.radius.mean())
    if widths < BOX_WIDTHS:
        found.append(f"box_size: {widths:.2g} mean diameters wide, below {BOX_WIDTHS:g}: not representative")
    low, high = DENSITY_BAND
    for row, material in enumerate(case.material):
        if not low <= material.density <= high:
            found.append(f"material[{row}].density: {material.density:g} kg/m^3 is unusual for a solid; is it g/cm^3?")
    return found


def narrowed(case: CompactCase, spheres: Spheres, state: Data) -> list[Fault]:
    """A path on which the box was too narrow for its spheres, which ended it unless they are the pack of a study."""
    rows = state.tables["rows"]
    if not rows["doubled"].any():
        return []
    row = int(np.flatnonzero(rows["doubled"])[0])
    strains = rows["strains"][row, :3] if case.periodic else np.zeros(2)
    least = float((_repeating(case, spheres) * (1.0 - strains)).min())
    pairs = f"{rows['doubled'][row]} at a strain of {rows['strain'][row]:.3g}"
    return [too_narrow(least, side_by_side(spheres.radius), pairs)]


def path_rows(state: Data) -> Table:
    """Rows of a path so far, by the names of dem.path_tables.ROW, with `stress` [MPa]."""
    if "samples" in state.tables:
        return curve(state.tables["rows"], state.tables["samples"])
    return curve_of(state.tables["rows"])


def curve_rows(state: Data) -> Table:
    """The curve so far, SI, by the columns of the contract; NaN where elastic energy is zero and motion is not."""
    rows = path_rows(state)
    columns = {**COLUMNS, **(MEANS if "samples" in state.tables else EXTRA_COLUMNS)}
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = rows["kinetic"] / rows["elastic"]
    rows["kinetic_over_elastic"] = np.where(rows["kinetic"] == 0.0, 0.0, np.where(np.isfinite(ratio), ratio, np.nan))
    return {name: rows[source] * factor for name, (source, factor) in columns.items()}


def write_curve(path: FilePath, table: Table) -> None:
    """Write a curve as CSV, whole or not at all; what does not exist stays empty. Raises StorageError."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    for values in zip(*table.values(), strict=True):
        writer.writerow(["" if np.isnan(value) else f"{value:.9g}" for value in values])
    with replacing(path) as file:
        file.write(text.getvalue().encode())
