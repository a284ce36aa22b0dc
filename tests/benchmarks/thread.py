"""Events a second into SQLite: read from JSON Lines, checked, stored; each is there once before a rate is printed."""

import json
import tempfile
import time
from pathlib import Path

from kalander.coupling.plant.readers import read_events
from kalander.coupling.plant.store import Counts, PlantStore
from kalander.twin.thread.ingest import ingest
from kalander.twin.thread.lineage import overview

EVENTS = 100_000
WANTED = 5000.0  # events/s of a plant's line


def line(number: int) -> str:
    """A pass of the calender with three values, one of a dryer's batches of ten."""
    values = {"line_load": f"{150 + number % 100} N/mm", "porosity": 0.3 + 1e-6 * number,
              "coating_thickness": {"value": 70 + 1e-4 * number, "unit": "um", "sd": 0.5}}  # fmt: skip
    return json.dumps({"kind": "pass", "name": f"P-{number}", "time": "2026-11-30T08:00:00Z",
                       "parents": [f"drying:D-{number // 10}"], "values": values})  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "passes.jsonl"
        file.write_text("\n".join(line(number) for number in range(EVENTS)))
        with PlantStore(Path(folder) / "plant.db", create=True) as store:
            began, processor = time.perf_counter(), time.process_time()
            total = sum(ingest(store, read_events(file)), Counts())
            seconds, worked = time.perf_counter() - began, time.process_time() - processor
            assert total == Counts(EVENTS), total
            told = overview(store)
            assert (told["events"], told["values"]) == (EVENTS, 3 * EVENTS)
    print(f"{EVENTS / seconds:.0f} events/s by the clock, {EVENTS / worked:.0f} by processor time; {WANTED:.0f} wanted")
    print(f"ratio {EVENTS / seconds / WANTED:.2f}")


if __name__ == "__main__":
    main()
