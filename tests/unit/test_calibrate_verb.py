"""`kalander calibrate`: what it would cost, and bad input by name, before anything is computed."""

import json

import pytest
from typer.testing import CliRunner

from kalander.runs.cli import app

TWO = "name,stress_MPa,porosity,use\nC1,19.82,0.416,fit\nC4,159.37,0.217,predict\n"


@pytest.fixture
def call(tmp_path):
    path = tmp_path / "measured.csv"

    def call(*options, text=TWO):
        path.write_text(text)
        return CliRunner().invoke(app, ["calibrate", "nmc111", "--data", str(path), *options])

    return call


def test_a_dry_run_says_boxes_and_processor_time_and_writes_nothing(call, tmp_path):
    done = call(
        "--dry-run", "--json", "-o", str(tmp_path / "none"), "--runs", "30", "--parameter", "binder.flow_stress"
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [row["key"] for row in found["parameters"]] == ["binder.flow_stress"]
    assert found["boxes_at_most"] == 30 * 2 * 2
    assert found["stresses_Pa"] == [19.82e6, 159.37e6]
    assert found["processor_s_at_most"] == pytest.approx(30 * found["processor_s_per_run"])
    assert not (tmp_path / "none").exists()


def test_parameters_are_those_that_the_data_can_see(call):
    keys = [row["key"] for row in json.loads(call("--dry-run", "--json").stdout)["parameters"]]
    assert not any(key.startswith(("transport.", "calender.")) for key in keys)
    gaps = "gap_um,porosity\n130,0.416\n"
    rolled = json.loads(call("--dry-run", "--json", "--lab-scale", "0.4", text=gaps).stdout)
    assert "calender.stand_stiffness" in [row["key"] for row in rolled["parameters"]]
    scaled = json.loads(call("--dry-run", "--json", "--lab-scale", "0.4").stdout)
    assert scaled["parameters"][-1]["key"] == "lab.pressure_scale"
    assert len(scaled["stresses_Pa"]) == 3


@pytest.mark.parametrize(
    ("options", "text", "told"),
    [
        ((), "stress_MPa,porosity,colour\n1,0.4,red\n", "colour"),
        (("--parameter", "binder.flow_stres"), TWO, "binder.flow_stress"),
        (("--parameter", "calender.stand_stiffness"), TWO, "changes nothing that the data hold"),
        (("--runs", "0"), TWO, "runs"),
        (("--lab-scale", "-1"), TWO, "--lab-scale"),
        (("--model-error", "7"), TWO, "model_error"),
        (("--reuse", "nowhere"), TWO, "holds no launch"),
    ],
)
def test_bad_input_is_named_and_ends_with_2(call, tmp_path, options, text, told):
    done = call("-o", str(tmp_path / "out"), *options, text=text)
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert not list(tmp_path.glob("out/runs/*"))
