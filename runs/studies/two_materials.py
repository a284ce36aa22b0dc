"""A tale of two materials: graphite yields and its flakes align, NMC resists and cracks.

python runs/studies/two_materials.py [FOLDER] [--quick]
presses three coatings by the same press: the cards graphite and nmc111,
and the nmc111 coating once more, sphere by sphere and bond by bond, with graphite as its material. All have the
stresses, the speed and the contact law of the graphite card, each material its own yield pressure, and the stiffness
that was measured: what the cards set otherwise is printed. So the last two differ by the material alone, the first two
also by shape, recipe and initial porosity.
"""

from pathlib import Path
from typing import Any

import kalander.runs as kal
from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.results.fracture import CRITERION_NAMES, criteria_answer, size_classes_of
from kalander.coupling.results.pressed import press_answer
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.dem.fracture.criteria import CRITERIA
from kalander.runs.shell.progress import progress_display
from kalander.runs.shell.script import script_arguments

SWAPPED = "nmc111 as graphite"
# by the mass of NMC, so that volume fractions, and with them the packing, are those of the card nmc111
SWAP = {"electrode.active": {"name": "graphite", "density": "4.7 g/cm^3"}, "fracture.criterion": "none"}


def settings(*, quick: bool) -> dict[str, Any]:
    """What is made equal: stresses, speed and law of the graphite card, stiffness as measured."""
    card = kal.load_card("graphite", quick=quick)
    return {
        "press.stress": card.press.stress,
        "press.inertial_number": card.press.inertial_number,
        "press.stiffness_scale": 1,
        "contact.law": card.contact.law,
        "boxes.replicas": 1 if quick else card.boxes.replicas,
    }


def cards(*, quick: bool) -> dict[str, kal.Card]:
    """The three coatings by name."""
    equal = settings(quick=quick)
    return {
        "graphite": kal.load_card("graphite", quick=quick).with_values(equal),
        "nmc111": kal.load_card("nmc111", quick=quick).with_values(equal),
        SWAPPED: kal.load_card("nmc111", quick=quick).with_values(equal | SWAP),
    }


def main(arguments: list[str]) -> None:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/two_materials"))
    quick = "--quick" in arguments
    print("in all cards: " + ", ".join(f"{key} = {value}" for key, value in settings(quick=quick).items()))
    pressed = {}
    for name, card in cards(quick=quick).items():
        with progress_display() as show:
            study = kal.Study(card, folder / name.replace(" ", "_")).run(until="press", on_progress=show)
        pressed[name] = study.data("press")
        print_press(name, card, pressed[name], head=name == "graphite")
    print_flakes(cards(quick=quick)["graphite"], pressed["graphite"])
    print_cracked(pressed["nmc111"])


def print_press(name: str, card: kal.Card, pressed: Data, *, head: bool) -> None:
    """How far a coating densifies and springs back, and how its contacts flatten."""
    if head:
        print(
            f"{'material':18} {'MPa':>6}  porosity before, loaded, released  thinner by  springback  bonds broken  "
            "contacts  largest overlap/R"
        )
    for row in press_answer(card, pressed):
        thinner = 1.0 - row["thickness_loaded_m"] / row["thickness_before_m"]
        print(
            f"{name:18} {in_unit(row['stress_Pa'], 'MPa'):6.2f}  {card.electrode.porosity:15.3f}, "
            f"{row['porosity_loaded']:6.3f}, {row['porosity_released']:8.3f}  {thinner:10.3f}  "
            f"{row['springback']:10.3f}  {row['broken_bond_fraction']:12.3f}  {row['coordination']:8.2f}  "
            f"{overlap(pressed, row['stress_Pa']):17.3f}"
        )


def overlap(pressed: Data, stress: float) -> float:
    """Largest overlap over the smaller radius under a stress [Pa], mean of the replicas."""
    frames, boxes = pressed.tables["frames"], pressed.tables["boxes"]
    ends = [loaded_and_released(frames, box)[0] for box in (boxes["stress"] == stress).nonzero()[0]]
    return float(frames["overlap_ratio"][ends].mean())


def print_flakes(card: kal.Card, pressed: Data) -> None:
    """How flakes lie."""
    for row in press_answer(card, pressed):
        lying = [row[f"orientation_{state}"] for state in ("before", "loaded", "released")]
        print(
            f"flakes at {in_unit(row['stress_Pa'], 'MPa'):.2f} MPa: a_zz {lying[0][2]:.3f} before, "
            f"{lying[1][2]:.3f} under load, {lying[2][2]:.3f} released; "
            f"a_xx {lying[0][0]:.3f}, {lying[1][0]:.3f}, {lying[2][0]:.3f}"
        )


def print_cracked(pressed: Data) -> None:
    """Share of the NMC particles that crack, by every criterion and by size; graphite flows and has no strength."""
    rows = criteria_answer(pressed)
    for stress in dict.fromkeys(row["stress_Pa"] for row in rows):
        shares = [row["cracked_number_fraction"] for row in rows if row["stress_Pa"] == stress]
        named = ", ".join(f"{100.0 * share:.2f} by {CRITERION_NAMES[name]}" for name, share in zip(CRITERIA, shares))
        print(f"nmc111 at {in_unit(stress, 'MPa'):.2f} MPa cracked (% of the particles): {named}")
        classes = size_classes_of(pressed, stress)
        by_size = zip(in_unit(classes.diameter, "um"), classes.cracked[list(CRITERIA).index("largest_force")])
        print("  by largest force: " + ", ".join(f"{d:.1f} um {100.0 * share:.1f}" for d, share in by_size))


if __name__ == "__main__":
    main(script_arguments(__doc__))
