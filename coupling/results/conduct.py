"""Conduction through what was read or made: a voxel image, or spheres cut into voxels; with the checks of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kalander.coupling.cards.estimates import COARSE, COARSEST, STAIRS
from kalander.coupling.packings.sphere_volumes import narrow_gaps, solid_shares
from kalander.coupling.packings.spheres import Spheres, crowded
from kalander.coupling.structure.images import ACTIVE, AXES, PORE, Phases, VoxelImage, check_memory
from kalander.coupling.structure.microstructure import Microstructure
from kalander.kernels.errors import Fault, InputError, NumericalError

if TYPE_CHECKING:
    from kalander.coupling.structure.ionic import Transport

__all__ = ["TOLERANCES", "Asked", "Conducted", "about_shape", "conduct", "packing_warnings"]

TOLERANCES = (1e-13, 0.1)  # relative errors of the flux that can be asked for
SOLID_ERROR = 0.05  # of the spheres' volume in voxels that hold a centre; stairs of a tenth of a diameter err by 1 %


@dataclass(frozen=True)
class Asked:
    """What is asked of an image: axes from 0, what conducts, the size of a voxel [m], which sides wrap around."""

    axes: tuple[int, ...]
    phases: Phases
    size: tuple[float, float, float]
    sides: tuple[bool, bool, bool]
    tolerance: float = 1e-6
    precision: str = "f64"


@dataclass(frozen=True)
class Conducted:
    """What goes through, by axis; of which image."""

    found: "dict[str, Transport]"
    porosity: float
    fractions: dict[int, float]
    shape: tuple[int, ...]
    size: tuple[float, float, float]
    sides: tuple[bool, bool, bool]


def conduct(source: VoxelImage | Spheres | Microstructure, asked: Asked, *, on_host: bool, voxel: str) -> Conducted:
    """Solve along each axis asked for; voxel: as it was written, for messages. Raises InputError, NumericalError."""
    # the kernel language is not imported for input that is refused
    from kalander.coupling.structure.ionic import measure
    from kalander.coupling.structure.voxelise import Body, voxelise

    phases, size, sides = asked.phases, asked.size, asked.sides
    where: dict[str, Any] = {"precision": asked.precision, "on_host": on_host}
    if not isinstance(source, VoxelImage):
        # cut by the surfaces of the spheres where the pores conduct; stairs where the spheres do
        if isinstance(source, Microstructure):
            body = source.voxel_body()
        else:
            body = Body(source.position, source.radius, source.box_size)
        voxels = voxelise(body, size[0], exact=ACTIVE not in phases.diffusivity, **where)
        if ACTIVE in phases.diffusivity and isinstance(source, Spheres):
            _check_volume(source, voxels.fraction(ACTIVE), voxel)
        labels, size, sides = voxels.labels, voxels.size, (True, True, False)
        where["open_shares"] = voxels.open_shares
        fractions = {label: voxels.fraction(label) for label in phases.diffusivity}
    else:
        labels = source.labels
        fractions = {label: float(np.mean(labels == label)) for label in phases.diffusivity}
    options: dict[str, Any] = {
        "size": size, "diffusivity": phases.diffusivity, "periodic": sides, "tolerance": asked.tolerance, **where
    }  # fmt: skip
    found = {AXES[number]: measure(labels, axis=number, **options) for number in asked.axes}
    room = asked.tolerance if asked.precision == "f64" else max(asked.tolerance, 1e-4)
    _check_bounds(found, phases.upper_bound(fractions), room)
    return Conducted(found, phases.porosity(fractions), fractions, labels.shape, size, sides)


def about_shape(image: VoxelImage) -> list[str]:
    """A picture in colours is an array whose last length is 3 or 4."""
    x, y, z = image.labels.shape
    return [f"has {z} voxels along z; is it a picture in colours?"] if z in (3, 4) and min(x, y) >= 16 else []


def packing_warnings(
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
