"""`kalander init CHEMISTRY`: a commented card, or case file, to begin with."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "init"]

EXAMPLE = "kalander init LFP -o my_card.toml"


def init(
    name: Annotated[
        str,
        typer.Argument(help="a chemistry (NMC811, LFP, ...), a case (nip, rolls, ...) or measured; all if not given"),
    ] = "",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="file to write; NAME.toml if not given")] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="also write the JSON Schema that editors complete and check it with")
    ] = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Write a commented card of a chemistry, a case file or a table of measured states, with its sources."""

    def work() -> dict[str, Any]:
        from kalander.runs.reference.beginnings import begin, listed

        return begin(name, output, schema=schema) if name else listed()

    answer(work, json_output, debug)
