"""Which particles crack: all fracture criteria side by side in one press of the NMC111 card, by pressure and by size.

python runs/studies/fracture_criteria.py [FOLDER] [--quick]
presses the card to its stresses with strengths that scatter as
Weibull's law says (m = 5.6, from the size law of the measured strengths: 3/0.53) and asks every criterion in every
frame. Nothing is fitted to the published share.
"""

from pathlib import Path
from typing import Any

import kalander.runs as kal
from kalander.coupling.results.fracture import CRITERION_NAMES, criteria_answer, size_classes_of
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.dem.fracture.criteria import CRITERIA, SANGROS_2020
from kalander.runs.page.figures import hardest, mean_over_replicas
from kalander.runs.shell.progress import progress_display
from kalander.runs.shell.script import script_arguments

PRESSURES = (5.0, 10.0, 20.0, 40.0, 80.0, 120.0, 159.37)  # MPa


def main(arguments: list[str]) -> None:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/fracture_criteria"))
    quick = "--quick" in arguments
    values: dict[str, Any] = {"fracture.weibull_modulus": 5.6, "fracture.criterion": "mean_stress"}
    values["press.stress"] = ["19.82 MPa", "40 MPa", "80 MPa", "159.37 MPa"]
    values["transport.voxel"] = "2 um"  # of what is not shown here
    if quick:
        values |= {"boxes.replicas": 1, "press.stress": ["19.82 MPa", "40 MPa", "80 MPa"]}
        values["press.stiffness_scale"] = 0.5  # 80 MPa on softer spheres would be overlap
    card = kal.load_card("nmc111", quick=quick).with_values(values)

    with progress_display() as show:
        study = kal.run(card, folder, on_progress=show)

    pressed = study.data("press")
    print_by_pressure(pressed)
    print_by_stress(card, pressed)
    print_by_size(pressed)
    print(f"report: {study.folder / 'report.html'}")


def print_by_pressure(pressed: Data) -> None:
    """Cracked share of the volume on loading, mean of the replicas."""
    curves = hardest(pressed)
    values: dict[str, Any] = {name: mean_over_replicas(curves, f"cracked_{name}")[:2] for name in CRITERIA}
    print("cracked share of the particle volume while loading (%)")
    print(f"{'MPa':>10}" + "".join(f"{CRITERION_NAMES[name]:>18}" for name in CRITERIA))
    grid = values["mean_stress"][0]
    for pressure in PRESSURES:
        if grid[0] <= pressure <= 1.01 * grid[-1]:
            row = (100.0 * share[(abs(grid - pressure)).argmin()] for _, share in values.values())
            print(f"{pressure:10.4g}" + "".join(f"{share:18.2f}" for share in row))


def print_by_stress(card: kal.Card, pressed: Data) -> None:
    """Cracked share of the number of particles after each stress; the published one is of the number, computed."""
    print("cracked share of the particles after release (%)")
    for row in criteria_answer(pressed):
        if row["cracked_number_fraction"] is not None:
            name = CRITERION_NAMES[row["criterion"]]
            note = ""
            if row["as_sangros_2020"]:
                known = [p.cracked_fraction for p in card.published if p.stress == row["stress_Pa"]]
                note = ", the criterion of Sangros Gimenez et al. 2020"
                note += "".join(f", who computed {100.0 * share:.2f}" for share in known if share is not None)
            share = 100.0 * row["cracked_number_fraction"]
            print(f"{in_unit(row['stress_Pa'], 'MPa'):8.2f} MPa: {share:6.2f} by {name}{note}")


def print_by_size(pressed: Data) -> None:
    """Cracked share of the particles of each size against pressure, by every criterion."""
    stresses = list(dict.fromkeys(pressed.tables["boxes"]["stress"].tolist()))
    classes = [size_classes_of(pressed, stress) for stress in stresses]
    print("cracked share of the particles of each size after release (%)")
    print(f"{'um':>18}" + "".join(f"{in_unit(diameter, 'um'):9.1f}" for diameter in classes[0].diameter))
    print(f"{'particles':>18}" + "".join(f"{count:9d}" for count in classes[0].count))
    for row, name in enumerate(CRITERIA):
        note = ", the criterion of Sangros Gimenez et al. 2020" if name == SANGROS_2020 else ""
        print(f"by {CRITERION_NAMES[name]}{note}")
        for stress, found in zip(stresses, classes):
            shares = "".join(f"{100.0 * share:9.2f}" for share in found.cracked[row])
            print(f"{in_unit(stress, 'MPa'):14.2f} MPa{shares}")


if __name__ == "__main__":
    main(script_arguments(__doc__))
