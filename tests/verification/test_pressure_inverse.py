"""Loads for a porosity: closed forms, their slopes, and what uncertain parameters do to them."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from kalander.twin.pressure.laws import (
    heckel_porosity,
    heckel_pressure,
    heckel_slopes,
    loaded_porosity,
    meyer_load,
    meyer_porosity,
    meyer_slopes,
    parabola_line_load,
    released_porosity,
)
from kalander.twin.pressure.uncertainty import Spread, Uncertain, delta, robust_choice, sampled

MEYER = {"initial": Uncertain(0.45, 0.01), "gamma": Uncertain(250.0, 25.0), "least": Uncertain(0.18, 0.01)}


def needed(values):
    return meyer_load(0.30, values["initial"], values["gamma"], values["least"])


def test_meyer_forward_and_inverse():
    """Porosity 0.45, at least 0.18, resistance 250 N/mm."""
    assert meyer_porosity([100, 250, 500], 0.45, 250, 0.18) == pytest.approx([0.360986, 0.279327, 0.216541], abs=1e-6)
    assert float(meyer_load(0.30, 0.45, 250, 0.18)) == pytest.approx(202.7326, rel=1e-6)
    assert meyer_slopes(0.30, 0.45, 250, 0.18).loaded == pytest.approx(-2083.333333, rel=1e-6)
    assert np.isinf(meyer_load(0.18, 0.45, 250, 0.18))
    assert meyer_load(0.5, 0.45, 250, 0.18) == 0.0


def test_heckel_forward_and_inverse():
    """K = 0.012 1/MPa, A = 0.60."""
    assert heckel_porosity([50, 100, 200], 0.012, 0.60) == pytest.approx([0.301194, 0.165299, 0.049787], abs=1e-6)
    assert float(heckel_pressure(0.30, 0.012, 0.60)) == pytest.approx((np.log(1 / 0.30) - 0.60) / 0.012, rel=1e-6)
    assert float(heckel_pressure(0.30, 0.012, 0.60)) == pytest.approx(50.331, abs=5e-4)
    assert np.isinf(heckel_pressure(0.0, 0.012, 0.60))


@pytest.mark.parametrize(
    ("law", "slopes", "at"),
    [(meyer_load, meyer_slopes, (0.30, 0.45, 250.0, 0.18)), (heckel_pressure, heckel_slopes, (0.30, 0.012, 0.60))],
)
def test_slopes_equal_differences(law, slopes, at):
    told = list(slopes(*at))
    if law is heckel_pressure:
        del told[1]  # by the initial porosity, which is A here
    for place, value in enumerate(at):
        up, down = ([*at[:place], value * (1 + sign * 1e-6), *at[place + 1 :]] for sign in (1, -1))
        assert told[place] == pytest.approx(float(law(*up) - law(*down)) / (2e-6 * value), rel=1e-6)


def test_springback_is_undone_by_release():
    assert released_porosity(loaded_porosity(0.3, 0.05), 0.05) == pytest.approx(0.3, rel=1e-12)
    assert float(loaded_porosity(0.3, 0.05)) == pytest.approx(0.265, rel=1e-12)


@pytest.mark.parametrize(("power", "factor"), [(1, 2 / 3), (2, 8 / 15)])
def test_a_rigid_parabola_carries_its_share_of_the_peak(power, factor):
    """p = 3 (1 - h)^n from h = 1 to 0.8 in a gap 0.8 + x²/5."""
    load = parabola_line_load(lambda h: 3.0 * (1.0 - h) ** power, 1.0, 0.8, 5.0)
    assert float(load) == pytest.approx(3.0 * 0.2**power * factor, rel=1e-4)


def test_delta_method_and_sampling_agree():
    """Shares 9.26, 20.27 and 11.57 N/mm, together 25.1."""
    slopes = meyer_slopes(0.30, 0.45, 250, 0.18)
    named = {"initial": slopes.initial, "gamma": slopes.first, "least": slopes.second}
    deviation, parts = delta(named, MEYER)
    assert [parts[name] for name in MEYER] == pytest.approx([9.26, 20.27, 11.57], abs=5e-3)
    assert deviation == pytest.approx(25.1, abs=0.05)
    spread = sampled(needed, MEYER, 100_000, 1)
    assert spread.loads.size >= 100_000
    assert spread.sd == pytest.approx(deviation, rel=0.03)
    assert spread.unreachable == 0.0


def test_the_robust_choice_keeps_its_probability():
    """Against the porosity's own distribution: normal in ε_0 and ε_min at each γ, Gauss and Hermite over γ."""
    choice = robust_choice(sampled(needed, MEYER, 100_000, 1), 0.95, 900.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    decay = np.exp(-choice.load / (250.0 + 25.0 * nodes[nodes > -9]))
    mean, sd = 0.18 + 0.27 * decay, 0.01 * np.hypot(1.0 - decay, decay)
    probability = weights[nodes > -9] @ ndtr((0.30 - mean) / sd) / weights.sum()
    assert probability == pytest.approx(0.95, abs=1e-3)
    assert choice.feasible
    assert choice.probability == pytest.approx(0.95, abs=1e-4)


def test_a_choice_above_the_limit_is_held_at_it():
    choice = robust_choice(sampled(needed, MEYER, 10_000, 1), 0.95, 220.0)
    assert not choice.feasible
    assert choice.load == 220.0
    assert choice.needed > 220.0
    assert 0.5 < choice.probability < 0.95


def test_a_target_that_many_batches_cannot_reach_has_no_robust_load():
    """ε_min 0.28 ± 0.02: P(ε_min < 0.30) is 0.841, whatever the load."""
    uncertain = {**MEYER, "least": Uncertain(0.28, 0.02)}
    spread = sampled(needed, uncertain, 50_000, 1)
    assert 1.0 - spread.unreachable == pytest.approx(norm.cdf(1.0), abs=1e-3)
    choice = robust_choice(spread, 0.95, 900.0)
    assert np.isinf(choice.needed)
    assert choice.load == 900.0


def test_loads_without_scatter_are_one():
    assert robust_choice(Spread(np.full(8, 5.0)), 0.95, None).load == 5.0
