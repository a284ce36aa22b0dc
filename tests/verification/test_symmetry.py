"""What a cluster of colliding spheres must keep: momenta, and the same physics from every point of view."""

import numpy as np
import pytest
from beds import GRAIN, RIGID, lay, spheres, with_bodies

SIZE = 40.0
COUNT = 40
STEPS = 2700


def colliding_cluster(order=None, *, shift=0.0, drift=0.0):
    """Spheres that rush together in the middle of a large box, spinning; far from the platens."""
    rng = np.random.default_rng(5)
    radius = rng.uniform(0.7, 1.3, COUNT)
    corners = 2.8 * (np.stack(np.meshgrid(*[np.arange(4)] * 3), -1).reshape(-1, 3)[:COUNT] - 1.5)
    position = corners + rng.uniform(-0.1, 0.1, (COUNT, 3))
    velocity = -0.1 * position + rng.normal(0.0, 0.02, (COUNT, 3))
    spin = rng.normal(0.0, 0.1, (COUNT, 3))
    order = np.arange(COUNT) if order is None else order
    box = spheres((position + 0.5 * SIZE)[order] + shift, radius[order], width=SIZE, height=SIZE)
    start = lay([box], (GRAIN, RIGID), dt=0.0012, friction=0.5)
    return with_bodies(start, velocity=velocity[order] + drift, spin=spin[order])


def momenta(bed) -> tuple[np.ndarray, np.ndarray, float]:
    """Momentum, angular momentum about the middle, and the scale of the latter's terms."""
    mass, radius = bed.body("mass")[:, None], bed.body("radius")[:, None]
    position, velocity, spin = (bed.body(name) for name in ("position", "velocity", "spin"))
    terms = mass * (np.cross(position - 0.5 * SIZE, velocity) + 0.4 * radius**2 * spin)
    return (mass * velocity).sum(axis=0), terms.sum(axis=0), float(np.abs(terms).sum())


@pytest.fixture
def collided(make_bed):
    """The cluster after its collisions."""
    bed = make_bed(colliding_cluster())
    bed.advance([STEPS])
    assert bed.body("heat").sum() > 0.0
    assert (np.abs(bed.body("heat")) > 0.0).sum() > COUNT // 2  # more than half of the spheres own a collision
    return bed


# Each of 2700 steps rounds the sums of up to a dozen forces, 1e-16 × √(2700 × 12), and the separation of centres at
# 20 µm by ten times as much as one at 2 µm: some 2e-13, and as another machine up to 1.1e-12, for collisions are few
# and large. An arm of r in place of r − δ/2 would show as 1e-3.
ROUNDING = 1e-11


def test_momentum_is_kept(collided, make_bed) -> None:
    before, _, _ = momenta(make_bed(colliding_cluster()))
    after, _, _ = momenta(collided)
    scale = np.abs(collided.body("mass")[:, None] * collided.body("velocity")).sum()
    assert np.abs(after - before).max() < ROUNDING * scale


def test_angular_momentum_is_kept(collided, make_bed) -> None:
    """Both arms end at the same point of contact, so that friction turns neither pair as a whole."""
    _, before, scale = momenta(make_bed(colliding_cluster()))
    _, after, _ = momenta(collided)
    assert np.abs(after - before).max() < ROUNDING * scale


# Every collision of convex spheres enlarges a difference of rounding, here from 1e-15 of the box to some 1e-5 µm in a
# few collisions in a row; a pair that is missed or seen twice shows as a part of a radius, 1 µm.
CHAOS = 1e-4


def test_steady_motion_of_all_changes_nothing(collided, make_bed) -> None:
    drift = np.array([0.05, -0.03, 0.01])
    moving = make_bed(colliding_cluster(drift=drift))
    moving.advance([STEPS])
    way = drift * moving.boxes["time"][0]
    assert np.abs(moving.body("position") - way - collided.body("position")).max() < CHAOS
    assert np.abs(moving.body("spin") - collided.body("spin")).max() < CHAOS


def test_place_of_the_cluster_and_periodic_images_change_nothing(collided, make_bed) -> None:
    """The cluster sits across a corner of the box, and every third sphere is entered as another image."""
    shift = np.zeros((COUNT, 3))
    shift[:, :2] = 0.5 * SIZE
    shift[::3, 0] -= SIZE
    shift[1::3, 1] += 2.0 * SIZE
    moved = make_bed(colliding_cluster(shift=shift))
    moved.advance([STEPS])
    assert np.abs(moved.body("position") - shift - collided.body("position")).max() < CHAOS


def test_numbering_of_the_spheres_changes_nothing(collided, make_bed) -> None:
    order = np.random.default_rng(6).permutation(COUNT)
    other = make_bed(colliding_cluster(order))
    other.advance([STEPS])
    assert np.abs(other.body("position") - collided.body("position")[order]).max() < CHAOS


def test_mirror_image_moves_as_a_mirror_image(collided, make_bed) -> None:
    """Mirrored in x; a spin is an axial vector."""
    start = colliding_cluster()
    mirror = np.array([-1.0, 1.0, 1.0])
    bodies = start.bodies
    image = with_bodies(
        start,
        position=bodies["position"] * mirror + [SIZE, 0, 0],
        velocity=bodies["velocity"] * mirror,
        spin=-bodies["spin"] * mirror,
    )
    bed = make_bed(image)
    bed.advance([STEPS])
    assert np.abs(bed.body("position") * mirror + [SIZE, 0, 0] - collided.body("position")).max() < CHAOS
