"""Thornton & Ning's spheres with a neck of JKR, against the papers' own equations integrated without the engine."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from beds import GRAIN, RIGID, digest, lay, loose_packing, spheres, with_bodies
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq

from kalander.dem.bodies.material import Material
from kalander.dem.engine.bed import Bed
from kalander.dem.measure.observe import observe
from kalander.dem.packing.packing import Packing

LAW = "thornton_ning_jkr"
RADIUS, WORK = 5.0, 0.2  # µm, J/m² = µN/µm
YIELD = 300.0  # MPa
PLASTIC = Material(modulus=20e3, poisson=0.3, density=4.7e-3, yield_pressure=YIELD)
ELASTIC = replace(PLASTIC, yield_pressure=1e9)
MODULUS = PLASTIC.modulus / (1.0 - PLASTIC.poisson**2)  # against a rigid plane, R* = R
REACH = np.sqrt(2.0 * np.pi * WORK / MODULUS)
PULL_OFF = 1.5 * np.pi * WORK * RADIUS
PARTING = (REACH * RADIUS / 4.0) ** (2.0 / 3.0)  # contact radius where equilibria end
NECK = 3.0 * PARTING**2 / RADIUS  # overlap there, below 0
TOUCHING = 4.0 ** (2.0 / 3.0) * PARTING  # contact radius of surfaces that just touch
# Thornton & Ning's Γ is w; Johnson, Kendall & Roberts 1971 with overlaps of a few hundredths of the radius


def overlap_of(held: float, radius: float = RADIUS) -> float:
    return held**2 / radius - REACH * np.sqrt(held)


def force_of(held: float, radius: float = RADIUS) -> float:
    return 4.0 / 3.0 * MODULUS * held**3 / radius - np.sqrt(8.0 * np.pi * WORK * MODULUS * held**3)


def held_at(overlap: float, radius: float = RADIUS) -> float:
    """Contact radius on the stable branch."""
    return brentq(lambda held: overlap_of(held, radius) - overlap, (REACH * radius / 4.0) ** (2.0 / 3.0), radius)


def lost() -> float:
    """Work that a cycle from touching to parting takes, by quadrature over the contact radius."""

    def integrand(held: float) -> float:
        return force_of(held) * (2.0 * held / RADIUS - 0.5 * REACH / np.sqrt(held))

    return quad(integrand, TOUCHING, PARTING)[0]


def driven(make_bed, material: Material, turns: list[float], steps: int = 400, **constants):
    """Overlaps [µm], forces [µN] and heat [pJ] of a sphere driven into a rigid platen from one overlap to the next.

    The sphere is so heavy (1e12 times its mass) that the contact does not change its speed.
    """
    size, dt = 40.0, 1e-3
    packing = spheres([[20.0, 20.0, RADIUS - turns[0]]], RADIUS, width=size, height=size)
    constants = {"adhesion": WORK, **constants}
    start = lay([packing], (replace(material, density=4.7e9), RIGID), dt=dt, law=LAW, **constants)
    bed = make_bed(start)
    overlaps, forces, heat = [], [], []
    for begin, end in pairwise(turns):
        speed = (begin - end) / (steps * dt)
        bed = make_bed(with_bodies(bed.ensemble(), velocity=[[0.0, 0.0, speed]]))
        for _ in range(steps):
            bed.advance([1])
            overlaps.append(RADIUS - bed.body("position")[0, 2])
            forces.append(bed.platen_force()[0, 0])
            heat.append(bed.body("heat")[0])
    return np.array(overlaps), np.array(forces), np.array(heat)


def test_elastic_neck_follows_jkr_and_lets_go(make_bed) -> None:
    """Nothing before first touch, −8/9 of pull-off there, −1 on the way out, −5/9 at −δ_f, nothing beyond."""
    turns = [-2.0 * NECK, 10.0 * NECK, -1.3 * NECK, -1e-3 * NECK, 0.1 * NECK]
    overlap, force, _ = driven(make_bed, ELASTIC, turns)
    inward, outward, back, again = np.split(np.arange(len(overlap)), 4)
    assert (force[inward][overlap[inward] < 0.0] == 0.0).all()
    holds = np.concatenate([inward[overlap[inward] > 0.0], outward[overlap[outward] > -NECK]])
    expected = [force_of(held_at(one)) for one in overlap[holds]]
    # at parting dF/dδ is infinite: the root of a rounding there
    assert force[holds] == pytest.approx(expected, rel=1e-8, abs=1e-6 * PULL_OFF)
    assert force[holds].min() == pytest.approx(-PULL_OFF, rel=1e-4)  # sampled 400 times on the way
    assert force[holds[-1]] == pytest.approx(-5.0 / 9.0 * PULL_OFF, rel=0.2)  # a hundredth of δ_f before its end
    assert (force[outward][overlap[outward] < -NECK] == 0.0).all()
    assert (force[back] == 0.0).all()
    first = again[overlap[again] >= 0.0][0]
    assert (force[again[0] : first] == 0.0).all()
    assert force[first] == pytest.approx(-8.0 / 9.0 * PULL_OFF, rel=1e-2)  # overlap is a thousandth of δ_f there


def test_cycle_takes_the_work_of_jkr(make_bed) -> None:
    """7.09 (w⁵ R⁴/E*²)^(1/3) of Thornton & Ning, by quadrature and as booked heat, none of it on the way."""
    assert lost() == pytest.approx(7.09 * (WORK**5 * RADIUS**4 / MODULUS**2) ** (1.0 / 3.0), rel=1e-3)
    overlap, force, heat = driven(make_bed, ELASTIC, [-0.1 * NECK, 10.0 * NECK, -1.3 * NECK], steps=2000)
    assert heat[-1] == pytest.approx(lost(), rel=1e-9)
    assert (heat[force != 0.0] == heat[-1]).all()  # what parting will take is counted when the neck forms
    work = 0.5 * ((force[1:] + force[:-1]) * np.diff(overlap)).sum()
    assert work == pytest.approx(lost(), rel=1e-2)  # both jumps fall within a step


def loading(largest: float) -> tuple[float, float]:
    """Contact radius and force of first loading to an overlap, by Thornton & Ning's incremental equation.

    dP/dα = (3π R p_y √P_1 − 2 E* a √P_c)/(3 √P_1 − √P_c), P_1 = 4 E* a³/(3 R), P_c pull-off; from the contact radius on
    at which the pressure in the middle is p_y.
    """

    def excess(held: float) -> float:
        pressure = 2.0 * MODULUS * held / (np.pi * RADIUS) - np.sqrt(2.0 * WORK * MODULUS / (np.pi * held))
        return pressure - YIELD

    onset = brentq(excess, PARTING, RADIUS)

    def slope(overlap: float, _force: np.ndarray) -> list[float]:
        held = held_at(overlap)
        root, pull = np.sqrt(4.0 * MODULUS * held**3 / (3.0 * RADIUS)), np.sqrt(PULL_OFF)
        return [(3.0 * np.pi * RADIUS * YIELD * root - 2.0 * MODULUS * held * pull) / (3.0 * root - pull)]

    path = solve_ivp(slope, (overlap_of(onset), largest), [force_of(onset)], rtol=1e-10, atol=1e-12)
    return held_at(largest), float(path.y[0, -1])


def released(held: float, force: float) -> float:
    """R_p: of the elastic contact of equal contact radius, R_p P_1* = R P_1, P_1* = P + 2 P_c + √(4 P P_c + 4 P_c²)."""

    def excess(radius: float) -> float:
        pull = 1.5 * np.pi * WORK * radius
        equivalent = force + 2.0 * pull + np.sqrt(4.0 * force * pull + 4.0 * pull**2)
        return radius * equivalent - 4.0 / 3.0 * MODULUS * held**3

    return brentq(excess, 0.5 * RADIUS, 1e3 * RADIUS)


def test_yielding_neck_follows_thornton_and_ning(make_bed) -> None:
    """Loading, release with R_p to a pull-off of −3/2 π w R_p, parting above first touch, second contact there."""
    deepest, deeper = 40.0 * NECK, 60.0 * NECK
    held, peak = loading(deepest)
    flat = released(held, peak)
    stays = held**2 * (1.0 / RADIUS - 1.0 / flat)
    parts = stays - 3.0 * (REACH * flat / 4.0) ** (4.0 / 3.0) / flat
    assert stays > 10.0 * NECK
    turns = [-NECK, deepest, 0.5 * stays, deeper]
    overlap, force, heat = driven(make_bed, PLASTIC, turns, steps=1000)
    inward, outward, again = np.split(np.arange(len(overlap)), 3)
    assert force[inward[-1]] == pytest.approx(peak, rel=1e-8)
    holds = outward[overlap[outward] > parts]
    expected = [force_of(held_at(one - stays, flat), flat) for one in overlap[holds]]
    assert force[holds] == pytest.approx(expected, rel=1e-6, abs=1e-6 * peak)
    assert force.min() == pytest.approx(-1.5 * np.pi * WORK * flat, rel=1e-3)
    assert (force[outward][overlap[outward] < parts] == 0.0).all()
    touch = again[overlap[again] > stays][0]
    assert (force[again[0] : touch] == 0.0).all()
    assert force[touch] < 0.0  # it jumps into contact where the flattened surfaces meet
    assert force[again[-1]] == pytest.approx(loading(deeper)[1], rel=1e-8)
    assert (np.diff(heat) >= 0.0).all()


@pytest.mark.parametrize("excess", [0.99, 1.01, 1.5, 3.0])
def test_sticking_speed(make_bed, excess) -> None:
    """V_s = (14.18/m)^½ (w⁵ R⁴/E*²)^(1/6) of elastic spheres; beyond, e² = 1 − (V_s/V)²; Thornton & Ning 1998."""
    mass = ELASTIC.density * 4.0 / 3.0 * np.pi * RADIUS**3
    sticking = np.sqrt(2.0 * lost() / mass)
    assert sticking == pytest.approx(
        np.sqrt(14.18 / mass) * (WORK**5 * RADIUS**4 / MODULUS**2) ** (1.0 / 6.0), rel=1e-3
    )  # fmt: skip
    speed, dt = excess * sticking, 2e-5
    packing = spheres([[20.0, 20.0, RADIUS + 1e-5]], RADIUS, width=40.0, height=40.0)
    start = lay([packing], (ELASTIC, RIGID), dt=dt, law=LAW, adhesion=WORK)
    bed = make_bed(with_bodies(start, velocity=[[0.0, 0.0, -speed]]))
    bed.advance([20_000])
    if excess < 1.0:
        assert bed.platen_force()[0, 0] != 0.0
        assert abs(RADIUS - bed.body("position")[0, 2]) < 20.0 * NECK
    else:
        assert bed.platen_force()[0, 0] == 0.0
        rebound = bed.body("velocity")[0, 2] / speed
        # energy within what one step does at the jumps: 1e-3 of it where nearly all is lost
        assert rebound**2 == pytest.approx(1.0 - excess**-2, abs=2e-3)


ROLLING = {"rolling_friction": 0.2, "twisting_friction": 0.3}
CLOSING = 10.0  # µs


def pressed(make_bed, schedule: str = "boxes", *, pressure: float = 30.0, law: str = LAW, **constants) -> Bed:
    """100 spheres pressed by a fifth of their height, as in test_contact_laws."""
    grain = replace(GRAIN, yield_pressure=pressure)
    constants = {"friction": 0.3, "adhesion": 0.05, **constants}
    start = lay([loose_packing(100, seed=2)], (grain, RIGID), dt=0.001, law=law, **constants)
    bed = make_bed(start, schedule)
    height = np.diff(bed.boxes["platen_height"])[0, 0]
    bed.boxes["platen_velocity"] = np.array([[0.0, -0.2 * height / CLOSING]])
    bed.advance([10_000])
    return bed


def gaps(bed: Bed) -> np.ndarray:
    """Distances between the surfaces of the pairs that necks hold [µm]."""
    state = bed.ensemble()
    first, second = (state.contacts[name] for name in ("first", "second"))
    away, width = state.bodies["position"][first] - state.bodies["position"][second], state.boxes["width"][0]
    away[:, :2] -= width * np.round(away[:, :2] / width)
    apart = np.linalg.norm(away, axis=1) - state.bodies["radius"][first] - state.bodies["radius"][second]
    return apart[state.contacts["memory"][:, 2] > 0.0]


@pytest.mark.parametrize("pressure", [30.0, 1e9], ids=["yields", "elastic"])
def test_ledger_of_a_bed_pressed_and_drawn_apart(make_bed, pressure) -> None:
    """Work of the platens = kinetic + recoverable + heat within 0.2 % of what went in, of first order in the step.

    Elastic spheres are held beyond first touch; what has yielded parts with overlaps that stay.
    """
    bed = pressed(make_bed, pressure=pressure)
    closed = observe(bed)
    bed.boxes["platen_velocity"] *= -1.0
    beyond_touch = 0
    for _ in range(6):
        bed.advance([1_000])
        held = gaps(bed)
        assert held.max() < bed.neck[0]
        beyond_touch += int((held > 0.0).sum())
    apart = observe(bed)
    for seen in (closed, apart):
        assert abs(seen.kinetic + seen.elastic + seen.heat - seen.work)[0] < 2e-3 * closed.work[0]
    assert apart.heat[0] > closed.heat[0]
    assert apart.elastic[0] < 0.0  # less than what surfaces that are apart have
    if pressure > 1e6:
        assert beyond_touch > 5  # in six looks, each of which finds several


@pytest.mark.slow
def test_schedules_lists_and_restarts_agree(make_bed) -> None:
    """To the byte, where many spheres are held beyond first touch; lists differ, and beds are laid anew on the way."""
    how = {"pressure": 1e9, "law": LAW + "_rolling", **ROLLING}
    bed = pressed(make_bed, **how)
    assert digest(bed.ensemble()) == digest(pressed(make_bed, "bodies", **how).ensemble())
    bed.boxes["platen_velocity"] *= -1.0
    bed.advance([4_000])
    assert (gaps(bed) > 0.0).any()
    for steps in (100, 1, 99):
        again = make_bed(bed.ensemble(), skin=np.array([0.5]))
        bed.advance([steps])
        again.advance([steps])
        assert digest(again.ensemble()) == digest(bed.ensemble())
        bed = again


def test_a_lattice_of_spheres_bears_tension(make_bed) -> None:
    """Simple cubic, periodic: pressed by e = 1e-3 and drawn to −δ_f/2, P = z φ F/(4 π R²) as in test_periodic."""
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    packing = Packing(2.0 * grid + 0.5, np.ones(27), np.zeros(27, int), np.array([6.0, 6.0]), 6.0, periodic=True)
    grain = Material(1000.0, 0.25, 4.7e-3, yield_pressure=1e9)
    modulus, radius, work = grain.modulus / (2.0 * (1.0 - grain.poisson**2)), 0.5, 0.05
    reach = np.sqrt(2.0 * np.pi * work / modulus)
    parting = (reach * radius / 4.0) ** (2.0 / 3.0)
    neck = 3.0 * parting**2 / radius
    bed = make_bed(lay([packing], (grain, RIGID), dt=1e-4, law=LAW, adhesion=work))
    size = 6.0
    for overlap in (2e-3, -0.5 * neck):
        there = 3.0 * (2.0 - overlap)
        rate = (there / size - 1.0) / (100 * 1e-4)
        bed.boxes["strain_rate"] = np.array([[rate, rate, rate, 0.0]])
        bed.advance([100])
        size = there
        held = brentq(lambda a, gap=overlap: a**2 / radius - reach * np.sqrt(a) - gap, parting, 1.0)
        force = 4.0 / 3.0 * modulus * held**3 / radius - 2.0 * modulus * reach * held**1.5
        seen = observe(bed)
        # six contacts of every sphere, half of each its own, over its cube
        assert np.diag(seen.stress[0]) == pytest.approx([force / (2.0 - overlap) ** 2] * 3, rel=1e-6)
        assert seen.coordination[0] == 6.0
    assert seen.stress[0, 0, 0] < 0.0


def test_a_list_that_would_lose_necks_is_refused(make_bed) -> None:
    packing = spheres([[20.0, 20.0, RADIUS]], RADIUS, width=40.0, height=40.0)
    start = lay([packing], (ELASTIC, RIGID), dt=1e-3, law=LAW, adhesion=WORK)
    # foreseen for the stiffest pair and the largest R* of the box, which need not be of one contact
    assert NECK <= make_bed(start, skin=np.array([1.7 * NECK])).neck <= 1.6 * NECK
    with pytest.raises(ValueError, match="shorter than necks"):
        make_bed(start, skin=np.array([0.9 * NECK]))
    with pytest.raises(ValueError, match="above 0"):
        make_bed(lay([packing], (ELASTIC, RIGID), dt=1e-3, law=LAW))
    with pytest.raises(ValueError, match=r"lower contact\.adhesion"):
        make_bed(lay([packing], (ELASTIC, RIGID), dt=1e-3, law=LAW, adhesion=1e6))
