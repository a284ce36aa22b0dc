"""`kalander ensemble CARD --sweep SWEEP.toml`: many studies, on one machine or on a cluster."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    overrides_of,
    times_of,
)

if TYPE_CHECKING:
    from kalander.twin.ensemble.ensemble import Ensemble

__all__ = ["EXAMPLE", "ensemble"]

EXAMPLE = "kalander ensemble nmc111 --sweep sweep.toml -o studies/friction --quick --workers 2"


def ensemble(
    card: Annotated[str, typer.Argument(help="a card file, or the name of a shipped card: nmc111")],
    sweep: Annotated[Path, typer.Option("--sweep", help="which values which keys take, as runs/cases/sweep.toml")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="folder of the members; studies/SWEEP if not given")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="members side by side, each in a process; with slurm: jobs")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="address of a Dask scheduler, tcp://HOST:8786, or slurm")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="try members once more that failed by their numbers")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check the sweep, say how many, write nothing")] = False,
    device: DeviceName = "auto",
    precision: Precision = "f64",
    threads: Threads = None,
    quick: Annotated[bool, typer.Option("--quick", help="the card's small variant")] = False,
    settings: Settings = None,
    save_every: SaveEvery = "10 min",
    allow_software: Software = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Compute a study for each combination of values of a sweep. What is finished is kept: the same call goes on.

    Needs for --workers and --scheduler: pip install 'kalander[cluster]'.
    """
    held: list[Ensemble] = []

    def work() -> dict[str, Any]:
        if dry_run:
            return _planned(card, sweep, overrides_of(settings), quick)
        from kalander.twin.ensemble.ensemble import ensemble as computed

        times = times_of(save_every, None)
        found = computed(
            card, sweep, output or Path("studies") / sweep.stem, quick=quick, overrides=overrides_of(settings),
            workers=workers, scheduler=scheduler, again=again, on_member=_told, device=device, precision=precision,
            threads=threads, allow_software=allow_software, **times,
        )  # fmt: skip
        held.append(found)
        return found.answer()

    answer(work, json_output, debug, show=_shown, interrupted=RESUMABLE)
    if held:
        answer(lambda: _refused(held[0]), json_output=False, debug=debug, show=lambda _: None)


def _planned(card: str, sweep: Path, overrides: dict[str, str], quick: bool) -> dict[str, Any]:
    from kalander.coupling.cases.sweep import load_sweep, variants

    case, place = load_sweep(sweep)
    made = variants(card, case, place=place, overrides=overrides, quick=quick)
    return {"members": len(made), "combinations": case.count, "changes": [dict(one.changes) for one in made]}


def _refused(found: "Ensemble") -> dict[str, Any]:
    """Nothing; raises where members failed, after the answer is printed: exit 5."""
    found.refuse_failures()
    return {}


def _told(settled: int, of: int, what: str) -> None:
    print(f"member {settled} of {of}: {what}", file=sys.stderr, flush=True)


def _shown(done: dict[str, Any]) -> None:
    """How many, and where the table is."""
    from kalander.runs.shell.answering import show_plain
    from kalander.runs.shell.failures import printable

    if "done" not in done:
        show_plain(done)
        return
    print(f"{done['done']} of {done['members']} members done, {done['failed']} failed")
    for path in done["files"]:
        print(printable(path, lines=False))
