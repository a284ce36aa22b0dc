"""Progress for people: a bar with the time left on a terminal, a plain line now and then otherwise. On stderr only."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isfinite, nan
from typing import Any

from kalander.coupling.study.stage import Progress

__all__ = ["progress_display"]

QUIET_SECONDS = 5.0  # between plain lines
LEAST_SHARE = 0.02  # done, before anything is said of the time left
FRESH = 0.3  # part of the latest estimate in what is shown


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
                done: Any = progress.fraction  # rich counts whole numbers in name only
                tasks[progress.stage] = bars.add_task(progress.message, total=1.0, completed=done, stage=progress.stage)
            bars.update(tasks[progress.stage], completed=progress.fraction, description=progress.message)

        yield show


class _Lines:
    """One line when a stage begins, then one every few seconds."""

    def __init__(self) -> None:
        self.stage = ""
        self.started = self.last = 0.0
        self.first = 0.0  # share that was done when this run went on
        self.left = nan

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage != self.stage:
            self.stage, self.started, self.last = progress.stage, now, -QUIET_SECONDS
            self.first, self.left = progress.fraction, nan
        if now - self.last < QUIET_SECONDS and progress.fraction < 1.0:
            return
        self.left = time_left(self.left, now - self.last, now - self.started, self.first, progress.fraction)
        self.last = now
        remaining = f", {self.left:.0f} s left" if isfinite(self.left) else ""
        spent = f"{now - self.started:.0f} s"
        print(
            f"{progress.stage}: {100 * progress.fraction:5.1f} %, {spent}{remaining}, {progress.message}",
            file=sys.stderr, flush=True,
        )  # fmt: skip


def time_left(before: float, passed: float, spent: float, first: float, share: float) -> float:
    """Seconds to the end of a stage; NaN while nothing can be said.

    By what this run has done of it, in `spent` seconds from the share `first` on; mostly as foreseen `passed` seconds
    ago (before), because stages do not go evenly.
    """
    done = share - first
    if share >= 1.0:
        return 0.0
    fresh = spent * (1.0 - share) / done if done > LEAST_SHARE else nan
    if not isfinite(before) or not isfinite(fresh):
        return fresh
    return FRESH * fresh + (1.0 - FRESH) * max(before - passed, 0.0)
