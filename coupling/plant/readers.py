"""Events as files hold them: JSON Lines (a file, a pipe), tables of CSV and Parquet. Nothing here trusts its input.

A table has a row for an event: the columns kind, name, time, source, id, study, parents ("drying:D-1;lot:L-2"), and a
column for a quantity with its unit, as "line_load [N/mm]", and with its deviation, as "line_load_sd [N/mm]".
"""

import csv
import json
import os
import select
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kalander.coupling.plant.quantities import QUANTITIES
from kalander.coupling.store.atomic import storage_failure
from kalander.kernels.errors import Fault, InputError

__all__ = ["LONGEST_LINE", "Item", "decoded", "read_csv", "read_events", "read_frame", "read_lines", "read_parquet"]

LONGEST_LINE = 1_000_000  # bytes of an event as text
WORDS = ("kind", "name", "time", "source", "id", "study")
PATIENCE = 0.5  # s without new lines of a pipe, after which those that came are stored
BLOCK = 1 << 16  # bytes read at once


@dataclass(frozen=True)
class Item:
    """What was read: an object that may be an event, or why it is none; `done` is called when it is stored."""

    payload: str
    where: str  # "passes.csv:12"
    source: str
    given: Any = None
    wrong: str = ""
    done: Callable[[], None] | None = None


def read_events(path: Path) -> Iterator[Item | None]:
    """Items of a file by its ending: .csv, .parquet, else JSON Lines. Raises InputError (no such file, no table)."""
    if path.suffix.lower() == ".csv":
        return read_csv(path)
    if path.suffix.lower() in (".parquet", ".pq"):
        return read_parquet(path)
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise storage_failure(error, path, "read") from None
    return read_lines(file, path.name)


def decoded(text: bytes, where: str, source: str, done: Callable[[], None] | None = None) -> Item:
    """The item of one JSON text."""
    payload = text.decode("utf-8", "backslashreplace")
    try:
        given = json.loads(text.decode("utf-8"), parse_constant=_no_number, object_pairs_hook=_object)
    except RecursionError:
        return Item(payload, where, source, wrong="is nested too deep", done=done)
    except (ValueError, UnicodeDecodeError) as error:
        return Item(payload, where, source, wrong=f"is no JSON: {error}", done=done)
    return Item(payload, where, source, given, done=done)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once: which of two values holds, nobody knows."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return made


def read_lines(file: int, source: str) -> Iterator[Item | None]:
    """Items of a file descriptor of JSON Lines, which is closed at the end; None where a pipe pauses."""
    number, rest, skipping = 0, b"", False
    try:
        while True:
            if not select.select([file], [], [], PATIENCE)[0]:
                yield None
                continue
            block = os.read(file, BLOCK)
            *lines, rest = (rest + block).split(b"\n") if block else (rest, b"")
            for line in lines:
                if skipping:  # the end of a line that was too long
                    skipping = False
                    continue
                number += 1
                if line.strip():
                    yield _line(line, f"{source}:{number}", source)
            if len(rest) > LONGEST_LINE:
                if not skipping:
                    number += 1
                    yield _line(rest, f"{source}:{number}", source)
                rest, skipping = b"", True
            if not block:
                return
    finally:
        os.close(file)


def _line(line: bytes, where: str, source: str) -> Item:
    if len(line) > LONGEST_LINE:
        payload = line[:LONGEST_LINE].decode("utf-8", "backslashreplace")
        return Item(payload, where, source, wrong=f"is longer than {LONGEST_LINE} bytes")
    return decoded(line, where, source)


def read_csv(path: Path) -> Iterator[Item]:
    """Items of a table of comma-separated values. Raises InputError where its header is none."""
    try:
        file = open(path, newline="", encoding="utf-8-sig", errors="backslashreplace")  # noqa: SIM115
    except OSError as error:
        raise storage_failure(error, path, "read") from None
    with file:
        try:
            header = next(csv.reader([file.readline(LONGEST_LINE)]), [])
            columns = _columns(header, str(path))
        except csv.Error as error:
            raise InputError(Fault(f"{path}:1", path.name, f"is no table: {error}", _FORM)) from None
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), ""), start=2):
            if not line.strip():
                continue
            where, text = f"{path.name}:{number}", line.rstrip("\r\n")
            try:
                cells = next(csv.reader([text], strict=True))
            except csv.Error as error:
                yield Item(text, where, path.name, wrong=f"is no row: {error}")
                continue
            if len(cells) != len(header):
                yield Item(text, where, path.name, wrong=f"has {len(cells)} cells, the header {len(header)}")
            else:
                yield Item(text, where, path.name, _row(columns, cells))


def read_parquet(path: Path) -> Iterator[Item]:
    """Items of a table of Parquet, which pyarrow reads (extra `thread`). Raises InputError."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(Fault(str(path), "pyarrow", "is not installed", "pip install 'kalander[thread]'")) from None
    try:
        table = pyarrow.parquet.ParquetFile(path)
        header = list(table.schema_arrow.names)
    except OSError as error:
        raise storage_failure(error, path, "read") from None
    except pyarrow.ArrowException as error:
        raise InputError(
            Fault(str(path), path.name, f"is no Parquet file: {error}", "a table as pyarrow writes it")
        ) from None
    columns = _columns(header, str(path))
    number = 0
    for batch in table.iter_batches(batch_size=1000):
        for found in batch.to_pylist():
            number += 1
            cells = ["" if found[name] is None else _told(found[name]) for name in header]
            yield Item(",".join(cells), f"{path.name}:{number}", path.name, _row(columns, cells))


def read_frame(frame: Any, source: str) -> Iterator[Item]:
    """Items of a DataFrame with the columns of a table. Raises InputError where they are none."""
    header = [str(name) for name in frame.columns]
    columns = _columns(header, source)
    for number, row in enumerate(frame.itertuples(index=False, name=None), start=1):
        cells = ["" if cell is None or cell != cell else _told(cell) for cell in row]
        yield Item(",".join(cells), f"{source}:{number}", source, _row(columns, cells))


def _told(cell: Any) -> str:
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)


_FORM = 'columns kind, name, time, source, id, study, parents, and quantities as "line_load [N/mm]"'


def _columns(header: list[str], path: str) -> list[tuple[str, str, str]]:
    """For each column a word of an event or a quantity, what of it ("", "value" or "sd"), and its unit."""
    from difflib import get_close_matches

    columns, faults = [], []
    for title in header:
        name, _, unit = title.strip().partition("[")
        name, unit = name.strip(), unit.strip().removesuffix("]").strip()
        stem = name.removesuffix("_sd")
        if name in (*WORDS, "parents"):
            columns.append((name, "", ""))
        elif stem in QUANTITIES:
            columns.append((stem, "value" if stem == name else "sd", unit))
        else:
            nearest = get_close_matches(stem, (*WORDS, "parents", *QUANTITIES), n=1)
            faults.append(Fault(f"{path}:1", title, "is no column of events", _FORM, nearest[0] if nearest else ""))
    missing = [name for name in ("kind", "name", "time") if (name, "", "") not in columns]
    if missing and not faults:
        faults.append(Fault(f"{path}:1", path, f"has no column {missing[0]!r}", _FORM))
    twice = {column for column in columns if columns.count(column) > 1}
    faults += [Fault(f"{path}:1", name, "is there twice", "one column each") for name, *_ in sorted(twice)]
    if faults:
        raise InputError(faults[:10])
    return columns


def _row(columns: list[tuple[str, str, str]], cells: list[str]) -> dict[str, Any]:
    """The object that a row describes; empty cells are not there."""
    given: dict[str, Any] = {}
    values: dict[str, dict[str, Any]] = {}
    for (name, part, unit), cell in zip(columns, cells):
        text = cell.strip()
        if not text:
            continue
        if name == "parents":
            given["parents"] = [one.strip() for one in text.split(";") if one.strip()]
        elif not part:
            given[name] = text
        else:
            of = values.setdefault(name, {})
            of[part] = _number(text)
            if unit:
                of.setdefault("unit", unit)
    if values:
        given["values"] = values
    return given


def _number(text: str) -> Any:
    """A number, or the text as it is, which is refused where it is checked."""
    try:
        return float(text)
    except ValueError:
        return text
