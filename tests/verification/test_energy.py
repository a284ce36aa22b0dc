"""The energy ledger: kinetic + elastic + heat = work of the platens + what was there."""

from dataclasses import replace

import numpy as np
import pytest
from beds import BRITTLE, GRAIN, RIGID, bonded, lay, loose_packing, spheres, with_bodies

from kalander.dem.bodies.material import BinderConstants, Material
from kalander.dem.measure.ledger import heats
from kalander.dem.measure.observe import observe

ELASTIC = Material(modulus=1000.0, poisson=0.25, density=4.7e-3)


def energy(bed) -> float:
    """Kinetic, elastic and lost energy less the work of the platens [pJ]."""
    seen = observe(bed)
    return float((seen.kinetic + seen.elastic + seen.heat - seen.work)[0])


def order_of_error(make_bed, start_of, time: float, steps: int) -> tuple[float, float]:
    """Order in the step of the energy error at `time`, and the relative error with the middle one of three steps."""
    errors = []
    for count in (steps, 2 * steps, 4 * steps):
        start = start_of(time / count)
        bed = make_bed(start)
        before = 0.5 * float((start.bodies["mass"][:, None] * start.bodies["velocity"] ** 2).sum())
        bed.advance([count])
        errors.append((energy(bed) - before) / before)
    return float(np.log2(errors[0] / errors[2]) / 2.0), errors[1]


def colliding_pair(dt: float):
    """An eccentric collision of two elastic spheres of different size."""
    unit = np.array([0.96, 0.2, -0.196])
    touching = np.array([9.0, 10.0, 10.0]) + np.outer([0.0, 2.3 / np.linalg.norm(unit)], unit)
    box = spheres(touching, [1.0, 1.3], width=20.0, height=20.0)
    return with_bodies(lay([box], (ELASTIC, RIGID), dt=dt), velocity=[[0.5, 0, 0], [-0.5, 0.1, 0]])


def test_elastic_collision_keeps_energy_to_second_order(make_bed) -> None:
    """Verlet in the middle of a collision errs with the square of the step."""
    order, error = order_of_error(make_bed, colliding_pair, 0.02, 20)
    assert order == pytest.approx(2.0, abs=0.15)  # F ~ δ^1.5 is not smooth at first touch
    assert abs(error) < 1e-3


def test_energy_of_an_elastic_cluster_is_kept(make_bed) -> None:
    """30 frictionless spheres fly about between the platens; every impact takes some 40 steps."""
    rng = np.random.default_rng(3)
    packing = loose_packing(30, seed=1, solid_fraction=0.3)
    start = lay([packing], (ELASTIC, RIGID), dt=1e-3)
    start = with_bodies(start, velocity=rng.normal(0.0, 0.3, (30, 3)))
    bed = make_bed(start)
    kinetic = 0.5 * float((start.bodies["mass"][:, None] * start.bodies["velocity"] ** 2).sum())
    bed.advance([5000])
    assert (bed.body("heat") == 0.0).all()
    # Verlet errs within an impact by (2π/40)²/24 of its energy at most and recovers it afterwards
    assert energy(bed) == pytest.approx(kinetic, rel=1e-3)


def test_vibrating_bond_keeps_energy(make_bed) -> None:
    """A bonded pair thrown apart and sideways without damping."""
    binder = BinderConstants(modulus=100.0, poisson=0.3, damping=0.0, strength=1e9, shear_strength=1e9)

    def thrown(dt: float):
        box = spheres([[9.0, 10, 10], [11.2, 10, 10]], 1.0, width=20.0, height=20.0,
                      bonds=bonded([[0, 1]], radius=0.5, length=2.2))  # fmt: skip
        return with_bodies(
            lay([box], (ELASTIC, RIGID), dt=dt, binder=binder),
            velocity=[[-0.01, 0.01, 0], [0.01, -0.01, 0]],
        )  # fmt: skip

    order, error = order_of_error(make_bed, thrown, 0.13, 40)
    assert order == pytest.approx(2.0, abs=0.1)  # springs are linear and smooth
    assert abs(error) < 5e-3  # 80 steps in half a swing


def pressed(make_bed, *, friction: float, glued: bool, material=GRAIN):
    """100 spheres pressed by a fifth of their height in 10 000 steps; the energy at the start is zero."""
    dt, steps = 0.001, 10_000  # an eighth of the Rayleigh time of the smallest sphere
    start = lay([loose_packing(100, seed=2, glued=glued)], (material, RIGID), dt=dt, friction=friction, binder=BRITTLE)
    bed = make_bed(start)
    height = np.diff(bed.boxes["platen_height"])[0, 0]
    bed.boxes["platen_velocity"] = np.array([[0.0, -0.2 * height / (steps * dt)]])
    bed.advance([steps])
    return bed


# Work is booked with the force at the end of a step, bonds' heat with the velocity of half a step before: 1e-3 of first
# order. A wound spring stiffens with the overlap at no work; heat is less by that, so that the balance closes.
LEDGER = 5e-3


@pytest.mark.parametrize("friction", [0.0, 0.05, 0.4])
@pytest.mark.parametrize("glued", [False, True])
def test_ledger_of_a_compaction(make_bed, friction, glued) -> None:
    """Friction, damping and broken bonds turn the work of the platens into heat."""
    bed = pressed(make_bed, friction=friction, glued=glued)
    seen = observe(bed)
    assert seen.heat[0] > 0.1 * seen.work[0]
    assert (seen.broken_bond_fraction[0] > 0.5) == glued
    assert abs(energy(bed)) < LEDGER * seen.work[0]


def test_heat_is_booked_by_its_cause(make_bed) -> None:
    """Where only one thing can make heat, all of it is that one's; of those that can, none is left out."""
    free = heats(observe(pressed(make_bed, friction=0.0, glued=False)), np.zeros(1))
    assert free["damping"][0] > 0.0
    assert free["friction"] == pytest.approx(0.0, abs=1e-12 * free["damping"][0])
    assert [free["plastic"][0], free["bonds"][0]] == [0.0, 0.0]
    rough = pressed(make_bed, friction=0.4, glued=True, material=replace(GRAIN, restitution=1.0))
    seen, relaxed = observe(rough), np.array([0.5])
    rubbed = heats(seen, relaxed)
    assert [rubbed["damping"][0], rubbed["plastic"][0]] == [0.0, 0.0]
    assert min(rubbed["friction"][0], rubbed["bonds"][0]) > 0.05 * seen.work[0]
    assert sum(rubbed.values()) == pytest.approx(seen.heat + relaxed, rel=1e-12)


def test_no_contact_cools(make_bed) -> None:
    """Heat of contacts and bonds only grows; a step's rounding of it is far below."""
    bed = pressed(make_bed, friction=0.05, glued=True)
    assert bed.body("heat").min() >= 0.0
