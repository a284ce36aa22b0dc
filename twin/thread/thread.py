"""The thread as an object of the public face: events in, histories and tables out, in Python and on DataFrames."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from kalander.coupling.plant.readers import Item, read_frame
from kalander.coupling.plant.store import Counts, PlantStore
from kalander.coupling.results.study import Study
from kalander.twin.thread.ingest import ingest
from kalander.twin.thread.lineage import lineage, overview, table
from kalander.twin.thread.studies import study_events

__all__ = ["Thread"]


@dataclass(frozen=True)
class Thread:
    """A plant's data in one store. Thread.open("plant.db", create=True); closes itself as a context.

    Methods raise InputError (wrong names), CheckpointError (no store, or a damaged one), StorageError (no answer).
    """

    store: PlantStore

    @classmethod
    def open(cls, store: str | Path, *, create: bool = False) -> Self:
        """The thread in a file of SQLite, or at a URL of PostgreSQL; create: make it where there is none."""
        return cls(PlantStore(store, create=create))

    def add(self, events: Any, source: str = "python") -> Counts:
        """Store events: dictionaries as the page THREAD.md says, a DataFrame with a row each, or a finished Study.

        Returns how many were stored, known already, and set aside because something is wrong with them.
        """
        if isinstance(events, Study):
            return self.store.add(study_events(events))
        return sum(ingest(self.store, _items(events, source)), Counts())

    def lineage(self, record: str) -> dict[str, Any]:
        """What a record ("cell:C-7") was made of, nearest first, with all values in SI."""
        return lineage(self.store, record)

    def table(self, kind: str) -> Any:
        """DataFrame with a row for each record of a kind: its values and those of its ancestors, SI (needs pandas)."""
        from pandas import DataFrame

        return DataFrame(table(self.store, kind)[0])

    def overview(self) -> dict[str, Any]:
        """How many records, events and values there are, and what was set aside and why."""
        return overview(self.store)

    def close(self) -> None:
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _items(events: Any, source: str) -> Iterable[Item]:
    if hasattr(events, "itertuples"):
        return read_frame(events, source)
    given = [events] if isinstance(events, Mapping) else events
    return (Item(str(one), f"{source}:{number}", source, one) for number, one in enumerate(given, start=1))
