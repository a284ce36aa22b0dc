"""Strain a pressed bed six ways: its stiffness under pressure, from twelve copies of it in one batch.

python runs/studies/short/six_strains.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size
from kalander.runs.studies.short.press_own_spheres import loose_spheres


def main(folder: Path, quick: bool) -> dict[str, kal.Stiffness]:
    position, radius, box = loose_spheres(4 if quick else 8)
    soft = kal.Material(modulus="14 GPa", poisson=0.3, density="4.7 g/cm^3", restitution=0.3)
    bed = kal.Packing(position=position, radius=radius, box_size=box, material=soft, contact={"friction": 0.5})
    found = {}
    for stress in ("20 MPa",) if quick else ("5 MPa", "20 MPa", "80 MPa"):
        curve = kal.compress(bed, [
            kal.Leg(speed="2 m/s", until={"solid_fraction": 0.5}),  # loose spheres are brought together fast
            kal.Leg(stress=stress, speed="1 m/s"),  # and held under the stress until it has settled
        ])  # fmt: skip
        moduli = kal.stiffness(curve.beds[0], stress=stress)
        through, flat, shear = (in_unit(one, "MPa") for one in (moduli.through, moduli.in_plane, moduli.shear))
        print(f"{stress}: through the bed {through:.0f} MPa, in plane {flat:.0f} MPa, "
              f"in shear {shear:.0f} MPa, {moduli.asymmetry:.1%} off symmetry")  # fmt: skip
        found[stress] = moduli
    moduli.plot().figure.savefig(folder / "stiffness.png")
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
