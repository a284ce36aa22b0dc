"""The surrogate of the chain: means, intervals, what it says of places without data, and its file."""

import json

import numpy as np
import pytest
from made_passes import INPUTS, passes
from typer.testing import CliRunner

pytest.importorskip("sklearn")

from kalander.kernels.errors import CheckpointError, InputError
from kalander.runs.cli import app
from kalander.twin.surrogate.groups import pass_groups
from kalander.twin.surrogate.keep import load_surrogate, save_surrogate
from kalander.twin.surrogate.surrogate import Surrogate


@pytest.fixture(scope="module")
def fitted():
    return Surrogate.fit(passes(48, 1), INPUTS, ["porosity", "springback"])


def test_groups_have_no_unit():
    """Lengths in other units, time in other units, force in others: the same numbers."""
    table, other = passes(8, 1), passes(8, 1)
    length, time, force = 7.0, 3.0, 11.0
    for name, factor in {
        "line_load": force / length, "roll_diameter": length, "total_thickness": length, "speed": length / time,
        "pressure_scale": force / length**2, "relaxation_time": time,
    }.items():  # fmt: skip
        other[name] = other[name] * factor
    for mine, theirs in zip(pass_groups(table).values(), pass_groups(other).values()):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


def test_runs_that_it_has_not_seen_are_predicted_within_their_intervals(fitted):
    asked = passes(256, 7)
    told = fitted.predict(asked)
    for name in ("porosity", "springback"):
        error = told[name].mean - asked[name]
        assert np.sqrt(np.mean(error**2)) < 0.05 * asked[name].std()
        assert np.mean((told[name].low <= asked[name]) & (asked[name] <= told[name].high)) > 0.8
    assert told["porosity"].outside.mean() < 0.2


def test_physics_carries_further_than_columns_as_they_are(fitted):
    """Extrapolated to rolls twice as large and webs five times as fast as any of the data."""
    asked = passes(64, 9)
    asked["roll_diameter"], asked["speed"] = np.full(64, 2.0), np.full(64, 10.0)
    groups = pass_groups(asked)
    effective = np.exp(groups["ln_load"]) / (1.0 + 0.3 * np.tanh(groups["ln_deborah"]))
    truth = 0.18 + (asked["porosity_before"] - 0.18) / (1.0 + 0.05 * effective**1.2)
    raw = Surrogate.fit(passes(48, 1), INPUTS, ["porosity"], groups="raw")
    errors = [np.sqrt(np.mean((one.predict(asked)["porosity"].mean - truth) ** 2)) for one in (fitted, raw)]
    assert errors[0] < 0.5 * errors[1]
    assert raw.predict(asked)["porosity"].outside.all()


def test_porosity_falls_with_load_and_springback_does_not(fitted):
    assert fitted.monotone("porosity", "line_load") == 0.0
    assert fitted.monotone("porosity", "line_load", rising=True) == 1.0
    assert fitted.monotone("springback", "line_load", rising=True) < 0.1


def test_noise_that_is_stated_is_not_followed():
    """Values with noise of 0.01: what is predicted lies nearer to the truth than the values, within its intervals."""
    table, clean = passes(64, 3), passes(64, 3)
    table["porosity"] = clean["porosity"] + np.random.default_rng(1).normal(0.0, 0.01, 64)
    table["porosity_sd"] = np.full(64, 0.01)
    told = Surrogate.fit(table, INPUTS, ["porosity"]).predict(clean)["porosity"]
    assert np.sqrt(np.mean((told.mean - clean["porosity"]) ** 2)) < 0.006


def test_a_few_dear_runs_on_many_cheap_ones():
    """The dear model has other constants; sixteen of its runs on forty-eight cheap ones beat sixteen alone."""
    cheap = Surrogate.fit(passes(64, 1), INPUTS, ["porosity"])
    dear = passes(16, 5, least=0.21)
    dear["porosity"] = 1.05 * dear["porosity"] - 0.01
    asked = passes(128, 11, least=0.21)
    truth = 1.05 * asked["porosity"] - 0.01
    errors = []
    for lower in (cheap, None):
        told = Surrogate.fit(dear, INPUTS, ["porosity"], lower=lower).predict(asked)["porosity"]
        errors.append(np.sqrt(np.mean((told.mean - truth) ** 2)))
    assert errors[0] < 0.7 * errors[1]


def test_a_kept_surrogate_predicts_the_same(fitted, tmp_path):
    top = Surrogate.fit(passes(16, 5), INPUTS, ["porosity"], lower=fitted)
    save_surrogate(top, tmp_path / "a.h5")
    again, asked = load_surrogate(tmp_path / "a.h5"), passes(16, 2)
    for one, other in ((top, again), (top.lower, again.lower)):
        np.testing.assert_allclose(
            one.predict(asked)["porosity"].mean, other.predict(asked)["porosity"].mean, rtol=0, atol=1e-10
        )
    content = bytearray((tmp_path / "a.h5").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "b.h5").write_bytes(content)
    with pytest.raises(CheckpointError):
        load_surrogate(tmp_path / "b.h5")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda table: table.pop("porosity"), "no column"),
        (lambda table: table.pop("line_load"), "no column"),
        (lambda table: table.update(porosity=np.full(48, np.nan)), "at least 8"),
        (lambda table: table.update(line_load=np.full(48, -1.0)), "above 0"),
        (lambda table: table.update(line_load=np.ones(3)), "differ in length"),
        (lambda table: table.update(line_load=["a"] * 48), "no number"),
    ],
)
def test_tables_that_cannot_be_fitted_are_refused(change, why):
    table = passes(48, 1)
    change(table)
    with pytest.raises(InputError, match=why):
        Surrogate.fit(table, INPUTS, ["porosity"])


def test_the_verb_from_a_table_to_predictions(tmp_path):
    table = passes(32, 1)
    header = ",".join("line_load [N/mm]" if name == "line_load" else name for name in table)
    rows = zip(*(values / (1e3 if name == "line_load" else 1.0) for name, values in table.items()))
    text = "\n".join([header, *(",".join(map(repr, map(float, row))) for row in rows)])
    (tmp_path / "a.csv").write_text(text)

    def command(*words):
        return CliRunner().invoke(app, ["surrogate", *map(str, words)])

    inputs = [word for name in INPUTS for word in ("--input-column", name)]
    done = command("fit", tmp_path / "a.csv", "-o", tmp_path / "a.h5", "--output-column", "porosity", *inputs, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["outputs"]["porosity"]["left_out_error"] < 0.01
    assert json.loads(done.stdout)["outputs"]["porosity"]["rises_with_line_load"] == 0.0
    done = command("predict", tmp_path / "a.h5", tmp_path / "a.csv", "-o", tmp_path / "b.csv", "--json")
    assert json.loads(done.stdout)["rows"] == 32
    assert "porosity_outside" in (tmp_path / "b.csv").read_text().splitlines()[0]
    assert command("fit", tmp_path / "none.csv", "-o", tmp_path / "c.h5", "--output-column", "porosity").exit_code == 2
    assert command("fit", tmp_path / "a.csv", "-o", tmp_path / "c.h5", "--output-column", "porosty").exit_code == 2
    assert command("predict", tmp_path / "a.csv", tmp_path / "a.csv", "-o", tmp_path / "b.csv").exit_code == 4
