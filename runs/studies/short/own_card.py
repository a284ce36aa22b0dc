"""A card with values of your own: what the modulus of the binder does to porosity and springback.

python runs/studies/short/own_card.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.runs.shell.script import folder_and_size


def main(folder: Path, quick: bool) -> dict[str, kal.Curve]:
    card = kal.load_card("nmc111", quick=quick).with_values({"press.stress": ["5 MPa", 15e6], "boxes.replicas": 2})
    found = {}
    for modulus in ("0.1 GPa", "0.3 GPa", "0.9 GPa"):
        stiff = card.with_values({"binder.modulus": modulus})
        curve = kal.compress(kal.pack(stiff), kal.Path.of(stiff))  # the press of the card: speed, stresses, release
        released = curve.released(15e6)
        print(f"binder {modulus}: porosity {released.porosity} after 15 MPa, springback {released.springback}, "
              f"{released.broken_bond_fraction:.0%} of the bonds broken")  # fmt: skip
        curve.save(folder / f"binder_{modulus.replace(' ', '_')}.h5")  # kal.Curve.load reads it
        found[modulus] = curve
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
