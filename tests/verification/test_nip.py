"""The nip against closed forms first, then against itself; oracles O12 and O30 of the physics notes."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
from scipy.integrate import quad, trapezoid

from kalander.continuum.closure.contract import Closure, ClosureRangeError
from kalander.continuum.closure.laws import PowerClosure, TabulatedClosure
from kalander.continuum.nip.march import march
from kalander.continuum.nip.newton import (
    gap_balance,
    gap_jacobian,
    hold_line_load,
    hold_minimum_thickness,
    hold_set_gap,
    make_grid,
    solve_profile,
)
from kalander.continuum.nip.plain import roll_plain
from kalander.continuum.nip.result import NipResult
from kalander.continuum.nip.roll import Rolls, hertz_approach
from kalander.continuum.nip.setting import Pass
from kalander.continuum.nip.web import Foil, Layer, Web
from kalander.kernels.errors import InputError, NumericalError

STEEL = Rolls(250.0)
RIGID = Rolls(250.0, modulus=math.inf)
COATING = PowerClosure(p0=6.0, k=9.0, unload_modulus=6000.0)
FOIL = Foil(0.015)


def web_of(closure: Closure, thickness: float = 0.075, foil: Foil | None = None, sides: int = 2) -> Web:
    return Web((Layer(closure, thickness, 0.45),), foil, sides)


def nip_at(web: Web, rolls: Rolls, *, points: int = 300, **setting: float) -> NipResult:
    return roll_plain(web, rolls, Pass(**setting), points=points)


WEB = web_of(COATING)


@dataclass(frozen=True)
class EngineeringStrainLaw(PowerClosure):
    """p = A (1 - h/H)^k, the law of Bland-type parabolas, with A = p0; the release is PowerClosure's."""

    def pressure_at(self, strain):
        return self.p0 * (-np.expm1(-strain)) ** self.k

    def pressure_slope_at(self, strain):
        return self.p0 * self.k * (-np.expm1(-strain)) ** (self.k - 1.0) * np.exp(-strain)


# --- closed forms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("power", "shape_factor"), [(1.0, 2.0 / 3.0), (2.0, 8.0 / 15.0)])
def test_rigid_parabola_without_springback(power: float, shape_factor: float) -> None:
    """O12: q = p_max L c_n on the entry side, L = sqrt(R (H - h0))."""
    web = web_of(EngineeringStrainLaw(600.0, power, 1e9))
    nip = nip_at(web, RIGID, gap=0.12, points=600)
    entry = nip.x >= 0.0
    half_length = math.sqrt(250.0 * 0.030)
    expected = 600.0 * 0.2**power * half_length * shape_factor
    # trapezoidal rule on 500 cells of a parabola: 1 / (2 x 500^2 c_n) = 3e-6, and as much again from the entry kink
    assert trapezoid(nip.pressure[entry], nip.x[entry]) == pytest.approx(expected, rel=1e-5)
    assert nip.entry_x == pytest.approx(half_length, rel=1e-5)  # linear between nodes: (dx / L)^2 / 4
    assert nip.nip_angle == pytest.approx(math.asin(half_length / 250.0), rel=1e-5)
    # nothing springs back, so the coating leaves where it is thinnest, within the one cell that resolves the release
    assert -1.01 * (nip.x[1] - nip.x[0]) <= nip.exit_x <= 0.0
    assert nip.springback == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("gap", [0.12, 0.11, 0.10])
def test_rigid_nip_is_the_integral_of_the_closure(gap: float) -> None:
    """Loading on the way in, p_max - M ln(h / h_min) on the way out, by adaptive quadrature."""
    top = 6.0 * math.expm1(9.0 * math.log(0.15 / gap))
    exit_x = -math.sqrt(250.0 * gap * math.expm1(top / 6000.0))
    entry_x = math.sqrt(250.0 * (0.15 - gap))

    def thickness(x: float) -> float:
        return gap + x * x / 250.0

    loading = quad(lambda x: 6.0 * math.expm1(9.0 * math.log(0.15 / thickness(x))), 0.0, entry_x, epsabs=1e-10)[0]
    release = quad(lambda x: top - 6000.0 * math.log(thickness(x) / gap), exit_x, 0.0, epsabs=1e-10)[0]
    nip = nip_at(WEB, RIGID, gap=gap)
    # kinks at entry, peak and exit: slope jump x dx^2 / 12 each, 2e-5 of the load on 300 nodes
    assert nip.line_load == pytest.approx(loading + release, rel=5e-5)
    assert nip.peak_pressure == pytest.approx(top, rel=1e-12)  # a node lies on the centre line
    assert nip.entry_x == pytest.approx(entry_x, rel=1e-5)
    assert nip.exit_x == pytest.approx(exit_x, rel=1e-3)  # the release spans some 20 to 50 nodes only
    assert nip.peak_x == 0.0


@pytest.mark.parametrize(
    ("rolls", "loads"), [(RIGID, (66.3, 175.4, 476.8)), (STEEL, (57.0, 125.2, 239.1))], ids=["rigid", "steel"]
)
def test_regression_of_the_notes(rolls: Rolls, loads: tuple[float, ...]) -> None:
    """O30. Not independent of the method, but of its discretisation: pressure was constant between nodes there."""
    for gap, load in zip((0.12, 0.11, 0.10), loads):
        # the quadrature above gives 175.33 where the notes have 175.4: their discretisation is good to 5e-4
        assert nip_at(WEB, rolls, gap=gap).line_load == pytest.approx(load, rel=1e-3)


def test_thin_elastic_layer_approaches_hertz() -> None:
    """A thin layer that is stiff against the rolls and returns nearly all it took leaves the bare rolls' contact."""
    thin = web_of(PowerClosure(1e5, 1.0, 1.02e5), 0.0005)
    nip = nip_at(thin, Rolls(400.0), line_load=1000.0)
    # the layer gives by 428 / 1e5 of 1 um: 4e-6 mm against an approach of 0.0179 mm; the square-root edge costs 1e-3
    assert nip.peak_pressure == pytest.approx(428.53, rel=2e-3)
    assert thin.thickness - nip.set_gap == pytest.approx(2.0 * hertz_approach(Rolls(400.0), 1000.0), rel=1e-3)


def test_stiff_rolls_approach_rigid_rolls() -> None:
    rigid = nip_at(WEB, RIGID, gap=0.11).line_load
    losses = [
        1.0 - nip_at(WEB, Rolls(250.0, modulus=modulus), gap=0.11).line_load / rigid for modulus in (2.1e8, 2.1e9)
    ]
    # the loss is linear in 1 / E once small: ten times the modulus, a tenth of the loss, up to the loss itself squared
    assert 0.0 < losses[0] < 2e-3
    assert losses[1] == pytest.approx(losses[0] / 10.0, rel=0.02)


def test_stand_opens_by_its_compliance() -> None:
    """A gap set in a yielding stand equals the wider gap of a stiff stand under the same load."""
    soft = nip_at(WEB, replace(STEEL, stand_compliance=2e-5), gap=0.10)
    stiff = nip_at(WEB, STEEL, gap=0.10 + 2e-5 * soft.line_load)
    assert soft.line_load == pytest.approx(stiff.line_load, rel=1e-4)  # the same equations on slightly other grids
    assert soft.line_load < 0.95 * nip_at(WEB, STEEL, gap=0.10).line_load


# --- the method -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "control",
    [hold_set_gap(0.11), hold_line_load(120.0, 0.15), hold_minimum_thickness(0.112)],
    ids=lambda c: c.__qualname__,
)
@pytest.mark.parametrize("exponent", [1.0, 1.5])
def test_newton_matrix_is_the_derivative(control, exponent: float) -> None:
    grid = make_grid(replace(STEEL, stand_compliance=2e-5), -3.0, 3.5, 40)
    closure = replace(COATING, unload_exponent=exponent)
    column_of = partial(march, closure, initial=0.15, floor=0.09)
    # off the centre line the turning point is no tie, so that differences do not straddle a kink
    unknowns = np.append(0.112 + (grid.x + 0.05) ** 2 / 280.0, 0.108)
    exact = gap_jacobian(grid, gap_balance(grid, column_of, control, unknowns))
    step = 1e-8  # mm; see the tolerance
    numeric = np.empty_like(exact)
    for column in range(unknowns.size):
        shift = np.zeros_like(unknowns)
        shift[column] = step
        above, below = (gap_balance(grid, column_of, control, unknowns + sign * shift).residual for sign in (1, -1))
        numeric[:, column] = (above - below) / (2.0 * step)
    # entries of order 1; rounding eps x 0.15 / step = 3e-9, truncation (k step / h)^2 = 1e-12
    assert exact == pytest.approx(numeric, abs=1e-7)


def test_result_satisfies_the_gap_equation_by_other_quadrature() -> None:
    """The profile against the kernel integrated adaptively over the interpolated pressure."""
    nip = nip_at(WEB, STEEL, gap=0.105)
    depth = 2.0 * 250.0 / math.e

    def pressure(s: float) -> float:
        return float(np.interp(s, nip.x, nip.pressure))

    for node in (60, 150, 220):
        x = float(nip.x[node])
        # QUADPACK's rules for f(s) ln(x - s) and f(s) ln(s - x)
        logarithmic = sum(
            quad(pressure, low, high, weight=weight, wvar=(0.0, 0.0), epsabs=2e-3, epsrel=0.0, limit=400)[0]
            for low, high, weight in ((nip.x[0], x, "alg-logb"), (x, nip.x[-1], "alg-loga"))
        )
        expected = 0.105 + x * x / 250.0 - 2.0 * STEEL.flexibility * (logarithmic - nip.line_load * math.log(depth))
        # two integrals good to 2e-3 N/mm, times 2 x 2.8e-6 / MPa
        assert nip.gap[node] == pytest.approx(expected, abs=2e-8)


def test_line_load_converges_with_second_order() -> None:
    loads = [nip_at(WEB, STEEL, gap=0.105, points=points).line_load for points in (100, 200, 400, 1600)]
    errors = np.abs(np.array(loads[:3]) - loads[3])
    # kinks fall differently between the nodes of each grid, so the order is taken over a factor of four in spacing:
    # second order is 16; 6 still excludes first order, which is 4
    assert errors[0] / errors[2] > 6.0
    assert errors[2] < 1e-4 * loads[3]


@pytest.mark.parametrize("gap", [0.149, 0.13, 0.11, 0.09, 0.05])
@pytest.mark.parametrize("rolls", [STEEL, replace(STEEL, stand_compliance=5e-5)], ids=["stiff_stand", "soft_stand"])
def test_controls_invert_each_other(gap: float, rolls: Rolls) -> None:
    """One state of the nip, found from its gap, its load, its peak and its exit."""
    nip = nip_at(WEB, rolls, gap=gap)
    again = [
        nip_at(WEB, rolls, line_load=nip.line_load),
        nip_at(WEB, rolls, peak_pressure=nip.peak_pressure),
        nip_at(WEB, rolls, exit_thickness=nip.exit_thickness),
    ]
    for other in again:
        # the grids follow the contact and differ a little between the controls: second-order differences
        assert other.set_gap == pytest.approx(gap, abs=2e-6)
        assert other.line_load == pytest.approx(nip.line_load, rel=3e-4)
        assert other.peak_pressure == pytest.approx(nip.peak_pressure, rel=3e-4)


def test_hard_nips_converge() -> None:
    """Stiff coatings to 500 MPa and gaps set below zero: the rolls flatten more than the web is thick."""
    stiff = web_of(PowerClosure(20.0, 14.0, 20000.0), foil=FOIL)
    at_peak = nip_at(stiff, STEEL, peak_pressure=500.0)
    assert at_peak.peak_pressure == pytest.approx(500.0, rel=1e-6)  # 1e-9 of the thickness x the steepest slope
    assert at_peak.loaded_gap > at_peak.set_gap
    forced = nip_at(stiff, STEEL, gap=-0.05)
    assert forced.residual <= 1e-9 * stiff.free_coating
    assert forced.loaded_gap > stiff.foil_thickness


def test_more_closed_means_more_load() -> None:
    nips = [nip_at(WEB, STEEL, gap=gap) for gap in np.linspace(0.149, 0.0, 12)]
    for quantity in ("line_load", "peak_pressure", "entry_x"):
        assert np.all(np.diff([getattr(nip, quantity) for nip in nips]) > 0.0), quantity
    assert np.all(np.diff([nip.loaded_gap for nip in nips]) < 0.0)


# --- what comes out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [1.0, 1.5])
def test_springback_is_pressure_over_modulus(exponent: float) -> None:
    nip = nip_at(web_of(replace(COATING, unload_exponent=exponent)), STEEL, gap=0.105)
    recovered = math.log(nip.coating_exit_thickness / nip.coating_minimum_thickness)
    assert recovered == pytest.approx(nip.peak_pressure / 6000.0, rel=1e-12)  # the same numbers, a few roundings
    assert nip.springback == pytest.approx(math.expm1(recovered), rel=1e-12)
    # the pressure ends where the gap has opened by that much
    at_exit = np.interp(nip.exit_x, nip.x, nip.gap)
    assert at_exit == pytest.approx(2.0 * nip.coating_exit_thickness, rel=1e-9)
    assert not np.any(nip.pressure[nip.x < nip.exit_x])


def test_mass_of_solid_is_conserved() -> None:
    web = web_of(COATING, foil=FOIL)
    nip = nip_at(web, STEEL, gap=0.12)
    solid = 0.55 * 0.075
    # a few roundings
    assert (1.0 - nip.porosity_nip) * nip.coating_minimum_thickness == pytest.approx(solid, rel=1e-12)
    assert (1.0 - nip.porosity_exit) * nip.coating_exit_thickness == pytest.approx(solid, rel=1e-12)
    assert nip.porosity_exit > nip.porosity_nip
    assert nip.exit_thickness == pytest.approx(0.015 + 2.0 * nip.coating_exit_thickness, rel=1e-12)


def test_one_thick_side_is_two_thin_sides() -> None:
    two = nip_at(web_of(COATING, foil=FOIL), STEEL, gap=0.12)
    one = nip_at(web_of(COATING, 0.15, FOIL, 1), STEEL, gap=0.12)
    assert one.line_load == two.line_load
    assert one.coating_exit_thickness == pytest.approx(2.0 * two.coating_exit_thickness, rel=1e-14)


def test_foil_only_lifts_the_gap() -> None:
    bare, foiled = nip_at(WEB, STEEL, gap=0.11), nip_at(web_of(COATING, foil=FOIL), STEEL, gap=0.125)
    assert foiled.line_load == pytest.approx(bare.line_load, rel=1e-9)  # the gap less the foil differs by rounding
    assert foiled.loaded_gap == pytest.approx(bare.loaded_gap + 0.015, rel=1e-9)


def test_reached_pressures() -> None:
    nips = [nip_at(WEB, STEEL, peak_pressure=pressure) for pressure in (20.0, 160.0)]
    assert [nip.peak_pressure for nip in nips] == pytest.approx([20.0, 160.0], rel=1e-6)  # tolerance x steepest slope
    assert nips[0].set_gap > nips[1].set_gap
    assert nips[0].line_load < nips[1].line_load


def tabulated(last_strain: float) -> TabulatedClosure:
    strain = np.linspace(0.0, last_strain, 41)
    even, none = np.ones(41), np.zeros(41)
    return TabulatedClosure(0.45, strain, COATING.pressure_at(strain), 6000.0 * even, 0.4 * even, none, none, none)


def test_table_of_a_law_rolls_like_the_law() -> None:
    law = nip_at(WEB, STEEL, gap=0.105)
    table = nip_at(web_of(tabulated(0.5)), STEEL, gap=0.105)
    assert table.line_load == pytest.approx(law.line_load, rel=1e-3)  # the table follows the law within 0.1 %


def test_table_is_used_to_its_end_and_not_beyond() -> None:
    short = web_of(tabulated(0.31))
    highest = float(short.layers[0].closure.pressure_at(np.array(0.31)))
    assert nip_at(short, STEEL, peak_pressure=highest).peak_pressure == pytest.approx(highest, rel=1e-6)
    with pytest.raises(ClosureRangeError, match=r"strain 0\.31"):
        nip_at(short, STEEL, gap=0.08)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("control", "value", "why"),
    [
        ("gap", 0.150, "no contact"),
        ("gap", math.nan, "no number"),
        ("gap", -math.inf, "no number"),
        ("line_load", 0.0, "presses nothing"),
        ("line_load", math.nan, "presses nothing"),
        ("peak_pressure", -1.0, "presses nothing"),
        ("exit_thickness", 0.151, "cannot leave"),
        ("exit_thickness", 0.0, "cannot leave"),
    ],
)
def test_impossible_controls_are_named(control: str, value: float, why: str) -> None:
    with pytest.raises(InputError, match=rf"pass\.{control}: .*{why}.*allowed"):
        nip_at(WEB, STEEL, **{control: value})


@pytest.mark.parametrize(
    ("control", "rolls", "value"),
    [
        ("gap", RIGID, 0.08),  # thinner than solid fraction 0.98
        ("gap", RIGID, -0.1),
        ("gap", STEEL, -1.0),
        ("line_load", RIGID, 1e5),
        ("peak_pressure", STEEL, 2000.0),
        ("exit_thickness", STEEL, 0.08),
    ],
)
def test_nothing_is_extrapolated(control: str, rolls: Rolls, value: float) -> None:
    with pytest.raises(ClosureRangeError, match="strain"):
        nip_at(WEB, rolls, **{control: value})


def test_lost_web_is_named() -> None:
    """Rolls wide apart carry no load, whatever the gap: Newton's matrix is singular."""
    grid = make_grid(STEEL, -3.0, 3.0, 40)
    column_of = partial(march, COATING, initial=0.15, floor=0.09)
    with pytest.raises(NumericalError, match="lost the web"):
        solve_profile(grid, column_of, hold_line_load(100.0, 0.15), 0.2 + grid.shape, 0.2, tolerance=1e-9)


def test_a_coating_softer_than_its_release_is_refused() -> None:
    """Released, it would be thicker than it came."""
    with pytest.raises(ClosureRangeError, match="unloading modulus is too low"):
        nip_at(web_of(replace(COATING, unload_modulus=50.0)), STEEL, gap=0.11)


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("layer.thickness", lambda: Layer(COATING, 0.0, 0.45)),
        ("layer.porosity", lambda: Layer(COATING, 0.075, 45.0)),
        ("foil.thickness", lambda: Foil(-0.01)),
        ("web.sides", lambda: replace(WEB, sides=3)),
        ("web.layer", lambda: replace(WEB, layers=())),
    ],
)
def test_web_refuses(key: str, make: Callable[[], object]) -> None:
    with pytest.raises(InputError, match=key):
        make()


def test_result_is_what_the_profile_says() -> None:
    nip = nip_at(WEB, STEEL, gap=0.105)
    assert np.all(np.diff(nip.x) > 0.0)
    assert nip.line_load == pytest.approx(trapezoid(nip.pressure, nip.x), rel=1e-12)  # ends carry nothing
    assert nip.loaded_gap == np.min(nip.gap)
    assert nip.exit_x < nip.peak_x < nip.entry_x
    assert not np.any(nip.pressure[nip.x > nip.entry_x])
