"""Where tables disagree with their declaration: one sentence a fault, for files being written and being read."""

from collections.abc import Iterator, Mapping

import numpy as np

from kalander.kernels.columns import Column, Table, check_table

__all__ = ["Schema", "declaration_faults", "saved_columns", "shape_faults", "value_faults"]

Schema = Mapping[str, Mapping[str, Column]]
"""Table name -> column name -> declaration."""

# files are little-endian on every machine; "real" has the precision of the run
CODES = {"real": ("<f4", "<f8"), "f8": ("<f8",), "i4": ("<i4",), "i8": ("<i8",), "u1": ("|u1",)}
NUMBER_TYPES = {kind: tuple(np.dtype(code) for code in codes) for kind, codes in CODES.items()}


def saved_columns(schema: Schema) -> Schema:
    """Return the columns that files hold; the others are derived again after reading."""
    return {
        table: {name: column for name, column in columns.items() if column.saved} for table, columns in schema.items()
    }


def declaration_faults(declared: Schema, expected: Schema) -> Iterator[str]:
    """Yield where a column in a file means something else than expected; the wording of its doc may change."""
    for table in sorted(declared.keys() & expected.keys()):
        for name in sorted(declared[table].keys() & expected[table].keys()):
            there, here = declared[table][name], expected[table][name]
            if (there.kind, there.dims, there.unit) != (here.kind, here.dims, here.unit):
                yield (
                    f"column '{table}/{name}' is {there.kind} {there.dims} [{there.unit}], "
                    f"expected {here.kind} {here.dims} [{here.unit}]"
                )


def shape_faults(tables: Mapping[str, Table], schema: Schema) -> Iterator[str]:
    """Yield missing and foreign tables and columns, wrong types, and dimensions that do not agree."""
    for table in sorted(schema.keys() ^ tables.keys()):
        yield f"table {table!r} is {'missing' if table in schema else 'not known'}"
    for table in sorted(schema.keys() & tables.keys()):
        for fault in check_table(tables[table], schema[table]):
            yield f"table {table!r}: {fault}"
        for name in sorted(schema[table].keys() & tables[table].keys()):
            expected = NUMBER_TYPES.get(schema[table][name].kind)
            if expected is not None and tables[table][name].dtype not in expected:
                found, codes = tables[table][name].dtype.str, " or ".join(dtype.str for dtype in expected)
                yield f"column '{table}/{name}' is of type {found}, expected {codes}"


def value_faults(tables: Mapping[str, Table], schema: Schema) -> Iterator[str]:
    """Yield the first value of each real column that is not finite; NaN passes where the column is nullable."""
    for table, columns in schema.items():
        for name, column in columns.items():
            if column.saved and column.kind in ("real", "f8"):
                values = tables[table][name]
                wrong = np.isinf(values) if column.nullable else ~np.isfinite(values)
                if wrong.any():
                    where = [int(index) for index in np.argwhere(wrong)[0]]
                    yield f"column '{table}/{name}' holds {values[tuple(where)]} at {where}"
