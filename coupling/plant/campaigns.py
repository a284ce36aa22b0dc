"""Trials of campaigns in the store: what was asked, what was told; each once, whoever asks at the same time."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kalander.coupling.plant.event import Event
from kalander.coupling.plant.store import PlantStore
from kalander.kernels.errors import CheckpointError, Fault, InputError

__all__ = ["KeptTrials", "Trial"]


@dataclass(frozen=True)
class Trial:
    """A trial by its number from 1: parameters in the units of its case, outcomes, None while it is pending.

    failed: it was made, and gave no outcome.
    """

    number: int
    parameters: dict[str, float]
    outcomes: dict[str, float] | None = None
    failed: bool = False

    @property
    def told(self) -> bool:
        return self.failed or self.outcomes is not None


class KeptTrials:
    """Trials of one campaign in a store; case: what its file said, which stays the same while the campaign lasts.

    begin: make the campaign where there is none. Raises InputError: no such campaign, or one with another case.
    """

    def __init__(self, store: PlantStore, name: str, case: str, *, begin: bool) -> None:
        from sqlalchemy import select

        from kalander.coupling.plant.schema import campaign

        self.store, self.name = store, name
        digest = hashlib.sha256(case.encode()).hexdigest()
        row = {"name": name, "digest": digest, "document": case, "begun": time.time()}
        if begin:
            with store.transaction() as connection:
                store.put(connection, campaign, [row])
        found = store.read(select(campaign.c.digest).where(campaign.c.name == name))
        if not found:
            allowed = "a campaign that `kalander suggest` has begun"
            raise InputError(Fault("name", name, f"is no campaign of {store.name}", allowed))
        if found[0]["digest"] != digest:
            allowed = "the case as it was, or another name for another campaign"
            raise InputError(Fault("name", name, "was begun with another case", allowed))

    def all(self) -> list[Trial]:
        """Trials by number. Raises CheckpointError: what is stored is none."""
        from sqlalchemy import select

        from kalander.coupling.plant.schema import trial

        asked = select(trial).where(trial.c.campaign == self.name).order_by(trial.c.number)
        return [self._trial(row) for row in self.store.read(asked)]

    def _trial(self, row: dict[str, Any]) -> Trial:
        try:
            outcomes = None if row["outcomes"] is None else json.loads(row["outcomes"])
            return Trial(row["number"], json.loads(row["parameters"]), outcomes, row["status"] == "failed")
        except ValueError as error:
            where = f"{self.store.name}: trial {row['number']} of {self.name}"
            raise CheckpointError(f"{where} is damaged: {error}") from None

    def add(self, new: Trial) -> None:
        """Keep a trial that is to be made; one whose number is there stays as it is."""
        from kalander.coupling.plant.schema import trial

        row = {"campaign": self.name, "number": new.number, "parameters": json.dumps(new.parameters),
               "status": "pending", "outcomes": None, "asked": time.time(), "told": None}  # fmt: skip
        with self.store.transaction() as connection:
            self.store.put(connection, trial, [row])

    def tell(self, done: Trial, events: Sequence[Event] = ()) -> None:
        """Keep what a pending trial gave, and events of it in the thread: all or nothing. Where another has told it in
        the meantime, that stays and nothing is added."""
        from kalander.coupling.plant.schema import trial

        status = "failed" if done.failed else "done"
        outcomes = None if done.outcomes is None else json.dumps(done.outcomes)
        asked = (trial.c.campaign == self.name) & (trial.c.number == done.number) & (trial.c.status == "pending")
        with self.store.transaction() as connection:
            told = trial.update().where(asked).values(status=status, outcomes=outcomes, told=time.time())
            if connection.execute(told).rowcount and events:
                self.store.add_within(connection, events)
