"""`kalander info FILE or DIR`: what is in a study or a file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "info"]

EXAMPLE = "kalander info studies/nmc111/press.h5"


def info(
    path: Annotated[Path, typer.Argument(help="a study folder or a file of one")],
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Say what is in a study or a file, from which parents, made by what."""

    def work() -> dict[str, Any]:
        from kalander.coupling.results.survey import info as look

        return look(path)

    answer(work, json_output, debug)
