"""HDF5 read as if an enemy had written it: two levels, plain numbers, bounded size, nothing from outside the file.

HDF5 can link to other files, place its data in any file the user may read, run loadable filters, hold pickled
objects, and declare 24 TiB in 2.6 KB. None of these is needed here, so everything not on a short list is refused,
and sizes are added up before the first array is allocated.
"""

import json
import math
from typing import Any, NoReturn

import h5py
import numpy as np

from kalander.kernels.columns import Column

__all__ = ["Refused", "read_columns", "read_root"]

ROOT_TEXT_BYTES = 16 << 20  # a card with every default is some 10 kB
COLUMN_TEXT_BYTES = 64 << 10
NAME_COUNT = 4096  # names in one group or attributes of one object
# deflate cannot pack more than 1032 to 1 (zlib's technical notes), so a dataset that claims more holds nothing
DEFLATE_RATIO = 1032
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
LAYOUTS = {h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED}
NUMBERS = {np.dtype(code) for code in ("<f4", "<f8", "<i4", "<i8", "|u1")}


class Refused(Exception):
    """The reason why a file is not read."""


def read_root(file: h5py.File) -> dict[str, Any]:
    """Return the root attributes, each one JSON text."""
    return {name: parse_json(_text(file, name, ROOT_TEXT_BYTES)) for name in _attribute_names(file)}


def read_columns(file: h5py.File, byte_limit: int) -> dict[str, dict[str, tuple[Column, np.ndarray]]]:
    """Return the tables of a file: table name -> column name -> its declaration in the file and its values."""
    datasets = {
        table: {name: _dataset(group, table, name) for name in _names(group, table)}
        for table, group in ((name, _group(file, name)) for name in _names(file, "the root"))
    }
    total = sum(_memory_bytes(dataset) for columns in datasets.values() for dataset in columns.values())
    if total > byte_limit:
        raise Refused(f"declares {total} bytes, more than the limit of {byte_limit}")
    return {
        table: {name: (_declaration(dataset), _values(dataset)) for name, dataset in columns.items()}
        for table, columns in datasets.items()
    }


def parse_json(text: str) -> Any:
    """Parse JSON without the NaN and Infinity that Python's parser lets through."""

    def refuse(constant: str) -> NoReturn:
        raise Refused(f"holds {constant} where JSON allows none")

    value = json.loads(text, parse_constant=refuse)
    if "\\ud" in text.lower():  # an escape that may stand for half a character, which no file or terminal takes
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise Refused("holds half of a character (a lone surrogate)") from None
    return value


def _names(group: h5py.Group, where: str) -> list[str]:
    """Return the names in a group, all of them hard links."""
    if len(group) > NAME_COUNT:
        raise Refused(f"{where} holds {len(group)} names, more than {NAME_COUNT}")
    names = list(group)
    for name in names:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise Refused(f"{where} holds a soft or external link {name!r}")
    return names


def _group(file: h5py.File, name: str) -> h5py.Group:
    group = file[name]
    if not isinstance(group, h5py.Group):
        raise Refused(f"{name!r} is not a table")
    return group


def _dataset(group: h5py.Group, table: str, name: str) -> h5py.Dataset:
    """Return a column after checking how it is stored, of what type, and that the file can hold its size."""
    where = f"column '{table}/{name}'"
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset):
        raise Refused(f"{where} is not a dataset")
    creation = dataset.id.get_create_plist()
    if creation.get_layout() not in LAYOUTS:
        raise Refused(f"{where} is a virtual dataset")
    if creation.get_external_count():
        raise Refused(f"{where} keeps its data in another file")
    filters = {creation.get_filter(index)[0] for index in range(creation.get_nfilters())}
    if not filters <= FILTERS:
        raise Refused(f"{where} needs the filters {sorted(filters - FILTERS)}")
    if not _plain(dataset):
        raise Refused(f"{where} is of type {dataset.dtype}, neither a number nor fixed text")
    _check_size(dataset, where)
    return dataset


def _plain(dataset: h5py.Dataset) -> bool:
    """Tell whether a dataset holds numbers we write, or text of fixed width."""
    if dataset.id.get_type().get_class() == h5py.h5t.STRING:
        return not dataset.id.get_type().is_variable_str()
    return dataset.dtype in NUMBERS


def _check_size(dataset: h5py.Dataset, where: str) -> None:
    if dataset.shape is None:
        raise Refused(f"{where} has no shape")
    declared = math.prod(dataset.shape) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    chunked = dataset.chunks is not None
    if declared > stored * (DEFLATE_RATIO if chunked else 1):
        raise Refused(f"{where} declares {declared} bytes of shape {dataset.shape} and holds {stored}")
    # libhdf5 allocates whole chunks, so a chunk may not be larger than the data it cuts up
    if chunked and any(chunk > length for chunk, length in zip(dataset.chunks, dataset.shape)):
        raise Refused(f"{where} has chunks {dataset.chunks} larger than its shape {dataset.shape}")


def _memory_bytes(dataset: h5py.Dataset) -> int:
    """Return what reading takes; text is widened from UTF-8 to four bytes a character."""
    widening = 5 if dataset.dtype.kind == "S" else 1
    return math.prod(dataset.shape) * dataset.dtype.itemsize * widening


def _values(dataset: h5py.Dataset) -> np.ndarray:
    values = np.asarray(dataset[()])
    return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values


def _declaration(dataset: h5py.Dataset) -> Column:
    """Return the column that the file declares in the attributes of a dataset."""
    texts = {name: _text(dataset, name, COLUMN_TEXT_BYTES) for name in _attribute_names(dataset)}
    expected = {"kind", "dims", "unit", "doc", "nullable"}
    if texts.keys() != expected:
        raise Refused(f"column {dataset.name!r} has the attributes {sorted(texts)}, expected {sorted(expected)}")
    return Column(
        kind=texts["kind"],
        dims=tuple(int(dim) if dim.isdecimal() else dim for dim in texts["dims"].split()),
        unit=texts["unit"],
        doc=texts["doc"],
        nullable=texts["nullable"] == "true",
    )


def _attribute_names(owner: h5py.HLObject) -> list[str]:
    count = h5py.h5a.get_num_attrs(owner.id)
    if count > NAME_COUNT:
        raise Refused(f"{owner.name!r} has {count} attributes, more than {NAME_COUNT}")
    return list(owner.attrs)


def _text(owner: h5py.HLObject, name: str, limit: int) -> str:
    """Return an attribute that is one UTF-8 text of fixed width."""
    attribute = owner.attrs.get_id(name)
    where = f"attribute {name!r} of {owner.name!r}"
    kind = attribute.get_type()
    if kind.get_class() != h5py.h5t.STRING or kind.is_variable_str() or attribute.shape != ():
        raise Refused(f"{where} is not a fixed text")
    if attribute.get_storage_size() > limit:
        raise Refused(f"{where} is longer than {limit} bytes")
    return bytes(owner.attrs[name]).decode("utf-8")
