"""How far to trust what: the headline numbers of a card, each with the errors that can be measured.

python runs/studies/trust.py [CARD] [--quick] [--replicas 4] [--copies 4] [--parts seeds,rounding,size,speed,step,voxel]
presses the card again and again and compares: other seeds; the same packing moved by 1e-12 of a radius, as another
processor would round; wider boxes; half the speed; half the time step; finer voxels; the nip beside the boxes. What no
run shows, the error of the model itself, stands in runs/TRUST.md.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

import kalander.runs as kal
from kalander.coupling.results.devices import started
from kalander.coupling.scales import in_unit
from kalander.kernels.errors import KalanderError
from kalander.runs.page.grid import ABSENT, Grid
from kalander.runs.shell.terminal import grid_text
from kalander.runs.studies.trust_trials import FINER, PARTS, QUANTITIES, WIDER, Trial, trust

__all__ = ["grids", "main"]

LEAST = 1e-12  # of a unit shown; below, differences of equal numbers
HEADINGS = {
    "seeds": "seeds sd (of mean)", "rounding": "rounding sd", "size": f"box x{WIDER:g}", "speed": "speed x0.5",
    "step": "step x0.5", "voxel": f"voxel x{FINER:g}", "nip": "nip - boxes",
}  # fmt: skip


def grids(found: dict[str, Any]) -> Iterator[Grid]:
    """A table a stress."""
    shown = [part for part in HEADINGS if part in found["parts"]]
    for stress in dict.fromkeys(row["stress_Pa"] for row in found["rows"]):
        rows = []
        for row in (row for row in found["rows"] if row["stress_Pa"] == stress):
            label, written, unit = QUANTITIES[row["quantity"]]
            cells = [cell(row[part], row[f"{part}_error"], unit, part) for part in shown]
            rows.append((f"{label} ({written})", cell(row["value"], None, unit, "value"), *cells))
        title = f"{found['card']}, {in_unit(stress, 'MPa'):.4g} MPa, boxes of {in_unit(found['width_m'], 'um'):.3g} µm"
        yield Grid(title, ("quantity", "value", *(HEADINGS[part] for part in shown)), tuple(rows))


def cell(value: float | None, error: float | None, unit: str, part: str) -> str:
    """A number of three digits; a difference with sign and error."""
    if value is None:
        return ABSENT
    shown, off = in_unit(value, unit), None if error is None else in_unit(error, unit)
    shown = 0.0 if abs(shown) < LEAST else shown
    if part == "value":
        return f"{shown:.4g}"
    if part in ("seeds", "rounding"):
        return f"{shown:.2g}" + ("" if off is None else f" ({off:.2g})")
    return f"{shown:+.2g}" + ("" if off is None else f" ± {off:.2g}")


def options(arguments: list[str]) -> argparse.Namespace:
    """What was asked on the command line."""
    parser = argparse.ArgumentParser(
        prog="trust.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("card", nargs="?", default="nmc111", help="a card file or the name of a shipped card")
    parser.add_argument("--quick", action="store_true", help="the card's small variant")
    parser.add_argument("--replicas", type=int, default=4, help="seeds of every variant, two or more")
    parser.add_argument("--copies", type=int, default=4, help="starts a rounding apart")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"which errors: {', '.join(PARTS)}")
    parser.add_argument("--set", action="append", default=[], help="change a value of the card: boxes.width='40 um'")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, in SI")
    given = parser.parse_args(arguments)
    if unknown := set(given.parts.split(",")) - set(PARTS):
        parser.error(f"--parts: {', '.join(sorted(unknown))} is none of {', '.join(PARTS)}")
    if min(given.replicas, given.copies) < 2 or any("=" not in setting for setting in given.set):
        parser.error("--replicas and --copies are two or more; --set is key=value")
    return given


def main(arguments: list[str]) -> None:
    given = options(arguments)
    overrides = dict(setting.split("=", 1) for setting in given.set)
    try:
        kal.load_card(given.card, quick=given.quick, overrides=overrides)  # faults before the device starts
        _, _, schedule = started("auto", "f64", given.threads, False)
        trial = Trial(given.card, given.quick, overrides, schedule)
        parts = tuple(given.parts.split(","))
        found = trust(trial, replicas=given.replicas, copies=given.copies, parts=parts)
    except KalanderError as failure:
        print(failure, file=sys.stderr)
        sys.exit(failure.exit_code)
    if given.json:
        print(json.dumps(found, allow_nan=False))
        return
    print("\n\n".join(grid_text(grid) for grid in grids(found)))


if __name__ == "__main__":
    main(sys.argv[1:])
