"""Beds of Python packed, compressed, and made a closure of: `pack`, `compress`, `fit_closure` of the public face."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card, load_card
from kalander.coupling.cards.particles import step_share
from kalander.coupling.cases.compact import CaseBinder
from kalander.coupling.cases.path import Leg, Path
from kalander.coupling.homogenise.closure import closure_table
from kalander.coupling.homogenise.stiffness import Stiffness
from kalander.coupling.nip.closure import Closure
from kalander.coupling.packings.bed import Packing
from kalander.coupling.packings.stored import packings_of
from kalander.coupling.results.answers import electrode_answer
from kalander.coupling.results.curve import Curve
from kalander.coupling.results.devices import running
from kalander.coupling.stages.batch import lead, particle_materials
from kalander.coupling.stages.chain import card_stages, schedule_for
from kalander.coupling.stages.strained import strained
from kalander.coupling.store.atomic import try_output
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress
from kalander.kernels.device.backend import Device
from kalander.kernels.errors import Fault, InputError

__all__ = ["beds_of", "compress", "fit_closure", "pack", "pack_files", "stiffness"]

log = logging.getLogger("kalander")


def ignore(progress: Progress) -> None:
    """Show nothing."""


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


def stiffness(
    bed: Packing, *, stress: float | str, strain: float = 1e-5, device: Device | str | None = None
) -> Stiffness:
    """Strain a bed that a path has left six ways, each ± `strain`, in one batch of twelve copies.

    stress: along z [Pa, or a text], at which the bed is held meanwhile, without platens. Raises InputError,
    NumericalError where it does not bear the stress.
    """
    used, held = running(device), Leg(stress=stress).stress
    assert isinstance(held, float)
    found = strained(
        bed, particle_materials(bed), stress=held, strain=strain, precision=used.precision,
        schedule=schedule_for(used.kind),
    )  # fmt: skip
    return Stiffness(found)


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
