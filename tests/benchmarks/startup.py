"""How long it takes before anything is computed: help, bad input, doctor, and the first step of particles.

Checks what is said and that the step moved a particle as it should, then times it. `first step` is from an empty cache
of compiled kernels, `first step again` from a filled one, both without the start of Python.

python tests/benchmarks/startup.py prints medians of some calls, their share of the promised limit, and a JSON row.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time

CALLS = 7
COLD_CALLS = 3
# name, arguments, exit code, word in the output, limit [s]
CASES = (
    ("help", ["--help"], 0, "Commands", 0.5),
    ("bad input", ["run", "nmc111", "--set", "electrode.porosity=35"], 2, "electrode.porosity", 1.0),
    ("dry run", ["run", "nmc111", "--dry-run"], 0, "particles", None),
    ("doctor", ["doctor"], 0, "candidates", None),
)


FIRST_STEP = """
import sys, time
import numpy as np
began = time.perf_counter()
from kalander.kernels.device.backend import start
start("cpu", "f64", cache=sys.argv[1])
from kalander.dem.engine.bed import Bed
from kalander.dem.bodies.material import BinderConstants, Material, binder_constants, contact_constants
from kalander.dem.packing.packing import Packing, assemble
grain = Material(modulus=1000.0, poisson=0.25, density=4.7e-3)
packing = Packing(np.array([[2.0, 2.0, 2.0]]), np.ones(1), np.zeros(1, int), np.array([4.0, 4.0]), 4.0)
binder = binder_constants(BinderConstants(1.0, 0.3, 0.1, 1.0, 1.0))
contact = contact_constants([grain, grain], 0.5)
density = np.array([4.7e-3, 4.7e-3])
bed = Bed(
    assemble([packing], density=density, contact=contact, binder=binder, dt=0.125, law="hertz_mindlin")
    .with_boxes(gravity=np.array([[0.0, 0.0, -1.0]])), precision="f64", schedule="boxes",
)
bed.advance([1])
assert bed.body("position")[0, 2] == 2.0 - 0.5 * 0.125**2
print(time.perf_counter() - began)
"""


def first_step(cache: str) -> float:
    """Seconds from the import of the kernels to the end of the first step."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_STEP, cache], capture_output=True, text=True, check=True
    ).stdout.split()
    return float(done[-1])


def compile_times() -> dict[str, list[float]]:
    """Seconds of first steps from empty and from filled caches."""
    times: dict[str, list[float]] = {"first step": [], "first step again": []}
    for _ in range(COLD_CALLS):
        with tempfile.TemporaryDirectory() as cache:
            for name in times:
                times[name].append(first_step(cache))
    return times


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
    limits: dict[str, float | None] = {"first step": 10.0, "first step again": 3.0}
    measured = compile_times()
    for name, arguments, code, word, limit in CASES:
        call(arguments, code, word)  # the first one fills the file cache
        measured[name], limits[name] = [call(arguments, code, word) for _ in range(CALLS)], limit
    rows = {}
    for name, times in measured.items():
        middle, limit = statistics.median(times), limits[name]
        share = f", {middle / limit:.2f} of the limit" if limit else ""
        print(f"{name:16} {middle:.2f} s (from {min(times):.2f} to {max(times):.2f}){share}")
        rows[name] = {"median_s": middle, "min_s": min(times), "max_s": max(times), "limit_s": limit}
    print(json.dumps({"benchmark": "startup", "rows": rows}))


if __name__ == "__main__":
    main()
