"""What friction does to a press: five copies of one bed, each with its own friction, side by side in one batch.

python runs/studies/short/friction_sweep.py [FOLDER] [--quick]
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size
from kalander.runs.studies.short.press_own_spheres import loose_spheres

FRICTION = (0.0, 0.1, 0.2, 0.3, 0.5)
STRESS = 10e6  # Pa


def main(folder: Path, quick: bool) -> dict[float, float]:
    position, radius, box = loose_spheres(4 if quick else 9)
    soft = kal.Material(modulus="14 GPa", poisson=0.3, density="4.7 g/cm^3", restitution=0.3)
    bed = kal.Packing(position=position, radius=radius, box_size=box, material=soft)
    beds = [bed.with_values({"contact.friction": friction}) for friction in FRICTION]
    curve = kal.compress(beds, kal.Path.press_and_release(STRESS, inertial_number=5e-3 if quick else 1e-3))

    porosity = dict(zip(FRICTION, curve.loaded(STRESS).porosity.values))
    for friction, value in porosity.items():
        print(f"friction {friction:g}: porosity {value:.3f} at {in_unit(STRESS, 'MPa'):g} MPa")
    axes = curve.plot("porosity")
    axes.legend(axes.lines, [f"friction {friction:g}" for friction in FRICTION])
    axes.figure.savefig(folder / "friction.png")
    return porosity


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
