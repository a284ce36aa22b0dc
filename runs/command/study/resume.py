"""`kalander resume DIR`: a study gone on with from its newest valid state."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kalander.runs.shell.answering import RESUMABLE, answer
from kalander.runs.shell.options import (
    Debug,
    DeviceName,
    Json,
    Overwrite,
    SaveEvery,
    Software,
    Threads,
    Walltime,
    times_of,
)
from kalander.runs.shell.study_table import show_study

if TYPE_CHECKING:
    from kalander.coupling.results.study import Study

__all__ = ["EXAMPLE", "resume"]

EXAMPLE = "kalander resume studies/nmc111"


def resume(
    folder: Annotated[Path, typer.Argument(help="study folder")],
    device: DeviceName = "auto",
    threads: Threads = None,
    save_every: SaveEvery = "10 min",
    max_walltime: Walltime = None,
    allow_software: Software = False,
    overwrite: Overwrite = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Go on with a study from its newest valid state."""

    studies: list[Study] = []

    def work() -> dict[str, Any]:
        from kalander.runs.shell.progress import progress_display
        from kalander.runs.verbs import answered

        with progress_display() as show:
            study, found = answered(
                None, folder, device=device, threads=threads, allow_software=allow_software, overwrite=overwrite,
                on_progress=show, **times_of(save_every, max_walltime),
            )  # fmt: skip
        studies.append(study)
        return found

    answer(work, json_output, debug, show=lambda done: show_study(studies, done), interrupted=RESUMABLE)
