"""Profiles across the width as CSV files: a line of names, then numbers in SI."""

import csv
import io
from pathlib import Path

import numpy as np

from kalander.coupling.store.atomic import path_errors
from kalander.kernels.errors import Fault, InputError

__all__ = ["read_profile"]

LARGEST_FILE = 16_000_000  # bytes: beyond any gauge


def read_profile(path: str | Path, name: str, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Places y_m, ascending and apart, and the column of a name, shape (n,), n at least 2; key: of the case, for
    faults.

    Other columns are let be. Raises InputError, StorageError.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(Fault(key, str(path), "is no file", f"a CSV file with the columns y_m, {name}"))
    with path_errors(file, "read"):
        if file.stat().st_size > LARGEST_FILE:
            raise InputError(Fault(key, str(path), "is too large", f"up to {LARGEST_FILE} bytes"))
        content = file.read_bytes()
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as unreadable:
        raise InputError(Fault(key, str(path), f"is no CSV file ({unreadable})", f"columns y_m, {name}")) from None
    names = [word.strip() for word in rows[0]] if rows else []
    if "y_m" not in names or name not in names:
        raise InputError(Fault(key, str(path), f"has the columns {', '.join(names)[:80]}", f"y_m, {name}"))
    try:
        table = np.array([[float(row[names.index(one)]) for one in ("y_m", name)] for row in rows[1:] if row])
    except (ValueError, IndexError) as wrong:
        raise InputError(Fault(key, str(path), f"holds what is no number ({wrong})", "numbers in SI")) from None
    if len(table) < 2 or not np.all(np.isfinite(table)) or np.any(np.abs(table) > 100.0):
        raise InputError(Fault(key, str(path), "holds no profile", "two lines or more of finite numbers in metres"))
    table = table[np.argsort(table[:, 0])]
    if np.any(np.diff(table[:, 0]) <= 0.0):
        raise InputError(Fault(key, str(path), "has a place twice", "one line a place"))
    return table[:, 0], table[:, 1]
