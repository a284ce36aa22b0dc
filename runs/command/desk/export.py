"""`kalander export DIR --format …`: a study in files that other tools open."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "export"]

EXAMPLE = "kalander export studies/nmc111 --format csv,vtkhdf,lammps-dump,svg -o exported"


def export(
    folder: Annotated[Path, typer.Argument(help="study folder")],
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            help="several with commas: csv, parquet (tables); vtkhdf, lammps-data, lammps-dump, xyz (particles); "
            "tiff (voxels); svg, pdf (figures); pybamm, bpx (cells of the pressed states, extra `cell`)",
        ),
    ] = "csv",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="folder for the files; DIR/exports if not given")
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Write tables, particles, voxels, figures, cells of a study for ParaView, LAMMPS, OVITO, PyBaMM and others."""

    def work() -> dict[str, Any]:
        from kalander.coupling.exports.write import FORMATS, formats_of
        from kalander.coupling.exports.write import export as write
        from kalander.coupling.results.study import Study
        from kalander.runs.page.report import write_figures
        from kalander.twin.cell.export import CELL_FORMATS, export_cells, refuse_missing

        figures = ("svg", "pdf")
        wanted = formats_of(formats, [*FORMATS, *figures, *CELL_FORMATS])
        cells = [one for one in wanted if one in CELL_FORMATS]
        refuse_missing(cells)  # before the work
        into = output or folder / "exports"
        study = Study.open(folder)
        files = write(study, [one for one in wanted if one in FORMATS], into)
        files += export_cells(study, cells, into)
        files += write_figures(study, into, [one for one in wanted if one in figures])
        return {"study": str(folder), "files": [str(path) for path in files]}

    def show(done: dict[str, Any]) -> None:
        for path in done["files"]:
            print(path)

    answer(work, json_output, debug, show=show)
