"""Yield points by plastic offset, and the elliptic cap through them; Cauchy and Kirchhoff stress in one place."""

import math

import numpy as np
import pytest

from kalander.continuum.closure.cap import Cap, press_uniaxially, rigid_plastic_oedometer
from kalander.continuum.closure.yielding import fit_cap, kirchhoff, offset_yield
from kalander.kernels.errors import InputError

ANGLES = np.array([0.0, 0.7, 1.2, 2.2, 2.9])


def ellipse(p_c: float, slope: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Points from the isotropic limit by the oedometer, shear and tension to the tensile limit."""
    half = 0.5 * (1.0 + shift) * p_c
    return 0.5 * (1.0 - shift) * p_c + half * np.cos(ANGLES), slope * half * np.sin(ANGLES)


def test_a_cap_is_found_in_its_own_points() -> None:
    found = fit_cap(*ellipse(12.0, 1.1, 0.15))
    assert (found.p_c, found.slope, found.shift) == pytest.approx((12.0, 1.1, 0.15), rel=1e-8)
    assert found.misfit < 1e-9
    assert found.tensile_pressure == pytest.approx(1.8)


def test_noisy_points_give_the_cap_within_their_own_error() -> None:
    rng = np.random.default_rng(7)
    p, q = ellipse(12.0, 1.1, 0.15)
    off = []
    for _ in range(60):
        noise = 1.0 + 0.02 * rng.standard_normal((2, p.size))
        found = fit_cap(p * noise[0], q * noise[1])
        sigma = np.sqrt(np.diag(found.covariance))
        off.append(np.array([math.log(found.p_c / 12.0), math.log(found.slope / 1.1), found.shift - 0.15]) / sigma)
    # two degrees of freedom: |t| < 2.92 in 90 %; medians near 0.8
    assert np.all(np.median(np.abs(off), axis=0) < 1.5)
    assert np.all(np.median(np.abs(off), axis=0) > 0.3)


def test_isotropic_and_oedometric_points_need_a_shift() -> None:
    p, q = ellipse(5.0, 1.2, 0.3)
    with pytest.raises(InputError, match="make no cap"):
        fit_cap(p[:2], q[:2])
    found = fit_cap(p[:2], q[:2], shift=0.3)
    assert (found.p_c, found.slope, found.assumed) == (pytest.approx(5.0), pytest.approx(1.2), ("shift",))


@pytest.mark.parametrize("softens", [False, True])
def test_yield_is_where_the_plastic_strain_is_the_offset(softens: bool) -> None:
    strain = np.linspace(0.0, 0.02, 201)
    beyond = -300.0 if softens else 100.0
    stress = np.where(strain < 0.006, 1000.0 * strain, 6.0 + beyond * (strain - 0.006))
    found = offset_yield(strain, stress)
    assert found is not None
    assert found.modulus == pytest.approx(1000.0)
    assert found.softened == softens
    if softens:  # the largest stress comes before the offset
        assert found.stress == pytest.approx(6.0)
    else:  # 6 + 100 e = 1000 (e + 0.006 - 0.002) where e = 2 / 900
        assert found.stress == pytest.approx(6.0 + 100.0 * 2.0 / 900.0)
    assert offset_yield(strain, 1000.0 * strain) is None
    assert offset_yield(strain, -strain) is None


def test_cauchy_of_the_boxes_is_kirchhoff_in_the_return_map() -> None:
    """p_c^tau = J p_c^sigma: a nearly rigid cap pressed uniaxially is read in Cauchy stress, as a box would show it."""
    slope, shift, free = 1.2, 0.3, 0.5
    cap = Cap(modulus=4e5, poisson=0.2, slope=slope, shift=shift, p_c0=5.0, k=10.0)
    strain = np.linspace(0.0, 0.2, 400)
    axial, _, plastic = press_uniaxially(cap, strain)
    density = free * np.exp(strain)
    cauchy = axial * density / free  # what platens feel, over the present area, which uniaxial strain leaves as it was
    ratio = rigid_plastic_oedometer(slope, shift)[0]
    p_c = cauchy / ratio
    assert kirchhoff(p_c, density, free)[-1] == pytest.approx(5.0 * math.exp(10.0 * plastic[-1]), rel=2e-3)
    # taken for Kirchhoff's as it stands it would be off by the whole compression, e^0.2
    assert p_c[-1] / (5.0 * math.exp(10.0 * plastic[-1])) == pytest.approx(math.exp(0.2), rel=2e-3)


def test_an_oedometer_tells_two_things_its_point_and_its_flow() -> None:
    """chi = 1: M^2 = 9 (1 - K0) / (2 + 4 K0) (nip.md, section 2); with a tension p_c, M and chi."""
    slope = 1.2
    axial, lateral = rigid_plastic_oedometer(slope, 1.0)
    p, q = 7.0 * (axial + 2.0 * lateral) / 3.0, 7.0 * (axial - lateral)
    found = fit_cap(np.zeros(0), np.zeros(0), shift=1.0, oedometer=(p, q))
    ratio = lateral / axial
    assert found.slope == pytest.approx(math.sqrt(9.0 * (1.0 - ratio) / (2.0 + 4.0 * ratio)), rel=1e-6)
    assert (found.slope, found.p_c) == (pytest.approx(slope, rel=1e-6), pytest.approx(7.0, rel=1e-6))
    axial, lateral = rigid_plastic_oedometer(slope, 0.2)
    oedometer = 7.0 * (axial + 2.0 * lateral) / 3.0, 7.0 * (axial - lateral)
    found = fit_cap(np.array([-0.7]), np.array([slope * math.sqrt(4.2**2 - 3.5**2)]), oedometer=oedometer)
    assert (found.p_c, found.slope, found.shift) == pytest.approx((7.0, slope, 0.2), rel=1e-4)
