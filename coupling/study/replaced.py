"""What a run would throw away of the study in its folder, and how that study is moved aside instead."""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from kalander.coupling.store.atomic import storage_errors
from kalander.coupling.store.lock import locked
from kalander.coupling.store.store import read_identity
from kalander.coupling.study.saves import save_paths
from kalander.coupling.study.stage import Change, Stage, check_identity, differences, identity_of, stage_key
from kalander.kernels.errors import CheckpointError, Fault

__all__ = ["losses", "move_aside"]

log = logging.getLogger(__name__)

SAVES = "saves of "


def losses(folder: Path, stages: tuple[Stage, ...], identity: Mapping[str, Any]) -> list[Fault]:
    """Values that differ from those that finished stages and saves in a folder are of; empty where all would be kept.

    A stage whose parents would be computed again is lost with them. A change of device loses nothing, and files that
    cannot be read hold nothing to lose.
    """
    lost: dict[str, list[Change]] = {}
    for stage, path, changes in _stored(folder, stages, identity):
        result = path.parent == folder
        # saves of another device are refused with their own reason when the stage comes to them
        own = [change for change in changes if not (change.harmless if result else change.of_compute)]
        own = [change for change in own if not change.where.startswith("parents.")]
        if own or lost.keys() & set(stage.parents):
            lost.setdefault(stage.name if result else SAVES + stage.name, own)
    if not lost:
        return []
    by_value: dict[str, Fault] = {}
    for name, own in lost.items():
        for change in own:
            where = f"version of stage {name.removeprefix(SAVES)}" if change.where == "stage_version" else change.where
            why = f"is not what the study in {folder} was computed for, {change.shown(change.stored)!r}"
            by_value.setdefault(where, Fault(where, change.shown(change.wanted), why))
    allowed = (
        f"another folder (-o), the values of this one, or --overwrite, which moves it to {_aside(folder)} and keeps "
        "what still holds"
    )
    return [*by_value.values(), Fault(str(folder), list(lost), "would be thrown away", allowed)]


def move_aside(folder: Path, stages: tuple[Stage, ...], identity: Mapping[str, Any]) -> Path:
    """Rename the folder of a study and make a new one with the files of it that still hold; returns the new name.

    Raises InputError (the study is being computed), StorageError.
    """
    with locked(folder):
        aside = _aside(folder)
        with storage_errors(folder, "rename"):
            folder.rename(aside)
            folder.mkdir()
    kept = [
        path
        for _, path, changes in _stored(aside, stages, identity)
        if all(change.harmless and path.parent == aside for change in changes)
    ]
    for path in kept:
        target = folder / path.relative_to(aside)
        with storage_errors(target, "write"):
            target.parent.mkdir(exist_ok=True)
            _link(path, target)
    names = ", ".join(str(path.relative_to(aside)) for path in kept) or "nothing"
    log.warning(f"the study that was in {folder} is now in {aside}; kept of it: {names}")
    return aside


def _stored(
    folder: Path, stages: tuple[Stage, ...], identity: Mapping[str, Any]
) -> Iterator[tuple[Stage, Path, list[Change]]]:
    """Results and saves in a folder that can be read, with what of each differs from what is wanted now."""
    keys: dict[str, str] = {}
    for stage in stages:
        wanted = identity_of(stage, keys, identity)
        keys[stage.name] = stage_key(wanted)
        path = folder / f"{stage.name}.h5"
        for file, kind in ((path, "result"), *((save, "checkpoint") for save in save_paths(folder / stage.name))):
            try:
                stored = read_identity(file)
                check_identity(stored, file, stage=stage.name, kind=kind)
            except CheckpointError:
                continue
            changes = differences(stored, wanted)
            if kind == "result" and all(change.harmless for change in changes):
                keys[stage.name] = stage_key(stored)  # it may be of another device, and is kept
            yield stage, file, changes


def _aside(folder: Path) -> Path:
    """First free name of the form NAME.1."""
    folder = folder if folder.name else folder.resolve()
    names = (folder.with_name(f"{folder.name}.{number}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _link(path: Path, target: Path) -> None:
    """The same file under another name, or a copy: stored files are replaced and never changed."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copy2(path, target)
