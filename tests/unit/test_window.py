"""The process window: warmer rolls need less load, a faster web is cooler, and each limit is found where it is."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_up import all_results, write_study
from typer.testing import CliRunner

from kalander.coupling.cards.card import load_card
from kalander.coupling.results.study import Study
from kalander.runs.cli import app
from kalander.runs.window.figure import window_figure
from kalander.runs.window.window import Limits, window

WARM = [298.15, 353.15]
SLOW, FAST = 2.0 / 60.0, 1.0


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Made-up, with a closure that stiffens as an exponential."""
    results = all_results()
    strain = np.linspace(0.0, 0.5, 26)
    unknown = np.full(26, np.nan)
    results["closure"].tables["curve"] = {
        "strain": strain, "pressure": 5e6 * (np.exp(8 * strain) - 1), "unload_modulus": np.full(26, 2e9),
        "lateral_ratio": np.full(26, 0.5), "pressure_sd": unknown, "unload_modulus_sd": unknown,
        "lateral_ratio_sd": unknown,
    }  # fmt: skip
    results["closure"].attributes["pressed"] = [19.82e6, 159.37e6]
    folder = tmp_path_factory.mktemp("studies") / "a"
    overrides = {"boxes.replicas": "2", "press.stress": '["19.82 MPa", "159.37 MPa"]'}
    write_study(folder, load_card("nmc111", overrides=overrides), results)
    return Study.open(folder)


@pytest.fixture(scope="module")
def answer(study):
    return window(study, temperatures=WARM, speeds=[SLOW, FAST], porosities=[0.40, 0.45], softening=0.006)


def test_warmer_rolls_need_less_load_and_less_so_at_speed(answer):
    load = {
        (one["porosity"], one["roll_temperature_K"], one["speed_m_per_s"]): one["line_load_N_per_m"]
        for one in answer["points"]
    }
    assert load[0.40, WARM[0], SLOW] == pytest.approx(load[0.40, WARM[0], FAST])  # no warmth, no clock
    assert load[0.40, WARM[1], SLOW] < load[0.40, WARM[1], FAST] < load[0.40, WARM[0], FAST]
    assert load[0.45, WARM[0], SLOW] < load[0.40, WARM[0], SLOW]


def test_limits_are_found_and_named(study):
    asked = {"temperatures": WARM[:1], "speeds": [SLOW], "porosities": [0.40], "softening": 0.0}
    (free,) = window(study, limits=Limits(cracked=1.0, tortuosity=9.0, connected=0.0), **asked)["points"]
    assert free["breaks"] == []
    (bound,) = window(study, limits=Limits(cracked=0.0, springback=0.0), **asked)["points"]
    assert bound["breaks"] == ["cracking", "springback"]
    # made-up cracks grow in proportion to the pressure, to a half at 159 MPa
    assert free["cracked_fraction"] == pytest.approx(0.5 * free["peak_pressure_Pa"] / 159.37e6, rel=0.05)
    foil = study.card.with_values({"electrode.foil.material": {"name": "soft", "modulus": 70e9, "yield_strength": 1e4}})
    (torn,) = window(replace(study, card=foil), **asked)["points"]
    assert "foil" in torn["breaks"]


def test_what_is_beyond_the_press_has_no_solution_and_says_why(study):
    found = window(study, temperatures=WARM[:1], speeds=[SLOW], porosities=[0.05, 0.4])
    assert [one["solved"] for one in found["points"]] == [False, True]
    assert any("1 of 2 points have no solution" in note for note in found["notes"])
    assert any("softening is 0" in note for note in found["notes"])


def test_the_picture_has_a_panel_a_speed(answer):
    figure = window_figure(answer)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["2 m/min", "60 m/min"]


def test_the_verb_writes_a_picture_and_refuses_what_is_none(study, tmp_path):
    words = ["window", str(study.folder), "--temperatures", "25 degC", "--speeds", "2 m/min"]
    done = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "w.svg"), "--json"])
    assert done.exit_code == 0, done.output
    assert len(json.loads(done.stdout)["points"]) == 7
    assert (tmp_path / "w.svg").read_text().startswith("<?xml")
    assert CliRunner().invoke(app, [*words, "-o", str(tmp_path / "w.doc")]).exit_code == 2
    wrong = CliRunner().invoke(app, ["window", str(study.folder), "--speeds", "2 m/minn"])
    assert wrong.exit_code == 2
    assert "--speeds" in wrong.output
