"""A study: the chain of a card in a folder, stored and resumable; its results as objects."""

import html
import logging
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from kalander.coupling.cards.card import Card, card_to_dict, load_card
from kalander.coupling.cards.estimates import memory_estimate, particle_estimate, voxel_count, voxel_of
from kalander.coupling.multiscale.answer import loop_answer, loop_reason
from kalander.coupling.nip.closure import Closure
from kalander.coupling.packings.bed import Packing
from kalander.coupling.results import answers, validity
from kalander.coupling.results.compress import beds_of
from kalander.coupling.results.curve import Curve
from kalander.coupling.results.devices import device_answer, started
from kalander.coupling.results.fracture import criteria_answer
from kalander.coupling.results.measure import TransportResult
from kalander.coupling.results.pressed import press_answer
from kalander.coupling.results.settings import Settings
from kalander.coupling.results.survey import open_card_study, read_stages, stale_sentences
from kalander.coupling.scales import in_unit
from kalander.coupling.stages.chain import card_stages
from kalander.coupling.stages.transport import states_of
from kalander.coupling.store.store import Data, Stored
from kalander.coupling.structure.images import check_memory
from kalander.coupling.structure.microstructure import Microstructure
from kalander.coupling.study import study as machinery
from kalander.coupling.study.stage import Progress, StageReport
from kalander.kernels.asked import asked
from kalander.kernels.device.backend import Device, running_device
from kalander.kernels.device.host import memory_bytes
from kalander.kernels.errors import Fault, InputError, NumericalError, StorageError

__all__ = ["STAGES", "Study"]

log = logging.getLogger("kalander")

STAGES = ("pack", "press", "closure", "nip", "transport")
SAVES_AT_ONCE = 4  # three are kept while the next is written
SAVED_BYTES_PER_PARTICLE = 1024  # columns of a body, its contacts and bonds in double precision


@dataclass(frozen=True, eq=False)
class Study:
    """A card (or the name of a shipped one, or its path) computed in a folder.

    stored: finished stages by name, as their files hold them. identity: what computed them. reports: what became of
    each stage in the run that gave this study; stale: sentences on what answers an older card.
    """

    card: Card
    folder: Path
    stored: Mapping[str, Stored] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    reports: tuple[StageReport, ...] = ()
    stale: tuple[str, ...] = ()
    device: Device | None = None

    def __post_init__(self) -> None:
        card = self.card if isinstance(self.card, Card) else load_card(self.card)
        object.__setattr__(self, "card", card)
        object.__setattr__(self, "folder", Path(self.folder))

    @classmethod
    @asked(folder="path")
    def open(cls, folder: str | Path) -> Self:
        """What is there of a study; computes nothing. Raises InputError (no study), CheckpointError (damaged)."""
        folder = Path(folder)
        record, card, stages = open_card_study(folder)
        stored = read_stages(folder, stages)
        stale = tuple(stale_sentences(stages, stored, record.identity))
        return cls(card, folder, stored, record.identity, (), stale)

    # --- computing ------------------------------------------------------------------------------------------------

    def run(
        self,
        *,
        device: Device | str | None = None,
        precision: str = "f64",
        threads: int | None = None,
        allow_software: bool = False,
        save_every: float = 600.0,
        max_walltime: float = math.inf,
        overwrite: bool = False,
        until: str | None = None,
        unreached: bool = False,
        on_progress: Callable[[Progress], None] = machinery.ignore,
    ) -> Self:
        """Compute what is not there yet, going on from the newest valid state; each file is read once.

        device: of `start`, or its name; None: the one that runs, else "auto". save_every, max_walltime [s]. overwrite:
        where the folder holds results of other values, move it aside and keep of it what still holds. until: last stage
        to compute, all by default. unreached: give the study back also where a stress, a porosity or the agreement of
        both scales was not reached. Raises InputError, DeviceError, CheckpointError, NumericalError (unreached; results
        are kept), StorageError, Interrupted.
        """
        for warning in self.card.warnings:
            log.warning(warning)
        device = device or running_device() or "auto"
        precision = device.precision if isinstance(device, Device) else precision
        refuse_what_does_not_fit(self.card, self.folder)
        self._refuse_losses(precision, unless=overwrite)
        used, identity, schedule = started(device, precision, threads, allow_software)
        stages = card_stages(self.card, precision=precision, schedule=schedule)
        chain = machinery.Study(self.folder, card_to_dict(self.card), stages, identity)
        names = [stage.name for stage in stages]
        todo = replace(chain, stages=stages if until is None else stages[: names.index(until) + 1])
        reports = todo.run(on_progress, save_every=save_every, max_walltime=max_walltime, overwrite=overwrite)
        stored = {report.name: report.stored for report in reports if report.stored is not None}
        done = replace(self, stored=stored, identity=identity, reports=tuple(reports), stale=(), device=used)
        if not unreached:
            done.refuse_unreached()
        return done

    def _refuse_losses(self, precision: str, *, unless: bool) -> None:
        """Raise InputError before a device is started where the folder holds results of other values."""
        if (self.folder / machinery.RECORD_NAME).exists():
            identity = {**open_card_study(self.folder)[0].identity, "precision": precision}
            stages = card_stages(self.card)
            machinery.Study(self.folder, card_to_dict(self.card), stages, identity).refuse_losses(unless=unless)

    def refuse_unreached(self) -> None:
        """Raise NumericalError where boxes did not reach their stress, or the nip not the porosity asked for."""
        pressed, rolled = self.data("press"), self.data("nip")
        missed = 0 if pressed is None else int((pressed.tables["boxes"]["reached"] == 0).sum())
        if missed:
            raise NumericalError(
                f"{missed} boxes did not reach their stress within press.max_strain = {self.card.press.max_strain:g}; "
                f"results are kept in {self.folder}: raise press.max_strain or lower press.stress"
            )
        target = self.card.calender.target_porosity
        reason = None if rolled is None else answers.nip_answer(rolled, 0)["reason"]
        if reason is not None and target is not None:
            raise NumericalError(
                f"calender.target_porosity = {target:g} is not reached, results are kept in {self.folder}: {reason}"
            )
        exchanged = self.data("loop")
        if exchanged is not None and (why := loop_reason(exchanged)):
            raise NumericalError(f"both scales do not agree, results are kept in {self.folder}: {why}")

    # --- results --------------------------------------------------------------------------------------------------

    def data(self, stage: str) -> Data | None:
        """Result of a stage as tables, None while it is missing."""
        return self.stored[stage].data if stage in self.stored else None

    @property
    def missing(self) -> tuple[str, ...]:
        """Stages that are not computed yet."""
        return tuple(name for name in self.stages if name not in self.stored)

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages of this card: without transport where it wants none, with rounds where [multiscale] wants them."""
        return tuple(stage.name for stage in card_stages(self.card))

    def _finished(self, stage: str) -> Data:
        data = self.data(stage)
        if data is None:
            raise InputError(Fault(f"study.{stage}", str(self.folder), "is not computed yet", "study.run()"))
        return data

    @property
    def pack(self) -> tuple[Packing, ...]:
        """The dried packings with the laws of the card."""
        return beds_of(self.card, self._finished("pack"))

    @property
    def press(self) -> Curve:
        """The press: frames and boxes; its beds are those of pack, moved."""
        pressed = self._finished("press")
        return Curve(pressed.tables["frames"], pressed.tables["boxes"], (), pressed.attributes)

    @property
    def closure(self) -> Closure:
        """The closure of the pressed boxes."""
        return Closure.of(self._finished("closure"))

    @property
    def nip(self) -> Settings:
        """The nip at the card's own setting and at every pressed stress."""
        return Settings(self._finished("nip"))

    @property
    def exchange(self) -> dict[str, Any]:
        """The exchange between the scales where the card has [multiscale]: rounds and stations, as in an answer."""
        return loop_answer(self._finished("loop"))

    @property
    def transport(self) -> TransportResult:
        """Ions and electrons in every packing, as laid (stress 0) and after each release."""
        measured = self._finished("transport")
        return TransportResult(measured.tables["states"], tuple(measured.attributes.get("flags", ())))

    def structures(self, stress: float = 0.0) -> tuple[Microstructure, ...]:
        """Every packing with its binder domain, as laid (0) or released from a stress [Pa]: to measure."""
        packed, pressed = self._finished("pack"), self._finished("press")
        states = states_of(self.card, packed, pressed)
        return tuple(one.structure for one in states if abs(one.stress - stress) <= 1e-3 * stress)

    @property
    def made_on(self) -> str:
        """What computed the study, in one line."""
        named = f" ({self.identity['name']})" if self.identity.get("name") else ""
        kernels = f"{self.identity['kernel_package']} {self.identity['kernel_version']}"
        return f"{self.identity['device']}{named}, {self.identity['precision']}, {kernels}"

    def answer(self, *, report: Path | None = None, report_seconds: float | None = None) -> dict[str, Any]:
        """The JSON object of `kalander run`; report: the page that was written, and in what time."""
        rolled = self._finished("nip")
        rolls = [answers.nip_answer(rolled, row) for row in range(len(rolled.tables["settings"]["name"]))]
        results = {name: self._finished(name) for name in self.stages}
        stages = [
            {"name": stage.name, "key": stage.key, "seconds": stage.seconds, "reused": stage.reused}
            for stage in self.reports
        ]
        if report is not None:
            stages.append({"name": "report", "key": "", "seconds": report_seconds, "reused": False})
        assert self.device is not None
        more = {"multiscale": loop_answer(self._finished("loop"))} if self.card.multiscale else {}
        return {
            "study": str(self.folder),
            "device": device_answer(self.device),
            "stages": stages,
            **answers.electrode_answer(self.card),
            "particle_sizes": answers.sizes_answer(self.card, results["pack"]),
            "press": press_answer(self.card, results["press"]),
            "fracture": criteria_answer(results["press"]),
            "closure": answers.closure_answer(results["closure"]),
            "nip": rolls[0],
            "nip_settings": rolls[1:],
            "transport": answers.transport_answer(results["transport"]) if "transport" in results else None,
            "validity": validity.validity_answer(self.card, results),
            **more,
            "report": None if report is None else str(report),
        }

    def _repr_html_(self) -> str:
        name, folder = (html.escape(str(text)) for text in (self.card.title or "Study", self.folder))
        state = f"missing: {', '.join(self.missing)}" if self.missing else "finished"
        pressed = self.press._repr_html_() if "press" in self.stored else ""
        return f"<p>{name} in {folder}, {state}</p>{pressed}"


def refuse_what_does_not_fit(card: Card, folder: Path) -> None:
    """Raise InputError where memory, or StorageError where the disk, is too small by estimate."""
    particles = particle_estimate(card.electrode, card.boxes) * len(card.press.stress)
    needed, there = memory_estimate(particles), memory_bytes()
    if there is not None and needed > there:
        why = f"boxes hold some {particles:.2g} particles, which need {in_unit(needed, 'GB'):.1f} GB of memory"
        raise InputError(
            Fault("boxes.width", card.boxes.width, why, f"at most {in_unit(there, 'GB'):.1f} GB: fewer or smaller")
        )
    voxels = voxel_count(card.electrode, card.boxes, card.transport) if card.transport.measured else 0
    check_memory("transport.voxel", voxel_of(card.electrode, card.transport), int(voxels), itemsize=24)
    holder = next(parent for parent in (folder, *folder.resolve().parents) if parent.exists())
    free = shutil.disk_usage(holder).free
    saves = SAVES_AT_ONCE * SAVED_BYTES_PER_PARTICLE * particles
    if saves > free:
        asked, left = in_unit(saves, "GB"), in_unit(free, "GB")
        raise StorageError(
            f"{folder}: saves of some {particles:.2g} particles need {asked:.2g} GB, "
            f"{left:.2g} GB are free; free the disk or choose another folder"
        )
