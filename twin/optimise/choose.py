"""The next trial: a design that fills the space first, then what the acquisition finds most worth; a pure function of
the trials and a seed, so that a campaign that is taken up again suggests the same.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kalander.twin.optimise.acquisition import (
    expected_hypervolume_improvement,
    front,
    log_improvement,
    log_within,
)
from kalander.twin.optimise.believed import Belief, Trials, believed
from kalander.twin.optimise.space import Space

__all__ = ["Goal", "next_point", "reference_of", "within_limits"]

CANDIDATES = 2000
STARTS = 6  # of the local search
ROUNDS = 40  # of the local search
TRIES = 16  # for each start and round
SIZES = (0.2, 1e-4)  # of its steps, first and last, in sides of the cube
SELDOM = 1e-3  # what is left of a trial's worth where it is sure to fail: the model of failures may err
BEYOND = 0.1  # of the range of outcomes: the reference of a hypervolume lies that far behind the worst of the front
LEAST = 1e-300


@dataclass(frozen=True)
class Goal:
    """Objectives with 1 to minimise and -1 to maximise, limits of outcomes, references where they are given."""

    objectives: dict[str, int]
    limits: dict[str, tuple[float, float]]
    references: dict[str, float]

    @property
    def outcomes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.objectives, *self.limits]))


def within_limits(trials: Trials, goal: Goal) -> np.ndarray:
    """Trials (n,) with outcomes, all of them within their limits."""
    found = trials.good.copy()
    for name, (least, most) in goal.limits.items():
        values = trials.outcomes[name]
        found &= np.where(np.isfinite(values), (values >= least) & (values <= most), False)
    return found


def reference_of(values: np.ndarray, goal: Goal) -> np.ndarray:
    """The worst that counts in the hypervolume of signed objectives (n, 2): as given, or behind the front's ends."""
    chosen = values[front(values)]
    span = np.where(np.ptp(values, axis=0) > 0.0, np.ptp(values, axis=0), 1.0)
    worst = chosen.max(axis=0) + BEYOND * span
    return np.array([
        sign * goal.references[name] if name in goal.references else worst[place]
        for place, (name, sign) in enumerate(goal.objectives.items())
    ])  # fmt: skip


def next_point(space: Space, goal: Goal, trials: Trials, first: int, seed: int) -> np.ndarray:
    """The point of the cube (k,) to try after some trials, of which some may be pending; first: size of the design.

    Raises InputError where scikit-learn is missing.
    """
    made = len(trials.points)
    if made < first or trials.good.sum() < 2:
        whole = max(first, 2 ** int(np.ceil(np.log2(made + 1))) if made >= first else first)
        return space.design(whole, seed)[made]
    own = int(np.random.SeedSequence([seed, made]).generate_state(1)[0])
    worth = _worth(goal, trials, own)
    from threadpoolctl import threadpool_limits  # comes with scikit-learn, without which `_worth` ends

    many = np.vstack([space.scattered(CANDIDATES, own), trials.points])
    with threadpool_limits(1):  # small matrices: threads only wait for each other
        return _climbed(space, worth, many, np.random.default_rng(own))


def _climbed(
    space: Space, worth: Callable[[np.ndarray], np.ndarray], many: np.ndarray, chance: np.random.Generator
) -> np.ndarray:
    """The best of many points after steps from the best of them, which become smaller."""
    value = worth(many)
    order = np.argsort(-value, kind="stable")[:STARTS]
    best, height = many[order], value[order]
    for size in np.geomspace(*SIZES, ROUNDS):
        tried = space.near(np.repeat(best, TRIES, axis=0), size, chance)
        found = worth(tried).reshape(len(best), TRIES)
        place = found.argmax(axis=1)
        rows = np.arange(len(best))
        better = found[rows, place] > height
        best = np.where(better[:, None], tried.reshape(len(best), TRIES, -1)[rows, place], best)
        height = np.where(better, found[rows, place], height)
    return best[height.argmax()]


def _worth(goal: Goal, trials: Trials, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """The logarithm of what a trial is worth, as a function of points (n, k)."""
    beliefs, failure = believed(trials, goal.outcomes, seed)
    feasible = within_limits(trials, goal)
    wanted = _improvement(goal, trials, beliefs, feasible)

    def worth(points: np.ndarray) -> np.ndarray:
        told = {name: belief(points) for name, belief in beliefs.items()}
        total = np.zeros(len(points)) if wanted is None else wanted(told)
        for name, (least, most) in goal.limits.items():
            total = total + log_within(*told[name], least, most)
        if failure is not None:
            total = total + np.log(np.clip(1.0 - failure(points)[0], SELDOM, 1.0))
        return total

    return worth


Told = dict[str, tuple[np.ndarray, np.ndarray]]


def _improvement(
    goal: Goal, trials: Trials, beliefs: dict[str, Belief], feasible: np.ndarray
) -> Callable[[Told], np.ndarray] | None:
    """Logarithm of the expected improvement over the trials within limits; None before there is one: then the
    probability of keeping the limits is all that counts (Gelbart, Snoek & Adams, UAI 2014)."""
    if not feasible.any():
        return None
    signs = goal.objectives
    # what is expected of pending trials counts as reached, so that a batch spreads along the front
    counted = feasible if len(signs) == 1 else feasible | ~trials.told
    reached = np.stack([sign * beliefs[name](trials.points[counted])[0] for name, sign in signs.items()], axis=1)
    if len(signs) == 1:
        ((name, sign),) = signs.items()
        best = float(reached.min())
        return lambda told: log_improvement(sign * told[name][0], told[name][1], best)
    observed = np.stack([sign * trials.outcomes[name][feasible] for name, sign in signs.items()], axis=1)
    reference = reference_of(np.vstack([observed, reached]), goal)

    def improvement(told: Told) -> np.ndarray:
        mean = np.stack([sign * told[name][0] for name, sign in signs.items()], axis=1)
        sd = np.stack([told[name][1] for name in signs], axis=1)
        return np.log(np.maximum(expected_hypervolume_improvement(mean, sd, reached, reference), LEAST))

    return improvement
