"""A batch of 64 boxes of 2000 particles in one bed, beside the same boxes one after another, and beside LAMMPS.

python tests/benchmarks/batch.py [--quick] [--boxes 64] [--seeds 1,2] [--threads 2] [--rounds 3] [--out FILE]

The boxes are the stored states of two seeds at four solid fractions, each taken eight times: other states would cost a
compaction each. The boxes of a bed do not know of each other, and each must end where it ends alone, bit for bit.
One after another: every distinct box in a bed of its own on all threads. LAMMPS: as many processes side by side as
threads, each of one rank, which run the boxes' share one after another; their throughputs are added.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import peers
from own import Own
from packings import FRACTIONS, SETTLING_STEPS, Window, window
from report_rows import finish, numbers, parser, ratio, rotated, say, share, spread

PARTICLES = 2000  # of a box
STEPS, QUICK_STEPS = 600, 200
PEER = "lammps_gran"


def distinct(seeds: list[int], steps: int) -> list[Window]:
    """One window a stored state; all settle, since the boxes of a bed do equal steps here."""
    states = [window(seed, fraction, steps=steps) for seed in seeds for fraction in FRACTIONS]
    return [replace(state, settle=SETTLING_STEPS) for state in states]


def together(own: Own, windows: list[Window], boxes: int) -> tuple[float, list[str]]:
    """Particle-steps per second of all boxes in one bed, and the hashes of their centres."""
    run = own.run(windows * (boxes // len(windows)))
    return boxes * PARTICLES * windows[0].steps / sum(run.seconds), run.digest


def in_turn(own: Own, windows: list[Window]) -> tuple[float, list[str]]:
    """Particle-steps per second of beds of one box, and the hashes of their centres."""
    runs = [own.run([one]) for one in windows]
    seconds = sum(sum(run.seconds) for run in runs)
    return len(windows) * PARTICLES * windows[0].steps / seconds, [run.digest[0] for run in runs]


def side_by_side(windows: list[Window], boxes: int, processes: int) -> float:
    """Sum of the particle-steps per second of processes of the peer that run at once."""
    each = (windows * (boxes // len(windows)))[: boxes // processes]
    with ThreadPoolExecutor(processes) as pool:
        runs = list(pool.map(lambda _: peers.run(PEER, each), range(processes)))
    return sum(len(each) * PARTICLES * windows[0].steps / sum(run.seconds) for run in runs)


def measure(own: Own, windows: list[Window], *, boxes: int, threads: int, rounds: int) -> dict[str, list[float]]:
    """Particle-steps per second of each way in each round; raises AssertionError where a box ends elsewhere alone."""
    names = ["batch", "one after another", *peers.usable([PEER], windows[0])]
    rates: dict[str, list[float]] = {name: [] for name in names}
    ends: dict[str, list[str]] = {}
    for turn in range(rounds):
        for name in rotated(names, turn):
            if name == PEER:
                rates[name].append(side_by_side(windows, boxes, threads))
                continue
            rate, ends[name] = together(own, windows, boxes) if name == "batch" else in_turn(own, windows)
            rates[name].append(rate)
        alone = ends["one after another"]
        assert ends["batch"] == alone * (boxes // len(windows)), "a box of the batch ends elsewhere than alone"
    return rates


def rows_of(rates: dict[str, list[float]], common: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each way, with the batch's ratio to it."""
    return [
        {
            **common, "way": name, "rates": values, "rate": spread(values),
            "ours_over_this": ratio(rates["batch"], values),
        }
        for name, values in rates.items()
    ]  # fmt: skip


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--boxes", type=int, help="a multiple of four times the seeds; default 64, quick 16")
    options.add_argument("--seeds", type=numbers, help="of the stored compactions; default 1,2, quick 1")
    options.add_argument("--threads", type=int, default=2)
    given = options.parse_args()
    boxes = given.boxes or (16 if given.quick else 64)
    windows = distinct(given.seeds or ([1] if given.quick else [1, 2]), QUICK_STEPS if given.quick else STEPS)
    if boxes % (len(windows) * given.threads):
        options.error(f"--boxes {boxes} is not a multiple of {len(windows)} states times {given.threads} threads")
    with Own(threads=given.threads, schedule=given.schedule) as own:
        own.warm(windows)
        own.warm(windows[:1])
        rates = measure(
            own, windows, boxes=boxes, threads=given.threads, rounds=given.rounds or (2 if given.quick else 3)
        )
    rows = rows_of(rates, {"boxes": boxes, "particles": PARTICLES, "threads": given.threads, "steps": windows[0].steps})
    print(f"{boxes} boxes of {PARTICLES}, {given.threads} threads: a box ends where it ends alone, bit for bit")
    for row in rows:
        rate = {name: value / 1e6 for name, value in row["rate"].items()}
        against = "" if row["way"] == "batch" else share(row["ours_over_this"])
        print(f"{row['way']:18} {say(rate):18} million particle-steps/s  {against}")
    finish("batch", rows, given.out)


if __name__ == "__main__":
    main()
