"""The NMC111 cathode of Sangrós Giménez et al. (2019): pressed, homogenised, rolled.

python runs/studies/nmc111.py [FOLDER] [--quick]
does what `kalander run nmc111` does, and shows how to do it from Python.
"""

from pathlib import Path

import kalander.runs as kal
from kalander.runs.shell.progress import progress_display
from kalander.runs.shell.script import script_arguments


def main(arguments: list[str]) -> None:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/nmc111"))
    with progress_display() as show:
        study = kal.run(kal.load_card("nmc111", quick="--quick" in arguments), folder, on_progress=show)

    for stress in study.press.stresses:
        loaded, released = study.press.loaded(stress), study.press.released(stress)
        print(
            f"{stress / 1e6:7.2f} MPa: porosity {loaded.porosity:.3f} under load, {released.porosity:.3f} released "
            f"(sd {released.porosity.scatter:.3f}), springback {released.springback:.3f}"
        )
    for setting in study.nip:
        print(f"{setting.name}: {setting.line_load / 1e3:.0f} N/mm at a set gap of {setting.set_gap * 1e6:.0f} um")
    print(f"report: {study.folder / 'report.html'}")


if __name__ == "__main__":
    main(script_arguments(__doc__))
