"""Wall time until a compaction curve is there, at an error of at most 0.002 in solid fraction, beside other codes.

python tests/benchmarks/time_to_curve.py [--quick] [--packings 5] [--first 1] [--threads 2] [--rounds 3] [--out FILE]

The curve: solid fraction at 10, 20 and 40 MPa, mean over loose packings of 2000 equal spheres. Its error is against the
mean of presses at a quarter of the usual plate speed, by this engine; LAMMPS `granular` presses some of them as slowly.
Ours: all packings in one batch under the settings pressing.FAST; the time of everything but compiling. Other codes: one
process a packing on as many cores, plate speed constant, loop time to 40 MPa only; of each code and time step the
fastest speed that keeps the error is taken, and the fastest of these is the opponent, once with the time step of the
reference protocol and once with any. Curves of other codes and the references are kept in .bench/.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import peers
from curves import STRESSES, TOLERANCE, error_row, fractions_at, load_curves, save_curves, say_error
from packings import FOLDER, PLATE_SPEED, TIME_STEP, State, Window
from peer_press import Protocol, curves_of, last_steps, seconds_of
from pressing import FAST, loose_states, press_all, press_at, warm
from report_rows import finish, floats, parser, ratio, rotated, say, spread

from kalander.dem.loading.press import Press
from kalander.kernels.device.backend import start

SLOW = 0.25  # of the usual plate speed: that of the references
PATIENCE = 8.0  # by which a press is slower than FAST once the bed carries
SLOW_CHECKS = 2  # packings that LAMMPS presses as slowly
KINDS = ("lammps_gran", "lammps_granular", "liggghts")
SPEEDS = (8.0, 5.6, 4.0, 2.8, 2.0, 1.4, 1.0, 0.7, 0.5)  # times the usual plate speed, fastest first
STEPS = (TIME_STEP, 3e-3, 5e-3)  # µs


def references(states: Sequence[State], seeds: Sequence[int]) -> np.ndarray:
    """Solid fractions of the slow presses, shape (packing, stress); made where they are missing."""
    speed = SLOW * PLATE_SPEED
    path = FOLDER / f"slow_{speed:g}_dt{1e3 * TIME_STEP:g}_{'_'.join(map(str, seeds))}.npz"
    if not path.exists():
        print(f"references at {speed:.3f} um/us: some minutes", flush=True)
        save_curves(press_at(states, speed), path)
    return np.array([fractions_at(curve) for curve in load_curves(path)])


def search(
    kind: str, step: float, files: list[Path], reference: np.ndarray, processes: int, speeds: Sequence[float] = SPEEDS
) -> list[dict[str, Any]]:
    """Rows of a code from the highest speed on, until one keeps the error; each with its loop time."""
    rows: list[dict[str, Any]] = []
    for haste in speeds:
        protocol = Protocol(kind, haste, step)
        curves = curves_of(protocol, files, processes=processes)
        row = error_row(np.array([fractions_at(curve) for curve in curves]), reference)
        steps = last_steps(protocol, files, curves)
        timed = seconds_of(protocol, files, steps, processes=processes)
        rows.append({"code": protocol.name, "protocol": protocol, "steps": steps, **row, **timed})
        show(rows[-1])
        if row["meets"]:
            break
    return rows


def show(row: dict[str, Any]) -> None:
    """One line for people."""
    steps, fractions = np.mean(row["steps"]), " ".join(f"{value:.4f}" for value in row["solid_fraction"])
    spreads = " ".join(f"{1e4 * value:3.0f}" for value in row["spread"])
    verdict = "meets" if row["meets"] else "     "
    print(
        f"{row['code']:26} {steps:7.0f} {row['seconds']:8.2f}  {fractions}  {say_error(row)}  {spreads}  {verdict}",
        flush=True,
    )


def own_row(
    states: Sequence[State], reference: np.ndarray, *, name: str = "kalander", settings: Press = FAST
) -> dict[str, Any]:
    """Row of one press by this engine."""
    done = press_all(states, settings)
    row = error_row(np.array([fractions_at(curve) for curve in done.curves]), reference)
    return {"code": name, "steps": done.steps, "seconds": done.seconds, **row}


def opponents(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fastest row that keeps the error, with the time step of the protocol and with any."""
    good = [row for row in rows if row["meets"]]
    usual = [row for row in good if row["protocol"].step == TIME_STEP]
    best = [min(some, key=lambda row: row["seconds"]) for some in (usual, good) if some]
    return best if len(best) < 2 or best[0] is not best[1] else best[:1]


def duel(
    states: Sequence[State], files: list[Path], rivals: list[dict[str, Any]], *, rounds: int, processes: int
) -> list[dict[str, Any]]:
    """Ratios of wall time, theirs over ours, over interleaved rounds."""
    codes = {row["code"]: row for row in rivals}
    seconds: dict[str, list[float]] = {code: [] for code in ("kalander", *codes)}
    for turn in range(rounds):
        for code in rotated(list(seconds), turn):
            if code == "kalander":
                seconds[code].append(press_all(states).seconds)
                continue
            row = codes[code]
            timed = seconds_of(row["protocol"], files, row["steps"], processes=processes)
            seconds[code].append(timed["seconds"])
    table = []
    for code in codes:
        faster = ratio(seconds[code], seconds["kalander"])
        ours, theirs = spread(seconds["kalander"]), spread(seconds[code])
        print(f"{code}: {say(theirs)} s, ours {say(ours)} s: {say(faster, 1)} times, by rounds", flush=True)
        table.append({"opponent": code, "seconds": seconds[code], "own_seconds": seconds["kalander"], "times": faster})
    return table


def slow_check(files: list[Path], reference: np.ndarray, processes: int) -> dict[str, Any]:
    """The same slow press by LAMMPS `granular`, which has exactly our law: the reference is not this code's alone."""
    curves = curves_of(Protocol("lammps_granular", SLOW, TIME_STEP), files[:SLOW_CHECKS], processes=processes)
    theirs = np.array([fractions_at(curve) for curve in curves])
    row = error_row(theirs, reference)
    print(f"lammps_granular as slowly, {len(curves)} packings, minus the references: {say_error(row)}", flush=True)
    return {"check": "slow press by lammps_granular", **row}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--packings", type=int, default=5)
    options.add_argument("--first", type=int, default=1, help="number of the first packing")
    options.add_argument("--threads", type=int, default=2, help="of this engine, and processes of the others")
    options.add_argument("--codes", default=",".join(KINDS))
    options.add_argument("--steps", default=",".join(f"{1e3 * step:g}" for step in STEPS), help="of the others [ns]")
    options.add_argument("--speeds", default=",".join(f"{speed:g}" for speed in SPEEDS), help="of the others")
    options.add_argument("--no-slow-check", action="store_true", help="without the slow presses by LAMMPS")
    given = options.parse_args()
    start("cpu", "f64", given.threads)
    seeds = range(given.first, given.first + given.packings)
    loose = loose_states(seeds)
    files, states = list(loose), list(loose.values())
    reference = references(states, seeds)
    warm(states)
    print(
        f"errors and spread in 1e-4 of solid fraction at {STRESSES} MPa; {given.packings} packings, limit {TOLERANCE}"
    )
    print(f"{'code':26} {'steps':>7} {'seconds':>8}  solid fraction          error              spread")
    # the error of haste by itself: slow from where the bed carries
    slow, approach = FAST.inertial_number / PATIENCE, FAST.approach_factor * PATIENCE
    patient = replace(FAST, inertial_number=slow, approach_factor=approach)
    rows = [own_row(states, reference), own_row(states, reference, name="kalander, then slow", settings=patient)]
    for row in rows:
        show(row)
    kinds = peers.usable([code for code in given.codes.split(",") if code], Window(files[0], (1, 1), 1))
    steps = [1e-3 * step for step in (floats(given.steps) if not given.quick else [3])]
    for kind in kinds if not given.quick else kinds[:1]:
        for step in steps:
            rows += search(kind, step, files, reference, given.threads, floats(given.speeds))
    if "lammps_granular" in kinds and not (given.no_slow_check or given.quick):
        rows.append(slow_check(files, reference, given.threads))
    rivals = opponents([row for row in rows if "protocol" in row])
    rounds = given.rounds or (1 if given.quick else 3)
    rows += duel(states, files, rivals, rounds=rounds, processes=given.threads)
    rows = [{name: value for name, value in row.items() if name != "protocol"} for row in rows]
    finish("time_to_curve", [{"settings": asdict(FAST)}, *rows], given.out)


if __name__ == "__main__":
    main()
