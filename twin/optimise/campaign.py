"""A campaign as an object of the public face: it suggests trials, is told what they gave, and shows them as a table."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cases.suggest import MOST, SuggestCase, load_suggest_case, suggest_case
from kalander.coupling.plant.campaigns import KeptTrials, Trial
from kalander.coupling.plant.event import Event
from kalander.coupling.plant.store import PlantStore
from kalander.kernels.errors import Fault, InputError
from kalander.twin.optimise.acquisition import front, hypervolume
from kalander.twin.optimise.believed import Trials
from kalander.twin.optimise.choose import Goal, next_point, reference_of, within_limits
from kalander.twin.optimise.slices import Slice, progress_of, slices_of
from kalander.twin.optimise.space import Space
from kalander.twin.thread.lineage import lineage

__all__ = ["Campaign"]

MOST_PENDING = 100  # trials that wait for an answer


@dataclass
class _Held:
    """Trials in memory, in place of a store."""

    trials: dict[int, Trial] = field(default_factory=dict)

    def all(self) -> list[Trial]:
        return [self.trials[number] for number in sorted(self.trials)]

    def add(self, new: Trial) -> None:
        self.trials.setdefault(new.number, new)

    def tell(self, done: Trial, events: Sequence[Event] = ()) -> None:
        self.trials[done.number] = done  # in memory there is no thread to register in


class Campaign:
    """Which settings to try next, from what the trials before gave. Campaign("suggest.toml", store="plant.db").

    case: a file, a dictionary as it holds, or a SuggestCase. store: a file or URL, where trials outlive the process; in
    memory if not given. begin: make store and campaign where there are none. plant: what answers, where that is told
    apart; a campaign goes on with the same only. Raises InputError with every fault.
    """

    def __init__(
        self, case: SuggestCase | Mapping[str, Any] | str | Path, store: PlantStore | str | Path | None = None, *,
        begin: bool = True, plant: str = "",
    ) -> None:  # fmt: skip
        self.case = _case(case)
        self._space = _space_of(self.case)
        self._goal = _goal_of(self.case)
        self._store = store if isinstance(store, PlantStore | None) else PlantStore(store, create=begin)
        self._kept: KeptTrials | _Held = _Held()
        if self._store is not None:
            said = self.case.model_dump(mode="json", by_alias=True) | ({"plant": plant} if plant else {})
            document = json.dumps(said, sort_keys=True)
            self._kept = KeptTrials(self._store, self.case.name, document, begin=begin)

    @property
    def trials(self) -> list[Trial]:
        """All trials in the order in which they were suggested."""
        return self._kept.all()

    def suggest(self, number: int = 1) -> list[Trial]:
        """Trials that wait for an answer, and new ones until there are so many of them.

        A trial follows from the seed and the trials before it: asked again, or after a kill, it is the same. Raises
        InputError: scikit-learn is missing, or the number is none.
        """
        if not 1 <= number <= MOST_PENDING:
            raise InputError(Fault("number", number, "is out of range", f"1 to {MOST_PENDING}"))
        while len(waiting := [one for one in self.trials if not one.told]) < number:
            so_far = self.trials
            point = next_point(self._space, self._goal, self._columns(so_far), self.case.first, self.case.seed)
            values = self._space.real(point[None, :])[0]
            names = (one.name for one in self.case.parameter)
            self._kept.add(Trial(len(so_far) + 1, dict(zip(names, values.tolist()))))
        return waiting

    def tell(
        self, trial: int | Trial, values: Mapping[str, float] | None = None, *, failed: bool = False,
        events: Sequence[Event] = (),
    ) -> Trial:  # fmt: skip
        """What a trial gave, by outcome; failed: it gave nothing, as one with a value that is no finite number.

        events: of the thread in the store, kept together with the answer, or neither. Told the same again it changes
        nothing. Raises InputError: no such trial, other outcomes than the case has, or another answer than it has.
        """
        number = trial.number if isinstance(trial, Trial) else trial
        before = {one.number: one for one in self.trials}.get(number)
        if before is None:
            raise InputError(Fault("trial", number, "was not suggested", self._numbers()))
        given = dict(values or {})
        if failed == bool(given):
            raise InputError(Fault("value", list(given), "does not fit", "a value for each outcome, or failed"))
        sound = not failed and all(math.isfinite(value) for value in given.values())
        faults = _wrong_outcomes(given, self.case.outcomes, complete=sound)
        if faults:
            raise InputError(faults)
        outcomes = {name: float(given[name]) for name in self.case.outcomes} if sound else None
        done = Trial(number, before.parameters, outcomes, not sound)
        if before.told and before != done:
            raise InputError(Fault("trial", number, "was told already, and something else", "a pending trial"))
        if not before.told:
            self._kept.tell(done, events)
        return done

    def _numbers(self) -> str:
        waiting = [str(one.number) for one in self.trials if not one.told]
        return f"one of {', '.join(waiting)}" if waiting else "a trial that was suggested; none is pending"

    @property
    def best(self) -> Trial | None:
        """The best trial within the limits, as it was told; None before there is one, or with two objectives."""
        found = self._feasible()
        if len(self.case.objective) > 1 or not found:
            return None
        return min(found, key=lambda one: self._signed(one)[0])

    @property
    def front(self) -> list[Trial]:
        """Trials within the limits that no other beats in both objectives, sorted by the first."""
        found = self._feasible()
        if len(self.case.objective) < 2 or not found:
            return []
        kept = front(np.array([self._signed(one) for one in found]))
        return sorted((one for one, keep in zip(found, kept) if keep), key=lambda one: self._signed(one)[0])

    @property
    def hypervolume(self) -> float | None:
        """Area of outcomes that the front beats, in the product of their units; None without a front."""
        if not self.front:
            return None
        found = self._feasible()
        values = np.array([self._signed(one) for one in found])
        return hypervolume(values, reference_of(values, self._goal))

    def slices(self, through: int | None = None) -> tuple[Slice, ...]:
        """What is believed of each outcome along each parameter, through a trial: by default the best, or the middle of
        the front, or the last one. Raises InputError: fewer than two trials gave outcomes, or scikit-learn is missing.
        """
        trials = self.trials
        columns = self._columns(trials)
        if columns.good.sum() < 2:
            raise InputError(Fault("slices", int(columns.good.sum()), "are the trials with outcomes", "two or more"))
        number = through or self.middle.number
        if not 1 <= number <= len(trials):
            raise InputError(Fault("through", number, "is no trial", f"1 to {len(trials)}"))
        return slices_of(self._space, columns, self.case.outcomes, columns.points[number - 1], self.case.seed)

    @property
    def middle(self) -> Trial:
        """The best trial, or the one in the middle of the front; the last one where none keeps the limits."""
        if self.best is not None:
            return self.best
        found = self.front
        return found[len(found) // 2] if found else self.trials[-1]

    def progress(self) -> list[float | None]:
        """After each trial the best value within the limits, or the hypervolume of the front; None before there is."""
        sofar = progress_of(self._columns(self.trials), self._goal).tolist()
        return [value if math.isfinite(value) else None for value in sofar]

    def history(self, trial: int) -> dict[str, Any] | None:
        """The lineage of the pass that a loop kept for a trial; None where the store holds none."""
        if self._store is None:
            return None
        try:
            return lineage(self._store, f"pass:{self.case.name}/{trial}")
        except InputError:
            return None

    def _feasible(self) -> list[Trial]:
        trials = self.trials
        return [one for one, inside in zip(trials, within_limits(self._columns(trials), self._goal)) if inside]

    def _signed(self, one: Trial) -> list[float]:
        assert one.outcomes is not None
        return [sign * one.outcomes[name] for name, sign in self._goal.objectives.items()]

    def _columns(self, trials: list[Trial]) -> Trials:
        names = [one.name for one in self.case.parameter]
        values = np.array([[one.parameters[name] for name in names] for one in trials]).reshape(-1, len(names))
        outcomes = {
            name: np.array([math.nan if one.outcomes is None else one.outcomes[name] for one in trials])
            for name in self.case.outcomes
        }
        return Trials(
            self._space.cube(values), outcomes, np.array([one.failed for one in trials], bool),
            np.array([one.told for one in trials], bool),
        )  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        """A row for each trial: number, status, parameters, outcomes, and whether it lies within the limits."""
        trials = self.trials
        inside = within_limits(self._columns(trials), self._goal)
        return [
            {"trial": one.number, "status": "failed" if one.failed else "done" if one.told else "pending",
             **one.parameters, **(one.outcomes or {}), "within_limits": bool(kept)}
            for one, kept in zip(trials, inside)
        ]  # fmt: skip

    def table(self) -> Any:
        """DataFrame of `rows` (needs pandas)."""
        from pandas import DataFrame

        return DataFrame(self.rows())

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def __enter__(self) -> "Campaign":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _case(given: SuggestCase | Mapping[str, Any] | str | Path) -> SuggestCase:
    if isinstance(given, SuggestCase):
        return given
    return suggest_case(given) if isinstance(given, Mapping) else load_suggest_case(given)


def _space_of(case: SuggestCase) -> Space:
    names = [one.name for one in case.parameter]

    def row(of: tuple[str, ...], weights: tuple[float, ...]) -> list[float]:
        held = dict(zip(of, weights))
        return [held.get(name, 0.0) for name in names]

    return Space.of(
        [one.low for one in case.parameter], [one.high for one in case.parameter],
        [one.log for one in case.parameter],
        [row(one.of, one.weights) for one in case.linear], [one.at_most for one in case.linear],
        [row(one.of, (1.0,) * len(one.of)) for one in case.mixture], [one.total for one in case.mixture],
    )  # fmt: skip


def _goal_of(case: SuggestCase) -> Goal:
    def limit(value: float | None, otherwise: float) -> float:
        return otherwise if value is None else value

    return Goal(
        {one.name: 1 if one.direction == "minimise" else -1 for one in case.objective},
        {one.name: (limit(one.at_least, -math.inf), limit(one.at_most, math.inf)) for one in case.limit},
        {one.name: one.reference for one in case.objective if one.reference is not None},
    )


def _wrong_outcomes(given: Mapping[str, Any], wanted: tuple[str, ...], *, complete: bool) -> list[Fault]:
    """Outcomes that the case does not have, those that a complete answer lacks, and numbers that nobody measures."""
    allowed = ", ".join(wanted)
    bounds = f"at most {MOST:g} either way"
    faults = [Fault(f"value {name}", "(nothing)", "is needed", allowed)
              for name in wanted if complete and name not in given]  # fmt: skip
    for name, value in given.items():
        if name not in wanted:
            faults.append(Fault(f"value {name}", value, "is no outcome of this case", allowed))
        elif math.isfinite(value) and abs(value) > MOST:
            faults.append(Fault(f"value {name}", value, "is out of range", bounds))
    return faults
