"""A study is stages, a stage is a file: DIR/<stage>.h5, with mid-stage saves in DIR/<stage>/.

The study alone decides when to save and when to stop; a stage is a generator that offers its state at each step.
"""

import logging
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kalander.coupling.store.atomic import path_errors, sweep_temporaries
from kalander.coupling.store.lock import locked
from kalander.coupling.store.store import Data, load, write
from kalander.coupling.study.execution import Schedule, compute, reuse
from kalander.coupling.study.replaced import losses, move_aside
from kalander.coupling.study.signals import stop_requests
from kalander.coupling.study.stage import COMPUTE, Progress, Stage, StageReport, identity_of, read_result, stage_key
from kalander.kernels.device.devices import PRECISIONS
from kalander.kernels.errors import CheckpointError, Fault, InputError, Interrupted

__all__ = ["Study", "StudyRecord", "open_study"]

log = logging.getLogger(__name__)

RECORD_NAME = "study.h5"
STAGE_NAME = re.compile(r"(?!study$)[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class StudyRecord:
    """What a folder says of the study in it: enough to build its stages again."""

    config: dict[str, Any]
    stages: tuple[str, ...]
    identity: dict[str, Any]


def ignore(progress: Progress) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Study:
    """Stages in order of computation, in a folder of their own.

    config: the whole card with every default; the stages hold their slices of it. identity: facts stored in each
    file; when a stage uses the device they must include "device" (kind and instruction set), "precision",
    "kernel_package" and "kernel_version".
    """

    folder: Path
    config: Mapping[str, Any]
    stages: tuple[Stage, ...]
    identity: Mapping[str, Any]

    def __post_init__(self) -> None:
        known: set[str] = set()
        for stage in self.stages:
            if not STAGE_NAME.fullmatch(stage.name) or stage.name in known or not known.issuperset(stage.parents):
                raise ValueError(f"stage {stage.name!r} has a bad or double name, or a parent that is not before it")
            known.add(stage.name)

    def run(
        self,
        on_progress: Callable[[Progress], None] = ignore,
        *,
        save_every: float = 600.0,
        max_walltime: float = math.inf,
        overwrite: bool = False,
    ) -> list[StageReport]:
        """Compute what is not there yet, going on from the newest valid state.

        save_every, max_walltime: seconds by the monotonic clock. The study stops at the first step after
        max_walltime, so leave room for a step and a save. overwrite: where results in the folder are of other values,
        move the folder aside and begin a new one with what of it still holds. Raises InputError (folder of another
        study, of other values, or in use), CheckpointError (nothing valid to go on from), Interrupted (saved; go on
        with the same call), StorageError, and whatever a stage raises; the last saves then stay.
        """
        if self.refuse_losses(unless=overwrite):
            move_aside(self.folder, self.stages, self.identity)
        with path_errors(self.folder, "create"):
            self.folder.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + max_walltime
        with locked(self.folder) as lock, stop_requests() as signals:
            if lock.note:
                log.warning(lock.note)
            sweep_temporaries(self.folder)
            _put_record(self)

            def stop() -> str:
                lock.beat()
                late = time.monotonic() >= deadline
                return signals() or (f"wall time of {max_walltime:g} s is over" if late else "")

            return self._run_stages(on_progress, Schedule(save_every, stop, signals))

    def refuse_losses(self, *, unless: bool = False) -> bool:
        """Raise InputError where the folder is of another study or, unless so wished, of other values.

        Nothing that was computed is thrown away without a word: the error lists the values and what was computed.
        Returns whether something would be lost.
        """
        _refuse_foreign(self)
        faults = losses(self.folder, self.stages, self.identity)
        if faults and not unless:
            raise InputError(faults)
        return bool(faults)

    def load(self, name: str) -> Data:
        """Return the result of a finished stage. Raises CheckpointError."""
        (stage,) = (stage for stage in self.stages if stage.name == name)
        return read_result(self.folder / f"{name}.h5", stage).data

    def _run_stages(self, on_progress: Callable[[Progress], None], schedule: Schedule) -> list[StageReport]:
        results: dict[str, Data] = {}
        reports: list[StageReport] = []
        for stage in self.stages:
            wanted = identity_of(stage, {report.name: report.key for report in reports}, self.identity)
            kept = {report.name for report in reports if report.reused}
            reused = reuse(self.folder, stage, wanted, kept)
            if isinstance(reused, str):
                if reason := schedule.stop():
                    raise Interrupted(f"{reason}: stopped before {stage.name}")
                inputs = {name: results[name] for name in stage.parents}
                identity = {**self.identity, "config": self.config, **wanted, "key": stage_key(wanted)}
                data, report = compute(self.folder, stage, inputs, identity, reused, on_progress, schedule)
            else:
                data, report = reused
            results[stage.name] = data
            reports.append(report)
        if all(report.reused for report in reports):
            log.info("nothing to do: every stage is finished")
        return reports


def open_study(folder: Path) -> StudyRecord:
    """Return what is stored of the study in a folder. Raises InputError (there is none), CheckpointError."""
    path = folder / RECORD_NAME
    if not path.exists():
        raise InputError(Fault(str(folder), RECORD_NAME, "is not there, so this is no study", "a folder made by run"))
    about = load(path, {}).data.attributes
    if wrong := list(_record_faults(about)):
        raise CheckpointError(f"{path}: {'; '.join(wrong)}")
    return StudyRecord(about["config"], tuple(about["stages"]), about["identity"])


def _record_faults(about: Mapping[str, Any]) -> Iterator[str]:
    """What of a record is missing or of a wrong type."""
    for name in ("config", "identity"):
        if not isinstance(about.get(name), dict):
            yield f"has no {name}"
    stages = about.get("stages")
    if not isinstance(stages, list) or not all(isinstance(name, str) and STAGE_NAME.fullmatch(name) for name in stages):
        yield "has no list of stages"
    elif not stages or len(set(stages)) != len(stages):
        yield "lists no stages, or one twice"
    identity = about.get("identity")
    if not isinstance(identity, dict):
        return
    for name in COMPUTE:
        if not isinstance(identity.get(name, ""), str):
            yield f"identity.{name} is no text"
    if identity.get("precision", "f64") not in PRECISIONS:
        yield f"precision is {identity['precision']!r}, expected {' or '.join(PRECISIONS)}"


def _put_record(study: Study) -> None:
    """Store what resuming needs; a changed card replaces the old one, and each stage then says what changed."""
    record = {
        "config": study.config,
        "stages": [stage.name for stage in study.stages],
        "identity": study.identity,
    }
    write(study.folder / RECORD_NAME, Data({}, record), {}, kind="result", identity={})


def _refuse_foreign(study: Study) -> None:
    """Raise InputError unless the folder is absent, empty, or holds this study (perhaps with other values).

    It is this study when its stages are among ours or ours among them: a card may switch stages on and off.
    """
    folder = study.folder
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(Fault(str(folder), folder.name, "is a file", "a folder"))
    names = {stage.name for stage in study.stages}
    with path_errors(folder, "list"):
        visible = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    if RECORD_NAME in visible:
        theirs = set(open_study(folder).stages)
        if not (theirs <= names or names <= theirs):
            raise InputError(Fault(str(folder), sorted(theirs), "are the stages of another study", "an empty folder"))
    elif foreign := sorted(visible - names - {f"{name}.h5" for name in names}):
        raise InputError(Fault(str(folder), foreign[:3], "in it belong to no study", "an empty or a new folder"))
