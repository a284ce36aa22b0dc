"""`kalander run CARD`: a whole study, computed or gone on with."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kalander.runs.shell.answering import RESUMABLE, answer
from kalander.runs.shell.options import (
    Debug,
    DeviceName,
    Json,
    Overwrite,
    Precision,
    SaveEvery,
    Settings,
    Software,
    Threads,
    Walltime,
    overrides_of,
    times_of,
)
from kalander.runs.shell.study_table import show_study

if TYPE_CHECKING:
    from kalander.coupling.results.study import Study

__all__ = ["EXAMPLE", "run"]

EXAMPLE = 'kalander run nmc111 -o studies/nmc111 --set boxes.replicas=5 --save-every "2 min"'


def run(
    card: Annotated[str, typer.Argument(help="a card file, or the name of a shipped card: nmc111")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="study folder; studies/CARD if not given")
    ] = None,
    device: DeviceName = "auto",
    precision: Precision = "f64",
    threads: Threads = None,
    quick: Annotated[bool, typer.Option("--quick", help="the card's small variant")] = False,
    settings: Settings = None,
    save_every: SaveEvery = "10 min",
    max_walltime: Walltime = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="check the card, say what would be done, write nothing")
    ] = False,
    allow_software: Software = False,
    overwrite: Overwrite = False,
    thread: Annotated[
        str | None, typer.Option("--thread", help="a store of `kalander thread` in which the results register")
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Compute a whole study, or go on with it if the folder holds it."""

    studies: list[Study] = []

    def work() -> dict[str, Any]:
        from kalander.coupling.cards.card import load_card

        times = times_of(save_every, max_walltime)
        loaded = load_card(card, overrides=overrides_of(settings), quick=quick)
        if dry_run:
            from kalander.coupling.results.answers import plan_answer

            return plan_answer(loaded)
        from kalander.runs.shell.progress import progress_display
        from kalander.runs.verbs import answered

        folder = output or Path("studies") / Path(card).stem
        if thread is not None:  # before the work
            from kalander.twin.thread.thread import Thread

            Thread.open(thread).close()
        with progress_display() as show:
            study, found = answered(
                loaded, folder, device=device, precision=precision, threads=threads, allow_software=allow_software,
                overwrite=overwrite, on_progress=show, **times,
            )  # fmt: skip
        studies.append(study)
        if thread is not None:
            with Thread.open(thread) as opened:
                found["thread"] = {"store": opened.store.name, **asdict(opened.add(study))}
        return found

    answer(work, json_output, debug, show=lambda done: show_study(studies, done), interrupted=RESUMABLE)
