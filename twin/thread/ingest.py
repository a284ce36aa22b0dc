"""Events into the store: read, checked, stored in batches; what cannot be read goes to quarantine with its reason."""

from collections.abc import Iterable, Iterator

from kalander.coupling.plant.event import Event, event_of
from kalander.coupling.plant.readers import Item
from kalander.coupling.plant.store import Counts, PlantStore, Rejected

__all__ = ["BATCH", "ingest"]

BATCH = 1000  # events of one transaction, between whose end and start a process that dies loses nothing stored


def ingest(store: PlantStore, items: Iterable[Item | None], batch: int = BATCH) -> Iterator[Counts]:
    """Store items; yields what became of each batch once it is safe. An item None stores what has come so far."""
    events: list[Event] = []
    rejected: list[Rejected] = []
    held: list[Item] = []

    def stored() -> Counts:
        counts = store.add(events, rejected)
        for item in held:
            if item.done is not None:
                item.done()
        for filled in (events, rejected, held):
            filled.clear()
        return counts

    for item in items:
        if item is not None:
            held.append(item)
            event, why = _checked(item)
            if event is not None:
                events.append(event)
            else:
                rejected.append(Rejected(item.payload, item.where, why))
        if held and (item is None or len(held) >= batch):
            yield stored()
    if held:
        yield stored()


def _checked(item: Item) -> tuple[Event | None, str]:
    if item.wrong:
        return None, item.wrong
    event, faults = event_of(item.given, item.source)
    return event, "; ".join(str(fault) for fault in faults)
