"""A member is computed: an idempotent run of the study in its folder, settled by a record.

As a program, `python -m kalander.twin.ensemble.member FOLDER OPTIONS`, it is what a worker of a cluster starts, one
process a member: a device belongs to a process and dies with it. Its standard input is held open by the worker: when
that ends, however it ends, the member saves and stops, so that whoever tries it next goes on from there.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kalander.coupling.results.study import Study
from kalander.kernels.errors import (
    CheckpointError,
    DeviceError,
    InputError,
    Interrupted,
    KalanderError,
    NumericalError,
    StorageError,
)
from kalander.twin.ensemble.answers import answers_of
from kalander.twin.ensemble.record import DONE, FAILED, Record, note, read_card, read_record, write_record

__all__ = ["STUDY", "compute", "main"]

STUDY = "study"
BUG = 70
HELD = "is writing in this folder"  # what a lock that is held says
PATIENCE = 150.0  # s, for the lock of a worker that was lost: one on another host counts as dead after 120 s
WAIT = 0.2  # s between two looks at it


def compute(folder: Path, options: Mapping[str, Any]) -> Record:
    """The record of a member, computed unless it is final; options: of Study.run. One that fails is recorded as failed.

    Raises what is no failure of the member: DeviceError, StorageError, Interrupted, and InputError where another
    process holds the folder.
    """
    known = read_record(folder)
    if known is not None and known.final:
        return known
    note(folder, "begins")
    record = _tried(folder, options)
    write_record(folder, record)
    note(folder, record.status if record.status == DONE else f"{record.status}: {record.reason}")
    return record


def _tried(folder: Path, options: Mapping[str, Any]) -> Record:
    study = None
    try:
        study = Study(read_card(folder), folder / STUDY).run(unreached=True, **options)
        computed = [report.name for report in study.reports if not report.reused]
        if computed:
            note(folder, f"computed {' '.join(computed)}")
        study.refuse_unreached()
        return Record(DONE, answers_of(study))
    except (DeviceError, StorageError, Interrupted):
        raise
    except (NumericalError, CheckpointError, InputError) as failure:
        if HELD in str(failure):
            raise
        return Record(FAILED, {} if study is None else answers_of(study), failure.exit_code, str(failure))
    except Exception as failure:  # a bug must not end the other members
        return Record(FAILED, {}, BUG, f"{type(failure).__name__}: {failure}")


def _patiently(folder: Path, options: Mapping[str, Any]) -> Record:
    """As `compute`; where a process that was lost still holds the folder, after it has let go of it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return compute(folder, options)
        except InputError as held:
            if HELD not in str(held) or time.monotonic() > deadline:
                raise
            time.sleep(WAIT)


def _stop_with_parent() -> None:
    """Tell this process to save and end when its standard input ends, which only the end of the worker does."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def main(arguments: list[str]) -> int:
    """FOLDER and a JSON object of options; the exit code of `kalander run`."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    _stop_with_parent()
    try:
        return _patiently(Path(arguments[0]), json.loads(arguments[1])).exit_code
    except KalanderError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
