"""Kill a whole run at random moments, resume it, and compare with the run that was left alone: byte for byte."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kalander.coupling.store import load, same
from kalander.coupling.trace import TRACE_NAME

KILLS = 10
STAGES = ("pack", "press", "closure", "nip", "transport")
SMALL = {
    "boxes.width": "32 um",
    "press.stress": '["4 MPa", "8 MPa"]',
    "press.inertial_number": "6e-3",
    "press.stiffness_scale": "0.05",
    "press.release_stress": "1 MPa",
}


def command(verb: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "kalander.runs.cli", verb, *arguments, "--threads", "1", "--json"]


def start(folder: Path, save_every: str) -> list[str]:
    changes = [text for key, value in SMALL.items() for text in ("--set", f"{key}={value}")]
    return command("run", "nmc111", "--quick", "-o", str(folder), "--save-every", save_every, *changes)


def finish(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    cache = Path(__file__).parents[1] / ".kernel_cache"
    return {**os.environ, "KALANDER_CACHE": str(cache)}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> tuple[Path, int]:
    """Folder of the run left alone, and the steps of its boxes together."""
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    answer = json.loads(finish(start(folder, "10 min"), environment).stdout)
    assert [stage["reused"] for stage in answer["stages"] if stage["name"] in STAGES] == [False] * len(STAGES)
    frames = load(folder / "press.h5").data.tables["frames"]
    return folder, int(sum(frames["step"][frames["box"] == box].max() for box in set(frames["box"].tolist())))


def progress_of(folder: Path) -> tuple[str, float]:
    """Stage and count of a running study, from its trace."""
    trace = last_trace(folder)
    return trace.get("stage", ""), next(iter(trace.get("at", {}).values()), 0.0)


def kill_after(process: subprocess.Popen, folder: Path, stage: str, advance: float, number: int) -> None:
    """Send a signal once the study has gone on by `advance` steps in the stage, from where this life found it."""
    found = None
    while process.poll() is None:
        now, count = progress_of(folder)
        if now == stage:
            found = count if found is None else found
            if count - found >= advance:
                break
        elif now > stage == "pack":  # it has left the stage it was to die in
            break
        time.sleep(0.005)
    process.send_signal(number)


def assert_same_study(one: Path, other: Path) -> None:
    for stage in STAGES:
        assert same(one / f"{stage}.h5", other / f"{stage}.h5") == []


def last_trace(folder: Path) -> dict:
    """What a killed run left: its stage, the counters of its last step and those of its last save."""
    try:
        return json.loads((folder / TRACE_NAME).read_text())
    except (OSError, ValueError):
        return {}


def check_repeats(log: str, trace: dict) -> bool:
    """A resume says from where it goes on, and does again no more than what came after the last finished save."""
    went_on = re.search(r"went on from \S+/(\w+)/\d+\.h5; repeats (\d+) of (\d+) (\w+)", log)
    if went_on is None:
        return False
    stage, again, reached, counter = went_on[1], int(went_on[2]), int(went_on[3]), went_on[4]
    assert (stage, reached) == (trace["stage"], trace["at"][counter])
    assert again <= reached - trace["saved"].get(counter, 0), went_on[0]
    print(went_on[0])
    return True


@pytest.mark.xdist_group("kill")
def test_killed_ten_times_and_resumed_equals_undisturbed(tmp_path, environment, undisturbed):
    """Two lives end while packing, eight while pressing, each after a random piece of work."""
    reference, steps = undisturbed
    folder = tmp_path / "study"
    chance = random.Random(20261122)
    arguments, trace, resumed = start(folder, "0.2 s"), {}, 0
    for life in range(KILLS):
        process = subprocess.Popen(
            arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        if life < 2:
            kill_after(process, folder, "pack", chance.uniform(1, 40), signal.SIGKILL)
        else:
            kill_after(process, folder, "press", chance.uniform(0.01, 0.11) * steps, signal.SIGKILL)
        _, log = process.communicate()
        assert process.returncode == -signal.SIGKILL, "the run ended before it could be killed"
        resumed += check_repeats(log, trace)
        trace = last_trace(folder)
        arguments = command("resume", str(folder), "--save-every", "0.2 s")
    done = finish(arguments, environment)
    resumed += check_repeats(done.stderr, trace)
    assert resumed >= KILLS // 2, "most lives should have gone on from a save"
    assert_same_study(folder, reference)


@pytest.mark.xdist_group("kill")
def test_saving_at_every_step_changes_nothing(tmp_path, environment, undisturbed):
    folder = tmp_path / "study"
    finish(start(folder, "0 s"), environment)
    assert_same_study(folder, undisturbed[0])


@pytest.mark.xdist_group("kill")
def test_a_signal_saves_and_exits_75_and_a_finished_study_has_nothing_to_do(tmp_path, environment, undisturbed):
    reference, steps = undisturbed
    folder = tmp_path / "study"
    process = subprocess.Popen(
        start(folder, "10 min"), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    kill_after(process, folder, "press", 0.2 * steps, signal.SIGTERM)
    process.communicate()
    assert process.returncode == 75
    assert list((folder / "press").glob("*.h5")), "nothing was saved on the signal"
    finish(command("resume", str(folder)), environment)
    assert_same_study(folder, reference)
    again = finish(command("resume", str(folder)), environment)
    assert "nothing to do" in again.stderr
    assert all(stage["reused"] for stage in json.loads(again.stdout)["stages"] if stage["name"] in STAGES)
