"""What the benchmarks share: options, the order of a round, medians and ratios, and the JSON line they end with."""

import argparse
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["finish", "floats", "numbers", "parser", "ratio", "rotated", "say", "share", "spread"]

Name = TypeVar("Name")

REPOSITORY = Path(__file__).resolve().parents[2]


def parser(description: str | None) -> argparse.ArgumentParser:
    """Options that every benchmark of the engine has."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="small sizes, about a minute")
    options.add_argument("--rounds", type=int, help="rounds in which all codes take their turn")
    options.add_argument("--schedule", default="boxes", help="schedule of this engine's beds")
    options.add_argument("--out", type=Path, help="file for the JSON that is also printed")
    return options


def numbers(words: str) -> list[int]:
    """Whole numbers with commas between."""
    return [int(word) for word in words.split(",")]


def floats(words: str) -> list[float]:
    """Numbers with commas between."""
    return [float(word) for word in words.split(",")]


def rotated(names: Sequence[Name], turn: int) -> Iterator[Name]:
    """The names, beginning with another one each round, so that none always runs first."""
    for place in range(len(names)):
        yield names[(turn + place) % len(names)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Ours over theirs: of the medians, and the spread of the ratios round by round, which share the machine's mood."""
    by_round = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return {"of_medians": statistics.median(ours) / statistics.median(theirs), **spread(by_round)}


def say(values: dict[str, float], digits: int = 2) -> str:
    """Median and range for people."""
    return f"{values['median']:.{digits}f} ({values['min']:.{digits}f}-{values['max']:.{digits}f})"


def share(values: dict[str, float]) -> str:
    """Ratio for people."""
    return f"ours/this {values['of_medians']:.2f} of medians, {say(values)} by rounds"


def commit() -> str:
    """Revision of the working tree, with a mark where files differ from it; empty outside of one."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip()


def finish(benchmark: str, rows: list[dict[str, Any]], out: Path | None) -> None:
    """Print the JSON line, and write it where asked."""
    machine = {"cpus": os.cpu_count(), "arch": platform.machine()}
    text = json.dumps({"benchmark": benchmark, "commit": commit(), "machine": machine, "rows": rows})
    print(text)
    if out is not None:
        out.write_text(text + "\n")
