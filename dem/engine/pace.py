"""What is chosen by the clock: whether workers advance a box together, and how far a candidate list reaches.

A busy machine makes teams wait; slow beds need few lists. Neither choice changes a result.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import numpy as np

__all__ = ["Pace", "teamed_boxes"]

FIRST_GUESS = 0.85  # meetings and unequal parts on an idle machine
MEMORY = 0.7  # weight of earlier measurements
MOST_WORSE = 3.0  # a launch that took longer than this times the usual was disturbed
TRIAL_EVERY = 12  # launches between two short trials of the way that is not in use
TRIAL_SHARE = 0.1  # of the steps of a launch
LEAST_PART = 100  # bodies of a part; a step of fewer is shorter than a few meetings

FIRST_SKIN = 0.15  # of the mean radius
LISTING_SHARE = 0.03  # of the time, for lists: then longer rows would cost what fewer lists save
SKIN_RANGE = (0.04, 0.8)  # of the mean radius
SKIN_CHANGE = (0.8, 1.25)  # from one list to the next


class Pace:
    """Seconds of one worker for a body-step, alone and in a team."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.cost: dict[bool, float] = {}
        self.launches = 0
        self.moving = 0.0  # seconds since the last list
        self.skin = FIRST_SKIN

    @property
    def team_share(self) -> float:
        """Work of a worker in a team over that of one alone."""
        return self.cost[False] / self.cost[True] if len(self.cost) == 2 else FIRST_GUESS

    def wants_trial(self) -> bool:
        """Should a launch that could go either way try the other one now, for a few steps."""
        return self.workers > 1 and self.launches % TRIAL_EVERY == 1

    @contextmanager
    def timing(self, done: np.ndarray, counts: np.ndarray, *, team: bool, busy: int) -> Iterator[None]:
        """Measure a launch of `busy` workers that moves `done` on, steps of boxes with so many bodies."""
        before, began = done.copy(), perf_counter()
        self.launches += 1
        yield
        seconds = perf_counter() - began
        body_steps = float(((done - before) * counts).sum())
        self.moving += seconds
        if body_steps > 0 and self.launches > 1:  # the first one compiles
            fresh = busy * seconds / body_steps
            known = self.cost.get(team, self._expected(fresh, team=team))
            # better is believed at once, one bad launch by a part
            self.cost[team] = min(fresh, MEMORY * known + (1 - MEMORY) * min(fresh, MOST_WORSE * known))

    def _expected(self, fresh: float, *, team: bool) -> float:
        """Cost of a way not yet measured: from the other way and the first guess, else what was just seen."""
        other = self.cost.get(not team, fresh * (FIRST_GUESS if team else 1.0 / FIRST_GUESS))
        return other / FIRST_GUESS if team else other * FIRST_GUESS

    @contextmanager
    def listing(self) -> Iterator[None]:
        """Measure the making of a list, and choose the skin of the next one by the share of time it took."""
        began = perf_counter()
        yield
        seconds = perf_counter() - began
        if self.moving > 0.0 and self.launches > 1:
            share = seconds / (seconds + self.moving)
            change = np.clip(np.sqrt(share / LISTING_SHARE), *SKIN_CHANGE)
            self.skin = float(np.clip(self.skin * change, *SKIN_RANGE))
        self.moving = 0.0


def teamed_boxes(counts: np.ndarray, workers: int, team_share: float) -> int:
    """How many of the boxes, largest first, all workers should advance together before they take one box each.

    counts: bodies of the boxes, largest first; team_share: what a worker is worth in a team. Least estimated time.
    """
    best, teamed_best = np.inf, 0
    for teamed in range(min(workers, len(counts)) + 1 if workers > 1 else 0):
        if teamed and counts[teamed - 1] < LEAST_PART * workers:
            break
        time = counts[:teamed].sum() / (team_share * workers) + _longest(counts[teamed:], workers)
        if time < best:
            best, teamed_best = time, teamed
    return teamed_best


def _longest(counts: np.ndarray, workers: int) -> float:
    """Time until the last worker is done when each takes the next largest box; not rounded up where boxes are many."""
    if len(counts) > 8 * workers:
        return float(counts.sum() / workers)
    busy = np.zeros(workers)
    for count in counts:
        busy[np.argmin(busy)] += count
    return float(busy.max())
