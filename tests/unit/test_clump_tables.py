"""Tables of clumps: what is counted once, what is refused, how parts are cut, and slowing."""

from dataclasses import replace

import numpy as np
import pytest
from beds import GRAIN, RIGID, lay
from clump_beds import HOOK, PAIR, UPRIGHT, clumped, loose_clumps, moving

from kalander.dem.bodies.clumps import (
    body_volumes,
    clump_faults,
    heads,
    kinetic_energy,
    member_codes,
    particle_count,
    particle_diameter,
)
from kalander.dem.bodies.state import sphere_volume
from kalander.dem.engine.parts import bounds_of
from kalander.dem.loading.control import scale_motion
from kalander.dem.measure.directions import direction_moments
from kalander.dem.measure.fabric import bond_fabric, platelet_orientation
from kalander.dem.measure.observe import observe


def two_boxes():
    """A box of two spheres and a pair, and a box of a hook."""
    mixed = clumped([PAIR], [[5.0, 5, 5]], [UPRIGHT], width=20.0, height=20.0,
                    beside=([[2.0, 2, 2], [15.0, 15, 15]], [1.0, 2.0]))  # fmt: skip
    hook = clumped([HOOK], [[10.0, 10, 10]], [UPRIGHT], width=20.0, height=20.0)
    return lay([mixed, hook], (GRAIN, RIGID), dt=0.001)


def test_members_know_their_clump_and_share_its_mass() -> None:
    start = two_boxes()
    bodies, clumps = start.bodies, start.clumps
    assert bodies["clump"].tolist() == [-1, -1, 0, 0, 1, 1, 1, 1]
    assert heads(bodies["clump"], clumps).tolist() == [0, 1, 2, 2, 4, 4, 4, 4, 8]
    assert member_codes(bodies["clump"], clumps)[2:, 1].tolist() == [1, 0, 3, 2, 1, 0]
    mass = np.add.reduceat(bodies["mass"], start.boxes["body_start"])
    solid = np.array([sphere_volume(1.0) + sphere_volume(2.0) + PAIR.volume, HOOK.volume])
    assert mass == pytest.approx(GRAIN.density * solid)
    volume = body_volumes(bodies["radius"], bodies["clump"], clumps)
    assert np.add.reduceat(volume, start.boxes["body_start"]) == pytest.approx(solid)
    assert particle_count(bodies["clump"], clumps, start.boxes["body_start"]).tolist() == [3, 1]
    equal = np.cbrt(6.0 / np.pi * np.array([PAIR.volume, HOOK.volume]))
    diameter = particle_diameter(bodies["radius"], bodies["clump"], clumps, start.boxes["body_start"])
    assert diameter == pytest.approx([(2.0 + 4.0 + equal[0]) / 3.0, equal[1]])


def test_energy_of_a_clump_is_of_its_whole() -> None:
    """½ m v² + ½ ω·I ω about its principal axes, and nothing of its members."""
    start = moving(two_boxes(), [[0.3, 0.0, 0.0], [0.0, 0.4, 0.0]], [[0.0, 0.0, 0.5], [0.2, 0.0, 0.0]])
    energy = kinetic_energy(start.bodies, start.bodies["clump"], start.clumps)
    mass, inertia = start.clumps["mass"], start.clumps["inertia"]
    expected = 0.5 * (mass * [0.09, 0.16] + [inertia[0, 2] * 0.25, inertia[1, 0] * 0.04])
    assert energy[[2, 4]] == pytest.approx(expected)
    assert energy[[0, 1, 3, 5, 6, 7]].tolist() == [0.0] * 6


def test_no_part_cuts_a_clump() -> None:
    packing = loose_clumps(60, seed=2)
    clump = np.full(len(packing.radius), -1)
    clump[packing.clumps["first"][0] :] = np.repeat(np.arange(60), packing.clumps["count"])
    head = heads(clump, packing.clumps)
    bounds = bounds_of(np.array([0, len(clump)]), np.zeros(len(clump) + 1, int), 7, head=head)
    assert (np.diff(bounds) > 0).all()
    inner = bounds[1:-1]
    assert ((clump[inner] != clump[inner - 1]) | (clump[inner] < 0)).all()


DAMAGED = [
    ("clumps", "first", lambda column: column + 3, "do not exist"),
    ("clumps", "count", lambda column: column[::-1].copy(), "who is whose member"),
    ("clumps", "count", lambda column: column + 1, "do not exist"),
    ("bodies", "clump", lambda column: np.where(column == 0, -1, column), "who is whose member"),
    ("bodies", "box", lambda column: np.where(np.arange(len(column)) == 3, 1, column), "from box to box"),
    ("clumps", "inertia", lambda column: column * [0.0, 1.0, 1.0], "without mass, volume or inertia"),
    ("clumps", "volume", lambda column: -column, "without mass, volume or inertia"),
    ("clumps", "orientation", lambda column: 1.01 * column, "no unit quaternions"),
    ("members", "offset", lambda column: column[:-1], "do not exist"),
]


@pytest.mark.parametrize(("table", "name", "damage", "why"), DAMAGED)
def test_damaged_clumps_are_refused(table, name, damage, why) -> None:
    start = two_boxes()
    state = {"bodies": start.bodies, "clumps": start.clumps, "members": start.members}
    assert clump_faults(*state.values()) == []
    state[table] = {**state[table], name: damage(state[table][name])}
    faults = clump_faults(*state.values())
    assert len(faults) == 1
    assert why in faults[0]


def test_slowing_turns_the_energy_of_clumps_into_heat(make_bed) -> None:
    bed = make_bed(moving(two_boxes(), [[0.3, 0, 0], [0, 0.4, 0]], [[0, 0, 0.5], [0.2, 0, 0]]))
    before = observe(bed)
    scale_motion(bed, np.array([0.5, 0.1]))
    after = observe(bed)
    assert after.kinetic == pytest.approx(before.kinetic * [0.25, 0.01])
    assert after.kinetic + after.heat == pytest.approx(before.kinetic)
    bed.advance([1, 1])  # members are written from their clumps: they have been slowed alike
    assert observe(bed).kinetic == pytest.approx(after.kinetic, rel=1e-9)


def test_orientation_tensor_is_weighted_by_volume(make_bed) -> None:
    """A pair upright and a hook turned by 90° about y: its normal is x."""
    lying = np.array([np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0])
    packing = clumped([PAIR, HOOK], [[5.0, 5, 5], [14.0, 14, 12]], [UPRIGHT, lying], width=20.0, height=20.0)
    start = lay([packing, replace(packing, clumps=None, members=None)], (GRAIN, RIGID), dt=0.001)
    bed = make_bed(start)
    tensor = platelet_orientation(bed)
    share = PAIR.volume / (PAIR.volume + HOOK.volume)
    assert tensor[0] == pytest.approx(np.diag([1.0 - share, 0.0, share]), abs=1e-15)
    assert np.isnan(tensor[1]).all()  # spheres lie no way
    assert np.isnan(bond_fabric(bed)).all()


def test_direction_moments_of_a_fan() -> None:
    """Directions spread evenly in the x–z plane: a half each."""
    angle = np.linspace(0.0, np.pi, 100, endpoint=False)
    unit = np.column_stack([np.cos(angle), np.zeros(100), np.sin(angle)])
    tensor = direction_moments(unit, np.ones(100), np.zeros(100, int), 1)[0]
    assert tensor == pytest.approx(np.diag([0.5, 0.0, 0.5]), abs=1e-15)
