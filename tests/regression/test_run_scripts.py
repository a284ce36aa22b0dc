"""Every run script, quick: it runs, and says what it should. The numbers are pinned loosely: another processor may
round otherwise, and a packing is chaotic; what holds is the physics between the lines."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import kalander.runs as kal
from kalander.coupling.homogenise.closure import closure_from
from kalander.coupling.store.store import load
from kalander.runs.nip.bent import solve_rolls_file
from kalander.runs.nip.solve import solve_file
from kalander.runs.page.plot_style import png
from kalander.runs.studies import calendering, crown_design, fracture_criteria, nmc111, percolation, two_materials
from kalander.runs.studies.validation import definitions, duquesnoy, sangros, sizes

ROOT = Path(__file__).parents[2]


def run_script(module, folder: Path) -> str:
    """What a script prints, run quick into a folder."""
    environment = {**os.environ, "KALANDER_CACHE": str(ROOT / "tests" / ".kernel_cache")}
    done = subprocess.run(
        [sys.executable, module.__file__, str(folder), "--quick"],
        env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("scripts") / "study with ü and spaces"
    return folder, run_script(nmc111, folder)


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.xdist_group("scripts")
def test_porosity_behind_the_nip_falls_with_load(study):
    """Two replicas at two stresses scatter; whatever they gave back, more load never leaves a thicker web."""
    closure = closure_from(load(study[0] / "closure.h5").data)
    strain = np.linspace(0.0, closure.strain_limit, 1001)
    assert np.all(np.diff(strain - closure.recovery_at(strain)) > -1e-12)  # a rounding
    assert closure.pressed is not None
    assert closure.pressed == pytest.approx((5.0, 19.82), rel=0.15)  # a servo at speed passes its stress


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.xdist_group("scripts")
def test_energy_balance_and_speed_of_the_quick_study_are_honest(study):
    folder, _ = study
    frames = load(folder / "press.h5").data.tables["frames"]
    assert abs(frames["energy_error"]).max() < 0.05  # the limit beyond which the report raises a flag
    turned = frames["leg"] == 0
    # both platens and the stress inside agree where inertia is small: within the few per mille of its kinetic energy
    hardest = turned & (frames["stress_high"] > 15e6)
    assert abs(frames["stress_zz"][hardest] / frames["stress_high"][hardest] - 1).max() < 0.05


@pytest.fixture(scope="module")
def cracked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("cracked") / "study"
    return folder, run_script(fracture_criteria, folder)


@pytest.mark.xdist_group("scripts")
@pytest.mark.slow
def test_fracture_criteria_stand_side_by_side(cracked):
    """None cracks any at 20 MPa, where binder yields first; every criterion more at 80 than at 40, and none all."""
    folder, printed = cracked
    rows = re.findall(r"([\d.]+) MPa: +([\d.]+) by (\w+ \w+)", printed)
    assert len(rows) == 15
    for low, middle, high in zip(rows[:5], rows[5:10], rows[10:]):
        assert low[2] == middle[2] == high[2]
        assert 0.0 == float(low[1]) < float(middle[1]) < float(high[1]) < 50.0, low[2]
    assert "mean stress, the criterion of Sangros Gimenez et al. 2020, who computed 0.00" in printed
    table = re.search(r"while loading \(%\)\n.*\n((?: +[\d.]+.*\n)+)", printed)
    shares = [[float(cell) for cell in line.split()] for line in table[1].splitlines()]
    assert all(before <= after for early, late in pairwise(shares) for before, after in zip(early, late))
    assert (folder / "figures" / "fracture.png").exists()


def by_size(printed: str) -> tuple[list[int], dict[str, list[list[float]]]]:
    """Particles of each size, and by criterion the cracked shares (pressure, size) that the script prints."""
    counts = [int(word) for word in re.search(r"^ +particles((?: +\d+)+)$", printed, re.MULTILINE)[1].split()]
    tables = re.findall(r"^by (\w+ \w+).*\n((?: +[\d.]+ MPa.*\n)+)", printed, re.MULTILINE)
    return counts, {
        name: [[float(cell) for cell in line.split("MPa")[1].split()] for line in lines.splitlines()]
        for name, lines in tables
    }


def pooled(counts: list[int], shares: list[float], which: slice) -> float:
    return sum(n * share for n, share in zip(counts[which], shares[which])) / sum(counts[which])


@pytest.mark.xdist_group("scripts")
@pytest.mark.slow
def test_large_particles_crack_before_small_ones(cracked):
    """In a box of 148 particles, 7 of them large: by the criterion that tells most; the slow test below has 1296."""
    counts, tables = by_size(cracked[1])
    assert list(tables) == ["largest force", "octahedral shear", "contact pressure", "mean stress", "stored energy",
                            "tension in the centre"]  # fmt: skip
    shares = tables["contact pressure"][-1]
    assert pooled(counts, shares, slice(3, 5)) > 2.0 * pooled(counts, shares, slice(0, 2))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.xdist_group("scripts")
def test_by_every_criterion_large_particles_crack_more_than_the_smallest(tmp_path):
    """The whole study, at its largest stress: the classes of 15 and 18 um together against that of 5 um.

    Of 642 and 54 particles a share has a standard error of 2 and 7 %.
    """
    done = subprocess.run(
        [sys.executable, fracture_criteria.__file__, str(tmp_path / "study")],
        capture_output=True, text=True, timeout=1100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    counts, tables = by_size(done.stdout)
    for name, shares in tables.items():
        assert pooled(counts, shares[3], slice(3, 5)) > shares[3][0], name


@pytest.mark.xdist_group("scripts")
@pytest.mark.slow
def test_studies_of_validation_in_small(tmp_path):
    """Small boxes and what they reach; the numbers are judged by `make validate` alone."""
    assert "slopes by the logarithms" in run_script(sangros, tmp_path)
    printed = run_script(duquesnoy, tmp_path)
    assert re.search(r"stand [\d.]+ N/mm of line load per um for all rows", printed)
    assert len(re.findall(r"^ +1[37]8um +100 ", printed, re.MULTILINE)) == 2
    assert png_exists(tmp_path / "duquesnoy.png")
    assert re.search(r"porosity released \(%\) +[\d.]+ +[+-][\d.]+ ± ", run_script(sizes, tmp_path))
    assert re.search(r"tension of the mean +0\.00 ", run_script(definitions, tmp_path))


def png_exists(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_two_materials_differ_as_they_should(tmp_path):
    """Graphite densifies further than NMC in the same coating at every stress, and its flakes turn into the plane."""
    printed = run_script(two_materials, tmp_path)
    assert "press.stiffness_scale = 1" in printed
    rows = {
        (name.strip(), float(stress)): [float(number) for number in re.split(r"[, ]+", rest.strip())]
        for name, stress, rest in re.findall(
            r"^(graphite|nmc111|nmc111 as graphite) +([\d.]+)  (.*)$", printed, re.MULTILINE
        )
    }
    assert len(rows) == 6
    thinner, springback, overlap = 3, 4, 7
    for stress in (5.0, 19.82):
        nmc, swapped = rows["nmc111", stress], rows["nmc111 as graphite", stress]
        assert swapped[thinner] > 1.05 * nmc[thinner]
        assert swapped[springback] > 1.2 * nmc[springback]
        assert rows["graphite", stress][overlap] > 2.0 * nmc[overlap]
    # flakes against NMC needs more than the one packing of each that is pressed here: see dem/VALIDATION.md
    cracked = re.findall(r"^nmc111 at ([\d.]+) MPa cracked .*?: ([\d.]+) by largest force", printed, re.MULTILINE)
    assert [float(share) > 0.0 for _, share in cracked] == [False, False]  # binder yields before particles crack
    lying = re.findall(r"at ([\d.]+) MPa: a_zz ([\d.]+) before, ([\d.]+) under load", printed)
    assert [float(stress) for stress, _, _ in lying] == [5.0, 19.82]
    assert float(lying[1][2]) > float(lying[0][2]) > float(lying[0][1])


def printed_by(script: str, *arguments: str) -> str:
    """What a run script prints."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "runs" / "studies" / script), *arguments],
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


def test_the_shipped_case_of_the_nip_is_answered():
    """A load as of a pilot calender, from the fast model; the elements are compared with it elsewhere."""
    answer = solve_file(ROOT / "runs" / "cases" / "nip.toml")
    assert 5e4 < answer["line_load_N_per_m"] < 2e5
    assert answer["notes"] == []


def test_the_gap_of_one_pass_predicts_the_thickness_of_another():
    """Stand fitted to C1 alone; C4 within 5 um of the 118.6 um measured."""
    printed = printed_by("sangros_gaps.py")
    stand = float(re.search(r"stand ([\d.]+) MN/mm from C1", printed)[1])
    predicted = float(re.search(r"C4 predicted at 20 um: ([\d.]+) um", printed)[1])
    assert 0.5 < stand < 5.0  # the range in the card
    assert predicted == pytest.approx(118.6, abs=5.0)


@pytest.mark.slow
@pytest.mark.xdist_group("scripts")
def test_calendering_trade_off_of_a_study(study):
    """Denser coatings let fewer ions and more electrons through; the law fits; the figure is drawn."""
    measured = kal.Study.open(study[0]).transport
    states = measured.states
    rows, fitted = calendering.trade_off(states), calendering.laws(measured)
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
@pytest.mark.slow
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


def test_the_song_of_pressure_is_cheaper_than_what_is_simply_led(tmp_path):
    printed = printed_by("pressure_song.py", str(tmp_path))
    costs = [float(line.split(" cost ")[1].split(",")[0]) for line in printed.splitlines() if " cost " in line]
    assert len(costs) == 5
    assert costs[0] == min(costs)
    assert (tmp_path / "pressure_song.png").stat().st_size > 10_000


def test_crown_design_in_small(tmp_path, capsys, monkeypatch):
    """Of the pilot calender: the exact crown is even, a parabola nearly, a wrong load or a kelvin is not, and crown and
    zones together are better than each."""
    monkeypatch.setattr(sys, "argv", ["crown_design", str(tmp_path), "--quick"])
    crown_design.main()
    printed = capsys.readouterr().out
    spreads = {
        name.strip(): float(value) for name, value in re.findall(r"^  (.{32}) spread +([\d.]+) %", printed, re.M)
    }
    assert list(spreads) == list(crown_design.CASES)
    assert spreads["exact crown"] < 0.05
    assert spreads["parabola"] < 1.0 < spreads["crown for 20 % more load"] < spreads["no crown"]
    assert spreads["exact crown, +1 K in the middle"] > 10.0
    assert spreads["parabola and zones"] < min(spreads["parabola"], spreads["zones alone"])
    assert spreads["zones alone"] < 0.2 * spreads["no crown"]
    assert re.search(r"exact crown 5.58 um, an arc of 9.69 km", printed)
    assert (tmp_path / "crown_design.png").read_bytes().startswith(b"\x89PNG")


def test_the_shipped_case_of_rolls_is_answered():
    answer = solve_rolls_file(ROOT / "runs" / "cases" / "rolls.toml")
    assert answer["load_spread"] < 0.01
