"""What trials let one believe of others: a Gaussian process for each outcome and one for whether a trial fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kalander.twin.surrogate.process import Process, fitted

__all__ = ["Belief", "Trials", "believed"]

LEAST_NOISE = 1e-6  # of the variance: where the matrix of a process is not to be inverted otherwise


@dataclass(frozen=True, eq=False)
class Trials:
    """Points (n, k) of the cube; outcomes (n,) by name, NaN where a trial failed or is pending; failed, told (n,)."""

    points: np.ndarray
    outcomes: Mapping[str, np.ndarray]
    failed: np.ndarray
    told: np.ndarray

    @property
    def good(self) -> np.ndarray:
        """Trials with outcomes."""
        return self.told & ~self.failed


@dataclass(frozen=True)
class Belief:
    """A process on what an outcome is above or below its mean."""

    process: Process
    centre: float

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the function behind the noise at points (n, k)."""
        mean, sd, _ = self.process.predict(points)
        return self.centre + mean, sd


def _fit(points: np.ndarray, values: np.ndarray, seed: int, theta: np.ndarray | None = None) -> Process:
    noise = np.zeros(len(values))
    try:
        return fitted(points, values, noise, theta=theta, seed=seed)
    except np.linalg.LinAlgError:  # points that lie very near each other
        return fitted(points, values, noise + LEAST_NOISE * float(np.var(values) or 1.0), theta=theta, seed=seed)


def _belief(points: np.ndarray, values: np.ndarray, waiting: np.ndarray, seed: int) -> Belief:
    """Fitted to values; then pending points are taken to give what is expected of them (Ginsbourger et al. 2010)."""
    centre = float(values.mean())
    first = Belief(_fit(points, values - centre, seed), centre)
    if len(waiting) == 0:
        return first
    expected, _ = first(waiting)
    both, all_values = np.vstack([points, waiting]), np.concatenate([values, expected])
    return Belief(_fit(both, all_values - centre, seed, first.process.theta), centre)


def believed(trials: Trials, names: Sequence[str], seed: int) -> tuple[dict[str, Belief], Belief | None]:
    """What is believed of each outcome, and of failure: None where no trial has failed. Raises InputError: no package.

    Needs two trials with outcomes.
    """
    good, waiting = trials.good, trials.points[~trials.told]
    found = {
        name: _belief(trials.points[good], trials.outcomes[name][good], waiting, seed) for name in names
    }  # fmt: skip
    if not trials.failed.any():
        return found, None
    told = trials.told
    return found, _belief(trials.points[told], trials.failed[told].astype(float), waiting, seed)
