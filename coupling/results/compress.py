"""Beds of Python packed, compressed, and made a closure of: `pack`, `compress`, `fit_closure` of the public face."""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card, load_card
from kalander.coupling.cards.particles import step_share
from kalander.coupling.cases.compact import CaseBinder
from kalander.coupling.cases.path import Leg, Path
from kalander.coupling.homogenise.closure import closure_table
from kalander.coupling.homogenise.stiffness import Stiffness, network_stiffness
from kalander.coupling.homogenise.stiffness_pull import Pulled
from kalander.coupling.nip.closure import Closure
from kalander.coupling.packings.bed import Packing
from kalander.coupling.packings.stored import packings_of
from kalander.coupling.results.answers import electrode_answer
from kalander.coupling.results.curve import Curve
from kalander.coupling.results.devices import running
from kalander.coupling.scales import from_si
from kalander.coupling.stages.batch import lead, particle_materials, state_of
from kalander.coupling.stages.chain import card_stages, schedule_for
from kalander.coupling.stages.strained import pulled, settled, strained
from kalander.coupling.store.atomic import try_output
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.network.tangent import BOUNDARIES
from kalander.kernels.asked import asked
from kalander.kernels.device.backend import Device
from kalander.kernels.errors import Fault, InputError
from kalander.kernels.quantities import porosity

__all__ = ["beds_of", "compress", "fit_closure", "pack", "pack_files", "pull", "stiffness"]

log = logging.getLogger("kalander")


def ignore(progress: Progress) -> None:
    """Show nothing."""


@asked(card="Card|path")
def pack(card: Card | str, *, on_progress: Callable[[Progress], None] = ignore) -> tuple[Packing, ...]:
    """The dried packings of a card (or of a shipped one by its name), one a replica. Raises InputError."""
    card = card if isinstance(card, Card) else load_card(card)
    return beds_of(card, shown(card_stages(card)[0].work({}, None), on_progress))


def beds_of(card: Card, packed: Data) -> tuple[Packing, ...]:
    """Packings of the stage pack with the laws of their card."""
    tables, found = packed.tables, []
    particles, boxes = tables["particles"], tables["boxes"]
    safety = card.step.safety * step_share(card.electrode.particles)
    for replica, inside in enumerate(packings_of(packed)):
        here = particles["box"] == replica
        found.append(Packing(
            position=particles["position"][here], radius=particles["radius"][here],
            box_size=np.array([*boxes["width"][replica], boxes["height"][replica]]),
            material=card.electrode.active,
            contact=card.contact.model_copy(update={"restitution": card.restitution}),
            binder=CaseBinder.model_construct(**{**dict(card.binder), "volume_fraction": None}),
            fracture=card.fracture, step=card.step.model_copy(update={"safety": safety}),
            foil=card.electrode.foil.material if card.press.lower_platen == "foil" else None,
            stiffness_scale=card.press.stiffness_scale, bonds=inside.bonds, clumps=inside.clumps,
            members=inside.members, solid_volume=float(boxes["solids"][replica]), seed=card.seed, replica=replica,
        ))  # fmt: skip
    return tuple(found)


@asked(beds="Packing|[Packing]", path="Path|list|tuple")
def compress(
    beds: Packing | Sequence[Packing],
    path: Path | Sequence[Leg],
    *,
    device: Device | str | None = None,
    on_progress: Callable[[Progress], None] = ignore,
) -> Curve:
    """Lead beds along a path, all of them side by side; returns their curve, and the beds as they then lie.

    device: one that `start` gave, its name, or None for the one that runs (else "auto"). Beds may differ in all that
    they hold: size, friction, material. Those that do not come to the end of their path have `reached` 0 in
    curve.boxes. Raises InputError with every fault, DeviceError, NumericalError.
    """
    many = (beds,) if isinstance(beds, Packing) else tuple(beds or ())
    if not many or not all(isinstance(one, Packing) for one in many):
        raise InputError(Fault("compress", "beds", "are no packings, or none", "a Packing, or several"))
    way = path if isinstance(path, Path) else Path(path)
    used = running(device)
    led = shown(lead(many, way, precision=used.precision, schedule=schedule_for(used.kind)), on_progress)
    missed = int((led.boxes["reached"] == 0).sum())
    if missed:
        log.warning("%d of %d boxes did not come to the end of their path", missed, len(led.boxes["reached"]))
    return Curve(led.frames, led.boxes, led.beds)


def shown(steps: Any, on_progress: Callable[[Progress], None]) -> Any:
    """The end of a generator whose steps are shown."""
    while True:
        try:
            on_progress(next(steps))
        except StopIteration as stop:
            return stop.value


@asked(beds="Packing|[Packing]|Curve", strain="number", boundary="text", contacts="flag")
def stiffness(
    beds: Packing | Sequence[Packing] | Curve,
    *,
    stress: float | str | None = None,
    by: str | None = None,
    strain: float = 1e-5,
    boundary: str = "slab",
    contacts: bool = True,
    device: Device | str | None = None,
) -> Stiffness:
    """The stiffness of beds, each a replica: of a curve of one stress, or of legs, of all its beds as they lie.

    Without a stress, by the network of their contacts and bonds as they are, at once: boundary is that of beds between
    platens, "slab" or "platens"; contacts: False for bonds alone, as in tension from rest. A bed that no path has left
    has its bonds alone. With a stress along z [Pa, or a text] beds repeat in all directions, are closed until they bear
    it, and, by="probes" (the default), are strained six ways, each ± `strain`, in one batch of twelve copies; or
    by="network". Raises InputError, NumericalError where a bed does not bear the stress.
    """
    if isinstance(beds, Curve) and len(beds.stresses) > 1:
        raise InputError(Fault("stiffness", "curve", "has several stresses", "curve.beds_from(stress)"))
    many = beds.beds if isinstance(beds, Curve) else (beds,) if isinstance(beds, Packing) else tuple(beds)
    by = by or ("network" if stress is None else "probes")
    if faults := list(_stiffness_faults(many, stress, by, strain, boundary)):
        raise InputError(faults)
    if stress is None:
        return network_stiffness([state_of(bed) for bed in many], boundary=boundary, contacts=contacts)
    used, held = running(device), Leg(stress=stress).stress
    assert isinstance(held, float)
    run: dict[str, Any] = {"precision": used.precision, "schedule": schedule_for(used.kind)}
    cells = [(settled(bed, particle_materials(bed), stress=held, **run), particle_materials(bed)) for bed in many]
    if by == "network":
        return network_stiffness([cell for cell, _ in cells], contacts=contacts)
    each = np.array([strained(cell, materials, strain=strain, **run) for cell, materials in cells])
    return Stiffness(each.mean(axis=0), each)


def pull(
    beds: Packing | Sequence[Packing], *, strain: float = 5e-3, stress: float | str = "0.5 MPa", looks: int = 8,
    device: Device | str | None = None,
) -> Pulled:  # fmt: skip
    """Pull and press beds in their plane by ± `strain`, along x and along y, their other sides held.

    stress: along z [Pa, or a text], little, at which they are closed before, as cells without platens. Where contacts
    open in tension the binder alone carries. Raises InputError, NumericalError where a bed does not bear the stress.
    """
    many = (beds,) if isinstance(beds, Packing) else tuple(beds)
    if faults := list(_stiffness_faults(many, stress, "probes", strain, BOUNDARIES[1])):
        raise InputError(faults)
    used, held = running(device), Leg(stress=stress).stress
    assert isinstance(held, float)
    run: dict[str, Any] = {"precision": used.precision, "schedule": schedule_for(used.kind)}
    rows, whole, after, pores = [], [], [], []
    for bed in many:
        materials = particle_materials(bed)
        cell = settled(bed, materials, stress=held, **run)
        rows.append(pulled(cell, materials, strain=strain, looks=looks, **run))
        bonds = max(len(cell.bonds["intact"]), 1)
        whole.append(cell.bonds["intact"].sum() / bonds)
        after.append(rows[-1][2][:2].mean() / bonds)
        size = cell.boxes["width"][0].prod() * cell.boxes["depth"][0]
        solids = from_si(bed.solid_volume, "um^3") or sphere_volume(cell.bodies["radius"].astype(float)).sum()
        pores.append(porosity(float(solids), float(size)))
    change = np.array([one for _, one, _ in rows])
    strains = np.array([one for one, _, _ in rows])
    return Pulled(strains, change[:, :2], change[:, 2:], np.array(whole), np.array(after), np.array(pores))


def _stiffness_faults(beds: Any, stress: Any, by: str, strain: float, boundary: str) -> Iterator[Fault]:
    if not beds or not all(isinstance(one, Packing) for one in beds):
        yield Fault("stiffness", "beds", "are no packings, or none", "a Packing, several, or a Curve with its beds")
    if by not in ("network", "probes"):
        yield Fault("by", by, "is no way", '"network", "probes"')
    if by == "probes" and stress is None:
        yield Fault("by", by, "needs a stress at which beds are held", 'stress="20 MPa", or by="network"')
    if not 0.0 < strain <= 1e-2:
        yield Fault("strain", strain, "is no small strain", "above 0, at most 0.01")
    if boundary not in BOUNDARIES[1:]:
        yield Fault("boundary", boundary, "is none", ", ".join(f'"{one}"' for one in BOUNDARIES[1:]))


@asked(curve="Curve", porosity="number?")
def fit_closure(curve: Curve, *, porosity: float | None = None) -> Closure:
    """The closure of beds that were pressed and released; porosity: of the free coating, by default of the beds.

    Raises InputError for a curve of legs, NumericalError where no box reached its stress and came back.
    """
    if not curve.releases:
        why = "is of legs, and a closure is fitted to releases from known stresses"
        raise InputError(Fault("curve", "Path", why, "Path.press_and_release(stress), Path.of(card)"))
    if porosity is None:
        _, first = np.unique(curve.frames["box"], return_index=True)
        porosity = float(curve.frames["porosity"][first].mean())
    return Closure.of(closure_table(curve.data, porosity=porosity))


def pack_files(card: Card, path: FilePath | str, *, bonds: bool = False) -> dict[str, Any]:
    """What `kalander pack` answers: one .npz (position, radius, type, box_size; SI) is written for each replica.

    bonds: they are written as well, see Packing.save. `clump` says whose member a sphere is: the number of its platelet
    in the packing, or -1. The name of the file ends in .npz, whatever is asked for. Raises InputError, StorageError.
    """
    path = FilePath(path)
    if not path.name or path.is_dir():
        raise InputError(Fault("-o", str(path), "is a folder", "the name of an npz file"))
    if path.suffix != ".npz":
        path = path.with_name(f"{path.name}.npz")
    many = card.boxes.replicas > 1
    files = [path.with_stem(f"{path.stem}_{box}") if many else path for box in range(card.boxes.replicas)]
    for file in files:
        try_output(file)
    rows = []
    for file, bed in zip(files, pack(card)):
        laid = 0 if bed.bonds is None else len(bed.bonds["first"])
        size = [float(length) for length in bed.box_size]
        written = str(bed.save(file, bonds=bonds))
        rows.append({"file": written, "particles": len(bed.radius), "bonds": laid, "box_size_m": size})
    return {**electrode_answer(card), "packings": rows}
