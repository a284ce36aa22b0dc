"""What a study folder holds by now: the finished stages, and what is missing or computed for other values."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kalander.coupling.card import Card, card_from_dict
from kalander.coupling.stage import Stage, differences, identity_of, stage_key
from kalander.coupling.stages import card_stages
from kalander.coupling.store import Data, Stored, load
from kalander.coupling.study import StudyRecord, open_study

__all__ = ["StudyResults", "open_results"]


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


def open_results(folder: Path) -> StudyResults:
    """Read all that is there of a study. Raises InputError (no study in the folder), CheckpointError (damaged)."""
    record = open_study(folder)
    card = card_from_dict(record.config)
    stages = [stage for stage in card_stages(card) if stage.name in record.stages]
    paths = {stage.name: folder / f"{stage.name}.h5" for stage in stages}
    stored = {stage.name: load(paths[stage.name], stage.schema) for stage in stages if paths[stage.name].exists()}
    missing = tuple(stage.name for stage in stages if stage.name not in stored)
    return StudyResults(folder, record, card, stored, missing, tuple(_stale(stages, stored, record.identity)))


def _stale(stages: list[Stage], stored: dict[str, Stored], identity: dict[str, Any]) -> list[str]:
    """One sentence for each stored stage that the card, or a parent, has left behind; a change of device is none."""
    keys = {name: stage_key(one.identity) for name, one in stored.items()}
    sentences = []
    for stage in stages:
        if stage.name not in stored or not keys.keys() >= set(stage.parents):
            continue
        changes = differences(stored[stage.name].identity, identity_of(stage, keys, identity))
        if listed := "; ".join(str(change) for change in changes if not change.harmless):
            sentences.append(f"{stage.name} was computed for other values: {listed}")
    return sentences
