"""How much friction moves the porosity behind the nip beside what the draw of the packing does: an ensemble of studies.

python runs/studies/short/twin/seeds_and_friction.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.runs.shell.script import folder_and_size

FRICTION = (0.02, 0.05, 0.1, 0.2)
SEEDS = (1, 2, 3, 4)


def main(folder: Path, quick: bool) -> dict[float, tuple[float, float]]:
    card = kal.load_card("nmc111", quick=quick).with_values({"boxes.replicas": 1})
    frictions, seeds = (FRICTION[::3], SEEDS[:2]) if quick else (FRICTION, SEEDS)
    sweep = {"grid": [{"key": "contact.friction", "values": frictions}, {"key": "seed", "values": seeds}]}
    members = kal.ensemble(card, sweep, folder / "members")
    members.refuse_failures()

    table = members.to_dataframe().groupby("contact.friction")["porosity_exit"]
    found = {friction: (float(rows.mean()), float(rows.std())) for friction, rows in table}
    for friction, (mean, scatter) in found.items():
        print(f"friction {friction:g}: porosity {mean:.3f} ± {scatter:.3f} behind the nip, over {len(seeds)} packings")
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
