"""`kalander vary CASE.toml`: how much cells of a study differ, why, and how many pass."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import RESUMABLE, answer
from kalander.runs.shell.options import Debug, Json, Settings, overrides_of

__all__ = ["EXAMPLE", "vary"]

EXAMPLE = "kalander vary runs/cases/vary.toml --study studies/nmc111 -o studies/nmc111/variation --json"


def vary(
    case: Annotated[Path, typer.Argument(help="a case file: tolerances and specification")],
    study: Annotated[
        Path | None, typer.Option("--study", metavar="DIR", help="a finished study; that of the case, if not given")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="folder of full runs, table (CSV) and figure; none, if not given"),
    ] = None,
    settings: Settings = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Virtual cells that scatter: spread of capacity and resistance, its causes, yield, robust settings, packs.

    Needs scikit-learn: pip install 'kalander[surrogate]'; with cell.model "SPMe" or "DFN" PyBaMM as well.
    """

    def work() -> dict[str, Any]:
        from kalander.coupling.cases.vary import load_vary_case
        from kalander.coupling.store.atomic import own_folder, try_output
        from kalander.kernels.errors import Fault, InputError
        from kalander.runs.page.parts.variation_tables import write_variation
        from kalander.runs.shell.progress import progress_display
        from kalander.twin.variation.variation import vary as varied

        asked = load_vary_case(case, overrides=overrides_of(settings))
        chosen = study if study is not None else asked.study
        if chosen is None:
            raise InputError(Fault("--study", "(nothing)", "is needed where the case names no study", "a folder"))
        if output is not None:  # before the work
            own_folder(output, parents=True)
            try_output(output / "variation.png")
        with progress_display() as show:
            done = varied(chosen, asked, output, on_progress=show)
        return done.answer() | {"files": [] if output is None else write_variation(done, output)}

    answer(work, json_output, debug, show=_shown, interrupted=RESUMABLE)


def _shown(done: dict[str, Any]) -> None:
    """Tables of spread, causes, yield and settings."""
    from kalander.runs.page.parts.variation_tables import grids
    from kalander.runs.shell.failures import printable
    from kalander.runs.shell.terminal import grid_text

    print(printable("\n\n".join(grid_text(grid) for grid in grids(done))))
    for note in [*done["notes"], *done["files"]]:
        print(printable(note, lines=False))
