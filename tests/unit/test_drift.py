"""Drift against a surrogate: alarms as rare as stated while there is none, and soon when there is one."""

import json
import math
from statistics import NormalDist

import numpy as np
import pytest
from made_passes import INPUTS, passes
from scipy.stats import binomtest, norm
from typer.testing import CliRunner

pytest.importorskip("sklearn")

from kalander.kernels.errors import InputError
from kalander.runs.cli import app
from kalander.twin.surrogate.drift import cumulative_sums, height_of, watch_drift
from kalander.twin.surrogate.keep import save_surrogate
from kalander.twin.surrogate.surrogate import Surrogate

NOISE = 0.004


def measured(count, seed, *, drift=0.0, after=0):
    """Passes with noise; a drift of the porosity by so many of its deviations after some rows."""
    table = passes(count, seed)
    table["porosity"] = table["porosity"] + np.random.default_rng(seed).normal(0.0, NOISE, count)
    table["porosity"][after:] += drift * NOISE
    return table


@pytest.fixture(scope="module")
def fitted():
    table = measured(48, 1)
    return Surrogate.fit(table | {"porosity_sd": np.full(48, NOISE)}, INPUTS, ["porosity"])


@pytest.mark.parametrize(("rate", "rows"), [(0.05, 50), (0.05, 400), (0.2, 100)])
def test_sums_of_normal_errors_pass_their_height_as_seldom_as_stated(rate, rows):
    """4000 watches without a drift: the share of alarms lies in the 99 % interval of the stated rate."""
    errors = np.random.default_rng(rows).normal(size=(4000, rows))
    alarms = int((cumulative_sums(errors).max(axis=(0, 2)) > height_of(rate, rows)).sum())
    told = binomtest(alarms, 4000).proportion_ci(0.99)
    assert told.low <= rate - 0.25 * rate**2  # both sides at once were counted twice
    assert rate - 0.25 * rate**2 <= told.high


def test_a_shift_is_found_as_soon_as_its_size_allows():
    """Mean delay of a shift of one deviation: (exp(-2 m b) + 2 m b - 1)/(2 m²) with m = 1 - 1/2 and b = h + 1.166.

    Source: Siegmund, Sequential Analysis (1985), ch. 2, to some per cent.
    """
    height = height_of(0.01, 200)
    errors = np.random.default_rng(1).normal(size=(2000, 300)) + 1.0
    delay = (cumulative_sums(errors)[0] > height).argmax(axis=1) + 1
    assert delay.mean() == pytest.approx(2.0 * (height + 1.166 - 1.0), rel=0.05)


def test_incoming_data_that_drift_are_noticed_and_the_others_are_not(fitted):
    calm = watch_drift(fitted, measured(60, 21) | {"porosity_sd": np.full(60, NOISE)}, "porosity")
    assert (calm.alarm, calm.by) == (None, None)
    assert calm.judged + calm.outside == 60
    assert abs(calm.errors.mean()) < 4 / math.sqrt(calm.judged)
    table = measured(60, 21, drift=2.0, after=25) | {"porosity_sd": np.full(60, NOISE)}
    found = watch_drift(fitted, table, "porosity")
    assert 25 <= found.alarm <= 45
    assert found.since < found.alarm
    assert found.by == pytest.approx(2.0 * NOISE, abs=NOISE)
    down = watch_drift(fitted, measured(60, 21, drift=-2.0, after=25) | {"porosity_sd": np.full(60, NOISE)}, "porosity")
    assert down.by < 0


def test_rows_outside_the_data_are_not_judged(fitted):
    table = measured(30, 5)
    table["line_load"][:10] *= 100.0
    table["porosity"][:10] = 0.9
    table["porosity"][12] = np.nan
    found = watch_drift(fitted, table | {"porosity_sd": np.full(30, NOISE)}, "porosity")
    assert found.alarm is None
    assert found.outside >= 11


def test_watches_that_make_no_sense_are_refused(fitted):
    table = measured(10, 5)
    with pytest.raises(InputError, match="none of this surrogate"):
        watch_drift(fitted, table, "tau")
    with pytest.raises(InputError, match="no such probability"):
        watch_drift(fitted, table, "porosity", false_alarms=0.0)
    with pytest.raises(InputError, match="no value to judge"):
        watch_drift(fitted, {name: table[name] for name in INPUTS}, "porosity")


def test_the_verb_says_since_when_and_by_how_much(fitted, tmp_path):
    save_surrogate(fitted, tmp_path / "a.h5")
    table = measured(60, 21, drift=2.0, after=25) | {"porosity_sd": np.full(60, NOISE)}
    rows = [",".join(table), *(",".join(map(repr, map(float, row))) for row in zip(*table.values()))]
    (tmp_path / "b.csv").write_text("\n".join(rows))
    done = CliRunner().invoke(app, ["surrogate", "watch", str(tmp_path / "a.h5"), str(tmp_path / "b.csv"), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["drifts"]
    assert told["outputs"]["porosity"]["alarm_row"] == watch_drift(fitted, table, "porosity").alarm
    assert 25 <= told["outputs"]["porosity"]["alarm_row"] < 45


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_alarms_of_fitted_surrogates_over_many_seeds():
    """200 surrogates of 48 noisy passes, each watched over 60 passes at a stated rate of 10 %.

    False alarms are within the 99 % interval of the rate; a drift of one deviation of the noise is found in most, of
    two in nearly all, and soon.
    """
    alarms, delays = 0, {1.0: [], 2.0: []}
    for seed in range(200):
        table = measured(48, 1000 + seed) | {"porosity_sd": np.full(48, NOISE)}
        made = Surrogate.fit(table, INPUTS, ["porosity"], seed=seed)
        noise = {"porosity_sd": np.full(60, NOISE)}
        alarms += watch_drift(made, measured(60, 5000 + seed) | noise, "porosity", false_alarms=0.1).alarm is not None
        for drift, found in delays.items():
            told = watch_drift(made, measured(60, 5000 + seed, drift=drift) | noise, "porosity", false_alarms=0.1)
            found.append(60 if told.alarm is None else told.alarm + 1)
    share = {drift: (np.median(found), np.mean(np.array(found) < 60)) for drift, found in delays.items()}
    print(f"\nfalse alarms {alarms} of 200; median delay and share found: {share}")
    told = binomtest(alarms, 200).proportion_ci(0.99)
    assert told.low <= 0.1 <= told.high
    assert share[2.0][0] <= 10
    assert share[2.0][1] > 0.95
    assert share[1.0][1] > 0.6


@pytest.mark.parametrize("rows", [1, 2])
def test_a_height_is_found_for_the_largest_probability_and_the_fewest_rows(rows):
    """One error alone passes the height h upwards with 1 − Φ(h + 1/2): half of the probability that is asked."""
    height = height_of(0.5, rows)
    assert height > 0.0
    if rows == 1:
        assert norm.sf(height + 0.5) == pytest.approx(0.25, abs=1e-3)


def test_rows_without_a_number_are_not_judged_and_odd_rates_have_a_height(fitted):
    assert height_of(0.5, 1) == pytest.approx(NormalDist().inv_cdf(0.75) - 0.5, abs=1e-3)  # of one row: e > h + 1/2
    table = measured(4, 2) | {"porosity_sd": np.full(4, NOISE)}
    table["line_load"][1], table["speed"][2] = np.nan, np.inf
    found = watch_drift(fitted, table, "porosity")
    assert found.judged == 4 - found.outside <= 2
    with pytest.raises(InputError, match="is no such number"):
        fitted.predict(table)
    with pytest.raises(InputError, match="is no standard deviation"):
        watch_drift(fitted, measured(4, 2) | {"porosity_sd": np.full(4, -1.0)}, "porosity")


def test_a_table_is_not_overwritten_and_a_column_is_named_once(tmp_path):
    path = tmp_path / "über passes.csv"
    path.write_text("x,porosity\n" + "".join(f"{row},{0.3 + row / 100}\n" for row in range(9)))
    words = ["surrogate", "fit", str(path), "--output-column", "porosity", "--groups", "raw", "-o"]
    kept = path.read_bytes()
    refused = CliRunner().invoke(app, [*words, str(path)])
    assert (refused.exit_code, path.read_bytes()) == (2, kept)
    refused = CliRunner().invoke(app, [*words, str(tmp_path / "s.h5"), "--input-column", "porosity"])
    assert (refused.exit_code, "asked for twice" in refused.stderr) == (2, True)
    path.write_text("x,x,porosity\n1,2,0.3\n")
    refused = CliRunner().invoke(app, [*words, str(tmp_path / "s.h5")])
    assert (refused.exit_code, "two columns" in refused.stderr) == (2, True)
