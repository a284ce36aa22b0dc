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
from kalander.runs import calendering, nmc111, percolation
from kalander.runs.plot_style import png

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


@pytest.mark.xdist_group("scripts")
def test_calendering_trade_off_of_a_study(study):
    """Denser coatings let fewer ions and more electrons through; the law fits; the figure is drawn."""
    states = load(study[0] / "transport.h5").data.tables["states"]
    rows, fitted = calendering.trade_off(states), calendering.laws(states)
    assert [row["stress_Pa"] for row in rows] == [0.0, 5e6, 19.82e6]
    porosity = [row["porosity"] for row in rows]
    assert porosity == sorted(porosity, reverse=True)
    balance = [states["porosity"][states["stress"] == row["stress_Pa"]].mean() for row in rows]
    assert porosity == pytest.approx(balance, abs=0.01)  # overlaps count once in voxels
    through = [row["ratio"][2] for row in rows]
    assert through == sorted(through, reverse=True)
    assert rows[-1]["sigma"][2] > rows[0]["sigma"][2]
    assert (states["flux_error"] < 1e-5).all()
    assert fitted["through"].alpha > 0
    assert png(calendering.figure("nmc111", states, rows, fitted)).startswith(b"\x89PNG")


@pytest.mark.xdist_group("scripts")
def test_percolation_study_in_small(tmp_path, capsys, monkeypatch):
    """It runs, and pressing never raises the additive that a conductivity needs."""
    monkeypatch.setenv("KALANDER_CACHE", str(ROOT / "tests" / ".kernel_cache"))
    done = subprocess.run(
        [sys.executable, percolation.__file__, str(tmp_path), "--quick"],
        env=dict(os.environ), capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "percolation.png").read_bytes().startswith(b"\x89PNG")
    numbers = json.loads((tmp_path / "percolation.json").read_text())
    needed = [row["additive"] for row in numbers["saved"]]
    assert needed == sorted(needed, reverse=True)
    assert numbers["saved"][-1]["active_volume_gain"] > 0
    assert all(row["error"] > 0 for row in numbers["thresholds"])
