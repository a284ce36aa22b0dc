"""A tale of two materials: graphite flakes and NMC spheres pressed to the same stresses.

python runs/two_materials.py [FOLDER] [--quick] presses the cards graphite and nmc111 to the stresses of the first, both
by the contact law of their cards, and prints side by side how far they densify and spring back, and how flakes lie.
"""

import sys
from pathlib import Path

from kalander.runs import api
from kalander.runs.answers import press_answer
from kalander.runs.show import progress_display

NAMES = ("graphite", "nmc111")


def cards(*, quick: bool) -> list[api.Card]:
    """Both cards, with the stresses of the first."""
    first = api.load_card(NAMES[0], quick=quick)
    stresses = "[" + ", ".join(f'"{stress / 1e6!r} MPa"' for stress in first.press.stress) + "]"
    return [first, *(api.load_card(name, quick=quick, overrides={"press.stress": stresses}) for name in NAMES[1:])]


def main(arguments: list[str]) -> None:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/two_materials"))
    print(
        f"{'material':9} {'MPa':>6}  porosity before, loaded, released  thinner by  springback  cracked  bonds broken"
    )
    flakes = []
    for name, card in zip(NAMES, cards(quick="--quick" in arguments), strict=True):
        with progress_display() as show:
            study = api.run(card, folder / name, on_progress=show)
        for row in press_answer(card, study.pressed):
            thinner = 1.0 - row["thickness_loaded_m"] / row["thickness_before_m"]
            print(
                f"{name:9} {row['stress_Pa'] / 1e6:6.2f}  {card.electrode.porosity:15.3f}, "
                f"{row['porosity_loaded']:6.3f}, {row['porosity_released']:8.3f}  {thinner:10.3f}  "
                f"{row['springback']:10.3f}  {row['cracked_fraction']:7.3f}  {row['broken_bond_fraction']:12.3f}"
            )
            if row["orientation_before"][2] is not None:
                flakes.append(row)
    for row in flakes:
        lying = [row[f"orientation_{state}"] for state in ("before", "loaded", "released")]
        print(
            f"flakes at {row['stress_Pa'] / 1e6:.2f} MPa: a_zz {lying[0][2]:.3f} before, {lying[1][2]:.3f} under load, "
            f"{lying[2][2]:.3f} released; a_xx {lying[0][0]:.3f}, {lying[1][0]:.3f}, {lying[2][0]:.3f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
