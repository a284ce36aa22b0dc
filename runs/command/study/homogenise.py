"""`kalander homogenise DIR`: all that the boxes of a study know of the coating."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, DeviceName, Json, Precision, Software, Threads

__all__ = ["EXAMPLE", "homogenise"]

EXAMPLE = "kalander homogenise studies/nmc111 --json"


def homogenise(
    folder: Annotated[Path, typer.Argument(help="study folder")],
    probe: Annotated[
        bool, typer.Option("--probe/--no-probe", help="press again and probe until the boxes yield, or only gather")
    ] = True,
    device: DeviceName = "auto",
    precision: Precision = "f64",
    threads: Threads = None,
    allow_software: Software = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Loading, yield, strength, relaxation, cracks, transport, fabric by density, with their scatter, in one file."""

    def work() -> dict[str, Any]:
        from kalander.coupling.results.coating.homogenise import homogenise as compute
        from kalander.coupling.results.coating.homogenise import homogenise_answer
        from kalander.coupling.results.devices import started
        from kalander.coupling.results.study import Study
        from kalander.runs.page.coating.homogenised_figure import write_homogenised_figures

        study = Study.open(folder)
        used = started(device, precision, threads, allow_software)[0] if probe else None
        coating = compute(study, probe=probe, device=used)
        files = [str(path) for path in write_homogenised_figures(coating, folder)]
        return {**homogenise_answer(study, coating), "files": files}

    answer(work, json_output, debug)
