"""Launches kept in a folder under the question that they answer, so that the same call goes on after a kill."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kalander.coupling.cards.card import Card, card_to_dict
from kalander.coupling.cases.measured import SETTINGS, MeasuredState
from kalander.coupling.store.numbered import Numbered, differing
from kalander.coupling.store.store import Data, load
from kalander.kernels.errors import CheckpointError, Fault, InputError
from kalander.twin.calibrate.rounds import Choices, Problem
from kalander.twin.calibrate.simulated import RUNS, Runs

__all__ = ["Launches", "question_of", "reused"]

VERSION = 1  # of what a launch holds
FREE = ("runs", "effort")  # choices that change no launch that was made


def question_of(
    card: Card, states: Sequence[MeasuredState], problem: Problem, choices: Choices, begun: Runs
) -> dict[str, Any]:  # fmt: skip
    """All that launches depend on, as JSON."""
    chosen = {name: value for name, value in asdict(choices).items() if name not in FREE}
    chosen["first"] = choices.first_of(len(problem.parameters))
    about = {
        one.key: {"low": one.low, "high": one.high, "prior": type(one.prior).__name__} for one in problem.parameters
    }
    return {
        "version": VERSION, "card": card_to_dict(card), "states": [state.model_dump(mode="json") for state in states],
        "parameters": about, "choices": chosen, "begun": hashlib.sha256(begun.outputs.tobytes()).hexdigest(),
    }  # fmt: skip


def reused(
    folders: Sequence[Path], card: Card, states: Sequence[MeasuredState], problem: Problem, choices: Choices
) -> Runs:
    """Runs of other calibrations, numbered anew. Raises InputError where they are of other boxes, CheckpointError."""
    made = Runs.none(len(problem.parameters), choices.seeds, problem.outputs)
    wanted = _simulated(question_of(card, states, problem, choices, made))
    for folder in folders:
        paths = sorted((folder / "runs").glob("launch_*.h5"))
        if not paths:
            raise InputError(Fault("--reuse", str(folder), "holds no launch", "the folder of a calibration"))
        for path in paths:
            stored = load(path, RUNS)
            found = stored.identity.get("question")
            there = _simulated(found if isinstance(found, dict) else {})
            if names := differing(wanted, there):
                why = f"holds runs of other boxes; they differ in {', '.join(names)}"
                allowed = "a calibration that differs in measured values alone"
                raise InputError(Fault("--reuse", str(folder), why, allowed))
            one = _runs_of(stored.data, path)
            made = made.with_more(replace(one, run=one.run - one.run.min(initial=0) + made.count))
    return made


def _simulated(question: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a question that says what was simulated."""
    given, choices = question.get("states"), question.get("choices", {})
    states = [
        {name: state.get(name) for name in (*SETTINGS, "lab")} for state in (given if isinstance(given, list) else [])
    ]
    return {
        "version": question.get("version"), "card": question.get("card"), "parameters": question.get("parameters"),
        "states": [state for state in states if state["stress"] != 0.0], "seeds": choices.get("seeds"),
    }  # fmt: skip


def _runs_of(data: Data, path: Path) -> Runs:
    reasons, spent = data.attributes.get("reasons"), data.attributes.get("processor_s")
    if not isinstance(reasons, list) or not isinstance(spent, int | float):
        raise CheckpointError(f"{path}: does not say what became of its runs")
    return Runs.of(data.tables["points"], [str(reason) for reason in reasons], float(spent))


@dataclass(frozen=True)
class Launches:
    """Launches as files of a folder."""

    files: Numbered

    @classmethod
    def of(
        cls,
        folder: Path,
        card: Card,
        states: Sequence[MeasuredState],
        problem: Problem,
        choices: Choices,
        begun: Runs,
    ) -> "Launches":
        """In the folder `runs` of a calibration's own."""
        return cls(Numbered(folder / "runs", "launch", RUNS, question_of(card, states, problem, choices, begun)))

    def get(self, number: int) -> Runs | None:
        """A launch, None where it was not made yet. Raises InputError, CheckpointError."""
        data = self.files.get(number)
        return None if data is None else _runs_of(data, self.files.path(number))

    def put(self, number: int, made: Runs) -> None:
        """Keep a launch. Raises StorageError."""
        self.files.put(
            number, Data({"points": made.table}, {"reasons": [*made.reasons], "processor_s": made.processor})
        )
