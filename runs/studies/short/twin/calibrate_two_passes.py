"""Flow stress and yield pressure of a card from two calendered coatings, a third predicted with its interval.

python runs/studies/short/twin/calibrate_two_passes.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size
from kalander.twin.calibrate.answer import answer_of, calibrated_card
from kalander.twin.calibrate.rounds import Choices

KEYS = ("binder.flow_stress", "electrode.active.yield_pressure")
MEASURED = (
    {"name": "C1", "stress": "19.82 MPa", "porosity": 0.416},
    {"name": "C4", "stress": "159.37 MPa", "porosity": 0.217},
    {"name": "between", "stress": "60 MPa", "use": "predict"},
)  # porosities of Sangros Gimenez et al. (2019), Table 1


def main(folder: Path, quick: bool) -> dict[str, dict[str, float]]:
    card = kal.load_card("nmc111", quick=quick)
    choices = Choices(runs=6, launch=6, seeds=1) if quick else Choices()
    done = kal.calibrate(card, MEASURED, parameters=KEYS, choices=choices, folder=folder)
    answer = answer_of(done)
    for row in answer["parameters"]:
        low, high = in_unit(row["lo90"], "MPa"), in_unit(row["hi90"], "MPa")
        print(f"{row['key']}: 90 % between {low:.0f} and {high:.0f} MPa: {row['identified']}")
    for row in (row for row in answer["states"] if row["quantity"] == "porosity"):
        print(f"{row['name']}: porosity {row['median']:.3f}, 90 % {row['lo90']:.3f} to {row['hi90']:.3f}")
    print("measure next: {quantity} of {name}".format(**answer["next"][0]))
    calibrated_card(done).save(folder / "calibrated.toml")
    return {row["key"]: row for row in answer["parameters"]}


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
