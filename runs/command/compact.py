"""`kalander compact PACKING --case CASE.toml -o CURVE.csv`: a given packing led along a given path."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import RESUMABLE, answer
from kalander.runs.shell.options import (
    Debug,
    DeviceName,
    Json,
    Precision,
    SaveEvery,
    Settings,
    Software,
    Threads,
    Walltime,
    overrides_of,
    times_of,
)
from kalander.runs.shell.reading import show_readable

__all__ = ["EXAMPLE", "compact"]

EXAMPLE = "kalander compact packing.npz --case compact.toml -o curve.csv --json"


def compact(
    packing: Annotated[Path, typer.Argument(help="npz, LAMMPS data or dump, or a study's pack.h5")],
    case: Annotated[Path, typer.Option("--case", help="a compaction case file")],
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV file of the curve")],
    device: DeviceName = "auto",
    precision: Precision = "f64",
    threads: Threads = None,
    settings: Settings = None,
    save_every: SaveEvery = "10 min",
    max_walltime: Walltime = None,
    allow_software: Software = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Press a given packing along a given path; an interrupted call goes on where it was."""

    def work() -> dict[str, Any]:
        from kalander.coupling.results.compaction import compact as lead
        from kalander.runs.shell.progress import progress_display

        times, overrides = times_of(save_every, max_walltime), overrides_of(settings)
        with progress_display() as show:
            return lead(
                packing, case, output, overrides=overrides, device=device, precision=precision, threads=threads,
                allow_software=allow_software, on_progress=show, **times,
            )  # fmt: skip

    answer(work, json_output, debug, show=show_readable, interrupted=RESUMABLE)
