"""Particle-steps per second in windows of a compaction, list rebuilds included, beside LAMMPS and LIGGGHTS.

python tests/benchmarks/throughput.py [--quick] [--sizes 2000,20000,100000] [--threads 1,2] [--rounds 3] [--out FILE]

All codes start from the same centres and velocities without tangential springs and close at the same speed, with the
same time step and skin. In every round each code runs every window; the ratio of a round compares runs minutes apart,
on a machine whose speed changes within minutes. Only the steps are timed: `advance` here, `Loop time` there.
Codes: peers.py; lammps_granular has exactly our law, lammps_gran is the fastest law of this kind that LAMMPS has.
Rows "bonded": the same beds whose close pairs are joined by beams as well, beside LAMMPS bpm/rotational with granular,
and beside our own loose spheres with the same contacts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import peers
from own import Own
from packings import FRACTIONS, Window, window
from report_rows import finish, numbers, parser, ratio, rotated, say, share, spread

SEED = 1
CHECK_FRACTION = 0.60
CHECK_STEPS, CHECK_SAMPLE = 600, 50
BONDED, LOOSE = "lammps_bpm", "own_loose"  # the peer of bonded beds; our own beds of the same contacts without bonds
MOST_BONDED = 20_000  # spheres of a bonded bed
# Same start, 0.6 µs: seen 0.0005 apart (LAMMPS takes the normal half a step later). Were the springs kept on one side
# only, the mean stress would differ by 0.11.
CHECK_TOLERANCE = 0.01


@dataclass(frozen=True)
class Plan:
    """Copies of the stored state that make a size, and the windows it runs: about three list rebuilds in each 600."""

    copies: tuple[int, int]
    fractions: tuple[float, ...]
    steps: int

    def windows(self, *, bonded: bool = False) -> list[Window]:
        return [
            window(SEED, fraction, copies=self.copies, steps=self.steps, bonded=bonded) for fraction in self.fractions
        ]


PLANS = {
    2_000: Plan((1, 1), FRACTIONS, 600),
    20_000: Plan((5, 2), FRACTIONS, 600),
    100_000: Plan((10, 5), (0.55, 0.64), 300),
}
QUICK = {2_000: Plan((1, 1), (0.55, 0.60), 300), 20_000: Plan((5, 2), (0.60,), 300)}


def check(threads: Sequence[int], schedule: str) -> dict[str, Any]:
    """Physics before speed: the same bits on any number of threads, and the plate stress of LAMMPS."""
    one = replace(window(SEED, CHECK_FRACTION, steps=CHECK_STEPS), settle=0)
    runs = []
    for count in sorted({1, 2, *threads}):
        with Own(threads=count, schedule=schedule) as own:
            runs.append(own.run([one], chunk=CHECK_SAMPLE))
    assert all(run.digest == runs[0].digest for run in runs), "the centres depend on the number of threads"
    ours = float(runs[0].load.mean() / one.load().width.prod())
    row: dict[str, Any] = {"check": "plate stress", "own_MPa": ours}
    if peers.usable(["lammps_granular"], one):
        load = peers.run("lammps_granular", [one], sample=CHECK_SAMPLE).load[0]
        row["lammps_granular_MPa"] = float(load.mean() / one.load().width.prod())
        row["deviation"] = ours / row["lammps_granular_MPa"] - 1.0
        assert abs(row["deviation"]) < CHECK_TOLERANCE, f"plate stress {row} deviates by more than {CHECK_TOLERANCE}"
        print(f"mean plate stress {ours:.3f} MPa, lammps_granular {row['lammps_granular_MPa']:.3f} MPa", end="; ")
    print(f"equal bits on {', '.join(str(count) for count in sorted({1, 2, *threads}))} threads", flush=True)
    return row


def check_bonded(schedule: str) -> dict[str, Any]:
    """The plate stress of a bonded bed, and that of LAMMPS, as of a loose one."""
    one = replace(window(SEED, CHECK_FRACTION, steps=CHECK_STEPS, bonded=True), settle=0)
    with Own(threads=1, schedule=schedule) as own:
        ours = float(own.run([one], chunk=CHECK_SAMPLE).load.mean() / one.load().width.prod())
    row: dict[str, Any] = {"check": "plate stress, bonded", "own_MPa": ours}
    if peers.usable([BONDED], one):
        load = peers.run(BONDED, [one], sample=CHECK_SAMPLE).load[0]
        row["lammps_bpm_MPa"] = float(load.mean() / one.load().width.prod())
        row["deviation"] = ours / row["lammps_bpm_MPa"] - 1.0
        assert abs(row["deviation"]) < CHECK_TOLERANCE, f"plate stress {row} deviates by more than {CHECK_TOLERANCE}"
        print(f"bonded: mean plate stress {ours:.3f} MPa, {BONDED} {row['lammps_bpm_MPa']:.3f} MPa", flush=True)
    return row


def measure(code: str, own: Own, windows: list[Window], threads: int) -> tuple[float, list[int]]:
    """Seconds of all windows, and the list rebuilds of each."""
    if code == LOOSE:
        windows = [replace(one, bonded=False) for one in windows]
    if code not in ("own", LOOSE):
        run = peers.run(code, windows, threads=threads)
        return sum(run.seconds), run.rebuilds
    runs = [own.run([one]) for one in windows]
    return sum(sum(run.seconds) for run in runs), [sum(run.rebuilds) for run in runs]


def compare(
    size: int, plan: Plan, codes: list[str], *, threads: int, rounds: int, schedule: str, bonded: bool = False
) -> list[dict[str, Any]]:
    """Rows of one size and number of threads: every code in every round."""
    windows = plan.windows(bonded=bonded)
    work = size * plan.steps * len(windows)
    rates: dict[str, list[float]] = {code: [] for code in codes}
    rebuilds: dict[str, list[int]] = {}
    with Own(threads=threads, schedule=schedule) as own:
        own.warm(windows[:1])
        own.warm([replace(windows[0], bonded=False)])
        for turn in range(rounds):
            for code in rotated(codes, turn):
                seconds, rebuilds[code] = measure(code, own, windows, threads)
                rates[code].append(work / seconds)
    common = {"particles": size, "threads": threads, "steps": plan.steps, "fractions": plan.fractions, "bonded": bonded}
    return [
        {
            **common, "code": code, "rates": rates[code], "rate": spread(rates[code]), "rebuilds": rebuilds[code],
            "ours_over_this": ratio(rates["own"], rates[code]),
        }
        for code in codes
    ]  # fmt: skip


def show(row: dict[str, Any]) -> None:
    """One line for people."""
    rate = {name: value / 1e6 for name, value in row["rate"].items()}
    against = "" if row["code"] == "own" else share(row["ours_over_this"])
    rebuilds = "+".join(str(count) for count in row["rebuilds"])
    kind = "bonded" if row["bonded"] else "loose"
    print(
        f"{row['particles']:7} x{row['threads']} {kind:6} {row['code']:16} {say(rate):18} {rebuilds:>9}  {against}",
        flush=True,
    )


def bonded_rows(
    codes: list[str], sizes: list[int], plans: dict[int, Plan], given: Any, rounds: int
) -> list[dict[str, Any]]:
    """Rows of the bonded beds, of the smaller sizes."""
    rows = [check_bonded(given.schedule)]
    probe = window(SEED, CHECK_FRACTION, steps=1, bonded=True)
    known = ["own", LOOSE, *peers.usable([BONDED] if BONDED in codes else [], probe, threads=max(given.threads))]
    for size in [size for size in sizes if size <= MOST_BONDED]:
        for threads in given.threads:
            more = compare(
                size, plans[size], known, threads=threads, rounds=rounds, schedule=given.schedule, bonded=True
            )
            for row in more:
                show(row)
            rows += more
    return rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--sizes", type=numbers, help="of 2000, 20000, 100000")
    options.add_argument("--threads", type=numbers, default=[1, 2])
    options.add_argument("--codes", default=",".join(peers.KINDS), help="the other codes")
    given = options.parse_args()
    plans = QUICK if given.quick else PLANS
    rounds = given.rounds or (2 if given.quick else 3)
    rows = [check(given.threads, given.schedule)]
    probe = window(SEED, CHECK_FRACTION, steps=1)
    loose = [code for code in given.codes.split(",") if code != BONDED]
    codes = ["own", *peers.usable(loose, probe, threads=max(given.threads))]
    print("particles, threads, code, million particle-steps/s: median (range), list rebuilds of each window")
    sizes = given.sizes or list(plans)
    for size in sizes:
        for threads in given.threads:
            more = compare(size, plans[size], codes, threads=threads, rounds=rounds, schedule=given.schedule)
            for row in more:
                show(row)
            rows += more
    rows += bonded_rows(given.codes.split(","), sizes, plans, given, rounds)
    finish("throughput", rows, given.out)


if __name__ == "__main__":
    main()
