"""Moduli of NMC and graphite coatings before and after calendering, and in tension over compression in plane.

python runs/studies/short/moduli_of_coatings.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size


def tell(name: str, found: kal.Stiffness) -> None:
    """Young's moduli in plane and through with their scatter over the boxes, and their ratio."""
    pairs = {key: found.constants[key] for key in ("E_x", "E_y", "E_z")}
    moduli = [f"{key} {in_unit(one, 'MPa'):.0f} ± {in_unit(sd, 'MPa'):.0f}" for key, (one, sd) in pairs.items()]
    ratio, spread = found.anisotropy
    print(f"{name}: {', '.join(moduli)} MPa, in plane over through {ratio:.2f} ± {spread:.2f}. {found.statement}")


def main(folder: Path, quick: bool) -> dict[str, kal.Stiffness]:
    found = {}
    for name in ("nmc111",) if quick else ("nmc111", "graphite"):
        card = kal.load_card(name, quick=quick)
        beds = kal.pack(card)
        curve = kal.compress(beds, kal.Path.of(card))
        found[name] = kal.stiffness(beds)
        tell(f"{name} as laid", found[name])
        for stress in curve.stresses[-1:] if quick else curve.stresses:
            pressed, label = curve.beds_from(stress), f"{name} {in_unit(stress, 'MPa'):.4g} MPa"
            found[label] = kal.stiffness(pressed)
            tell(label, found[label])
            pulled = kal.pull(pressed[:1] if quick else pressed, strain=5e-4 if quick else 5e-3)
            print(f"  porosity {curve.released(stress).porosity}, {pulled.to_dict()}")
        pulled.plot().figure.savefig(folder / f"pulled_{name}.png")
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
