"""Press spheres of your own: places and radii from anywhere, here a shaken grid, between two platens and back.

python runs/studies/short/press_own_spheres.py [FOLDER] [--quick]
"""

from pathlib import Path

import numpy as np

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size


def loose_spheres(side: int, seed: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places, radii and box [m] of side^3 spheres of 8 to 12 um on a shaken grid, at a solid fraction of 0.37."""
    rng = np.random.default_rng(seed)
    radius = rng.uniform(4e-6, 6e-6, side**3)
    pitch = 1.04 * 2 * radius.max()
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3), -1).reshape(-1, 3) + 0.5
    return grid * pitch + rng.uniform(-0.01, 0.01, (side**3, 3)) * pitch, radius, np.full(3, side * pitch)


def main(folder: Path, quick: bool) -> kal.Curve:
    position, radius, box = loose_spheres(4 if quick else 9)
    nmc = kal.Material(modulus="142 GPa", poisson=0.25, density="4.7 g/cm^3", restitution=0.3)
    bed = kal.Packing(position=position, radius=radius, box_size=box, material=nmc, stiffness_scale=0.1)
    speed = 5e-3 if quick else 1e-3
    curve = kal.compress(bed, kal.Path.press_and_release(["10 MPa", "20 MPa"], inertial_number=speed))
    for stress in curve.stresses:
        pressed, back = curve.loaded(stress).porosity, curve.released(stress)
        print(f"{in_unit(stress, 'MPa'):g} MPa: porosity {pressed:.3f} under load, {back.porosity:.3f} released")
    curve.plot().figure.savefig(folder / "curve.png")
    curve.save(folder / "curve.csv")
    curve.beds[-1].save(folder / "pressed.npz")
    return curve


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
