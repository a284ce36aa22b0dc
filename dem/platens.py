"""Platens: how fast they may move, and the servo that meets a stress. Pure functions of columns, one row a box."""

import numpy as np

__all__ = ["quasi_static_speed", "servo_speed"]


def quasi_static_speed(
    inertial_number: float, height: np.ndarray, pressure: np.ndarray, diameter: np.ndarray, density: np.ndarray
) -> np.ndarray:
    """Closing speed [µm/µs] at which I = ε̇ d √(ρ/P) takes the given value (GDR MiDi, Eur. Phys. J. E 14 (2004) 341)."""
    return inertial_number * height / diameter * np.sqrt(pressure / density)


def servo_speed(
    error: np.ndarray, modulus: np.ndarray, height: np.ndarray, time: np.ndarray, limit: np.ndarray
) -> np.ndarray:
    """Closing speed [µm/µs] that removes half of a stress error [MPa] in `time` [µs], within ± limit.

    modulus: dσ/dln h of the packing [MPa]. Half a Newton step converges for estimates above a quarter of the true one.
    """
    return np.clip(0.5 * error * height / (modulus * time), -limit, limit)
