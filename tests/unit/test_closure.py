"""The closure: laws, tables, their refusals, and the fit to replicas."""

import math
from dataclasses import replace

import numpy as np
import pytest

from kalander.continuum.closure.contract import ClosureRangeError, strain_at_pressure
from kalander.continuum.closure.fit import ReplicaCurves, fit_closure
from kalander.continuum.closure.laws import PowerClosure, TabulatedClosure
from kalander.continuum.closure.springback import (
    lasting_strain,
    porosity_at_strain,
    porosity_released,
    recovery_strain,
    strain_released_to,
)
from kalander.continuum.nip.march import march
from kalander.kernels.errors import InputError

POWER = PowerClosure(p0=6.0, k=9.0, unload_modulus=6000.0)


def table(**changes: object) -> TabulatedClosure:
    """The power law at 31 knots with a modulus that rises from 4 to 6 GPa."""
    strain = np.linspace(0.0, 0.45, 31)
    columns = {
        "porosity": 0.45,
        "strain": strain,
        "pressure": POWER.pressure_at(strain),
        "unload_modulus": np.linspace(4000.0, 6000.0, 31),
        "lateral_ratio": np.linspace(0.5, 0.3, 31),
        "pressure_sd": np.zeros(31),
        "unload_modulus_sd": np.zeros(31),
        "lateral_ratio_sd": np.zeros(31),
    }
    return TabulatedClosure(**{**columns, **changes})


def test_power_law_by_hand() -> None:
    """6 ((150/100)^9 - 1) = 224.660156..., the arithmetic of section 0.2 of the physics notes."""
    strain = np.array([0.0, math.log(1.5)])
    assert POWER.pressure_at(strain) == pytest.approx([0.0, 6.0 * (1.5**9 - 1.0)], rel=1e-13)  # a few roundings


@pytest.mark.parametrize("closure", [POWER, table()], ids=["power", "table"])
def test_slopes_are_the_derivatives(closure) -> None:
    strain = np.linspace(0.01, 0.44, 40)
    step = 1e-6
    # central differences: step^2 p''' / 6 and rounding eps p / step are both below 1e-8 of the slope
    for value, slope in (
        (closure.pressure_at, closure.pressure_slope_at),
        (closure.recovery_at, closure.recovery_slope_at),
    ):
        difference = (value(strain + step) - value(strain - step)) / (2.0 * step)
        assert slope(strain) == pytest.approx(difference, rel=1e-6, abs=1e-6)


def test_table_follows_the_law_it_was_made_from() -> None:
    strain = np.linspace(0.0, 0.45, 1001)
    # PCHIP is of second order where its slopes are one-sided, as in the first cell, where the law bends most in
    # ln(1 + p / p_s): k^2 / 4 x 0.015^2 / 8 = 6e-4 of p_s = 3.4 MPa, and less than 0.2 % of p further on
    assert table().pressure_at(strain) == pytest.approx(POWER.pressure_at(strain), rel=2e-3, abs=2e-3)


def test_a_table_that_hardly_resists_at_first_has_a_stiffness_everywhere() -> None:
    """Where the first knots carry next to nothing PCHIP begins flat, and strain over pressure would have no slope."""
    strain = np.linspace(0.0, 0.45, 31)
    pressure = POWER.pressure_at(strain)
    pressure[1:3] = [1e-5, 1e-2]
    closure = table(pressure=pressure)
    assert closure.pressure_slope_at(strain).min() > 0.0
    back = closure.loading_at(closure.pressure_at(strain))
    assert back.strain == pytest.approx(strain, abs=1e-5)  # sampled evenly, between the knots of the table
    assert np.all(np.isfinite(back.strain_slope))


def test_table_error_falls_with_the_knot_distance() -> None:
    def error(knots: int) -> float:
        at = np.linspace(0.0, 0.45, knots)
        even = {name: np.ones(knots) for name in ("unload_modulus", "lateral_ratio")}
        even |= {name: np.zeros(knots) for name in ("pressure_sd", "unload_modulus_sd", "lateral_ratio_sd")}
        closure = table(strain=at, pressure=POWER.pressure_at(at), **even)
        strain = np.linspace(0.1, 0.35, 501)
        return float(np.max(np.abs(closure.pressure_at(strain) / POWER.pressure_at(strain) - 1.0)))

    # at least second order: a factor 4 for half the distance, 20 % allowed for where the samples fall
    assert error(41) < error(21) / 3.2


def test_table_is_not_extrapolated() -> None:
    with pytest.raises(ClosureRangeError, match=r"0\.4501.*0\.45"):
        table().pressure_at(np.array([0.1, 0.4501]))
    with pytest.raises(ClosureRangeError, match="lower the pressure"):
        strain_at_pressure(table(), 1000.0, 0.45)


def test_strain_at_pressure_inverts_the_law() -> None:
    strain = strain_at_pressure(POWER, 100.0, 0.55)
    assert strain == pytest.approx(math.log1p(100.0 / 6.0) / 9.0, rel=1e-12)  # the root is found to 1e-14


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"porosity": 0.0}, "closure.porosity"),
        ({"strain": np.linspace(0.1, 0.45, 31)}, r"closure.strain\[0\]"),
        ({"strain": np.append(np.linspace(0.0, 0.4, 30), 0.39)}, r"closure.strain\[30\]"),
        ({"pressure": np.linspace(1.0, 9.0, 31)}, r"closure.pressure\[0\]"),
        ({"pressure": np.append(np.linspace(0.0, 9.0, 30), 8.0)}, r"closure.pressure\[30\].*stiffness"),
        ({"pressure": np.full(31, np.nan)}, "closure.pressure.*finite"),
        ({"pressure": np.linspace(0.0, 9.0, 30)}, "closure.pressure.*shape"),
        ({"unload_modulus": np.linspace(-1.0, 9.0, 31)}, "closure.unload_modulus"),
        ({"lateral_ratio": np.full(31, -0.1)}, "closure.lateral_ratio"),
        ({"pressure_sd": np.full(31, -1.0)}, "closure.pressure_sd"),
        ({"unload_exponent": 0.5}, "closure.unload_exponent"),
        ({"porosity": 0.30}, r"closure.strain\[-1\].*solid fraction 1\.098"),
    ],
)
def test_table_refuses(changes: dict, named: str) -> None:
    with pytest.raises(InputError, match=named):
        table(**changes)


def test_all_faults_of_a_table_come_together() -> None:
    with pytest.raises(InputError) as refusal:
        table(unload_modulus=np.zeros(31), lateral_ratio=np.full(31, -0.1))
    assert len(refusal.value.faults) == 2


@pytest.mark.parametrize("changes", [{"p0": 0.0}, {"k": -1.0}, {"unload_modulus": math.inf}, {"unload_exponent": 0.9}])
def test_power_law_refuses(changes: dict) -> None:
    with pytest.raises(InputError, match=next(iter(changes))):
        PowerClosure(**{"p0": 6.0, "k": 9.0, "unload_modulus": 6000.0, **changes})


# --- springback -----------------------------------------------------------------------------------------------------


def test_recovery_is_pressure_over_modulus() -> None:
    assert recovery_strain(POWER, np.array(0.3)) == pytest.approx(6.0 * math.expm1(2.7) / 6000.0, rel=1e-13)


@pytest.mark.parametrize("lasting", [0.01, 0.2, 0.35])
def test_strain_released_to_inverts_the_release(lasting: float) -> None:
    strain = strain_released_to(POWER, lasting, 0.55)
    assert lasting_strain(POWER, np.array(strain)) == pytest.approx(lasting, abs=1e-12)  # the root is found to 1e-14


def test_thinnest_exit_is_named() -> None:
    """With M = 6000, k = 9, p0 = 6 the lasting strain is largest where dp/dx = M: p = 660.7 MPa."""
    with pytest.raises(ClosureRangeError, match=r"66[01]\.\d* MPa"):
        strain_released_to(POWER, 0.5, 0.577)


def test_porosity_keeps_the_mass_of_the_solid() -> None:
    minimum, released = 0.05, 0.052  # mm, from 0.075 mm at porosity 0.45
    in_nip = porosity_at_strain(0.45, math.log(0.075 / minimum))
    after = porosity_released(in_nip, minimum, released)
    solid = 0.55 * 0.075
    # two roundings
    assert (1.0 - in_nip) * minimum == pytest.approx(solid, rel=1e-14)
    assert (1.0 - after) * released == pytest.approx(solid, rel=1e-14)
    assert after == pytest.approx(1.0 - 0.04125 / 0.052, rel=1e-14)


# --- history --------------------------------------------------------------------------------------------------------

PROFILE = np.array([0.140, 0.1080, 0.1062, 0.1050, 0.1090, 0.130, 0.160])  # mm, exit first; thinnest is number 3


def test_history_follows_both_branches() -> None:
    """By hand: nothing before contact, p0 ((H/h)^k - 1) on the way in, p_max - M ln(h/h_min) on the way out."""
    column = march(POWER, PROFILE, 0.150, 0.08)
    top = 6.0 * ((0.150 / 0.105) ** 9 - 1.0)
    expected = [
        0.0,  # sprung back: 6000 ln(0.140 / 0.105) is more than the top
        0.0,  # 6000 ln(0.108 / 0.105) = 169 MPa, above the top of 142.6 MPa
        top - 6000.0 * math.log(0.1062 / 0.105),
        top,
        6.0 * ((0.150 / 0.1090) ** 9 - 1.0),
        6.0 * ((0.150 / 0.130) ** 9 - 1.0),
        0.0,  # thicker than the web
    ]
    assert column.pressure == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert column.turning.tolist() == [3, 3, 3, 3, 4, 5, 6]


@pytest.mark.parametrize("closure", [POWER, table(), table(unload_exponent=1.5)], ids=["power", "table", "curved"])
@pytest.mark.parametrize("floor", [0.0957, 0.107], ids=["inside", "below_floor"])
def test_history_jacobian_is_exact(closure, floor: float) -> None:
    """Against central differences, on both branches and on the tangent below the floor."""
    step = 1e-8  # mm: h^2 error (k/h step)^2 = 1e-12, rounding eps h / step = 2e-9 of the slope
    numeric = np.empty((7, 7))
    for node in range(7):
        shift = step * np.eye(7)[node]
        above, below = (march(closure, PROFILE + sign * shift, 0.150, floor).pressure for sign in (1.0, -1.0))
        numeric[:, node] = (above - below) / (2.0 * step)
    exact = march(closure, PROFILE, 0.150, floor).jacobian()
    assert np.count_nonzero(exact) >= 4
    assert exact == pytest.approx(numeric, abs=1e-6 * np.max(np.abs(exact)))


# --- fit ------------------------------------------------------------------------------------------------------------


def replica(strength: float, noise: float, generator: np.random.Generator, *, frames: int = 400) -> ReplicaCurves:
    """The power law times a strength, with multiplicative noise; lateral ratio 0.4; from strains 0.4 and 0.2 recoveries
    of 0.18 and 0.03 over the strength."""
    strain = np.linspace(0.0, 0.45, frames)
    pressure = strength * POWER.pressure_at(strain) * (1.0 + noise * generator.standard_normal(frames))
    lateral = 0.4 * pressure * (1.0 + noise * generator.standard_normal(frames))
    released = strength * POWER.pressure_at(np.array([0.4, 0.2]))
    return ReplicaCurves(strain, pressure, lateral, released, strength**2 * np.array([1200.0, 1000.0]))


def test_fit_returns_mean_and_scatter_of_replicas() -> None:
    generator = np.random.default_rng(7)
    strengths = np.array([0.9, 1.0, 1.1])
    closure = fit_closure([replica(s, 0.03, generator) for s in strengths], porosity=0.45)
    upper = slice(8, None)  # above 5 MPa
    # 3 % noise over 16 frames: 1 % at a knot of one replica, 0.6 % of the mean of three. Averaging strain at equal
    # pressure is not averaging strength: 1 / mean(1 / s) = 0.993. Together 2.5 % is beyond 3 sigma
    expected = POWER.pressure_at(closure.strain[upper])
    assert closure.pressure[upper] == pytest.approx(expected, rel=0.025)
    assert closure.pressure_sd[upper] / closure.pressure[upper] == pytest.approx(0.1, abs=0.03)  # 3 sigma of 1 %
    assert closure.lateral_ratio[upper] == pytest.approx(0.4, abs=0.01)
    # recoveries are averaged over the replicas of a stress: here 1 / s, whose mean is 1.007
    expected = POWER.pressure_at(np.array([0.2, 0.4])) / np.array([1000.0, 1200.0]) * np.mean(1.0 / strengths)
    assert closure.recovery_at(np.array([0.2, 0.4])) == pytest.approx(expected, rel=0.02)
    # at the last stress a tenth from replica to replica, before it more: at equal pressure the stronger one is less
    # strained, by 0.01, where the recovery rises by 0.74 a strain
    assert closure.unload_modulus_sd[-1] / closure.unload_modulus[-1] == pytest.approx(0.1, abs=0.005)


def test_fit_of_a_clean_curve_is_the_curve() -> None:
    closure = fit_closure([replica(1.0, 0.0, np.random.default_rng(0))], porosity=0.45)
    # hat functions in ln(1 + p / p_s) with curvature up to k^2 / 4: error (k^2 / 4) x 0.01875^2 / 12 = 0.06 % of
    # 1 + p / p_s; straight lines between them for the inversion, 0.1 %: up to 0.01 MPa near the start
    assert closure.pressure == pytest.approx(POWER.pressure_at(closure.strain), rel=2e-3, abs=0.03)
    assert np.all(np.isnan(closure.pressure_sd))  # one replica has no scatter


def test_fit_makes_a_falling_curve_rise() -> None:
    generator = np.random.default_rng(3)
    rough = replica(1.0, 0.2, generator, frames=120)
    assert np.any(np.diff(rough.pressure) < 0.0)
    assert np.all(np.diff(fit_closure([rough], porosity=0.45).pressure) > 0.0)


def pressed_to(highest: float, strength: float, generator: np.random.Generator) -> ReplicaCurves:
    full = replica(strength, 0.01, generator)
    kept = full.strain <= math.log1p(highest / (6.0 * strength)) / 9.0
    return ReplicaCurves(
        full.strain[kept], full.pressure[kept], full.lateral_pressure[kept], full.release_pressure, full.release_modulus
    )


def test_fit_reaches_the_pressure_that_all_replicas_reached() -> None:
    """Pressed to 150 MPa a strong and a weak replica end at different strains."""
    generator = np.random.default_rng(1)
    closure = fit_closure([pressed_to(150.0, strength, generator) for strength in (0.8, 1.25)], porosity=0.45)
    # the fit of the last knot: 1 % noise over 8 frames, doubled at an end, twice the smaller of two
    assert closure.pressure[-1] == pytest.approx(150.0, rel=0.02)


def test_fit_stays_within_the_weakest_pressing() -> None:
    generator = np.random.default_rng(1)
    closure = fit_closure([pressed_to(200.0, 1.0, generator), pressed_to(100.0, 1.0, generator)], porosity=0.45)
    assert closure.pressure[-1] == pytest.approx(100.0, rel=0.02)  # as above


def test_fit_bridges_knots_without_frames() -> None:
    """Frames taken at equal steps of pressure leave the soft start nearly empty."""
    pressure = np.linspace(0.0, 300.0, 40)
    strain = np.log1p(pressure / 6.0) / 9.0
    clean = ReplicaCurves(strain, pressure, 0.4 * pressure, np.array([80.0]), np.array([5000.0]))
    closure = fit_closure([clean], porosity=0.45)
    # straight lines across gaps of five knots: curvature in ln(1 + p / p_s) x gap^2 / 8 = 20 x 0.09^2 / 8 = 2 %
    loaded = closure.pressure > 20.0
    assert closure.pressure[loaded] == pytest.approx(POWER.pressure_at(closure.strain[loaded]), rel=0.03)


def test_fit_refuses_what_it_cannot_fit() -> None:
    generator = np.random.default_rng(1)
    with pytest.raises(InputError, match="nothing to fit"):
        fit_closure([], porosity=0.45)
    with pytest.raises(InputError, match=r"replicas\[1\].strain.*fill 25 knots"):
        fit_closure([replica(1.0, 0.0, generator), replica(1.0, 0.0, generator, frames=20)], porosity=0.45)
    clean = replica(1.0, 0.0, generator)
    with pytest.raises(InputError, match=r"replicas\[0\].pressure: 0.0 never rises"):
        fit_closure([replace(clean, pressure=-clean.pressure)], porosity=0.45)
    with pytest.raises(InputError, match=r"replicas\[0\].pressure.*not finite"):
        fit_closure([replace(clean, pressure=np.full(400, np.nan))], porosity=0.45)
    with pytest.raises(InputError, match=r"replicas\[0\].release_modulus.*no stiffness"):
        fit_closure([replace(clean, release_modulus=np.array([1.0, 0.0]))], porosity=0.45)
