"""Voxel images from outside: npy, TIFF stacks, HDF5, and packings of spheres; every fault named before anything runs.

An image is indexed (x, y, z); the pages of a TIFF stack are z, their rows y, their columns x.
"""

import stat
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.quantity import QuantityError, parse_quantity
from kalander.kernels.errors import Fault, InputError
from kalander.kernels.host import memory_bytes

__all__ = [
    "ACTIVE", "AXES", "BINDER", "CRACKED", "FORMATS", "PORE", "Spheres", "VoxelImage", "axes_of", "check_memory",
    "phases_of", "read_image", "voxel_size",
]  # fmt: skip

AXES = ("x", "y", "z")
ACTIVE, PORE, BINDER, CRACKED = 0, 1, 2, 3  # labels of voxelised packings

BYTES_PER_VOXEL = 60  # of a solution at porosity 0.35 (tests/benchmarks/transport.py)
NAMED_LABELS = 12  # labels that a message lists
LABEL_LIMIT = 1 << 16

FORMATS = "a .npy array, a .tif or .tiff stack, a .h5 or .hdf5 file, or a packing in .npz"


@dataclass(frozen=True)
class VoxelImage:
    """labels: integers or bool, shape (x, y, z); size: of a voxel [m] where the file says it, relative or absolute."""

    name: str
    labels: np.ndarray
    spacing: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Spheres:
    """A packing [m]: centres, radii, box; periodic in x and y, between plates in z."""

    name: str
    position: np.ndarray
    radius: np.ndarray
    box: np.ndarray


def read_image(path: Path, *, dataset: str | None = None) -> VoxelImage | Spheres:
    """Read an image or a packing by its suffix. Raises InputError with what is wrong and what would be right."""
    name = path.name
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        why = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be reached: {error}"
        raise InputError(Fault(str(path), name, why, FORMATS)) from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(Fault(str(path), name, "is a folder or a device, not a file", FORMATS))
    if status.st_size == 0:
        raise InputError(Fault(str(path), name, "is empty", FORMATS))
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(Fault(str(path), path.suffix, "is not the suffix of a format that is read", FORMATS))
    if dataset is not None and reader is not _read_hdf5:
        raise InputError(Fault("--dataset", dataset, "is given for a file without datasets", "a .h5 or .hdf5 file"))
    try:
        return reader(path, dataset)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, TypeError, MemoryError, zipfile.BadZipFile) as error:
        # readers answer a damaged file with any of these
        raise InputError(Fault(str(path), name, f"cannot be read: {error}", FORMATS)) from None


def _read_npy(path: Path, _: str | None) -> VoxelImage:
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    _check(path, mapped.shape, mapped.dtype)
    return VoxelImage(path.name, _checked_values(path, np.ascontiguousarray(mapped)))


def _read_tiff(path: Path, _: str | None) -> VoxelImage:
    try:
        import tifffile
    except ImportError:
        needed = "pip install 'kalander[image]', or save the stack as .npy"
        raise InputError(Fault(str(path), path.name, "needs the package tifffile to be read", needed)) from None
    with tifffile.TiffFile(path) as file:
        if not file.series:
            raise InputError(Fault(str(path), path.name, "holds no image", FORMATS))
        series = file.series[0]
        shape, kind = tuple(series.shape), np.dtype(series.dtype)
        _check(path, shape, kind)
        spacing = _tiff_spacing(file)
        values = series.asarray()
    return VoxelImage(path.name, _checked_values(path, np.ascontiguousarray(values.transpose(2, 1, 0))), spacing)


def _tiff_spacing(file: Any) -> tuple[float, float, float] | None:
    """Relative voxel sizes that ImageJ writes: pixels a unit across, and the distance of pages."""
    tags, about = file.pages[0].tags, file.imagej_metadata or {}
    if "spacing" not in about or "XResolution" not in tags or "YResolution" not in tags:
        return None
    across = [tags[name].value for name in ("XResolution", "YResolution")]
    if any(numerator <= 0 for numerator, _ in across):
        return None
    x, y = (denominator / numerator for numerator, denominator in across)
    return x, y, float(about["spacing"])


def _read_hdf5(path: Path, dataset: str | None) -> VoxelImage:
    import h5py

    with h5py.File(path, "r") as file:
        found: dict[str, Any] = {}

        def visit(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.ndim == 3:
                found[name] = item

        file.visititems(visit)  # follows neither soft nor external links
        if dataset is None and len(found) != 1:
            why = f"holds {len(found)} datasets of three dimensions"
            allowed = f"--dataset with one of {', '.join(sorted(found)[:NAMED_LABELS])}" if found else FORMATS
            raise InputError(Fault(str(path), path.name, why, allowed))
        chosen = (dataset or next(iter(found))).strip("/")
        if chosen not in found:
            allowed = ", ".join(sorted(found)[:NAMED_LABELS]) or "a file with a dataset of three dimensions"
            raise InputError(Fault(f"{path}: --dataset", dataset, "is no dataset of three dimensions", allowed))
        item = found[chosen]
        if item.external or item.is_virtual:
            raise InputError(Fault(f"{path}: {chosen}", chosen, "lies in another file", "data in the file itself"))
        _check(path, item.shape, item.dtype)
        spacing = item.attrs.get("element_size_um")  # as Fiji and ilastik write it, z y x
        given = None if spacing is None or np.shape(spacing) != (3,) else tuple(float(v) for v in spacing[::-1])
        return VoxelImage(path.name, _checked_values(path, item[...]), given)  # type: ignore[arg-type]


def _read_packing(path: Path, _: str | None) -> Spheres:
    """A packing as `kalander pack` writes it: position, radius, box_size."""
    with np.load(path, allow_pickle=False) as file:
        missing = {"position", "radius", "box_size"} - set(file.files)
        if missing:
            allowed = "position, radius and box_size in metres, as `kalander pack` writes them"
            raise InputError(Fault(str(path), path.name, f"holds no {', '.join(sorted(missing))}", allowed))
        position, radius, box = (np.asarray(file[key], float) for key in ("position", "radius", "box_size"))
    faults = []
    if radius.ndim != 1 or len(radius) == 0 or position.shape != (len(radius), 3):
        faults.append(Fault(f"{path}: position", position.shape, "is no row of three a radius", "(n, 3) and (n,)"))
    if box.shape != (3,) or not (np.isfinite(box).all() and (box > 0).all()):
        faults.append(Fault(f"{path}: box_size", box.tolist(), "is no box", "three lengths above 0 in m"))
    if not np.isfinite(position).all():
        faults.append(Fault(f"{path}: position", "nan or inf", "is not finite", "finite centres in m"))
    if not (np.isfinite(radius).all() and (radius > 0).all()):
        faults.append(Fault(f"{path}: radius", "a radius", "is not above 0", "finite radii above 0 in m"))
    if faults:
        raise InputError(faults)
    return Spheres(path.name, position, radius, box)


READERS: dict[str, Callable[[Path, str | None], VoxelImage | Spheres]] = {
    ".npy": _read_npy,
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
    ".npz": _read_packing,
}


def _check(path: Path, shape: Sequence[int], kind: np.dtype) -> None:
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
        why = f"has {voxels:.3g} voxels, whose solution needs some {needed / 1e9:.3g} GB of memory"
        most = f"at most {there / 1e9:.3g} GB: crop it or use larger voxels"
        raise InputError(Fault(where, value, why, most))


def _checked_values(path: Path, values: np.ndarray) -> np.ndarray:
    """Refuse labels that are no whole numbers."""
    if values.dtype.kind == "f":
        where, missing = f"{path}: labels", int(np.isnan(values).sum())
        if missing:
            why = f"is not a label ({missing} voxels hold NaN)"
            raise InputError(Fault(where, "nan", why, "integers or bool; segment the image first"))
        raise InputError(Fault(where, str(values.dtype), "is not a type of labels", "integers or bool, such as uint8"))
    if values.dtype.kind != "b" and int(values.max()) - int(values.min()) >= LABEL_LIMIT:
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


def phases_of(text: str, image: VoxelImage | None) -> dict[int, float]:
    """Relative diffusivity of each label that `--phase` names: "1", or "1, 2=0.33". Raises InputError."""
    allowed = 'a label, or labels with their relative diffusivity, "1, 2=0.33"'
    phases: dict[int, float] = {}
    for word in text.split(","):
        label, _, value = word.partition("=")
        try:
            number, share = int(label), float(value) if value.strip() else 1.0
        except ValueError:
            raise InputError(Fault("--phase", text, "is not understood", allowed)) from None
        if number in phases:
            raise InputError(Fault("--phase", text, f"names label {number} twice", allowed))
        if not 1e-6 <= share <= 1e6:
            why = f"has a diffusivity of {share:g}"
            raise InputError(Fault("--phase", text, why, "1e-6 to 1e6, relative; leave out what does not conduct"))
        phases[number] = share
    if image is not None:
        _check_present(image, phases)
    return phases


def _check_present(image: VoxelImage, phases: dict[int, float]) -> None:
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
    if len(sizes) == 1 and image is not None and image.spacing is not None:
        spacing = image.spacing
        if max(spacing) > 1.001 * min(spacing):
            ratio = " : ".join(f"{value / min(spacing):.3g}" for value in spacing)
            why = f"is one length, but the file says that its voxels are {ratio} along x, y, z"
            raise InputError(Fault(f"{image.name}: --voxel", text, why, 'three lengths, "0.5 um, 0.5 um, 1 um"'))
    x, y, z = sizes if len(sizes) == 3 else sizes * 3
    return x, y, z
