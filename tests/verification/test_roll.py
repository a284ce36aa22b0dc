"""Rolls against the closed forms of line contact; oracles O7, O8, O9 of the physics notes."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from kalander.continuum.nip.roll import (
    Rolls,
    hertz_approach,
    hertz_half_width,
    hertz_peak_pressure,
    hitchcock_radius,
    press_rolls,
    surface_flexibility,
)
from kalander.kernels.errors import InputError

# diameter [mm], line load [N/mm], half-width [mm], peak pressure [MPa]; steel, E = 210 GPa, nu = 0.3
HERTZ = [(800.0, 1000.0, 1.48558, 428.53), (500.0, 500.0, 0.83046, 383.29), (500.0, 1000.0, 1.17445, 542.06)]


@pytest.mark.parametrize(("diameter", "line_load", "half_width", "peak"), HERTZ)
def test_hertz_closed_forms(diameter: float, line_load: float, half_width: float, peak: float) -> None:
    rolls = Rolls(diameter / 2.0)
    # half a unit of the last digit that the notes give
    assert hertz_half_width(rolls, line_load) == pytest.approx(half_width, abs=5.1e-6)
    assert hertz_peak_pressure(rolls, line_load) == pytest.approx(peak, abs=5.1e-3)


def test_hertz_approach_closed_form() -> None:
    assert hertz_approach(Rolls(400.0), 1000.0) == pytest.approx(17.882e-3, abs=5e-7)  # O8, last digit given


def test_hitchcock_radius() -> None:
    """O9, with C = 2.20695e-5 mm2/N for steel; last digits given."""
    rolls = Rolls(400.0)
    assert 8.0 * rolls.flexibility == pytest.approx(2.20695e-5, abs=5e-11)
    assert hitchcock_radius(rolls, 1000.0, 0.05) / 400.0 == pytest.approx(1.44139, abs=5e-6)


@pytest.mark.parametrize(("diameter", "line_load", "half_width", "peak"), HERTZ)
def test_pressed_rolls_meet_hertz(diameter: float, line_load: float, half_width: float, peak: float) -> None:
    """O7 and O8: the kernel with its reference depth, through a contact solution that knows no closed form."""
    rolls = Rolls(diameter / 2.0)
    contact = press_rolls(rolls, line_load)
    spacing = contact.x[1] - contact.x[0]
    # 160 cells a half-width; measured 2.9e-6 at the peak, where the pressure is smooth
    assert np.max(contact.pressure) == pytest.approx(hertz_peak_pressure(rolls, line_load), rel=1e-5)
    assert np.max(contact.pressure) == pytest.approx(peak, rel=1e-3)
    # measured 1.1e-7; another reference depth by a factor e would move it by 8 %
    assert contact.approach == pytest.approx(hertz_approach(rolls, line_load), rel=1e-6)
    # the edge lies within one cell of the last node under pressure
    assert np.max(contact.x[contact.pressure > 0.0]) == pytest.approx(half_width, abs=1.01 * spacing)
    # pressure profile away from the edge, where its square root is not resolved
    inside = np.abs(contact.x) < 0.95 * half_width
    ellipse = peak * np.sqrt(1.0 - (contact.x[inside] / half_width) ** 2)
    assert contact.pressure[inside] == pytest.approx(ellipse, rel=1e-3)
    assert np.sum(contact.pressure) * spacing == pytest.approx(line_load, rel=1e-12)  # an equation of the system


def test_approach_converges_with_second_order() -> None:
    rolls = Rolls(400.0)
    exact = hertz_approach(rolls, 1000.0)
    errors = [abs(press_rolls(rolls, 1000.0, points=points).approach - exact) for points in (101, 201, 401)]
    # order 2 within 0.2: the edge falls differently between the nodes of each grid
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert orders == pytest.approx([2.0, 2.0], abs=0.2)


def test_flexibility_is_the_integral_of_the_kernel() -> None:
    """Entries against adaptive quadrature of -f ln(|x - s| / d) over a hat, singular, next to it, and far away."""
    rolls, spacing = Rolls(250.0), 0.02
    matrix = surface_flexibility(rolls, spacing, 200)
    depth = 2.0 * 250.0 / math.e
    for distance in (0, 1, 2, 150):

        def kernel(s: float, x: float = distance * spacing) -> float:
            hat = 1.0 - abs(s) / spacing
            return -rolls.flexibility * hat * math.log(abs(x - s) / depth) if x != s else 0.0

        parts = [quad(kernel, low, low + spacing, epsabs=0.0, epsrel=1e-11, limit=200)[0] for low in (-spacing, 0.0)]
        # quadrature of the logarithmic end is good to 1e-9; far off, the second difference keeps 1e-10
        assert matrix[0, distance] == pytest.approx(sum(parts), rel=1e-8)
    assert np.array_equal(matrix, matrix.T)


def test_rigid_rolls_do_not_yield() -> None:
    assert not np.any(surface_flexibility(Rolls(250.0, modulus=math.inf), 0.02, 10))


@pytest.mark.parametrize(
    "changes", [{"radius": 0.0}, {"modulus": -1.0}, {"poisson": 0.6}, {"stand_compliance": -1e-6}, {"radius": math.nan}]
)
def test_rolls_refuse(changes: dict) -> None:
    with pytest.raises(InputError, match=f"rolls.{next(iter(changes))}"):
        Rolls(**{"radius": 250.0, **changes})
