"""Windows of packings.py in this project's engine, in a child process: a process has one device, and a peak memory.

`Own` is the child seen from a benchmark; the child reads one request a line and writes one answer a line (JSON).
"""

import argparse
import dataclasses
import gc
import hashlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from packings import Window, bed_of

from kalander.dem.engine.bed import Bed
from kalander.kernels.device.backend import start

__all__ = ["Own", "OwnRun", "memory_of"]

WARMING_STEPS = 20


@dataclasses.dataclass(frozen=True)
class OwnRun:
    """What the child says of windows that it ran as the boxes of one bed.

    seconds, rebuilds: of each stretch of steps between looks; load: force on the upper plates [µN], shape (look, box);
    digest: of the final centres of each box; peak: largest memory of the process so far [bytes]; grown: memory that
    came with the bed [bytes]; counted: bytes of the arrays that the bed holds.
    """

    seconds: list[float]
    rebuilds: list[int]
    load: np.ndarray
    digest: list[str]
    peak: int
    grown: int
    counted: int


class Own:
    """A child process with the engine on the CPU; close it, or use it as a context."""

    def __init__(self, *, threads: int, precision: str = "f64", schedule: str = "boxes") -> None:
        options = {"threads": threads, "precision": precision, "schedule": schedule}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self.child = subprocess.Popen(
            [sys.executable, __file__, "--serve", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "Own":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, windows: list[Window], *, chunk: int = 0) -> OwnRun:
        """Run windows of equal steps as the boxes of one bed; chunk: steps between looks, 0 for one look at the end.

        Raises RuntimeError where the child has ended.
        """
        request = {"windows": [_words(window) for window in windows], "chunk": chunk}
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(json.dumps(request) + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(f"the child that ran this engine has ended with {self.child.wait()}")
        answer = json.loads(line)
        return OwnRun(**{**answer, "load": np.array(answer["load"])})

    def warm(self, windows: list[Window]) -> None:
        """Compile what the windows need."""
        self.run([dataclasses.replace(window, steps=WARMING_STEPS, settle=0) for window in windows])

    def close(self) -> None:
        """End the child."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.wait()


def _words(window: Window) -> dict[str, Any]:
    return {**dataclasses.asdict(window), "state": str(window.state)}


def _window(words: dict[str, Any]) -> Window:
    return Window(**{**words, "state": Path(words["state"]), "copies": tuple(words["copies"])})


def memory_of(usage: resource.struct_rusage) -> int:
    """Peak resident memory [bytes]; Linux counts it in KiB, macOS in bytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def resident() -> int:
    """Memory of this process [bytes]: now on Linux, elsewhere its peak."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize()
    return memory_of(resource.getrusage(resource.RUSAGE_SELF))


def run(windows: list[Window], *, chunk: int, precision: str, schedule: str) -> dict[str, Any]:
    """Run windows as the boxes of one bed; the fields of OwnRun, of which only `advance` is timed."""
    [(steps, settle, bonded)] = {(window.steps, window.settle, window.bonded) for window in windows}
    gc.collect()
    before = resident()
    bed = bed_of([window.load() for window in windows], bonded=bonded, precision=precision, schedule=schedule)
    _advance(bed, settle)
    looks = [_look(bed, min(chunk or steps, steps - done)) for done in range(0, steps, chunk or steps)]
    seconds, rebuilds, load = ([look[part] for look in looks] for part in range(3))
    gc.collect()
    return {
        "seconds": seconds,
        "rebuilds": rebuilds,
        "load": load,
        "digest": _digests(bed),
        "peak": memory_of(resource.getrusage(resource.RUSAGE_SELF)),
        "grown": resident() - before,
        "counted": bed.pool.bytes(),
    }


def _look(bed: Bed, steps: int) -> tuple[float, int, list[float]]:
    """Advance; seconds that took, list rebuilds, and the force on the upper plates [µN]."""
    made = bed.rebuilds
    began = time.perf_counter()
    _advance(bed, steps)
    seconds = time.perf_counter() - began
    return seconds, bed.rebuilds - made, bed.platen_force()[:, 1].tolist()


def _advance(bed: Bed, steps: int) -> None:
    bed.advance(np.full(len(bed.boxes["dt"]), steps))


def _digests(bed: Bed) -> list[str]:
    """Hash of the centres of every box."""
    boxes = np.split(bed.body("position"), bed.boxes["body_start"][1:])
    return [hashlib.sha256(np.ascontiguousarray(box).tobytes()).hexdigest() for box in boxes]


def serve(precision: str, schedule: str) -> None:
    """Answer requests until there are no more."""
    for line in sys.stdin:
        request = json.loads(line)
        windows = [_window(words) for words in request["windows"]]
        answer = run(windows, chunk=request["chunk"], precision=precision, schedule=schedule)
        print(json.dumps(answer), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help="answer requests on the standard input")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="f64")
    parser.add_argument("--schedule", default="boxes")
    options = parser.parse_args()
    if options.serve:
        start("cpu", options.precision, options.threads)
        serve(options.precision, options.schedule)


if __name__ == "__main__":
    main()
