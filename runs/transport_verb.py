"""`kalander transport IMAGE`: porosity, tortuosity and MacMullin number of a voxel image or a packing."""

import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kalander.coupling.images import (
    ACTIVE,
    AXES,
    PORE,
    Spheres,
    VoxelImage,
    axes_of,
    check_memory,
    phases_of,
    read_image,
    voxel_size,
)
from kalander.kernels.errors import Fault, InputError

if TYPE_CHECKING:
    from kalander.coupling.ionic import Transport

__all__ = ["TOLERANCES", "transport_image"]

TOLERANCES = (1e-13, 0.1)  # relative errors of the flux that can be asked for


def transport_image(
    path: Path,
    *,
    voxel: str | None,
    axis: str = "all",
    phase: str = "1",
    periodic: bool = False,
    dataset: str | None = None,
    tolerance: float = 1e-6,
    device: str = "auto",
    precision: str = "f64",
    threads: int | None = None,
    allow_software: bool = False,
) -> dict[str, Any]:
    """Answer of the contract. Raises InputError before the device starts, DeviceError, NumericalError."""
    started = time.monotonic()
    if not TOLERANCES[0] <= tolerance <= TOLERANCES[1]:
        allowed = f"{TOLERANCES[0]:g} to {TOLERANCES[1]:g}, relative"
        raise InputError(Fault("--tolerance", tolerance, "is no error of a flux", allowed))
    source = read_image(path, dataset=dataset)
    image = source if isinstance(source, VoxelImage) else None
    axes, phases, size = axes_of(axis, image), phases_of(phase, image), voxel_size(voxel, image)
    sides = (periodic, periodic, periodic)
    if isinstance(source, Spheres):
        _check_packing(source, phases, size)

    # the kernel language is not imported for input that is refused
    from kalander.coupling.ionic import measure
    from kalander.coupling.voxelise import Body, voxelise
    from kalander.kernels import backend

    running = backend.start(device, precision, threads, allow_software=allow_software)
    where: dict[str, Any] = {"precision": precision, "on_host": running.kind == "cpu"}
    if isinstance(source, Spheres):
        # cut by the surfaces of the spheres where the pores conduct; stairs where the spheres do
        voxels = voxelise(
            Body(source.position, source.radius, source.box), size[0], exact=set(phases) == {PORE}, **where
        )
        image, size, sides = VoxelImage(source.name, voxels.labels), voxels.size, (True, True, False)
        where["open_shares"] = voxels.open_shares
        porosity = sum(voxels.fraction(label) for label in phases)
    else:
        assert image is not None
        porosity = float(np.mean(sum(image.labels == label for label in phases)))
    options: dict[str, Any] = {"size": size, "diffusivity": phases, "periodic": sides, "tolerance": tolerance, **where}
    found = {AXES[number]: measure(image.labels, axis=number, **options) for number in axes}
    return {
        "image": str(path),
        "voxel_m": size[0] if len(set(size)) == 1 else list(size),
        "shape": list(image.labels.shape),
        "porosity": porosity,
        "phases": {str(label): value for label, value in phases.items()},
        "periodic": list(sides),
        "axes": {name: axis_answer(result, porosity) for name, result in found.items()},
        "device": running.describe(),
        "wall_s": time.monotonic() - started,
        "max_rss_bytes": _peak_memory(),
    }


def _check_packing(packing: Spheres, phases: dict[int, float], size: tuple[float, float, float]) -> None:
    """Raise InputError for voxels that a packing cannot have."""
    faults = []
    if len(set(size)) != 1:
        faults.append(Fault("--voxel", list(size), "is not one length", "one length for a packing, for cubes"))
    absent = [label for label in phases if label not in (ACTIVE, PORE)]
    if absent:
        faults.append(Fault("--phase", absent[0], "has no voxel in a packing", f"{PORE} (pores), {ACTIVE} (spheres)"))
    count = np.prod(np.round(packing.box / size[0]))
    if count < 8 or (packing.box < 2 * size[0]).any():
        longest = float(packing.box.min()) / 2
        faults.append(Fault("--voxel", size[0], "leaves fewer than two voxels a side", f"at most {longest:.3g} m"))
    if faults:
        raise InputError(faults)
    check_memory("--voxel", size[0], int(count), itemsize=24)


def axis_answer(result: "Transport", porosity: float) -> dict[str, Any]:
    """One axis in the names of the contract; None where a number does not exist."""
    answer: dict[str, Any] = {
        "effective_ratio": result.ratio,
        "tortuosity": result.tortuosity(porosity),
        "macmullin": result.macmullin(),
        "percolates": result.percolates,
        "iterations": result.iterations,
        "flux_error": result.flux_error,
    }
    return answer if result.reason is None else {**answer, "reason": result.reason}


def _peak_memory() -> int:
    """Largest memory this process has held [bytes]."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
