"""What settings of a card that save steps change of its answers, over packings, and how much of the press they save.

python tests/benchmarks/press_error.py [--card nmc111] [--packings 10] [--seed 11] [--quick] [--out FILE]

The same packings are pressed slowly, as without those settings (SLOW), and as the card says. A difference is told
beside the standard error of the mean over the packings (scatter), and beside that of the differences (pairs): both
presses start from equal packings. Processor time is of the press alone, on one thread.
"""

from time import process_time
from typing import Any

import numpy as np
from report_rows import finish, parser

import kalander.runs as kal
from kalander.coupling.cards.card import Card
from kalander.coupling.stages.pack import pack_work
from kalander.coupling.stages.press import press_work
from kalander.coupling.store.store import Data
from kalander.kernels.device.backend import start
from kalander.kernels.device.steps import finish as drained
from kalander.kernels.quantities import platen_pressure

SLOW = {"press.inertial_number": 1e-3, "press.least_mass": 0.0, "press.plate_speed": 1.0}
PARTLY = 8e6  # Pa: a stress on the way, at which bonds flow and few contacts have yielded


def answers(pressed: Data) -> dict[str, np.ndarray]:
    """Numbers of each box by name, shape (box,)."""
    frames, boxes = pressed.tables["frames"], pressed.tables["boxes"]
    rows = []
    for box, start_height in enumerate(boxes["start_height"]):
        mine = frames["box"] == box
        one = {name: frames[name][mine] for name in frames}
        turn = int(np.flatnonzero(one["leg"] == 0)[-1])
        stress = platen_pressure(one["stress_low"], one["stress_high"])[: turn + 1]
        first = int(np.flatnonzero(stress >= PARTLY)[0])
        around = slice(max(first - 1, 0), first + 1)
        rows.append({
            "porosity at 8 MPa": float(np.interp(PARTLY, stress[around], one["porosity"][around])),
            "porosity loaded": one["porosity"][turn], "porosity released": one["porosity"][-1],
            "recovery": (one["height"][-1] - one["height"][turn]) / start_height,
            "cracked fraction": one["cracked_fraction"][-1], "coordination": one["coordination"][-1],
            "broken bonds": one["broken_bond_fraction"][-1],
            "stress reached / asked": stress[turn] / boxes["stress"][box],
            "energy error": np.abs(one["energy_error"]).max(),
            "inertial number": one["inertial_number"].max(), "steps": float(one["step"][-1]),
        })  # fmt: skip
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def pressed(card: Card, packed: Data) -> tuple[dict[str, np.ndarray], float]:
    """Answers, and processor seconds of the press."""
    began = process_time()
    result = drained(press_work(card, packed, None, "f64", "boxes"))
    return answers(result), process_time() - began


def compare(card: Card, slow: dict[str, np.ndarray], fast: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Rows: each number of the card's press beside that of the slow one, stress by stress."""
    rows, count = [], card.boxes.replicas
    for place, stress in enumerate(card.press.stress):
        mine = slice(place * count, (place + 1) * count)
        for name in slow:
            before, change = slow[name][mine], fast[name][mine] - slow[name][mine]
            errors = [float(values.std(ddof=1) / np.sqrt(count)) for values in (before, change)]
            rows.append({
                "stress_MPa": stress / 1e6, "of": name, "slow": float(before.mean()),
                "card": float(fast[name][mine].mean()), "difference": float(change.mean()),
                "error_by_scatter": errors[0], "error_by_pairs": errors[1],
            })  # fmt: skip
    return rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--card", default="nmc111")
    options.add_argument("--packings", type=int, default=10)
    options.add_argument("--seed", type=int, default=11)
    given = options.parse_args()
    start("cpu", "f64", 1)
    card = kal.load_card(given.card).with_values({
        "boxes.replicas": 3 if given.quick else given.packings, "seed": given.seed,
        **({"boxes.width": 35e-6} if given.quick else {}),
    })  # fmt: skip
    packed = drained(pack_work(card, None))
    slow, slow_time = pressed(card.with_values(SLOW), packed)
    fast, fast_time = pressed(card, packed)
    rows = compare(card, slow, fast)
    print("stress, number: slow, card, difference; its standard error by the scatter, by pairs")
    for row in rows:
        print(
            f"{row['stress_MPa']:7.2f} MPa {row['of']:24} {row['slow']:12.6g} {row['card']:12.6g} "
            f"{row['difference']:+12.3g}  {row['error_by_scatter']:10.3g} {row['error_by_pairs']:10.3g}"
        )
    saved = {"slow_s": slow_time, "card_s": fast_time, "ratio": slow_time / fast_time}
    print(f"processor time: slow {slow_time:.1f} s, card {fast_time:.1f} s, ratio {saved['ratio']:.2f}")
    finish("press_error", [*rows, saved], given.out)


if __name__ == "__main__":
    main()
