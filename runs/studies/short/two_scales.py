"""Hot rolls on a coating of two layers: the nip and the particles talk until they agree; both sides differ.

python runs/studies/short/two_scales.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.display import axes_or_new
from kalander.coupling.scales import celsius, in_unit
from kalander.runs.shell.script import folder_and_size


def layer(name: str, binder: float) -> dict:
    """Half of the coating; binder has moved towards the roll side as the film dried."""
    shares = {"active": 0.94 - binder, "graphite": 0.02, "carbon": 0.04, "binder": binder}
    return {"name": name, "share": 0.5, "set": {"electrode": {"mass_fractions": shares}}}


# the modulus of PVDF halves by 80 degC; at 60 m/min the heat of the rolls comes no farther than into the roll side
HOT = {
    "binder.softening": "0.012 1/K", "calender.roll_temperature": "120 degC", "calender.speed": "60 m/min",
    "multiscale": {"stations": 4, "layer": [layer("roll side", 0.05), layer("foil side", 0.03)]},
}  # fmt: skip


def main(folder: Path, quick: bool) -> dict:
    card = kal.load_card("nmc111", quick=quick).with_values(HOT)
    study = kal.Study(card, folder / "two_scales").run(until="loop", unreached=True)
    found = study.exchange
    for one in found["rounds"]:
        print(f"round {one['round']}: {in_unit(one['line_load_N_per_m'], 'N/mm'):.4g} N/mm, stress off by "
              f"{one['stress_miss']:.1%}, line load moves by {one['load_miss']:.2%}, strain by {one['path_miss']:.4f}; "
              f"seeds {one['noise']:.1%}")  # fmt: skip
    axes = axes_or_new()
    for place in found["stations"]:
        print(f"{place['depth']:.0%} below the roll, {celsius(place['temperature_K']):.0f} degC: porosity "
              f"{place['porosity']:.3f} ± {place['porosity_sd']:.3f}, tau_z {place['tortuosity'][2]:.2f}, sigma_z "
              f"{place['sigma_S_per_m'][2]:.2f} S/m, cracked {place['cracked']:.2%}")  # fmt: skip
        axes.errorbar(place["porosity"], place["depth"], xerr=place["porosity_sd"], fmt="o", color="C0")
    axes.set(xlabel="porosity after release", ylabel="depth below the roll over the coating", ylim=(1, 0))
    axes.figure.savefig(folder / "two_scales.png")
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
