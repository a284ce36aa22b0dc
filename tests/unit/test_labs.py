"""Three fidelities: a fast chain, a few dear runs, and a plant whose laboratories measure by different constants."""

import json

import numpy as np
import pytest
from made_passes import INPUTS, passes
from typer.testing import CliRunner

pytest.importorskip("sklearn")

from kalander.kernels.errors import InputError
from kalander.runs.cli import app
from kalander.twin.surrogate.keep import save_surrogate
from kalander.twin.surrogate.labs import aligned, lab_offsets
from kalander.twin.surrogate.surrogate import Surrogate

OFFSETS = {"A": 0.0, "B": 0.015, "C": -0.01}
NOISE = 0.002


def true(count, seed):
    """What a plant makes: the dear model, and a little more where the web is fast."""
    table = passes(count, seed, least=0.21)
    table["porosity"] = 1.05 * table["porosity"] - 0.01 + 0.002 * np.tanh(table["speed"])
    return table


@pytest.fixture(scope="module")
def levels():
    """The fast chain, and sixteen dear runs on it."""
    fast = Surrogate.fit(passes(64, 1), INPUTS, ["porosity"])
    dear = passes(16, 5, least=0.21)
    dear["porosity"] = 1.05 * dear["porosity"] - 0.01
    return fast, Surrogate.fit(dear, INPUTS, ["porosity"], lower=fast)


@pytest.fixture(scope="module")
def plant():
    table, chance = true(36, 7), np.random.default_rng(7)
    labs = np.repeat(list(OFFSETS), 12)
    table["porosity"] = table["porosity"] + [OFFSETS[one] for one in labs] + chance.normal(0.0, NOISE, 36)
    return table | {"porosity_sd": np.full(36, NOISE), "lab": labs}


def test_offsets_are_found_with_their_deviation_and_the_plant_stands_on_both_models(levels, plant):
    offsets = lab_offsets(levels[1], plant, "porosity", reference="A")
    assert (offsets["A"].offset, offsets["A"].rows) == (0.0, 12)
    for name in "BC":
        assert offsets[name].offset == pytest.approx(OFFSETS[name], abs=4 * offsets[name].sd)
        assert 0.0003 < offsets[name].sd < 0.005
    asked, numbers = true(128, 11), {name: plant[name] for name in plant if name != "lab"}
    errors = []
    for table, lower in ((aligned(plant, "porosity", offsets), levels[1]), (numbers, levels[1]), (numbers, None)):
        told = Surrogate.fit(table, INPUTS, ["porosity"], lower=lower).predict(asked)["porosity"]
        errors.append(float(np.sqrt(np.mean((told.mean - asked["porosity"]) ** 2))))
    assert errors[0] < 0.6 * errors[1]
    assert errors[0] < 0.003
    middle = lab_offsets(levels[1], plant, "porosity")
    assert sum(one.offset for one in middle.values()) == pytest.approx(0.0, abs=1e-12)


def test_a_frame_serves_as_well_and_what_cannot_be_is_refused(levels, plant):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(plant)
    assert lab_offsets(levels[1], frame, "porosity") == lab_offsets(levels[1], plant, "porosity")
    with pytest.raises(InputError, match="two or more"):
        lab_offsets(levels[1], plant | {"lab": np.repeat("A", 36)}, "porosity")
    with pytest.raises(InputError, match="a reference among them"):
        lab_offsets(levels[1], plant, "porosity", reference="D")
    with pytest.raises(InputError, match="no column"):
        lab_offsets(levels[1], plant, "porosity", lab="laboratory")
    with pytest.raises(InputError, match="has no offset"):
        aligned(plant | {"lab": np.repeat("D", 36)}, "porosity", lab_offsets(levels[1], plant, "porosity"))


def test_the_verb_takes_offsets_off(levels, plant, tmp_path):
    save_surrogate(levels[1], tmp_path / "dear.h5")
    table = {**plant, "lab": np.repeat([1.0, 2.0, 3.0], 12)}
    rows = [",".join(table), *(",".join(map(repr, map(float, row))) for row in zip(*table.values()))]
    (tmp_path / "plant.csv").write_text("\n".join(rows))
    words = ["surrogate", "fit", str(tmp_path / "plant.csv"), "-o", str(tmp_path / "plant.h5"), "--output-column",
             "porosity", "--lab-column", "lab", "--json"]  # fmt: skip
    done = CliRunner().invoke(app, [*words, "--lower", str(tmp_path / "dear.h5")])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    offsets = [one["offset"] for one in told["lab_offsets"]["porosity"].values()]
    assert offsets[1] - offsets[0] == pytest.approx(0.015, abs=0.004)
    assert "lab" not in told["inputs"]
    refused = CliRunner().invoke(app, words)
    assert (refused.exit_code, "--lower" in refused.stderr) == (2, True)


def test_deviations_of_offsets_are_no_input_and_rows_without_a_number_are_left_out(levels, plant, tmp_path):
    odd = {name: np.array(values, copy=True) for name, values in plant.items()}
    odd["porosity"][0] = np.nan
    offsets = lab_offsets(levels[1], odd, "porosity")
    assert sum(one.rows for one in offsets.values()) == 35
    with pytest.raises(InputError, match="names no laboratory"):
        lab_offsets(levels[1], plant | {"lab": np.repeat(["A", "B", ""], 12)}, "porosity")
    x = np.linspace(0.0, 1.0, 12)
    lower = Surrogate.fit({"x": x, "porosity": 0.3 + 0.1 * x}, ["x"], ["porosity"], groups="raw")
    save_surrogate(lower, tmp_path / "lower.h5")
    rows = [f"{one},{row % 2},{0.3 + 0.1 * one + 0.02 * (row % 2)}\n" for row, one in enumerate(x)]
    (tmp_path / "labs.csv").write_text("x,lab,porosity\n" + "".join(rows))
    done = CliRunner().invoke(app, [
        "surrogate", "fit", str(tmp_path / "labs.csv"), "-o", str(tmp_path / "made.h5"), "--output-column", "porosity",
        "--groups", "raw", "--lab-column", "lab", "--lower", str(tmp_path / "lower.h5"), "--json",
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["inputs"] == ["x"]
