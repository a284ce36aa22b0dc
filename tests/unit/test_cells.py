"""Candidate pairs against brute force over all periodic images."""

import numpy as np
import pytest
from beds import GRAIN, RIGID, lay, spheres

from kalander.dem.engine.pair_list import cell_grid, periodic_grid


def candidates(bed) -> np.ndarray:
    """Listed pairs of the bed, shape (pair, 2)."""
    return np.column_stack(bed.pairs.candidates()[1:])


def brute_force(packing, skin: float) -> np.ndarray:
    """Pairs with a gap below the skin, sorted."""
    vector = packing.position[:, None] - packing.position
    vector[..., :2] -= packing.width * np.floor(vector[..., :2] / packing.width + 0.5)
    reach = packing.radius[:, None] + packing.radius + skin
    return np.argwhere(np.triu(np.linalg.norm(vector, axis=-1) < reach, 1))


def scattered(count: int, *, width: float, height: float, seed: int):
    """Spheres anywhere, also outside of the box: positions are never wrapped."""
    rng = np.random.default_rng(seed)
    position = rng.uniform([-3 * width, -3 * width, 0.0], [3 * width, 3 * width, height], (count, 3))
    return spheres(position, rng.uniform(0.5, 1.0, count), width=width, height=height)


# One cell a side, two, three, and many; flat and tall; so tall that cells in z are merged; so wide that x, y are folded
BOXES = [(2.5, 10.0), (4.5, 10.0), (7.0, 10.0), (20.0, 3.0), (12.0, 40.0), (3.0, 4000.0), (60.0, 3.0), (3e9, 10.0)]


@pytest.mark.parametrize("schedule", ["boxes", "bodies"])
def test_all_near_pairs_are_listed_once_and_in_order(make_bed, schedule) -> None:
    packings = [scattered(60, width=width, height=height, seed=seed) for seed, (width, height) in enumerate(BOXES)]
    packings[-1].position[:, :2] = np.random.default_rng(1).uniform(-5.0, 5.0, (60, 2))  # across a side, in a corner
    skin = 0.2
    bed = make_bed(lay(packings, (GRAIN, RIGID), dt=0.001), schedule, np.full(len(packings), skin))
    expected = np.concatenate([brute_force(packing, skin) + 60 * box for box, packing in enumerate(packings)])
    assert len(expected) > 100
    assert np.array_equal(candidates(bed), expected)


def test_list_is_renewed_before_a_body_leaves_its_skin(make_bed) -> None:
    """Two spheres from afar: the pair enters the list while they come, and they bounce."""
    start = lay([spheres([[2.0, 5, 5], [18.0, 5, 5]], 1.0, width=40.0, height=10.0)], (GRAIN, RIGID), dt=0.001)
    start.bodies["velocity"][:, 0] = [1.0, -1.0]
    bed = make_bed(start, skin=np.array([0.15]))
    assert bed.pairs.count == 0
    bed.advance([6960])  # the gap is 0.08 µm, less than the skin
    assert candidates(bed).tolist() == [[0, 1]]
    bed.advance([300])
    velocity = bed.body("velocity")[:, 0]
    assert velocity[0] < 0.0 < velocity[1]
    assert bed.rebuilds > 6.96 / (0.5 * 0.15)  # each list serves half a skin of way


def test_springs_move_to_the_new_list(make_bed) -> None:
    """A list made anew between two steps changes neither springs nor which pairs touch."""
    rng = np.random.default_rng(8)
    packing = scattered(60, width=6.0, height=10.0, seed=8)
    start = lay([packing], (GRAIN, RIGID), dt=1e-5, friction=0.5)
    start.bodies["velocity"][:] = rng.normal(0.0, 0.1, (60, 3))
    bed = make_bed(start)
    bed.advance([5])
    before = bed.ensemble().contacts
    assert np.abs(before["spring"]).max() > 0.0
    bed.list_pairs()
    after = bed.ensemble().contacts
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_cells_are_no_more_than_bodies_ask_for_however_large_a_box_is() -> None:
    """Boxes of 1e3, 1e9 and 1e300 reaches; cells are no smaller than the reach, and folds divide the box."""
    counts, reach = np.array([1, 64, 64, 5000]), np.array([1.0, 2.0, 0.5, 1.0])
    size = reach[:, None] * np.array([[1e3, 10, 10], [1e9, 1e9, 3], [1e300, 1e300, 1e300], [100.0, 1e6, 50.0]])
    height = np.column_stack([np.zeros(4), size[:, 2]])
    for grid, shape, total in (
        cell_grid(height, size[:, :2], counts, reach), periodic_grid(size, np.zeros(4), counts, reach)
    ):  # fmt: skip
        assert total <= (4 * counts + 8).sum()
        assert (grid[:, 1:3] >= reach[:, None] * (1.0 - 1e-12)).all()
        folds = size[:, :2] / (grid[:, 1:3] * shape[:, :2])
        assert folds == pytest.approx(np.round(folds), rel=1e-9)
