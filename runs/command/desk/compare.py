"""`kalander compare A B …`: studies side by side."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "compare"]

EXAMPLE = "kalander compare studies/a studies/b -o comparison"


def compare(
    folders: Annotated[list[Path], typer.Argument(help="study folders; others are held against the first")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="folder for compare.html, compare.csv, cards.csv")
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Say which keys of the cards differ, and which answers differ by more than their scatter."""

    def work() -> dict[str, Any]:
        from kalander.runs.comparison.compare import compare as side_by_side
        from kalander.runs.comparison.compare import write_comparison

        found = side_by_side(folders)
        if output is not None:
            found["files"] = [str(path) for path in write_comparison(found, output)]
        return found

    def show(done: dict[str, Any]) -> None:
        from kalander.runs.comparison.compare import grids_of
        from kalander.runs.shell.failures import printable
        from kalander.runs.shell.terminal import grid_text

        print(printable("\n\n".join(grid_text(grid) for grid in grids_of(done))))
        for path in done.get("files", []):
            print(path)

    answer(work, json_output, debug, show=show)
