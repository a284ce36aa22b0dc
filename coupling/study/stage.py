"""A stage of a study: what it computes from what, and the key that says whether a stored result is that."""

import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kalander.coupling.store.agreement import Schema
from kalander.coupling.store.store import Data, Stored, canonical_json, load
from kalander.kernels.errors import CheckpointError

__all__ = [
    "COMPUTE", "Change", "Progress", "Stage", "StageReport", "UnsoundError", "Work", "check_identity", "differences",
    "identity_of", "listed", "read_result", "stage_key",
]  # fmt: skip

COMPUTE = ("device", "precision", "kernel_package", "kernel_version")
IDENTITY = ("stage", "stage_version", "stage_config", "parents", "compute")


@dataclass(frozen=True)
class Progress:
    """How far a stage is. The study, not the stage, decides whether to save here.

    fraction: 0 to 1. snapshot: returns the state from which the stage goes on bit for bit; valid until the stage is
    asked for its next step. boundary: a leg of the protocol has ended and a save is wanted.
    """

    stage: str
    fraction: float
    message: str
    snapshot: Callable[[], Data]
    boundary: bool = False
    counters: Mapping[str, float] = field(default_factory=dict)


Work = Callable[[dict[str, Data], Data | None], Generator[Progress, None, Data]]
"""(results of the parents by name, state to go on from or None) -> steps, and the result as return value."""


LONGEST = 40  # characters of a value in a message
SHOWN = 5  # faults of one file in a message


class UnsoundError(CheckpointError):
    """An undamaged file holds what cannot be: a forgery or a fault of the program, so nothing is computed over it."""


def _accept(*_: object) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Stage:
    """One file of a study.

    version: raised when the same config would now give another result. config: the slice of the card that the
    result depends on, and nothing else. schema, state_schema: of the result and of a mid-stage save. uses_device: runs
    kernels, so that device and precision matter. check_state: sentences on what is wrong with a stored state beyond
    its schema (ids that are no permutation); such a save is rejected. check_result: the same of a result and the
    config it was computed for; such a file is refused.
    """

    name: str
    version: int
    parents: tuple[str, ...]
    config: Mapping[str, Any]
    schema: Schema
    state_schema: Schema
    work: Work
    uses_device: bool = False
    check_state: Callable[[Data], Iterable[str]] = _accept
    check_result: Callable[[Data, Mapping[str, Any]], Iterable[str]] = _accept


@dataclass(frozen=True)
class StageReport:
    """What became of a stage in one run. seconds: of this run alone. stored: its result as its file has it."""

    name: str
    key: str
    seconds: float
    reused: bool
    resumed_from: Path | None = None
    notes: tuple[str, ...] = ()
    stored: Stored | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Change:
    """A value that differs between a stored file and the study that wants it."""

    where: str
    stored: Any
    wanted: Any

    def __str__(self) -> str:
        return f"{self.where}: {_short(self.stored)} -> {_short(self.wanted)}"

    def shown(self, value: Any) -> Any:
        """One of its values for a message: as it is, or its text cut."""
        return value if value is None or len(canonical_json(value)) <= LONGEST else _short(value)

    @property
    def of_compute(self) -> bool:
        """Device, precision or kernels differ, not the question that was asked."""
        return self.where.startswith("compute.")

    @property
    def harmless(self) -> bool:
        """A finished result holds on another device, to rounding; not at another precision."""
        return self.of_compute and self.where != "compute.precision"


def identity_of(stage: Stage, parent_keys: Mapping[str, str], identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that determines the result of a stage, as JSON gives it back."""
    compute = {name: identity[name] for name in COMPUTE} if stage.uses_device else {}
    values = (stage.name, stage.version, stage.config, {name: parent_keys[name] for name in stage.parents}, compute)
    return json.loads(canonical_json(dict(zip(IDENTITY, values))))


def stage_key(identity: Mapping[str, Any]) -> str:
    """Return the sha256 of what determines a result; other entries of the identity (host, driver) do not count."""
    return hashlib.sha256(canonical_json({name: identity.get(name) for name in IDENTITY}).encode()).hexdigest()


def check_identity(identity: Mapping[str, Any], path: Path, *, stage: str, kind: str) -> None:
    """Raise UnsoundError unless the root attributes of a file are those of a stage's result or checkpoint."""
    texts, tables = ("stage", "key", "kalander", "written"), ("stage_config", "parents", "compute", "packages")
    wrong = [name for name in texts if not isinstance(identity.get(name), str)]
    wrong += [name for name in tables if not isinstance(identity.get(name), dict)]
    wrong += [
        f"{table}.{name}"
        for table in ("parents", "compute", "packages")
        for name, text in (identity[table] if table not in wrong else {}).items()
        if not isinstance(text, str)
    ]
    if not isinstance(identity.get("config", {}), dict):
        wrong.append("config")
    if wrong:
        raise UnsoundError(f"{path}: attributes {', '.join(wrong)} are missing or of a wrong type; delete it")
    if (identity["kind"], identity["stage"]) != (kind, stage):
        found = f"a {identity['kind']} of stage {identity['stage']!r}"
        raise UnsoundError(f"{path}: is {found}, expected a {kind} of {stage!r}; delete it")
    if identity["key"] != stage_key(identity):
        raise UnsoundError(f"{path}: its key is not that of what it says it was computed from; delete it")


def read_result(path: Path, stage: Stage) -> Stored:
    """Return the result of a stage. Raises CheckpointError (damaged), UnsoundError (its values cannot be)."""
    stored = load(path, stage.schema)
    check_identity({**stored.identity, "kind": stored.kind}, path, stage=stage.name, kind="result")
    if objections := list(stage.check_result(stored.data, stored.identity["stage_config"])):
        raise UnsoundError(f"{path}: {listed(objections)}; delete it to compute it again")
    return stored


def listed(objections: list[str]) -> str:
    """The first objections, and how many more there are."""
    more = f"; and {len(objections) - SHOWN} more" if len(objections) > SHOWN else ""
    return "; ".join(objections[:SHOWN]) + more


def differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """Return the values that make two keys differ, under their dotted names in the card."""
    old, new = _flat(stored), _flat(wanted)
    return [
        Change(name.removeprefix("stage_config."), old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if name not in old or name not in new or canonical_json(old[name]) != canonical_json(new[name])
    ]


def _flat(identity: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}

    def visit(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping) and value:
            for name, inner in value.items():
                visit(f"{prefix}.{name}", inner)
        else:
            flat[prefix] = value

    for name in IDENTITY:
        visit(name, identity.get(name))
    return flat


def _short(value: Any) -> str:
    """Return a value for a message; long ones (keys of parents, tables) are cut."""
    text = "nothing" if value is None else canonical_json(value)
    return text if len(text) <= LONGEST else text[:18] + "..."
