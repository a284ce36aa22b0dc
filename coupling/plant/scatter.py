"""How quantities scatter, from a CSV: a table of deviations and correlations, or rows of measured values.

A table has the columns `quantity` and `sd`, and perhaps a column for each quantity with coefficients of correlation.
Else a row is a cell or a disc, and a column "loading [mg/cm^2]" a quantity, of which deviations are shares of the mean
(of porosity: porosity).
"""

import csv
from itertools import combinations
from pathlib import Path

import numpy as np

from kalander.coupling.plant.tables import read_numbers
from kalander.coupling.store.atomic import storage_failure
from kalander.kernels.errors import Fault, InputError

__all__ = ["DIMENSIONS", "FEWEST_ROWS", "read_scatter"]

# column -> dimension of its unit; deviations of all but porosity are shares
DIMENSIONS: dict[str, str | None] = {
    "loading": "mass_loading", "porosity": None, "thickness": "length", "particle_size": "length", "binder": None,
    "hardness": "pressure", "gap": "length", "line_load": "line_load",
}  # fmt: skip
FEWEST_ROWS = 8
LARGEST = 1_000_000  # bytes of a table of deviations


def read_scatter(path: str | Path) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Names (k), standard deviations (k,) and correlations (k, k). Raises InputError, StorageError."""
    path = Path(path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            text = file.read(LARGEST + 1)
    except UnicodeDecodeError:
        raise InputError(Fault(str(path), path.name, "is no UTF-8 text", "a CSV file")) from None
    except OSError as error:
        raise storage_failure(error, path, "read") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    if rows and "quantity" in rows[0]:
        return _table(path, rows)
    return _measured(path)


def _measured(path: Path) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    held = read_numbers(path, DIMENSIONS)
    if unknown := [name for name in held if name not in DIMENSIONS]:
        raise InputError([_unknown(path, name) for name in unknown])
    if not held:
        raise InputError(Fault(str(path), path.name, "has no column of numbers", ", ".join(DIMENSIONS)))
    values = np.array(list(held.values()))
    values = values[:, np.isfinite(values).all(axis=0)]
    if values.shape[1] < FEWEST_ROWS:
        raise InputError(Fault(str(path), values.shape[1], "are its full rows", f"at least {FEWEST_ROWS}"))
    mean = values.mean(axis=1)
    scale = np.array([1.0 if name == "porosity" else one for name, one in zip(held, mean)])
    if not (scale > 0).all():
        raise InputError(Fault(str(path), float(scale.min()), "is the mean of a column", "above 0"))
    sd = values.std(axis=1, ddof=1) / scale
    if not (sd > 0).all():
        still = list(held)[int(np.argmin(sd))]
        raise InputError(Fault(f"{path}: {still}", still, "does not vary", "a column that scatters, or none"))
    return tuple(held), sd, np.corrcoef(values).reshape(len(sd), len(sd))


def _table(path: Path, rows: list[list[str]]) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    head, body = rows[0], rows[1:]
    faults = [
        _unknown(path, name) for name in head if name not in ("quantity", "sd", *DIMENSIONS)
    ] + [
        Fault(str(path), len(row), "is another number of cells", f"{len(head)}")
        for row in body if len(row) != len(head)
    ]  # fmt: skip
    if "sd" not in head or not body:
        faults.append(Fault(str(path), path.name, "has no deviations", "columns quantity and sd, and rows"))
    if faults:
        raise InputError(faults)
    names = [row[head.index("quantity")] for row in body]
    faults = [_unknown(path, name) for name in names if name not in DIMENSIONS]
    faults += [Fault(f"{path}: {name}", name, "is there twice", "each once") for name in names if names.count(name) > 1]
    if faults:
        raise InputError(faults)
    sd = np.array([_number(path, name, row[head.index("sd")]) for name, row in zip(names, body)])
    correlation = np.eye(len(names))
    for i, row in enumerate(body):
        for j, other in enumerate(names):
            if i != j and other in head and row[head.index(other)]:
                correlation[i, j] = _number(path, names[i], row[head.index(other)])
    for i, j in combinations(range(len(names)), 2):  # half of it may be left empty
        low, high = correlation[j, i], correlation[i, j]
        if low and high and low != high:
            where = f"{path}: {names[i]}, {names[j]}"
            raise InputError(Fault(where, high, "is not the correlation of the other order", f"{low:g}"))
        correlation[i, j] = correlation[j, i] = low or high
    return tuple(names), sd, correlation


def _number(path: Path, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(Fault(f"{path}: {name}", text, "is no number", "such as 0.018")) from None


def _unknown(path: Path, name: str) -> Fault:
    return Fault(f"{path}: {name}", name, "is a column or quantity of no known meaning", ", ".join(DIMENSIONS))
