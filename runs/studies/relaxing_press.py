"""A bed with a viscoelastic binder, pressed as fast as a pilot calender and as slowly as a hand press, then held.

python runs/studies/relaxing_press.py [FOLDER] [--quick]
packs an NMC111 coating, presses it to 5 % strain at two speeds of the
material clock, holds it for 10 s, and prints how much stress is left. Bonds relax by a series that is typical of PVDF
(commonly quoted: 20 to 50 % of the stress over 1 to 100 s); it stands for no measured binder.
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import script_arguments

BINDER = {
    "modulus": "0.3 GPa",
    "strength": "34 MPa",
    "bridging_distance": "0.5 um",  # bridges are laid anew between close spheres,
    "volume_fraction": 0.2,  # and hold this share of the bed, the pores in the binder included
    "relaxation": [
        {"weight": 0.1, "time": "10 ms"}, {"weight": 0.1, "time": "1 s"}, {"weight": 0.15, "time": "30 s"},
    ],
}  # fmt: skip


def main(arguments: list[str]) -> None:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/relaxing_press"))
    folder.mkdir(parents=True, exist_ok=True)
    quick = "--quick" in arguments
    card = kal.load_card("nmc111").with_values({"boxes.width": "25 um" if quick else "40 um", "boxes.replicas": 1})
    (dried,) = kal.pack(card)
    bed = kal.Packing(
        position=dried.position, radius=dried.radius, box_size=dried.box_size, material="nmc111", binder=BINDER
    )

    for name, press in (("calender", "1 mm/s"), ("hand press", "1 um/s")):
        speed = "2 m/s" if quick else "0.5 m/s"
        curve = kal.compress(bed, [
            kal.Leg(speed=speed, material_speed=press, until={"strain": 0.05}),
            kal.Leg(hold="10 s", until={"steps": 4000 if quick else 20000}),
        ])  # fmt: skip
        stress, frames = in_unit(curve.pressure, "MPa"), curve.frames
        print(
            f"{name}: {stress.max():.2f} MPa at {frames['strain'].max():.3f}, {stress[-1]:.2f} MPa after "
            f"{frames['material_time'][-1]:.2f} s, energy balance open by {curve.energy_error[0]:.1%}"
        )
        curve.save(folder / f"{name.replace(' ', '_')}.csv")


if __name__ == "__main__":
    main(script_arguments(__doc__))
