"""The page of a campaign: figures and tables of what was asked and told; slices that keep sums; progress."""

import math

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("sklearn")

import kalander.runs as kal
from kalander.kernels.errors import InputError
from kalander.runs.campaign.figures import convergence_figure, front_figure, slices_figure
from kalander.runs.cli import app

CASE = {
    "name": "recipe", "seed": 3, "initial": 5,
    "parameter": [
        {"name": "active", "low": 0.90, "high": 0.97}, {"name": "carbon", "low": 0.01, "high": 0.05},
        {"name": "binder", "low": 0.01, "high": 0.05},
        {"name": "load", "low": 50, "high": 900, "log": True, "unit": "N/mm"},
    ],
    "mixture": [{"of": ["active", "carbon", "binder"]}],
    "objective": [{"name": "density", "direction": "maximise"}, {"name": "rate", "direction": "maximise"}],
    "limit": [{"name": "cracked", "at_most": 0.05}],
}  # fmt: skip


def gives(one):
    pores = 0.2 + 0.3 * math.exp(-one["load"] / 250)
    return {"density": one["active"] * (1 - pores), "rate": pores, "cracked": (one["load"] / 900) ** 2 * 0.1}


def made(objectives, store=None):
    campaign = kal.Campaign({**CASE, "objective": CASE["objective"][:objectives]}, store)
    for number in range(7):
        (trial,) = campaign.suggest()
        told = {name: value for name, value in gives(trial.parameters).items() if name in campaign.case.outcomes}
        campaign.tell(trial, None if number == 1 else told, failed=number == 1)
    campaign.suggest()
    return campaign


@pytest.fixture(scope="module")
def campaign():
    return made(2)


def test_slices_keep_sums_and_pass_through_their_trial(campaign):
    for one in campaign.slices():
        name, place = campaign.case.parameter[one.parameter].name, campaign.middle.parameters
        assert one.values.min() <= place[name] * (1 + 1e-9)
        assert one.values.max() >= place[name] * (1 - 1e-9)
        for outcome, (mean, sd) in one.outcomes.items():
            told = campaign.middle.outcomes[outcome]
            near = int(np.abs(one.values - place[name]).argmin())
            assert abs(mean[near] - told) < 0.1 * abs(told) + 3 * sd[near]
    with pytest.raises(InputError, match="is no trial"):
        campaign.slices(99)


def test_a_slice_along_a_fraction_keeps_the_sum_of_all():
    space = made(1)._space
    line = space.real(space.line(space.centre, 0, 9))
    assert line[:, :3].sum(axis=1) == pytest.approx(np.ones(9), abs=1e-12)
    assert np.ptp(line[:, 0]) > 0.01
    assert np.ptp(line[:, 3]) < 1e-9


def test_progress_never_falls_and_ends_at_what_the_campaign_says(campaign):
    found = [one for one in campaign.progress() if one is not None]
    assert (np.diff(found) >= -1e-12).all()
    assert found[-1] == pytest.approx(campaign.hypervolume)
    one = made(1)
    assert one.progress()[-1] == one.best.outcomes["density"]


def test_figures_show_every_trial(campaign):
    axes = convergence_figure(campaign).axes
    assert len(axes) == 3
    shown = sum(len(line.get_xdata()) for line in axes[0].lines if line.get_label() in ("within the limits", "failed"))
    assert shown >= 2
    assert len(slices_figure(campaign).axes) == 12
    front = next(line for line in front_figure(campaign).axes[0].lines if line.get_label() == "front")
    assert len(front.get_xdata()) == len(campaign.front)


def test_the_page_is_one_file_and_escapes_what_it_is_told(campaign, tmp_path):
    page = kal.campaign_report(campaign, tmp_path / "page.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert 'src="http' not in page
    assert "7 trials" not in page  # eight: one waits
    assert "8 trials: 6 gave outcomes" in page
    empty = kal.Campaign({**CASE, "name": "<b>x</b>"})
    text = kal.campaign_report(empty, tmp_path / "empty.html").read_text()
    assert "<b>x</b>" not in text
    assert "No trial keeps the limits yet" in text


def test_the_verb_writes_it(tmp_path):
    case = """
name = "press"
[[parameter]]
name = "load"
low = 50
high = 900
[[objective]]
name = "porosity"
direction = "minimise"
"""
    (tmp_path / "case.toml").write_text(case)
    words = ["suggest", "case.toml", "--store", "plant.db", "--report", "page.html"]
    done = CliRunner().invoke(app, [word if "." not in word else str(tmp_path / word) for word in words])
    assert done.exit_code == 0, done.output
    assert "1 trials: 0 gave outcomes" in (tmp_path / "page.html").read_text()
