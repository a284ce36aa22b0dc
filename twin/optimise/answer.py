"""What a campaign answers on the command line."""

from typing import Any

from kalander.coupling.plant.campaigns import Trial
from kalander.twin.optimise.campaign import Campaign

__all__ = ["answer_of"]


def answer_of(campaign: Campaign) -> dict[str, Any]:
    """Pending trials, how many were told and failed, and the best so far; numbers in the units of the case."""
    trials = campaign.trials
    best, front = campaign.best, campaign.front
    case = campaign.case
    return {
        "campaign": case.name,
        "units": {name: unit for name, unit in case.units.items() if unit != "1"},
        "pending": [_told(one) for one in trials if not one.told],
        "done": sum(one.outcomes is not None for one in trials),
        "failed": sum(one.failed for one in trials),
        "best": None if best is None else _told(best),
        "front": [_told(one) for one in front],
        "hypervolume": campaign.hypervolume,
    }


def _told(one: Trial) -> dict[str, Any]:
    outcomes = {} if one.outcomes is None else {"outcomes": one.outcomes}
    return {"trial": one.number, "parameters": one.parameters, **outcomes}
