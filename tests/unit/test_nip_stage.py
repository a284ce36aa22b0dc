"""Closure and nip of a study from pressed boxes: the nip leaves what boxes left, and what is outside is said."""

import numpy as np
import pytest

from kalander.coupling.cards.card import load_card
from kalander.coupling.cards.electrode import coating_thickness
from kalander.coupling.homogenise.closure import closure_from, closure_table
from kalander.coupling.nip.solve import nip_tables
from kalander.coupling.results.answers import closure_answer, nip_answer
from kalander.coupling.results.study import Study
from kalander.coupling.store.store import Data, Stored
from kalander.dem.loading.press import LEG
from kalander.kernels.errors import Fault, NumericalError
from kalander.runs.page.tables import _nip_notes, _thickness_notes, nip_settings

STRESSES = (10e6, 60e6)
# pressed on its own a box ends elsewhere than a harder press passes: strain by stress and replica, and what it recovers
ENDS = {10e6: (0.20, 0.24), 60e6: (0.42, 0.44)}
RECOVERED = {10e6: (0.10, 0.08), 60e6: (0.12, 0.10)}


def study_of(of, everything, rolled) -> Study:
    """A study that holds these results of press and nip."""
    stored = {name: Stored("result", {}, data, {}) for name, data in (("press", everything), ("nip", rolled))}
    return Study(of, "study", stored)


def card(**overrides: str):
    given = {"press.stress": '["10 MPa", "60 MPa"]', "boxes.replicas": "2", **overrides}
    return load_card("nmc622", overrides=given)


def pressed(of, *, recovered=RECOVERED, reached=(1, 1, 1, 1)) -> Data:
    """Two replicas a stress whose pressure grows with the square of the strain; only what closure and tables read."""
    start = coating_thickness(of.electrode)
    rows: dict[str, list[np.ndarray]] = {}
    for box, (stress, replica) in enumerate((stress, replica) for stress in STRESSES for replica in (0, 1)):
        end, back = ENDS[stress][replica], recovered[stress][replica]
        loading, release = np.linspace(0.0, end, 41), end - back * np.linspace(0.1, 1.0, 10)
        strain = np.append(loading, release)
        pressure = stress * np.append((loading / end) ** 2, np.linspace(0.81, 0.0, 10))
        columns = {
            "box": np.full(51, box, np.int32),
            "leg": np.repeat(np.array([LEG["load"], LEG["release"]], np.int32), (41, 10)),
            "height": start * np.exp(-strain),
            "stress_low": pressure, "stress_high": pressure, "stress_zz": pressure,
            "stress_xx": 0.4 * pressure, "stress_yy": 0.4 * pressure,
        }  # fmt: skip
        for name, values in columns.items():
            rows.setdefault(name, []).append(values)
    boxes = {
        "stress": np.repeat(STRESSES, 2), "replica": np.tile(np.arange(2, dtype=np.int32), 2),
        "reached": np.array(reached, np.int32), "start_height": np.full(4, start),
    }  # fmt: skip
    return Data({"frames": {name: np.concatenate(parts) for name, parts in rows.items()}, "boxes": boxes}, {})


@pytest.fixture(scope="module")
def light():
    """A card that holds next to no load, its closure and its nip."""
    of = card(**{"calender.gap": '"none"', "calender.line_load": '"2 N/mm"'})
    closure = closure_table(pressed(of), porosity=of.electrode.porosity)
    return of, closure, nip_tables(of, closure)


def test_the_nip_leaves_at_a_stress_what_boxes_left(light) -> None:
    of, _, rolled = light
    solved = {one["name"]: one for one in nip_settings(rolled) if one["elastic_rolls"]}
    for stress in STRESSES:
        lasting = np.mean(np.array(ENDS[stress]) - np.array(RECOVERED[stress]))
        thickness = of.electrode.foil.thickness + 2 * coating_thickness(of.electrode) * np.exp(-lasting)
        found = solved[f"stress {stress / 1e6:g} MPa"]["exit_thickness_m"]
        # the nip meets its peak to 1e-9 of the thickness; 10 MPa lies on a knot of the closure, 60 MPa is its end
        assert found == pytest.approx(thickness, rel=1e-4)


def test_a_setting_below_the_pressed_stresses_is_flagged_everywhere(light) -> None:
    _, closure, rolled = light
    own, *others = (nip_answer(rolled, row) for row in range(len(rolled.tables["settings"]["name"])))
    assert own["reason"] is None
    assert "below the lowest stress pressed and released, 10 MPa" in own["notes"][0]
    assert [one["notes"] for one in others if one["name"].startswith("stress")] == [[]] * 4
    assert closure_answer(closure) == {
        "pressed_from_Pa": pytest.approx(10e6),
        "pressed_to_Pa": pytest.approx(60e6),
        "notes": [],
    }
    assert any(note.startswith("flag: nip, line_load, elastic rolls: peak") for note in _nip_notes(closure, rolled))


def test_boxes_and_nip_at_one_stress_say_why_they_differ(light) -> None:
    of, _, rolled = light
    rows = [{"stress_Pa": stress, "thickness_released_m": 70e-6} for stress in STRESSES]
    (note,) = _thickness_notes(of, rows, nip_settings(rolled))
    assert note.startswith("boxes and nip: at stress 60 MPa")
    near = [
        {"stress_Pa": stress, "thickness_released_m": (found["exit_thickness_m"] - of.electrode.foil.thickness) / 2}
        for stress in STRESSES
        for found in nip_settings(rolled)[1:3]
        if found["name"] == f"stress {stress / 1e6:g} MPa"
    ]
    assert _thickness_notes(of, near, nip_settings(rolled)) == []


def test_a_porosity_out_of_reach_is_exit_5(light) -> None:
    _, closure, _ = light
    of = card(**{"calender.gap": '"none"', "calender.target_porosity": "0.30"})
    rolled = nip_tables(of, closure)
    everything = pressed(of)
    with pytest.raises(
        NumericalError, match=r"calender.target_porosity = 0.3 is not reached.*study: no load within.*least is 0\.34"
    ):
        study_of(of, everything, rolled).refuse_unreached()
    assert NumericalError.exit_code == 5
    assert "after 60 MPa" in nip_answer(rolled, 0)["reason"]
    # a porosity within reach passes, and so does a gap that leaves the closure: it is flagged, and no target
    within = card(**{"calender.gap": '"none"', "calender.target_porosity": "0.40"})
    study_of(within, everything, nip_tables(within, closure)).refuse_unreached()


def test_a_box_that_gives_nothing_back_is_left_out_with_a_word() -> None:
    of = card()
    stuck = {**RECOVERED, 60e6: (-0.01, 0.10)}
    closure = closure_table(pressed(of, recovered=stuck), porosity=of.electrode.porosity)
    assert "replica 0 pressed to 60 MPa grew no thicker" in closure.attributes["notes"][0]
    assert closure_from(closure).pressed == pytest.approx((10.0, 60.0))
    with pytest.raises(NumericalError, match="no box of replica 0 grew thicker"):
        closure_table(pressed(of, recovered={10e6: (0.0, 0.1), 60e6: (0.0, 0.1)}), porosity=of.electrode.porosity)


def test_boxes_pressed_to_no_pores_end_the_closure_there() -> None:
    of = card()
    closure = closure_table(pressed(of), porosity=0.3)  # as if the free coating were denser than it is
    assert "beyond solid fraction 0.98" in closure.attributes["notes"][0]
    assert 0.7 * np.exp(closure_from(closure).strain_limit) <= 0.98


def test_numbers_in_faults_read_as_numbers() -> None:
    assert str(Fault("packing.radius", np.float64(5e-06), "is small")) == "packing.radius: 5e-06 is small"
