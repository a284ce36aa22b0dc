"""The members of an ensemble as one table: a row each, with what of it is its own, its status, and its answers."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kalander.coupling.cards.card import Card, card_to_dict
from kalander.coupling.plant.tables import write_table
from kalander.kernels.errors import InputError
from kalander.twin.ensemble.record import Record

__all__ = ["WAITING", "row_of", "rows_in_order", "write_tables"]

WAITING = "waiting"


def row_of(key: str, card: Card, swept: Sequence[str], record: Record | None) -> dict[str, Any]:
    """One row: the key, values of the card under the swept keys (SI), status, reason, and answers."""
    row: dict[str, Any] = {"member": key}
    document = card_to_dict(card)
    for name in swept:
        row[name] = _cell(document, name)
    row["status"] = WAITING if record is None else record.status
    row["reason"] = "" if record is None else record.reason
    return row | dict({} if record is None else record.answers)


def rows_in_order(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the same columns in the same order, None where a member has none; a column is of one type."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    made = [{name: row.get(name) for name in columns} for row in rows]
    for name in columns:
        kinds = {type(row[name]) for row in made} - {type(None)}
        if len(kinds) > 1:
            as_one: Callable[[Any], Any] = float if kinds == {int, float} else str
            for row in made:
                row[name] = None if row[name] is None else as_one(row[name])
    return made


def write_tables(rows: list[dict[str, Any]], folder: Path) -> list[Path]:
    """table.csv, and table.parquet where pyarrow is installed. Raises StorageError."""
    written = [folder / "table.csv", folder / "table.parquet"]
    write_table(rows, written[0], as_given=True)
    try:
        write_table(rows, written[1], as_given=True)
    except InputError:  # pyarrow is missing
        return written[:1]
    return written


def _cell(document: Mapping[str, Any], key: str) -> Any:
    """A value of a card in SI, as a number, a word, or JSON."""
    found: Any = document
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    return found if found is None or isinstance(found, int | float | str) else json.dumps(found)
