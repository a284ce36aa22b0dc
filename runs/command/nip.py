"""`kalander nip CASE.toml`: a pass through the nip, by the fast model or by finite elements."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json, Settings, overrides_of
from kalander.runs.shell.reading import show_readable

__all__ = ["EXAMPLE", "nip"]

EXAMPLE = "kalander nip nip.toml --json"


def nip(
    case: Annotated[Path, typer.Argument(help="a nip case file")],
    model: Annotated[str, typer.Option(help="fast, or fem for finite elements")] = "fast",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="folder for figures and fields")] = None,
    settings: Settings = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Line load, pressure profile, nip angle, exit thickness and springback of a pass."""

    def work() -> dict[str, Any]:
        from kalander.runs.nip.solve import solve_file

        return solve_file(case, model=model, output=output, overrides=overrides_of(settings))

    answer(work, json_output, debug, show=show_readable)
