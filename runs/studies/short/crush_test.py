"""A crush test in this engine: single particles of NMC111 between rigid platens, and the force at which each criterion
cracks them over the measured one, 0.9 F/d^2 = strength of that size.

python runs/studies/short/crush_test.py [FOLDER] [--quick]
"""

from pathlib import Path

import numpy as np

import kalander.runs as kal
from kalander.coupling.scales import in_si, in_unit, material_of
from kalander.dem.fracture.criteria import CRITERIA
from kalander.runs.shell.script import folder_and_size


def main(folder: Path, quick: bool) -> dict[str, np.ndarray]:
    card = kal.load_card("nmc111")
    diameter = np.array([2.0, 7.5, 20.0])[: 1 if quick else 3]  # um
    force = material_of(card).crushing_strength(diameter) * diameter**2 / 0.9  # uN
    contact = card.contact.model_copy(update={"restitution": card.restitution})
    laws = {"material": card.electrode.active, "contact": contact, "fracture": card.fracture}
    rigid = kal.Material(modulus="1e4 GPa", poisson=0.3, density="4.7 g/cm^3", restitution=0.25)
    failed = {name: np.full(len(diameter), np.inf) for name in CRITERIA}
    for row, size in enumerate(in_si(diameter, "um")):
        place, full = np.array([[1.5, 1.5, 0.5]]) * size, force[row] / (3 * diameter[row]) ** 2
        bed = kal.Packing(position=place, radius=size / 2, box_size=[3 * size, 3 * size, size], platens=rigid, **laws)
        press = kal.Leg(speed="0.2 m/s", until={"stress": in_si(2.0 * full, "MPa")})
        curve = kal.compress(bed, kal.Path([press], frames={"every_steps": 100}))
        for name in CRITERIA:
            over = np.flatnonzero(curve.frames[f"cracked_{name}"] > 0.0)[:1]
            failed[name][row] = min(in_unit(curve.pressure[over], "MPa") / full, default=np.inf)
    for name, values in {"diameter (um)": diameter, "measured force (uN)": force, **failed}.items():
        print(f"{name:>20}" + "".join(f"{one:10.4g}" for one in values))
    return failed


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
