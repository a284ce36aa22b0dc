"""`kalander transport IMAGE`: porosity, tortuosity and MacMullin number of a voxel image or a packing."""

import logging
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kalander.coupling.cards.quantity import QuantityError, parse_quantity
from kalander.coupling.cards.voxel_checks import COARSE, COARSEST, STAIRS
from kalander.coupling.cases.compact import PackingNotes
from kalander.coupling.packings.image_files import read_image
from kalander.coupling.packings.sphere_volumes import narrow_gaps, solid_shares
from kalander.coupling.packings.spheres import Spheres, crowded
from kalander.coupling.structure.images import (
    ACTIVE,
    AXES,
    PORE,
    Phases,
    VoxelImage,
    axes_of,
    check_memory,
    phases_of,
    spacing_overruled,
    voxel_size,
)
from kalander.kernels.errors import Fault, InputError, NumericalError

if TYPE_CHECKING:
    from kalander.coupling.structure.ionic import Transport

__all__ = ["TOLERANCES", "transport_image"]

log = logging.getLogger("kalander")

TOLERANCES = (1e-13, 0.1)  # relative errors of the flux that can be asked for
SOLID_ERROR = 0.05  # of the spheres' volume in voxels that hold a centre; stairs of a tenth of a diameter err by 1 %
POROSITY = "volume of the phases that conduct, each by the pores in it (porosity_of_phases)"


def transport_image(
    path: Path,
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
        warnings = _check_packing(path.name, source, phases, size, str(voxel))
        if periodic:
            warnings.append("--periodic: a packing repeats along x and y, and ends at its plates along z, in any case")
    else:
        warnings = [
            f"{path.name}: {note}" for note in (*source.notes, *_about_shape(source), *spacing_overruled(source, size))
        ]

    # the kernel language is not imported for input that is refused
    from kalander.coupling.structure.ionic import measure
    from kalander.coupling.structure.voxelise import Body, voxelise
    from kalander.runs.devices import started as start

    running, _, _ = start(device, precision, threads, allow_software)
    for warning in warnings:
        log.warning(warning)
    where: dict[str, Any] = {"precision": precision, "on_host": running.kind == "cpu"}
    if isinstance(source, Spheres):
        # cut by the surfaces of the spheres where the pores conduct; stairs where the spheres do
        body = Body(source.position, source.radius, source.box_size)
        voxels = voxelise(body, size[0], exact=ACTIVE not in phases.diffusivity, **where)
        if ACTIVE in phases.diffusivity:
            _check_volume(source, voxels.fraction(ACTIVE), str(voxel))
        image, size, sides = VoxelImage(path.name, voxels.labels), voxels.size, (True, True, False)
        where["open_shares"] = voxels.open_shares
        fractions = {label: voxels.fraction(label) for label in phases.diffusivity}
    else:
        assert image is not None
        fractions = {label: float(np.mean(image.labels == label)) for label in phases.diffusivity}
    options: dict[str, Any] = {
        "size": size, "diffusivity": phases.diffusivity, "periodic": sides, "tolerance": tolerance, **where
    }  # fmt: skip
    found = {AXES[number]: measure(image.labels, axis=number, **options) for number in axes}
    porosity = phases.porosity(fractions)
    _check_bounds(found, phases.upper_bound(fractions), tolerance if precision == "f64" else max(tolerance, 1e-4))
    return {
        "image": str(path),
        "voxel_m": size[0] if len(set(size)) == 1 else list(size),
        "shape": list(image.labels.shape),
        "porosity": porosity,
        "porosity_definition": POROSITY,
        "phases": {str(label): value for label, value in phases.diffusivity.items()},
        "porosity_of_phases": {str(label): value for label, value in phases.pores.items()},
        "phase_fractions": {str(label): value for label, value in fractions.items()},
        "periodic": list(sides),
        "axes": {name: axis_answer(result, porosity) for name, result in found.items()},
        "warnings": warnings,
        "device": running.describe(),
        "wall_s": time.monotonic() - started,
        "max_rss_bytes": _peak_memory(),
    }


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


def _about_shape(image: VoxelImage) -> list[str]:
    """A picture in colours is an array whose last length is 3 or 4."""
    x, y, z = image.labels.shape
    return [f"has {z} voxels along z; is it a picture in colours?"] if z in (3, 4) and min(x, y) >= 16 else []


def _check_packing(
    name: str, packing: Spheres, phases: Phases, size: tuple[float, float, float], asked: str
) -> list[str]:
    """Raise InputError for voxels that a packing cannot have; what is unusual, a sentence each."""
    faults = []
    if len(set(size)) != 1:
        faults.append(Fault("--voxel", asked, "is not one length", "one length for a packing, for cubes"))
    absent = [label for label in phases.diffusivity if label not in (ACTIVE, PORE)]
    if absent:
        faults.append(Fault("--phase", absent[0], "has no voxel in a packing", f"{PORE} (pores), {ACTIVE} (spheres)"))
    shape = np.round(packing.box_size / size[0])
    count, smallest = float(np.prod(shape)), 2 * float(packing.radius.min())
    stairs = ACTIVE in phases.diffusivity
    limit = STAIRS if stairs else COARSEST
    longest = min(float(packing.box_size.min()) / 2, limit * smallest)
    if count < 8 or (packing.box_size < 2 * size[0]).any():
        faults.append(Fault("--voxel", asked, "leaves fewer than two voxels a side", f"at most {longest:.3g} m"))
    elif size[0] > limit * smallest * (1 + 1e-9) and stairs:
        why = (
            f"is more than a tenth of the smallest diameter, {smallest:.3g} m: where the spheres conduct (--phase 0), "
        )
        why += "each voxel is one or pore as a whole, and coarse ones join spheres that do not touch"
        faults.append(Fault("--voxel", asked, why, f"at most {longest:.3g} m"))
    elif size[0] > limit * smallest * (1 + 1e-9):
        why = f"is more than half of the smallest diameter, {smallest:.3g} m: pores between particles are not seen"
        faults.append(Fault("--voxel", asked, why, f"at most {longest:.3g} m; {smallest / 10:.2g} m or less is sound"))
    faults += crowded(name, packing) if stairs and not faults else []
    if faults:
        raise InputError(faults)
    check_memory("--voxel", asked, int(count), itemsize=24)
    warnings = [f"{name}: {note}" for note in packing.notes]
    if stairs and (bridged := narrow_gaps(packing, size[0]))[0]:
        touching = f"{bridged[1]} pairs touch" if bridged[1] else "no two spheres touch"
        warnings.append(
            f"--voxel: {bridged[0]} pairs of spheres stand less than a voxel of {size[0]:.3g} m apart, and {touching}; "
            "voxels bridge such gaps, so that the spheres conduct too well: compare with finer voxels"
        )
    if size[0] > COARSE * smallest * (1 + 1e-9):
        share = size[0] / smallest
        warnings.append(
            f"--voxel: {size[0]:.3g} m is {share:.2g} of the smallest diameter; above {COARSE:g} the effective ratio "
            f"is more than 1 % too large: use {smallest / 10:.2g} m"
        )
    return warnings


def _check_volume(packing: Spheres, share: float, asked: str) -> None:
    """Raise InputError for voxels that do not hold the volume of the spheres; what comes of them then is not theirs."""
    least, most = solid_shares(packing)
    if not (1 - SOLID_ERROR) * least <= share <= (1 + SOLID_ERROR) * most:
        own = f"{least:.3g}" if most - least < 1e-3 else f"{least:.3g} to {most:.3g}"
        why = f"makes {share:.3g} of the box voxels of spheres, whose own volume is {own} of it"
        raise InputError(Fault("--voxel", asked, why, "finer voxels"))


def _check_bounds(found: "Mapping[str, Transport]", most: float, tolerance: float) -> None:
    """Raise NumericalError for more than all phases side by side let through (Wiener's upper bound)."""
    for name, result in found.items():
        if result.ratio > most * (1 + 10 * tolerance) + 1e-12:
            raise NumericalError(
                f"--voxel: along {name} the effective ratio {result.ratio:.6g} is above {most:.6g}, the most that "
                f"these volumes can let through (Wiener's bound): the voxels are too coarse"
            )


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


def _peak_memory() -> int:
    """Largest memory this process has held [bytes]."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
