"""`kalander tell CASE.toml TRIAL --store plant.db --value porosity=0.31`: what a suggested trial gave."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import RESUMABLE, answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "tell"]

EXAMPLE = "kalander tell runs/cases/suggest.toml 1 --store plant.db --failed"


def tell(
    case: Annotated[Path, typer.Argument(help="the case file of `kalander suggest`")],
    trial: Annotated[int, typer.Argument(help="number of the trial")],
    store: Annotated[str, typer.Option("--store", help="of the trials: a file, or a URL of PostgreSQL")] = "plant.db",
    value: Annotated[
        list[str] | None, typer.Option("--value", help="an outcome, NAME=NUMBER in its unit; one for each")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="the trial gave nothing; so says a value nan")] = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Tell what a suggested trial gave, or that it failed, which the next suggestions learn from."""

    def work() -> dict[str, Any]:
        from kalander.coupling.cases.suggest import load_suggest_case
        from kalander.twin.optimise.answer import answer_of
        from kalander.twin.optimise.campaign import Campaign

        values = _values(value or [])
        with Campaign(load_suggest_case(case), store, begin=False) as campaign:
            done = campaign.tell(trial, values, failed=failed)
            return {"trial": done.number, "status": "failed" if done.failed else "done", **answer_of(campaign)}

    answer(work, json_output, debug, interrupted=RESUMABLE)


def _values(given: list[str]) -> dict[str, float]:
    """Outcomes by name. Raises InputError."""
    from kalander.kernels.errors import Fault, InputError

    values, faults = {}, []
    for text in given:
        name, _, number = (part.strip() for part in text.partition("="))
        try:
            values[name] = float(number)
        except ValueError:
            faults.append(Fault("--value", text, "is no outcome", "NAME=NUMBER, such as porosity=0.31"))
    if faults:
        raise InputError(faults)
    return values
