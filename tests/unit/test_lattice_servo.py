"""The servo of boxes that deform in all directions, as functions of columns."""

import numpy as np
import pytest

from kalander.dem.loading.lattice_servo import SOFTEST, giving_way, moduli, slope_sums, waiting, within

VOLUME, SHAPE = 500.0, 200.0  # MPa: stress over the mean closing, and of the rest
LEAST = np.array([100.0])


def answer(closing: np.ndarray) -> np.ndarray:
    """Stresses [MPa] of an elastic bed that was closed, shape (1, 3)."""
    mean = closing.mean(axis=1, keepdims=True)
    return VOLUME * mean + SHAPE * (closing - mean)


def learnt(*intervals: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    sums = np.zeros((1, 4))
    for closing, change in intervals:
        sums = slope_sums(sums, closing, change)
    return sums


def test_moduli_are_those_of_an_elastic_bed() -> None:
    closing = np.array([[1e-4, 2e-4, -0.5e-4]])
    volume, shape = moduli(learnt((closing, answer(closing))), LEAST)
    assert (volume[0], shape[0]) == pytest.approx((VOLUME, SHAPE))


def test_a_bed_that_yields_in_shape_keeps_its_modulus_of_volume() -> None:
    """It loses pressure while its volume hardly changes: that is no answer to the volume."""
    closing, flow = np.full((1, 3), 1e-4), np.array([[2e-4, -1e-4, -0.97e-4]])
    seen = learnt((closing, answer(closing)), *[(flow, np.full((1, 3), -0.05))] * 20)
    volume, shape = moduli(seen, LEAST)
    assert volume[0] == pytest.approx(VOLUME, rel=0.02)
    assert shape[0] == pytest.approx(SOFTEST * volume[0])


def test_what_gives_way_is_what_no_stress_answers() -> None:
    closing, flow = np.array([[1e-4, 2e-4, -0.5e-4]]), np.array([[3e-5, -1e-5, 0.0]])
    gone = giving_way(closing + flow, answer(closing), learnt((closing, answer(closing))), LEAST)
    assert gone == pytest.approx(flow)


def test_volume_is_closed_before_shape_is_changed() -> None:
    held, limit = np.ones((1, 3), bool), np.ones((1, 3))
    assert within(np.array([[3.5, 0.5, -1.0]]), held, limit) == pytest.approx(np.ones((1, 3)))
    rates = within(np.array([[2.5, 0.0, -1.0]]), held, limit)
    assert rates.mean() == pytest.approx(0.5)
    assert rates.max() == pytest.approx(1.0)
    few = np.array([[True, False, True]])
    assert within(np.array([[0.2, 9.0, 0.4]]), few, limit) == pytest.approx(np.array([[0.2, 0.0, 0.4]]))


def test_others_wait_for_an_axis_that_has_passed_its_stress() -> None:
    """Above by 0.4 % of the goal nothing changes yet, by 0.8 % no other is raised; what is too high is lowered."""
    way, changes = np.array([0.0, 0.0, 0.3]), np.array([-0.008, 0.01, 0.02])
    for above, left in ((0.004, 1.0), (0.006, 0.5), (0.008, 0.0)):
        found = waiting(changes, np.array([-above, 0.01, 0.02]), way, 1.0)
        assert found == pytest.approx(changes * np.array([1.0, left, left]))
    down = waiting(np.array([-0.01, 0.008, -0.02]), np.array([-0.01, 0.008, -0.02]), np.full(3, -0.5), 1.0)
    assert down == pytest.approx([0.0, 0.008, 0.0])
