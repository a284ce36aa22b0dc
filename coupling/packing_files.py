"""Packings that others made: npz, LAMMPS data and dump files, a study's pack.h5. All untrusted."""

import math
import tokenize
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kalander.coupling.compact_case import PackingNotes
from kalander.coupling.pack_stage import PACKED, packings_of
from kalander.coupling.result_faults import pack_faults
from kalander.coupling.stage import listed
from kalander.coupling.store import read
from kalander.dem.generate import near_pairs
from kalander.dem.packing import Packing
from kalander.kernels.columns import Table
from kalander.kernels.errors import CheckpointError, Fault, InputError

__all__ = ["Spheres", "packing_of", "read_spheres"]

LARGEST_FILE = 4 << 30  # bytes; a LAMMPS line of a sphere is some 100
LARGEST_ARRAY = 1 << 30  # bytes of one array, unpacked: forty million centres
MOST_PARTICLES = 2**31 // 32  # as coupling.estimates
SHOWN = 5  # offenders named in a message


@dataclass(frozen=True)
class Spheres:
    """Spheres as read, SI: position (particle, 3), radius, type from 0, box_size (3,); plates at z = 0 and its last.

    bonds: by dem.state.BOND in micrometres, and solids of all kinds [m³], where the file brings them.
    """

    position: np.ndarray
    radius: np.ndarray
    type: np.ndarray
    box_size: np.ndarray
    bonds: Table | None = None
    solids: float = 0.0


class Unreadable(Exception):
    """What is wrong with a file as a whole: the key, why, and what would be right."""


def read_spheres(path: Path, notes: PackingNotes, *, materials: int, periodic: bool = False) -> Spheres:
    """Read and check a packing; raises InputError with every fault.

    materials: how many types there may be; periodic: in all directions, no plates.
    """
    try:
        if not path.is_file():
            raise Unreadable("the file", "is not a regular file" if path.exists() else "does not exist", FORMATS)
        if path.stat().st_size > LARGEST_FILE:
            raise Unreadable("the file", f"is larger than {LARGEST_FILE} bytes", "a smaller packing")
        spheres = _reader(path)(path, notes)
    except Unreadable as error:
        key, why, allowed = error.args
        raise InputError(Fault(path.name, key, why, allowed)) from None
    except OSError as error:
        raise InputError(Fault(path.name, "the file", f"cannot be read ({error.strerror})", FORMATS)) from None
    faults = list(_faults(path.name, spheres, notes, materials, periodic))
    if faults:
        raise InputError(faults)
    return spheres


def packing_of(spheres: Spheres, *, periodic: bool = False) -> Packing:
    """The spheres in micrometres; periodic in all directions, or between plates."""
    size = spheres.box_size * 1e6
    return Packing(
        spheres.position * 1e6, spheres.radius * 1e6, spheres.type.astype(np.int64), size[:2], float(size[2]),
        spheres.bonds, periodic,
    )  # fmt: skip


FORMATS = "an .npz (position, radius, type, box_size), a LAMMPS data or dump file, or pack.h5 of a study"


def _reader(path: Path) -> Callable[[Path, PackingNotes], Spheres]:
    """The reader by what the file begins with, not by its name."""
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(512)
        behind = file.read(8)
    if head.startswith(b"PK"):
        return _from_npz
    if b"\x89HDF\r\n\x1a\n" in (head[:8], behind):
        return _from_study
    if b"\0" in head or not head.strip():
        raise Unreadable("the file", "is empty" if not head.strip() else "is of an unknown kind", FORMATS)
    if head.lstrip().startswith(b"ITEM:"):
        return _from_dump
    return _from_data


# --- npz ----------------------------------------------------------------------------------------------------------

# what NumPy's parser of headers, which evaluates Python literals, answers to a malformed one
UNPARSABLE = (ValueError, TypeError, SyntaxError, tokenize.TokenError, OverflowError, KeyError, RecursionError)
ARRAYS = {"position": (2, "f"), "radius": (1, "f"), "type": (1, "iu"), "box_size": (1, "f")}


def _from_npz(path: Path, _: PackingNotes) -> Spheres:
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {name: _array(archive, name) for name in ARRAYS}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise Unreadable("the file", f"is damaged ({error})", FORMATS) from None
    return Spheres(arrays["position"], arrays["radius"], arrays["type"], arrays["box_size"])


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """One array of an npz; its header is held against the size of its member before anything is allocated."""
    dims, kinds = ARRAYS[name]
    allowed = f"an array of {'whole ' if kinds == 'iu' else ''}numbers with {dims} dimensions"
    try:
        member = archive.getinfo(f"{name}.npy")
    except KeyError:
        raise Unreadable(name, "is missing", ", ".join(ARRAYS)) from None
    with archive.open(member) as file:
        try:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, column_major, dtype = header(file)
        except UNPARSABLE as error:
            raise Unreadable(name, f"has no header of an array ({str(error)[:80]})", allowed) from None
        if any(length < 0 for length in shape):
            raise Unreadable(name, f"is of shape {shape}"[:100], allowed)
        if dtype.hasobject or (dtype.kind not in kinds and not (dtype.kind in "iu" and kinds == "f")):
            raise Unreadable(name, f"is of type {dtype}", allowed)
        size = math.prod(shape) * dtype.itemsize
        if size > LARGEST_ARRAY or size > member.file_size:
            raise Unreadable(name, f"declares {size} bytes and holds {member.file_size}", f"up to {LARGEST_ARRAY}")
        values = np.frombuffer(file.read(size), dtype, math.prod(shape))
    values = values.reshape(shape, order="F" if column_major else "C")
    return values.astype(np.int64 if kinds == "iu" else float)


# --- our own ------------------------------------------------------------------------------------------------------


def _from_study(path: Path, notes: PackingNotes) -> Spheres:
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
    size = np.array([*packing.width, packing.height]) * 1e-6
    kinds = packing.material.astype(np.int64)
    solids = float(packed.tables["boxes"]["solids"][notes.replica])
    return Spheres(packing.position * 1e-6, packing.radius * 1e-6, kinds, size, packing.bonds, solids)


# --- LAMMPS -------------------------------------------------------------------------------------------------------


def _from_data(path: Path, notes: PackingNotes) -> Spheres:
    """A data file with atom style sphere: id, type, diameter, density, x, y, z in each line of its Atoms section."""
    lines = _lines(path)
    next(lines, "")  # the title
    count, bounds = None, {}
    for line in lines:
        words = line.split("#")[0].split()
        if words[:1] == ["Atoms"]:
            break
        if len(words) == 2 and words[1] == "atoms":
            count = _number(words[0], int)
        elif len(words) == 4 and words[2:] in (["xlo", "xhi"], ["ylo", "yhi"], ["zlo", "zhi"]):
            bounds[words[2][0]] = (_number(words[0], float), _number(words[1], float))
    if count is None or len(bounds) != 3:
        raise Unreadable("the file", "is no LAMMPS data file: it lacks atoms or bounds", FORMATS)
    names = ["id", "type", "diameter", "density", "x", "y", "z"]
    return _spheres(_table(lines, names, count), np.array([bounds[axis] for axis in "xyz"]), notes)


def _from_dump(path: Path, notes: PackingNotes) -> Spheres:
    """The last snapshot of a text dump with type, x or xu, y, z, and radius or diameter."""
    found: Spheres | None = None
    count, bounds = 0.0, np.zeros((3, 2))
    lines = _lines(path)
    for line in lines:
        if line.startswith("ITEM: NUMBER OF ATOMS"):
            count = _number(next(lines, ""), int)
        elif line.startswith("ITEM: BOX BOUNDS"):
            if "xy" in line:
                raise Unreadable("the box", "is tilted", "an orthogonal box")
            bounds = np.array([[_number(word, float) for word in next(lines, "").split()[:2]] for _ in range(3)])
        elif line.startswith("ITEM: ATOMS"):
            names = [{"xu": "x", "yu": "y", "zu": "z"}.get(name, name) for name in line.split()[2:]]
            found = _spheres(_table(lines, names, count), bounds, notes)
    if found is None:
        raise Unreadable("the file", "holds no snapshot", FORMATS)
    return found


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.strip():
                yield line.strip()


def _number(text: str, kind: Callable[[str], float]) -> float:
    try:
        return kind(text)
    except ValueError:
        raise Unreadable("the file", f"holds {text[:40]!r} where a number is due", FORMATS) from None


def _table(lines: Iterator[str], names: list[str], count: float) -> dict[str, np.ndarray]:
    """So many lines as columns by name; what stands behind the named ones (image flags) is left."""
    if not 0 < count <= MOST_PARTICLES:
        raise Unreadable("atoms", f"are {count}", f"1 to {MOST_PARTICLES}")
    missing = {"type", "x", "y", "z"} - set(names)
    if missing or not {"radius", "diameter"} & set(names):
        raise Unreadable("the columns", f"are {' '.join(names)[:100]}", "type, x, y, z, and radius or diameter")
    rows = []
    for _, line in zip(range(int(count)), lines):
        words = line.split()
        if len(words) < len(names):
            raise Unreadable("the file", f"has a line {line[:60]!r} of too few numbers", "atom style sphere")
        rows.append([_number(word, float) for word in words[: len(names)]])
    if len(rows) < count:
        raise Unreadable("the file", f"ends after {len(rows)} of {int(count)} spheres", "a whole file")
    return dict(zip(names, np.array(rows).T))


def _spheres(table: dict[str, np.ndarray], bounds: np.ndarray, notes: PackingNotes) -> Spheres:
    if notes.length_unit is None:
        raise Unreadable("packing.length_unit", "is not given", 'length_unit = "1 um" under [packing] of the case')
    unit = notes.length_unit
    low, high = bounds[:, 0] * unit, bounds[:, 1] * unit
    if notes.plates is not None:
        low[2], high[2] = notes.plates
    order = np.argsort(table["id"], kind="stable") if "id" in table else np.arange(len(table["x"]))
    position = np.column_stack([table[axis][order] for axis in "xyz"]) * unit - low
    radius = (table["radius"] if "radius" in table else table["diameter"] / 2)[order] * unit
    return Spheres(position, radius, table["type"][order].astype(np.int64) - 1, high - low)


# --- checks -------------------------------------------------------------------------------------------------------


def _faults(name: str, spheres: Spheres, notes: PackingNotes, materials: int, periodic: bool) -> Iterator[Fault]:
    """What is wrong with spheres; later checks rely on the earlier ones."""
    position, radius, kind, size = spheres.position, spheres.radius, spheres.type, spheres.box_size
    count = len(radius)
    if position.shape != (count, 3) or kind.shape != (count,) or size.shape != (3,):
        shapes = f"position {position.shape}, radius {radius.shape}, type {kind.shape}, box_size {size.shape}"
        yield Fault(name, shapes, "do not belong together", "(n, 3), (n,), (n,), (3,)")
        return
    if not 0 < count <= MOST_PARTICLES:
        yield Fault(name, count, "particles", f"1 to {MOST_PARTICLES}")
        return
    before = [
        *_offenders(name, "position", position, ~np.isfinite(position).all(axis=1), "is not finite", "finite numbers"),
        *_offenders(name, "radius", radius, ~(np.isfinite(radius) & (radius > 0)), "is no radius", "above 0 m"),
        *_offenders(
            name, "type", kind, (kind < 0) | (kind >= materials), "has no [[material]]", f"0 to {materials - 1}"
        ),
    ]
    if not (np.isfinite(size).all() and (size > 0).all()):
        before.append(Fault(f"{name}: box_size", size.tolist(), "is no size", "three lengths above 0 m"))
    yield from before
    if before:
        return
    if not 1e-9 < radius.min() <= radius.max() < 1.0:
        why = "is outside what particles of an electrode measure: are the units SI?"
        yield Fault(f"{name}: radius", [radius.min(), radius.max()], why, "1e-9 m to 1 m")
        return
    if 2 * radius.max() > size.min():
        yield Fault(
            f"{name}: radius", radius.max(), "is of a sphere larger than the box", f"below {size.min() / 2:g} m"
        )
        return
    yield from _overlaps(name, spheres, notes.largest_overlap, periodic)


def _offenders(name: str, key: str, values: np.ndarray, wrong: np.ndarray, why: str, allowed: str) -> Iterator[Fault]:
    rows = np.flatnonzero(wrong)
    if len(rows):
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        yield Fault(f"{name}: {key}[{rows[0]}]", values[rows[0]].tolist(), why + more, allowed)


def _overlaps(name: str, spheres: Spheres, limit: float, periodic: bool) -> Iterator[Fault]:
    """Spheres that stand deeper in each other or in a plate than they could be pressed."""
    position, radius, height = spheres.position, spheres.radius, spheres.box_size[2]
    depth = np.maximum(radius - position[:, 2], position[:, 2] + radius - height) / radius
    rows = np.flatnonzero(depth > limit) if not periodic else np.zeros(0, int)
    if len(rows):
        why = f"stands in a plate by {depth[rows].max():.3g} of its radius, as do {len(rows)} spheres"
        allowed = f"up to {limit:g} (packing.largest_overlap); plates stand at z = 0 and box_size[2]"
        yield Fault(f"{name}: position[{rows[0]}]", position[rows[0]].tolist(), why, allowed)
        return
    unit = radius.mean()
    first, second, _, gap = near_pairs(
        position / unit, radius / unit, spheres.box_size[: 3 if periodic else 2] / unit, 0.0
    )
    ratio = -gap / (np.minimum(radius[first], radius[second]) / unit)
    deep = np.flatnonzero(ratio > limit)
    if len(deep):
        pairs = ", ".join(f"{first[k]}-{second[k]}" for k in deep[:SHOWN])
        why = f"overlap by up to {ratio.max():.3g} of the smaller radius in {len(deep)} pairs: {pairs}"
        yield Fault(f"{name}: position", "spheres", why, f"up to {limit:g} (packing.largest_overlap)")
