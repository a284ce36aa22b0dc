"""How well servos keep their promise: a leg passes its stress, or ends off it, by at most 1 % in 99 of 100 packings.

python tests/benchmarks/servo.py [--quick] [--packings N] [--only platens|lattices] [--seed N] [--counts N ...]
                                  [--out FILE]

N packings (200) for each servo, rough and smooth (friction 0.5 and 0), of restitution 0.2, 0.5 and 0.9, equal spheres
and radii of 0.7 to 1.3, 40 to 160 in a box, each from a loose start of its own a rounding away from its seed
(tests/another_machine.py); E 14 GPa, from 0.1 to 100 MPa, raised and lowered, in lattices with deviators and as many
more. It prints the share of legs and of packings that kept the promise, the worst, each case that did not, and what
the runs said of themselves. Exit 1 where fewer than 99 % of the packings keep it, or a run is silent about a leg that
did not.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from report_rows import finish, parser
from servos import Kept, Spec, hold_between_platens, hold_in_cells, packings_kept, specs

from kalander.dem.loading.servo import PROMISE
from kalander.kernels.device.backend import start

ASKED = 0.99  # of the packings
CACHE = Path(__file__).parents[1] / ".kernel_cache"

PLATENS = ((0.1, 0.5, 0.2), (1.0, 5.0, 2.0, 10.0), (10.0, 100.0, 40.0))
ROUGH = tuple(
    tuple((scale * x, scale * y, scale * z) for x, y, z in ((0.5, 0.5, 0.5), (1, 1, 1), (1, 1, 1.3), (0.4, 0.4, 0.4)))
    for scale in (0.25, 2.0, 80.0)
)
SMOOTH = tuple((*path[:2], (path[1][0], path[1][1], 1.03 * path[1][2]), path[3]) for path in ROUGH)

Servo = Callable[..., list[Kept]]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--packings", type=int, help="of each servo")
    options.add_argument("--seed", type=int, default=1, help="of the first packing: others are drawn from another one")
    options.add_argument("--only", choices=("platens", "lattices"))
    options.add_argument(
        "--counts", type=int, nargs="+", default=(40, 80, 160), help="spheres of the packings, in turn"
    )
    given = options.parse_args()
    start("cpu", "f64", None, cache=CACHE)
    number = given.packings or (24 if given.quick else 200)
    rows, fine = [], True
    for name, groups in (
        ("platens", platen_groups(number, given.seed, given.counts)),
        ("lattices", cell_groups(number, given.seed, given.counts)),
    ):
        if given.only in (None, name):
            row = measured(name, groups, given.schedule)
            fine &= row["packings_kept"] >= ASKED * row["packings"] and row["silent"] == 0
            rows.append(row)
    finish("servo", rows, given.out)
    sys.exit(0 if fine else 1)


def platen_groups(number: int, seed: int, counts: Sequence[int]) -> list[tuple[Servo, list[Spec], Sequence[Any]]]:
    """Packings and their stresses, a batch each."""
    boxes = specs(number, counts=counts, seed=seed)
    return [(hold_between_platens, boxes[k :: len(PLATENS)], path) for k, path in enumerate(PLATENS)]


def cell_groups(number: int, seed: int, counts: Sequence[int]) -> list[tuple[Servo, list[Spec], Sequence[Any]]]:
    """The same; smooth beds hardly bear a deviator, and get a small one."""
    found: list[tuple[Servo, list[Spec], Sequence[Any]]] = []
    for friction, paths in ((0.5, ROUGH), (0.0, SMOOTH)):
        boxes = specs(number // 2, counts=counts, frictions=(friction,), seed=seed + (2000 if friction else 3000))
        found += [(hold_in_cells, boxes[k :: len(paths)], path) for k, path in enumerate(paths)]
    return found


def measured(name: str, groups: list[tuple[Servo, list[Spec], Sequence[Any]]], schedule: str) -> dict[str, Any]:
    """Lead all groups; print and return what came of it."""
    legs, began = [], time.perf_counter()
    for servo, boxes, path in groups:
        if boxes:
            legs += servo(boxes, path, schedule=schedule)
            print(f"{name}: {len(boxes)} boxes to {path}: {time.perf_counter() - began:.0f} s", flush=True)
    broken = [leg for leg in legs if not leg.kept]
    silent = [leg for leg in broken if leg.ended and leg.passed > PROMISE and leg.said <= PROMISE]
    kept, packings = packings_kept(legs)
    passed = sorted(leg.passed for leg in legs)
    print(f"{name}: {kept} of {packings} packings and {len(legs) - len(broken)} of {len(legs)} legs kept within 1 %")
    print(
        f"  passed by at most {passed[-1]:.2%}, {passed[int(0.99 * (len(passed) - 1))]:.2%} in 99 of 100 legs; ended "
        f"off by at most {max(leg.end_error for leg in legs):.2%}; not ended {sum(not leg.ended for leg in legs)}"
    )
    cases = by_case(legs)
    for case, row in cases.items():
        print(
            f"  {case}: {row['kept']} of {row['legs']} legs, worst {row['worst']:.2%}, {row['steps']:.0f} steps a leg"
        )
    for leg in sorted(broken, key=lambda leg: -leg.passed):
        said = f"said {leg.said:.2%}" if leg.ended else "said that it did not reach it"
        print(
            f"  leg {leg.leg} to {leg.stress} of {leg.spec}: passed {leg.passed:.2%}, off {leg.end_error:.2%}, {said}"
        )
    return {
        "servo": name, "packings": packings, "packings_kept": kept, "legs": len(legs),
        "legs_kept": len(legs) - len(broken), "worst": passed[-1], "silent": len(silent),
        "worst_end": max(leg.end_error for leg in legs), "cases": cases, "broken": [asdict(leg) for leg in broken],
        "seconds": time.perf_counter() - began,
    }  # fmt: skip


def by_case(legs: list[Kept]) -> dict[str, dict[str, float]]:
    """Legs kept and the worst, by friction, restitution, size and stress."""
    keys = {
        "friction": lambda leg: leg.spec.friction, "restitution": lambda leg: leg.spec.restitution,
        "spheres": lambda leg: leg.spec.count, "stress": lambda leg: max(leg.stress),
    }  # fmt: skip
    found = {}
    for name, key in keys.items():
        for value in sorted({key(leg) for leg in legs}):
            mine = [leg for leg in legs if key(leg) == value]
            found[f"{name} {value:g}"] = {
                "legs": len(mine),
                "kept": sum(leg.kept for leg in mine),
                "worst": max(leg.passed for leg in mine),
                "steps": statistics.mean(leg.steps for leg in mine),
            }
    return found


if __name__ == "__main__":
    main()
