"""Rolls that bend: beams, the balance across the width, crowns and temperatures, against closed forms.

Numbers named "prototype" were computed once by another program (physics notes, section 5).
"""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from kalander.continuum.closure.laws import PowerClosure
from kalander.continuum.nip.roll import Rolls, hertz_approach, hertz_peak_pressure, hitchcock_radius
from kalander.continuum.nip.setting import Pass
from kalander.continuum.nip.web import Layer, Web
from kalander.continuum.rolling import roll
from kalander.continuum.rolls.backup import contact_stiffness, on_backup
from kalander.continuum.rolls.beam import (
    Flexibility,
    Roll,
    bending_centre_edge,
    couple_deflection,
    shear_centre_edge,
    shear_coefficient,
)
from kalander.continuum.rolls.crown import crown_radius, ideal_crown, shape_columns, skew_opening
from kalander.continuum.rolls.design import Columns, Situation, best, response
from kalander.continuum.rolls.law import LoadLaw
from kalander.continuum.rolls.thermal import Fin, centre_hot, growth, zone_profiles
from kalander.continuum.rolls.width import Control, Face, Machine, bend, load_evenly, stations
from kalander.kernels.errors import InputError

ROOM = 298.15
PILOT = Roll(diameter=400.0, face=600.0, span=900.0)
COATING = PowerClosure(6.0, 9.0, 6000.0)
STEEL = 11.5e-6  # 1/K


@pytest.fixture(scope="module")
def web() -> Web:
    """Of the prototype: H = 0.15 mm over both sides."""
    return Web((Layer(COATING, 0.075, 0.45, softening=0.004),))


@pytest.fixture(scope="module")
def pilot(web: Web) -> Machine:
    law = LoadLaw.of(web, Rolls(200.0), 420.0, [ROOM - 5.0, ROOM + 5.0])
    return Machine.of(PILOT, law, stations(600.0))


@pytest.fixture(scope="module")
def face() -> Face:
    return Face.even(600.0, ROOM)


@pytest.mark.parametrize(
    ("beam", "bending", "shear"),
    [(PILOT, 14.068e-3, 5.002e-3), (Roll(diameter=800.0, face=1500.0, span=2100.0), 30.599e-3, 7.816e-3)],
)
def test_an_even_load_bends_a_roll_as_the_closed_forms_say(beam, bending, shear):
    """O15. 161 stations leave 1.5e-5."""
    assert bending_centre_edge(beam, 1000.0) == pytest.approx(bending, rel=1e-4)
    assert shear_centre_edge(beam, 1000.0) == pytest.approx(shear, rel=1e-4)
    even = Face.even(beam.face, ROOM)
    flexibility = Flexibility.of(beam, even.y)
    for matrix, wanted in ((flexibility.bending, bending), (flexibility.shear, shear)):
        deflection = matrix @ (1000.0 * even.weight)
        assert deflection[80] - deflection[0] == pytest.approx(wanted, rel=1e-4)
        np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12)


def test_the_flexibility_is_that_of_a_beam_on_two_supports():
    """Influence function of bending, (L - s) y (2 L s - y^2 - s^2) / (6 E I L) for y <= s from a bearing."""
    flexibility = Flexibility.of(PILOT, stations(600.0, 7))
    place = flexibility.y + 450.0
    y, s = np.minimum.outer(place, place), np.maximum.outer(place, place)
    bending, shear = PILOT.section.bending, PILOT.section.shear
    np.testing.assert_allclose(
        flexibility.bending, (900.0 - s) * y * (1800.0 * s - y**2 - s**2) / (5400.0 * bending), rtol=1e-12
    )
    np.testing.assert_allclose(flexibility.shear, y * (900.0 - s) / (900.0 * shear), rtol=1e-12)
    np.testing.assert_allclose(flexibility.couple, couple_deflection(PILOT, flexibility.y, 1.0), rtol=1e-12)


def test_a_hollow_roll_bends_by_its_second_moment_and_its_own_shear_coefficient():
    hollow = Roll(diameter=400.0, bore=250.0, face=600.0, span=900.0)
    even = Face.even(600.0, ROOM)
    flexibility = Flexibility.of(hollow, even.y)
    second_moment = math.pi / 64.0 * (400.0**4 - 250.0**4)
    area, m = math.pi / 4.0 * (400.0**2 - 250.0**2), 250.0 / 400.0
    kappa = 6 * 1.3 * (1 + m**2) ** 2 / ((7 + 6 * 0.3) * (1 + m**2) ** 2 + (20 + 12 * 0.3) * m**2)  # Cowper 1966
    bending, shear = (matrix @ (1000.0 * even.weight) for matrix in (flexibility.bending, flexibility.shear))
    wanted = 1000.0 * 600.0**3 * (12 * 900.0 - 7 * 600.0) / (384.0 * 210e3 * second_moment)
    assert bending[80] - bending[0] == pytest.approx(wanted, rel=1e-4)
    assert shear[80] - shear[0] == pytest.approx(1000.0 * 600.0**2 / (8.0 * kappa * 210e3 / 2.6 * area), rel=1e-4)
    assert shear_coefficient(0.3) == pytest.approx(0.886, abs=5e-4)


def test_a_shell_of_the_same_metal_and_journals_as_thick_as_the_roll_change_nothing():
    y = stations(600.0, 21)
    plain = Flexibility.of(PILOT, y)
    shelled = Flexibility.of(Roll(400.0, 600.0, 900.0, shell=(20.0, 210e3), journal=400.0), y)
    np.testing.assert_allclose(shelled.bending, plain.bending, rtol=1e-12)
    np.testing.assert_allclose(shelled.shear, plain.shear, rtol=1e-12)
    thin = Flexibility.of(Roll(400.0, 600.0, 900.0, journal=250.0), y).bending @ np.ones(21)
    thick = plain.bending @ np.ones(21)
    # journals add a deflection of the whole face, and by symmetry not to its own bending
    assert thin[10] > thick[10]
    assert thin[10] - thin[0] == pytest.approx(thick[10] - thick[0], rel=1e-9)


def test_bearings_that_give_sink_by_their_load():
    soft = Flexibility.of(Roll(400.0, 600.0, 900.0, bearing_stiffness=1e6), stations(600.0, 21))
    assert soft.bearing @ np.full(21, 1000.0) == pytest.approx(np.full(21, 21e3 / 2 / 1e6), rel=1e-12)


def test_a_long_roll_on_springs_sinks_as_winklers_beam():
    """O16: lambda = (k / 4 E I)^(1/4), y0 = P lambda / (2 k) under a point load on an infinite beam; no shear."""
    k, point = 5e4, 1e5
    long = Roll(diameter=400.0, face=8000.0, span=8000.0)
    bedded = Face.even(8000.0, ROOM, count=321)
    bending = Flexibility.of(long, bedded.y).bending
    force = np.zeros(321)
    force[160] = point
    sunk = np.linalg.solve(np.eye(321) + bending * (k * bedded.weight), bending @ force)
    lam = (k / (4.0 * long.section.bending)) ** 0.25
    assert lam == pytest.approx(2.62343e-3, rel=1e-5)
    assert sunk[160] == pytest.approx(point * lam / (2.0 * k), rel=0.01)
    distance = lam * bedded.y[160:200]
    shape = np.exp(-distance) * (np.cos(distance) + np.sin(distance))
    np.testing.assert_allclose(sunk[160:200] / sunk[160], shape, atol=0.01)


def test_a_work_roll_on_a_stiff_backup_roll_is_winklers_beam():
    """Long and slender, so that shear, which Winkler leaves out, adds little: 0.4 per cent."""
    even = Face.even(8000.0, ROOM, count=321)
    slender, stiff = Roll(100.0, 8000.0, 8000.0), Roll(9000.0, 8000.0, 8000.0, modulus=1e12)
    laid = on_backup(Flexibility.of(slender, even.y), Flexibility.of(stiff, even.y), even.weight, 10.0)
    lam = (10.0 / (4.0 * slender.section.bending)) ** 0.25
    assert laid.bending[160, 160] == pytest.approx(lam / 20.0, rel=0.01)
    np.testing.assert_allclose(laid.bending, laid.bending.T, atol=1e-9 * laid.bending.max())


def test_a_four_high_calender_bends_less_than_its_work_rolls_alone(pilot: Machine, face: Face):
    thin, thick = Roll(200.0, 600.0, 900.0), Roll(500.0, 600.0, 900.0)
    alone = Machine.of(thin, pilot.law, face.y)
    held = Machine.of(thin, pilot.law, face.y, backup=thick, line_load=100.0)
    spreads = [bend(one, face, Control(line_load=100.0)).load_spread for one in (alone, held)]
    assert spreads[1] < 0.1 * spreads[0]
    crown = ideal_crown(held, face, 100.0)
    assert bend(held, face.opened(-crown), Control(line_load=100.0)).load_spread < 5e-4
    # a contact that gives nothing binds both to one line: their stiffnesses of bending add up, shear aside
    weight = face.weight
    bound = on_backup(Flexibility.of(thin, face.y), Flexibility.of(thick, face.y), weight, 1e12).bending @ weight
    backup = Flexibility.of(thick, face.y).total @ weight
    share = (bound[80] - bound[0]) / (backup[80] - backup[0])
    assert 0.9 < share < 1.0
    with pytest.raises(InputError):
        on_backup(Flexibility.of(thin, face.y), Flexibility.of(thick, face.y), weight, 0.0)
    # equal rolls: twice the approach of one in Hertz's pair
    assert contact_stiffness(PILOT, PILOT, 300.0) == pytest.approx(
        300.0 / (2.0 * hertz_approach(Rolls(200.0), 300.0)), rel=1e-12
    )


def test_the_table_is_the_nip_itself(web: Web, pilot: Machine):
    """A slice read from the table of 20 nips against the nip solved for it; a table in logarithms leaves 1e-4."""
    for gap in (0.13, 0.11, 0.1):
        (nip,) = roll(web, Rolls(200.0), [Pass(gap=gap)])
        load, _, _ = pilot.law.load_at(np.array(gap), 0.0, ROOM)
        assert float(load) == pytest.approx(nip.line_load, rel=5e-4)
        assert float(pilot.law.gap_at(float(load), 0.0, ROOM)) == pytest.approx(gap, rel=1e-9)
        read = pilot.law.read_at(np.array(gap), 0.0, ROOM)
        for name in ("porosity_exit", "springback", "exit_thickness", "peak_pressure"):
            assert float(read[name]) == pytest.approx(getattr(nip, name), rel=2e-3), name


def test_slopes_of_the_table_are_its_derivatives(pilot: Machine):
    gap, excess, warm = np.array([0.1, 0.12]), np.array([0.001, -0.002]), np.array([ROOM, ROOM + 2.0])
    _, by_gap, by_kelvin = pilot.law.load_at(gap, excess, warm)
    step = 1e-6
    ahead, behind = (pilot.law.load_at(gap + d, excess, warm)[0] for d in (step, -step))
    np.testing.assert_allclose(by_gap, (ahead - behind) / (2 * step), rtol=1e-5)
    ahead, behind = (pilot.law.load_at(gap, excess, warm + d)[0] for d in (0.01, -0.01))
    np.testing.assert_allclose(by_kelvin, (ahead - behind) / 0.02, rtol=1e-5)
    assert np.all(by_kelvin < 0.0)  # a warm coating yields


def test_a_thicker_coating_is_pressed_harder_as_a_nip_of_that_thickness(web: Web):
    """Rigid rolls: exact but for the table; elastic ones flatten a little otherwise."""
    excess = 0.006
    bead = Web((Layer(COATING, 0.075 + excess / 2, 0.45),))
    for rolls, share in ((Rolls(200.0, modulus=math.inf), 1e-3), (Rolls(200.0), 0.02)):
        law = LoadLaw.of(web, rolls, 300.0, [ROOM])
        (nip,) = roll(bead, rolls, [Pass(gap=0.115)])
        assert float(law.load_at(np.array(0.115), excess)[0]) == pytest.approx(nip.line_load, rel=share)


def test_hard_thin_coating_leaves_the_flattening_of_the_bare_rolls():
    """A film of 2 x 2 um of a hard powder between elastic rolls: Hertz's approach (O8) and peak, but for what it is
    compressed; Hitchcock's arc (O9)."""
    assert hertz_approach(Rolls(400.0), 1000.0) == pytest.approx(17.882e-3, rel=1e-4)
    assert hitchcock_radius(Rolls(400.0), 1000.0, 0.05) / 400.0 == pytest.approx(1.44139, rel=1e-5)
    film = Web((Layer(PowerClosure(2000.0, 9.0, 1e5), 2e-3, 0.45),))
    law = LoadLaw.of(film, Rolls(200.0), 300.0, [ROOM])
    approach = 2.0 * hertz_approach(Rolls(200.0), 300.0)
    assert film.thickness - float(law.gap_at(300.0)) == pytest.approx(approach, rel=0.01)
    peak = float(law.read_at(law.gap_at(300.0))["peak_pressure"])
    assert peak == pytest.approx(hertz_peak_pressure(Rolls(200.0), 300.0), rel=0.01)


def test_without_a_crown_the_edges_carry_the_load(pilot: Machine, face: Face):
    """Prototype: centre gap 105 um, 164.1 N/mm there; 253.9 N/mm at the edge, where the gap is 7.0 um less."""
    bent = bend(pilot, face, Control(centre_gap=0.105))
    assert bent.load[80] == pytest.approx(164.1, abs=0.1)
    assert bent.load[0] == pytest.approx(253.9, abs=0.3)
    assert bent.gap[0] - bent.gap[80] == pytest.approx(-7.0e-3, abs=0.06e-3)
    np.testing.assert_allclose(bent.load, bent.load[::-1], rtol=1e-9)
    assert bent.residual < 1e-11
    assert bent.iterations <= 6


def test_the_exact_crown_makes_the_load_even(pilot: Machine, face: Face):
    """O17: the crown of the closed forms, of no station, given back to the forward model; 6.26 um at 164.1 N/mm."""
    even = bend(pilot, face, Control(centre_gap=0.105)).load[80]
    eta = face.y / 300.0
    q, F, L, bending = even, 600.0, 900.0, PILOT.section.bending
    # w(0) - w(y) of an even load over the face: with x = y, -E I w'' = M = q F (L - F / 2) / 4 ... integrated twice
    sag = q / bending * (F * (2 * L - F) / 16.0 * face.y**2 - face.y**4 / 24.0) + shear_centre_edge(PILOT, q) * eta**2
    crown = 2.0 * (sag[0] - sag)
    assert crown.max() == pytest.approx(6.26e-3, abs=5e-6)
    np.testing.assert_allclose(ideal_crown(pilot, face, q), crown, atol=2e-7)
    returned = bend(pilot, face.opened(-crown), Control(centre_gap=0.105))
    assert returned.load_spread < 5e-4
    assert bend(pilot, face.opened(-crown), Control(line_load=q)).load_spread < 5e-4


def test_a_parabola_is_nearly_as_good(pilot: Machine, face: Face):
    """O17, prototype: 0.105 um from the exact crown, 0.76 % of load from peak to peak."""
    crown = ideal_crown(pilot, face, 164.1)
    parabola = shape_columns("parabola", face.y)
    assert np.max(np.abs(crown - crown.max() * parabola[:, 0])) == pytest.approx(0.105e-3, abs=1e-6)
    wanted = [Situation(face, Control(line_load=164.1))]
    as_high = face.opened(-crown.max() * parabola[:, 0])
    assert bend(pilot, as_high, Control(centre_gap=0.105)).load_spread == pytest.approx(0.0076, abs=2e-4)
    assert bend(pilot, as_high, Control(line_load=164.1)).load_spread == pytest.approx(0.0070, abs=1e-4)
    found = best(pilot, wanted, Columns.of_crown(parabola))
    assert found.bent[0].load_spread == pytest.approx(0.0069, abs=1e-4)  # of another height, a little better
    even = best(pilot, wanted, Columns.of_crown(shape_columns("quartic", face.y)))
    assert even.bent[0].load_spread < 1e-6  # the exact family
    smooth = best(pilot, wanted, Columns.of_crown(shape_columns("cosine", face.y)))
    assert smooth.bent[0].load_spread < 0.02
    calm = best(pilot, wanted, Columns.of_crown(parabola), least="variance")
    assert np.std(calm.bent[0].load) < np.std(found.bent[0].load)
    assert calm.bent[0].load_spread > found.bent[0].load_spread


def test_one_kelvin_takes_the_load_off_the_edges(pilot: Machine, face: Face):
    """Prototype: +1 K in the middle drops the edge to 115.2 N/mm of 164.1 in the middle. O18: 2.875 um of radius."""
    assert growth(STEEL, 500.0, np.array(1.0)) / 2.0 == pytest.approx(2.875e-3, rel=1e-12)
    crown = ideal_crown(pilot, face, 164.1)
    warm = growth(STEEL, 400.0, centre_hot(face.y, 1.0))
    bent = bend(pilot, face.opened(-crown - warm), Control(centre_gap=0.105))
    assert bent.load[0] == pytest.approx(115.2, abs=0.4)


def test_the_response_is_the_derivative_of_the_load(pilot: Machine, face: Face):
    zones = zone_profiles(face.y, [(-300.0, -50.0), (-50.0, 300.0)])
    columns = Columns.of_crown(shape_columns("quartic", face.y)).with_(
        Columns.of_zones(zones, STEEL * 400.0, 1.0, np.full(2, -5.0), np.full(2, 5.0))
    )
    start, step = np.array([5e-3, 1e-3, 0.5, -0.5]), np.array([1e-6, 1e-6, 1e-3, 1e-3])
    for control in (Control(line_load=164.1), Control(centre_gap=0.105)):
        answers = response(pilot, bend(pilot, columns.on(face, start), control), control, columns)
        for index in range(4):
            change = np.eye(4)[index] * step[index]
            ahead, behind = (bend(pilot, columns.on(face, start + d), control).load for d in (change, -change))
            numeric = (ahead - behind) / (2 * step[index])
            np.testing.assert_allclose(answers[:, index], numeric, atol=1e-4 * np.max(np.abs(numeric)))


def test_crown_and_temperature_together_are_better_than_each(pilot: Machine, face: Face):
    """Growth alone, softening alone, and both with a parabola, within bounds of the zones."""
    wanted = [Situation(face, Control(line_load=164.1))]
    edges = np.linspace(-300.0, 300.0, 10)
    zones = zone_profiles(face.y, list(pairwise(edges)), Fin(60.0, 1e4).reached(face.y))
    low, high = np.full(9, -2.0), np.full(9, 2.0)
    crown = Columns.of_crown(shape_columns("parabola", face.y))
    bare = bend(pilot, face, Control(line_load=164.1)).load_spread
    spreads = {}
    for name, grows, softens in (("growth", 1.0, 0.0), ("softening", 0.0, 1.0), ("both", 1.0, 1.0)):
        heated = Columns.of_zones(zones, grows * STEEL * 400.0, softens, low, high)
        alone, together = best(pilot, wanted, heated), best(pilot, wanted, crown.with_(heated))
        assert np.all(np.abs(alone.coefficients) <= 2.0)
        spreads[name] = alone.bent[0].load_spread
        assert alone.bent[0].load_spread < bare
        assert together.bent[0].load_spread < min(
            alone.bent[0].load_spread, best(pilot, wanted, crown).bent[0].load_spread
        )
    assert spreads["growth"] < spreads["softening"]  # a kelvin moves the gap by um, the law by 0.4 per cent


def test_a_fin_keeps_heat_and_smears_zones():
    y = stations(600.0)
    fin = Fin.of(400.0, 0.0, 45.0, 3.6, 0.05)
    assert fin.length == pytest.approx(math.sqrt(45.0 * 100.0 / 0.05), rel=1e-12)
    steady = fin.reached(y)
    np.testing.assert_allclose(steady.sum(axis=1), 1.0, rtol=1e-9)  # even zones make an even roll
    np.testing.assert_allclose(fin.reached(y, after=50.0 * fin.time), steady, atol=1e-12)
    early = fin.reached(y, after=0.01 * fin.time) @ np.ones(161)
    np.testing.assert_allclose(early, -math.expm1(-0.01), rtol=1e-9)
    short = Fin(20.0, 1.0).reached(y) @ zone_profiles(y, [(0.0, 300.0)])[:, 0]
    # half-space against half-space: exp decay from the border, far from the ends
    wanted = np.where(y > 0, 1.0 - 0.5 * np.exp(-np.abs(y) / 20.0), 0.5 * np.exp(-np.abs(y) / 20.0))
    np.testing.assert_allclose(short[40:120], wanted[40:120], atol=5e-3)


def test_couples_and_skew_bend_the_rolls_back(pilot: Machine, face: Face):
    """Bending the middles together, or crossing the axes, both of which open the edges, does what a crown does."""
    bare = bend(pilot, face, Control(line_load=164.1))
    bowed = bend(pilot, replace(face, couple=5e6), Control(line_load=164.1))
    assert bowed.load_spread < bare.load_spread
    opening = skew_opening(face.y, math.radians(0.3), 400.0)
    assert opening[0] == pytest.approx((math.radians(0.3) * 300.0) ** 2 / 800.0, rel=1e-12)
    assert bend(pilot, face.opened(opening), Control(line_load=164.1)).load_spread < bare.load_spread


def test_a_narrow_coating_carries_the_whole_load(pilot: Machine):
    narrow = Face.even(600.0, ROOM, width=400.0)
    bent = bend(pilot, narrow, Control(line_load=100.0))
    assert bent.line_load == pytest.approx(100.0, rel=1e-9)
    assert np.nanmean(bent.slice_load) == pytest.approx(150.0, rel=0.01)
    assert bent.load[0] == 0.0
    assert load_evenly(pilot, narrow, 100.0).line_load == pytest.approx(100.0, rel=1e-9)


def test_the_crown_is_an_arc_of_kilometres():
    """(F / 2)^2 / (2 sagitta) with the sagitta half of the diametral crown."""
    assert crown_radius(600.0, 38.14e-3) == pytest.approx(600.0**2 / (4 * 38.14e-3), rel=1e-12)
    assert crown_radius(600.0, 0.0) == math.inf


def test_what_is_no_roll_is_refused():
    for wrong in (
        {"face": 1000.0}, {"bore": 400.0}, {"journal": 500.0}, {"modulus": 0.0}, {"shell": (300.0, 1e5)},
        {"poisson": 0.6}, {"bearing_stiffness": 0.0},
    ):  # fmt: skip
        with pytest.raises(InputError):
            Roll(**{"diameter": 400.0, "face": 600.0, "span": 900.0} | wrong)
    with pytest.raises(InputError):
        zone_profiles(stations(600.0), [(-400.0, 0.0)])
    with pytest.raises(InputError):
        Control(line_load=1.0, centre_gap=0.1)
    with pytest.raises(InputError):
        Control(line_load=-1.0)


def test_a_roll_too_slender_for_its_crown_is_refused(pilot: Machine, face: Face):
    with pytest.raises(InputError, match="too slender"):
        ideal_crown(pilot, face, 2e6)


def test_a_gap_wider_than_the_web_is_refused(pilot: Machine, face: Face):
    with pytest.raises(InputError, match="does not touch"):
        bend(pilot, face, Control(centre_gap=0.2))
