"""Profiles across the width as CSV files: a line of names, then numbers in SI."""

import csv
import io
from pathlib import Path

import numpy as np

from kalander.coupling.store.atomic import path_errors
from kalander.kernels.errors import Fault, InputError

__all__ = ["has_column", "read_profile"]

LARGEST_FILE = 16_000_000  # bytes: beyond any gauge
LARGEST = 100.0  # m, or kg/m^2
LONGEST_LINE = 10_000
MOST_FAULTS = 20


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
    table = np.array(_numbers(rows[1:], [names.index(one) for one in ("y_m", name)], key, str(path))).reshape(-1, 2)
    if len(table) < 2:
        raise InputError(Fault(key, str(path), f"holds no profile but {len(table)} lines of numbers", "two or more"))
    table = table[np.argsort(table[:, 0], kind="stable")]
    if twice := np.flatnonzero(np.diff(table[:, 0]) <= 0.0).tolist():
        place = float(table[twice[0], 0])
        lines = [number for number, row in enumerate(rows, 1) if number > 1 and _is(row, names.index("y_m"), place)]
        where = ", ".join(map(str, lines[:4]))
        raise InputError(Fault(key, str(path), f"has a place twice, {place:g} m in lines {where}", "one line a place"))
    return table[:, 0], table[:, 1]


def has_column(path: str | Path, name: str) -> bool:
    """Whether the first line of a file names a column; False for what is no file."""
    file = Path(path)
    if not file.is_file():
        return False
    with path_errors(file, "read"), file.open("rb") as handle:
        first = handle.readline(LONGEST_LINE).decode("utf-8-sig", "replace")
    return name in [word.strip() for word in first.split(",")]


def _numbers(rows: list[list[str]], columns: list[int], key: str, path: str) -> list[list[float]]:
    """The columns of all lines that are not empty; every fault of the file, with its line."""
    found, faults = [], []
    for line, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) <= max(columns):
            faults.append(Fault(key, path, f"has {len(row)} cells in line {line}", f"{max(columns) + 1} or more"))
            continue
        try:
            values = [float(row[column]) for column in columns]
        except ValueError:
            wrong = ", ".join(repr(row[column].strip()[:20]) for column in columns)
            faults.append(Fault(key, path, f"holds what is no number in line {line} ({wrong})", "numbers in SI"))
            continue
        if not all(abs(value) <= LARGEST for value in values):  # not a number, too
            why = f"holds no place or height in line {line}"
            faults.append(Fault(key, path, why, f"finite numbers, at most {LARGEST:g}"))
            continue
        found.append(values)
    if faults:
        raise InputError(faults[:MOST_FAULTS])
    return found


def _is(row: list[str], column: int, value: float) -> bool:
    try:
        return float(row[column]) == value
    except (ValueError, IndexError):
        return False
