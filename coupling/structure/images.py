"""Voxel images from outside, whatever file they came in: labels, what they are checked for, and what is asked of them.

An image is indexed (x, y, z). Its readers are in image_files, tiff_stacks and slice_folders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kalander.coupling.cards.quantity import QuantityError, parse_quantity
from kalander.coupling.cards.transport_section import MOST_VOXELS
from kalander.coupling.scales import in_unit
from kalander.kernels.device.host import memory_bytes
from kalander.kernels.errors import Fault, InputError
from kalander.kernels.quantities import porosity_of_phases

__all__ = [
    "ACTIVE", "AXES", "BINDER", "CRACKED", "PORE", "Phases", "VoxelImage", "axes_of", "check_memory",
    "check_shape", "checked_values", "phases_of", "spacing_overruled", "voxel_size",
]  # fmt: skip

AXES = ("x", "y", "z")
ACTIVE, PORE, BINDER, CRACKED = 0, 1, 2, 3  # labels of voxelised packings

BYTES_PER_VOXEL = 60  # of a solution at porosity 0.35 (tests/benchmarks/transport.py)
LEAST_DIFFUSIVITY = 1e-6  # relative, of a phase that conducts
NAMED_LABELS = 12  # labels that a message lists
LABEL_LIMIT = 1 << 16


@dataclass(frozen=True)
class VoxelImage:
    """labels: integers or bool, shape (x, y, z); spacing: of voxels where the file says it, relative or absolute,
    None along an axis of which it does not.

    notes: what was assumed, a sentence each.
    """

    name: str
    labels: np.ndarray
    spacing: tuple[float | None, float | None, float | None] | None = None
    notes: tuple[str, ...] = ()


def check_shape(path: Path, shape: Sequence[int], kind: np.dtype) -> None:
    """Refuse by shape and kind of number, before any voxel is read."""
    if len(shape) != 3:
        why = f"has {len(shape)} dimensions, shape {tuple(int(n) for n in shape)}"
        raise InputError(Fault(str(path), path.name, why, "an array of three dimensions (x, y, z)"))
    voxels = int(np.prod(shape, dtype=object))
    if voxels == 0:
        raise InputError(Fault(str(path), path.name, "holds no voxels", "two voxels or more along each axis measured"))
    if kind.kind not in "biuf":
        allowed = "integers or bool"
        raise InputError(Fault(str(path), str(kind), "is not a type of labels", allowed))
    check_memory(str(path), path.name, voxels, kind.itemsize)


def check_memory(where: str, value: object, voxels: int, itemsize: int = 1) -> None:
    """Refuse an image whose solution does not fit into memory."""
    needed, there = voxels * (BYTES_PER_VOXEL + itemsize), memory_bytes()
    if there is not None and needed > there:
        why = f"has {voxels:.3g} voxels, whose solution needs some {in_unit(needed, 'GB'):.3g} GB of memory"
        most = f"at most {in_unit(there, 'GB'):.3g} GB: crop it or use larger voxels"
        raise InputError(Fault(where, value, why, most))
    if voxels > MOST_VOXELS:
        raise InputError(Fault(where, value, f"has {voxels:.3g} voxels", f"up to {MOST_VOXELS:.2g}: larger voxels"))


def checked_values(path: Path, values: np.ndarray) -> np.ndarray:
    """Refuse labels that are no whole numbers; truth values come back with bytes of 0 and 1, whatever theirs were."""
    if values.dtype.kind == "b":  # Pillow, and files that do not keep to it, have 255 for true
        return values.view(np.uint8) != 0
    if values.dtype.kind == "f":
        where, missing = f"{path}: labels", int(np.isnan(values).sum())
        if missing:
            why = f"is not a label ({missing} voxels hold NaN)"
            raise InputError(Fault(where, "nan", why, "integers or bool; segment the image first"))
        raise InputError(Fault(where, str(values.dtype), "is not a type of labels", "integers or bool, such as uint8"))
    if int(values.max()) - int(values.min()) >= LABEL_LIMIT:
        span = f"{values.min()} to {values.max()}"
        raise InputError(Fault(f"{path}: labels", span, "is too wide a range", f"fewer than {LABEL_LIMIT} labels"))
    return values


def axes_of(text: str, image: VoxelImage | None) -> tuple[int, ...]:
    """Axes that `--axis` names. Raises InputError, also for an axis along which the image has a single voxel."""
    words = AXES if text == "all" else tuple(word.strip() for word in text.split(","))
    wrong = [word for word in words if word not in AXES]
    if wrong:
        raise InputError(Fault("--axis", text, "is no axis", "x, y, z, several with commas, or all"))
    axes = tuple(dict.fromkeys(AXES.index(word) for word in words))
    if image is not None:
        thin = [axis for axis in axes if image.labels.shape[axis] < 2]
        if thin:
            shape = "x".join(str(n) for n in image.labels.shape)
            why = f"has {image.labels.shape[thin[0]]} voxel along {', '.join(AXES[axis] for axis in thin)} ({shape})"
            raise InputError(Fault(image.name, "image", why, "two voxels or more along each axis measured (--axis)"))
    return axes


@dataclass(frozen=True)
class Phases:
    """What conducts, by label: diffusivity relative to the free electrolyte, and pores over the phase's own volume."""

    diffusivity: dict[int, float]
    pores: dict[int, float]

    def porosity(self, fractions: Mapping[int, float]) -> float:
        """Pore volume over all volume, from the volume fraction of each label."""
        return porosity_of_phases(fractions, self.pores)

    def upper_bound(self, fractions: Mapping[int, float]) -> float:
        """Largest D_eff/D_0 that these fractions can have: all phases side by side (Wiener 1912)."""
        return sum(fractions[label] * value for label, value in self.diffusivity.items())


def phases_of(text: str, image: VoxelImage | None) -> Phases:
    """The phases that `--phase` names: "1", "1, 2=0.33", or "1, 2=0.33:0.47" with the pores of 2. Raises InputError.

    A phase that conducts in part is a porous one. Where its pores are not given they are as many as its diffusivity
    asks for at least: D/D_0 = ε/τ with τ of 1. So τ of the whole image is 1 or more, and nothing conducts more than 1.
    """
    allowed = 'a label, or labels with their relative diffusivity and the pores in them, "1, 2=0.33:0.47"'
    phases, pores = dict[int, float](), dict[int, float]()
    for word in text.split(","):
        label, _, value = word.partition("=")
        value, _, own = value.partition(":")
        try:
            if "_" in word:
                raise ValueError
            number, share = int(label), float(value) if value.strip() else 1.0
            inside = float(own) if own.strip() else share
        except ValueError:
            raise InputError(Fault("--phase", text[:80], "is not understood", allowed)) from None
        if number in phases:
            raise InputError(Fault("--phase", text[:80], f"names label {number} twice", allowed))
        if not LEAST_DIFFUSIVITY <= share <= 1.0:
            why = f"has a diffusivity of {share:g} in label {number}, relative to that of the free electrolyte"
            remedy = f"{LEAST_DIFFUSIVITY:g} to 1; leave out what does not conduct"
            raise InputError(Fault("--phase", text[:80], why, remedy))
        if not share <= inside <= 1.0:
            why = f"has a porosity of {inside:g} in label {number}"
            raise InputError(Fault("--phase", text[:80], why, f"{share:g} (its diffusivity) to 1"))
        phases[number], pores[number] = share, inside
    if image is not None:
        _check_present(image, phases)
    return Phases(phases, pores)


def _check_present(image: VoxelImage, phases: Mapping[int, float]) -> None:
    labels = image.labels
    there = np.unique(labels[:: max(1, len(labels) // 64)])  # a sample first: it mostly holds all of them
    if not set(phases) <= {int(label) for label in there}:
        there = np.unique(labels)
    absent = [label for label in phases if label not in {int(label) for label in there}]
    if absent:
        named = ", ".join(str(int(label)) for label in there[:NAMED_LABELS])
        more = ", ..." if len(there) > NAMED_LABELS else ""
        faults = [Fault(f"{image.name}: --phase", label, "has no voxel", f"{named}{more}") for label in absent]
        raise InputError(faults)


def voxel_size(text: str | None, image: VoxelImage | None) -> tuple[float, float, float]:
    """Voxel size [m] along x, y, z from `--voxel`: one length, or three. Raises InputError."""
    allowed = 'one length "0.5 um", or three "0.5 um, 0.5 um, 1 um" along x, y, z'
    if text is None:
        raise InputError(Fault("--voxel", "nothing", "is no voxel size", allowed))
    words = text.split(",")
    try:
        sizes = [parse_quantity(word.strip(), "length") for word in words]
    except QuantityError as error:
        raise InputError(Fault("--voxel", text, error.why, allowed, error.nearest)) from None
    if len(sizes) not in (1, 3):
        raise InputError(Fault("--voxel", text, f"gives {len(sizes)} lengths", allowed))
    if any(not 1e-12 <= size <= 1.0 for size in sizes):
        raise InputError(Fault("--voxel", text, "is no size of a voxel", f"1e-12 to 1 m: {allowed}"))
    if len(sizes) == 1 and image is not None and (said := _uneven(image)):
        why = f"is one length, but the file says that its voxels {said} along x, y, z"
        raise InputError(Fault(f"{image.name}: --voxel", text, why, 'three lengths, "0.5 um, 0.5 um, 1 um"'))
    x, y, z = sizes if len(sizes) == 3 else sizes * 3
    return x, y, z


def _uneven(image: VoxelImage) -> str:
    """What the file says of voxels that are no cubes; nothing where it says nothing, or cubes."""
    spacing = image.spacing or (None, None, None)
    known = [value for value in spacing if value is not None]
    if not all(0 < value < float("inf") for value in known):
        return f"measure {spacing}"
    if not known or max(known) <= 1.001 * min(known):
        return ""
    return f"are {' : '.join('?' if value is None else f'{value / min(known):.3g}' for value in spacing)}"


def spacing_overruled(image: VoxelImage, size: tuple[float, float, float]) -> list[str]:
    """A note where the lengths that were asked for are not in the proportion that the file says."""
    scale = [asked / said for asked, said in zip(size, image.spacing or ()) if said]
    if len(scale) < 2 or max(scale) <= 1.001 * min(scale):
        return []
    said = " : ".join("?" if value is None else f"{value:.4g}" for value in image.spacing or ())
    return [f"the file says that its voxels are {said} along x, y, z; the lengths of --voxel are taken, as asked"]
