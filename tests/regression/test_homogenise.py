"""A small study whose binder relaxes, homogenised: `kalander homogenise DIR`, its file, its figures, its nip."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import kalander.runs as kal
from kalander.coupling.homogenise.stored import load_homogenised
from kalander.coupling.nip.closure import Closure
from kalander.coupling.results.coating.homogenise import FILE
from kalander.coupling.results.study import Study
from kalander.coupling.store.store import read_identity
from kalander.runs.cli import app
from kalander.runs.page.report import study_figures

TINY = {
    "boxes.width": "22 um", "boxes.replicas": 1, "press.stress": [8e6, 30e6], "transport.voxel": "2.5 um",
    "press.inertial_number": 1e-2, "press.stiffness_scale": 0.02, "press.release_stress": "0.5 MPa",
    "electrode.particles": {"diameter": "8 um"}, "electrode.mass_loading": "9 mg/cm^2", "calender.gap": "70 um",
    "binder.relaxation": [{"weight": 0.4, "time": "1 s"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def study(device, tmp_path_factory) -> Study:
    card = kal.load_card("nmc111").with_values(TINY)
    return Study(card, tmp_path_factory.mktemp("study")).run(device=device, until="nip", unreached=True)


@pytest.fixture(scope="module")
def answer(study, device) -> dict:
    with pytest.MonkeyPatch.context() as patch:  # the verb would start a device of its own
        patch.setattr("kalander.coupling.results.devices.started", lambda *_: (device, {}, "boxes"))
        done = CliRunner().invoke(app, ["homogenise", str(study.folder), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_keys_of_the_contract_are_there(study, answer) -> None:
    assert answer.keys() >= {
        "porosity", "stiffness_Pa", "floppy_modes", "yield", "relaxation", "fabric", "uncertainty",
    }  # fmt: skip
    assert len(answer["porosity"]) == len(answer["pressure_Pa"]) == 2
    assert sorted(answer["porosity"], reverse=True) == pytest.approx(answer["porosity"])  # denser by stress
    assert answer["pressure_Pa"] == pytest.approx([8e6, 30e6], rel=0.1)
    assert answer["file"] == str(study.folder / FILE)


def test_held_boxes_relax_by_their_binder(study, answer) -> None:
    """Bonds relax by 0.4 in 1 s; contacts do not relax, so the coating loses less, and about as fast."""
    (term, *_) = sorted(answer["relaxation"], key=lambda one: -one["weight"])
    assert 0.0 < term["weight"] < 0.4
    assert 0.4 < term["time_s"] < 1.6
    assert term["time_lo90_s"] < term["time_s"] < term["time_hi90_s"]
    (crept, *_) = answer["retardation"]
    assert crept["time_s"] > min(one["time_s"] for one in answer["relaxation"])
    layer = kal.Web.of(study.card, study.data("closure")).layers[0]
    assert [branch.time for branch in layer.relaxation] == [one["time_s"] for one in answer["relaxation"]]
    assert study.nip.data.tables["recovery"]["thickness"].size > 0


def test_the_cap_grows_with_density_and_lies_about_the_stress_it_was_pressed_to(answer) -> None:
    p_c = answer["yield"]["yield_pressure_Pa"]
    assert answer["yield"]["stress_measure"] == "Cauchy"
    assert np.all(np.diff(p_c["value"]) >= 0.0)
    # p_c is of the order of the axial stress of first loading: 0.8 to 1 of it for M of 0.8 to 2 and little cohesion
    assert np.array(p_c["value"]) / [8e6, 30e6] == pytest.approx([0.8, 0.8], abs=0.4)
    assert all(0.3 < slope < 4.0 for slope in answer["yield"]["cap_slope"]["value"])
    assert all(0.0 <= shift <= 1.0 for shift in answer["yield"]["cap_shift"]["value"])
    assert min(answer["yield"]["tensile_strength_Pa"]["value"]) > 0.0  # of binder alone: nothing else pulls


def test_stiffness_is_told_under_every_stress_as_laid_and_as_released(study, answer) -> None:
    """Networks are symmetric, softer than their upper bound, and stiffen with density; fits and counts stand beside."""
    stiffness = np.array(answer["stiffness_Pa"])
    assert stiffness.shape == (2, 6, 6)
    assert stiffness == pytest.approx(stiffness.swapaxes(1, 2), abs=1e-9 * stiffness.max())
    assert stiffness[1, 2, 2] > stiffness[0, 2, 2] > 0.0
    assert len(answer["floppy_modes"]) == 2
    for entry, held in zip(answer["moduli"], stiffness):
        assert np.array(entry["stiffness_Pa"]) == pytest.approx(held)
        gap = np.array(entry["bounds_Pa"]["voigt"]) - np.array(entry["bounds_Pa"]["held"])
        assert np.linalg.eigvalsh(0.5 * (gap + gap.T)).min() > -1e-6 * stiffness.max()
        assert 0.0 <= entry["orthotropic_misfit"] <= entry["transverse_misfit"] < 1.0
        assert {"E_x_Pa", "E_y_Pa", "E_z_Pa"} <= entry["constants"].keys()
    laid, *released = answer["free_moduli"]
    assert laid["porosity"] == pytest.approx(study.card.electrode.porosity, abs=0.02)
    density = load_homogenised(study.folder / FILE).knots["released_density"].mean
    assert [entry["porosity"] for entry in released] == pytest.approx((1.0 - density).tolist(), abs=0.01)
    properties = answer["properties"]
    assert 0.0 <= min(properties["sliding_contacts"]) <= max(properties["sliding_contacts"]) <= 1.0


def test_figures_and_file_are_written_and_the_file_is_a_closure(study, answer) -> None:
    assert {Path(file).name for file in answer["files"]} == {"homogenised.png", "moduli.png", "relaxation.png"}
    assert all(Path(file).stat().st_size > 5000 for file in answer["files"])
    coating = load_homogenised(study.folder / FILE)
    assert coating.series(0.6)[0]
    assert Closure.load(study.folder / FILE).porosity == pytest.approx(study.card.electrode.porosity)
    assert Study.open(study.folder).stored.keys() == {"pack", "press", "closure", "nip"}


def test_the_report_shows_the_moduli_of_a_study_that_was_homogenised(study, answer) -> None:
    assert "moduli" in [one.name for one in study_figures(Study.open(study.folder))]


def test_a_file_that_still_holds_is_read_and_one_of_another_study_is_not(study, answer, monkeypatch) -> None:
    path = study.folder / FILE
    before = path.stat().st_mtime_ns
    monkeypatch.setattr("kalander.coupling.results.coating.homogenise.probe_work", None)  # nothing is computed again
    again = kal.homogenise(study)
    assert path.stat().st_mtime_ns == before
    assert again.known == load_homogenised(path).known
    gathered = kal.homogenise(study, probe=False)  # another question: the file is replaced
    assert "yield_pressure" not in gathered.known
    assert read_identity(path)["probed"] is False


def test_a_folder_without_a_closure_is_refused(tmp_path) -> None:
    done = CliRunner().invoke(app, ["homogenise", str(tmp_path / "none")])
    assert done.exit_code == 2
