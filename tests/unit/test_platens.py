"""Speeds of the platens: pure functions."""

import numpy as np
import pytest

from kalander.dem.bodies.platens import (
    ARRIVED,
    BRAKING,
    braked_approach,
    impact_frequency,
    quasi_static_speed,
    servo_speed,
)


def test_quasi_static_speed_has_the_inertial_number_asked_for() -> None:
    height, pressure, diameter, density = np.array([50.0, 80.0]), np.array([1.0, 100.0]), 10.0, 4.7e-3
    speed = quasi_static_speed(1e-3, height, pressure, diameter, density)
    inertial_number = speed / height * diameter * np.sqrt(density / pressure)
    assert inertial_number == pytest.approx(1e-3, rel=1e-14)  # the formula turned round: rounding only


def test_servo_removes_half_of_the_error_of_a_linear_bed() -> None:
    """σ = M ln(h0/h): closing by v t changes σ by M v t/h, to first order in 1e-4."""
    modulus, height, time = np.array([200.0]), np.array([50.0]), np.array([3.0])
    error = np.array([0.02])
    speed = servo_speed(error, modulus, height, time, np.array([1.0]))
    gained = modulus * np.log(height / (height - speed * time))
    assert gained == pytest.approx(0.5 * error, rel=1e-4)


def test_servo_opens_where_the_stress_is_too_high() -> None:
    assert servo_speed(np.array([-0.1]), 100.0, 50.0, 1.0, np.array([1.0])) < 0.0


def test_servo_keeps_its_limit_in_both_directions() -> None:
    limit = np.array([0.2, 0.2])
    assert servo_speed(np.array([1e3, -1e3]), 1.0, 50.0, 1.0, limit).tolist() == [0.2, -0.2]


def test_haste_stays_until_load_comes_through() -> None:
    shrinkage, momentum = np.full(2, 0.99), np.full(2, 2.0)
    carried = np.array([0.9, 1.1]) * ARRIVED * 2.0
    left = braked_approach(np.full(2, 32.0), shrinkage, carried, momentum)
    assert left == pytest.approx([32.0, 32.0 * 0.99**BRAKING], rel=1e-14)


def test_haste_falls_with_the_height_and_ends_at_one() -> None:
    """However the height is cut into intervals; 32^(1/30) = 1.122, so 11 % of the height are enough."""
    one, many = np.array([32.0]), np.array([32.0])
    for _ in range(10):
        many = braked_approach(many, np.array([0.995]), np.ones(1), np.ones(1))
    assert many == pytest.approx(braked_approach(one, np.array([0.995**10]), np.ones(1), np.ones(1)), rel=1e-13)
    assert braked_approach(one, np.array([0.89]), np.ones(1), np.ones(1)) == 1.0
    assert braked_approach(np.ones(1), np.array([1.1]), np.ones(1), np.ones(1)) == 1.0  # opening changes nothing


def test_impact_frequency_follows_from_the_duration_of_a_hertzian_impact() -> None:
    """T = 2.868 (m*²/(R* E*² v))^(1/5) (Johnson 1985, §11.4), and T ω = 2.943 × 1.3693 at the greatest depth."""
    speed, radius, mass, modulus = np.array([0.5, 24.0]), 5.0, 2.46, 7692.0
    duration = 2.868 * ((0.5 * mass) ** 2 / (0.5 * radius * modulus**2 * speed)) ** 0.2
    frequency = impact_frequency(speed, np.array(radius), np.array(mass), np.array(modulus))
    assert frequency * duration == pytest.approx(2.943 * np.sqrt(15.0 / 8.0), rel=1e-3)  # constants of four digits
    assert impact_frequency(np.zeros(1), radius, mass, modulus) == 0.0
