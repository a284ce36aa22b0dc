"""`kalander compare`: which keys differ, which answers, and by more than their scatter."""

import csv
import json

import numpy as np
import pytest
from made_up import RELEASED, SHIFT, all_results, write_study
from scipy import stats
from typer.testing import CliRunner

from kalander.coupling.cards.card import load_card
from kalander.runs.cli import app
from kalander.runs.comparison.cards import card_differences
from kalander.runs.comparison.significance import probability, verdict


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """A made-up study twice, the second of another friction and with more contacts in the lower press."""
    folder = tmp_path_factory.mktemp("studies")
    overrides = {"boxes.replicas": "2", "press.stress": '["19.82 MPa", "159.37 MPa"]'}
    write_study(folder / "a", load_card("nmc111", overrides=overrides), all_results())
    changed = all_results()
    frames = changed["press"].tables["frames"]
    frames["coordination"] = frames["coordination"] + 0.5 * np.isin(frames["box"], (0, 1))
    write_study(folder / "b", load_card("nmc111", overrides={**overrides, "contact.friction": "0.1"}), changed)
    return folder


def compare(*words):
    return CliRunner().invoke(app, ["compare", *map(str, words)])


@pytest.fixture(scope="module")
def answer(studies):
    done = compare(studies / "a", studies / "b", "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_cards_differ_in_what_was_changed_and_nothing_else(answer):
    assert answer["cards"] == [{"key": "contact.friction", "values": ["0.03", "0.1"]}]


def test_values_of_a_card_are_as_one_writes_them():
    one, other = (load_card("nmc111", overrides={"boxes.width": width}) for width in ("40 um", "52 um"))
    assert [(row.key, row.values) for row in card_differences([one, other])] == [("boxes.width", ("40 um", "52 um"))]


def test_a_number_has_mean_scatter_difference_and_probability(answer):
    rows = {(row["key"], row["stress_Pa"]): row["values"] for row in answer["answers"]}
    first, _ = rows["porosity_released", 19.82e6]
    assert first["sd"] == pytest.approx(SHIFT / np.sqrt(2.0))
    assert first["mean"] == pytest.approx(RELEASED[0] + SHIFT / 2.0)
    assert rows["coordination", 19.82e6][1]["difference"] == pytest.approx(0.5)
    same = rows["porosity_loaded", 159.37e6]
    assert same[1]["difference"] == pytest.approx(0.0, abs=1e-15)
    assert same[1]["p"] is None  # not a difference of any size, so none to judge
    assert rows["line_load_N_per_m", None][0]["replicas"] == 1


def test_same_packings_are_compared_one_by_one(answer, studies, tmp_path):
    assert answer["studies"][1]["same_packings_as_first"]
    moved = all_results()
    moved["pack"].tables["particles"]["position"] += 1e-9
    write_study(tmp_path / "c", load_card("nmc111", overrides={"boxes.replicas": "2", "seed": "5"}), moved)
    other = json.loads(compare(studies / "a", tmp_path / "c", "--json").stdout)
    assert not other["studies"][1]["same_packings_as_first"]


def test_the_test_is_that_of_welch_and_of_student_for_the_same_packings():
    one, other = [0.40, 0.42, 0.41], [0.44, 0.43, 0.47]
    assert probability(one, other, paired=False) == pytest.approx(stats.ttest_ind(one, other, equal_var=False).pvalue)
    apart = np.subtract(one, other)  # t of the mean difference, two-sided, two degrees of freedom
    t = apart.mean() / (apart.std(ddof=1) / np.sqrt(3))
    assert probability(one, other, paired=True) == pytest.approx(2 * stats.t.sf(abs(t), 2))
    assert probability([0.4], [0.5, 0.6], paired=False) is None
    assert probability([0.4, 0.4], [0.5, 0.5], paired=False) is None
    assert verdict(0.01).startswith("differs")
    assert verdict(0.3).startswith("not told apart")


def test_page_and_tables_are_written_and_need_no_net(studies, tmp_path):
    done = compare(studies / "a", studies / "b", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "contact.friction" in done.output
    page = (tmp_path / "out" / "compare.html").read_text()
    assert "contact.friction" in page
    assert 'src="http' not in page
    assert 'href="http' not in page
    rows = list(csv.DictReader((tmp_path / "out" / "compare.csv").open()))
    assert {row["study"] for row in rows} == {"a", "b"}
    contacts = [row for row in rows if row["number"] == "coordination" and float(row["stress_Pa"]) == 19.82e6]
    assert float(contacts[1]["difference"]) == pytest.approx(0.5)
    assert list(csv.reader((tmp_path / "out" / "cards.csv").open())) == [
        ["key", "a", "b"],
        ["contact.friction", "0.03", "0.1"],
    ]


def test_one_study_or_none_is_refused(studies, tmp_path):
    assert compare(studies / "a").exit_code == 2
    assert compare(studies / "a", studies / "a").exit_code == 2
    assert compare(studies / "a", tmp_path).exit_code == 2
