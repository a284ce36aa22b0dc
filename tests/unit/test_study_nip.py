"""The nip of a study: the full one by the card, equal to the plain one where nothing is asked of heat and time."""

import sys
from pathlib import Path

import numpy as np
import pytest

from kalander.coupling.cards.card import card_from_dict, card_to_dict, load_card
from kalander.coupling.homogenise.closure import closure_table
from kalander.coupling.nip.closure import Closure
from kalander.coupling.nip.roll import roll
from kalander.coupling.nip.solve import RESTS, card_notes, nip_tables
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web
from kalander.coupling.results.answers import nip_answer
from kalander.coupling.stages.faults.result_faults import nip_faults
from kalander.kernels.errors import InputError

sys.path.append(str(Path(__file__).parent))

from test_nip_stage import card, pressed

LOAD = {"calender.gap": '"none"', "calender.line_load": '"100 N/mm"', "press.stress": '["60 MPa"]'}
SOFT = '{ softening = "0.006 1/K", relaxation = [{ weight = 0.2, time = "2 ms" }, { weight = 0.1, time = "1 h" }] }'


def coating(**values: str):
    of = card(**{**LOAD, **values})
    return of, closure_table(pressed(of), porosity=of.electrode.porosity)


def rolled(**values: str):
    of, closure = coating(**values)
    found = nip_tables(of, closure)
    assert list(nip_faults(found, {})) == []
    return found


@pytest.fixture(scope="module")
def plain():
    return rolled(**{"calender.model": "plain"})


def test_the_full_nip_is_the_plain_one_where_no_heat_and_time_is_asked(plain) -> None:
    full = rolled()
    assert nip_answer(full, 0)["model"] == "full"
    for table in ("settings", "profiles", "passes", "recovery"):
        for name, values in plain.tables[table].items():
            same = np.array_equal(full.tables[table][name], values, equal_nan=values.dtype.kind == "f")
            assert same, f"{table}/{name}"


@pytest.mark.parametrize("name", ["nmc111", "nmc622", "nmc811", "graphite", "nmc_bimodal", "two_layer"])
def test_shipped_cards_ask_for_neither(name: str) -> None:
    of = load_card(name)
    web = Web.of(of, Closure.power("6 MPa", 9, "6 GPa")).inside
    (one,) = Pass.all_of(of)
    layer = web.layers[0]
    assert (of.calender.model, layer.softening, layer.relaxation) == ("full", 0.0, ())
    assert not one.inside.heats


def test_hot_rolls_press_the_roll_side_denser_and_farther_at_one_load(plain) -> None:
    of, closure = coating(**{
        "calender.roll_temperature": "80 degC", "calender.speed": "30 m/min",
        "calender.behaviour": '{ softening = "0.003 1/K" }',
    })  # fmt: skip
    (one,) = Pass.all_of(of)
    hot = roll(Web.of(of, closure).with_values({"slices": 4}), Rolls.of(of, elastic=False), one)
    assert np.all(np.diff(hot.porosity_layers) > 5e-4)  # from the roll to the foil
    assert np.all(np.diff(hot.temperature_layers) < 0.0)
    assert hot.temperature_layers[0] > 298.15 + 5.0
    cold = nip_answer(plain, 2)
    assert (cold["name"], cold["elastic_rolls"]) == ("line_load", False)
    assert hot.porosity_exit < cold["porosity_mean"]
    assert hot.line_load == pytest.approx(cold["line_load_N_per_m"], rel=1e-6)


def test_delayed_springback_goes_on_for_weeks(plain) -> None:
    answer = nip_answer(rolled(**{"calender.behaviour": SOFT}), 0)
    thickness = [row["thickness_m"] for row in answer["recovery"]]
    assert [row["time_s"] for row in answer["recovery"]] == list(RESTS)
    assert answer["exit_thickness_m"] < thickness[0]
    assert np.all(np.diff(thickness) >= 0.0)
    assert thickness[-1] == pytest.approx(answer["recovered_thickness_m"], rel=1e-9)
    assert answer["deborah"] > 0.0
    # what was strained for milliseconds by a branch of an hour has nothing to give back: see THEORY.md
    assert thickness[-1] - thickness[2] < 1e-4 * thickness[-1]
    assert nip_answer(plain, 0)["recovery"] == []


def test_several_passes_by_the_card() -> None:
    further = '[{ line_load = "115 N/mm" }, { gap = "1 mm", rest = "1 h" }]'
    found = rolled(**{"calender.further_pass": further})
    answer = nip_answer(found, 0)
    first, second, third = answer["passes"]
    assert second["porosity_mean"] < first["porosity_mean"]
    assert third["line_load_N_per_m"] == 0.0  # rolls that far apart leave the web alone
    assert third["porosity_mean"] == pytest.approx(second["porosity_mean"], abs=1e-3)
    assert answer["porosity_mean"] == second["porosity_mean"]  # that of the last pass that pressed
    assert any("do not touch the web" in note for note in answer["notes"])
    # the settings at pressed stresses are one pass each
    assert np.bincount(found.tables["passes"]["setting"]).tolist()[:2] == [3, 1]


def test_heat_that_nothing_is_known_of_is_said() -> None:
    of, closure = coating(**{"calender.roll_temperature": "80 degC"})
    assert any("nothing is known of what heat does" in note for note in card_notes(of, Web.of(of, closure)))
    still = rolled(**{"calender.roll_temperature": "80 degC", "calender.model": "plain"})
    assert any("plain nip feels no heat" in note for note in nip_answer(still, 0)["notes"])


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("calender.further_pass", '[{ gap = "50 um", line_load = "1 N/mm" }]', "calender.further_pass"),
        ("calender.further_pass", "[{}]", "calender.further_pass"),
        ("calender.model", '"quick"', "calender.model"),
        ("calender.behaviour", '{ relaxation = [{ weight = 1.0, time = "1 s" }] }', "calender.behaviour"),
        ("calender.further_pass", "[" + ", ".join(['{ gap = "50 um" }'] * 20) + "]", "calender.further_pass"),
    ],
)
def test_a_calender_that_cannot_be_is_refused(key: str, value: str, where: str) -> None:
    with pytest.raises(InputError, match=where):
        card(**{key: value})


def test_the_plain_nip_refuses_what_it_does_not_know() -> None:
    with pytest.raises(InputError, match=r"calender.model.*further_pass is given"):
        card(**{"calender.model": "plain", "calender.further_pass": '[{ gap = "50 um" }]'})


def test_the_new_keys_are_stored_with_the_card() -> None:
    of = card(**{"calender.behaviour": SOFT, "calender.further_pass": '[{ gap = "50 um" }]'})
    assert card_from_dict(card_to_dict(of)) == of
