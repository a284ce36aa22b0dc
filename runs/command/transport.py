"""`kalander transport IMAGE`: what a voxel image or a packing lets through."""

from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, DeviceName, Json, Precision, Software, Threads

__all__ = ["EXAMPLE", "transport"]

EXAMPLE = 'kalander transport image.npy --voxel "0.5 um" --axis all --json'


def transport(
    image: Annotated[
        str,  # a Path would turn "" into the folder one stands in
        typer.Argument(help="npy, npz, TIFF stack, HDF5, folder of slices; or a packing (npz, LAMMPS, pack.h5)"),
    ],
    voxel: Annotated[str | None, typer.Option(help='voxel size: "0.5 um", or "0.5 um, 0.5 um, 1 um"')] = None,
    axis: Annotated[str, typer.Option(help="x, y, z, several with commas, or all")] = "all",
    phase: Annotated[str, typer.Option(help='label that conducts, or labels with diffusivities: "1, 2=0.33"')] = "1",
    periodic: Annotated[bool, typer.Option("--periodic", help="sides wrap around; else nothing goes through")] = False,
    dataset: Annotated[
        str | None, typer.Option(help="dataset of an HDF5 file, or series of a TIFF, of several")
    ] = None,
    length_unit: Annotated[str | None, typer.Option(help='unit of the lengths in a LAMMPS file: "1 um"')] = None,
    replica: Annotated[int, typer.Option(help="packing of a study's pack.h5")] = 0,
    tolerance: Annotated[float, typer.Option(help="relative error of the flux")] = 1e-6,
    device: DeviceName = "auto",
    precision: Precision = "f64",
    threads: Threads = None,
    allow_software: Software = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Porosity, effective diffusivity, tortuosity and MacMullin number of a voxel image or a packing."""

    def work() -> dict[str, Any]:
        from kalander.coupling.results.transport import transport_image

        return transport_image(
            image, voxel=voxel, axis=axis, phase=phase, periodic=periodic, dataset=dataset, length_unit=length_unit,
            replica=replica, tolerance=tolerance, device=device, precision=precision, threads=threads,
            allow_software=allow_software,
        )  # fmt: skip

    answer(work, json_output, debug)
