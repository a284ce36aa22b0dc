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
from kalander.coupling.stages.compact import fit_faults, may_not_narrow, path_of
from kalander.coupling.stages.compact_periodic import curve_of, probe_of
from kalander.coupling.study.stage import Progress
from kalander.dem.bodies.material import Material, binder_constants, rayleigh_time
from kalander.dem.bodies.state import Ensemble, solid_radius, sphere_volume
from kalander.dem.loading.compaction import new_press, press
from kalander.dem.loading.path_tables import ROW
from kalander.dem.loading.paths import curve, follow, new_path
from kalander.dem.loading.press_tables import FRAME
from kalander.dem.loading.triaxial import new_probe, probe
from kalander.dem.loading.triaxial_tables import PROBE
from kalander.dem.packing.binder import make_bonds
from kalander.dem.packing.packing import Packing as Spheres
from kalander.dem.packing.packing import assemble, spatial_order
from kalander.kernels.columns import Column, Table
from kalander.kernels.errors import InputError

__all__ = ["Led", "lead"]

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
        drive = _press if path.press is not None else _probe if laid[members[0]].bed.deforms else _follow
        led = yield from drive([laid[number] for number in members], path, precision, schedule)
        parts.append((members, led))
    return _joined(parts, len(beds))


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
    judged = bed.fracture if path.press is None else bed.fracture.model_copy(update={"mode": "flag"})
    return CompactCase(
        temperature=path.temperature, material=bed.materials, contact=bed.contact, binder=bed.binder, fracture=judged,
        box=Box(periodic=bed.repeats), plates=plates, step=bed.step, path=legs, frames=frames,
        max_strain=path.max_strain,
    )  # fmt: skip


def _materials(bed: Packing) -> list[Material]:
    """Materials of the spheres, their stiffness scaled."""
    found = [particle_of(one, restitution=bed.contact.restitution, crushes=True) for one in bed.materials]
    return [replace(one, modulus=one.modulus * bed.stiffness_scale) for one in found]


def _laws(bed: Packing) -> tuple[str, np.ndarray]:
    """Contact law and its constants: rows of the spheres, of a foil, of the platens."""
    materials = _materials(bed)
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
    strong = [(one.density, one.strength, one.strength_diameter, one.strength_exponent) for one in _materials(bed)]
    return (_laws(bed)[0], strong, ages, bed.fracture, bed.seed, bed.foil is None, bed.deforms, bed.step.contact_share,
            bed.step.dt is None)  # fmt: skip


def _ensemble(laid: list[_Laid]) -> Ensemble:
    """All boxes at rest, each with its own constants, at the shortest of their time steps."""
    laws = [_laws(one.bed) for one in laid]
    binders = [None if one.bed.binder is None else binder_constants(binder_in(one.bed.binder)) for one in laid]
    ensemble = assemble(
        [one.spheres for one in laid],
        density=np.array([material.density for material in _materials(laid[0].bed)]),
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
        for row, material in enumerate(_materials(one.bed)):
            mine = one.spheres.radius[one.spheres.material == row]
            steps += [one.bed.step.safety * rayleigh_time(material, float(mine.min()))] if len(mine) else []
    return min(steps)


def _press(laid: list[_Laid], path: Path, precision: str, schedule: str) -> Generator[Progress, None, Led]:
    """Every bed to every stress and back."""
    section = path.press
    assert section is not None
    many, all_boxes = len(section.stress), laid * len(section.stress)
    ensemble, first = _ensemble(all_boxes), laid[0].bed
    target = np.repeat(from_si(section.stress, "MPa"), len(laid))
    start = new_press(ensemble, target=target, solid=np.array([_solids(one) for one in all_boxes]))
    smallest = float(ensemble.bodies["radius"].min())
    fracture = fracture_in(first.fracture, seed=first.seed, replicas=tuple(one.bed.replica for one in laid) * many)
    settings = press_in(
        section, first.step, first.binder, fracture=fracture, time_step=float(ensemble.boxes["dt"].max()),
        smallest_radius=smallest,
    )  # fmt: skip
    moments = press(start, settings, materials=_materials(first), precision=precision, schedule=schedule)
    while True:
        try:
            moment = next(moments)
        except StopIteration as stop:
            final = stop.value
            break
        yield _progress(moment.fraction, f"{moment.boxes_done} of {len(target)} boxes done", moment.steps)
    boxes = {
        "stress": in_si(target, "MPa"),
        "replica": np.tile(np.arange(len(laid), dtype=np.int32), many),
        "reached": final.protocol["reached"],
        "start_height": to_si({"h": final.protocol["start_height"]}, {"h": FRAME["height"]})["h"],
    }
    return Led(to_si(final.frames, FRAME), boxes, tuple(_lying(all_boxes, final.ensemble)))


def _solids(one: _Laid) -> float:
    """Volume of all solids of a box [µm³]: as given, else that of the spheres and the binder."""
    given = float(from_si(one.bed.solid_volume, "um^3"))
    return given if given > 0.0 else float(sphere_volume(one.spheres.radius).sum()) + one.filler


def _follow(laid: list[_Laid], path: Path, precision: str, schedule: str) -> Generator[Progress, None, Led]:
    """Between platens, along legs."""
    ensemble, case = _ensemble(laid), laid[0].case
    way = path_of(case, ensemble, narrow_ends=may_not_narrow(laid[0].bed.spheres))
    start = new_path(ensemble, solid=np.array([one.filler for one in laid]), temperature=path.temperature)
    moments = follow(start, way, materials=_materials(laid[0].bed), precision=precision, schedule=schedule)
    while True:
        try:
            moment = next(moments)
        except StopIteration as stop:
            final = stop.value
            break
        yield _progress(moment.fraction, f"{moment.stress.max():.3g} MPa", moment.steps)
    rows = curve(final.rows, final.samples)
    height = to_si({"h": final.progress["start_height"]}, {"h": ROW["height"]})["h"]
    return _led(laid, to_si(rows, {**ROW, **DERIVED}, only=rows), final, height)


def _probe(laid: list[_Laid], path: Path, precision: str, schedule: str) -> Generator[Progress, None, Led]:
    """Without platens, along legs."""
    ensemble = _ensemble(laid)
    start = new_probe(ensemble, solid=np.array([one.filler for one in laid]), temperature=path.temperature)
    settings = probe_of(laid[0].case, ensemble)
    moments = probe(start, settings, materials=_materials(laid[0].bed), precision=precision, schedule=schedule)
    while True:
        try:
            moment = next(moments)
        except StopIteration as stop:
            final = stop.value
            break
        yield _progress(moment.fraction, f"{moment.stress[:, :3].mean():.3g} MPa", moment.steps)
    rows = curve_of(final.rows)
    height = to_si({"h": final.progress["start_size"][:, 2]}, {"h": ROW["height"]})["h"]
    return _led(laid, to_si(rows, {**PROBE, **DERIVED}, only=rows), final, height)


def _progress(fraction: float, message: str, steps: int) -> Progress:
    return Progress("compress", fraction, message, lambda: _nothing(), counters={"steps": steps})


def _nothing() -> Any:
    raise NotImplementedError("a bed that is compressed in Python is not saved on the way: kalander compact is")


def _led(laid: list[_Laid], frames: Table, final: Any, start_height: np.ndarray) -> Led:
    boxes = {
        "stress": np.full(len(laid), np.nan),
        "replica": np.arange(len(laid), dtype=np.int32),
        "reached": (final.progress["done"] == 1).astype(np.int32),
        "start_height": start_height,
    }
    return Led(frames, boxes, tuple(_lying(laid, final.ensemble)))


def _lying(laid: list[_Laid], ensemble: Ensemble) -> list[Packing]:
    """The beds as they lie: places, radii, bonds that hold, sizes of their boxes."""
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
            bonds=_bonds(ensemble, number, back), **whole,
        ))  # fmt: skip
    return found


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
