"""Voxel images and packings by what their file begins with: npy, npz, HDF5, TIFF, a folder of slices, packings.

Every fault is named before anything runs.
"""

import math
import re
import stat
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cases.compact import PackingNotes
from kalander.coupling.packings.array_files import Header, archive_of, header_of, member_header, read_member
from kalander.coupling.packings.packing_files import read_spheres
from kalander.coupling.packings.slice_folders import SLICES, read_slices
from kalander.coupling.packings.spheres import Spheres, Unreadable
from kalander.coupling.packings.tiff_stacks import read_tiff
from kalander.coupling.structure.images import NAMED_LABELS, VoxelImage, check_shape, checked_values
from kalander.kernels.errors import Fault, InputError

__all__ = ["FORMATS", "read_image"]

FORMATS = (
    "a .npy or .npz array, a .tif or .tiff stack, a .h5 or .hdf5 file, a folder of slices, or a packing (.npz of "
    "position, radius and box_size, LAMMPS data or dump, pack.h5)"
)
SUFFIXES = (".npy", ".npz", ".tif", ".tiff", ".h5", ".hdf5")
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HDF5, GZIP, BYTE_ORDER_MARK = b"\x89HDF\r\n\x1a\n", b"\x1f\x8b", b"\xef\xbb\xbf"
SWAPPED = "indexed (x, y, z) as it stands, and Fiji and ilastik write (z, y, x): x and z may have changed places"
LARGEST_CHUNK = 64 << 20
ATOMS = re.compile(rb"^\s*\+?[0-9_.]+\s+atoms\b", re.MULTILINE)  # a line in the header of LAMMPS data
OPTIONS = {"packing.length_unit": "--length-unit", "packing.replica": "--replica"}


def read_image(path: Path, notes: PackingNotes, *, dataset: str | None = None) -> VoxelImage | Spheres:
    """Read an image or a packing. Raises InputError with what is wrong and what would be right.

    notes: what a packing does not say of itself. dataset: of an HDF5 file, or number of a series of a TIFF file.
    """
    name = path.name
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        why = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be reached: {error}"
        raise InputError(Fault(str(path), name, why, FORMATS)) from None
    if stat.S_ISDIR(status.st_mode):
        return read_slices(path)
    if not stat.S_ISREG(status.st_mode):
        raise InputError(Fault(str(path), name, "is a folder or a device, not a file", FORMATS))
    if status.st_size == 0:
        raise InputError(Fault(str(path), name, "is empty", FORMATS))
    try:
        kind = _kind(path)
        if dataset is not None and kind not in ("hdf5", "tiff"):
            raise InputError(Fault("--dataset", dataset, "is given for a file without datasets", "a .h5 or .hdf5 file"))
        if kind == "packing":
            return read_spheres(path, notes, materials=None, options=OPTIONS)
        return READERS[kind](path, dataset)
    except Unreadable as error:
        key, why, allowed = error.args
        where = str(path) if key == "the file" else f"{path}: {key}"
        raise InputError(Fault(where, name, f"cannot be read: it {why}", allowed)) from None
    except OSError as error:
        raise InputError(Fault(str(path), name, f"cannot be read: {error.strerror or error}", FORMATS)) from None


def _kind(path: Path) -> str:
    """What a file is: a key of READERS, or a packing. Raises InputError for what is none of them."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"PK"):
        return _kind_of_archive(path)
    if head.startswith(TIFF):
        return "tiff"
    if head.startswith(HDF5):
        return "hdf5"
    text = head.removeprefix(BYTE_ORDER_MARK)
    if head[512:520] == HDF5 or head.startswith(GZIP) or text.lstrip().startswith(b"ITEM:") or ATOMS.search(text):
        return "packing"
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        raise InputError(Fault(str(path), path.name, f"cannot be read: it is no {suffix[1:]} file", FORMATS))
    if suffix in SLICES:
        raise InputError(Fault(str(path), path.name, "is one slice", f"the folder of the slices; {FORMATS}"))
    raise InputError(Fault(str(path), path.suffix, "is not the suffix of a format that is read", FORMATS))


def _kind_of_archive(path: Path) -> str:
    """A packing, unless the archive holds nothing of one and a single array."""
    with archive_of(path, FORMATS) as archive:
        names = set(archive.namelist())
    packing = {"position.npy", "radius.npy", "box_size.npy"}
    return "npz" if len(names) == 1 and not names & packing else "packing"


def _read_npy(path: Path, _: str | None) -> VoxelImage:
    with path.open("rb") as file:
        header = header_of(file, "the file", FORMATS)
    check_shape(path, header.shape, header.dtype)
    held = path.stat().st_size - header.offset
    if header.bytes > held:
        raise Unreadable("the file", f"declares {header.bytes} bytes and holds {held}", "a whole file")
    order = "F" if header.column_major else "C"
    mapped = np.memmap(path, header.dtype, "r", header.offset, header.shape, order)  # type: ignore[call-overload]
    return VoxelImage(path.name, checked_values(path, np.ascontiguousarray(mapped)))


def _read_npz(path: Path, _: str | None) -> VoxelImage:
    with archive_of(path, FORMATS) as archive:
        (member,) = archive.namelist()
        name = member.removesuffix(".npy")
        if name == member:
            raise Unreadable("the file", f"holds {member[:40]!r}, which is no array", FORMATS)
        header: Header = member_header(archive, name, FORMATS)
        check_shape(path, header.shape, header.dtype)
        values = read_member(archive, name, header, FORMATS)
    return VoxelImage(path.name, checked_values(path, np.ascontiguousarray(values)))


def _read_hdf5(path: Path, dataset: str | None) -> VoxelImage:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            item = _chosen(path, _volumes(file), dataset)
            check_shape(path, item.shape, item.dtype)
            chunk = math.prod(item.chunks or (0,)) * item.dtype.itemsize  # unpacked as a whole
            if chunk > max(LARGEST_CHUNK, 2 * item.size * item.dtype.itemsize):
                raise Unreadable("the file", f"has chunks of {chunk} bytes, more than its data", FORMATS)
            spacing = item.attrs.get("element_size_um")  # in the order of the dataset's own axes
            given = None if spacing is None or np.shape(spacing) != (3,) else tuple(float(v) for v in spacing)
            values = item[...]
    except (InputError, Unreadable):
        raise
    except Exception as error:  # h5py answers a damaged file with any kind
        raise Unreadable("the file", f"is damaged ({str(error)[:160]})", FORMATS) from None
    notes = () if given is None else (SWAPPED,)
    return VoxelImage(path.name, checked_values(path, values), given, notes)  # type: ignore[arg-type]


def _volumes(file: Any) -> dict[str, Any]:
    """Datasets of three dimensions in a file, by name."""
    import h5py

    found: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim == 3:
            found[name] = item

    file.visititems(visit)  # follows neither soft nor external links
    return found


def _chosen(path: Path, found: dict[str, Any], dataset: str | None) -> Any:
    names = ", ".join(sorted(found)[:NAMED_LABELS])
    if dataset is None and len(found) != 1:
        why = f"holds {len(found)} datasets of three dimensions"
        raise InputError(Fault(str(path), path.name, why, f"--dataset with one of {names}" if found else FORMATS))
    chosen = (dataset or next(iter(found))).strip("/")
    if chosen not in found:
        allowed = names or "a file with a dataset of three dimensions"
        raise InputError(Fault(f"{path}: --dataset", dataset, "is no dataset of three dimensions", allowed))
    item = found[chosen]
    if item.external or item.is_virtual:
        raise InputError(Fault(f"{path}: {chosen}", chosen, "lies in another file", "data in the file itself"))
    return item


READERS = {"npy": _read_npy, "npz": _read_npz, "hdf5": _read_hdf5, "tiff": read_tiff}
