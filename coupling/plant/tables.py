"""Rows of the thread as a table that other tools read: CSV, or Parquet where pyarrow is installed."""

import csv
import io
from pathlib import Path
from typing import Any

from kalander.coupling.store.atomic import replacing
from kalander.kernels.errors import Fault, InputError

__all__ = ["write_table"]


def write_table(rows: list[dict[str, Any]], path: Path) -> list[str]:
    """Write rows to a .csv or .parquet file, whole or not at all; a row may lack cells. Returns the columns.

    Raises InputError (another ending, pyarrow missing), StorageError.
    """
    ending = path.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise InputError(Fault("output", str(path), "has an ending that we do not write", ".csv or .parquet"))
    columns = list(
        dict.fromkeys(name for row in rows for name in sorted(row, key=lambda name: (name != "record", name)))
    )
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
