"""`kalander suggest CASE.toml --store plant.db`: which settings to try next."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import RESUMABLE, answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "suggest"]

EXAMPLE = "kalander suggest runs/cases/suggest.toml --store plant.db --number 3"


def suggest(
    case: Annotated[Path, typer.Argument(help="a case file of parameters, objectives and limits")],
    store: Annotated[
        str, typer.Option("--store", help="of the trials: a file, or a URL of PostgreSQL; made where there is none")
    ] = "plant.db",
    number: Annotated[int, typer.Option("--number", help="how many trials shall wait for an answer")] = 1,
    report: Annotated[Path | None, typer.Option("--report", help="an HTML page of the campaign to write")] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Suggest the next trials by Bayesian optimisation; asked again, those that were not told yet."""

    def work() -> dict[str, Any]:
        from kalander.coupling.cases.suggest import load_suggest_case
        from kalander.twin.optimise.answer import answer_of
        from kalander.twin.optimise.campaign import Campaign

        with Campaign(load_suggest_case(case), store) as campaign:
            campaign.suggest(number)
            if report is None:
                return answer_of(campaign)
            from kalander.runs.campaign.page import campaign_report

            return answer_of(campaign) | {"report": str(campaign_report(campaign, report))}

    answer(work, json_output, debug, interrupted=RESUMABLE)
