"""Who advances which box, and how boxes are cut: choices that change times only."""

import numpy as np
import pytest

from kalander.dem.engine.pace import Pace, teamed_boxes
from kalander.dem.engine.parts import bounds_of, crossing


@pytest.mark.parametrize(
    ("counts", "workers", "share", "teamed"),
    [
        ([2000], 1, 0.85, 0),  # no one to meet
        ([2000], 2, 0.85, 1),  # one box: together, or one worker waits
        ([2000], 2, 0.45, 0),  # two workers that keep waiting for each other are slower than one
        ([2000] * 2, 2, 0.85, 0),
        ([2000] * 3, 2, 0.85, 1),  # a box each, and the third one together
        ([2000] * 64, 2, 0.85, 0),
        ([90_000, 2000, 2000], 4, 0.85, 3),  # the others have nobody to wait for
        ([40], 2, 0.85, 0),  # too small to be cut
    ],
)
def test_boxes_are_shared_out_for_the_shortest_time(counts, workers, share, teamed) -> None:
    assert teamed_boxes(np.array(counts), workers, share) == teamed


def test_worth_of_a_team_is_measured() -> None:
    pace = Pace(2)
    assert 0.5 < pace.team_share < 1.0
    pace.cost = {False: 1.0, True: 2.5}
    assert pace.team_share == 0.4


def test_skin_follows_the_share_of_time_for_lists() -> None:
    pace = Pace(1)
    pace.launches, start = 5, pace.skin
    pace.moving = 1e9  # lists cost nothing
    with pace.listing():
        pass
    assert pace.skin == pytest.approx(0.8 * start)
    for _ in range(100):
        pace.moving = 1e-12  # nothing but lists
        with pace.listing():
            pass
    assert pace.skin == 0.8


def test_parts_hold_equal_work() -> None:
    """Two boxes, the second with all its candidates at its end."""
    start = np.array([0, 100, 200])
    rows = np.concatenate([np.arange(0, 500, 5), np.full(90, 500), np.arange(500, 601, 10)])
    bounds = bounds_of(start, rows, 2)
    assert bounds.tolist()[:3] == [0, 50, 100]
    assert bounds[4] == 200
    weight = 2 * np.diff(bounds) + np.diff(rows[bounds])
    assert abs(int(weight[2]) - int(weight[3])) <= 24  # no better than two bodies with their rows


def test_crossing_pairs_are_found_from_both_sides() -> None:
    bounds = np.array([0, 3, 3, 6])  # the middle part is empty
    first, second, place = np.array([0, 1, 2, 2]), np.array([4, 3, 3, 5]), np.array([7, 9, 11, 12])
    table = crossing(first, second, place, bounds)
    assert table.out_range.tolist() == [0, 4, 4, 4]
    assert table.in_range.tolist() == [0, 0, 0, 4]
    assert table.arrivals.tolist() == [0, 1, 2, 3]  # in the order of the list
    assert table.second.tolist() == [4, 3, 3, 5]
