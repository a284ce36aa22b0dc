"""Homogenise a coating: loading, recovery, yield and strength by relative density, with their scatter over the seeds.

python runs/studies/short/homogenised_coating.py [FOLDER] [--quick]
"""

from pathlib import Path

import numpy as np

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size


def main(folder: Path, quick: bool) -> dict[str, float]:
    study = kal.Study(kal.load_card("nmc111"), folder / "study").run(until="closure")
    coating = kal.homogenise(study, probe=not quick)  # probed: pressed once more, four ways until it yields
    free, densest = coating.densities
    density = np.linspace(free, densest, 6)
    pressure, recovery = coating.at("pressure", density), coating.at("recovery", density)
    for row, one in enumerate(density):
        print(
            f"relative density {one:.3f}: {in_unit(pressure.value[row], 'MPa'):.4g} "
            f"± {in_unit(pressure.deviation[row], 'MPa'):.2g} MPa, gives back {recovery.value[row]:.3f}"
        )
    beyond = coating.at("pressure", densest + 0.05)
    said = "known" if beyond.inside else "flagged"
    print(f"0.05 denser: {in_unit(beyond.value, 'MPa'):.4g} MPa, the value of the end, {said}")
    if "yield_pressure" in coating.known:
        cap = coating.cap(float(coating.knots["yield_pressure"].density[-1]))
        print(f"cap: p_c {in_unit(cap.p_c, 'MPa'):.3g} MPa (Cauchy), M {cap.slope:.2f}, chi {cap.shift:.2g}")
    return {"pressure": float(pressure.value[-1]), "inside": float(beyond.inside)}


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
