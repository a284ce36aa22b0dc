"""An ingest that is killed again and again: no event lost, none doubled."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest

from kalander.coupling.plant.store import PlantStore
from kalander.twin.thread.lineage import overview

COMMAND = [sys.executable, "-m", "kalander.runs.cli", "thread", "ingest"]


def line(number):
    values = {"porosity": 0.3 + 1e-7 * number, "line_load": f"{100 + number % 50} N/mm"}
    return json.dumps(
        {"kind": "pass", "name": f"P-{number}", "time": "2026-11-30T08:00:00Z", "parents": [f"drying:D-{number // 10}"],
         "values": values}
    )  # fmt: skip


def killed_again_and_again(folder, events, kills, seed):
    """Ingest a file under kills at random times, then to its end; the numbers of the store and the kills that hit."""
    file, path = folder / "passes.jsonl", folder / "plant.db"
    file.write_text("\n".join(map(line, range(events))))
    PlantStore(path, create=True).close()
    chance, hit = random.Random(seed), 0
    for _ in range(kills):
        ingest = subprocess.Popen([*COMMAND, path, file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait_for_events(path, ingest)
        time.sleep(chance.uniform(0.0, 0.5))
        hit += ingest.poll() is None
        ingest.send_signal(signal.SIGKILL)
        ingest.wait()
    subprocess.run([*COMMAND, path, file], check=True, stdout=subprocess.DEVNULL)
    with PlantStore(path) as store:
        return overview(store), hit


def _wait_for_events(path, ingest):
    """Until the process writes: its log grows, or it has ended."""
    log = path.with_name(path.name + "-wal")
    before = log.stat().st_mtime_ns if log.exists() else 0
    while ingest.poll() is None and not (log.exists() and log.stat().st_mtime_ns > before and log.stat().st_size):
        time.sleep(0.01)


@pytest.mark.slow
def test_kills_lose_and_double_nothing(tmp_path):
    told, hit = killed_again_and_again(tmp_path, events=4000, kills=2, seed=1)
    assert (told["events"], told["values"], told["quarantined"]) == (4000, 8000, 0)
    assert told["records"] == {"drying": 400, "pass": 4000}
    assert hit >= 1


@pytest.mark.slow
def test_kills_lose_and_double_nothing_of_a_hundred_thousand(tmp_path):
    told, hit = killed_again_and_again(tmp_path, events=100_000, kills=10, seed=2)
    assert (told["events"], told["values"], told["quarantined"]) == (100_000, 200_000, 0)
    assert hit >= 5


def test_a_pipe_is_stored_while_it_is_open_and_sigterm_ends_it_in_peace(tmp_path):
    path = tmp_path / "plant.db"
    PlantStore(path, create=True).close()
    ingest = subprocess.Popen([*COMMAND, path, "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    ingest.stdin.write(line(1) + "\n" + line(2) + "\n")
    ingest.stdin.flush()
    end = time.monotonic() + 60
    with PlantStore(path) as store:
        while overview(store)["events"] < 2 and time.monotonic() < end:
            time.sleep(0.1)
        assert overview(store)["events"] == 2
    ingest.send_signal(signal.SIGTERM)
    assert ingest.wait(timeout=30) == 75
    assert "stored" in ingest.stderr.read()
