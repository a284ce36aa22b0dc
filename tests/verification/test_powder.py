"""Johanson's rolls for powder; oracle O11 of the physics notes, and the equations by another route."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from kalander.continuum.powder import Powder, feed_powder, force_factor, grip_gradient, nip_angle
from kalander.kernels.errors import InputError


def powder(compressibility: float, internal: float, wall: float) -> Powder:
    return Powder(compressibility, math.radians(internal), math.radians(wall))


@pytest.mark.parametrize(
    ("compressibility", "internal", "wall", "gap_ratio", "degrees"),
    [
        (10.0, 40.0, 20.0, 0.02, 6.8414),
        (20.0, 40.0, 20.0, 0.02, 3.8927),
        (8.0, 40.0, 18.0, 0.005, 7.1671),
        (10.0, 35.0, 15.0, 0.0003, 4.3447),
        (20.0, 35.0, 15.0, 0.0003, 2.4085),
    ],
)
def test_nip_angle(compressibility: float, internal: float, wall: float, gap_ratio: float, degrees: float) -> None:
    """O11, last digit given."""
    alpha = nip_angle(powder(compressibility, internal, wall), gap_ratio)
    assert math.degrees(alpha) == pytest.approx(degrees, abs=6e-5)


def test_force_factor() -> None:
    """O11."""
    assert force_factor(powder(10.0, 40.0, 20.0), 0.02) == pytest.approx(0.057791, abs=5e-7)


def test_pressure_follows_its_gradient() -> None:
    """The closed form below the nip angle against the differential equation."""
    material = powder(10.0, 40.0, 20.0)
    nip = feed_powder(material, 500.0, 5.0, feed_pressure=1e-3)
    below = nip.theta <= nip.nip_angle
    start = float(np.log(nip.pressure[below][0]))
    path = solve_ivp(
        lambda theta, _: [-grip_gradient(material, theta, 0.01) * math.cos(theta)],
        (nip.nip_angle, 0.0), [start], rtol=1e-10, atol=1e-12, t_eval=nip.theta[below],
    )  # fmt: skip
    assert np.log(nip.pressure[below]) == pytest.approx(path.y[0], abs=1e-7)


def test_load_is_the_integral_of_the_pressure() -> None:
    nip = feed_powder(powder(10.0, 40.0, 20.0), 500.0, 5.0, feed_pressure=1e-3)
    load = -250.0 * np.trapezoid(nip.pressure * np.cos(nip.theta), nip.theta)
    assert nip.line_load == pytest.approx(load, rel=1e-4)  # trapezoids of 1/400 of the nip angle
    assert nip.peak_pressure == nip.pressure[-1] == nip.pressure.max()
    assert nip.density_ratio == pytest.approx((nip.peak_pressure / 1e-3) ** 0.1, rel=1e-12)


def test_a_fed_strip_never_slips() -> None:
    """A strip of 150 um enters rolls of 500 mm at 0.7 degrees or less, within every nip angle of a powder there."""
    entry = math.sqrt(2.0 * 0.02 / 250.0)
    for compressibility in (10.0, 20.0):
        assert entry < nip_angle(powder(compressibility, 35.0, 15.0), 0.15 / 500.0)


def test_rougher_rolls_draw_in_more() -> None:
    angles = [nip_angle(powder(10.0, 40.0, wall), 0.02) for wall in (12.0, 16.0, 20.0, 24.0)]
    assert np.all(np.diff(angles) > 0.0)


@pytest.mark.parametrize("change", [{"wall": 41.0}, {"compressibility": 0.5}, {"internal": 95.0}])
def test_impossible_powders_are_refused(change: dict) -> None:
    with pytest.raises(InputError, match="powder"):
        powder(**{"compressibility": 10.0, "internal": 40.0, "wall": 20.0, **change})


def test_a_feed_within_the_nip_is_refused() -> None:
    with pytest.raises(InputError, match="outside the zone of slip"):
        feed_powder(powder(10.0, 40.0, 20.0), 500.0, 5.0, feed_pressure=1e-3, feed_angle=0.01)
