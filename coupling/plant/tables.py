"""Tables that other tools read and write: CSV, or Parquet where pyarrow is installed."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cards.quantity import QuantityError, parse_quantity
from kalander.coupling.store.atomic import replacing, storage_failure
from kalander.kernels.errors import Fault, InputError

__all__ = ["read_numbers", "write_table"]

LARGEST = 200_000_000  # bytes of a table that is read whole


def read_numbers(path: Path, dimensions: Mapping[str, str | None]) -> dict[str, np.ndarray]:
    """Columns of numbers of a .csv, in SI; empty cells are NaN, columns of words are left out.

    A header is a name, whose numbers are SI, or "name [unit]" where `dimensions` knows the name. Raises InputError.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(Fault(str(path), path.name, "is larger than a table is", f"at most {LARGEST} bytes"))
        with open(path, newline="", encoding="utf-8-sig", errors="backslashreplace") as file:
            rows = list(csv.reader(file))
    except OSError as error:
        raise storage_failure(error, path, "read") from None
    except csv.Error as error:
        raise InputError(Fault(str(path), path.name, f"is no table: {error}", "comma-separated values")) from None
    if len(rows) < 2:
        raise InputError(Fault(str(path), path.name, "has no rows", "a header and rows of numbers"))
    ragged = [number for number, row in enumerate(rows, start=1) if len(row) != len(rows[0])]
    if ragged:
        where = f"{path}:{ragged[0]}"
        raise InputError(Fault(where, len(rows[ragged[0] - 1]), "is another number of cells", f"{len(rows[0])}"))
    found = {}
    for title, cells in zip(rows[0], zip(*rows[1:])):
        values = _numbers(cells)
        if values is not None:
            name, factor, offset = _unit_of(title, dimensions, str(path))
            if name in found:
                raise InputError(Fault(f"{path}:1", name, "is the name of two columns", "each name once"))
            found[name] = values * factor + offset
    return found


def _numbers(cells: Sequence[str]) -> np.ndarray | None:
    try:
        return np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    except ValueError:
        return None


def _unit_of(title: str, dimensions: Mapping[str, str | None], path: str) -> tuple[str, float, float]:
    """Name of a column, and factor and offset of its unit to SI. Raises InputError."""
    name, _, unit = title.strip().partition("[")
    name, unit = name.strip(), unit.strip().removesuffix("]").strip()
    if not unit or unit == "1":
        return name, 1.0, 0.0
    dimension = dimensions.get(name)
    if dimension is None:
        raise InputError(Fault(f"{path}:1", title, "has a unit that we cannot read", "numbers in SI without a unit"))
    try:
        offset = parse_quantity(f"0 {unit}", dimension)
        return name, parse_quantity(f"1 {unit}", dimension) - offset, offset
    except QuantityError as error:
        raise InputError(Fault(f"{path}:1", title, error.args[0], error.allowed, error.nearest)) from None


def write_table(rows: list[dict[str, Any]], path: Path, *, as_given: bool = False) -> list[str]:
    """Write rows to a .csv or .parquet file, whole or not at all; a row may lack cells. Returns the columns.

    as_given: columns stay in the order of the rows; else those of a row come by name, `record` first.

    Raises InputError (another ending, pyarrow missing), StorageError.
    """
    ending = path.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise InputError(Fault("output", str(path), "has an ending that we do not write", ".csv or .parquet"))
    ordered = (row if as_given else sorted(row, key=lambda name: (name != "record", name)) for row in rows)
    columns = list(dict.fromkeys(name for row in ordered for name in row))
    with replacing(path) as file:
        file.write(_csv(columns, rows) if ending == ".csv" else _parquet(columns, rows))
    return columns


def _csv(columns: list[str], rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[row.get(name, "") for name in columns] for row in rows])
    return text.getvalue().encode()


def _parquet(columns: list[str], rows: list[dict[str, Any]]) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(Fault("output", ".parquet", "needs pyarrow", "pip install 'kalander[thread]'")) from None
    held = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({name: [row.get(name) for row in rows] for name in columns}), held)
    return held.getvalue()
