"""The layered column and its nip: closed forms first (O19, O20, O21, O31), then against the nip without layers."""

import math

import numpy as np
import pytest
from scipy.linalg import solve_triangular

from kalander.continuum.closure.cap import Cap, press_uniaxially
from kalander.continuum.closure.cap_closure import CapClosure
from kalander.continuum.closure.contract import ClosureRangeError
from kalander.continuum.closure.laws import PowerClosure
from kalander.continuum.nip.column import creep_matrix, follow_layer, follow_stack
from kalander.continuum.nip.heat import conduct
from kalander.continuum.nip.layers import roll_layers
from kalander.continuum.nip.plain import roll_plain
from kalander.continuum.nip.result import NipResult
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.setting import Pass
from kalander.continuum.nip.web import Foil, Layer, LayerPast, Web, rested
from kalander.kernels.errors import InputError

STEEL = Rolls(250.0)
RIGID = Rolls(250.0, modulus=math.inf)
SOFT = PowerClosure(4.0, 9.0, 6000.0)
COATING = PowerClosure(6.0, 9.0, 6000.0)
CAPPED = CapClosure(Cap(4000.0, 0.2, 1.2, 0.3, 5.0, 10.0), 0.55)
BRANCH = ((0.3, 0.002),)


def elastic(modulus: float) -> PowerClosure:
    """p = E x as nearly as a power law gets, released along the same line."""
    return PowerClosure(modulus / 1e-6, 1e-6, modulus)


def one_layer(**changes) -> Web:
    return Web((Layer(COATING, 0.075, 0.45, **changes),))


# --- closed forms ---------------------------------------------------------------------------------------------------


def test_two_layers_share_the_pressure() -> None:
    """O31: h / H of each at 100 MPa, by layers of any thickness."""
    for thick in (0.01, 0.06):
        layers = (Layer(COATING, thick, 0.45), Layer(SOFT, 0.075 - thick, 0.45))
        stack = follow_stack(Web(layers, sides=1), np.array([100.0]), np.ones((1, 2)), 1.0, [np.eye(1)] * 2)
        # rounding alone; six digits are given
        ratios = [math.exp(-float(layer.strain[0])) for layer in stack.layers]
        assert ratios == pytest.approx([(106.0 / 6.0) ** (-1 / 9), (104.0 / 4.0) ** (-1 / 9)], rel=1e-12)
        assert ratios == pytest.approx([0.726821, 0.696275], abs=6e-7)


def test_standard_solid_under_a_ramp() -> None:
    """O20: 123.606 MPa, exact for a strain linear in time whatever the step."""
    rest, branch, time, end = 1000.0, 500.0, 2e-3, 3.5e-3
    for steps in (1, 7, 200):
        step = end / steps
        creep = creep_matrix(((branch / (rest + branch), time),), step, steps)
        strain = 0.1 * np.arange(1, steps + 1) / steps
        # column gives strain from stress; the inverse of its matrix is the relaxation
        stress = (rest + branch) * solve_triangular(creep, strain, lower=True)
        expected = rest * 0.1 + branch * 0.1 * time / end * -math.expm1(-end / time)
        assert stress[-1] == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(123.606, abs=5e-4)
    assert time / end == pytest.approx(0.571, abs=5e-4)  # De


def maxwell_nip(zeta: float) -> tuple[float, float, float, float]:
    """Exit xi, peak, its place, integral of s: rolling on a Maxwell foundation, s in E eps_0, lengths in L."""

    def s(xi):
        return 2 / zeta * xi + 2 / zeta**2 - (2 / zeta + 2 / zeta**2) * np.exp(-zeta * (1 - xi))

    from scipy.integrate import quad
    from scipy.optimize import brentq

    leaving = brentq(s, -0.999, -1e-3)
    place = 1.0 - math.log1p(zeta) / zeta  # s' = 0: e^(-zeta (1 - xi)) = 1 / (1 + zeta)
    return leaving, float(s(place)), place, quad(s, leaving, 1.0)[0]


@pytest.mark.parametrize(
    ("zeta", "leaving", "integral"), [(1.0, -0.5936, 0.64761), (0.1, -0.9375, 1.21140), (10.0, -0.1000, 0.09900)]
)
def test_rolling_on_a_maxwell_foundation(zeta: float, leaving: float, integral: float) -> None:
    """O21: the closed form has the digits of the notes, and the layered nip of a thin relaxing layer follows it."""
    exact = maxwell_nip(zeta)
    assert exact[0] == pytest.approx(leaving, abs=6e-5)
    assert exact[3] == pytest.approx(integral, abs=6e-6)
    if zeta == 1.0:
        assert exact[1:3] == pytest.approx((2 * (1 - math.log(2)), 1 - math.log(2)), rel=1e-12)
    # a strain of 1e-4 is small enough for ln h to be linear; L / V = 1 ms
    thickness, strain, modulus, radius = 0.15, 1e-4, 1000.0, 250.0
    length = math.sqrt(radius * thickness * strain)
    layer = Layer(elastic(modulus), thickness / 2, 0.45, relaxation=((1.0 - 1e-7, 1e-3 / zeta),))
    slow = Pass(speed=length / 1e-3, gap=thickness * (1 - strain))
    nip = roll_layers(Web((layer,)), Rolls(radius, modulus=math.inf), slow, points=500)
    scale = modulus * strain
    # nodes every 1/250 of L: exit within a fifth of a node, the rest by (1/250)^2
    assert nip.exit_x / length == pytest.approx(exact[0], abs=1.5e-3)
    assert nip.peak_pressure / scale == pytest.approx(exact[1], rel=2e-4)
    assert nip.line_load / scale / length == pytest.approx(exact[3], rel=5e-4)
    assert nip.deborah == pytest.approx(1.0 / zeta * length / (nip.entry_x - nip.exit_x), rel=1e-6)


def test_heat_into_a_layer() -> None:
    """O19: step on one face, the other insulated, Fo = 0.3: mean 0.61324, far face 0.39320."""
    cells, steps = 40, 200
    thickness = np.full((steps, cells), 1.0 / cells)
    face = np.full(steps, 1e9)
    temperature = conduct(
        thickness, np.ones(cells), np.full(cells, 1.0 / cells), face, np.zeros(steps), 0.3 / steps, np.zeros(cells), 1.0
    )
    number = np.arange(200)
    root = (number + 0.5) * math.pi
    mean = 1.0 - np.sum(2.0 / root**2 * np.exp(-(root**2) * 0.3))
    far = 1.0 - np.sum(2.0 * (-1.0) ** number / root * np.exp(-(root**2) * 0.3))
    assert (mean, far) == pytest.approx((0.61324, 0.39320), abs=6e-6)
    assert temperature[-1].mean() == pytest.approx(mean, abs=1e-3)
    # the last cell's centre lies half a cell from the face, where the slope is zero: (1/80)^2
    assert temperature[-1, -1] == pytest.approx(far, abs=1e-3)


def test_conduction_converges_with_second_order() -> None:
    def mean(cells: int, steps: int) -> float:
        face = np.full(steps, 5.0)
        along = conduct(
            np.full((steps, cells), 1.0 / cells), np.ones(cells), np.full(cells, 1.0 / cells), face, np.zeros(steps),
            0.3 / steps, np.zeros(cells), 1.0,
        )  # fmt: skip
        return float(along[-1].mean())

    values = [mean(8 * n, 10 * n) for n in (1, 2, 4, 16)]
    errors = np.abs(np.array(values[:3]) - values[3])
    assert np.log2(errors[:-1] / errors[1:]) == pytest.approx([2.0, 2.0], abs=0.3)


def test_heat_is_conserved() -> None:
    """Without contacts the heat of unequal cells stays what it was; with one it grows by what came in."""
    capacity = np.array([1.0, 2.0, 0.5])
    start = np.array([300.0, 350.0, 320.0])
    contact = np.array([1e-30] * 50)  # on the rolls, but hardly touched
    along = conduct(np.ones((50, 3)), np.array([1.0, 0.2, 3.0]), capacity, contact, contact, 0.1, start, 300.0)
    assert along @ capacity == pytest.approx(np.full(50, capacity @ start), rel=1e-12)
    assert np.ptp(along[-1]) < 0.2 * np.ptp(start)


# --- the method -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closure", [COATING, CAPPED], ids=["power", "cap"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"relaxation": ((0.3, 0.4), (0.2, 5.0))}, {"viscous_time": 0.3}],
    ids=["at_once", "prony", "perzyna"],
)
@pytest.mark.parametrize("with_past", [False, True], ids=["fresh", "second_pass"])
def test_jacobian_of_a_layer(closure, changes: dict, with_past: bool) -> None:
    layer = Layer(closure, 0.075, 0.45, **changes)
    past = LayerPast(20.0, 0.001, np.full(len(layer.relaxation), 2e-4)) if with_past else None
    pressure = np.array([2.0, 9.0, 30.0, 55.0, 80.0, 70.0, 40.0, 12.0, 1.0])
    factor = np.linspace(1.0, 0.8, pressure.size)
    creep = creep_matrix(layer.relaxation, 0.1, pressure.size)

    def strain(values: np.ndarray) -> np.ndarray:
        return follow_layer(layer, values, factor, 0.1, creep, past).strain

    exact = follow_layer(layer, pressure, factor, 0.1, creep, past).jacobian
    step = 1e-4  # MPa: truncation (step / p)^2, rounding 1e-12 of the inverse curves / 1e-4
    for column in range(pressure.size):
        shift = np.zeros(pressure.size)
        shift[column] = step
        numeric = (strain(pressure + shift) - strain(pressure - shift)) / (2.0 * step)
        # entries up to 0.02 / MPa
        assert exact[:, column] == pytest.approx(numeric, abs=2e-7)


@pytest.mark.parametrize("rolls", [RIGID, STEEL, Rolls(250.0, stand_compliance=2e-4)], ids=["rigid", "steel", "stand"])
@pytest.mark.parametrize("closure", [COATING, CAPPED], ids=["power", "cap"])
def test_equal_layers_roll_like_one(rolls: Rolls, closure) -> None:
    """Newton in pressure with histories against Newton in thickness without: one nip."""
    plain = roll_plain(Web((Layer(closure, 0.075, 0.45),), Foil(0.015)), rolls, Pass(gap=0.125))
    layers = Web(tuple(Layer(closure, 0.025, 0.45) for _ in range(3)), Foil(0.015))
    nip = roll_layers(layers, rolls, Pass(speed=100.0, gap=0.125))
    # grids of 300 and 160 points, both of second order
    assert nip.line_load == pytest.approx(plain.line_load, rel=3e-4)
    assert nip.peak_pressure == pytest.approx(plain.peak_pressure, rel=3e-4)
    # 3e-4 of 85 N/mm moves the yielding stand by 5e-6 mm
    assert nip.exit_thickness == pytest.approx(plain.exit_thickness, rel=5e-5)
    assert (nip.entry_x, nip.exit_x) == pytest.approx((plain.entry_x, plain.exit_x), rel=2e-3)
    assert nip.deborah is None


@pytest.mark.parametrize("web", [one_layer(), one_layer(relaxation=BRANCH)], ids=["at_once", "prony"])
def test_controls_invert_each_other(web: Web) -> None:
    by_gap = roll_layers(web, STEEL, Pass(speed=300.0, gap=0.11))
    for name, value in (
        ("line_load", by_gap.line_load),
        ("peak_pressure", by_gap.peak_pressure),
        ("exit_thickness", by_gap.exit_thickness),
    ):
        again = roll_layers(web, STEEL, Pass(speed=300.0, **{name: value}))
        # the grids differ a little; with relaxation the exit lies on a node of each
        assert again.set_gap == pytest.approx(0.11, abs=2e-5), name
        assert again.line_load == pytest.approx(by_gap.line_load, rel=2e-3), name


def test_slow_rolling_is_relaxed_and_fast_rolling_is_not() -> None:
    """Far from De = 1 the relaxing coating is one without branches: stiff, or with the modulus that is left."""
    web = one_layer(relaxation=((0.5, 1e-2),))
    fast, slow = (roll_layers(web, STEEL, Pass(speed=speed, gap=0.11)) for speed in (1e5, 1e-2))
    assert fast.deborah is not None
    assert slow.deborah is not None
    assert fast.deborah > 100.0
    assert slow.deborah < 1e-2
    stiff = roll_layers(one_layer(), STEEL, Pass(speed=1.0, gap=0.11))
    assert fast.line_load == pytest.approx(stiff.line_load, rel=2e-3)  # 1 / De of it relaxes
    assert fast.springback == pytest.approx(stiff.springback, rel=2e-2)
    # relaxed, the elastic strain doubles on loading, and more of the nip's strain comes back
    assert slow.springback > 1.8 * stiff.springback
    assert slow.springback == pytest.approx(slow.springback_delayed, rel=2e-2)


def test_delayed_springback_follows_its_retardation_time() -> None:
    """One standard solid: e(t) = e(0) exp(-t / tau'), tau' = tau / (1 - g)."""
    web = one_layer(relaxation=BRANCH)
    nip = roll_layers(web, STEEL, Pass(speed=1000.0, gap=0.11))
    start = nip.left.pasts[0]
    for time in (1e-3, 5e-3):
        later = rested(nip.left, time).pasts[0]
        assert later.elastic == pytest.approx(start.elastic * math.exp(-time * 0.7 / 0.002), rel=1e-9)
    assert nip.coating_recovered_thickness > nip.coating_exit_thickness
    settled = rested(nip.left, 10.0)
    assert settled.coating == pytest.approx(2.0 * nip.coating_recovered_thickness, rel=1e-9)


def test_prony_reduction_agrees_with_the_full_law() -> None:
    """The column relaxes the axial curve; the law itself relaxes p and q. Under the stress history of the full law the
    column's strain differs by little: the ratio of both stresses hardly turns while they relax together."""
    cap, relaxation = CAPPED.cap, ((0.4, 1.0),)
    times = np.linspace(0.0, 2.0, 401)
    strains = 0.25 * np.minimum(times, 1.0)  # pressed for a relaxation time, held for another
    axial, _, _ = press_uniaxially(cap, strains, times=times, relaxation=relaxation)
    pressure = (axial * np.exp(strains))[1:]
    layer = Layer(CAPPED, 0.075, 0.45, relaxation=relaxation)
    step = times[1]
    history = follow_layer(layer, pressure, np.ones(400), step, creep_matrix(relaxation, step, 400))
    assert np.max(np.abs(history.strain - strains[1:])) < 2e-3  # of 0.25; backward Euler alone has 2e-4


def test_viscosity_hardens_with_speed() -> None:
    loads = [
        roll_layers(one_layer(viscous_time=1e-3), STEEL, Pass(speed=speed, gap=0.11)).line_load
        for speed in (1.0, 100.0, 1000.0)
    ]
    assert loads[0] < loads[1] < loads[2]
    # slow: as without viscosity
    assert loads[0] == pytest.approx(roll_layers(one_layer(), STEEL, Pass(speed=1.0, gap=0.11)).line_load, rel=2e-3)


def test_two_layers_that_release_by_a_power_settle_at_any_gap() -> None:
    """Where the web leaves the rolls a release by a power m > 1 has no bound on its slope, at pressures of 1e-13 MPa.

    Gaps some of which failed: nodes there fell in and out of contact without end.
    """
    closure = PowerClosure(p0=6.0, k=9.0, unload_modulus=3000.0, unload_exponent=6.0)
    layers = tuple(Layer(closure, 0.0396, 0.522) for _ in range(2))
    loads = [
        roll_layers(Web(layers), Rolls(215.0, stand_compliance=2e-4), Pass(speed=33.0, gap=gap)).line_load
        for gap in np.linspace(0.09, 0.125, 12)
    ]
    assert np.all(np.diff(loads) < 0.0)


def test_a_second_pass_at_the_same_gap_finds_a_springier_web() -> None:
    web = one_layer()
    first = roll_layers(web, STEEL, Pass(speed=100.0, gap=0.11))
    again = rested(first.left, 60.0)
    second = roll_layers(again, STEEL, Pass(speed=100.0, gap=0.11))
    assert again.thickness == pytest.approx(first.exit_thickness, rel=1e-12)
    # what came out thicker than the loaded gap by its springback is pressed again, elastically over most of the way
    assert second.line_load < first.line_load
    assert second.exit_thickness < first.exit_thickness
    assert second.entry_x < first.entry_x
    # and a far tighter gap hardly remembers the first pass: the coating yields anew
    direct = roll_layers(web, STEEL, Pass(speed=100.0, gap=0.09))
    after = roll_layers(again, STEEL, Pass(speed=100.0, gap=0.09))
    assert after.exit_thickness == pytest.approx(direct.exit_thickness, rel=0.02)


@pytest.mark.parametrize("closures", [(CAPPED,), (COATING, CAPPED)], ids=["cap", "both"])
@pytest.mark.parametrize("relaxation", [(), ((0.4, 1e-4), (0.3, 0.1))], ids=["at_once", "prony"])
@pytest.mark.parametrize("share", [0.99, 0.97, 0.867, 0.6])
@pytest.mark.parametrize("rolls", [Rolls(250.0, stand_compliance=2e-4), Rolls(15.0)], ids=["stand", "small"])
def test_light_and_heavy_nips_settle(closures, relaxation, share: float, rolls: Rolls) -> None:
    """Barely touching webs on the elastic branch of the cap, stands that yield more than the web, tiny rolls."""
    layers = tuple(Layer(closure, 0.075 / len(closures), 0.45, relaxation=relaxation) for closure in closures)
    nip = roll_layers(Web(layers, Foil(0.015)), rolls, Pass(speed=10.0, gap=0.015 + 0.15 * share))
    assert nip.residual <= 1.5e-10
    assert nip.exit_x < nip.entry_x
    assert 0.0 < nip.line_load < math.inf


# --- what comes out -------------------------------------------------------------------------------------------------


def solid(web: Web, nip: NipResult) -> np.ndarray:
    """Solid per area of each layer behind the nip over before."""
    free = np.array([layer.thickness for layer in web.layers])
    strain = nip.layer_strain[np.searchsorted(nip.x, nip.exit_x) - 1]
    before = free * (1.0 - np.array([layer.porosity for layer in web.layers]))
    return (1.0 - nip.porosity_layers) * free * np.exp(-strain) / before


@pytest.mark.parametrize("speed", [10.0, 1000.0])
def test_mass_flux_is_constant(speed: float) -> None:
    """O14: rho h v within 1e-6; the web keeps its speed, so solid per area is the flux."""
    web = Web((Layer(CAPPED, 0.03, 0.5, relaxation=BRANCH), Layer(COATING, 0.045, 0.4)), Foil(0.015))
    nip = roll_layers(web, STEEL, Pass(speed=speed, gap=0.12, roll_temperature=353.15))
    assert solid(web, nip) == pytest.approx(np.ones(2), rel=1e-6)
    total = sum(layer.thickness * (1.0 - layer.porosity) for layer in web.layers)
    assert (1.0 - nip.porosity_exit) * nip.coating_exit_thickness == pytest.approx(total, rel=1e-6)


def test_a_homogeneous_isothermal_coating_has_no_gradient() -> None:
    web = Web(tuple(Layer(COATING, 0.075 / 16, 0.45, softening=0.004) for _ in range(16)), Foil(0.015))
    nip = roll_layers(web, STEEL, Pass(speed=500.0, gap=0.12))
    assert np.ptp(nip.porosity_layers) < 1e-12


def test_a_hot_roll_makes_a_gradient() -> None:
    """Hot surface, soft surface: denser there. At 1 m/s the heat reaches half of the coating."""
    web = Web(tuple(Layer(COATING, 0.075 / 16, 0.45, softening=0.004) for _ in range(16)), Foil(0.015))
    nip = roll_layers(web, STEEL, Pass(speed=1000.0, gap=0.12, roll_temperature=373.15))
    assert np.all(np.diff(nip.porosity_layers) > 0.0)  # roll side first
    assert np.ptp(nip.porosity_layers) > 0.005
    assert np.all(np.diff(nip.temperature_layers) < 0.0)
    # slowly rolled the coating is hot throughout, and even
    slow = roll_layers(web, STEEL, Pass(speed=10.0, gap=0.12, roll_temperature=373.15))
    assert np.ptp(slow.porosity_layers) < 0.1 * np.ptp(nip.porosity_layers)
    assert np.min(slow.temperature_layers) > 370.0
    assert slow.line_load < nip.line_load < roll_layers(web, STEEL, Pass(speed=1000.0, gap=0.12)).line_load


def test_two_layers_make_a_gradient() -> None:
    web = Web((Layer(COATING, 0.0375, 0.45), Layer(SOFT, 0.0375, 0.45)))
    nip = roll_layers(web, STEEL, Pass(speed=33.0, gap=0.11))
    peak = nip.peak_pressure
    for porosity, closure in zip(nip.porosity_layers, (COATING, SOFT), strict=True):
        strain = math.log1p(peak / closure.p0) / 9.0 - peak / 6000.0
        assert porosity == pytest.approx(1.0 - 0.55 * math.exp(strain), abs=1e-9)
    assert nip.porosity_layers[1] < nip.porosity_layers[0] - 0.02


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ({"gap": 0.15}, "no contact"),
        ({"gap": math.nan}, "no number"),
        ({"line_load": 0.0}, "presses nothing"),
        ({"exit_thickness": 0.16}, "cannot leave"),
        ({"gap": 0.1, "line_load": 5.0}, "one setting"),
        ({}, "one setting"),
    ],
)
def test_impossible_settings_are_named(setting: dict, why: str) -> None:
    with pytest.raises(InputError, match=why):
        roll_layers(one_layer(), STEEL, Pass(speed=100.0, **setting))


@pytest.mark.parametrize(("rolls", "setting"), [(RIGID, {"gap": 0.05}), (STEEL, {"line_load": 1e5})])
def test_nothing_is_extrapolated(rolls: Rolls, setting: dict) -> None:
    with pytest.raises(ClosureRangeError):
        roll_layers(one_layer(), rolls, Pass(speed=100.0, **setting))


@pytest.mark.parametrize(
    "changes",
    [
        {"thickness": 0.0},
        {"porosity": 0.01},
        {"relaxation": ((0.6, 1.0), (0.4, 1.0))},
        {"relaxation": ((0.2, -1.0),)},
        {"conductivity": 0.0},
        {"viscous_time": -1.0},
    ],
)
def test_impossible_layers_are_refused(changes: dict) -> None:
    with pytest.raises(InputError, match=f"layer.{next(iter(changes))}"):
        Layer(**{"closure": COATING, "thickness": 0.075, "porosity": 0.45, **changes})


def test_a_layer_that_melts_is_refused() -> None:
    web = one_layer(softening=0.02)
    with pytest.raises(InputError, match="no stiffness"):
        roll_layers(web, STEEL, Pass(speed=10.0, gap=0.12, roll_temperature=373.15))
