"""How near servos go to a stress, as functions of columns."""

import numpy as np
import pytest

from kalander.dem.loading.servo import aimed, least_modulus, nearest, passed, unrest_after

TARGET, BEGUN = np.array([5.0, 2.0, 5.0]), np.array([1.0, 5.0, 5.01])  # raised, lowered, held
GOAL = TARGET


def test_aim_is_short_of_the_target_on_the_side_it_is_come_from() -> None:
    assert aimed(TARGET, BEGUN, np.zeros(3), GOAL) == pytest.approx(TARGET)
    assert aimed(TARGET, BEGUN, np.full(3, 0.01), GOAL) == pytest.approx([4.6, 2.4, 5.0])


def test_passing_counts_beyond_the_target_and_to_both_sides_of_what_stays() -> None:
    assert passed(np.array([5.1, 2.1, 4.9]), TARGET, BEGUN, GOAL) == pytest.approx([0.02, 0.0, 0.02])
    assert passed(np.array([4.0, 1.9, 5.1]), TARGET, BEGUN, GOAL) == pytest.approx([0.0, 0.05, 0.02])


def test_a_bed_that_gives_way_on_the_way_up_is_not_chased() -> None:
    mean, fallen = np.array([4.0, 3.0, 5.0]), np.array([3.0, 3.5, 4.9])
    assert nearest(TARGET, BEGUN, fallen, mean) == pytest.approx([4.0, 3.5, 4.9])


def test_unrest_is_the_variance_of_noise_and_fades() -> None:
    mean = square = np.zeros(1)
    total = []
    for value in 3.0 + 0.1 * np.random.default_rng(1).standard_normal((4000, 1)):
        mean, square = unrest_after(mean, square, value)
        total.append(square)
    assert np.mean(total[100:]) == pytest.approx(0.01, rel=0.15)
    for _ in range(100):
        mean, square = unrest_after(mean, square, np.array([3.0]))
    assert square[0] < 1e-10


def test_modulus_of_contacts_grows_with_the_cube_root_of_the_stress() -> None:
    low, high = least_modulus(np.full(2, 7692.0), np.array([1.0, 8.0]))
    assert high / low == pytest.approx(2.0)
    assert 250 < low < 350  # what loose beds of E 14 GPa show at 1 MPa
