"""Numbered files of one question in a folder: parts of a long answer, each kept whole as it is finished."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kalander.coupling.store.agreement import Schema
from kalander.coupling.store.atomic import own_folder
from kalander.coupling.store.store import Data, canonical_json, load, write
from kalander.kernels.errors import CheckpointError, Fault, InputError

__all__ = ["Numbered", "differing"]


@dataclass(frozen=True)
class Numbered:
    """Files folder/kind_0000.h5 and so on, with a schema. question: what they answer, JSON-able.

    A file of another question is refused, not overwritten.
    """

    folder: Path
    kind: str
    schema: Schema
    question: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Digest of the question."""
        return hashlib.sha256(canonical_json(self.question).encode()).hexdigest()

    def path(self, number: int) -> Path:
        """Of a part."""
        return self.folder / f"{self.kind}_{number:04d}.h5"

    def get(self, number: int) -> Data | None:
        """A part, None where it is not there. Raises CheckpointError (damaged), InputError (of another question)."""
        path = self.path(number)
        if not path.exists():
            return None
        stored = load(path, self.schema)
        if stored.identity.get("part") != self.kind:
            raise CheckpointError(f"{path}: is no {self.kind} of a calibration")
        if stored.identity.get("key") != self.key:
            other = stored.identity.get("question")
            names = ", ".join(differing(self.question, other if isinstance(other, dict) else {})) or "its question"
            why = f"holds a {self.kind} of another question; it differs in {names}"
            raise InputError(Fault(str(self.folder), path.name, why, "another folder, or the same question"))
        return stored.data

    def put(self, number: int, data: Data) -> Path:
        """Keep a part. Raises StorageError."""
        own_folder(self.folder, parents=True)
        identity = {"part": self.kind, "number": number, "key": self.key, "question": dict(self.question)}
        write(self.path(number), data, self.schema, kind="result", identity=identity)
        return self.path(number)


def differing(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "", depth: int = 3) -> list[str]:
    """Dotted keys in which two questions differ."""
    found: list[str] = []
    for name in sorted(one.keys() | other.keys()):
        here, there = one.get(name), other.get(name)
        if canonical_json(here) == canonical_json(there):
            continue
        if depth > 1 and isinstance(here, dict) and isinstance(there, dict):
            found += differing(here, there, f"{prefix}{name}.", depth - 1)
        else:
            found.append(f"{prefix}{name}")
    return found
