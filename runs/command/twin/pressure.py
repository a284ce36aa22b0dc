"""`kalander pressure CASE.toml`: the load that presses a batch to the porosity wanted."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json, Settings, overrides_of

__all__ = ["EXAMPLE", "pressure"]

EXAMPLE = "kalander pressure runs/cases/pressure.toml --json"


def pressure(
    case: Annotated[Path, typer.Argument(help="a pressure case file")],
    settings: Settings = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Line load for a porosity after springback, how sure it is, and the choice that holds with a probability."""

    def work() -> dict[str, Any]:
        from kalander.coupling.nip.pressure_case import load_pressure_case
        from kalander.twin.pressure.case import answer_of

        return answer_of(load_pressure_case(case, overrides=overrides_of(settings)))

    answer(work, json_output, debug)
