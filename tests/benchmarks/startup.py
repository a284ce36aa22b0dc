"""How long the command takes before it computes: help, bad input, doctor. Checks what it says, then times it.

python tests/benchmarks/startup.py prints medians of seven calls, their share of the promised limit, and a JSON row.
"""

import json
import statistics
import subprocess
import sys
import time

CALLS = 7
# name, arguments, exit code, word in the output, limit [s]
CASES = (
    ("help", ["--help"], 0, "Commands", 0.5),
    ("bad input", ["run", "nmc111", "--set", "electrode.porosity=35"], 2, "electrode.porosity", 1.0),
    ("dry run", ["run", "nmc111", "--dry-run"], 0, "particles", None),
    ("doctor", ["doctor"], 0, "candidates", None),
)


def call(arguments: list[str], code: int, word: str) -> float:
    """Seconds of one call that did what it should."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "kalander.runs.cli", *arguments], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    assert done.returncode == code, done.stderr
    assert word in done.stdout + done.stderr
    return seconds


def main() -> None:
    rows = {}
    for name, arguments, code, word, limit in CASES:
        call(arguments, code, word)  # the first one fills the file cache
        times = [call(arguments, code, word) for _ in range(CALLS)]
        middle = statistics.median(times)
        share = f", {middle / limit:.2f} of the limit" if limit else ""
        print(f"{name:10} {middle:.2f} s (from {min(times):.2f} to {max(times):.2f}){share}")
        rows[name] = {"median_s": middle, "min_s": min(times), "max_s": max(times), "limit_s": limit}
    print(json.dumps({"benchmark": "startup", "rows": rows}))


if __name__ == "__main__":
    main()
