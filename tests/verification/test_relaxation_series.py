"""Prony series out of holds, their retardation, and what temperature does to them: recovered from synthetic holds."""

import math

import numpy as np
import pytest
from scipy.integrate import cumulative_trapezoid

from kalander.continuum.closure.prony import fit_prony, relaxed
from kalander.continuum.closure.retardation import delayed_after_press, retardation
from kalander.continuum.closure.shift import GAS_CONSTANT, Hold, fit_shift
from kalander.kernels.errors import InputError

TIME = np.geomspace(0.05, 300.0, 60)
WEIGHTS, TIMES = np.array([0.25, 0.2]), np.array([0.8, 25.0])
DRAWS = 100


def test_two_terms_lie_within_their_stated_intervals_as_often_as_stated() -> None:
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(DRAWS):
        noise = 1.0 + 0.01 * rng.standard_normal(TIME.size)
        found = fit_prony(TIME, 5.0 * relaxed(WEIGHTS, TIMES, TIME) * noise)
        if found.terms != 2:  # counts as not covered: it is the whole answer that is stated
            covered.append(np.zeros(4))
            continue
        for_weights, for_times = found.intervals(0.9)
        ends, truth = np.concatenate([for_weights, for_times]), np.concatenate([WEIGHTS, TIMES])
        covered.append((ends[:, 0] < truth) & (truth < ends[:, 1]))
    share = np.mean(covered, axis=0)
    # of 100 draws a share of 0.9 scatters by sqrt(0.9 x 0.1 / 100) = 0.03; four of these, for four shares
    assert np.all(share > 0.9 - 4 * 0.03), share
    assert np.mean(share) < 0.97  # nor are intervals so wide that they say nothing


def test_exact_data_give_the_series_back_with_the_terms_there_are() -> None:
    three = (np.array([0.1, 0.2, 0.15]), np.array([0.3, 6.0, 90.0]))
    found = fit_prony(TIME, 2e6 * relaxed(*three, TIME), deviation=20.0)
    assert found.terms == 3
    assert found.weights == pytest.approx(three[0], rel=1e-4)
    assert found.times == pytest.approx(three[1], rel=1e-3)
    assert found.start == pytest.approx(2e6, rel=1e-5)


def test_noise_alone_is_no_relaxation() -> None:
    rng = np.random.default_rng(3)
    found = fit_prony(TIME, 1.0 + 0.01 * rng.standard_normal(TIME.size))
    assert found.terms == 0
    assert "no relaxation" in found.notes[0]


def test_a_time_longer_than_the_hold_is_said() -> None:
    (note,) = fit_prony(TIME, relaxed(np.array([0.5]), np.array([250.0]), TIME), deviation=1e-3).notes
    assert "longer than a third of the hold" in note


@pytest.mark.parametrize(
    ("time", "stress"), [(TIME[::-1], TIME), (TIME[:3], TIME[:3]), (TIME, np.zeros(60)), (TIME, np.full(60, np.nan))]
)
def test_what_is_no_hold_is_refused(time, stress) -> None:
    with pytest.raises(InputError, match="hold"):
        fit_prony(time, stress)


@pytest.mark.parametrize("weights", [[0.15, 0.2, 0.2], [0.5, 0.3, 0.2]], ids=["solid", "liquid"])
def test_relaxation_and_retardation_undo_each_other(weights) -> None:
    """int_0^t G(t - s) J(s) ds = t (Ferry, Viscoelastic Properties of Polymers, ch. 3)."""
    weights, times = np.array(weights), np.array([0.8, 5.0, 40.0])
    crept = retardation(weights, times)
    assert np.all(crept.times > times[: len(crept.times)])  # each retardation is slower than its relaxation
    for end in (2.0, 60.0):
        at = np.linspace(0.0, end, 4001)
        product = relaxed(weights, times, end - at) * crept.strain(at)
        assert cumulative_trapezoid(product, at)[-1] == pytest.approx(end, rel=1e-5)
    if weights.sum() < 1.0:
        assert crept.strain(np.array(1e9)) == pytest.approx(1.0 / (1.0 - weights.sum()))
        assert math.isinf(crept.viscosity)
    else:
        assert crept.viscosity == pytest.approx(float(weights @ times))


def test_one_branch_by_hand() -> None:
    """nip.md §6: tau' = tau E_0 / (E_0 - g E_0), and J_inf = 1 / (1 - g)."""
    crept = retardation(np.array([0.4]), np.array([2.0]))
    assert crept.times[0] == pytest.approx(2.0 / 0.6)
    assert crept.weights[0] == pytest.approx(0.4 / 0.6)


def test_milliseconds_store_no_weeks() -> None:
    """Of a term that recovers over a week, a nip of 3 ms leaves less than a part in 10^8 to come back."""
    week = 7 * 86400.0
    assert delayed_after_press(np.array([0.6]), np.array([0.4 * week]), 3e-3) == pytest.approx(
        1.5 * 3e-3 / week, rel=1e-3
    )
    # held as long as its own time it comes back by most of what it can
    assert delayed_after_press(np.array([0.6]), np.array([0.4 * week]), week) == pytest.approx(1.5 * (1 - math.exp(-1)))


def test_a_shift_by_temperature_is_found_with_the_series() -> None:
    """Three holds of five minutes show times of more than an hour, by an activation energy of 120 kJ/mol."""
    energy, reference = 120e3, 298.15
    weights, times = np.array([0.15, 0.2, 0.2]), np.array([0.8, 25.0, 4e3])
    rng = np.random.default_rng(5)
    holds = []
    for temperature, start in ((reference, 5.0), (333.15, 3.5), (353.15, 2.9)):
        factor = math.exp(energy / GAS_CONSTANT * (1.0 / temperature - 1.0 / reference))
        noise = 1.0 + 0.003 * rng.standard_normal(TIME.size)
        holds.append(Hold(temperature, TIME, start * relaxed(weights, times * factor, TIME) * noise))
    found = fit_shift(holds, most_terms=4)
    assert found.spectrum.terms == 3
    assert found.shift is not None
    # four standard errors: of seven numbers, with a seed
    assert abs(found.shift.energy - energy) < 4.0 * found.shift.energy_error < 0.02 * energy
    deviation = found.spectrum.deviation
    assert np.all(np.abs(found.spectrum.weights - weights) < 4.0 * deviation[0])
    assert np.all(np.abs(np.log(found.spectrum.times / times)) < 4.0 * deviation[1])
    assert found.starts == pytest.approx([5.0, 3.5, 2.9], rel=0.01)
    assert found.shift.inside(340.0)
    assert not found.shift.inside(373.15)
