"""A load that learns from batch to batch: filters, watch over the gauge, campaigns beside the optimal filter."""

import numpy as np
import pytest

from kalander.runs.studies import day_of_batches
from kalander.twin.pressure.adapt import Estimate, forgetting_update, kalman_update, load_for, predicted
from kalander.twin.pressure.campaign import FIXED, LEARNING, OPTIMAL, UNWATCHED, GaugeFault, Plant, simulate
from kalander.twin.pressure.gauge import GaugeWatch

PLANT = Plant(limit=280e3)
BATCHES, DAYS, HALF = 200, 100, 100
PRIOR = Estimate.of(250.0, 25.0, 0.18, 0.01, (3,))


@pytest.fixture(scope="module")
def sound():
    return simulate(PLANT, BATCHES, DAYS, seed=5)


def test_slopes_of_the_prediction_equal_differences():
    load, initial = np.array([100.0, 200.0, 300.0]), np.array([0.44, 0.45, 0.46])
    _, slopes = predicted(PRIOR, load, initial)
    for place in (0, 1):
        up, down = (Estimate(PRIOR.mean + sign * 1e-6 * np.eye(2)[place], PRIOR.covariance) for sign in (1.0, -1.0))
        difference = (predicted(up, load, initial)[0] - predicted(down, load, initial)[0]) / 2e-6
        assert slopes[:, place] == pytest.approx(difference, rel=1e-6)


def test_without_forgetting_least_squares_are_the_filter_without_drift():
    batch = (np.full(3, 200.0), np.array([0.44, 0.45, 0.46]), np.array([0.29, 0.31, 0.30]), np.full(3, 1e-5))
    one = forgetting_update(PRIOR, *batch, np.ones(3))
    other = kalman_update(PRIOR, *batch, np.zeros((2, 2)))
    assert one.mean == pytest.approx(other.mean, rel=1e-12)
    assert one.covariance == pytest.approx(other.covariance, rel=1e-10, abs=1e-18)


def test_a_batch_that_was_not_measured_teaches_nothing():
    one = forgetting_update(
        PRIOR, np.full(3, 200.0), np.full(3, 0.45), np.zeros(3), np.full(3, np.inf), np.full(3, 0.9)
    )
    assert np.array_equal(one.mean, PRIOR.mean)
    assert np.array_equal(one.covariance, PRIOR.covariance)


def test_batches_pressed_alike_for_long_do_not_wind_up():
    """The direction that is measured settles at a share (1 - λ)/λ of the noise, the other keeps its prior."""
    estimate, batch = PRIOR, (np.full(3, 200.0), np.full(3, 0.45), np.full(3, 0.30), np.full(3, 1e-5))
    for _ in range(3000):
        estimate = forgetting_update(estimate, *batch, np.full(3, 0.9))
    _, slopes = predicted(estimate, *batch[:2])
    known = np.einsum("ni,nij,nj->n", slopes, estimate.covariance, slopes)
    assert known == pytest.approx(1e-5 / 9.0, rel=1e-6)
    assert (np.trace(estimate.covariance, axis1=1, axis2=2) < np.trace(PRIOR.covariance, axis1=1, axis2=2)).all()


def test_the_optimal_filter_leaves_white_innovations_of_the_variance_that_it_foretells():
    """What makes it optimal for its model: nothing in its errors is left to be learnt (Kailath 1968)."""
    random, days = np.random.default_rng(3), 400
    estimate = Estimate.of(250e3, 25e3, 0.18, 0.01, (days,))
    theta = estimate.mean + random.standard_normal((days, 2)) * np.sqrt(np.diag(estimate.covariance[0]))
    variance, drift, told = np.full(days, 1e-5), np.diag([0.005**2, 0.0]), []
    for _ in range(60):
        initial = 0.45 + 0.005 * random.standard_normal(days)
        load = load_for(estimate, 0.30, initial, 900e3)
        expected, slopes = predicted(estimate, load, initial)
        true, _ = predicted(Estimate(theta, estimate.covariance), load, initial)
        measured = true + np.sqrt(variance) * random.standard_normal(days)
        spread = np.einsum("ni,nij,nj->n", slopes, estimate.covariance, slopes) + variance
        told.append((measured - expected) / np.sqrt(spread))
        estimate = kalman_update(estimate, load, initial, measured, variance, drift)
        theta = theta + random.standard_normal((days, 2)) * [0.005, 0.0]
    scores = np.array(told)[5:]
    assert np.mean(scores**2) == pytest.approx(1.0, abs=0.03)  # 22 000 scores: standard error 0.01
    assert np.mean(scores[1:] * scores[:-1]) == pytest.approx(0.0, abs=0.03)


def test_learning_comes_within_a_quarter_of_the_optimal_filter(sound):
    ratio = sound[LEARNING].sd(PLANT.target) / sound[OPTIMAL].sd(PLANT.target)
    gain = sound[FIXED].sd(PLANT.target) / sound[LEARNING].sd(PLANT.target)
    print(f"learning / optimal {ratio:.3f}, fixed / learning {gain:.1f}")
    assert ratio < 1.25
    assert sound[UNWATCHED].sd(PLANT.target) < 1.25 * sound[OPTIMAL].sd(PLANT.target)  # by the very same samples
    assert gain > 4.0
    assert sound[OPTIMAL].sd(PLANT.target) > np.sqrt(PLANT.feed_variance)


@pytest.mark.parametrize("drift_sd", [0.002, 0.015])
def test_nobody_tells_how_fast_the_law_drifts(drift_sd):
    days = simulate(Plant(drift_sd=drift_sd), BATCHES, 40, seed=6)
    assert days[LEARNING].sd(0.30) < 1.25 * days[OPTIMAL].sd(0.30)


def test_no_batch_is_pressed_above_the_limit(sound):
    assert all(day.load.max() <= PLANT.limit for day in sound.values())
    assert sound[LEARNING].load.max() == PLANT.limit  # some batches would have needed more


@pytest.mark.parametrize(
    ("fault", "within"),
    [
        (GaugeFault(kind="silent", onset=HALF), 1),
        (GaugeFault(kind="stuck", onset=HALF), 5),
        (GaugeFault(kind="drift", onset=HALF, drift=5e-4), 45),
        (GaugeFault(kind="drift", onset=HALF, drift=-5e-4), 45),
    ],
    ids=["silent", "stuck", "drifts up", "drifts down"],
)
def test_a_gauge_that_fails_half_way_is_noticed_and_survived(sound, fault, within):
    days = simulate(PLANT, BATCHES, DAYS, seed=5, fault=fault)
    noticed, early = days[LEARNING].alarm, days[LEARNING].alarm < HALF
    assert early.mean() < 0.05
    assert (noticed[~early] < HALF + within).all()
    since = HALF + within + 10
    usual = sound[LEARNING].sd(PLANT.target, since)
    assert days[LEARNING].sd(PLANT.target, since) < 1.5 * usual
    assert (
        days[LEARNING].sd(PLANT.target, HALF) < 0.7 * days[UNWATCHED].sd(PLANT.target, HALF) or fault.kind == "silent"
    )
    assert days[LEARNING].load.max() <= PLANT.limit


def test_a_sound_gauge_is_seldom_doubted(sound):
    assert np.mean(sound[LEARNING].alarm >= 0) < 0.05


def test_a_gauge_is_doubted_for_good():
    watch = GaugeWatch.of(1)
    for reading in (0.3, np.nan, 0.31, 0.29):
        watch = watch.seen(np.array([reading]), np.array([np.nan]), 0.003)
    assert not watch.trusted[0]


def test_the_script_prints_its_table_and_draws_its_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["day_of_batches.py", str(tmp_path), "--quick"])
    day_of_batches.main()
    printed = capsys.readouterr().out
    assert all(name in printed for name in day_of_batches.FAULTS)
    assert (tmp_path / "day_of_batches.png").stat().st_size > 10_000
