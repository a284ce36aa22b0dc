"""What does a campaign find on a simulated calender, and does it notice that the coating has become harder?

A campaign sets load and loading for the most energy at a small springback. A surrogate of its trials then watches a
second one, whose coating is twice as hard.
python runs/studies/short/twin/closed_loop.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.runs.shell.script import folder_and_size

CASE = {
    "name": "mill",
    "parameter": [
        {"name": "line_load", "low": 3e4, "high": 4e5, "unit": "N/m", "log": True},
        {"name": "mass_loading", "low": 0.08, "high": 0.3, "unit": "kg/m^2"},
    ],
    "objective": [{"name": "energy_density", "direction": "maximise", "unit": "J/m^3"}],
    "limit": [{"name": "springback", "at_most": 0.02}],
}  # fmt: skip


def main(folder: Path, quick: bool) -> list[float]:
    card, soft, hard = kal.load_card("nmc111"), *(kal.Closure.power(p0, 7, "6 GPa") for p0 in ("6 MPa", "12 MPa"))
    first = kal.loop(card, 10 if quick else 24, closure=soft, case=CASE, store=folder / "plant.db")
    print(f"best: trial {first.best.number}, {first.best.parameters}, {first.best.outcomes}")
    kal.campaign_report(first, folder / "campaign.html")
    trials = first.table().dropna()  # in the units of the case, here SI
    known = kal.Surrogate.fit(trials, ["line_load", "mass_loading"], ["energy_density"], groups="raw")
    found: list[float] = []
    kal.loop(card, 8, closure=hard, case=CASE, surrogate=known, on_drift=lambda drift: found.append(drift.by))
    print("no drift" if not found else f"drift of the energy by {found[0]:.3g} J/m³")
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
