"""What a study folder, or one of its files, holds: finished stages, what was computed for other values."""

import os
from pathlib import Path
from typing import Any

from kalander.coupling.cards.card import Card, card_from_dict
from kalander.coupling.stages.chain import card_stages
from kalander.coupling.store.store import Stored, load
from kalander.coupling.study.saves import read_save
from kalander.coupling.study.stage import (
    COMPUTE,
    Stage,
    check_identity,
    differences,
    identity_of,
    read_result,
    stage_key,
)
from kalander.coupling.study.study import RECORD_NAME, StudyRecord, open_study
from kalander.kernels.errors import CheckpointError, Fault, InputError

__all__ = ["info", "open_card_study", "read_stages", "stale_sentences"]


def open_card_study(folder: Path) -> tuple[StudyRecord, Card, list[Stage]]:
    """Record, card and stages of a study. Raises InputError (there is none), CheckpointError (it cannot be)."""
    record, path = open_study(folder), folder / RECORD_NAME
    if missing := [name for name in COMPUTE if name not in record.identity]:
        raise CheckpointError(f"{path}: identity has no {', '.join(missing)}")
    try:
        card = card_from_dict(record.config)
    except InputError as error:
        raise CheckpointError("\n".join(f"{path}: {fault}" for fault in error.faults)) from error
    stages = [stage for stage in card_stages(card) if stage.name in record.stages]
    if record.stages != tuple(stage.name for stage in stages):
        raise CheckpointError(f"{path}: lists the stages {', '.join(record.stages)}, which are not those of a card")
    return record, card, stages


def read_stages(folder: Path, stages: list[Stage]) -> dict[str, Stored]:
    """Results of the finished stages by name, each read once. Raises CheckpointError (damaged)."""
    paths = {stage.name: folder / f"{stage.name}.h5" for stage in stages}
    return {stage.name: read_result(paths[stage.name], stage) for stage in stages if paths[stage.name].exists()}


def survey(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Finished stages of a study, and by stage why a file of its name is no result of this study.

    Raises InputError (no study in the folder), CheckpointError (its record cannot be).
    """
    record, _, stages = open_card_study(folder)
    stored: dict[str, Stored] = {}
    unusable: dict[str, str] = {}
    for stage in stages:
        path = folder / f"{stage.name}.h5"
        if os.path.lexists(path):
            try:
                stored[stage.name] = read_result(path, stage)
            except CheckpointError as error:
                unusable[stage.name] = str(error)
    for stage in stages:
        if sentences := stale_sentences([stage], stored, record.identity):
            unusable[stage.name] = sentences[0]
    return [name for name in stored if name not in unusable], unusable


def check_file(path: Path, stored: Stored) -> None:
    """Raise CheckpointError where a file says it is of a stage of a card, and cannot be."""
    name, config = stored.identity.get("stage"), stored.identity.get("config")
    if config is None or not isinstance(name, str):
        return  # of no study: a packing, a save of compact
    try:
        found = [stage for stage in card_stages(card_from_dict(config)) if stage.name == name]
    except InputError as error:
        raise CheckpointError("\n".join(f"{path}: {fault}" for fault in error.faults)) from error
    for stage in found:
        if stored.kind == "result":
            read_result(path, stage)
        else:
            check_identity({**stored.identity, "kind": stored.kind}, path, stage=name, kind="checkpoint")
            read_save(path, stage)


def stale_sentences(stages: list[Stage], stored: dict[str, Stored], identity: dict[str, Any]) -> list[str]:
    """One sentence for each stored stage that the card, or a parent, has left behind; a change of device is none."""
    keys = {name: stage_key(one.identity) for name, one in stored.items()}
    sentences = []
    for stage in stages:
        if stage.name not in stored:
            continue
        own = stored[stage.name].identity
        known = {**own["parents"], **keys}  # a parent that is not there has not changed
        if not known.keys() >= set(stage.parents):
            continue
        changes = differences(own, identity_of(stage, known, identity))
        if listed := "; ".join(str(change) for change in changes if not change.harmless):
            sentences.append(f"{stage.name} was computed for other values: {listed}")
    return sentences


def info(path: Path | str) -> dict[str, Any]:
    """What a study folder or one of its files holds. Raises InputError, CheckpointError."""
    path = Path(path)
    if path.is_dir():
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
