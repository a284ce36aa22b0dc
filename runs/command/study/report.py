"""`kalander report DIR`: the page and the figures of a study."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json
from kalander.runs.shell.study_table import show_study

if TYPE_CHECKING:
    from kalander.coupling.results.study import Study

__all__ = ["EXAMPLE", "report"]

EXAMPLE = "kalander report studies/nmc111"


def report(
    folder: Annotated[Path, typer.Argument(help="study folder")], json_output: Json = False, debug: Debug = False
) -> None:
    """Write one self-contained HTML page and PNG figures of a study."""

    studies: list[Study] = []

    def work() -> dict[str, Any]:
        from kalander.coupling.results import study as results
        from kalander.runs.page.report import write_report

        studies.append(results.Study.open(folder))
        return {"study": str(folder), "report": str(write_report(studies[0]))}

    answer(work, json_output, debug, show=lambda done: show_study(studies, done))
