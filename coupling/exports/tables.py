"""Every table of a study's stages as CSV or Parquet: one number a column and row, the unit in the column's name."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.display import flat_table
from kalander.coupling.results.study import Study
from kalander.coupling.store.store import Stored
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault, InputError

__all__ = ["csv_text", "parquet_bytes", "read_csv", "tables_of"]

WORDS = {"1": "", "m^2": "m2", "m^3": "m3", "m^5": "m5", "kg/m^3": "kg_per_m3", "S/m": "S_per_m", "N/m": "N_per_m"}


def tables_of(study: Study) -> Iterator[tuple[str, Table]]:
    """Name of each table, STAGE_TABLE, and its flat columns by name and unit, as far as stages are finished."""
    for stage, stored in study.stored.items():
        for name in stored.data.tables:
            yield f"{stage}_{name}", _named(stored, name)


def _named(stored: Stored, name: str) -> Table:
    """Columns with the unit behind their name, those of axes as one column each."""
    found: Table = {}
    for column, values in stored.data.tables[name].items():
        about = stored.schema.get(name, {}).get(column)
        unit = "" if about is None else WORDS.get(about.unit, about.unit.replace("/", "_per_").replace("^", ""))
        ending = f"_{unit.replace(' ', '_')}" if unit else ""
        found |= {f"{flat}{ending}": numbers for flat, numbers in flat_table({column: values}).items()}
    return found


def csv_text(table: Table) -> str:
    """CSV with a head; numbers with the digits that give them back to the bit, nothing where there is no number."""
    shown = io.StringIO()
    writer = csv.writer(shown, lineterminator="\n")
    writer.writerow(table)
    columns = [[_text(value) for value in values.tolist()] for values in table.values()]
    writer.writerows(zip(*columns))
    return shown.getvalue()


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else repr(value)
    return str(value)


def read_csv(path: Path) -> Table:
    """What `csv_text` wrote: whole numbers, numbers (NaN where nothing stands), else texts."""
    with path.open(newline="") as file:
        head, *rows = csv.reader(file)
    found: Table = {}
    for name, texts in zip(head, zip(*rows) if rows else [()] * len(head)):
        for kind in (np.int64, float, str):
            try:
                values = ["nan" if kind is float and text == "" else text for text in texts]
                found[name] = np.array(values, dtype=kind)
                break
            except ValueError:
                continue
    return found


def parquet_bytes(table: Table) -> bytes:
    """Parquet; numbers that do not exist are null. Raises InputError without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        why = "needs the package pyarrow"
        raise InputError(Fault("--format", "parquet", why, "pip install 'kalander[table]', or csv")) from None
    columns = {
        name: pyarrow.array(values.tolist() if values.dtype.kind in "SUO" else values, from_pandas=True)
        for name, values in table.items()
    }
    shown = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), shown)
    return shown.getvalue()
