"""How far a run was when it ended without a word: one short line in DIR/.trace, renewed at every step.

It decides nothing; it lets a resumed run say how much work is done again.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kalander.coupling.store.atomic import storage_errors

__all__ = ["TRACE_NAME", "Trace", "reached", "repeated", "tracing"]

TRACE_NAME = ".trace"
LENGTH = 256


@dataclass
class Trace:
    """Open trace of a stage."""

    descriptor: int
    stage: str
    saved: dict[str, float]

    def at(self, counters: Mapping[str, float], *, saved: bool = False, share: float = 0.0) -> None:
        """Note the counters of a step, and the share of the stage that is done; `saved`: they are those of a save."""
        if saved:
            self.saved = dict(counters)
        text = json.dumps({"stage": self.stage, "at": dict(counters), "saved": self.saved, "share": round(share, 4)})
        # not synced: after a crash of the machine itself the line may be old, and it is for information only
        with suppress(OSError):
            os.pwrite(self.descriptor, text.ljust(LENGTH)[:LENGTH].encode(), 0)


@contextmanager
def tracing(folder: Path, stage: str) -> Iterator[Trace]:
    """Keep the trace of a stage; removed when the stage ends, in whatever way Python sees."""
    path = folder / TRACE_NAME
    with storage_errors(path, "create"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        yield Trace(descriptor, stage, {})
    finally:
        os.close(descriptor)
        with suppress(OSError):
            path.unlink()


def reached(folder: Path) -> tuple[str, float] | None:
    """Stage that is under way and the share of it that is done; None where none is, or nothing can be read."""
    try:
        last = json.loads((folder / TRACE_NAME).read_text()[:LENGTH])
        return str(last["stage"]), float(last.get("share", 0.0))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def repeated(folder: Path, stage: str, counters: Mapping[str, float]) -> str:
    """Say what of a killed run is done again when a stage goes on from a save with these counters; "" if unknown."""
    try:
        last = json.loads((folder / TRACE_NAME).read_text()[:LENGTH])
        if last["stage"] != stage:
            return ""
        parts = [f"{last['at'][name] - done:g} of {last['at'][name]:g} {name}" for name, done in counters.items()]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f"; repeats {', '.join(parts)}" if parts else ""
