"""A calibration by the engine that is killed between its launches: the same call ends with the same answer."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import kalander.runs as kal

CACHE = Path(__file__).parents[1] / ".kernel_cache"
SMALL = {
    "electrode.particles": {"classes": [["5 um", 1.0]]}, "electrode.mass_loading": "8 mg/cm^2", "boxes.width": "14 um",
    "press.inertial_number": 1e-2, "press.plate_speed": "4 m/s", "step.safety": 0.4, "calender.gap": "70 um",
}  # fmt: skip
DATA = "name,stress_MPa,porosity,use\nC1,20,0.40,fit\nC4,120,,predict\n"


def begun(folder: Path, output: str) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "kalander.runs.cli", "calibrate", "card.toml", "--data", "measured.csv", "-o", output,
        "--parameter", "binder.flow_stress", "--runs", "12", "--threads", "1", "--json",
    ]  # fmt: skip
    environment = {**os.environ, "KALANDER_CACHE": str(CACHE)}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
@pytest.mark.xdist_group("kill")
@pytest.mark.timeout(1800)
def test_a_calibration_that_is_killed_or_told_to_stop_ends_with_the_same_answer(tmp_path):
    kal.load_card("nmc111").with_values(SMALL).save(tmp_path / "card.toml")
    (tmp_path / "measured.csv").write_text(DATA)
    straight, errors = begun(tmp_path, "alone").communicate()
    assert straight, errors
    for number, sent in ((0, signal.SIGKILL), (1, signal.SIGTERM)):
        process = begun(tmp_path, "broken")
        launch = tmp_path / "broken" / "runs" / f"launch_{number:04d}.h5"
        while not launch.exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        time.sleep(0.3)  # into the launch after it
        process.send_signal(sent)
        process.communicate()
        assert process.returncode == (75 if sent == signal.SIGTERM else -signal.SIGKILL)
    resumed = json.loads(begun(tmp_path, "broken").communicate()[0])
    expected = json.loads(straight)
    for answer in (resumed, expected):
        del answer["processor_s"], answer["files"]
    assert resumed == expected
