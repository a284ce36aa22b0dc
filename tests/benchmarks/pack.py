"""Packings of spheres of wide size distributions: processor time against their number.

Diameters are spread evenly over the logarithm, from 1 to the ratio, at a solid fraction of 0.5, drawn together over 0.3
of the smallest diameter. Every packing is checked for its largest overlap, by pairs looked for anew, before its time
counts. Per sphere and sweep is what neighbours cost; the number of sweeps is what the crowd takes to part.

python tests/benchmarks/pack.py [--quick] [--sizes 3000,10000,30000,100000] [--ratio 10]
"""

import time
from typing import Any

import numpy as np
from report_rows import finish, numbers, parser, say, spread

from kalander.dem.bodies.state import sphere_volume
from kalander.dem.packing.generate import OVERLAP_LIMIT, SWEEPS, generate, largest_overlap

SOLID_FRACTION, REACH = 0.5, 0.3


def packed(count: int, ratio: float, seed: int) -> tuple[float, int]:
    """Processor seconds and sweeps of one packing."""
    rng = np.random.default_rng(seed)
    radius = 0.5 * ratio ** rng.random(count)
    side = float(np.cbrt(sphere_volume(radius).sum() / SOLID_FRACTION))
    width, rounds = np.array([side, side]), 0
    began, drying = time.process_time(), generate(radius, width, side, reach=REACH, rng=rng)
    _, _, position = next(drying)
    for rounds, (_, _, position) in enumerate(drying, 2):  # noqa: B007
        pass
    seconds = time.process_time() - began
    assert largest_overlap(position, radius, width, side) <= OVERLAP_LIMIT, "physics first: spheres overlap"
    return seconds, SWEEPS * rounds


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--sizes", type=numbers, default=[3000, 10_000, 30_000, 100_000])
    options.add_argument("--ratio", type=float, default=10.0, help="of the largest diameter to the smallest")
    chosen = options.parse_args()
    sizes, rows = ([500, 1500, 4500] if chosen.quick else chosen.sizes), list[dict[str, Any]]()
    for count in sizes:
        runs = [packed(count, chosen.ratio, seed) for seed in range(chosen.rounds or 1)]
        seconds, sweeps = spread([run[0] for run in runs]), spread([float(run[1]) for run in runs])
        each = 1e6 * seconds["median"] / sweeps["median"] / count
        row = {"size": count, "ratio": chosen.ratio, "seconds": seconds, "sweeps": sweeps, "us_a_sphere_sweep": each}
        rows.append(row)
        print(f"{count} of ratio {chosen.ratio:g}: {say(seconds)} s, {sweeps['median']:.0f} sweeps, {each:.2f} us a "
              "sphere and sweep", flush=True)  # fmt: skip
    many = np.log([row["size"] for row in rows])
    for name, values in (
        ("time", [row["seconds"]["median"] for row in rows]),
        ("time a sweep", [row["us_a_sphere_sweep"] * row["size"] for row in rows]),
    ):
        slope = float(np.polyfit(many, np.log(values), 1)[0]) if len(rows) > 1 else float("nan")
        rows.append({"exponent_of": name, "exponent": slope})
        print(f"{name} as N^{slope:.2f}")
    finish("pack", rows, chosen.out)


if __name__ == "__main__":
    main()
