"""One HDF5 file holds the tables of one state or one result, with unit, dimensions and meaning of every column.

A file is written whole or not at all, and read only when its digest, layout, types, shapes and values are right.
The layout is two levels: `/<table>/<column>`; root attributes hold JSON, column attributes hold plain text.
"""

import importlib.metadata
import json
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from kalander.coupling.store.agreement import Schema, declaration_faults, saved_columns, shape_faults, value_faults
from kalander.coupling.store.atomic import replacing, storage_errors
from kalander.coupling.store.quiet_file import quietly
from kalander.coupling.store.seal import BLOCK_BYTES, check_seal, seal
from kalander.coupling.store.untrusted import Refused, read_columns, read_root
from kalander.kernels.columns import Column, Table
from kalander.kernels.errors import CheckpointError, NumericalError, StorageError

__all__ = ["FORMAT", "Data", "Stored", "canonical_json", "load", "read", "read_identity", "same", "write"]

FORMAT = 1
BYTE_LIMIT = 16 << 30  # a box of ten million particles with its contact history is some 8 GiB

# a result is read often and travels; a checkpoint is written often and soon deleted
STORAGE: dict[str, dict[str, Any]] = {
    "result": {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True},
    "checkpoint": {},
}
PROVENANCE = ("format", "kind", "attributes", "kalander", "packages", "written")


@dataclass(frozen=True)
class Data:
    """Tables of columns, and attributes that JSON can hold (numbers, text, lists, mappings; no NaN)."""

    tables: dict[str, Table] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """What a file holds: kind "result" or "checkpoint", identity (whence it comes), data and their declaration."""

    kind: str
    identity: dict[str, Any]
    data: Data
    schema: Schema


# format number -> what turns a file of that format into one of the next; add one sample file to the tests with each
UPGRADES: dict[int, Callable[[Stored], Stored]] = {}


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no blanks, ASCII. Raises ValueError for NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_python_scalar)


def write(path: Path, data: Data, schema: Schema, *, kind: str, identity: Mapping[str, Any]) -> None:
    """Write a "result" or a "checkpoint"; the file at `path` is the old or the new one, never a part.

    identity: JSON-able facts about the origin (stage, key, config, parents, device, precision), one root
    attribute each. Raises StorageError, NumericalError (a value is not finite), ValueError (data and schema disagree).
    """
    if faults := list(shape_faults(data.tables, schema)):
        raise ValueError(f"{path.name}: " + "; ".join(faults))
    if faults := list(value_faults(data.tables, schema)):
        raise NumericalError(f"{path.name} was not written: " + "; ".join(faults))
    if clash := identity.keys() & set(PROVENANCE):
        raise ValueError(f"identity may not hold {sorted(clash)}")
    size = sum(values.nbytes for table in data.tables.values() for values in table.values())
    if size > BYTE_LIMIT:
        raise StorageError(f"{path}: {size} bytes are more than the {BYTE_LIMIT} that reading accepts; use fewer boxes")
    root = {
        **identity,
        "format": FORMAT,
        "kind": kind,
        "attributes": data.attributes,
        **_versions(),
        "written": datetime.now(UTC).isoformat(timespec="microseconds"),
    }
    with replacing(path) as handle:
        # bounds on the library version fix the layout of the file for every libhdf5 that writes it
        layout: dict[str, Any] = {"userblock_size": BLOCK_BYTES, "libver": ("v110", "v110")}
        with quietly(handle) as quiet, h5py.File(quiet, "w", **layout) as file:
            for name in sorted(root):
                _put_text(file, name, canonical_json(root[name]))
            for table, columns in sorted(saved_columns(schema).items()):
                group = file.create_group(table)
                for name in sorted(columns):
                    _put_column(group, name, columns[name], data.tables[table][name], STORAGE[kind])
                    quiet.raise_failure()
        seal(handle, FORMAT)


def read(path: Path, schema: Schema, *, byte_limit: int = BYTE_LIMIT) -> Data:
    """Return the data of a file that agrees with `schema`. Raises CheckpointError with the reason, StorageError."""
    return load(path, schema, byte_limit=byte_limit).data


def load(path: Path, schema: Schema | None = None, *, byte_limit: int = BYTE_LIMIT) -> Stored:
    """Return all a file holds, checked against `schema` or, without one, against what the file declares itself."""
    with _opened(path, byte_limit) as (file, format_number):
        root = read_root(file)
        if not isinstance(root.get("attributes"), dict):
            raise Refused("has no attributes")
        columns = read_columns(file, byte_limit)
        stored = Stored(
            kind=root.get("kind", "unknown"),
            identity=_identity(root),
            data=Data(
                {table: {name: values for name, (_, values) in content.items()} for table, content in columns.items()},
                root["attributes"],
            ),
            schema={table: {name: column for name, (column, _) in c.items()} for table, c in columns.items()},
        )
        for number in range(format_number, FORMAT):
            stored = UPGRADES[number](stored)
        expected = stored.schema if schema is None else saved_columns(schema)
        faults = [*declaration_faults(stored.schema, expected), *shape_faults(stored.data.tables, expected)]
        faults = faults or list(value_faults(stored.data.tables, expected))
        if faults:
            raise Refused("; ".join(faults))
    return stored


def read_identity(path: Path) -> dict[str, Any]:
    """Return the root attributes of an undamaged file: its identity, and what wrote it when. Reads no table."""
    with _opened(path, BYTE_LIMIT) as (file, _):
        return _identity(read_root(file))


def same(path_a: Path, path_b: Path) -> list[str]:
    """Name every column and attribute in which two files differ by a bit; identity and time of writing do not count."""
    a, b = load(path_a), load(path_b)
    differing = [f"attributes.{name}" for name in _differing_keys(a.data.attributes, b.data.attributes, canonical_json)]
    for table in sorted(a.schema.keys() | b.schema.keys()):
        declared = _differing_keys(a.schema.get(table, {}), b.schema.get(table, {}), repr)
        valued = _differing_keys(a.data.tables.get(table, {}), b.data.tables.get(table, {}), _array_bits)
        differing += [f"{table}/{name}" for name in sorted({*declared, *valued})] or (
            [table] if (table in a.schema) != (table in b.schema) else []
        )
    return differing if a.kind == b.kind else ["kind", *differing]


def _identity(root: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in root.items() if name != "attributes"}


@contextmanager
def _opened(path: Path, byte_limit: int) -> Iterator[tuple[h5py.File, int]]:
    """Open a sealed file of a known format; any failure inside becomes a CheckpointError that names the path."""
    with _plain_file(path, byte_limit) as handle:
        format_number = check_seal(handle, path)
        if format_number > FORMAT:
            raise CheckpointError(
                f"{path}: has format {format_number}, newer than the {FORMAT} known here; install a newer kalander"
            )
        if missing := [number for number in range(format_number, FORMAT) if number not in UPGRADES]:
            raise CheckpointError(f"{path}: has the older format {missing[0]}, and nothing here can upgrade it")
        try:
            # the open handle, not the path: what libhdf5 parses is what the digest was taken of
            with h5py.File(handle, "r") as file:
                yield file, format_number
        except Refused as reason:
            raise CheckpointError(f"{path}: {reason}") from reason
        except (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, MemoryError) as error:
            # libhdf5 answers a malformed file with any of these
            raise CheckpointError(f"{path}: cannot be parsed: {error}") from error


@contextmanager
def _plain_file(path: Path, byte_limit: int) -> Iterator[BinaryIO]:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: does not exist") from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be reached: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        raise CheckpointError(f"{path}: is a folder or a device, not a file")
    if status.st_size > byte_limit:
        raise CheckpointError(f"{path}: is {status.st_size} bytes long, more than the limit of {byte_limit}")
    with storage_errors(path, "read"), open(path, "rb") as handle:
        yield handle


def _put_text(owner: h5py.HLObject, name: str, text: str) -> None:
    encoded = text.encode("utf-8") or b"\0"  # HDF5 has no text of width 0
    owner.attrs.create(name, np.bytes_(encoded), dtype=h5py.string_dtype("utf-8", len(encoded)))


def _put_column(group: h5py.Group, name: str, column: Column, values: np.ndarray, storage: Mapping[str, Any]) -> None:
    if values.dtype.kind == "U":
        values = np.char.encode(values, "utf-8")
    if values.dtype.kind == "S":  # tagged, because libhdf5 does not convert between ASCII and UTF-8
        values = values.astype(h5py.string_dtype("utf-8", max(values.dtype.itemsize, 1)))
    # HDF5 cannot cut scalars and empty arrays into chunks, and only chunks have filters
    options = storage if values.size and values.ndim else {}
    dataset = group.create_dataset(name, data=values, track_times=False, **options)
    _put_text(dataset, "kind", column.kind)
    _put_text(dataset, "dims", " ".join(str(dim) for dim in column.dims))
    _put_text(dataset, "unit", column.unit)
    _put_text(dataset, "doc", column.doc)
    _put_text(dataset, "nullable", "true" if column.nullable else "false")


def _differing_keys(a: Mapping[str, Any], b: Mapping[str, Any], bits: Callable[[Any], Any]) -> list[str]:
    return [n for n in sorted(a.keys() | b.keys()) if n not in a or n not in b or bits(a[n]) != bits(b[n])]


def _array_bits(array: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    return array.dtype.str, array.shape, array.tobytes()


@cache
def _versions() -> dict[str, Any]:
    """Return the versions of this program and of the packages whose arithmetic or file format matters."""
    packages = {}
    for name in ("taichi", "quadrants", "numpy", "scipy", "h5py"):
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # either taichi or quadrants is installed
    return {"kalander": importlib.metadata.version("kalander"), "packages": packages}


def _python_scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} is neither a number, text, list nor mapping")
