"""`kalander rolls CASE.toml`: rolls that bend, across the width."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json, Settings, overrides_of
from kalander.runs.shell.reading import show_readable

__all__ = ["EXAMPLE", "rolls"]

EXAMPLE = "kalander rolls rolls.toml --json"


def rolls(
    case: Annotated[Path, typer.Argument(help="a case file of rolls")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="folder for the figure")] = None,
    settings: Settings = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Line load, gap and porosity across the width between rolls that bend; crown and temperature that even them."""

    def work() -> dict[str, Any]:
        from kalander.runs.nip.bent import solve_rolls_file

        return solve_rolls_file(case, output=output, overrides=overrides_of(settings))

    answer(work, json_output, debug, show=show_readable)
