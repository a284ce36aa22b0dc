"""A closed loop that is killed again and again: the same trials as undisturbed, each once, each with its pass."""

import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from loops import write_mill

pytest.importorskip("sklearn")
pytest.importorskip("sqlalchemy")

import kalander.runs as kal


def told(path):
    """How many trials a store holds as told; 0 before it is made."""
    try:
        with sqlite3.connect(path, timeout=60) as store:
            return store.execute("select count(*) from trial where status <> 'pending'").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def killed_again_and_again(folder, budget, kills, seed):
    """The store of a loop under kills at random times, then to its end; how many kills hit a running loop."""
    write_mill(folder)
    path, chance, hit = folder / "plant.db", random.Random(seed), 0
    command = [sys.executable, "-m", "kalander.runs.cli", "loop", "nmc111", "--closure", folder / "closure.h5",
               "--case", folder / "case.toml", "--store", path, "--budget", str(budget)]  # fmt: skip
    for _ in range(kills):
        before = told(path)
        loop = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while loop.poll() is None and told(path) <= before:
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.3))
        hit += loop.poll() is None
        loop.send_signal(signal.SIGKILL)
        loop.wait()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return path, hit


def check(folder, path, budget):
    """Trials are those of a loop that nobody killed; the thread holds the pass of each that did not fail, once."""
    closure = kal.Closure.load(folder / "closure.h5")
    free = kal.loop("nmc111", budget, closure=closure, case=folder / "case.toml")
    with kal.loop("nmc111", budget, closure=closure, case=folder / "case.toml", store=path) as kept:
        assert kept.rows() == free.rows()
        assert kept.suggest() == free.suggest()
    passes = [f"pass:mill/{one.number}" for one in free.trials if one.outcomes is not None]
    with kal.Thread.open(path) as thread:
        found = thread.overview()
        assert sorted(thread.table("pass")["record"]) == sorted(passes)
    assert (found["events"], found["quarantined"]) == (len(passes), 0)


def test_a_killed_loop_goes_on_as_if_nothing_had_been(tmp_path):
    path, hit = killed_again_and_again(tmp_path, budget=6, kills=1, seed=1)
    assert hit == 1
    check(tmp_path, path, 6)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_loop_killed_ten_times_goes_on_as_if_nothing_had_been(tmp_path):
    path, hit = killed_again_and_again(tmp_path, budget=40, kills=10, seed=2)
    assert hit >= 5
    check(tmp_path, path, 40)


def test_a_signal_ends_a_loop_in_peace(tmp_path):
    write_mill(tmp_path)
    command = [sys.executable, "-m", "kalander.runs.cli", "loop", "nmc111", "--closure", tmp_path / "closure.h5",
               "--case", tmp_path / "case.toml", "--store", tmp_path / "plant.db", "--budget", "5000"]  # fmt: skip
    loop = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while told(tmp_path / "plant.db") < 1 and loop.poll() is None:
        time.sleep(0.01)
    loop.send_signal(signal.SIGTERM)
    said = loop.communicate(timeout=60)[1]
    assert (loop.returncode, "the same call goes on" in said) == (75, True), said
