"""What a campaign believes along each parameter through one point, and how far it has come, trial by trial."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kalander.twin.optimise.acquisition import front, hypervolume
from kalander.twin.optimise.believed import Trials, believed
from kalander.twin.optimise.choose import Goal, reference_of, within_limits
from kalander.twin.optimise.space import Space

__all__ = ["Slice", "progress_of", "slices_of"]


@dataclass(frozen=True, eq=False)
class Slice:
    """Along one parameter (by its place): its values (n,), and mean and deviation (n,) of each outcome."""

    parameter: int
    values: np.ndarray
    outcomes: dict[str, tuple[np.ndarray, np.ndarray]]


def slices_of(
    space: Space, trials: Trials, outcomes: Sequence[str], through: np.ndarray, seed: int, count: int = 61
) -> tuple[Slice, ...]:
    """Slices through a point (k,) of the cube. Where constraints tie parameters together, the others give way along the
    nearest direction that keeps every sum. Raises InputError: scikit-learn is missing. Needs two trials with outcomes.
    """
    beliefs, _ = believed(trials, outcomes, seed)
    found = []
    for place in range(space.count):
        points = space.line(through, place, count)
        told = {name: belief(points) for name, belief in beliefs.items()}
        found.append(Slice(place, space.real(points)[:, place], told))
    return tuple(found)


def progress_of(trials: Trials, goal: Goal) -> np.ndarray:
    """After each trial the best value within the limits, or with two objectives the hypervolume of the front, against
    the reference of all trials; (n,), NaN before there is one."""
    inside, sofar = within_limits(trials, goal), np.full(len(trials.points), np.nan)
    values = np.stack([sign * trials.outcomes[name] for name, sign in goal.objectives.items()], axis=1)
    if not inside.any():
        return sofar
    reference = reference_of(values[inside], goal) if len(goal.objectives) > 1 else None
    for last in range(len(sofar)):
        reached = values[: last + 1][inside[: last + 1]]
        if not len(reached):
            continue
        if reference is None:
            ((_, sign),) = goal.objectives.items()
            sofar[last] = sign * reached[:, 0].min()
        else:
            sofar[last] = hypervolume(reached[front(reached)], reference)
    return sofar
