"""Progress for people: a bar with the time left on a terminal, a plain line now and then otherwise. On stderr only."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kalander.coupling.stage import Progress

__all__ = ["progress_display"]

QUIET_SECONDS = 5.0  # between plain lines


@contextmanager
def progress_display() -> Iterator[Callable[[Progress], None]]:
    """Give a function that shows progress for as long as the context lasts."""
    if sys.stderr.isatty():
        with _bars() as show:
            yield show
    else:
        yield _Lines().show


@contextmanager
def _bars() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.fields[stage]:8}"), BarColumn(), TextColumn("{task.percentage:5.1f} %"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.description}"),
    )  # fmt: skip
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(progress: Progress) -> None:
            if progress.stage not in tasks:
                for task in tasks.values():
                    bars.update(task, completed=1.0)
                tasks[progress.stage] = bars.add_task(progress.message, total=1.0, stage=progress.stage)
            bars.update(tasks[progress.stage], completed=progress.fraction, description=progress.message)

        yield show


class _Lines:
    """One line when a stage begins, then one every few seconds."""

    def __init__(self) -> None:
        self.stage = ""
        self.started = self.last = 0.0

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage != self.stage:
            self.stage, self.started, self.last = progress.stage, now, -QUIET_SECONDS
        if now - self.last < QUIET_SECONDS and progress.fraction < 1.0:
            return
        self.last = now
        spent = now - self.started
        left = spent * (1.0 / progress.fraction - 1.0) if progress.fraction > 0.02 else float("nan")
        remaining = f", {left:.0f} s left" if left == left else ""
        line = f"{progress.stage}: {100 * progress.fraction:5.1f} %, {spent:.0f} s{remaining}, {progress.message}"
        print(line, file=sys.stderr, flush=True)
