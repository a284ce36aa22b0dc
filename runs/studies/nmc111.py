"""The NMC111 cathode of Sangrós Giménez et al. (2019): pressed, homogenised, rolled.

python runs/studies/nmc111.py [FOLDER] [--quick]
does what `kalander run nmc111` does, and shows how to do it from Python.
"""

from pathlib import Path

from kalander.coupling.results.pressed import press_answer
from kalander.runs import api
from kalander.runs.shell.progress import progress_display
from kalander.runs.shell.script import script_arguments


def main(arguments: list[str]) -> None:
    folder = Path(next((text for text in arguments if not text.startswith("-")), "studies/nmc111"))
    card = api.load_card("nmc111", quick="--quick" in arguments)

    with progress_display() as show:
        study = api.run(card, folder, on_progress=show)

    for row in press_answer(card, study.pressed):
        scatter = "" if row["porosity_sd"] is None else f" (sd {row['porosity_sd']:.3f})"
        print(
            f"{row['stress_Pa'] / 1e6:7.2f} MPa: porosity {row['porosity_loaded']:.3f} under load, "
            f"{row['porosity_released']:.3f} released{scatter}, springback {row['springback']:.3f}"
        )
    settings = study.rolled.tables["settings"]
    for name, load, gap in zip(settings["name"], settings["line_load"], settings["set_gap"], strict=True):
        print(f"{name}: {load / 1e3:.0f} N/mm at a set gap of {gap * 1e6:.0f} um")
    print(f"report: {study.report}")


if __name__ == "__main__":
    main(script_arguments(__doc__))
