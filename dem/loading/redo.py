"""Intervals that are done again: one that passed a stress is led otherwise from the same state, until it does not.

What an interval comes to is a function of how its box is moved in it. The slope of that function is at first what
contacts answer, and then what the tries have shown (Broyden, Math. Comp. 19 (1965) 577): of the bed as it is, also
where it gives way faster than a servo that only looks back could follow.
"""

import numpy as np

from kalander.dem.loading.servo import PROMISE

__all__ = ["Tries", "broyden"]

MOST = 12  # tries of an interval; one or two were enough wherever it has been counted
WITHIN = 0.5  # of the promise: by so much may what is tried instead pass a stress


def broyden(slope: np.ndarray, change: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Slope (axis, axis) that answers `moved` by `change` (axis,), and what is across it as before."""
    square = moved @ moved
    return slope + np.outer(change - slope @ moved, moved) / square if square > 0.0 else slope


class Tries:
    """How the boxes of an interval have been moved, and what they came to.

    slope: of the stresses over the motion of the axes (box, 3, 3); held: which axes have a stress; limit: how far each
    axis may be moved; goal: the largest stress held [MPa] (box,); before: shares of it by which stresses were beyond
    their own at the last look; shapes (box, 3).
    """

    def __init__(
        self, slope: np.ndarray, held: np.ndarray, limit: np.ndarray, goal: np.ndarray, before: np.ndarray
    ) -> None:
        self.slope, self.held, self.limit, self.goal = slope, held, limit, goal
        self.allowed = np.maximum(PROMISE, before)
        self.wanted = self.allowed - (1.0 - WITHIN) * PROMISE
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []  # motion and stress of each try
        self.best, self.least = np.zeros(held.shape), np.full(len(held), np.inf)

    def another(
        self, motion: np.ndarray, stress: np.ndarray, target: np.ndarray, beyond: np.ndarray
    ) -> np.ndarray | None:
        """Motion (box, 3) to do the interval with instead of `motion`, None where it may stay as it was done.

        stress: that it came to, target [MPa]; beyond: shares by which it is beyond them; (box, 3). Where MOST tries
        were not enough, the best of them is done once more.
        """
        excess = (beyond - self.allowed).max(axis=1)
        better = excess < self.least
        self.best[better], self.least = motion[better], np.minimum(excess, self.least)
        wrong = np.flatnonzero(excess > 0.0)
        if len(wrong) == 0 or len(self.seen) > MOST:
            return None
        new = motion.copy()
        self.seen.append((motion, stress.copy()))
        if len(self.seen) > MOST:
            new[wrong] = self.best[wrong]
            return None if np.array_equal(new, motion) else new
        change = -np.sign(stress - target) * np.maximum(beyond - self.wanted, 0.0) * self.goal[:, None]
        for box in wrong.tolist():
            mine, limit = self.held[box], self.limit[box]
            new[box, mine] = np.clip(motion[box] + self._move(box, change[box]), -limit, limit)[mine]
        return new

    def _move(self, box: int, change: np.ndarray) -> np.ndarray:
        """More motion (3,) of the held axes of a box for a change of their stresses (3,) [MPa], by what was seen."""
        part = np.ix_(mine := self.held[box], mine)
        slope, move = self.slope[box][part], np.zeros(len(mine))
        if len(self.seen) > 1:
            moved, shown = ((now - last)[box, mine] for last, now in zip(*self.seen[-2:], strict=True))
            self.slope[box][part] = slope = broyden(slope, shown, moved)
        move[mine] = np.linalg.lstsq(slope, change[mine], rcond=None)[0]
        return move
