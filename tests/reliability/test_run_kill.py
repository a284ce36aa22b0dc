"""Whole runs that are killed or told to stop: a few kills here, a hundred over all stages by `make crash`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kalander.coupling.store.store import same

CRASH = Path(__file__).with_name("crash.py")
CACHE = Path(__file__).parents[1] / ".kernel_cache"
STAGES = ("pack", "press", "closure", "nip", "transport")
SMALL = {
    "boxes.width": "32 um", "boxes.replicas": "1", "press.stress": '["4 MPa", "8 MPa"]',
    "press.inertial_number": "6e-3", "press.stiffness_scale": "0.05", "press.release_stress": "1 MPa",
}  # fmt: skip


@pytest.mark.slow
def test_killed_in_every_stage_and_resumed_equals_undisturbed() -> None:
    """Forks of one process, which has no device of its own: the test's has one."""
    done = subprocess.run(
        [sys.executable, str(CRASH), "--kills", "6", "--only", ",".join(STAGES)],
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1]) if done.stdout.endswith("}\n") else done.stderr
    assert done.returncode == 0, found
    assert found["kills"] == 6
    assert found["different"] == []


@pytest.mark.slow
@pytest.mark.xdist_group("kill")
def test_particles_killed_on_a_path_of_the_nip_answer_the_same() -> None:
    """Ten kills within a round between the scales, with real boxes."""
    done = subprocess.run(
        [sys.executable, str(CRASH), "--kills", "10", "--only", "round"],
        capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1]) if done.stdout.endswith("}\n") else done.stderr
    assert done.returncode == 0, found
    assert found["kills"] == 10
    assert found["different"] == []


def kalander(verb: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kalander.runs.cli", verb, *arguments, "--threads", "1", "--json"]
    return subprocess.Popen(
        command, cwd=folder, env={**os.environ, "KALANDER_CACHE": str(CACHE)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.xdist_group("kill")
def test_the_command_told_to_stop_in_press_and_transport_goes_on_to_the_same_bytes(tmp_path) -> None:
    """SIGTERM a while into either stage; the time to the end of the process is printed."""
    changes = [text for key, value in SMALL.items() for text in ("--set", f"{key}={value}")]
    alone = kalander("run", tmp_path, "nmc111", "--quick", "-o", "alone", *changes)
    alone.communicate(timeout=240)  # its answer is longer than a pipe holds
    assert alone.returncode == 0
    process = kalander("run", tmp_path, "nmc111", "--quick", "-o", "study", *changes)
    for stage in ("press", "transport"):
        while not (process.stderr.readline() or pytest.fail("the run ended by itself")).startswith(f"{stage}:"):
            pass
        time.sleep(0.5)
        sent = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
        print(f"{stage}: {time.monotonic() - sent:.2f} s to the end of the process: {log.splitlines()[-1]}")
        assert process.returncode == 75
        assert list((tmp_path / "study" / stage).glob("*.h5")), "nothing was saved on the signal"
        process = kalander("resume", tmp_path, "study")
    answer, log = process.communicate(timeout=240)
    assert process.returncode == 0, log
    assert "went on from" in log
    for stage in STAGES:
        assert same(tmp_path / "study" / f"{stage}.h5", tmp_path / "alone" / f"{stage}.h5") == []
    again, log = kalander("resume", tmp_path, "study").communicate(timeout=120)
    assert "nothing to do" in log
    assert all(stage["reused"] for stage in json.loads(again)["stages"] if stage["name"] in STAGES)
    assert json.loads(answer).keys() == json.loads(again).keys()
