"""`kalander control CASE.toml`: the history of pressure that leaves the least gradient of densification."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json, Settings, overrides_of

__all__ = ["EXAMPLE", "control"]

EXAMPLE = "kalander control runs/cases/control.toml --json"


def control(
    case: Annotated[Path, typer.Argument(help="a control case file")],
    check: Annotated[bool, typer.Option("--check", help="solve it again by direct transcription")] = False,
    settings: Settings = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Optimal pressure over time by Pontryagin's principle, and what it saves."""

    def work() -> dict[str, Any]:
        from kalander.coupling.cases.control import load_control_case
        from kalander.twin.control.case import answer_of

        return answer_of(load_control_case(case, overrides=overrides_of(settings)), check=check)

    answer(work, json_output, debug)
