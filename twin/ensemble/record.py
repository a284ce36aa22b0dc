"""What is known of one member of an ensemble: a record in its folder, written once it is settled, and its log.

DIR/members/KEY/card.json: the card; study/: the study; member.json: the record; log.txt: who worked on it, and when.
"""

import hashlib
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from kalander.coupling.cards.card import Card, card_from_dict, card_to_dict
from kalander.coupling.stages.chain import card_stages
from kalander.coupling.store.atomic import own_folder, replacing, storage_errors
from kalander.coupling.store.store import canonical_json
from kalander.kernels.errors import CheckpointError, NumericalError

__all__ = [
    "CARD", "DONE", "FAILED", "LOG", "MEMBERS", "Record", "forget", "member_folder", "member_key", "note", "put_card",
    "read_card", "read_record", "write_record",
]  # fmt: skip

CARD, RECORD, LOG = "card.json", "member.json", "log.txt"
MEMBERS = "members"
DONE, FAILED = "done", "failed"
LETTERS = 16  # of a key: among 100 000 members two are the same by chance once in 10^9


@dataclass(frozen=True)
class Record:
    """A settled member. exit_code and reason: as `kalander run` would have ended; answers: numbers in SI by name."""

    status: str
    answers: Mapping[str, float | None]
    exit_code: int = 0
    reason: str = ""

    @property
    def final(self) -> bool:
        """Whether another try would end the same: what was computed, and what cannot be computed."""
        return self.status == DONE or self.exit_code == NumericalError.exit_code


def member_key(card: Card, precision: str) -> str:
    """Key of a member: of all that its numbers depend on, so that an equal one is known again."""
    stages = [[stage.name, stage.version] for stage in card_stages(card)]
    whole = canonical_json({"config": card_to_dict(card), "stages": stages, "precision": precision})
    return hashlib.sha256(whole.encode()).hexdigest()[:LETTERS]


def member_folder(folder: Path, key: str) -> Path:
    """Folder of a member of the ensemble in a folder."""
    return folder / MEMBERS / key


def put_card(folder: Path, card: Card) -> None:
    """Write the card of a member into its folder, unless it is there. Raises StorageError."""
    own_folder(folder, parents=True)
    if not (folder / CARD).exists():
        with replacing(folder / CARD) as handle:
            handle.write(canonical_json(card_to_dict(card)).encode())


def read_card(folder: Path) -> Card:
    """The card of a member. Raises StorageError, CheckpointError (no card), InputError (a wrong one)."""
    path = folder / CARD
    with storage_errors(path, "read"):
        text = path.read_text(encoding="utf-8")
    try:
        return card_from_dict(json.loads(text))
    except ValueError as error:
        raise CheckpointError(f"{path}: is no card: {error}") from error


def read_record(folder: Path) -> Record | None:
    """The record of a member; None where it is not settled, or the record is no record: it is then made again."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        record = Record(found["status"], dict(found["answers"]), int(found["exit_code"]), str(found["reason"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if record.status in (DONE, FAILED) else None


def write_record(folder: Path, record: Record) -> None:
    """Write a record, whole or not at all. Raises StorageError."""
    with replacing(folder / RECORD) as handle:
        handle.write((json.dumps(asdict(record), indent=1, allow_nan=False) + "\n").encode())


def note(folder: Path, what: str) -> None:
    """Add a line to the log of a member. Raises StorageError."""
    path = folder / LOG
    line = f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {socket.gethostname()} {os.getpid()} {what}\n"
    with storage_errors(path, "write"), open(path, "a", encoding="utf-8") as handle:
        handle.write(line)


def forget(folder: Path) -> None:
    """Remove the record of a member, so that it is tried again. Raises StorageError."""
    with storage_errors(folder / RECORD, "remove"):
        (folder / RECORD).unlink(missing_ok=True)
