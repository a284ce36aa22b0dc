"""What is read off a bed, against hand calculations for two spheres."""

from dataclasses import replace

import numpy as np
import pytest
from beds import BRITTLE, GRAIN, RIGID, bonded, lay, loose_packing, spheres, with_bodies
from scipy.integrate import quad

from kalander.dem.engine.bed import Bed
from kalander.dem.fracture.loads import body_loads
from kalander.dem.measure import observe as observing
from kalander.dem.measure.observe import observe, particle_volume, platen_stress, stretches

ELASTIC = replace(GRAIN, restitution=1.0)  # dashpots would add to the forces by the velocity of half a step
UNDAMPED = replace(BRITTLE, damping=0.0)
RADIUS, OVERLAP, SIZE = 1.0, 0.02, 8.0
MODULUS = GRAIN.modulus / (2.0 * (1.0 - GRAIN.poisson**2))
# Overlaps are differences of coordinates of 8 µm: 1e-15 × 8/0.02
ROUNDING = 1e-11


def hertz_force(overlap: float, modulus: float, radius: float) -> float:
    return 4.0 / 3.0 * modulus * np.sqrt(radius) * overlap**1.5


@pytest.fixture
def pair(make_bed):
    """Two spheres in contact across the side of the box, both dented by the lower platen; at rest."""
    position = [[0.3, 4.0, RADIUS - OVERLAP], [0.3 - 2.0 * RADIUS + OVERLAP + SIZE, 4.0, RADIUS - OVERLAP]]
    bed = make_bed(lay([spheres(position, RADIUS, width=SIZE, height=SIZE)], (ELASTIC, RIGID), dt=1e-9))
    bed.advance([1])  # from rest: nothing has moved when the forces are taken
    return bed


def test_stress_of_one_contact_is_force_times_branch_over_volume(pair) -> None:
    seen = observe(pair)
    force = hertz_force(OVERLAP, MODULUS, RADIUS / 2.0)
    assert seen.stress[0, 0, 0] == pytest.approx(force * (2.0 * RADIUS - OVERLAP) / SIZE**3, rel=ROUNDING)
    assert seen.stress[0, 1, 1] == 0.0
    assert seen.coordination[0] == 1.0
    assert seen.overlap_ratio[0] == pytest.approx(OVERLAP, rel=ROUNDING)


def test_stress_on_the_platens(pair) -> None:
    low, high = platen_stress(pair)
    load = hertz_force(OVERLAP, 2.0 * MODULUS, RADIUS)
    assert low[0] == pytest.approx(2.0 * load / SIZE**2, rel=ROUNDING)
    assert high[0] == 0.0
    assert observe(pair).largest_force == pytest.approx(np.full(2, load), rel=ROUNDING)  # larger than that of the pair


def test_elastic_energy_is_the_integral_of_the_force(pair) -> None:
    between = quad(hertz_force, 0.0, OVERLAP, args=(MODULUS, RADIUS / 2.0))[0]
    below = quad(hertz_force, 0.0, OVERLAP, args=(2.0 * MODULUS, RADIUS))[0]
    assert observe(pair).elastic[0] == pytest.approx(between + 2.0 * below, rel=1e-8)  # of the quadrature


def test_kinetic_energy_counts_spin(make_bed) -> None:
    start = lay([spheres([[2.0, 2.0, 4.0]], 1.5, width=SIZE, height=SIZE)], (ELASTIC, RIGID), dt=1e-9)
    bed = make_bed(with_bodies(start, velocity=[[0.3, 0.0, -0.4]], spin=[[0.0, 2.0, 0.0]]))
    mass = GRAIN.density * 4.0 / 3.0 * np.pi * 1.5**3
    expected = 0.5 * mass * 0.25 + 0.5 * 0.4 * mass * 1.5**2 * 4.0
    assert observe(bed).kinetic[0] == pytest.approx(expected, rel=1e-14)
    assert particle_volume(bed)[0] == pytest.approx(mass / GRAIN.density, rel=1e-14)


def test_bonds_count_in_stress_energy_and_damage(make_bed) -> None:
    """Three spheres in a row; the stretched bond pulls, the other has failed and does nothing."""
    stretch, radius, length = 0.01, 0.4, 2.2
    bonds = bonded([[0, 1], [1, 2]], radius=radius, length=length)
    bonds["intact"][1] = 0
    x = 1.0 + np.array([0.0, length + stretch, 2.0 * length + 5.0 * stretch])
    box = spheres(np.column_stack([x, [4.0] * 3, [4.0] * 3]), 1.0, width=SIZE, height=SIZE, bonds=bonds)
    bed = make_bed(lay([box], (ELASTIC, RIGID), dt=1e-9, binder=UNDAMPED))
    bed.advance([1])
    seen = observe(bed)
    stiffness = BRITTLE.modulus * np.pi * radius**2 / length
    assert seen.elastic[0] == pytest.approx(0.5 * stiffness * stretch**2, rel=ROUNDING)
    tension = -stiffness * stretch * (length + stretch) / SIZE**3
    assert seen.stress[0, 0, 0] == pytest.approx(tension, rel=ROUNDING)
    assert seen.broken_bond_fraction[0] == 0.5
    assert seen.coordination[0] == 0.0


def test_stretches_hold_whole_boxes_and_pieces_of_large_ones() -> None:
    """A box is cut from its own start, so that what lies before it does not matter."""
    starts, counts = np.array([0, 3, 5, 15]), np.array([3, 2, 10, 1])
    assert list(stretches(starts, counts, 6)) == [(0, 5), (5, 11), (11, 16)]
    assert list(stretches(np.array([0]), np.array([10]), 6)) == [(0, 6), (6, 10)]
    assert list(stretches(starts, counts, 100)) == [(0, 16)]


def test_frames_read_in_stretches_show_the_same_bed(make_bed, monkeypatch) -> None:
    """Two pressed, bonded boxes: sums differ by their order only; counts, maxima and forces do not."""
    packings = [loose_packing(60, seed=seed, glued=True) for seed in (1, 2)]
    bed = make_bed(lay(packings, (GRAIN, RIGID), dt=0.002, friction=0.3, binder=BRITTLE))
    bed.boxes["platen_velocity"] = np.array([[0.0, -0.3], [0.0, -0.2]])
    bed.advance([1500, 1500])
    whole = observe(bed)
    monkeypatch.setattr(observing, "STRETCH", 17)
    cut = observe(bed)
    assert whole.coordination.min() > 1.0
    for name in ("coordination", "broken_bond_fraction", "overlap_ratio", "largest_force"):
        assert np.array_equal(getattr(cut, name), getattr(whole, name))
    for name in ("stress_low", "stress_high", "kinetic", "elastic", "heat", "work"):
        assert getattr(cut, name) == pytest.approx(getattr(whole, name), rel=1e-12)
    assert cut.stress == pytest.approx(whole.stress, rel=1e-12, abs=1e-12 * np.abs(whole.stress).max())


def test_some_boxes_are_seen_as_all_are(device) -> None:
    """What is asked of two of three boxes, one of them between others, is what a look at all shows; loads likewise."""
    packings = [loose_packing(30, seed=seed, glued=True) for seed in (1, 2, 3)]
    start = lay(packings, (GRAIN, RIGID), dt=1e-3).with_boxes(platen_velocity=np.array([[0.0, -0.5]] * 3))
    bed, wanted = Bed(start, precision=device.precision, schedule="boxes"), np.array([True, False, True])
    bed.advance(np.full(3, 400))
    whole, some = observe(bed), observe(bed, wanted)
    assert whole.elastic[1] > 0.0 == some.elastic[1]
    for name in ("stress_low", "stress", "coordination", "kinetic", "elastic", "heat", "work", "overlap_ratio"):
        np.testing.assert_array_equal(getattr(some, name)[wanted], getattr(whole, name)[wanted])
    mine = wanted[bed.host_box]
    loads, few = body_loads(bed, [GRAIN, RIGID]), body_loads(bed, [GRAIN, RIGID], wanted)
    np.testing.assert_array_equal(few.stress[mine], loads.stress[mine])
