"""Packings: solid fraction, overlap, seeds, and the search for near pairs."""

import numpy as np
import pytest

from kalander.dem.bodies.state import sphere_volume
from kalander.dem.packing.generate import generate, largest_overlap
from kalander.dem.packing.near import Neighbours, close_pairs, near_pairs
from kalander.dem.packing.recipe import layer_bands
from kalander.kernels.errors import NumericalError


def packed(solid_fraction: float, *, seed: int = 1, count: int = 150):
    """Centres, radii, width and height of a packing of spheres of 0.7 to 1.3 µm in a box as high as wide."""
    rng = np.random.default_rng(seed)
    radius = rng.uniform(0.7, 1.3, count)
    side = float(np.cbrt(sphere_volume(radius).sum() / solid_fraction))
    width = np.array([side, side])
    *_, (share, _, position) = generate(radius, width, side, reach=0.15, rng=rng)
    assert share == 1.0
    return position, radius, width, side


@pytest.mark.parametrize("solid_fraction", [0.3, 0.5, 0.57])
def test_spheres_hardly_overlap(solid_fraction) -> None:
    """All pairs by brute force, with every periodic image in x and y; the promise is 1e-3 of the smaller radius."""
    position, radius, width, height = packed(solid_fraction)
    vector = position[:, None] - position
    vector[..., :2] -= width * np.round(vector[..., :2] / width)
    reach = radius[:, None] + radius
    overlap = (reach - np.linalg.norm(vector, axis=-1)) / np.minimum(radius[:, None], radius)
    np.fill_diagonal(overlap, -1.0)
    assert overlap.max() <= 1e-3
    rounding = 1e-14 * height
    assert (position[:, 2] - radius).min() >= -rounding
    assert (position[:, 2] + radius).max() <= height + rounding
    assert largest_overlap(position, radius, width, height) == pytest.approx(max(overlap.max(), 0.0), abs=1e-12)


def test_spheres_in_too_small_a_box_are_refused() -> None:
    with pytest.raises(NumericalError, match="do not fit"):
        packed(0.85, count=20)


def test_equal_seeds_give_equal_packings() -> None:
    first, again, other = (packed(0.5, seed=seed, count=40)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_packing_goes_on_from_any_round_as_if_never_stopped() -> None:
    rng = np.random.default_rng(5)
    radius, width, height = rng.uniform(0.7, 1.3, 40), np.array([7.2, 7.2]), 7.2
    rounds = [(number, position.copy()) for _, number, position in generate(radius, width, height, reach=0.1, rng=rng)]
    for stop in (7, 59, 62):
        *_, (_, _, resumed) = generate(radius, width, height, reach=0.1, rng=rng, start=rounds[stop])
        assert np.array_equal(resumed, rounds[-1][1])


def test_drying_draws_spheres_into_touch() -> None:
    """Loose spheres after drying touch several neighbours; as many, put down at random, touch none."""
    position, radius, width, _ = packed(0.45)
    close = len(near_pairs(position, radius, width, 0.02)[0])
    assert 2.0 * close / len(radius) > 3.0


def test_near_pairs_across_periodic_sides() -> None:
    """Against brute force, in a box hardly wider than two spheres and with centres outside of it."""
    rng = np.random.default_rng(6)
    width = np.array([4.5, 7.0])
    position = rng.uniform(-10.0, 10.0, (60, 3))
    radius = rng.uniform(0.4, 0.8, 60)
    first, second, unit, gap = near_pairs(position, radius, width, 0.3)
    vector = position[:, None] - position
    vector[..., :2] -= width * np.round(vector[..., :2] / width)
    distance = np.linalg.norm(vector, axis=-1)
    gaps = distance - radius[:, None] - radius
    expected = np.argwhere(np.triu(gaps < 0.3, 1))
    assert np.array_equal(np.column_stack([first, second]), expected)
    assert gap == pytest.approx(gaps[first, second], abs=1e-12)  # rounding of coordinates of 10 µm
    assert unit * distance[first, second][:, None] == pytest.approx(vector[first, second], abs=1e-12)


def test_small_spheres_look_no_further_than_they_reach() -> None:
    """Spheres of 20 to 1 µm: all near pairs, as by brute force, from a number of candidates that grows as theirs."""
    rng = np.random.default_rng(3)
    for copies in (1, 3):
        radius = np.repeat([10.0, 2.5, 0.5], np.array([3, 60, 900]) * copies)
        width = np.array([40.0 * copies, 40.0])
        position = rng.random((len(radius), 3)) * [*width, 40.0]
        first, second, _, gap = near_pairs(position, radius, width, 0.3)
        looked_at = len(close_pairs(position, radius, np.array([*width, 100.0]), 0.3))
        assert looked_at < 12 * len(radius)  # one tree for all looks at 300 copies a sphere
        near = []
        for i in range(len(radius)):
            vector = position[i] - position[i + 1 :]
            vector[:, :2] -= width * np.round(vector[:, :2] / width)
            gaps = np.linalg.norm(vector, axis=1) - radius[i] - radius[i + 1 :]
            near += [(i, i + 1 + j) for j in np.flatnonzero(gaps < 0.3)]
        assert np.array_equal(np.column_stack([first, second]), near)
        assert (gap < 0.3).all()


def test_neighbours_on_their_way_are_those_that_are_looked_for_anew() -> None:
    """Spheres that wander and a film that shrinks: the same pairs, to the bit."""
    rng = np.random.default_rng(8)
    radius, width = 0.5 * 10.0 ** rng.random(300), np.array([20.0, 20.0])
    clump = np.where(rng.random(300) < 0.2, rng.integers(0, 20, 300), -1)
    position = rng.random((300, 3)) * [*width, 40.0]
    for clumps, reach in ((None, 0.2), (clump, 0.0)):
        neighbours = Neighbours(radius, width, clump=clumps)
        for step in range(60):
            if step % 10 == 0:
                position = position * [1.0, 1.0, 0.99]
                neighbours.squeeze(0.99)
            position = position + rng.normal(0.0, 0.01, (300, 3))
            expected = near_pairs(position, radius, width, reach, clump=clumps)
            assert all(map(np.array_equal, neighbours.near(position, reach), expected))
        assert len(neighbours.near(position, 1.0)[0]) > len(expected[0])  # a longer reach is another search


def test_share_of_a_packing_only_grows() -> None:
    rng = np.random.default_rng(5)
    radius, width = rng.uniform(0.3, 1.2, 60), np.array([7.0, 7.0])
    shares = [share for share, _, _ in generate(radius, width, 9.0, reach=0.1, rng=rng)]
    assert (np.diff(shares) >= 0.0).all()
    assert shares[-1] == 1.0


def test_coincident_centres_are_parted() -> None:
    position = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    _, _, unit, gap = near_pairs(position, np.ones(2), np.array([10.0, 10.0]), 0.0)
    assert np.linalg.norm(unit) == 1.0
    assert gap.tolist() == [-2.0]


def test_layers_stay_over_each_other() -> None:
    """Small spheres laid over large ones stay there while the film dries: they hardly mix at the interface."""
    rng = np.random.default_rng(5)
    diameters = np.repeat([2.0, 1.0], [60, 480])
    layers = np.repeat([0, 1], [60, 480])
    bands = layer_bands(diameters, layers)
    assert bands[0] == pytest.approx([0.0, 0.5], abs=1e-12)
    assert bands[-1] == pytest.approx([0.5, 1.0], abs=1e-12)
    side = float(np.cbrt(sphere_volume(diameters / 2).sum() / 0.5))
    *_, (_, _, position) = generate(diameters / 2, np.array([side, side]), side, reach=0.1, rng=rng, bands=bands)
    lower = position[:, 2] < 0.5 * side
    assert lower[:60].mean() > 0.9
    assert lower[60:].mean() < 0.1
