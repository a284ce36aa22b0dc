"""What cells with an NMC111 coating deliver, by how hard it was pressed: energy against rate.

python runs/studies/short/twin/cells_of_pressings.py [FOLDER] [--quick]

Needs PyBaMM: pip install 'kalander[cell]'.
"""

from pathlib import Path
from typing import Any

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size


def main(folder: Path, quick: bool) -> dict[str, Any]:
    card = kal.load_card("nmc111", quick=quick)
    study = kal.run(card, folder / "study")
    found = kal.cell(study, rates=(0.1, 1.0, 3.0)).answer()
    for state in found["states"]:
        pressed = in_unit(state["stress_Pa"], "MPa")
        print(f"{pressed:6.1f} MPa, porosity {state['porosity']:.3f}")
        for row in state["discharges"]:
            energy = in_unit(row["energy_density_J_per_m3"], "W h/L")
            print(f"    {row['rate_per_hour']:g} C: {energy:.0f} Wh/L, {row['delivered_share']:.1%} of the capacity")
    return found


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
