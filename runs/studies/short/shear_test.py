"""A shear test of a bed without walls: brought together, held at 2 MPa, sheared; its angle of friction.

python runs/studies/short/shear_test.py [FOLDER] [--quick]
"""

from pathlib import Path

import numpy as np

import kalander.runs as kal
from kalander.runs.shell.script import folder_and_size
from kalander.runs.studies.short.press_own_spheres import loose_spheres


def main(folder: Path, quick: bool) -> float:
    position, radius, box = loose_spheres(4 if quick else 9)
    soft = kal.Material(modulus="14 GPa", poisson=0.3, density="4.7 g/cm^3", restitution=0.3)
    bed = kal.Packing(position=position, radius=radius, box_size=box, material=soft)
    bed = bed.periodic().with_values({"contact.friction": 0.5, "step.safety": 0.1})
    curve = kal.compress(bed, kal.Path([
        kal.Leg(rate=2e4, until={"solid_fraction": 0.55}),  # 1/s: loose spheres are brought together fast
        kal.Leg(stress="2 MPa"),  # of all axes, until it has settled
        kal.Leg(rate={"xz": 5e4 if quick else 4e3}, stress="2 MPa", until={"strain_xz": 0.08 if quick else 0.3}),
    ]))  # fmt: skip
    frames = curve.frames
    late = slice(-10, None)
    angle = float(np.degrees(np.arctan((frames["stress_xz"] / frames["stress_zz"])[late].mean())))
    print(f"angle of friction {angle:.1f} deg, solid fraction {frames['solid_fraction'][-1]:.3f}, "
          f"energy balance open by {np.abs(frames['energy_error']).max():.2%}")  # fmt: skip
    curve.plot("strain_xz", "stress_xz").figure.savefig(folder / "shear.png")
    return angle


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
