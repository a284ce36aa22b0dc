"""Recovery carried on from a few releases: what boxes show, and that more load never leaves a thicker web."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalander.continuum.closure.fit import ReplicaCurves, fit_closure
from kalander.continuum.closure.laws import PowerClosure, TabulatedClosure
from kalander.continuum.closure.recovery import RecoveryCurve, recovery_spline
from kalander.continuum.closure.springback import porosity_at_strain
from kalander.continuum.closure.validity import closure_notes
from kalander.continuum.nip.plain import roll_plain
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.setting import Pass
from kalander.continuum.nip.web import Foil, Layer, Web

MEASURED = Path(__file__).parents[1] / "data" / "recoveries.csv"
POROSITY = 0.5


def measured() -> dict[str, np.ndarray]:
    """Stress [MPa], strain and recovery of each card's boxes, shape (stresses, 3)."""
    rows = list(csv.DictReader(MEASURED.open()))
    names = ("stress_MPa", "strain", "recovery")
    return {
        card: np.array([[float(row[name]) for name in names] for row in rows if row["card"] == card])
        for card in dict.fromkeys(row["card"] for row in rows)
    }


@pytest.mark.parametrize("card", ["nmc622", "nmc111", "graphite"])
def test_recovery_below_the_lowest_stress_is_that_of_boxes(card: str) -> None:
    """Pressed to one stress only, boxes tell what lighter presses give back; a constant modulus does not."""
    stress, strain, recovery = measured()[card].T
    carried_on = RecoveryCurve.through(strain[-1:], recovery[-1:]).at(strain[:-1])
    # two or three boxes a stress scatter by some 15 % of the recovery
    assert carried_on == pytest.approx(recovery[:-1], rel=0.15)
    if card == "graphite":
        return  # its boxes are elastic to 3 MPa, where p is nearly straight in strain: there the two agree
    constant_modulus = recovery[-1] * stress[:-1] / stress[-1]
    assert np.all(np.abs(carried_on - recovery[:-1]) < 0.5 * np.abs(constant_modulus - recovery[:-1]))


def test_saturation_by_hand() -> None:
    """c = 0.1 at x = 0.2 gives back 0.1 (1 - e^-2); the free coating begins elastic."""
    met = 0.1 * -np.expm1(-2.0)
    curve = RecoveryCurve.through(np.array([0.2]), np.array([met]))
    strain = np.array([0.0, 1e-6, 0.05, 0.2, 0.3])
    # the root is found to 1e-14; beyond the release the recovery stays
    assert curve.at(strain) == pytest.approx([0.0, 1e-6, 0.1 * -np.expm1(-0.5), met, met], rel=2e-5)
    assert curve.pooled == 0.0


def test_scatter_is_pooled() -> None:
    """Of 0.3 less lasts (0.1) than of 0.2 (0.15): both take the mean, less what must last of the strain between."""
    curve = RecoveryCurve.through(np.array([0.2, 0.3]), np.array([0.05, 0.2]))
    assert 0.2 + 0.3 - curve.recovery.sum() == pytest.approx(0.15 + 0.1, abs=1e-12)  # the mean is kept
    assert np.diff(np.array([0.2, 0.3]) - curve.recovery[1:]) == pytest.approx([0.01 * 0.1], abs=1e-12)
    assert curve.pooled == pytest.approx(0.0255, abs=1e-12)


def pressed_boxes(stresses: list[float], recoveries: list[float], strength: float, k: float) -> ReplicaCurves:
    """p = strength (e^(k x) - 1) to the largest stress, every press released by its own recovery."""
    law = PowerClosure(p0=strength, k=k, unload_modulus=1.0)
    at = np.array(sorted(stresses))
    ends = np.log1p(at / strength) / k
    strain = np.linspace(0.0, ends[-1], 60)
    pressure = law.pressure_at(strain)
    return ReplicaCurves(
        strain, pressure, 0.4 * pressure, at, at / np.array(recoveries[: at.size]), ends, np.array(sorted(stresses))
    )


SETS = st.lists(st.floats(0.5, 150.0), min_size=1, max_size=6, unique_by=lambda stress: round(np.log(stress) / 0.05))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    stresses=SETS,
    recoveries=st.lists(st.floats(1e-3, 0.4), min_size=6, max_size=6),
    strengths=st.lists(st.floats(1.0, 4.0), min_size=1, max_size=3),
    k=st.floats(8.0, 20.0),
)
def test_more_load_never_leaves_a_thicker_web(stresses, recoveries, strengths, k) -> None:
    closure = fit_closure(
        [pressed_boxes(stresses, recoveries, strength, k) for strength in strengths], porosity=POROSITY
    )
    strain = np.linspace(0.0, closure.strain_limit, 2001)
    recovery = closure.recovery_at(strain)
    # a rounding of the cubics
    assert np.all(np.diff(strain - recovery) > -1e-12)
    assert np.all(recovery[1:] > 0.0)
    assert np.all(recovery[1:] < strain[1:])
    assert closure.pressed == pytest.approx((min(stresses), max(stresses)), rel=1e-9)
    if not closure.notes:  # nothing pooled: at a pressed stress the nip knows what its boxes gave back
        known = np.array(sorted(stresses))
        # WORTH_SAYING of strain may have been pooled, and stresses within 0.2 % share a knot
        here = closure.loading_at(np.minimum(known, closure.pressure[-1]))
        assert here.recovery == pytest.approx(recoveries[: known.size], abs=4e-3)


@pytest.mark.parametrize("stresses", [[30.0], [8.0, 30.0]], ids=["one_stress", "two_stresses"])
def test_porosity_behind_the_nip_falls_with_the_line_load(stresses: list[float]) -> None:
    closure = fit_closure([pressed_boxes(stresses, [0.06, 0.07], 2.0, 9.0)], porosity=POROSITY)
    web, rolls = Web((Layer(closure, 0.075, POROSITY),), Foil(0.015)), Rolls(215.0)
    loads = [0.1, 1.0, 10.0, 25.0, 50.0]
    nips = [roll_plain(web, rolls, Pass(line_load=load)) for load in loads]
    porosity = [nip.porosity_exit for nip in nips]
    assert np.all(np.diff(porosity) < 0.0)
    assert porosity[0] < POROSITY
    # what the nip leaves is what its largest pressure leaves
    at_peak = closure.loading_at(np.array(nips[2].peak_pressure))
    # pressure is stationary where it is largest: two interpolations of the table
    left = porosity_at_strain(POROSITY, float(at_peak.strain - at_peak.recovery))
    assert porosity[2] == pytest.approx(left, abs=1e-4)


def test_answers_outside_of_the_pressed_stresses_are_flagged() -> None:
    closure = fit_closure([pressed_boxes([8.0, 30.0], [0.06, 0.07], 2.0, 9.0)], porosity=POROSITY)
    assert closure_notes(closure, 7.9) == closure_notes(closure, 30.1) == []  # boxes end within 2 % of their stress
    assert "below the lowest stress pressed and released, 8 MPa" in closure_notes(closure, 5.0)[0]
    assert "above the highest stress pressed and released, 30 MPa" in closure_notes(closure, 31.0)[0]
    # with dp/dx = M at 660.7 MPa this law recovers more than it is compressed further
    law = PowerClosure(p0=6.0, k=9.0, unload_modulus=6000.0)
    assert closure_notes(law, 650.0) == []
    assert "leave thicker" in closure_notes(law, 670.0)[0]


def test_closure_ends_where_no_pores_are_left() -> None:
    boxes = pressed_boxes([8.0, 150.0], [0.06, 0.07], 1.0, 5.0)  # to strain 1.0: solid fraction 1.36
    closure = fit_closure([boxes], porosity=POROSITY)
    assert (1.0 - POROSITY) * np.exp(closure.strain_limit) == pytest.approx(0.98, rel=1e-9)
    assert "beyond solid fraction 0.98" in closure.notes[0]


def test_spline_of_a_law_is_the_law() -> None:
    """Second order in the knot distance: x = 0.02 apart, c = 0.1: (0.02 / 0.1)^2 / 8 of the recovery."""
    law = RecoveryCurve.through(np.array([0.4]), np.array([0.1 * -np.expm1(-4.0)]))
    knots, between = np.linspace(0.0, 0.4, 21), np.linspace(0.0, 0.4, 401)
    assert recovery_spline(knots, law.at(knots))(between) == pytest.approx(law.at(between), abs=5e-3 * 0.1)


def test_older_tables_roll_as_their_knots_say() -> None:
    strain, ones, none = np.linspace(0.0, 0.5, 6), np.ones(6), np.zeros(6)
    table = TabulatedClosure(0.5, strain, 40.0 * strain, 400.0 * ones, 0.4 * ones, none, none, none)
    assert table.recovery_at(strain) == pytest.approx(0.1 * strain, abs=1e-15)
    assert table.unload_modulus_at(strain[1:]) == pytest.approx(400.0, rel=1e-12)
    assert closure_notes(table, 10.0) == []  # it is not known what was pressed
