"""A finished study read and drawn beside measured points: porosity against pressure with its scatter.

python runs/studies/short/beside_measured.py [STUDY] [--quick]
STUDY is the folder of a study, here of the card nmc111; it is computed first where it is not there.
"""

from pathlib import Path

from matplotlib.axes import Axes

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.script import folder_and_size


def main(folder: Path, quick: bool) -> Axes:
    if not (folder / "study.h5").exists():
        kal.run(kal.load_card("nmc111", quick=quick), folder)
    study = kal.Study.open(folder)
    axes = study.press.plot("pressure", "porosity")
    for stress in study.press.stresses:
        released, pressure = study.press.released(stress), in_unit(stress, "MPa")
        print(f"{pressure:g} MPa: porosity {released.porosity} released, springback {released.springback}")
        axes.errorbar(pressure, released.porosity, released.porosity.scatter, fmt="ko", mfc="w", capsize=3)
    for point in study.card.published:
        if point.porosity is not None and point.stress:
            measured = in_unit(point.stress, "MPa")
            axes.plot(measured, point.porosity, "D", color="C1", label=f"measured: {point.name}")
    axes.set(xscale="log", xlim=(0.5, None), title="lines: replicas under load; circles: released")
    axes.legend()
    axes.figure.savefig(folder / "beside_measured.png")
    return axes


if __name__ == "__main__":
    main(*folder_and_size(__doc__))
