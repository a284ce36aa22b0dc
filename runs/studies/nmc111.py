"""The NMC111 cathode of Sangrós Giménez et al. (2019): pressed, homogenised, rolled.

python runs/studies/nmc111.py [FOLDER] [--quick]
does what `kalander run nmc111` does, and shows how to do it from Python.
"""

from pathlib import Path

import kalander.runs as kal
from kalander.coupling.scales import in_unit
from kalander.runs.shell.progress import progress_display
from kalander.runs.shell.script import script_arguments


def main(arguments: list[str]) -> None:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/nmc111"))
    with progress_display() as show:
        study = kal.run(kal.load_card("nmc111", quick="--quick" in arguments), folder, on_progress=show)

    for stress in study.press.stresses:
        loaded, released = study.press.loaded(stress), study.press.released(stress)
        print(
            f"{in_unit(stress, 'MPa'):7.2f} MPa: porosity {loaded.porosity:.3f} under load, "
            f"{released.porosity:.3f} released (sd {released.porosity.scatter:.3f}), "
            f"springback {released.springback:.3f}"
        )
    for setting in study.nip:
        load, gap = in_unit(setting.line_load, "N/mm"), in_unit(setting.set_gap, "um")
        print(f"{setting.name}: {load:.0f} N/mm at a set gap of {gap:.0f} um")
    print(f"report: {study.folder / 'report.html'}")


if __name__ == "__main__":
    main(script_arguments(__doc__))
