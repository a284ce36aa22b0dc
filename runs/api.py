"""The public verbs as functions: each takes and returns plain objects, and raises what kernels.errors names."""

import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kalander.coupling.cards.card import Card, card_to_dict, load_card
from kalander.coupling.store.atomic import replacing, try_output
from kalander.coupling.store.store import Data, load
from kalander.coupling.study.stage import Progress, StageReport
from kalander.coupling.study.study import Study, open_study
from kalander.kernels.errors import Fault, InputError, NumericalError, StorageError

if TYPE_CHECKING:
    from kalander.kernels.device.backend import Device

__all__ = ["RunResult", "compact", "doctor", "info", "load_card", "nip", "pack", "press", "resume", "run", "transport"]

log = logging.getLogger("kalander")

SAVES_AT_ONCE = 4  # three are kept while the next is written
SAVED_BYTES_PER_PARTICLE = 1024  # columns of a body, its contacts and bonds in double precision


@dataclass(frozen=True)
class RunResult:
    """A finished study: where it is, what computed it, what became of its stages, and its results."""

    folder: Path
    card: Card
    device: "Device"
    stages: tuple[StageReport, ...]
    packed: Data
    pressed: Data
    closure: Data
    rolled: Data
    measured: Data
    report: Path | None

    def answer(self) -> dict[str, Any]:
        """The JSON object of `kalander run`."""
        from kalander.runs import answers
        from kalander.runs.devices import device_answer
        from kalander.runs.report.fracture_answer import criteria_answer

        results = {
            "pack": self.packed, "press": self.pressed, "closure": self.closure, "nip": self.rolled,
            "transport": self.measured,
        }  # fmt: skip
        rolls = [answers.nip_answer(self.rolled, row) for row in range(len(self.rolled.tables["settings"]["name"]))]
        return {
            "study": str(self.folder),
            "device": device_answer(self.device),
            "stages": [
                {"name": stage.name, "key": stage.key, "seconds": stage.seconds, "reused": stage.reused}
                for stage in self.stages
            ],
            **answers.electrode_answer(self.card),
            "particle_sizes": answers.sizes_answer(self.card, self.packed),
            "press": answers.press_answer(self.card, self.pressed),
            "fracture": criteria_answer(self.pressed),
            "closure": answers.closure_answer(self.closure),
            "nip": rolls[0],
            "nip_settings": rolls[1:],
            "transport": answers.transport_answer(self.measured),
            "validity": answers.validity_answer(self.card, results),
            "report": None if self.report is None else str(self.report),
        }


def run(
    card: Card | str | Path,
    folder: Path | str,
    *,
    device: str = "auto",
    precision: str = "f64",
    threads: int | None = None,
    allow_software: bool = False,
    save_every: float = 600.0,
    max_walltime: float = math.inf,
    overwrite: bool = False,
    report: bool = True,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> RunResult:
    """Compute a study in a folder, going on with what is there. save_every, max_walltime [s].

    overwrite: where the folder holds results of other values, move it aside and keep of it what still holds.
    Raises InputError, DeviceError, CheckpointError, NumericalError (a stress, or the porosity that the nip shall leave,
    was not reached; all results are kept), StorageError, Interrupted.
    """
    card, folder = _checked(card), Path(folder)
    _refuse_what_does_not_fit(card, folder)
    _refuse_losses(card, folder, precision, unless=overwrite)
    running, study = _study(card, folder, device, precision, threads, allow_software)
    stages = study.run(on_progress, save_every=save_every, max_walltime=max_walltime, overwrite=overwrite)
    started = time.monotonic()
    page = _report(folder) if report else None
    if page is not None:
        stages.append(StageReport("report", "", time.monotonic() - started, False))
    results = {name: study.load(name) for name in ("pack", "press", "closure", "nip", "transport")}
    done = RunResult(
        folder, card, running, tuple(stages),
        results["pack"], results["press"], results["closure"], results["nip"], results["transport"], page,
    )  # fmt: skip
    _refuse_unreached(card, folder, done.pressed, done.rolled)
    return done


def press(
    card: Card | str | Path,
    folder: Path | str,
    *,
    device: str = "auto",
    precision: str = "f64",
    threads: int | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> tuple[Data, Data]:
    """Pack and press alone, in a folder in which `run` goes on with the rest: results of the stages pack and press.

    Raises as `run`.
    """
    card, folder = _checked(card), Path(folder)
    _refuse_what_does_not_fit(card, folder)
    _refuse_losses(card, folder, precision, unless=False)
    _, study = _study(card, folder, device, precision, threads, allow_software=False)
    replace(study, stages=study.stages[:2]).run(on_progress)
    packed, pressed = study.load("pack"), study.load("press")
    _refuse_short(card, folder, pressed)
    return packed, pressed


def _checked(card: Card | str | Path) -> Card:
    """The card, read where it is a name or a file; its warnings are said."""
    card = card if isinstance(card, Card) else load_card(card)
    for warning in card.warnings:
        log.warning(warning)
    return card


def _refuse_short(card: Card, folder: Path, pressed: Data) -> None:
    """Raise NumericalError where boxes did not reach their stress."""
    missed = int((pressed.tables["boxes"]["reached"] == 0).sum())
    if missed:
        raise NumericalError(
            f"{missed} boxes did not reach their stress within press.max_strain = {card.press.max_strain:g}; "
            f"results are kept in {folder}: raise press.max_strain or lower press.stress"
        )


def _refuse_unreached(card: Card, folder: Path, pressed: Data, rolled: Data) -> None:
    """Raise NumericalError where boxes did not reach their stress, or the nip not the porosity asked for."""
    from kalander.runs.answers import nip_answer

    _refuse_short(card, folder, pressed)
    own = nip_answer(rolled, 0)
    if own["reason"] is not None and card.calender.target_porosity is not None:
        raise NumericalError(
            f"calender.target_porosity = {card.calender.target_porosity:g} is not reached, results are kept in "
            f"{folder}: {own['reason']}"
        )


def resume(folder: Path | str, **options: Any) -> RunResult:
    """Go on with the study in a folder from its newest valid state; options as of `run`, precision as it was."""
    folder = Path(folder)
    from kalander.runs.report.results import open_card_study

    record, card, _ = open_card_study(folder)
    options.setdefault("precision", record.identity["precision"])
    return run(card, folder, **options)


def pack(card: Card | str | Path, path: Path | str) -> dict[str, Any]:
    """Make the packings of a card and write one to a .npz (position, radius, type, box_size; SI) for each replica.

    `clump` says whose member a sphere is: the number of its platelet in the packing, or -1. The name of the file ends
    in .npz, whatever is asked for. Raises InputError, StorageError.
    """
    import numpy as np

    from kalander.coupling.stages.chain import card_stages
    from kalander.runs import answers

    card = card if isinstance(card, Card) else load_card(card)
    path = Path(path)
    if not path.name or path.is_dir():
        raise InputError(Fault("-o", str(path), "is a folder", "the name of an npz file"))
    if path.suffix != ".npz":
        path = path.with_name(f"{path.name}.npz")
    many = card.boxes.replicas > 1
    files = [path.with_stem(f"{path.stem}_{box}") if many else path for box in range(card.boxes.replicas)]
    for file in files:
        try_output(file)
    packed = _exhaust(card_stages(card)[0].work({}, None))
    boxes, particles = packed.tables["boxes"], packed.tables["particles"]
    rows = []
    for box in range(len(boxes["height"])):
        here = particles["box"] == box
        size = [float(length) for length in (*boxes["width"][box], boxes["height"][box])]
        with replacing(files[box]) as handle:
            np.savez(
                handle, position=particles["position"][here], radius=particles["radius"][here],
                type=np.zeros(int(here.sum()), int), box_size=np.array(size), clump=particles["clump"][here],
            )  # fmt: skip
        bonds = int((packed.tables["bonds"]["box"] == box).sum())
        rows.append({"file": str(files[box]), "particles": int(here.sum()), "bonds": bonds, "box_size_m": size})
    return {**answers.electrode_answer(card), "packings": rows}


def doctor(**options: Any) -> dict[str, Any]:
    """Devices and why they are refused, versions, threads, memory, cache folder."""
    from kalander.kernels.device.backend import doctor as examine

    return examine(**options)


def info(path: Path | str) -> dict[str, Any]:
    """What a study folder or one of its files holds."""
    path = Path(path)
    if path.is_dir():
        from kalander.runs.report.results import survey

        record = open_study(path)
        present, unusable = survey(path)
        saves = {name: sorted(save.name for save in (path / name).glob("*.h5")) for name in record.stages}
        return {
            "study": str(path), "stages": list(record.stages), "finished": present, "unusable": unusable,
            "saves": {name: found for name, found in saves.items() if found},
            "identity": record.identity, "config": record.config,
        }  # fmt: skip
    if not path.exists():
        raise InputError(Fault(str(path), path.name, "does not exist", "a study folder or one of its files"))
    from kalander.runs.report.results import check_file

    stored = load(path)
    check_file(path, stored)
    return {
        "file": str(path), "kind": stored.kind, "identity": dict(stored.identity),
        "attributes": stored.data.attributes,
        "tables": {
            name: {column: list(values.shape) for column, values in table.items()}
            for name, table in stored.data.tables.items()
        },
    }  # fmt: skip


def nip(
    case: Path | str,
    *,
    model: str = "fast",
    output: Path | None = None,
    overrides: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Solve the nip of a case file by the model "fast" or "fem"; `output`: folder for figures and fields."""
    from kalander.coupling.cases.nip import load_nip_case, placed
    from kalander.runs.command.nip import solve_case

    if model not in ("fast", "fem"):
        raise InputError(Fault("--model", model, "is no model of the nip", "fast, fem"))
    loaded = load_nip_case(Path(case), overrides=overrides)
    for warning in loaded.warnings:
        log.warning(warning)
    try:
        answer = solve_case(loaded, model=model, output=output)
    except InputError as unfit:
        raise InputError(placed(unfit.faults, case, overrides)) from None
    for note in answer["notes"][len(loaded.warnings) :]:
        log.warning(note)
    return answer


def compact(packing: Path | str, case: Path | str, curve: Path | str, **options: Any) -> dict[str, Any]:
    """Lead a packing along the path of a case; options as of kalander.runs.command.compact.compact."""
    from kalander.runs.command.compact import compact as lead

    return lead(packing, case, curve, **options)


def transport(image: Path | str, **options: Any) -> dict[str, Any]:
    """Transport through a voxel image or a packing; options as of `runs.command.transport.transport_image`."""
    from kalander.runs.command.transport import transport_image

    if not str(image).strip():
        raise InputError(Fault("IMAGE", str(image), "names no file", "the path of an image or a packing"))
    return transport_image(Path(image), **options)


def _study(
    card: Card, folder: Path, device: str, precision: str, threads: int | None, allow_software: bool
) -> tuple["Device", Study]:
    """Start the device and build the study for it."""
    from kalander.coupling.stages.chain import card_stages
    from kalander.runs.devices import started

    running, identity, schedule = started(device, precision, threads, allow_software)
    stages = card_stages(card, precision=precision, schedule=schedule)
    return running, Study(folder, card_to_dict(card), stages, identity)


def _refuse_losses(card: Card, folder: Path, precision: str, *, unless: bool) -> None:
    """Raise InputError before a device is started where the folder holds results of other values."""
    from kalander.coupling.stages.chain import card_stages
    from kalander.coupling.study.study import RECORD_NAME
    from kalander.runs.report.results import open_card_study

    if (folder / RECORD_NAME).exists():
        identity = {**open_card_study(folder)[0].identity, "precision": precision}
        Study(folder, card_to_dict(card), card_stages(card), identity).refuse_losses(unless=unless)


def _refuse_what_does_not_fit(card: Card, folder: Path) -> None:
    """Raise InputError where memory, or StorageError where the disk, is too small by estimate."""
    from kalander.coupling.cards.estimates import memory_estimate, particle_estimate
    from kalander.coupling.cards.voxel_checks import voxel_count, voxel_of
    from kalander.coupling.structure.images import check_memory
    from kalander.kernels.device.host import memory_bytes

    particles = particle_estimate(card.electrode, card.boxes) * len(card.press.stress)
    needed, there = memory_estimate(particles), memory_bytes()
    if there is not None and needed > there:
        why = f"boxes hold some {particles:.2g} particles, which need {needed / 1e9:.1f} GB of memory"
        raise InputError(Fault("boxes.width", card.boxes.width, why, f"at most {there / 1e9:.1f} GB: fewer or smaller"))
    voxels = voxel_count(card.electrode, card.boxes, card.transport)
    check_memory("transport.voxel", voxel_of(card.electrode, card.transport), int(voxels), itemsize=24)
    holder = next(parent for parent in (folder, *folder.resolve().parents) if parent.exists())
    free = shutil.disk_usage(holder).free
    saves = SAVES_AT_ONCE * SAVED_BYTES_PER_PARTICLE * particles
    if saves > free:
        raise StorageError(
            f"{folder}: saves of some {particles:.2g} particles need {saves / 1e9:.2g} GB, "
            f"{free / 1e9:.2g} GB are free; free the disk or choose another folder"
        )


def _report(folder: Path) -> Path:
    from kalander.runs.report.report import write_report

    return write_report(folder)


def _exhaust(generator: Any) -> Any:
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            return stop.value
