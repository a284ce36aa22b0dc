"""`kalander watch DIR`: a study while it runs."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "watch"]

EXAMPLE = "kalander watch studies/nmc111 --once"


def watch(
    folder: Annotated[Path, typer.Argument(help="study folder, also one that another machine writes to")],
    every: Annotated[str, typer.Option(help='time between two looks, "2 s"')] = "2 s",
    once: Annotated[bool, typer.Option("--once", help="look once and end")] = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Show how far each stage of a study is, who computes it, when it was last saved; reads only. Ctrl-C ends it."""

    def work() -> dict[str, Any]:
        from kalander.runs.shell.options import quantities_of
        from kalander.runs.shell.watching import Watcher

        (pause,) = quantities_of("--every", every, "time")[:1]
        watcher = Watcher(folder)
        look = watcher.look()
        if not once:
            look = _follow(watcher, pause, json_output)
        return look.as_json()

    def show(done: dict[str, Any]) -> None:
        from kalander.runs.shell.watching import Look, look_lines

        rows = tuple((one["name"], one["state"], one["share"], one["about"]) for one in done["stages"])
        print("\n".join(look_lines(Look(done["study"], done["holder"] or "", rows))))

    answer(work, json_output, debug, show=show, interrupted="watching ended; the study goes on")


def _follow(watcher: Any, pause: float, json_output: bool) -> Any:
    """Look until the study is finished or nobody computes it any more; the last look."""
    import sys

    from kalander.runs.shell.watching import look_lines

    look = watcher.look()
    if not sys.stderr.isatty():
        while not look.finished and look.holder:
            print(
                json.dumps(look.as_json()) if json_output else "\n".join(look_lines(look)), file=sys.stderr, flush=True
            )
            time.sleep(pause)
            look = watcher.look()
        return look
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        while not look.finished and look.holder:
            live.update(Text("\n".join(look_lines(look))), refresh=True)
            time.sleep(pause)
            look = watcher.look()
    return look
