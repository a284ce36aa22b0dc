"""What a study folder holds by now: the finished stages, and what is missing or computed for other values."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kalander.coupling.cards.card import Card, card_from_dict
from kalander.coupling.stages.chain import card_stages
from kalander.coupling.store.store import Data, Stored
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
from kalander.kernels.errors import CheckpointError, InputError

__all__ = ["StudyResults", "check_file", "open_card_study", "open_results", "survey"]


@dataclass(frozen=True)
class StudyResults:
    """Finished stages of a study by name; `missing` are not computed yet, `stale` says which answer an older card."""

    folder: Path
    record: StudyRecord
    card: Card
    stored: dict[str, Stored]
    missing: tuple[str, ...]
    stale: tuple[str, ...]

    def data(self, stage: str) -> Data | None:
        """Result of a stage, None while it is missing."""
        return self.stored[stage].data if stage in self.stored else None

    @property
    def device(self) -> str:
        """What computed the study, in one line."""
        identity = self.record.identity
        named = f" ({identity['name']})" if identity.get("name") else ""
        kernels = f"{identity['kernel_package']} {identity['kernel_version']}"
        return f"{identity['device']}{named}, {identity['precision']}, {kernels}"


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


def open_results(folder: Path) -> StudyResults:
    """Read all that is there of a study. Raises InputError (no study in the folder), CheckpointError (damaged)."""
    record, card, stages = open_card_study(folder)
    paths = {stage.name: folder / f"{stage.name}.h5" for stage in stages}
    stored = {stage.name: read_result(paths[stage.name], stage) for stage in stages if paths[stage.name].exists()}
    missing = tuple(stage.name for stage in stages if stage.name not in stored)
    return StudyResults(folder, record, card, stored, missing, tuple(_stale(stages, stored, record.identity)))


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
        if sentences := _stale([stage], stored, record.identity):
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


def _stale(stages: list[Stage], stored: dict[str, Stored], identity: dict[str, Any]) -> list[str]:
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
