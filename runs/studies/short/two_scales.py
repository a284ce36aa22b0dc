"""Hot rolls on a coating of two layers: nip and particles talk until they agree; roll and foil side differ.

python runs/studies/short/two_scales.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.scales import celsius, in_unit
from kalander.runs.shell.script import folder_and_size


def layer(name: str, binder: float) -> dict:
    """Half of the coating; binder has moved towards the roll side as the film dried."""
    shares = {"active": 0.94 - binder, "graphite": 0.02, "carbon": 0.04, "binder": binder}
    return {"name": name, "share": 0.5, "set": {"electrode": {"mass_fractions": shares}}}


HOT = {  # PVDF halves its modulus by 80 degC; at 60 m/min the heat of the rolls comes no farther than the roll side
    "binder.softening": "0.012 1/K", "calender.roll_temperature": "120 degC", "calender.speed": "60 m/min",
    "multiscale": {"stations": 4, "layer": [layer("roll side", 0.05), layer("foil side", 0.03)]},
}  # fmt: skip


def main(folder: Path, quick: bool) -> dict:
    card = kal.load_card("nmc111", quick=quick).with_values(HOT)
    found = kal.Study(card, folder / "two_scales").run(until="loop", unreached=True).exchange
    for one in found["rounds"]:
        load = in_unit(one["line_load_N_per_m"], "N/mm")
        print(f"round {one['round']}: {load:.2f} N/mm moves by {one['load_miss']:.2%}, strains {one['path_miss']:.4f}; "
              f"stress is off by {one['stress_miss']:.1%} (seeds: {one['noise']:.1%})")  # fmt: skip
    for one in found["stations"]:
        print(f"{one['depth']:.0%} deep, {celsius(one['temperature_K']):.0f} degC: porosity {one['porosity']:.3f} "
              f"± {one['porosity_sd'] or 0:.3f}, tau_z {one['tortuosity'][2]:.2f}, "
              f"{one['sigma_S_per_m'][2]:.2f} S/m")  # fmt: skip
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
