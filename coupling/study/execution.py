"""One stage of a study: its stored result if that still holds, otherwise its work, saved as the schedule says."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kalander.coupling.store.store import Data, read_identity, write
from kalander.coupling.study.saves import COUNTERS, add_save, newest_valid, remove_saves
from kalander.coupling.study.signals import Left, StopRequests
from kalander.coupling.study.stage import (
    Change,
    Progress,
    Stage,
    StageReport,
    UnsoundError,
    check_identity,
    differences,
    read_result,
    stage_key,
)
from kalander.coupling.study.trace import Trace, repeated, tracing
from kalander.kernels.errors import CheckpointError, Interrupted

__all__ = ["Schedule", "carry_out", "compute", "reuse"]

log = logging.getLogger(__name__)


FIRST_SAVE = 60.0  # s


@dataclass(frozen=True)
class Schedule:
    """When to save and when to stop.

    save_every: seconds of the monotonic clock, 0 for every step. stop: returns the reason to stop now, or "".
    signals: those that stop; heeded at once where nothing would be lost.
    """

    save_every: float
    stop: Callable[[], str]
    signals: StopRequests = field(default_factory=StopRequests)

    def wants_save(self, progress: Progress, seconds_since_save: float, *, first: bool = False) -> bool:
        """first: nothing was saved yet in this run, and a minute is worth a save."""
        wait = min(self.save_every, FIRST_SAVE) if first else self.save_every
        return progress.boundary or seconds_since_save >= wait


def reuse(
    folder: Path, stage: Stage, identity: Mapping[str, Any], kept: Collection[str] = ()
) -> tuple[Data, StageReport] | str:  # fmt: skip
    """Return the stored result of a stage, or the reason why there is none that holds ("" when none is stored).

    kept: stages whose own files hold. Raises CheckpointError when it is damaged and the stage has no parents whose
    results one could go on from, and UnsoundError where it is whole and its values cannot be, or where it was made from
    other parents than the older ones that are there: then a file was swapped, and no input has changed.
    """
    start = time.monotonic()
    path = folder / f"{stage.name}.h5"
    if not path.exists():
        return ""
    try:
        stored = read_identity(path)
        check_identity(stored, path, stage=stage.name, kind="result")
        changes = differences(stored, identity)
        listed = "; ".join(str(change) for change in changes)
        if not all(change.harmless for change in changes):
            if strangers := _strangers(folder, stored, changes, kept):
                raise UnsoundError(f"{path}: {strangers}; put back what belongs together, or delete {path.name}")
            return f"{path} holds for other values: {listed}"
        whole = read_result(path, stage)
    except UnsoundError:
        raise
    except CheckpointError as error:
        return _rejected(stage, path, str(error))
    notes = (f"{path} is kept, though computed elsewhere: {listed}",) if changes else ()
    for note in notes:
        log.warning(note)
    remove_saves(folder / stage.name)  # a run may have been killed between its result and this
    # the key of the file, so that what was computed from it on the other device still fits
    seconds = time.monotonic() - start
    report = StageReport(stage.name, stage_key(stored), seconds, reused=True, notes=notes, stored=whole)
    return whole.data, report


def _strangers(folder: Path, stored: Mapping[str, Any], changes: Iterable[Change], kept: Collection[str]) -> str:
    """What is wrong with a result that differs in its parents alone, all of which hold and are older than it.

    A parent that was computed again for other inputs is younger than what was made from the one before: that is only
    out of date.
    """
    said = []
    for change in changes:
        table, _, parent = change.where.partition(".")
        if change.harmless:
            continue
        if table != "parents" or parent not in kept:
            return ""
        if read_identity(folder / f"{parent}.h5")["written"] >= stored["written"]:
            return ""
        said.append(f"was made from another {parent} than the one that is there ({change})")
    return ", ".join(said)


def compute(
    folder: Path,
    stage: Stage,
    inputs: dict[str, Data],
    identity: Mapping[str, Any],
    why: str,
    on_progress: Callable[[Progress], None],
    schedule: Schedule,
) -> tuple[Data, StageReport]:
    """Compute a stage from its newest valid save, or from its beginning, and store the result.

    identity: what is stored in its files. why: what `reuse` said. Raises CheckpointError when the only saves that
    answer the question are of another device or precision, or are damaged with no parents to go on from, Interrupted
    after saving, and whatever the work of the stage raises.
    """
    start = time.monotonic()
    saves = folder / stage.name
    resume = newest_valid(saves, stage, identity)
    if resume.state is None and resume.other_device:
        raise CheckpointError(
            "; ".join(resume.other_device) + f"; go on with the device and precision of the save, or delete {saves}"
        )
    if resume.state is None and resume.unsound:
        raise UnsoundError("; ".join(resume.unsound) + f"; delete {saves} to begin again")
    notes = [why] if why else []
    if resume.damaged and resume.state is None:
        notes.append(_rejected(stage, saves, "; ".join(resume.damaged)))
    else:
        notes += [f"rejected {reason}" for reason in (*resume.damaged, *resume.unsound)]
    notes += [f"passed over {reason}" for reason in (*resume.other_device, *resume.other_config)]
    if resume.path is not None:
        again = repeated(folder, stage.name, resume.counters)
        notes.append(f"went on from {resume.path}{again}")
    for note in notes:
        log.warning(note)
    with tracing(folder, stage.name) as trace:
        try:
            result = carry_out(saves, stage, inputs, resume.state, identity, on_progress, schedule, trace=trace)
        except Left as left:
            raise Interrupted(f"{left}: {stage.name} had nothing new to save; go on with the same call") from None
    path = folder / f"{stage.name}.h5"
    write(path, result, stage.schema, kind="result", identity=identity)
    remove_saves(saves)
    # what follows gets the file's version of the result, so that it cannot tell a resumed study from another
    whole = read_result(path, stage)
    seconds = time.monotonic() - start
    return whole.data, StageReport(stage.name, stage_key(identity), seconds, False, resume.path, tuple(notes), whole)


def carry_out(
    saves: Path,
    stage: Stage,
    inputs: dict[str, Data],
    state: Data | None,
    identity: Mapping[str, Any],
    on_progress: Callable[[Progress], None],
    schedule: Schedule,
    *,
    trace: Trace | None = None,
    on_leaving: Callable[[Data], str] = lambda state: "",
) -> Data:
    """Run the generator of a stage to its end, saving and stopping between its steps.

    on_leaving: told of the state that was saved as the stage stops; what it returns ends the message of Interrupted.
    """
    last_save, begun, first = time.monotonic(), False, True
    with closing(stage.work(inputs, state)) as steps:
        while True:
            try:
                # before its first step (kernels compile) and without anything to save a stage need not be waited for
                schedule.signals.heed_at_once = not (begun and stage.state_schema)
                progress = next(steps)
            except StopIteration as end:
                return end.value
            finally:
                schedule.signals.heed_at_once = False
            begun = True
            on_progress(progress)
            if trace is not None:
                trace.at(progress.counters, share=progress.fraction)
            reason = schedule.stop()
            if not reason and not schedule.wants_save(progress, time.monotonic() - last_save, first=first):
                continue
            state = progress.snapshot()
            path = add_save(saves, stage, state, {**identity, COUNTERS: dict(progress.counters)})
            if trace is not None:
                trace.at(progress.counters, saved=True, share=progress.fraction)
            last_save, first = time.monotonic(), False
            if reason:
                more = on_leaving(state)
                raise Interrupted(f"{reason}: {stage.name} is saved at {progress.fraction:.0%} in {path}{more}")


def _rejected(stage: Stage, path: Path, reasons: str) -> str:
    """Return a note when the stage can begin again from its parents; otherwise nothing valid is left: raise."""
    if not stage.parents:
        raise CheckpointError(f"{reasons}; nothing valid is left to go on from, delete {path} to begin again")
    return f"rejected {reasons}"
