"""`kalander control`: its case file, its answer, and what is refused."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kalander.coupling.cases.control import load_control_case
from kalander.kernels.errors import InputError, NumericalError
from kalander.runs.cli import app
from kalander.twin.control.case import answer_of

CASE = Path(__file__).parents[2] / "runs" / "cases" / "control.toml"


@pytest.fixture(scope="module")
def answer() -> dict:
    done = CliRunner().invoke(app, ["control", str(CASE), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_shipped_case_is_answered(answer):
    assert answer["cost"] == pytest.approx(1.178253e-3, rel=1e-6)
    assert answer["cost"] < answer["cost_two_step"] < answer["cost_constant_pressure"] < answer["cost_ramp"]
    assert answer["mean_final"] == pytest.approx(0.3, abs=1e-8)
    assert answer["authority"] is True
    assert len(answer["time_s"]) == len(answer["pressure_Pa"]) == len(answer["densification"][0])
    assert answer["pressure_Pa"][0] == pytest.approx(0.39107126e6, rel=1e-6)
    assert answer["machine"]["cost_over_optimum"] > 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"problem.horizon": "0 s"}, "problem.horizon"),
        ({"problem.mean_densification": "30"}, "problem.mean_densification"),
        ({"problem.effort_weight": "0 1/MPa^2/s"}, "problem.effort_weight"),
        ({"problem.max_pressure": "-1 MPa"}, "problem.max_pressure"),
        ({"layer": "[]"}, "layer"),
        ({"layer": '[{weight=1, relaxation_time="1 s"}]'}, "layer[0]"),
        ({"layer": '[{weight=1, relaxation_time="1 s", compliance="1 1/MPa", closure="c.h5"}]'}, "layer[0]"),
        (
            {"layer": '[{weight=1, relaxation_time="5 ms", max_densification=0.4, pressure_scale="60 MPa"}]'},
            "layer[0].relaxation_time",
        ),
        ({"layer": '[{weight=1, compliance="1 1/MPa"}]'}, "layer[0].relaxation_time"),
        (
            {"layer": '[{weight=1, relaxation_time="1 s", compliance="1 1/MPa", temperature="30 degC"}]'},
            "layer[0].temperature",
        ),
        ({"machine.contact_time": "2 s"}, "machine.contact_time"),
        ({"problem.mean_densification": "1e-300"}, "problem.mean_densification"),
        ({"layer": '[{weight=1, relaxation_time="50 us", compliance="1 1/MPa"}]'}, "layer[0].relaxation_time"),
    ],
)
def test_one_mistake_is_one_fault(change, where):
    with pytest.raises(InputError) as caught:
        load_control_case(CASE, overrides=change)
    assert len(caught.value.faults) == 1
    assert where in caught.value.faults[0].where


def test_a_mean_out_of_reach_is_refused_with_the_closest():
    """0.4 MPa for 1 s: 0.4 (1 - e^-1) and 0.28 (1 - e^-4), in the mean 0.2639."""
    with pytest.raises(NumericalError, match=r"0\.2639"):
        answer_of(load_control_case(CASE, overrides={"problem.max_pressure": "0.4 MPa"}))


def test_layers_much_unlike_are_answered_as_well_as_a_programme_does():
    """One layer yields 1400 times more than the other, which nothing presses: the mean is all its own."""
    layers = (("1 s", "1000 1/MPa"), ("0.25 s", "0.7 1/MPa"))
    rows = [f'{{weight=1, relaxation_time="{time}", compliance="{share}"}}' for time, share in layers]
    answer = answer_of(load_control_case(CASE, overrides={"layer": f"[{', '.join(rows)}]"}), check=True)
    assert answer["cost"] <= 1.001 * answer["cost_transcribed"]
    assert answer["final_densification"][1] < 0.01
