"""Mid-stage saves: DIR/<stage>/001.h5, 002.h5 ...; the last three stay until the stage is finished."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kalander.coupling.store.atomic import own_folder, storage_errors, sweep_temporaries
from kalander.coupling.store.store import Data, read, read_identity, write
from kalander.coupling.study.stage import Stage, UnsoundError, check_identity, differences, listed
from kalander.kernels.errors import CheckpointError

__all__ = ["COUNTERS", "Resume", "add_save", "newest_valid", "read_save", "remove_saves", "save_paths"]

COUNTERS = "counters"  # of the step that was saved: for people
KEPT = 3  # one may be damaged with the disk, and one be of the state that led to the damage
NAME = re.compile(r"\d{3,9}\.h5")


@dataclass(frozen=True)
class Resume:
    """Where a stage goes on, and how far it had come. The other saves: why they were passed over.

    unsound: those that are whole, and whose values cannot be.
    """

    path: Path | None
    state: Data | None
    counters: Mapping[str, float]
    damaged: tuple[str, ...]
    other_device: tuple[str, ...]
    other_config: tuple[str, ...]
    unsound: tuple[str, ...] = ()


def add_save(folder: Path, stage: Stage, state: Data, identity: Mapping[str, Any]) -> Path:
    """Write the next save of a stage and remove the oldest. Raises StorageError, after which the older saves stand."""
    own_folder(folder)
    paths = save_paths(folder)
    path = folder / f"{_number(paths[-1]) + 1 if paths else 1:03d}.h5"
    write(path, state, stage.state_schema, kind="checkpoint", identity=identity)
    with storage_errors(folder, "clean"):
        for old in [*paths, path][:-KEPT]:
            old.unlink()
    return path


def newest_valid(folder: Path, stage: Stage, identity: Mapping[str, Any]) -> Resume:
    """Return the newest save from which `stage` can go on with the same bits."""
    if folder.is_dir():
        sweep_temporaries(folder)
    damaged: list[str] = []
    unsound: list[str] = []
    other_device: list[str] = []
    other_config: list[str] = []
    path: Path | None
    for path in reversed(save_paths(folder)):
        try:
            stored = read_identity(path)
            check_identity(stored, path, stage=stage.name, kind="checkpoint")
            changes = differences(stored, identity)
            state = None if changes else read_save(path, stage)
        except UnsoundError as error:
            unsound.append(str(error))
            continue
        except CheckpointError as error:
            damaged.append(str(error))
            continue
        if state is not None:
            break
        reasons = other_device if all(change.of_compute for change in changes) else other_config
        reasons.append(f"{path}: {'; '.join(map(str, changes))}")
    else:
        path, state, stored = None, None, {}
    counters = stored.get(COUNTERS)
    return Resume(
        path, state, counters if isinstance(counters, dict) else {}, tuple(damaged), tuple(other_device),
        tuple(other_config), tuple(unsound),
    )  # fmt: skip


def remove_saves(folder: Path) -> None:
    """Remove the saves of a finished stage, and their folder unless the user keeps something in it."""
    if folder.is_dir():
        with storage_errors(folder, "clean"):
            sweep_temporaries(folder)
            for path in save_paths(folder):
                path.unlink()
        with suppress(OSError):
            folder.rmdir()


def read_save(path: Path, stage: Stage) -> Data:
    """Return the state in a save. Raises CheckpointError (damaged), UnsoundError (its values cannot be)."""
    state = read(path, stage.state_schema)
    if objections := list(stage.check_state(state)):
        raise UnsoundError(f"{path}: {listed(objections)}")
    return state


def save_paths(folder: Path) -> list[Path]:
    """Return the saves in a folder that may be absent, oldest first."""
    return sorted((path for path in folder.glob("*.h5") if NAME.fullmatch(path.name)), key=_number)


def _number(path: Path) -> int:
    return int(path.stem)
