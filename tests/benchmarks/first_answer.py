"""Time from a card to its first answer, stage by stage, beside another checkout; and whether the answers agree.

python tests/benchmarks/first_answer.py OTHER [--card nmc111] [--rounds 3] [--threads 2] [--quick] [--out FILE]

OTHER is a clone with an environment of its own, as of the commit before: OTHER/.venv/bin/kalander. Both run the whole
study in turn, which is which first alternating, into folders that are dropped. Wall and processor time of a stage are
medians over the rounds; wall time means something on a machine that does nothing else. Headline numbers of both are
told with the standard error of their means over the replicas.
"""

import json
import math
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from report_rows import REPOSITORY, finish, parser, ratio, rotated

WHOLE = ("wall", "processor")  # of the whole run
REPLICAS = 3  # of a table that does not say how many


def program(checkout: Path) -> Path:
    """The command of a checkout. Raises SystemExit where it has none."""
    found = checkout / ".venv" / "bin" / "kalander"
    if not found.exists():
        raise SystemExit(f"{found} does not exist: give a clone in which `make install` has run")
    return found


def study(checkout: Path, card: str, *, threads: int, quick: bool) -> dict[str, Any]:
    """Seconds of wall and processor of a whole study, those of its stages by its clock, and its answers."""
    with tempfile.TemporaryDirectory(prefix="kalander_first_") as folder:
        words = [str(program(checkout)), "run", card, "-o", f"{folder}/study", "--threads", str(threads), "--json"]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        done = subprocess.run([*words, *(["--quick"] if quick else [])], cwd=checkout, capture_output=True, text=True)
        wall, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(f"{checkout}: ended with {done.returncode}\n{done.stderr[-2000:]}")
    answer = json.loads(done.stdout)
    return {
        "wall": wall, "processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "stages": {stage["name"]: float(stage["seconds"]) for stage in answer["stages"]}, "answer": answer,
    }  # fmt: skip


def headlines(answer: Any, where: str = "") -> dict[str, tuple[float, float]]:
    """Every number that the answer gives a deviation of, with its standard error over the replicas, by where it stands.

    A deviation is named as its number with `_sd`; that of the released porosity is `porosity_sd`.
    """
    found: dict[str, tuple[float, float]] = {}
    if isinstance(answer, list):
        for place, value in enumerate(answer):
            found |= headlines(value, f"{where}[{place}]")
    if not isinstance(answer, dict):
        return found
    count = answer.get("replicas_reached") or answer.get("replicas") or REPLICAS
    for name, value in answer.items():
        whose = name.replace("_sd", "")
        whose = whose if whose in answer else f"{whose}_released"
        if whose != name and isinstance(answer.get(whose), float) and isinstance(value, float):
            found[f"{where}.{whose}".lstrip(".")] = answer[whose], value / math.sqrt(count)
        found |= headlines(value, f"{where}.{name}")
    return found


def compared(mine: dict[str, Any], other: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows: headline numbers of both answers, and their difference over the standard error of the other's mean."""
    here, there = headlines(mine), headlines(other)
    return [
        {
            "of": name, "before": there[name][0], "now": here[name][0], "error": there[name][1],
            "errors_off": abs(here[name][0] - there[name][0]) / max(there[name][1], 1e-300),
        }
        for name in here
        if name in there
    ]  # fmt: skip


def timed(runs: list[dict[str, Any]], name: str) -> list[float]:
    """Seconds of each round: of `wall` or `processor`, else of a stage."""
    return [run["stages"].get(name, 0.0) if name not in WHOLE else run[name] for run in runs]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("other", type=Path, help="another clone, with its environment")
    options.add_argument("--card", default="nmc111")
    options.add_argument("--threads", type=int, default=2)
    given = options.parse_args()
    checkouts = {"now": REPOSITORY, "before": given.other.resolve()}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in checkouts}
    for turn in range(given.rounds or 3):
        for name in rotated(list(checkouts), turn):
            runs[name].append(study(checkouts[name], given.card, threads=given.threads, quick=given.quick))
            print(f"round {turn + 1}, {name}: {runs[name][-1]['wall']:.1f} s", flush=True)
    names = list(dict.fromkeys([*WHOLE, *(name for run in runs["before"] + runs["now"] for name in run["stages"])]))
    rows: list[dict[str, Any]] = []
    print("seconds, medians: before, now, before over now")
    for name in names:
        before, now = timed(runs["before"], name), timed(runs["now"], name)
        row = {"of": name, "before_s": statistics.median(before), "now_s": statistics.median(now)}
        if min(now) > 0.0:
            row["ratio"] = ratio(before, now)
        rows.append(row)
        quotient = row["before_s"] / row["now_s"] if row["now_s"] else float("nan")
        print(f"{name:12} {row['before_s']:8.2f} {row['now_s']:8.2f} {quotient:6.2f}")
    print("headline numbers: before, now, difference over the standard error of the mean before")
    for row in compared(runs["now"][-1]["answer"], runs["before"][-1]["answer"]):
        rows.append(row)
        print(f"{row['of']:44} {row['before']:12.6g} {row['now']:12.6g} {row['errors_off']:6.2f}")
    finish("first_answer", rows, given.out)


if __name__ == "__main__":
    main()
