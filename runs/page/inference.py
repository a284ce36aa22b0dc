"""The figures of `kalander infer`, and its law in a study's folder."""

from pathlib import Path

from kalander.coupling.results.study import Study
from kalander.coupling.store.atomic import own_folder, replacing
from kalander.coupling.store.lock import locked
from kalander.coupling.structure.measured_law import write_law
from kalander.runs.page.law_figure import corner_figure, tortuosity_figure
from kalander.runs.page.plot_style import png
from kalander.runs.page.spectrum_figure import spectrum_figure
from kalander.twin.inference.case import answer_of, measured_law
from kalander.twin.inference.infer import Inference

__all__ = ["keep_law", "write_inference"]


def write_inference(done: Inference, folder: Path) -> list[str]:
    """PNG files in a folder: tortuosity, corner, and one a spectrum; their paths. Raises StorageError."""
    own_folder(folder, parents=True)
    law = done.law.parameters
    chosen = {name: law[name] for name in ("f", "alpha", "conductivity", "scatter")}
    figures = {"tortuosity": tortuosity_figure(measured_law(done)), "corner": corner_figure(chosen, "the law")}
    for number, one in enumerate(done.spectra, start=1):
        figures[f"spectrum_{number}"] = spectrum_figure(one)
        figures[f"spectrum_{number}_corner"] = corner_figure(one.fit.parameters, one.name)
    written = []
    for name, figure in figures.items():
        path = folder / f"{name}.png"
        with replacing(path) as handle:
            handle.write(png(figure))
        written.append(str(path))
    return written


def keep_law(done: Inference, study: Study) -> list[str]:
    """Keep the law as the transport closure of a study, and draw it beside the microstructures' own: paths written."""
    answer = answer_of(done)
    about = {name: answer[name] for name in ("model", "alpha", "f", "correlation_alpha_f", "warnings", "seed")}
    about["files"] = [one.name for one in done.spectra]
    with locked(study.folder):
        path = write_law(study.folder, measured_law(done), about)
        transport = study.data("transport")
        figures = study.folder / "figures"
        own_folder(figures)
        with replacing(figures / "tortuosity.png") as handle:
            states = None if transport is None else transport.tables["states"]
            handle.write(png(tortuosity_figure(measured_law(done), states)))
    return [str(path), str(figures / "tortuosity.png")]
