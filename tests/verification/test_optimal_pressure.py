"""Optimal pressure: closed forms of linear layers, Pontryagin's conditions, and an independent transcription."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import trapezoid

from kalander.twin.control.extremal import extremal
from kalander.twin.control.linear import compliances, gradient_extremes, least_effort
from kalander.twin.control.plant import Linear, Saturating, layers_of
from kalander.twin.control.problem import Problem, best_of, densified, times
from kalander.twin.control.transcription import sensitivities, transcribed

TWO = layers_of([0.5, 0.5], [1.0, 0.25], [Linear(1.0), Linear(0.7)])
FREE = Problem(TWO, 1.0, 0.3, 40.0, 0.01)
ELECTRODE = layers_of([0.5, 0.5], [0.6, 0.2], [Saturating(0.4, 60.0), Saturating(0.35, 40.0)])
PRESSED = Problem(ELECTRODE, 1.0, 0.15, 40.0, 1e-6)


@pytest.fixture(scope="module")
def free():
    return extremal(FREE)


def constant(problem: Problem) -> float:
    return best_of(problem, lambda at: np.ones((1, len(at)))).cost


def test_least_effort_of_two_linear_layers(free):
    """Gramian of two layers (τ 1 and 0.25 s, c 1 and 0.7), w 10 (e1 - e2)²/2, r 0.01, mean 0.3."""
    costate, multiplier = least_effort(FREE)
    assert multiplier == pytest.approx(-0.00785502, rel=1e-6)
    for found, name in ((free.state[:, -1], "e(T)"), (densified_by(costate), "Gramian")):
        assert found == pytest.approx([0.29964238, 0.30035762], abs=1e-8), name
    assert np.interp([0.0, 0.5, 1.0], free.time, free.pressure) == pytest.approx(
        [0.39107126, 0.54982882, 0.20500722],
        rel=1e-5,  # straight between points 0.003 s apart
    )
    assert free.cost == pytest.approx(1.178253e-3, rel=1e-6)
    assert free.multiplier == pytest.approx(-0.00785502, rel=1e-6)


def densified_by(costate: np.ndarray) -> np.ndarray:
    """Final densifications under the closed form of the pressure."""
    push = (compliances(TWO) / TWO.relaxation_time)[:, None]

    def pressure(at: np.ndarray) -> np.ndarray:
        return -(push * costate[:, None] * np.exp(-(1.0 - at) / TWO.relaxation_time[:, None])).sum(axis=0) / 0.01

    return densified(TWO, times(FREE), pressure)[:, 0, -1]


def test_bang_bang_extremes_of_the_gradient():
    """0 to 1 MPa, no effort: one switch each, exact."""
    low, high = gradient_extremes(replace(FREE, max_pressure=1.0))
    assert (low.switches[0], low.begins_high) == (pytest.approx(0.783614, abs=1e-6), False)
    assert low.end == pytest.approx([0.194576, 0.405424], abs=1e-6)
    assert low.gradient == pytest.approx(-0.210849, abs=1e-6)
    assert (high.switches[0], high.begins_high) == (pytest.approx(0.717910, abs=1e-6), True)
    assert high.gradient == pytest.approx(0.172653, abs=1e-6)


@pytest.mark.parametrize("shape", ["constant", "ramp", "pulse"])
def test_equal_relaxation_times_leave_no_authority(shape):
    layers = layers_of([0.5, 0.5], [0.4, 0.4], [Linear(1.0), Linear(0.7)])
    problem = replace(FREE, layers=layers)
    shapes = {
        "constant": lambda at: np.ones((1, len(at))), "ramp": lambda at: at[None],
        "pulse": lambda at: np.exp(-(((at - 0.6) / 0.1) ** 2))[None],
    }  # fmt: skip
    end = best_of(problem, shapes[shape]).end
    assert not layers.has_authority
    assert TWO.has_authority
    assert end[0] - end[1] == pytest.approx(2 * 0.3 * 0.3 / 1.7, abs=1e-8)


def test_conditions_hold_along_the_extremal(free):
    assert free.residuals["hamiltonian"] < 1e-6
    assert free.residuals["transversality"] < 1e-6
    assert free.residuals["stationarity"] < 1e-6


def test_costates_are_the_slopes_of_the_cost_by_the_start(free):
    """λ(0) = dJ/de(0), by central differences of whole solutions."""
    nudge = 1e-4
    for layer in range(2):
        start = nudge * np.eye(2)[layer]
        slope = (extremal(FREE, start).cost - extremal(FREE, -start).cost) / (2 * nudge)
        assert slope == pytest.approx(free.costate[layer, 0], rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(
    "problem",
    [replace(FREE, max_pressure=0.5), replace(FREE, rate_weight=1e-4), replace(FREE, max_rate=2.0)],
    ids=["pressure bounded", "rate costs", "rate bounded"],
)
def test_bounds_are_kept_and_no_transcription_is_better(problem):
    found = extremal(problem)
    assert found.pressure.min() >= -1e-6
    assert found.pressure.max() <= problem.ceiling + 1e-6
    if problem.max_rate is not None:
        assert np.abs(found.rate).max() <= problem.max_rate * (1 + 1e-9)
    assert found.residuals["hamiltonian"] < 1e-6
    assert FREE.layers.weight @ found.state[:, -1] == pytest.approx(0.3, abs=1e-8)
    # of a bounded and free rate the extremal pays a small weight of its own, so that costs compare without it
    cost = found.cost if problem.rate_weight or problem.max_rate is None else _without_rate(problem, found)
    assert cost <= 1.001 * transcribed(problem).history.cost
    assert cost < constant(problem)


def _without_rate(problem: Problem, found) -> float:
    return found.cost - 0.5 * found.rate_weight * float(trapezoid(found.rate**2, found.time))


@pytest.mark.parametrize("relaxations", [100, 10_000])
def test_a_horizon_of_many_relaxation_times_is_the_closed_form(relaxations):
    """Long before the end nothing is pressed: the cost is that of the Gramian, whatever the horizon."""
    problem = replace(FREE, horizon=0.25 * relaxations)
    found = extremal(problem)
    costate, multiplier = least_effort(problem)
    assert found.costate[:, -1] == pytest.approx(costate, rel=1e-6)
    assert found.multiplier == pytest.approx(multiplier, rel=1e-6)
    assert found.residuals["hamiltonian"] < 1e-6


BOTH = [
    replace(FREE, max_pressure=0.5, max_rate=2.0), replace(PRESSED, max_pressure=60.0),
    replace(PRESSED, max_pressure=45.0, max_rate=200.0),
]  # fmt: skip


@pytest.mark.parametrize(
    "problem",
    [BOTH[0], *(pytest.param(one, marks=pytest.mark.slow) for one in BOTH[1:])],
    ids=["linear, both", "saturating, pressure", "saturating, both"],
)
def test_both_bounds_are_kept_exactly(problem):
    """Corners are solved for: no bound is passed by more than rounding, and the Hamiltonian is constant."""
    found = extremal(problem)
    assert found.pressure.min() >= -1e-9 * problem.ceiling
    assert found.pressure.max() <= problem.ceiling * (1 + 1e-9)
    if problem.max_rate is not None:
        assert np.abs(found.rate).max() <= problem.max_rate * (1 + 1e-9)
        assert np.diff(found.corners).min() > 0.0
    assert found.residuals["hamiltonian"] < 1e-6
    assert found.residuals["transversality"] < 1e-9
    assert found.residuals["stationarity"] < 1e-9
    assert problem.layers.weight @ found.state[:, -1] == pytest.approx(problem.mean, abs=1e-9)
    assert found.cost <= 1.001 * transcribed(replace(problem, rate_weight=found.rate_weight)).history.cost


def test_costates_under_both_bounds_are_the_slopes_of_the_cost():
    problem, nudge = BOTH[0], 1e-4
    found = extremal(problem)
    for layer in range(2):
        start = nudge * np.eye(2)[layer]
        slope = (extremal(problem, start).cost - extremal(problem, -start).cost) / (2 * nudge)
        assert slope == pytest.approx(found.costate[layer, 0], rel=1e-4, abs=1e-7)


def test_layers_that_saturate_are_pressed_hard_and_held_low():
    found = extremal(PRESSED)
    assert found.residuals["hamiltonian"] < 1e-6
    assert found.cost < constant(PRESSED)
    # with the same small weight of the rate
    assert found.cost <= 1.001 * transcribed(replace(PRESSED, rate_weight=found.rate_weight), 80).history.cost


def test_sensitivities_of_the_transcription_are_those_of_differences():
    time = np.linspace(0.0, 1.0, 13)
    pressures = [np.random.default_rng(1).uniform(5.0, 60.0, 12) for _ in range(3)]
    _, by = sensitivities(ELECTRODE, time, *pressures)
    for part in range(3):
        for place in (0, 5, 11):
            ends = []
            for nudge in (1e-4, -1e-4):
                moved = [one.copy() for one in pressures]
                moved[part][place] += nudge
                ends.append(sensitivities(ELECTRODE, time, *moved)[0])
            assert (ends[0] - ends[1]) / 2e-4 == pytest.approx(by[part][:, place], rel=1e-6)
