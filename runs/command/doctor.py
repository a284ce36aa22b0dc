"""`kalander doctor`: which devices can be used here, and why others cannot."""

from typing import Any

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json, Precision, Software, Threads

__all__ = ["EXAMPLE", "doctor"]

EXAMPLE = "kalander doctor --json"


def doctor(
    precision: Precision = "f64", threads: Threads = None, allow_software: Software = False,
    json_output: Json = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Say which devices can be used and why others cannot, versions, threads, memory, cache folder."""

    def work() -> dict[str, Any]:
        from kalander.kernels.device.backend import doctor as examine

        return examine(precision=precision, threads=threads, allow_software=allow_software)

    answer(work, json_output, debug)
