"""Intervals that are done again, as a function of how they are moved: what they come to is given here by formulas."""

import numpy as np
import pytest

from kalander.dem.loading.redo import MOST, Tries, broyden
from kalander.dem.loading.servo import PROMISE

HELD = np.ones((1, 3), bool)
GOAL = np.array([10.0])
STIFF = 100.0 * (np.eye(3) + 0.5)[None]  # MPa over the motion of an interval
TARGET = np.array([[10.0, 10.0, 10.0]])


def led(answer, tries: Tries, motion: np.ndarray):
    """The motion that is kept, what it came to, and how often it was tried."""
    for count in range(1, 10 * MOST):
        stress = answer(motion)
        again = tries.another(motion, stress, TARGET, np.abs(stress - TARGET) / GOAL[:, None])
        if again is None:
            return motion, stress, count
        motion = again
    raise AssertionError("tries do not end")


def tries(before: float = 0.0, limit: float = 1.0) -> Tries:
    return Tries(STIFF.copy(), HELD, np.full((1, 3), limit), GOAL, np.full((1, 3), before))


def test_what_keeps_the_promise_is_done_once() -> None:
    assert led(lambda motion: TARGET + 0.9 * PROMISE * 10.0, tries(), np.zeros((1, 3)))[2] == 1


def test_a_bed_that_answers_as_expected_is_put_right_by_one_more_try() -> None:
    _, stress, count = led(lambda motion: TARGET + [3.0, -2.0, 0.0] + motion @ STIFF[0], tries(), np.zeros((1, 3)))
    assert count == 2
    assert np.abs(stress - TARGET).max() == pytest.approx(0.5 * PROMISE * 10.0)


def test_a_bed_that_gives_way_is_followed() -> None:
    """A tenth as stiff as expected and bent, and it loses a third of its stress if it is left alone."""
    kept, stress, count = led(
        lambda motion: TARGET - 3.0 + 0.1 * motion @ STIFF[0] + 40.0 * motion**2, tries(), np.zeros((1, 3))
    )
    assert 2 < count <= 8
    assert np.abs(stress - TARGET).max() <= PROMISE * 10.0
    assert (kept > 0.0).all()


def test_only_boxes_that_passed_are_moved_otherwise_and_only_along_axes_that_are_held() -> None:
    held = np.array([[True, True, True], [True, False, True]])
    both = Tries(np.repeat(STIFF, 2, axis=0), held, np.ones((2, 3)), np.repeat(GOAL, 2), np.zeros((2, 3)))
    motion = np.full((2, 3), 0.01)
    stress = np.array([[10.0, 10.0, 10.05], [10.5, 30.0, 10.0]])
    target, beyond = np.array([[10.0] * 3, [10.0, np.nan, 10.0]]), np.array([[0.0, 0.0, 0.005], [0.05, 0.0, 0.0]])
    again = both.another(motion, stress, target, beyond)
    assert (again[0] == 0.01).all()
    assert again[1, 1] == 0.01
    assert again[1, 0] < 0.01


def test_a_stress_that_was_beyond_before_may_stay_so_but_goes_no_further() -> None:
    assert led(lambda motion: TARGET + 0.25, tries(0.03), np.zeros((1, 3)))[2] == 1
    _, stress, count = led(lambda motion: TARGET + 0.35 + motion @ STIFF[0], tries(0.03), np.zeros((1, 3)))
    assert count == 2
    assert np.abs(stress - TARGET).max() == pytest.approx(0.25)


def test_where_no_motion_helps_the_best_one_is_done() -> None:
    """A bed whose loss does not depend on its motion but for a dip on the way."""

    def answer(motion):
        return TARGET - np.where(np.abs(motion) < 0.05, 2.0, 1.0 + np.abs(motion))

    kept, _, count = led(answer, tries(), np.zeros((1, 3)))
    assert count <= MOST + 2
    seen = [np.abs(answer(kept + shift) - TARGET).max() for shift in (0.0, 1.0)]
    assert seen[0] <= seen[1]


def test_no_axis_is_moved_beyond_its_limit() -> None:
    kept, _, count = led(lambda motion: TARGET - 9.0 + motion @ STIFF[0], tries(limit=0.01), np.zeros((1, 3)))
    assert count > 1
    assert np.abs(kept).max() == pytest.approx(0.01)


def test_broyden_keeps_what_is_across() -> None:
    slope = broyden(np.eye(2), np.array([3.0, 0.0]), np.array([1.0, 0.0]))
    assert slope == pytest.approx(np.array([[3.0, 0.0], [0.0, 1.0]]))
