"""The foil in the nip: limits in closed form, balance of forces, and the bare strip's classical limit (O10)."""

import math

import numpy as np
import pytest

from kalander.continuum.closure.laws import PowerClosure
from kalander.continuum.nip.dense_strip import roll_dense_strip
from kalander.continuum.nip.foil import Travel, stretch_foil
from kalander.continuum.nip.layers import roll_layers
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.setting import Pass
from kalander.continuum.nip.web import Foil, Layer, Web
from kalander.continuum.nip.web_stress import coating_travel
from kalander.kernels.errors import InputError

RADIUS = 250.0
ALUMINIUM = Foil(0.015, 70e3, 0.345, 165.0)
COPPER = Foil(0.010, 130e3, 0.343, 300.0)


def travel_at(gap: float) -> Travel:
    """The nip of the physics notes' coating under steel rolls, in the order of time."""
    layers = (Layer(PowerClosure(6.0, 9.0, 6000.0), 0.075, 0.45),)
    nip = roll_layers(Web(layers), Rolls(RADIUS), Pass(speed=33.0, gap=gap))
    return coating_travel(layers, nip.x[::-1], nip.pressure[::-1], nip.gap[::-1], np.ones((nip.x.size, 1)))


def test_dense_strip() -> None:
    """O10: bite 2.29183 and neutral 0.86820 degrees, 5120.1 N/mm, 661.6 MPa, 24.98 kN mm/mm."""
    strip = roll_dense_strip(250.0, 2.0, 1.6, 0.1, 400.0)
    assert math.degrees(strip.bite) == pytest.approx(2.29183, abs=5e-6)
    assert math.degrees(strip.neutral) == pytest.approx(0.86820, abs=5e-6)
    assert strip.line_load == pytest.approx(5120.1, rel=1e-5)
    assert strip.peak_pressure == pytest.approx(661.6, rel=1e-4)
    assert strip.torque == pytest.approx(24.98e3, rel=1e-4)


def test_dense_strip_without_friction_is_a_plane_compression() -> None:
    """mu -> 0 cannot draw in; just above it the pressure is nearly 2k times h over h_out."""
    with pytest.raises(InputError, match="does not draw"):
        roll_dense_strip(250.0, 2.0, 1.6, 0.01, 400.0)
    with pytest.raises(InputError, match="no reduction"):
        roll_dense_strip(250.0, 1.6, 2.0, 0.1, 400.0)


def test_rigid_foil_moves_with_the_rolls() -> None:
    """One speed; friction balances the pressure's part along the web, so it is that of the rolls where they press."""
    travel = travel_at(0.10)
    result = stretch_foil(Foil(0.015), travel, RADIUS, 0.2)
    assert result.elongation == 0.0
    # cos(x / R) within the contact: 1 to 1 - (3.3 / 250)^2 / 2
    assert -9e-5 < result.forward_slip < 0.0
    assert result.neutral_x is not None
    drag = 0.2 * travel.pressure * np.clip(result.slip / 1e-6, -1.0, 1.0)
    assert np.sum(drag + travel.pressure * travel.x / RADIUS) == pytest.approx(0.0, abs=1e-4 * np.sum(travel.pressure))


@pytest.mark.parametrize("foil", [ALUMINIUM, COPPER], ids=["aluminium", "copper"])
@pytest.mark.parametrize("friction", [0.1, 0.3])
def test_forces_are_in_balance(foil: Foil, friction: float) -> None:
    """Force of the whole section behind the nip is the tension; friction never exceeds mu p."""
    travel = travel_at(0.10)
    result = stretch_foil(foil, travel, RADIUS, friction, tension=1.0)
    turning = int(np.argmax(travel.pressure))
    since = result.strain - result.strain[turning]
    force = foil.thickness * result.stress + travel.thickness * (
        travel.coating_stiffness * since - travel.coating_stress
    )
    assert (force[0], force[-1]) == pytest.approx((1.0, 1.0), abs=1e-4)
    step = travel.x[0] - travel.x[1]
    needed = np.diff(force) / step - 2.0 * (travel.pressure * travel.x / RADIUS)[:-1]
    allowed = 2.0 * friction * travel.pressure[:-1]
    assert np.all(np.abs(needed) <= allowed * (1.0 + 1e-6) + 1e-6 * np.max(allowed))


def test_released_coating_stretches_the_foil() -> None:
    """Behind the nip, where nothing else holds it, the coating's locked-in stress pushes the foil: with friction enough
    to stick, elongation is that of the springs in series since the release, some 0.1 %."""
    travel = travel_at(0.10)
    result = stretch_foil(ALUMINIUM, travel, RADIUS, 0.5)
    assert not result.yields
    assert result.forward_slip == pytest.approx(result.elongation, rel=0.15)
    locked = travel.coating_stress[-1] * travel.thickness[-1]
    springs = ALUMINIUM.plane_modulus * ALUMINIUM.thickness + travel.coating_stiffness[-1] * travel.thickness[-1]
    turning = int(np.argmax(travel.pressure))
    rebound = result.strain[-1] - result.strain[turning]
    stiff = ALUMINIUM.plane_modulus * ALUMINIUM.thickness
    # behind the nip: stiff x elongation + coating x rebound = locked force
    assert stiff * result.elongation + (springs - stiff) * rebound == pytest.approx(locked, rel=0.01)


def test_low_friction_lets_the_foil_flow() -> None:
    """Where friction does not hold the web, aluminium flows and copper does not: industry reports it that way."""
    travel = travel_at(0.10)
    soft, hard = (stretch_foil(foil, travel, RADIUS, 0.05) for foil in (ALUMINIUM, Foil(0.015, 130e3, 0.343, 300.0)))
    assert soft.elongation > hard.elongation
    stuck = stretch_foil(ALUMINIUM, travel, RADIUS, 0.5)
    assert soft.elongation > stuck.elongation


def test_tension_stretches_the_foil_before_the_nip() -> None:
    travel = travel_at(0.12)
    plain, pulled = (stretch_foil(COPPER, travel, RADIUS, 0.3, tension=tension) for tension in (0.0, 0.5))
    assert pulled.strain[0] - plain.strain[0] == pytest.approx(0.5 / COPPER.plane_modulus / COPPER.thickness, rel=0.02)


@pytest.mark.parametrize("changes", [{"thickness": 0.0}, {"modulus": -1.0}, {"poisson": 0.5}, {"yield_strength": 0.0}])
def test_impossible_foils_are_refused(changes: dict) -> None:
    with pytest.raises(InputError, match=f"foil.{next(iter(changes))}"):
        Foil(**{"thickness": 0.015, "modulus": 70e3, **changes})
