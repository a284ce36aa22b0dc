"""The closed loop: a campaign asks, the simulated chain answers, and both stay in the store, trial by trial."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card, load_card
from kalander.coupling.cases.suggest import SuggestCase, load_suggest_case, suggest_case
from kalander.coupling.nip.closure import Closure
from kalander.coupling.plant.campaigns import Trial
from kalander.coupling.plant.event import Event, event_of, unit_of
from kalander.coupling.plant.quantities import QUANTITIES
from kalander.coupling.results.study import Study
from kalander.coupling.study.signals import stop_requests
from kalander.kernels.errors import Fault, InputError, Interrupted
from kalander.twin.loop.own_case import own_case
from kalander.twin.loop.plant import Plant, TrialFailed
from kalander.twin.loop.settings import Units, units_of
from kalander.twin.optimise.campaign import Campaign
from kalander.twin.surrogate.drift import Drift, watch_drift
from kalander.twin.surrogate.surrogate import Surrogate

__all__ = ["MOST_TRIALS", "Turn", "drifts", "loop", "plant_of", "turns"]

MOST_TRIALS = 10_000
CALLED = {"energy_density": "volumetric_energy_density"}  # quantities of the thread that have another name there


@dataclass(frozen=True)
class Turn:
    """A trial that was made: why it failed, or ""."""

    trial: Trial
    why: str


def loop(
    card: Card | str | Path,
    budget: int,
    *,
    study: Study | Path | str | None = None,
    closure: Closure | None = None,
    case: SuggestCase | Mapping[str, Any] | str | Path | None = None,
    store: str | Path | None = None,
    parents: Sequence[str] = (),
    surrogate: Surrogate | None = None,
    on_turn: Callable[[Turn, Campaign], None] = lambda *_: None,
    on_drift: Callable[[Drift], None] = lambda _: None,
) -> Campaign:
    """A campaign on the simulated chain until so many trials are told, those of earlier calls included.

    study: whose closure, cracks and transport answer; or closure: alone, with the card. case: as of `Campaign`, with
    parameters of SETTINGS and outcomes of OUTCOMES; one by the card if not given. store: where each trial and its event
    are kept, so that a call after a kill goes on; in memory if not given. parents: "kind:name" of what is rolled.
    surrogate: whose inputs the campaign sets; on_drift is told once of each output that drifts from it. Raises
    InputError, CheckpointError, StorageError, Interrupted (a signal, between two trials).
    """
    if isinstance(budget, bool) or not isinstance(budget, int) or not 1 <= budget <= MOST_TRIALS:
        raise InputError(Fault("budget", budget, "is no number of trials", f"1 to {MOST_TRIALS}"))
    plant = plant_of(card, study, closure)
    asked = _case(case, plant)
    units = units_of(asked, plant.outcomes)
    _refuse_parents(parents)
    campaign = Campaign(asked, store, plant=plant.key)
    watched = _watched(surrogate, asked)
    for turn in turns(campaign, plant, units, budget, parents):
        on_turn(turn, campaign)
        for drift in drifts(campaign, surrogate, units, watched, budget):
            watched.remove(drift.output)
            on_drift(drift)
    return campaign


def _watched(surrogate: Surrogate | None, case: SuggestCase) -> list[str]:
    """Outputs of a surrogate that a campaign is told. Raises InputError where the campaign does not set its inputs."""
    if surrogate is None:
        return []
    set_ = [one.name for one in case.parameter]
    faults = [Fault("surrogate", name, "is an input that the campaign does not set", ", ".join(set_))
              for name in surrogate.inputs if name not in set_]  # fmt: skip
    found = [name for name in surrogate.outputs if name in case.outcomes]
    if not found:
        faults.append(Fault("surrogate", ", ".join(surrogate.outputs), "are no outcomes", ", ".join(case.outcomes)))
    if faults:
        raise InputError(faults)
    return found


def drifts(
    campaign: Campaign, surrogate: Surrogate | None, units: Units, outputs: Sequence[str], budget: int
) -> list[Drift]:  # fmt: skip
    """Outputs of a surrogate from which the trials of a campaign drift.

    Over the whole budget a false alarm is as seldom as `watch_drift` says.
    """
    done = [one for one in campaign.trials if one.outcomes is not None]
    if surrogate is None or not outputs or not done:
        return []
    rows = [units.si({**one.parameters, **(one.outcomes or {})}) for one in done]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    found = [watch_drift(surrogate, table, name, rows=budget) for name in outputs]
    return [one for one in found if one.alarm is not None]


def plant_of(
    card: Card | str | Path, study: Study | Path | str | None = None, closure: Closure | None = None
) -> Plant:  # fmt: skip
    """The plant of a card and just one of study and closure. Raises InputError, CheckpointError."""
    if (study is None) == (closure is None):
        raise InputError(Fault("loop", "study and closure", "do not say one chain", "one of both"))
    read = card if isinstance(card, Card) else load_card(card)
    if closure is not None:
        return Plant(read, closure)
    assert study is not None
    opened = study if isinstance(study, Study) else Study.open(study)
    return Plant.of(opened, read)


def _case(given: SuggestCase | Mapping[str, Any] | str | Path | None, plant: Plant) -> SuggestCase:
    if given is None:
        return own_case(plant)
    if isinstance(given, SuggestCase):
        return given
    return suggest_case(given) if isinstance(given, Mapping) else load_suggest_case(given)


def turns(
    campaign: Campaign, plant: Plant, units: Units, budget: int, parents: Sequence[str] = ()
) -> Iterator[Turn]:  # fmt: skip
    """Trials until so many are told. A trial and its event of the thread are stored together or not at all, so that a
    kill loses at most the answer that was on its way, and the next call asks for it again."""
    with stop_requests() as stop:
        while sum(one.told for one in campaign.trials) < budget:
            (trial, *_) = campaign.suggest()
            if reason := stop():
                raise Interrupted(f"{reason}: stopped before trial {trial.number}; the same call goes on")
            settings, why = units.si(trial.parameters), ""
            try:
                outcomes = plant(settings)
            except TrialFailed as failure:
                why, done = str(failure), campaign.tell(trial, failed=True)
            else:
                events = [_event(campaign, plant, trial, settings, outcomes, parents)]
                done = campaign.tell(trial, units.told_of(campaign.case.outcomes, outcomes), events=events)
            yield Turn(done, why)


def _refuse_parents(parents: Sequence[str]) -> None:
    """Raise InputError for what a pass cannot be made of, before a trial is made."""
    now = datetime.now(UTC).isoformat()
    _, faults = event_of(
        {"kind": "pass", "name": "a", "time": now, "parents": list(parents), "values": {"speed": "1 m/s"}}
    )
    if faults:
        raise InputError(faults)


def _event(
    campaign: Campaign, plant: Plant, trial: Trial, settings: Mapping[str, float], outcomes: Mapping[str, float],
    parents: Sequence[str],
) -> Event:  # fmt: skip
    """The pass of a trial. Raises InputError for parents that a pass cannot have."""
    numbers = {CALLED.get(name, name): value for name, value in {**settings, **outcomes}.items()}
    values = {
        name: {"value": value, **({} if unit_of(name) == "1" else {"unit": unit_of(name)})}
        for name, value in numbers.items() if name in QUANTITIES
    }  # fmt: skip
    event, faults = event_of({
        "kind": "pass", "name": f"{campaign.case.name}/{trial.number}", "source": "kalander", "study": plant.key,
        "id": f"{plant.key[:16]}:{campaign.case.name}:{trial.number}", "time": datetime.now(UTC).isoformat(),
        "parents": list(parents), "values": values,
    })  # fmt: skip
    if event is None:
        raise InputError(faults)
    return event
