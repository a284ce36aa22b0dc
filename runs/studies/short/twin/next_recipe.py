"""Which recipe and which load come next? A campaign that is told what a made-up electrode gives, and what broke.

The electrode is a formula, not a measurement: density rises with load until it cracks, rate with pores and carbon.
python runs/studies/short/twin/next_recipe.py [FOLDER] [--quick]
"""

from math import exp
from pathlib import Path

import kalander.runs as kal
from kalander.runs.shell.script import folder_and_size

CASE = {
    "name": "recipe", "seed": 2,
    "parameter": [
        {"name": "active", "low": 0.90, "high": 0.97}, {"name": "carbon", "low": 0.01, "high": 0.05},
        {"name": "binder", "low": 0.01, "high": 0.05}, {"name": "load", "low": 50, "high": 900, "log": True},
    ],
    "mixture": [{"of": ["active", "carbon", "binder"]}],
    "objective": [{"name": "density", "direction": "maximise"}, {"name": "rate", "direction": "maximise"}],
    "limit": [{"name": "cracked", "at_most": 0.05}],
}  # fmt: skip


def main(folder: Path, quick: bool) -> kal.Campaign:
    campaign = kal.Campaign(CASE, folder / "plant.db")  # call it again: it goes on
    for _ in range(14 if quick else 40):
        for trial in campaign.suggest(2):  # two at a time, as two lines would try them
            load, active, carbon = (trial.parameters[name] for name in ("load", "active", "carbon"))
            porosity = 0.2 + 0.3 * exp(-load / 250)
            gives = {"density": active * (1 - porosity), "rate": porosity * (1 - exp(-carbon / 0.015)),
                     "cracked": (load / 900) ** 2 * 0.1}  # fmt: skip
            campaign.tell(trial, gives if load < 850 else None, failed=load >= 850)
    for one in campaign.front:
        print(f"trial {one.number}: " + ", ".join(f"{name} {value:.3f}" for name, value in one.outcomes.items()))
    return campaign


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
