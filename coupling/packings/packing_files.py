"""Packings that others made: npz, LAMMPS data and dump files, a study's pack.h5. All untrusted."""

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from kalander.coupling.cases.compact import PackingNotes
from kalander.coupling.packings.array_files import Header, archive_of, member_header, read_member
from kalander.coupling.packings.lammps_data import read_data
from kalander.coupling.packings.lammps_dump import read_dump
from kalander.coupling.packings.lammps_text import open_lines
from kalander.coupling.packings.spheres import Spheres, Unreadable, platen_depth, sphere_faults
from kalander.coupling.scales import in_si, in_unit
from kalander.coupling.store.store import read
from kalander.dem.packing.packing import Packing
from kalander.kernels.columns import Table
from kalander.kernels.errors import CheckpointError, Fault, InputError

__all__ = ["FORMATS", "Spheres", "packing_of", "read_spheres"]

LARGEST_FILE = 4 << 30  # bytes; a LAMMPS line of a sphere is some 100
LARGEST_ARRAY = 1 << 30  # bytes of one array, unpacked: forty million centres
# centres are all unlike: packed to less than a hundredth they are none, and whoever sent them wants the memory
TIGHTEST, SMALL = 100, 64 << 20  # of arrays above so many bytes

FORMATS = "an .npz (position, radius, type, box_size), a LAMMPS data or dump file, or pack.h5 of a study"
LARGE = 0.2e-3  # m; coatings are some 0.1 mm thick
CUT = 0.2  # of the radius in a platen: as much as a pressed packing may bring
GZIP, HDF5 = b"\x1f\x8b", b"\x89HDF\r\n\x1a\n"

Reader = Callable[[Path, PackingNotes, bool], Spheres]


def read_spheres(
    path: Path,
    notes: PackingNotes,
    *,
    materials: int | None,
    periodic: bool = False,
    options: Mapping[str, str] | None = None,
) -> Spheres:
    """Read and check a packing; raises InputError with every fault.

    materials: how many types there may be; None: types do not matter, nor do overlaps of spheres. periodic: in all
    directions, no platens. options: what the notes are called by who gives them, by their key in a case.
    """
    try:
        if not path.is_file():
            raise Unreadable("the file", "is not a regular file" if path.exists() else "does not exist", FORMATS)
        if path.stat().st_size > LARGEST_FILE:
            raise Unreadable("the file", f"is larger than {LARGEST_FILE} bytes", "a smaller packing")
        spheres = _reader(path)(path, notes, materials is not None)
    except Unreadable as error:
        key, why, allowed = error.args
        raise InputError(Fault(path.name, (options or {}).get(key, key), why, allowed)) from None
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(Fault(path.name, "the file", f"cannot be read ({why})", FORMATS)) from None
    overlap = None if materials is None else notes.largest_overlap
    faults = list(
        sphere_faults(path.name, spheres, materials=materials, largest_overlap=overlap, periodic=periodic)
    )  # fmt: skip
    if faults:
        raise InputError(faults)
    cut = _about_platens(spheres) if materials is None else []
    return replace(
        spheres, notes=(*spheres.notes, *_about_sizes(spheres), *_about_walls(spheres, periodic), *cut)
    )  # fmt: skip


def packing_of(spheres: Spheres, *, periodic: bool = False) -> Packing:
    """The spheres in micrometres; periodic in all directions, or between platens."""
    size = in_unit(spheres.box_size, "um")
    return Packing(
        in_unit(spheres.position, "um"), in_unit(spheres.radius, "um"), spheres.type.astype(np.int64), size[:2],
        float(size[2]), spheres.bonds, periodic,
    )  # fmt: skip


def _about_sizes(spheres: Spheres) -> list[str]:
    largest = 2 * float(spheres.radius.max())
    return [f"a diameter of {largest:.3g} m is large for an electrode: is the unit right?"] if largest > LARGE else []


def _about_walls(spheres: Spheres, periodic: bool) -> list[str]:
    ends = [axis for axis, wall in zip("xyz" if periodic else "xy", spheres.walls) if wall]
    along = " and ".join(ends)
    return [f"the file says that its box ends along {along}; it is taken to repeat there"] if ends else []


def _about_platens(spheres: Spheres) -> list[str]:
    deep = platen_depth(spheres)
    count = int((deep > CUT).sum())
    if not count:
        return []
    return [
        f"{count} spheres stand in the ends of the box along z by up to {deep.max():.2g} of their radius: cut there"
    ]


def _reader(path: Path) -> Reader:
    """The reader by what the file begins with, not by its name."""
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(512)
        behind = file.read(8)
    text = head.removeprefix(b"\xef\xbb\xbf")
    if head.startswith(b"PK"):
        return _from_npz
    if HDF5 in (head[:8], behind):
        return _from_study
    if head.startswith(GZIP):
        return _from_gzip
    if b"\0" in head or not text.strip():
        raise Unreadable("the file", "is empty" if not text.strip() else "is of an unknown kind", FORMATS)
    return _from_dump if text.lstrip().startswith(b"ITEM:") else _from_data


def _from_data(path: Path, notes: PackingNotes, _: bool) -> Spheres:
    return read_data(path, notes)


def _from_dump(path: Path, notes: PackingNotes, types: bool) -> Spheres:
    return read_dump(path, notes, types=types)


def _from_gzip(path: Path, notes: PackingNotes, types: bool) -> Spheres:
    """A packed text; its name may not say which."""
    with open_lines(path) as lines:
        first = next(lines, "")
    return (_from_dump if first.startswith("ITEM:") else _from_data)(path, notes, types)


# --- npz ----------------------------------------------------------------------------------------------------------

ARRAYS = {"position": (2, "f"), "radius": (1, "f"), "type": (1, "iu"), "box_size": (1, "f")}
BONDS = {"bond_first": (1, "iu"), "bond_second": (1, "iu"), "bond_radius": (1, "f"), "bond_length": (1, "f")}
DIMENSIONS = {**ARRAYS, "clump": (1, "iu"), **BONDS}  # as `kalander pack` writes them


def _about_unit(notes: PackingNotes) -> tuple[str, ...]:
    """Of a file in SI: a unit that was given beside it."""
    given = notes.length_unit
    return () if given in (None, 1.0) else (f"its lengths are in metres; the unit of {given:g} m is not used",)


def _from_npz(path: Path, notes: PackingNotes, types: bool) -> Spheres:
    wanted = {name: kind for name, kind in ARRAYS.items() if types or name != "type"}
    with archive_of(path, FORMATS) as archive:
        there = set(archive.namelist())
        missing = [name for name in wanted if f"{name}.npy" not in there]
        if missing:
            raise Unreadable(", ".join(missing), "is missing", ", ".join(ARRAYS))
        clumps = ["clump"] if types and "clump.npy" in there else []
        bonds = list(BONDS) if types and any(f"{name}.npy" in there for name in BONDS) else []
        if lacking := [name for name in bonds if f"{name}.npy" not in there]:
            raise Unreadable(", ".join(lacking), "is missing", f"all of {', '.join(BONDS)}, or none")
        headers = {name: _declared(archive, name) for name in (*wanted, *clumps, *bonds)}
        _check_together(archive, headers)
        arrays = {name: read_member(archive, name, header, FORMATS) for name, header in headers.items()}
    _check_free(arrays.get("clump", np.zeros(0, int)))
    kind = arrays.get("type", np.zeros(len(arrays["radius"]), np.int64))
    if kind.dtype.kind == "u" and len(kind) and kind.max() > np.iinfo(np.int64).max:
        raise Unreadable("type", f"holds {kind.max()}", "types from 0")
    position, radius, size = (arrays[name].astype(float, copy=False) for name in ("position", "radius", "box_size"))
    said = _about_unit(notes)
    if not types and "clump.npy" in there:  # as `kalander pack` writes it: of a recipe, whose binder is not in the file
        said = (*said, "only the spheres are measured: binder and additive of the recipe count as pores")
    laid = _bonds({name: arrays[name] for name in bonds}, radius) if bonds else None
    return Spheres(position, radius, kind.astype(np.int64, copy=False), size, laid, notes=said)


def _bonds(arrays: dict[str, np.ndarray], radius: np.ndarray) -> Table:
    """Bonds of an npz, which must join two of its spheres each and be of some size."""
    from kalander.coupling.packings.stored import bonds_of  # brings the kernel language

    first, second, thick, length = (arrays[name] for name in BONDS)
    whole = (first.min(initial=0) >= 0) and (second.max(initial=0) < len(radius)) and (first < second).all()
    if not whole:
        raise Unreadable("bond_first, bond_second", "join no two spheres", "rows from 0, the smaller one first")
    pairs = np.column_stack([first, second])
    if len(np.unique(pairs, axis=0)) < len(pairs):
        raise Unreadable("bond_first, bond_second", "join two spheres twice", "each pair once")
    if not (np.isfinite(thick).all() and np.isfinite(length).all() and (thick > 0).all() and (length > 0).all()):
        raise Unreadable("bond_radius, bond_length", "are not all above 0", "lengths in metres")
    if (thick > LARGE).any() or (length > LARGE).any():
        raise Unreadable("bond_radius, bond_length", f"are up to {max(thick.max(), length.max()):.3g} m", "metres")
    columns = {"first": first.astype(np.int32), "second": second.astype(np.int32), "radius": thick, "length": length}
    return bonds_of(columns, in_unit(radius, "um"))


def _check_free(clump: np.ndarray) -> None:
    """Refuse members of rigid particles where each sphere would be pressed for itself."""
    members = int((clump >= 0).sum())
    if members:
        why = f"says that {members} spheres are members of rigid particles, which would be pressed as loose spheres"
        raise Unreadable("clump", why, "a packing of spheres (clump of -1)")


def _declared(archive: zipfile.ZipFile, name: str) -> Header:
    """What one array declares, which must be numbers of the dimensions that are due."""
    dims, kinds = DIMENSIONS[name]
    allowed = f"an array of {'whole ' if kinds == 'iu' else ''}numbers with {dims} dimensions"
    header = member_header(archive, name, allowed)
    kind = header.dtype.kind
    if kind not in kinds and not (kind in "iu" and kinds == "f"):
        raise Unreadable(name, f"is of type {header.dtype}", allowed)
    if len(header.shape) != dims:
        raise Unreadable(name, f"is of shape {header.shape}, {len(header.shape)} dimensions"[:100], allowed)
    return header


def _check_together(archive: zipfile.ZipFile, headers: Mapping[str, Header]) -> None:
    """Lengths that belong together, and no more memory than their file may ask for."""
    count = headers["radius"].shape[0]
    due = {"position": (count, 3), "radius": (count,), "type": (count,), "clump": (count,), "box_size": (3,)}
    due |= dict.fromkeys(BONDS, headers["bond_first"].shape if "bond_first" in headers else ())
    if any(header.shape != due[name] for name, header in headers.items()):
        shapes = ", ".join(f"{name} {header.shape}" for name, header in headers.items())
        raise Unreadable(shapes[:200], "do not belong together", "(n, 3), (n,), (n,), (3,)")
    for name, header in headers.items():
        packed = archive.getinfo(f"{name}.npy").compress_size
        most = LARGEST_ARRAY if name != "position" else min(LARGEST_ARRAY, max(SMALL, TIGHTEST * packed))
        if header.bytes > most:
            raise Unreadable(name, f"unpacks to {header.bytes} bytes from {packed}", f"up to {most} bytes")


# --- our own ------------------------------------------------------------------------------------------------------


def _from_study(path: Path, notes: PackingNotes, types: bool) -> Spheres:
    from kalander.coupling.packings.stored import (
        PACKED,
        packings_of,
    )  # brings the kernel language, which others do without
    from kalander.coupling.packings.stored_faults import pack_faults
    from kalander.coupling.study.stage import listed

    try:
        packed = read(path, PACKED)
    except CheckpointError as error:
        raise Unreadable("the file", f"is no pack.h5 ({error})", FORMATS) from None
    if objections := list(pack_faults(packed, {})):
        raise CheckpointError(f"{path}: {listed(objections)}")
    packings = packings_of(packed)
    if notes.replica >= len(packings):
        raise Unreadable("packing.replica", f"is {notes.replica}, of {len(packings)}", f"below {len(packings)}")
    packing = packings[notes.replica]
    if types:
        particles = packed.tables["particles"]
        _check_free(particles["clump"][particles["box"] == notes.replica])
    size = in_si(np.array([*packing.width, packing.height]), "um")
    kinds = packing.material.astype(np.int64)
    solid_volume = float(packed.tables["boxes"]["solids"][notes.replica])
    said = _about_unit(notes)
    if not types:
        share = solid_volume / float(np.prod(size))
        why = f"its solids are {share:.3g} of the box and only the spheres are measured"
        said = (*said, f"{why}: binder and additive count as pores; stage transport of the study has them")
    return Spheres(
        in_si(packing.position, "um"), in_si(packing.radius, "um"), kinds, size, packing.bonds, solid_volume, notes=said
    )
