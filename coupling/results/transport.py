"""`kalander transport IMAGE`: porosity, tortuosity and MacMullin number of a voxel image or a packing."""

import logging
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kalander.coupling.cards.quantity import QuantityError, parse_quantity
from kalander.coupling.cases.compact import PackingNotes
from kalander.coupling.packings.image_files import read_image
from kalander.coupling.packings.spheres import Spheres
from kalander.coupling.results.conduct import TOLERANCES, Asked, about_shape, conduct, packing_warnings
from kalander.coupling.results.devices import started as start_device
from kalander.coupling.structure.images import VoxelImage, axes_of, phases_of, spacing_overruled, voxel_size
from kalander.kernels.errors import Fault, InputError

if TYPE_CHECKING:
    from kalander.coupling.structure.ionic import Transport

__all__ = ["transport_image"]

log = logging.getLogger("kalander")

POROSITY = "volume of the phases that conduct, each by the pores in it (porosity_of_phases)"


def transport_image(
    path: Path | str,
    *,
    voxel: str | None,
    axis: str = "all",
    phase: str = "1",
    periodic: bool = False,
    dataset: str | None = None,
    length_unit: str | None = None,
    replica: int = 0,
    tolerance: float = 1e-6,
    device: str = "auto",
    precision: str = "f64",
    threads: int | None = None,
    allow_software: bool = False,
) -> dict[str, Any]:
    """Answer of the contract. Raises InputError before the device starts, DeviceError, NumericalError.

    length_unit: of a LAMMPS file, "1 um". replica: of a study's pack.h5.
    """
    started = time.monotonic()
    if not str(path).strip():  # a Path would turn it into the folder one stands in
        raise InputError(Fault("IMAGE", str(path), "names no file", "the path of an image or a packing"))
    path = Path(path)
    if not TOLERANCES[0] <= tolerance <= TOLERANCES[1]:
        allowed = f"{TOLERANCES[0]:g} to {TOLERANCES[1]:g}, relative"
        raise InputError(Fault("--tolerance", tolerance, "is no error of a flux", allowed))
    source = read_image(path, _notes(length_unit, replica), dataset=dataset)
    image = source if isinstance(source, VoxelImage) else None
    if image is not None and length_unit is not None:
        raise InputError(Fault("--length-unit", length_unit, "is given for an image", "a packing of LAMMPS; --voxel"))
    axes, phases, size = axes_of(axis, image), phases_of(phase, image), voxel_size(voxel, image)
    sides = (periodic, periodic, periodic)
    if isinstance(source, Spheres):
        warnings = packing_warnings(path.name, source, phases, size, str(voxel))
        if periodic:
            warnings.append("--periodic: a packing repeats along x and y, and ends at its platens along z, in any case")
    else:
        warnings = [
            f"{path.name}: {note}" for note in (*source.notes, *about_shape(source), *spacing_overruled(source, size))
        ]

    running, _, _ = start_device(device, precision, threads, allow_software)
    for warning in warnings:
        log.warning(warning)
    asked = Asked(axes, phases, size, sides, tolerance, precision)
    done = conduct(source, asked, on_host=running.kind == "cpu", voxel=str(voxel))
    return {
        "image": str(path),
        "voxel_m": done.size[0] if len(set(done.size)) == 1 else list(done.size),
        "shape": list(done.shape),
        "porosity": done.porosity,
        "porosity_definition": POROSITY,
        "phases": {str(label): value for label, value in phases.diffusivity.items()},
        "porosity_of_phases": {str(label): value for label, value in phases.pores.items()},
        "phase_fractions": {str(label): value for label, value in done.fractions.items()},
        "periodic": list(done.sides),
        "axes": {name: axis_answer(result, done.porosity) for name, result in done.found.items()},
        "warnings": warnings,
        "device": running.describe(),
        "wall_s": time.monotonic() - started,
        "max_rss_bytes": _peak_memory(),
    }


def axis_answer(result: "Transport", porosity: float) -> dict[str, Any]:
    """One axis in the names of the contract; None where a number does not exist."""
    answer: dict[str, Any] = {
        "effective_ratio": result.ratio,
        "tortuosity": result.tortuosity(porosity),
        "macmullin": result.macmullin(),
        "percolates": result.percolates,
        "iterations": result.iterations,
        "flux_error": result.flux_error,
        "flux_imbalance": result.flux_imbalance,
    }
    return answer if result.reason is None else {**answer, "reason": result.reason}


def _notes(length_unit: str | None, replica: int) -> PackingNotes:
    """What the options say of a packing. Raises InputError."""
    unit, faults = None, []
    if length_unit is not None:
        try:
            unit = parse_quantity(length_unit, "length")
        except QuantityError as error:
            faults.append(Fault("--length-unit", length_unit, error.why, error.allowed, error.nearest))
        if unit is not None and not 1e-12 <= unit <= 1.0:
            faults.append(Fault("--length-unit", length_unit, "is no unit of length", "1e-12 m to 1 m"))
    if replica < 0:
        faults.append(Fault("--replica", replica, "is no packing of a study", "at least 0"))
    if faults:
        raise InputError(faults)
    return PackingNotes.model_construct(length_unit=unit, replica=replica)


def _peak_memory() -> int:
    """Largest memory this process has held [bytes]."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
