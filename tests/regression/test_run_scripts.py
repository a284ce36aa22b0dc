"""Every run script, quick: it runs, and says what it should. The numbers are pinned loosely: another processor may
round otherwise, and a packing is chaotic; what holds is the physics between the lines."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kalander.coupling.store import load
from kalander.runs import nmc111

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("scripts") / "study with ü and spaces"
    environment = {**os.environ, "KALANDER_CACHE": str(ROOT / "tests" / ".kernel_cache")}
    done = subprocess.run(
        [sys.executable, nmc111.__file__, str(folder), "--quick"],
        env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.mark.xdist_group("scripts")
def test_nmc111_prints_what_it_found(study):
    folder, printed = study
    rows = re.findall(r"([\d.]+) MPa: porosity ([\d.]+) under load, ([\d.]+) released", printed)
    assert [float(stress) for stress, _, _ in rows] == [5.0, 19.82]
    loaded = [float(row[1]) for row in rows]
    released = [float(row[2]) for row in rows]
    # pressing harder leaves less; release gives back; and nothing is looser than it began
    assert loaded[1] < loaded[0]
    assert released[1] < released[0] <= 0.522
    assert all(after > before for before, after in zip(loaded, released))
    assert (folder / "report.html").exists()


@pytest.mark.xdist_group("scripts")
def test_the_command_line_answers_the_contract_for_a_finished_study(study):
    folder, _ = study
    done = subprocess.run(
        [sys.executable, "-m", "kalander.runs.cli", "resume", str(folder), "--json"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    named = {"study", "device", "stages", "volume_fractions", "press", "nip", "validity", "report"}
    assert named <= answer.keys()
    assert sum(answer["volume_fractions"].values()) == pytest.approx(1.0, abs=1e-12)
    assert all(stage["reused"] for stage in answer["stages"] if stage["name"] != "report")
    assert {"inertial_number_max", "overlap_ratio_max", "energy_error", "flags"} <= answer["validity"].keys()
    for row in answer["press"]:
        assert {
            "porosity_loaded",
            "thickness_released_m",
            "springback",
            "cracked_fraction",
            "porosity_sd",
        } <= row.keys()


@pytest.mark.xdist_group("scripts")
def test_energy_balance_and_speed_of_the_quick_study_are_honest(study):
    folder, _ = study
    frames = load(folder / "press.h5").data.tables["frames"]
    assert abs(frames["energy_error"]).max() < 0.05  # the limit beyond which the report raises a flag
    turned = frames["leg"] == 0
    # both platens and the stress inside agree where inertia is small: within the few per mille of its kinetic energy
    hardest = turned & (frames["stress_high"] > 15e6)
    assert abs(frames["stress_zz"][hardest] / frames["stress_high"][hardest] - 1).max() < 0.05


def printed_by(script: str, *arguments: str) -> str:
    """What a run script prints."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "runs" / script), *arguments],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_gradients_come_from_heat_and_layers_alone(tmp_path):
    printed = printed_by("nip_gradients.py", str(tmp_path))
    ends = {
        name: (float(roll), float(foil))
        for name, roll, foil in re.findall(
            r"(.+): porosity [\d.]+, ([\d.]+) at the roll, ([\d.]+) at the foil", printed
        )
    }
    even, slow, middle, fast, layered = ends.values()
    assert even[0] == even[1]
    # hot rolls press the surface denser; slowly rolled the coating is hot, and nearly even, throughout
    assert slow[1] - slow[0] < 0.002
    assert middle[1] - middle[0] > 0.004
    assert fast[1] - fast[0] > 0.004
    assert slow[0] < middle[0] < fast[0] < even[0]
    assert layered[0] - layered[1] > 0.02
    assert (tmp_path / "nip_gradients.png").stat().st_size > 10_000


def test_the_gap_of_one_pass_predicts_the_thickness_of_another():
    """Stand fitted to C1 alone; C4 within 5 um of the 118.6 um measured."""
    printed = printed_by("sangros_gaps.py")
    stand = float(re.search(r"stand ([\d.]+) MN/mm from C1", printed)[1])
    predicted = float(re.search(r"C4 predicted at 20 um: ([\d.]+) um", printed)[1])
    assert 0.5 < stand < 5.0  # the range in the card
    assert predicted == pytest.approx(118.6, abs=5.0)
