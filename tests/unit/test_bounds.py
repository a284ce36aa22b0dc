"""Bounds of effective properties: their closed forms, and what is said of numbers that break them."""

import numpy as np
import pytest

from kalander.coupling.structure.bounds import (
    conductivity_flags,
    hashin_shtrikman,
    share_flags,
    tortuosity_flags,
    wiener,
)


def test_wiener_bounds_are_slabs_in_series_and_in_parallel() -> None:
    assert wiener([0.25, 0.75], [4.0, 1.0]) == pytest.approx((1 / (0.25 / 4 + 0.75), 1.75))
    assert wiener([0.16, 0.84], [375.0, 0.0]) == pytest.approx((0.0, 60.0))
    assert wiener([0.16, 0.84, 0.0], [375.0, 1.0, 0.0])[0] > 0.0  # an insulator that is not there blocks nothing


def test_hashin_shtrikman_bounds_are_coated_spheres() -> None:
    """Maxwell: insulating spheres (1 − φ)/(1 + φ/2); conducting matrix around spheres of another conductivity."""
    assert hashin_shtrikman([0.3, 0.7], [0.0, 1.0]) == pytest.approx((0.0, 0.7 / 1.15))
    low, high = hashin_shtrikman([0.4, 0.6], [1.0, 10.0])
    assert low == pytest.approx(1.0 + 0.6 / (1 / 9 + 0.4 / 3))
    assert high == pytest.approx(10.0 + 0.4 / (-1 / 9 + 0.6 / 30))
    assert hashin_shtrikman([1.0], [2.5]) == pytest.approx((2.5, 2.5))


@pytest.mark.parametrize("seed", range(5))
def test_bounds_lie_within_each_other(seed) -> None:
    rng = np.random.default_rng(seed)
    shares, sigma = rng.dirichlet(np.ones(4)), 10 ** rng.uniform(-3, 3, 4)
    (series, parallel), (low, high) = wiener(shares, sigma), hashin_shtrikman(shares, sigma)
    assert sigma.min() <= series <= low <= high <= parallel <= sigma.max()


def test_conductivity_above_its_binder_is_flagged_with_the_worst_state() -> None:
    """The shipped study: 119 to 127 S/m where 16 % of 375 S/m allow 60."""
    values = np.array([[40.0, 40.0, 30.0], [119.0, 127.0, 80.0]])
    flags = conductivity_flags("sigma", values, np.full(2, 60.0), np.full(2, 42.0), unit="S/m")
    assert len(flags) == 2
    assert "Wiener bound in 1 of 2 states: up to 127 S/m along y" in flags[0]
    assert "60 S/m" in flags[0]
    assert "109 S/m on average" in flags[1]


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.1, 0.9)])
def test_numbers_on_their_bound_are_not_flagged(shares) -> None:
    """Dilute spheres lie on Hashin and Shtrikman's bound, straight pores on Wiener's."""
    limits = [np.array([of(shares, (1.0, 0.0))[1]]) for of in (wiener, hashin_shtrikman)]
    assert conductivity_flags("D", np.full((1, 3), limits[1][0]), *limits) == []
    assert conductivity_flags("D", np.array([[0.0, 0.0, limits[0][0]]]), *limits) == []
    assert len(conductivity_flags("D", np.array([[-0.1, 0.0, 0.0]]), *limits)) == 1


def test_tortuosity_and_shares() -> None:
    assert tortuosity_flags(np.array([[1.0, np.nan, 3.0]])) == []
    (flag,) = tortuosity_flags(np.array([[1.5, 2.0, 3.0], [0.549, 1.2, np.nan]]))
    assert "below 1 in 1 of 2 states, down to 0.549" in flag
    assert share_flags("porosity", np.array([0.0, 0.3, 1.0])) == []
    assert "-0.02 to 0.3" in share_flags("porosity", np.array([-0.02, 0.3]))[0]
