"""The cap law against closed forms and against itself; oracles O1 to O4 of the physics notes."""

import math

import numpy as np
import pytest

from kalander.continuum.closure.cap import Cap, press_uniaxially, return_map, rigid_plastic_oedometer
from kalander.continuum.closure.cap_closure import CapClosure
from kalander.continuum.closure.contract import ClosureRangeError
from kalander.continuum.nip.plain import roll_plain
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.setting import Pass
from kalander.continuum.nip.web import Layer, Web
from kalander.kernels.errors import InputError

COATING = Cap(4000.0, 0.2, 1.2, 1.0, 5.0, 10.0)
SHIFTED = Cap(4000.0, 0.2, 1.2, 0.3, 5.0, 10.0)


def test_oedometric_modulus() -> None:
    """O1."""
    assert COATING.oedometric == pytest.approx(4444.444444444444, rel=1e-12)
    elastic = Cap(4000.0, 0.2, 1.2, 1.0, 1e9, 10.0)
    axial, lateral, _ = press_uniaxially(elastic, np.array([0.0, 0.01]))
    assert axial[1] == pytest.approx(44.444444444444, rel=1e-10)
    assert lateral[1] / axial[1] == pytest.approx(0.2 / 0.8, rel=1e-10)  # nu / (1 - nu)


@pytest.mark.parametrize(
    ("shift", "axial", "lateral"),
    [(1.0, 1.280625, 0.530991), (0.3, 1.182406, 0.695144), (0.1, 1.154344, 0.742045), (1e-12, 1.140312, 0.765495)],
)
def test_rigid_plastic_oedometer(shift: float, axial: float, lateral: float) -> None:
    """O2, six digits given."""
    assert rigid_plastic_oedometer(1.2, shift) == pytest.approx((axial, lateral), abs=6e-7)


@pytest.mark.parametrize("shift", [1.0, 0.3, 0.1])
def test_stiff_coating_approaches_the_rigid_plastic_oedometer(shift: float) -> None:
    """O2 by integration: the elastic strain rate shrinks as p_c / E, and with it the distance to the closed form."""
    misses = []
    for modulus in (1e5, 1e6):
        cap = Cap(modulus, 0.2, 1.2, shift, 1.0, 1e-6)  # hardly any hardening: p_c stays 1
        axial, lateral, volume = press_uniaxially(cap, np.linspace(0.0, 0.02, 401))
        size = math.exp(cap.k * volume[-1])
        found = np.array([axial[-1], lateral[-1]]) / size
        misses.append(np.max(np.abs(found - rigid_plastic_oedometer(1.2, shift))))
    # without hardening the stress stands still, so that the distance is that of the decay alone
    assert misses[1] < 1e-6
    assert misses[1] <= misses[0]


def test_lateral_ratio_gives_the_slope() -> None:
    """chi = 1: M^2 = 9 (1 - K0) / (2 + 4 K0), the way from a measured ratio to the cap."""
    axial, lateral = rigid_plastic_oedometer(1.2, 1.0)
    ratio = lateral / axial
    assert 9.0 * (1.0 - ratio) / (2.0 + 4.0 * ratio) == pytest.approx(1.2**2, rel=1e-12)


@pytest.mark.parametrize("cap", [COATING, SHIFTED], ids=["chi_1", "chi_0.3"])
def test_loading_curve_is_the_return_map(cap: Cap) -> None:
    """Two integrations of one law: the angle on the ellipse by Runge-Kutta, the return map by backward Euler."""
    closure = CapClosure(cap, 0.5)
    strain = math.log(75.0 / 55.0)
    errors = []
    for steps in (250, 500, 1000):
        axial, lateral, _ = press_uniaxially(cap, np.linspace(0.0, strain, steps + 1))
        pressure = float(closure.pressure_at(np.array(strain)))
        errors.append(abs(axial[-1] * math.exp(strain) / pressure - 1.0))
        assert lateral[-1] / axial[-1] == pytest.approx(float(closure.lateral_ratio_at(np.array(strain))), abs=2e-4)
    # backward Euler is of first order: it approaches the curve by half with every halving
    assert np.divide(errors[:-1], errors[1:]) == pytest.approx([2.0, 2.0], abs=0.2)
    assert errors[-1] < 5e-5


def test_elastoplastic_column() -> None:
    """O3, with hardening of Kirchhoff stress (Cauchy would give 145.88 x 55 / 75). A coating on one flat side under a
    roll of 250 mm is two rolls of 500 mm."""
    web = Web((Layer(CapClosure(COATING, 0.55), 0.075, 0.45),), sides=1)
    nip = roll_plain(web, Rolls(500.0, modulus=math.inf), Pass(gap=0.055), points=2000)
    # given digits; the notes stepped by 5 um, which leaves their exit within one step and its thickness by 20 nm
    assert nip.peak_pressure == pytest.approx(145.88, rel=2e-5)
    assert nip.line_load == pytest.approx(303.98, rel=2e-5)
    assert nip.exit_x == pytest.approx(-0.815, abs=0.005)
    assert nip.coating_exit_thickness == pytest.approx(0.05633, rel=2e-3)


def random_trials(cap: Cap, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Trial stresses outside of ellipses of all sizes, as a step of up to 1 % strain makes them."""
    random = np.random.default_rng(7)
    volume = random.uniform(0.0, 0.3, count)
    size = cap.p_c0 * np.exp(cap.k * volume)
    angle = random.uniform(0.05, math.pi - 0.05, count)
    p = 0.5 * (1.0 - cap.shift) * size + 0.5 * (1.0 + cap.shift) * size * np.cos(angle)
    q = cap.slope * 0.5 * (1.0 + cap.shift) * size * np.sin(angle)
    reach = size * random.uniform(0.01, 2.0, count)
    return p + reach * np.cos(angle), q + reach * np.sin(angle), volume


@pytest.mark.parametrize("cap", [COATING, SHIFTED], ids=["chi_1", "chi_0.3"])
@pytest.mark.parametrize("viscosity", [0.0, 0.5])
def test_tangent_is_the_derivative(cap: Cap, viscosity: float) -> None:
    """O4: central differences, 1e-6 relative."""
    p, q, volume = random_trials(cap, 500)
    tangent = return_map(cap, p, q, volume, viscosity=viscosity).tangent
    step = 1e-5 * cap.p_c0  # truncation (step / p_c)^2, rounding of the return 1e-11 / 1e-5: both near 1e-8
    for column, (dp, dq) in enumerate(((step, 0.0), (0.0, step))):
        above = return_map(cap, p + dp, q + dq, volume, viscosity=viscosity)
        below = return_map(cap, p - dp, q - dq, volume, viscosity=viscosity)
        numeric = np.stack([above.p - below.p, above.q - below.q]) / (2.0 * step)
        assert tangent[:, column] == pytest.approx(numeric, abs=1e-6)  # of entries up to 1


def test_tangent_is_symmetric_for_small_steps() -> None:
    """O4: in (volume, shear) strain the moduli of associated flow are symmetric; backward Euler keeps that to the order
    of the step, since the ellipse moves within it."""
    volume = np.full(50, 0.1)
    size = SHIFTED.p_c0 * math.exp(SHIFTED.k * 0.1)
    angle = np.linspace(0.1, 2.5, 50)
    p = 0.35 * size + 0.65 * size * np.cos(angle)
    q = 1.2 * 0.65 * size * np.sin(angle)
    skews = []
    for reach in (1e-2, 1e-3):
        tangent = return_map(SHIFTED, p * (1.0 + reach), q * (1.0 + reach), volume).tangent
        moduli = (3.0 * SHIFTED.shear * tangent[0, 1], SHIFTED.bulk * tangent[1, 0])
        skews.append(np.max(np.abs(moduli[0] - moduli[1])) / SHIFTED.bulk)
    assert skews[1] < 1e-3
    assert skews[1] == pytest.approx(skews[0] / 10.0, rel=0.3)


def test_plastic_work_is_never_negative() -> None:
    """O4, on random paths that load, unload and shear."""
    random = np.random.default_rng(11)
    paths = 200
    p, q, volume = np.zeros(paths), np.zeros(paths), np.full(paths, 0.02)
    for _ in range(60):
        p_trial = p + SHIFTED.bulk * random.normal(0.0005, 0.002, paths)
        q_trial = np.abs(q + 3.0 * SHIFTED.shear * random.normal(0.0, 0.002, paths))
        back = return_map(SHIFTED, p_trial, q_trial, volume)
        # the cap holds tension only within chi p_c: the work is that of stress on flow
        assert np.all(back.work >= -1e-12)
        p, q, volume = back.p, back.q, volume + back.volume


def test_closure_slopes_are_derivatives() -> None:
    closure = CapClosure(SHIFTED, 0.5)
    strain = np.linspace(0.01, 0.45, 40)
    step = 1e-6
    numeric = (closure.pressure_at(strain + step) - closure.pressure_at(strain - step)) / (2.0 * step)
    assert closure.pressure_slope_at(strain) == pytest.approx(numeric, rel=1e-7)
    recovery = closure.pressure_at(strain) / closure.unload_modulus_at(strain)
    recovered = 0.4 * recovery
    share, by_recovered, by_recovery = closure.release(recovered, recovery)
    step = 1e-8
    above, below = (closure.release(recovered + sign * step, recovery)[0] for sign in (1, -1))
    assert by_recovered == pytest.approx((above - below) / (2.0 * step), rel=1e-6)
    above, below = (closure.release(recovered, recovery + sign * step)[0] for sign in (1, -1))
    assert by_recovery == pytest.approx((above - below) / (2.0 * step), rel=1e-6)
    left, by_share, _ = closure.unreleased(share, recovery)
    assert left == pytest.approx(0.6 * np.ones(40), rel=1e-12)  # the inverse of the release
    assert by_share == pytest.approx(-1.0 / (by_recovered * recovery), rel=1e-9)


def test_release_is_elastic_in_kirchhoff_stress() -> None:
    """The release of the closure is the unloading of the full law."""
    closure = CapClosure(SHIFTED, 0.5)
    top, back = 0.25, 0.012
    axial, _, _ = press_uniaxially(SHIFTED, np.append(np.linspace(0.0, top, 2001), top - back))
    turning = float(closure.pressure_at(np.array(top)))
    recovery = turning / float(closure.unload_modulus_at(np.array(top)))
    share, _, _ = closure.release(np.array(back), np.array(recovery))
    assert turning * float(share) == pytest.approx(axial[-1] * math.exp(top - back), rel=1e-4)  # backward Euler's


@pytest.mark.parametrize(
    "change", [{"modulus": -1.0}, {"poisson": 0.5}, {"shift": 0.0}, {"p_c0": 0.0}, {"k": math.nan}]
)
def test_impossible_caps_are_refused(change: dict) -> None:
    with pytest.raises(InputError, match="closure"):
        Cap(**{"modulus": 4000.0, "poisson": 0.2, "slope": 1.2, "shift": 1.0, "p_c0": 5.0, "k": 10.0, **change})


def test_a_cap_that_flows_while_released_is_refused() -> None:
    with pytest.raises(InputError, match="flow again"):
        CapClosure(Cap(4000.0, 0.2, 0.5, 1.0, 5.0, 10.0), 0.5)


def test_the_curve_ends() -> None:
    with pytest.raises(ClosureRangeError, match=r"known to 0\.5"):
        CapClosure(COATING, 0.5).pressure_at(np.array(0.51))
