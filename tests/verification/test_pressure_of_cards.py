"""The optimal pressure of shipped cards: their loading curves, and how their binder relaxes at two temperatures."""

import csv
import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from kalander.coupling.cards.card import load_card
from kalander.coupling.cases.control import ControlLayer
from kalander.coupling.nip.closure import Closure
from kalander.coupling.scales import relaxation_of
from kalander.dem.ageing.relaxation import Relaxation, wlf
from kalander.kernels.errors import InputError
from kalander.runs.cli import app
from kalander.twin.control.extremal import extremal
from kalander.twin.control.plant import Layers, Tabulated, layers_of
from kalander.twin.control.problem import Problem, best_of, densified, linear_step
from kalander.twin.control.relaxing import one_time, study_constants
from kalander.twin.control.transcription import transcribed

CURVES = Path(__file__).parents[1] / "data" / "loading_curves.csv"
# as the comment of runs/cards/nmc111.toml proposes for PVDF
RELAXATION = '[{ weight = 0.1, time = "10 ms" }, { weight = 0.1, time = "1 s" }, { weight = 0.15, time = "30 s" }]'
SHIFT = '{ law = "wlf", c1 = 17.44, c2 = "51.6 K" }'
FOIL, ROLL = 298.15, 303.15  # K
HORIZON = 10.0  # s, of a plate press: one of a calender is far below these times


def binder(card: str = "nmc111") -> Relaxation:
    values = {"binder.relaxation": RELAXATION, "binder.shift": SHIFT, "binder.softening": "0.012 1/K"}
    found = relaxation_of(load_card(card, overrides=values).binder)
    assert found is not None
    return found


def curve(name: str, softened: float) -> Tabulated:
    rows = [row for row in csv.DictReader(CURVES.read_text().splitlines()[4:]) if row["curve"] == name]
    strain, pressure = (np.array([float(row[key]) for row in rows]) for key in ("strain", "pressure_MPa"))
    return Tabulated.through(softened * pressure, -np.expm1(-strain))


def layers(upper: str, lower: str) -> Layers:
    relaxation = binder()
    pairs = ((upper, ROLL), (lower, FOIL))
    return layers_of(
        [0.5, 0.5], [one_time(relaxation, kelvin, HORIZON) for _, kelvin in pairs],
        [curve(name, relaxation.stiffness_at(kelvin)) for name, kelvin in pairs],
    )  # fmt: skip


CARDS = {
    "nmc111": Problem(layers("nmc111", "nmc111"), HORIZON, 0.25, 40.0, 1e-6, max_pressure=120.0),
    "two_layer": Problem(layers("two_layer/upper", "two_layer/lower"), HORIZON, 0.25, 40.0, 1e-6, max_pressure=100.0),
}


@pytest.mark.parametrize("name", CARDS)
def test_the_optimum_of_a_card_beats_simple_histories_and_no_transcription_beats_it(name):
    problem = CARDS[name]
    began = time.process_time()
    found = extremal(problem)
    print(f"{name}: {time.process_time() - began:.2f} s of processor time, of which 2 s are allowed")
    same = replace(problem, rate_weight=found.rate_weight)  # with the small weight of the rate that the optimum pays
    simple = {
        "constant": lambda at: np.ones((1, len(at))),
        "ramp": lambda at: at[None] / HORIZON,
        "two steps": lambda at: np.where(
            at[None, None] >= np.linspace(0.1, 0.9, 9)[:, None, None] * HORIZON,
            np.linspace(0.0, 1.0, 11)[None, :, None], 1.0,
        ).reshape(-1, len(at)),
    }  # fmt: skip
    costs = {key: best_of(problem, shape).cost for key, shape in simple.items()}  # they do not even pay for jumps
    programme = transcribed(same, 40)
    print(f"{name}: {found.cost:.4g}, transcribed {programme.history.cost:.4g}, {costs}")
    assert found.cost < min(costs.values())
    assert programme.converged
    assert found.cost <= 1.001 * programme.history.cost
    assert found.residuals["hamiltonian"] < 1e-6
    assert found.residuals["transversality"] < 1e-6
    assert np.ptp(found.state[:, -1]) < np.ptp(best_of(problem, simple["constant"]).end)
    assert problem.layers.weight @ found.state[:, -1] == pytest.approx(0.25, abs=1e-8)


def test_the_curve_of_a_card_is_met_by_its_spline():
    rows = [row for row in csv.DictReader(CURVES.read_text().splitlines()[4:]) if row["curve"] == "nmc111"]
    pressure = np.array([float(row["pressure_MPa"]) for row in rows])
    lost = -np.expm1(-np.array([float(row["strain"]) for row in rows]))
    spline = curve("nmc111", 1.0)
    assert spline.value(pressure) == pytest.approx(lost, abs=0.01)
    slopes = (spline.at(pressure + 1e-5)[0] - spline.at(pressure - 1e-5)[0]) / 2e-5
    assert spline.at(pressure)[1][1:] == pytest.approx(slopes[1:], rel=1e-5)
    bends = (spline.at(pressure + 1e-4)[1] - spline.at(pressure - 1e-4)[1]) / 2e-4
    assert spline.at(pressure)[2][1:-1] == pytest.approx(bends[1:-1], rel=1e-3, abs=1e-7)


def test_one_time_stands_for_a_series():
    assert one_time(Relaxation(np.array([0.3]), np.array([2.0])), FOIL, 0.5) == 2.0
    alike = Relaxation(np.array([0.1, 0.2]), np.array([2.0, 2.0]))
    assert one_time(alike, FOIL, 0.5) == pytest.approx(2.0)
    found = one_time(binder(), FOIL, HORIZON)
    assert 0.01 < found < 30.0
    at = np.linspace(0.0, HORIZON, 4001)
    series = binder().weights @ -np.expm1(-at / binder().times[:, None])
    single = -np.expm1(-at / found)
    assert np.mean(single) / single[-1] == pytest.approx(np.mean(series) / series[-1], rel=1e-3)
    shifted = one_time(replace(alike, shift=partial(wlf, c1=17.44, c2=51.6)), FOIL + 5.0, 0.5)
    assert shifted == pytest.approx(2.0 * 10 ** (-17.44 * 5.0 / 56.6), rel=1e-9)


def test_linear_layers_are_integrated_exactly_however_fast_they_relax():
    """S = t² / 2: e(T) in closed form, over 0.01 to 10000 relaxation times."""
    for ratio in (1e-4, 0.005, 0.02, 1.0, 50.0):
        keep, shares = linear_step(np.array([ratio]))
        # of e' h = ratio (S - e) with S = s²: s² - 2 s / ratio + 2 / ratio² - 2 exp(-ratio s) / ratio² at s = 1
        exact = 1.0 - 2.0 / ratio + 2.0 / ratio**2 * -np.expm1(-ratio)
        got = float(shares[1][0] * 0.25 + shares[2][0])
        assert got == pytest.approx(exact, rel=1e-6 if ratio > 1e-3 else 1e-3)
        assert float(sum(shares)[0] + keep[0]) == pytest.approx(1.0, rel=1e-12)


def test_a_layer_takes_its_constants_from_a_study(tmp_path, monkeypatch):
    """Closure and card of a study; without relaxation in its binder the remedy is named."""
    from kalander.twin.control import relaxing

    path = tmp_path / "closure.h5"
    strain = np.linspace(0.0, 0.5, 20)
    Closure.table(strain, 5e6 * np.expm1(6.0 * strain), np.full(20, 2e9), porosity=0.5).save(path)
    given = ControlLayer(weight=1.0, closure=str(path), temperature=ROLL)

    class Opened:
        card = load_card("nmc111", overrides={"binder.relaxation": RELAXATION, "binder.softening": "0.012 1/K"})

    monkeypatch.setattr(relaxing.Study, "open", lambda folder: Opened)
    seconds, softer = study_constants(given, HORIZON, "layer[0]")
    assert seconds == pytest.approx(one_time(relaxation_of(Opened.card.binder), ROLL, HORIZON))
    _, harder = study_constants(given.model_copy(update={"temperature": None}), HORIZON, "layer[0]")
    assert softer.last == pytest.approx(harder.last * np.exp(-0.012 * 5.0))
    Opened.card = load_card("nmc111")
    with pytest.raises(InputError, match=r"binder\.relaxation"):
        study_constants(given, HORIZON, "layer[0]")


def test_a_closure_without_a_study_is_answered_where_its_time_is_given(tmp_path):
    strain = np.linspace(0.0, 0.5, 20)
    for number, steep in enumerate((6.0, 5.0)):
        closure = Closure.table(strain, 5e6 * np.expm1(steep * strain), np.full(20, 2e9), porosity=0.5)
        closure.save(tmp_path / f"{number}.h5")
    rows = "".join(
        f'[[layer]]\nweight = 1\nclosure = "{number}.h5"\nrelaxation_time = "{seconds} s"\n'
        for number, seconds in enumerate((1.0, 0.4))
    )
    problem = '[problem]\nhorizon = "2 s"\nmean_densification = 0.2\ngradient_weight = 40\n'
    (tmp_path / "c.toml").write_text(rows + problem + 'effort_weight = "1e-6 1/MPa^2/s"\n')
    done = CliRunner().invoke(app, ["control", str(tmp_path / "c.toml"), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["relaxation_times_s"] == [1.0, 0.4]
    assert answer["cost"] < answer["cost_two_step"]
    refused = CliRunner().invoke(
        app, ["control", str(tmp_path / "c.toml"), "--set", 'layer=[{weight=1, closure="0.h5"}]']
    )
    assert refused.exit_code in (2, 4)
    assert "Traceback" not in refused.output
    assert densified(layers_of([1.0], [1.0], [curve("nmc111", 1.0)]), np.linspace(0, 1, 5), lambda at: 0 * at).max() < 1
