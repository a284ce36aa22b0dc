"""Time and memory of this engine against the number of particles, from 2000 to a million, in f64 and f32.

python tests/benchmarks/scaling.py [--quick] [--sizes ...] [--precisions f64,f32] [--rounds 3] [--out FILE]

One box of each size, made of copies of one state of solid fraction 0.60: all do the same 300 steps with the same list
rebuilds. Every size has a process of its own. A rebuild costs what a stretch of steps that holds one takes longer than
the median stretch without. Memory: peak of the process, its growth with the bed, and bytes of the
arrays the bed holds; and of the largest size the peak of a press with frames (press_memory.py).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from own import Own, OwnRun
from packings import COPIES, LARGE_FRACTION, LARGE_SEED, window
from press_memory import press_memory
from report_rows import finish, numbers, parser, rotated, say, spread

STEPS, CHUNK = 300, 20
QUICK_SIZES = (2_000, 20_000, 100_000)
SMALL, UNIT = 2_000, 20_000  # the size that warms up, and the one that others are compared with
MOST_REPEATS, ENOUGH = 10, 100_000  # small sizes run again until this many particles have had their turn


def measure(size: int, *, precision: str, threads: int, schedule: str) -> list[OwnRun]:
    """Runs of one size in a fresh process."""
    whole = window(LARGE_SEED, LARGE_FRACTION, copies=COPIES[size], steps=STEPS)
    repeats = max(1, min(MOST_REPEATS, ENOUGH // size))
    with Own(threads=threads, precision=precision, schedule=schedule) as own:
        own.warm([window(LARGE_SEED, LARGE_FRACTION, copies=COPIES[SMALL], steps=STEPS)])
        return [own.run([whole], chunk=CHUNK) for _ in range(repeats)]


def rebuild_seconds(run: OwnRun) -> list[float]:
    """Seconds of each list rebuild, as the time that its stretch took longer than those without."""
    seconds, made = np.array(run.seconds), np.array(run.rebuilds)
    plain = float(np.median(seconds[made == 0]))
    return [float((seconds[k] - plain) / made[k]) for k in np.flatnonzero(made)]


def row_of(size: int, precision: str, rounds: Sequence[list[OwnRun]]) -> dict[str, Any]:
    """Rate, cost of a rebuild and memory of one size over all rounds."""
    rates = [size * STEPS * len(runs) / sum(sum(run.seconds) for run in runs) for runs in rounds]
    rebuilds = [seconds / size for runs in rounds for run in runs for seconds in rebuild_seconds(run)]
    first = [runs[0] for runs in rounds]  # later runs of a process find room that the first has left
    return {
        "particles": size,
        "precision": precision,
        "rates": rates,
        "rate": spread(rates),
        "rebuild_s_per_particle": spread(rebuilds),
        "rebuilds": sum(first[0].rebuilds),
        "peak_bytes": max(runs[-1].peak for runs in rounds),
        "grown_bytes": float(np.median([run.grown for run in first])),
        "counted_bytes": first[0].counted,
    }


def compare(rows: list[dict[str, Any]]) -> None:
    """Add to the rows of one precision what needs two sizes: time against 20 000 and bytes a particle by difference."""
    by_size = {row["particles"]: row for row in rows}
    unit = by_size.get(UNIT, rows[0])["rates"]
    least = rows[0]
    for row in rows:
        row["time_over_unit"] = spread([one / other for one, other in zip(unit, row["rates"], strict=True)])
        more = row["particles"] - least["particles"]
        row["peak_bytes_per_particle"] = (row["peak_bytes"] - least["peak_bytes"]) / more if more else None


def exponent(rows: list[dict[str, Any]], values: Sequence[float]) -> float:
    """Slope of a quantity against the number of particles in logarithms, by least squares."""
    return float(np.polyfit(np.log([row["particles"] for row in rows]), np.log(values), 1)[0])


def fits(rows: list[dict[str, Any]], precision: str) -> dict[str, Any]:
    """Exponents of the time of a step, of the memory that comes with the bed, and of the arrays it holds."""
    return {
        "precision": precision,
        "time_exponent": exponent(rows, [row["particles"] / row["rate"]["median"] for row in rows]),
        "memory_exponent": exponent(rows, [row["grown_bytes"] for row in rows]),
        "array_exponent": exponent(rows, [row["counted_bytes"] for row in rows]),
    }


def show(row: dict[str, Any]) -> None:
    """One line for people."""
    size = row["particles"]
    by_difference = row["peak_bytes_per_particle"]
    print(
        f"{size:8} {row['precision']}  {say({k: v / 1e6 for k, v in row['rate'].items()}):18} "
        f"{1e9 / row['rate']['median']:6.0f} ns, {say(row['time_over_unit']):17} of {UNIT}; "
        f"rebuild {1e9 * row['rebuild_s_per_particle']['median']:5.0f} ns a particle; "
        f"peak {row['peak_bytes'] / 2**20:6.0f} MiB; bytes a particle: counted {row['counted_bytes'] / size:5.0f}, "
        f"grown {row['grown_bytes'] / size:5.0f}, peak by difference "
        + (f"{by_difference:5.0f}" if by_difference is not None else "    -"),
        flush=True,
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--sizes", type=numbers, help=f"of {', '.join(str(size) for size in COPIES)}")
    options.add_argument("--precisions", default="f64,f32")
    options.add_argument("--threads", type=int, default=2)
    given = options.parse_args()
    sizes = sorted(given.sizes or (QUICK_SIZES if given.quick else COPIES))
    rounds = given.rounds or (1 if given.quick else 3)
    table: list[dict[str, Any]] = []
    print("particles, million particle-steps/s: median (range), time of a particle-step, list rebuild, memory")
    for precision in given.precisions.split(","):
        runs: dict[int, list[list[OwnRun]]] = {size: [] for size in sizes}
        for turn in range(rounds):
            for size in rotated(sizes, turn):
                runs[size].append(measure(size, precision=precision, threads=given.threads, schedule=given.schedule))
        rows = [{**row_of(size, precision, runs[size]), "threads": given.threads} for size in sizes]
        compare(rows)
        for row in rows:
            show(row)
        fit = fits(rows, precision)
        print(f"{precision}: time grows as N^{fit['time_exponent']:.3f}, memory as N^{fit['memory_exponent']:.3f}")
        pressed = {"particles": sizes[-1], "precision": precision, **press_memory(sizes[-1], precision)}
        peaks = (pressed[name] / 2**20 for name in ("started", "peak", "peak_with_snapshot"))
        print(
            "{} {}, a press with frames: {:.0f} MiB at the start, peak {:.0f}, with a saved state {:.0f}".format(
                sizes[-1], precision, *peaks
            )
        )
        table += [*rows, fit, pressed]
    finish("scaling", table, given.out)


if __name__ == "__main__":
    main()
