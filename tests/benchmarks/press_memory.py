"""Peak memory of a process that presses one large box and takes frames; its packing is made by another process.

python tests/benchmarks/press_memory.py [--particles 1000000] [--precision f64] [--intervals 4]

The box is copies side by side of a state of solid fraction 0.60; every control interval ends with a frame. Prints one
line of JSON: memory [bytes] when the device has started, with the packing read, at the peak, and with the state after
the press taken to the host.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from own import memory_of, resident, resource
from packings import COPIES, FOLDER, LARGE_FRACTION, LARGE_SEED, NMC_SOFT, RADIUS, lay, load, tiled, window

from kalander.dem.bodies.state import Ensemble, sphere_volume
from kalander.dem.loading.press import Press
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import lead
from kalander.dem.packing.packing import spatial_order
from kalander.kernels.device.backend import start

__all__ = ["press_memory"]

TABLES = ("bodies", "contacts", "bonds", "boxes", "lawbook")
EVERY_INTERVAL = Press(
    speed=1.5, inertial_number=0.01, release_stress=0.0, max_strain=0.9, time_step=2e-3, frame_strain=1e-9
)


def press_memory(particles: int, precision: str, *, threads: int = 2) -> dict[str, int]:
    """What a press of so many spheres takes, measured in a process of its own [bytes]."""
    options = ["--particles", str(particles), "--precision", precision, "--threads", str(threads)]
    done = subprocess.run([sys.executable, __file__, *options], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def make(particles: int, path: Path) -> None:
    """Write the packing as the columns of an ensemble."""
    state = tiled(load(window(LARGE_SEED, LARGE_FRACTION, steps=1).state), *COPIES[particles])
    laid = lay([state.in_order(spatial_order(state.position, 2 * RADIUS))])
    columns = {f"{table}/{name}": column for table in TABLES for name, column in getattr(laid, table).items()}
    with path.open("wb") as file:
        np.savez(file, **columns)


def read(path: Path) -> Ensemble:
    tables: dict[str, dict[str, np.ndarray]] = {table: {} for table in TABLES}
    with np.load(path) as stored:
        for key in stored.files:
            table, name = key.split("/")
            tables[table][name] = stored[key]
    return Ensemble(**tables)


def measure(path: Path, precision: str, intervals: int) -> dict[str, int]:
    """Press for some control intervals."""
    seen = {"started": resident()}

    def begin():
        ensemble = read(path)
        seen["packing"] = resident() - seen["started"]
        solid = np.array([sphere_volume(ensemble.bodies["radius"]).sum()])
        return new_load(ensemble, solid_volume=solid)

    path = EVERY_INTERVAL.path(np.array([1e3]))
    moments = lead(begin(), path, materials=[NMC_SOFT] * 2, precision=precision, schedule="boxes")
    for _ in range(intervals):
        moment = next(moments)
    seen["peak"] = memory_of(resource.getrusage(resource.RUSAGE_SELF))
    state = moment.snapshot()
    seen["frames"] = len(state.frames["box"])
    seen["peak_with_snapshot"] = memory_of(resource.getrusage(resource.RUSAGE_SELF))
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--particles", type=int, default=1_000_000, choices=COPIES)
    parser.add_argument("--precision", default="f64")
    parser.add_argument("--intervals", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        start("cpu", "f64", given.threads)
        make(given.particles, given.make)
        return
    path = FOLDER / f"large_{given.particles}.{os.getpid()}.npz"
    try:
        making = [sys.executable, __file__, "--particles", str(given.particles), "--make", str(path)]
        subprocess.run(making, check=True, stdout=sys.stderr)
        start("cpu", given.precision, given.threads)
        print(json.dumps(measure(path, given.precision, given.intervals)))
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
