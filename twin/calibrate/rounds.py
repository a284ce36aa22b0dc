"""The driver: runs in launches, each kept as it ends; space-filling first, then near the posterior."""

import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress
from kalander.kernels.errors import Fault, InputError, NumericalError
from kalander.twin.calibrate.design import Aims, doubt, first_places, next_places, weighted
from kalander.twin.calibrate.parameters import Parameter, cheap
from kalander.twin.calibrate.posterior import Measurements, Posterior
from kalander.twin.calibrate.simulated import Runs, Simulate, asked
from kalander.twin.calibrate.surrogate import fit_surrogate
from kalander.twin.inference.sampler import Effort

__all__ = ["Choices", "Kept", "Memory", "Problem", "rounds"]


MOST_ERROR = 0.2


@dataclass(frozen=True)
class Choices:
    """How much is simulated and sampled. None: by the number of parameters.

    runs: parameter sets at most, of which `first` fill the space; seeds: packings of each; launch: sets side by side in
    one batch; repeats: settings of the line and of lab scales that are tried on the boxes of one set. enough: share of
    the surrogate's variance in that of the data at which no more runs are made. model_error: standard deviation of what
    the model misses, in porosity and in springback.
    """

    runs: int | None = None
    first: int | None = None
    seeds: int = 2
    launch: int = 4
    repeats: int = 6
    enough: float = 0.05
    model_error: float = 0.005
    seed: int = 0
    effort: Effort = field(default_factory=Effort)

    def __post_init__(self) -> None:
        faults = [
            Fault(name, value, "is no number of them", "a whole number from 1 on")
            for name in ("runs", "first", "seeds", "launch", "repeats")
            if (value := getattr(self, name)) is not None and not (isinstance(value, int) and value >= 1)
        ]
        if not 0.0 <= self.model_error <= MOST_ERROR:
            faults.append(Fault("model_error", self.model_error, "is out of range", f"0 to {MOST_ERROR:g} of porosity"))
        if not 0 <= self.seed < 1 << 63:
            faults.append(Fault("seed", self.seed, "is out of range", "a whole number from 0 on, below 2^63"))
        if faults:
            raise InputError(faults)

    def runs_of(self, axes: int) -> int:
        """Runs at most."""
        return self.runs or max(12, 8 * axes)

    def first_of(self, axes: int) -> int:
        """Runs that fill the space."""
        return min(self.first or max(8, 4 * axes), self.runs_of(axes))


class Kept(Protocol):
    """Where launches are kept, so that a calibration that was killed goes on; see coupling.store.numbered."""

    def get(self, number: int) -> Runs | None: ...
    def put(self, number: int, made: Runs) -> None: ...


class Memory:
    """Keeps launches for as long as it lives."""

    def __init__(self) -> None:
        self.made: dict[int, Runs] = {}

    def get(self, number: int) -> Runs | None:
        """A launch, or None."""
        return self.made.get(number)

    def put(self, number: int, made: Runs) -> None:
        """Keep a launch."""
        self.made[number] = made


@dataclass(frozen=True, eq=False)
class Problem:
    """Parameters, what is simulated (with how many outputs), what was measured of it, and what shall be known."""

    parameters: tuple[Parameter, ...]
    simulate: Simulate
    outputs: int
    data: Measurements
    aims: Aims

    @property
    def repeated(self) -> np.ndarray:
        """Rows of the parameters for which boxes need not be pressed again."""
        return np.array([row for row, one in enumerate(self.parameters) if cheap(one.key)], int)

    def posterior(self, made: Runs) -> Posterior:
        """By all runs so far. Raises NumericalError where too few came to their end."""
        places = np.stack([one.share(made.parameters[:, row]) for row, one in enumerate(self.parameters)], axis=-1)
        return Posterior(self.parameters, fit_surrogate(places, made.outputs, made.run, self.data.outputs), self.data)


def rounds(problem: Problem, choices: Choices, kept: Kept, begun: Runs) -> Generator[Progress, None, Runs]:
    """All runs of a calibration, after those that it began with.

    The same choices give the same runs, wherever it was killed and taken up again.
    """
    axes = len(problem.parameters)
    most, first = choices.runs_of(axes), choices.first_of(axes)
    beginning = first_places(first, axes, choices.seed)
    made, number = begun, 0
    while made.count < most:
        done = made.count
        yield Progress("calibrate", done / most, f"run {done + 1} of at most {most}", lambda: Data({}, {}))
        launch = kept.get(number)
        if launch is None:
            places = beginning[done : done + choices.launch] if done < first else _further(problem, choices, made, most)
            if places is None:
                break
            launch = _launched(problem, choices, places, done, number)
            kept.put(number, launch)
        made, number = made.with_more(launch), number + 1
    return made


def _further(problem: Problem, choices: Choices, made: Runs, most: int) -> np.ndarray | None:
    """Places of the next launch, None where the surrogate is good enough."""
    count = min(choices.launch, most - made.count)
    axes = len(problem.parameters)
    try:
        posterior = problem.posterior(made)
    except NumericalError:  # too few came to their end: fill the space further
        return first_places(count, axes, choices.seed + 1 + made.count)
    known = weighted(posterior, choices.seed)
    if doubt(posterior, known, problem.aims) < choices.enough:
        return None
    return next_places(posterior, known, problem.aims, count, seed=choices.seed, number=made.count)


def _launched(problem: Problem, choices: Choices, places: np.ndarray, done: int, number: int) -> Runs:
    """A launch: every place with packings of its own, and (of a line) with several settings of it."""
    run, places = _repeated(problem, choices, places, done)
    parameters = np.stack([one.at(places[:, row]) for row, one in enumerate(problem.parameters)], axis=-1)
    seeds = choices.seeds * run[:, None] + np.arange(choices.seeds)[None, :]
    began = time.process_time()
    found = asked(problem.simulate, parameters, seeds, problem.outputs)
    return Runs(run, parameters, seeds, found.values, found.reasons, time.process_time() - began)


def _repeated(problem: Problem, choices: Choices, places: np.ndarray, done: int) -> tuple[np.ndarray, np.ndarray]:
    """Run and place of each point."""
    run, rows = done + np.arange(len(places)), problem.repeated
    if not len(rows):
        return run, places
    many = np.repeat(places, choices.repeats, axis=0)
    random = np.random.Generator(np.random.Philox(key=[choices.seed, 1 << 20 | done]))
    others = np.arange(len(many)) % choices.repeats > 0
    many[np.ix_(others, rows)] = random.random((int(others.sum()), len(rows)))
    return np.repeat(run, choices.repeats), many
