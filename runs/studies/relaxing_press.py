"""A bed with a viscoelastic binder, pressed as fast as a pilot calender and as slowly as a hand press, then held.

python runs/studies/relaxing_press.py [FOLDER] [--quick]
packs an NMC111 coating, presses it to 5 % strain at two speeds of the
material clock, holds it for 10 s, and prints how much stress is left. Bonds relax by a series that is typical of PVDF
(commonly quoted: 20 to 50 % of the stress over 1 to 100 s); it stands for no measured binder.
"""

import csv
from pathlib import Path

from kalander.runs import api
from kalander.runs.shell.script import script_arguments

CASE = """\
[[material]]
name = "nmc111"

[contact]
friction = 0.3

[plates]
material = "nmc111"

[binder]
modulus = "0.3 GPa"
strength = "34 MPa"
bridging_distance = "0.5 um"     # a packing file holds spheres alone: bridges are laid anew between close ones,
volume_fraction = 0.2            # and hold this share of the bed, the pores in the binder included
relaxation = [{{ weight = 0.1, time = "10 ms" }}, {{ weight = 0.1, time = "1 s" }}, {{ weight = 0.15, time = "30 s" }}]

[[path]]
plate_speed = "{plate}"
material_speed = "{press}"
until = {{ strain = 0.05 }}

[[path]]
hold = "10 s"
until = {{ steps = {rest} }}
"""


def main(arguments: list[str]) -> None:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/relaxing_press"))
    folder.mkdir(parents=True, exist_ok=True)
    quick = "--quick" in arguments
    card = api.load_card("nmc111", overrides={"boxes.width": "25 um" if quick else "40 um", "boxes.replicas": "1"})
    api.pack(card, folder / "packing.npz")

    for name, press in (("calender", "1 mm/s"), ("hand press", "1 um/s")):
        case = CASE.format(plate="2 m/s" if quick else "0.5 m/s", press=press, rest=4000 if quick else 20000)
        (folder / "case.toml").write_text(case)
        curve = folder / f"{name.replace(' ', '_')}.csv"
        answer = api.compact(folder / "packing.npz", folder / "case.toml", curve)
        with curve.open() as file:
            stress = [float(row["plate_stress_Pa"]) / 1e6 for row in csv.DictReader(file)]
        print(
            f"{name}: {max(stress):.2f} MPa at {answer['strain_max']:.3f}, {stress[-1]:.2f} MPa after "
            f"{answer['material_time_s']:.2f} s, energy balance open by {abs(answer['energy_error']):.1%}"
        )


if __name__ == "__main__":
    main(script_arguments(__doc__))
