"""Beds of Python led along a path, all that can be side by side in one batch: the one place that knows the drivers."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from kalander.coupling.cases.compact import Box, CompactCase, Plates
from kalander.coupling.cases.path import Leg, Path
from kalander.coupling.packings.bed import Packing
from kalander.coupling.scales import (
    binder_in,
    contact_in,
    foil_in,
    fracture_in,
    from_si,
    in_si,
    particle_of,
    press_in,
    to_si,
)
from kalander.coupling.stages.compact import path_of
from kalander.coupling.stages.faults.compact_faults import fit_faults, may_not_narrow
from kalander.coupling.stages.load import load_work, resumed
from kalander.coupling.study.stage import Progress
from kalander.dem.bodies.inertia import mass_factors, step_factor
from kalander.dem.bodies.material import Material, binder_constants, longest_time_step
from kalander.dem.bodies.state import Ensemble, solid_radius, sphere_volume
from kalander.dem.loading.press import PRESS_FRAME
from kalander.dem.loading.record import FRAME, LoadState, curve, new_load
from kalander.dem.packing.binder import make_bonds
from kalander.dem.packing.packing import Packing as Spheres
from kalander.dem.packing.packing import assemble, spatial_order
from kalander.kernels.columns import Column, Table
from kalander.kernels.errors import InputError

__all__ = ["Led", "lead", "particle_materials", "state_of"]

STRESS = Column("f8", ("row",), "MPa", "mean of both platens; without platens the stress along z")
DERIVED = {
    "stress": STRESS, "stress_mean": STRESS,
    **{f"stress_{axis}": Column("f8", ("row",), "MPa", "Love–Weber") for axis in ("xx", "yy", "zz", "xz")},
    **{f"strain_{axis}": Column("f8", ("row",), "1", "of the box") for axis in ("xx", "yy", "zz", "xz")},
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Led:
    """What became of beds. frames: rows in SI, `box` counts the boxes; boxes: one row each, with the bed it was.

    beds: as they lie at the end, in the order of the boxes.
    """

    frames: Table
    boxes: Table
    beds: tuple[Packing, ...]


@dataclass(frozen=True, eq=False)
class _Laid:
    """A bed in the units of the particle world. filler: volume of the solids beside the spheres [µm³]."""

    bed: Packing
    case: CompactCase
    spheres: Spheres
    order: np.ndarray
    filler: float


def lead(
    beds: Sequence[Packing], path: Path, *, precision: str, schedule: str
) -> Generator[Progress, None, Led]:  # fmt: skip
    """Lead every bed along the path; those of one law and kind of box side by side. Raises InputError."""
    laid = [_lay(bed, path, f"bed {number}" if len(beds) > 1 else "bed") for number, bed in enumerate(beds)]
    order = sorted(range(len(laid)), key=lambda number: repr(_kind(laid[number])))
    parts: list[tuple[list[int], Led]] = []
    for _, group in groupby(order, key=lambda number: repr(_kind(laid[number]))):
        members = sorted(group)
        led = yield from _drive([laid[number] for number in members], path, precision, schedule)
        parts.append((members, led))
    return _joined(parts, len(beds))


def state_of(bed: Packing) -> Ensemble:
    """A bed as a path left it; of one that none has led, its spheres and its bonds, with no contact yet."""
    if bed.state is not None:
        return bed.state
    leg = Leg(rate={"zz": 1.0}, until={"steps": 1}) if bed.deforms else Leg(speed=1.0, until={"steps": 1})
    return _ensemble([_lay(bed, Path([leg]), "bed")])


def _lay(bed: Packing, path: Path, name: str) -> _Laid:
    """A bed and its path as a case, which fit each other; and its spheres in micrometres. Raises InputError."""
    case = _case(bed, path)
    if faults := fit_faults(case, bed.spheres):
        raise InputError([replace(fault, where=f"{name}: {fault.where}") for fault in faults])
    size, position, radius = from_si(bed.box_size, "um"), from_si(bed.position, "um"), from_si(bed.radius, "um")
    loose = bed.bonds is None and bed.clumps is None
    order = spatial_order(position, 2.0 * radius.max()) if loose else np.arange(len(radius))
    assert bed.type is not None
    position, radius, kind = position[order], radius[order], bed.type[order]
    bonds, binder = bed.bonds, bed.binder
    filler = max(0.0, float(from_si(bed.solid_volume, "um^3")) - float(sphere_volume(radius).sum()))
    if binder is not None and binder.volume_fraction is not None and bonds is None:
        domain = binder.volume_fraction * float(size.prod())
        bonds, _ = make_bonds(
            position, radius, size if bed.deforms else size[:2], binder_domain=domain,
            bridging_distance=float(from_si(binder.bridging_distance, "um")),
        )  # fmt: skip
        filler = domain * (1.0 - binder.nanoporosity)
    spheres = Spheres(position, radius, kind, size[:2], float(size[2]), bonds, bed.deforms, bed.clumps, bed.members)
    return _Laid(bed, case, spheres, order, filler)


def _case(bed: Packing, path: Path) -> CompactCase:
    plates = None if bed.deforms else Plates(material=bed.platens or bed.materials[0])
    legs: Any = path.legs or (Leg(stress=path.press.stress[0] if path.press else 1.0),)
    frames: Any = path.frames  # of a Frames, see Path
    return CompactCase(
        temperature=path.temperature, material=bed.materials, contact=bed.contact, binder=bed.binder,
        fracture=bed.fracture, box=Box(periodic=bed.repeats), plates=plates, step=bed.step, path=legs, frames=frames,
        max_strain=path.max_strain,
    )  # fmt: skip


def particle_materials(bed: Packing) -> list[Material]:
    """Materials of the spheres, their stiffness scaled."""
    found = [particle_of(one, restitution=bed.contact.restitution, crushes=True) for one in bed.materials]
    return [replace(one, modulus=one.modulus * bed.stiffness_scale) for one in found]


def _laws(bed: Packing) -> tuple[str, np.ndarray]:
    """Contact law and its constants: rows of the spheres, of a foil, of the platens."""
    materials = particle_materials(bed)
    platen = materials[0]
    if bed.platens is not None:
        platen = particle_of(bed.platens, restitution=bed.contact.restitution, crushes=True)
    foil = [] if bed.foil is None else [foil_in(bed.foil, restitution=materials[0].restitution)]
    return contact_in(bed.contact, [*materials, *foil, platen])


def _kind(laid: _Laid) -> tuple[Any, ...]:
    """What boxes of one batch have in common."""
    bed = laid.bed
    ages = None if bed.binder is None else (bed.binder.relaxation, bed.binder.shift, bed.binder.softening,
                                            bed.binder.reference_temperature, bed.binder.reform_after)  # fmt: skip
    strong = [
        (one.density, one.strength, one.strength_diameter, one.strength_exponent) for one in particle_materials(bed)
    ]
    return (_laws(bed)[0], strong, ages, bed.fracture, bed.seed, bed.foil is None, bed.deforms, bed.step.contact_share,
            bed.step.dt is None)  # fmt: skip


def _ensemble(laid: list[_Laid]) -> Ensemble:
    """All boxes at rest, each with its own constants, at the shortest of their time steps."""
    laws = [_laws(one.bed) for one in laid]
    binders = [None if one.bed.binder is None else binder_constants(binder_in(one.bed.binder)) for one in laid]
    ensemble = assemble(
        [one.spheres for one in laid],
        density=np.array([material.density for material in particle_materials(laid[0].bed)]),
        contact=laws[0][1], binder=np.zeros(5), dt=_time_step(laid), law=laws[0][0],
    )  # fmt: skip
    if laid[0].bed.foil is not None:
        rows = np.array([len(laid[0].bed.materials), len(laid[0].bed.materials) + 1], np.int32)
        ensemble = ensemble.with_boxes(platen_material=np.tile(rows, (len(laid), 1)))
    ensemble = ensemble.with_boxes(tilt=np.array([float(from_si(one.bed.tilt, "um")) for one in laid]))
    lawbook = {
        "contact": np.stack([constants for _, constants in laws]),
        "binder": np.stack([np.zeros(5) if binder is None else binder for binder in binders]),
    }
    ensemble.bodies["id"][:] = np.concatenate([one.order for one in laid])
    return replace(ensemble, lawbook=lawbook)


def _time_step(laid: list[_Laid]) -> float:
    """Longest time step [µs] that every box allows: `dt` as given, else `safety` of the Rayleigh time."""
    given = [one.bed.step.dt for one in laid if one.bed.step.dt is not None]
    if given:
        return float(from_si(min(given), "us"))
    steps = []
    for one in laid:
        for row, material in enumerate(particle_materials(one.bed)):
            mine = one.spheres.radius[one.spheres.material == row]
            steps += [longest_time_step(material, float(mine.min()), one.bed.step.safety)] if len(mine) else []
    return min(steps)


def _drive(laid: list[_Laid], path: Path, precision: str, schedule: str) -> Generator[Progress, None, Led]:
    """Beds of one kind along the path, in one batch: of a press every bed to every stress and back."""
    first, many = laid[0].bed, 1 if path.press is None else len(path.press.stress)
    boxes = laid * many
    ensemble = _ensemble(boxes)
    fracture = fracture_in(first.fracture, seed=first.seed, replicas=tuple(one.bed.replica for one in laid) * many)
    target = np.full(len(boxes), np.nan)
    if path.press is None:
        way = path_of(laid[0].case, ensemble, narrow_ends=first.deforms or may_not_narrow(first.spheres))
        way, temperature = replace(way, fracture=fracture), path.temperature
    else:
        target = np.repeat(from_si(path.press.stress, "MPa"), len(laid))
        longer = _made_heavier(ensemble, path.press.least_mass if fracture.mode != "replace" else 0.0)
        settings = press_in(
            path.press, first.step, first.binder, fracture=fracture,
            smallest_radius=float(ensemble.bodies["radius"].min()),
            time_step=float(ensemble.boxes["dt"].max()) * (longer if first.step.dt is None else 1.0),
        )  # fmt: skip
        way, temperature = settings.path(target), settings.temperature
    start = new_load(ensemble, solid_volume=np.array([_solids(one) for one in boxes]), temperature=temperature)
    done = yield from load_work(
        "compress", start, way, materials=particle_materials(first), precision=precision, schedule=schedule
    )
    state = resumed(done, ensemble)
    pressed = path.press is not None
    table: Table = {
        "stress": in_si(target, "MPa"),
        "replica": np.tile(np.arange(len(laid), dtype=np.int32), many),
        "reached": state.progress["reached"] if pressed else (state.progress["done"] == 1).astype(np.int32),
        "start_height": in_si(state.progress["start_size"][:, 2], "um"),
    }
    return Led(_frames(state, pressed=pressed, cell=first.deforms), table, tuple(_lying(boxes, state)))


def _made_heavier(ensemble: Ensemble, least: float) -> float:
    """Give no sphere less mass than `least` (dem.bodies.inertia), beds of platelets as they are; factor of the step."""
    bodies = ensemble.bodies
    if (bodies["clump"] >= 0).any():
        return 1.0
    factors = mass_factors(bodies["radius"], bodies["box"], least)
    bodies["mass"][:] *= factors
    return step_factor(bodies["radius"], factors)


def _frames(state: LoadState, *, pressed: bool, cell: bool) -> Table:
    """Frames in SI: of a press those that a study stores, of legs with strains and stresses by axis."""
    if pressed:
        return to_si({name: state.frames[name] for name in PRESS_FRAME}, PRESS_FRAME)
    rows = curve(state.frames, state.looks, cell=cell)
    absent = ("stress_low", "stress_high") if cell else ("strain_xz", "stress_xz")
    shown = [name for name in rows if name not in absent]
    return to_si(rows, {**FRAME, **DERIVED}, only=shown)


def _solids(one: _Laid) -> float:
    """Volume of all solids of a box [µm³]: as given, else that of the spheres and the binder."""
    given = float(from_si(one.bed.solid_volume, "um^3"))
    return given if given > 0.0 else float(sphere_volume(one.spheres.radius).sum()) + one.filler


def _lying(laid: list[_Laid], state: LoadState) -> list[Packing]:
    """The beds as they lie: places, radii, bonds that hold, sizes of their boxes."""
    ensemble = state.ensemble
    bodies, boxes, found = ensemble.bodies, ensemble.boxes, []
    for number, one in enumerate(laid):
        here = ensemble.bodies_of(number)
        back = np.argsort(bodies["id"][here], kind="stable")
        back = back[: len(one.order)] if len(back) == len(one.order) else back
        position = bodies["position"][here].astype(float) + bodies["rest"][here]
        deep = boxes["depth"][number] > 0
        top = boxes["depth"][number] if deep else np.diff(boxes["platen_height"][number])[0]
        position[:, 2] -= 0.0 if deep else boxes["platen_height"][number, 0]
        size = np.array([*boxes["width"][number], top])
        whole: dict[str, Any] = {} if len(back) == len(one.bed.radius) else {"type": bodies["material"][here][back]}
        tilt = float(boxes["tilt"][number])
        found.append(replace(
            one.bed, position=in_si(position[back], "um"), box_size=in_si(size, "um"), tilt=in_si(tilt, "um"),
            radius=in_si(solid_radius(bodies)[here][back].astype(float), "um"), largest_overlap=None,
            bonds=_bonds(ensemble, number, back), state=one_box(ensemble, number), **whole,
        ))  # fmt: skip
    return found


def one_box(ensemble: Ensemble, number: int) -> Ensemble:
    """One box of an ensemble by itself, with all of its contacts, bonds and springs."""
    here = ensemble.bodies_of(number)

    def rows(table: Table, which: np.ndarray) -> Table:
        shifts = {"first": here.start, "second": here.start}
        return {
            name: column[which] - shifts[name] if name in shifts else column[which] for name, column in table.items()
        }  # fmt: skip

    def inside(table: Table) -> np.ndarray:
        return (table["first"] >= here.start) & (table["first"] < here.stop)

    clumps = inside(ensemble.clumps)
    bodies = {name: column[here].copy() for name, column in ensemble.bodies.items()}
    member = bodies["clump"] >= 0
    members = (ensemble.bodies["clump"] >= 0)[: here.start].sum() + np.arange(member.sum())
    bodies["box"][:] = 0
    bodies["clump"][member] -= int(np.flatnonzero(clumps)[0]) if clumps.any() else 0
    boxes = {name: column[number : number + 1].copy() for name, column in ensemble.boxes.items()}
    boxes["body_start"][:] = 0
    lawbook = {name: column[number : number + 1] for name, column in ensemble.lawbook.items()}
    return Ensemble(
        bodies, rows(ensemble.contacts, inside(ensemble.contacts)), rows(ensemble.bonds, inside(ensemble.bonds)), boxes,
        lawbook, ensemble.law, rows(ensemble.clumps, clumps),
        {name: column[members] for name, column in ensemble.members.items()},
    )  # fmt: skip


def _bonds(ensemble: Ensemble, number: int, back: np.ndarray) -> Table | None:
    """Bonds of a box by the rows of its bed, None where it never had any; their springs are let go."""
    here = ensemble.bodies_of(number)
    first = ensemble.bonds["first"]
    mine = (first >= here.start) & (first < here.stop)
    if not mine.any():
        return None
    row = np.empty(len(back), np.int32)
    row[back] = np.arange(len(back))
    bonds = {name: column[mine].copy() for name, column in ensemble.bonds.items()}
    ends = np.sort([row[bonds["first"] - here.start], row[bonds["second"] - here.start]], axis=0)
    return {**bonds, "first": ends[0].astype(np.int32), "second": ends[1].astype(np.int32)}


def _joined(parts: list[tuple[list[int], Led]], count: int) -> Led:
    """Batches as one, boxes in the order of the beds (of a press: for each stress)."""
    if len(parts) == 1:
        return parts[0][1]
    frames: list[Table] = []
    boxes: list[Table] = []
    beds: list[Packing] = []
    for members, led in parts:
        before = sum(len(table["stress"]) for table in boxes)
        frames.append({**led.frames, "box": led.frames["box"] + before})
        boxes.append({**led.boxes, "replica": np.array(members, np.int32)[led.boxes["replica"]]})
        beds += led.beds
    whole = {name: np.concatenate([table[name] for table in boxes]) for name in boxes[0]}
    joined = {name: np.concatenate([table[name] for table in frames]) for name in frames[0]}
    order = np.lexsort((whole["replica"], whole["stress"]))
    place = np.argsort(order)
    joined["box"] = place[joined["box"]].astype(np.int32)
    by_box = np.argsort(joined["box"], kind="stable")
    joined = {name: column[by_box] for name, column in joined.items()}
    return Led(joined, {name: column[order] for name, column in whole.items()}, tuple(beds[row] for row in order))
