"""Who was made of what: ancestors of a record with their values, and tables in which a row knows its whole past."""

from collections import defaultdict
from difflib import get_close_matches
from typing import Any

from kalander.coupling.plant.quantities import KINDS
from kalander.coupling.plant.store import PlantStore
from kalander.kernels.errors import Fault, InputError

__all__ = ["lineage", "overview", "table"]

SHOWN = 5  # reasons of quarantine


def lineage(store: PlantStore, record: str) -> dict[str, Any]:
    """A record ("cell:C-7", or a name that is there once) and all that it was made of, with their latest values.

    Returns `record` and `ancestors`, nearest first, each with key, distance [generations], parents and values in SI
    (value, sd, unit, time [s since 1970], source, study). Raises InputError: no such record.
    """
    key = _record(store, record)
    found = _ancestors(store, key)
    values, parents = _values(store, set(found)), _parents(store, set(found))
    rows = [
        {"record": one, "distance": found[one], "parents": parents[one], "values": values[one]}
        for one in sorted(found, key=lambda one: (found[one], one))
    ]
    return {"record": rows[0], "ancestors": rows[1:]}


def _record(store: PlantStore, given: str) -> str:
    from sqlalchemy import or_, select

    from kalander.coupling.plant.schema import record

    keys = [
        row["key"] for row in store.read(select(record.c.key).where(or_(record.c.key == given, record.c.name == given)))
    ]
    if len(keys) == 1:
        return str(keys[0])
    if keys:
        raise InputError(Fault("record", given, "is the name of several records", ", ".join(sorted(keys))))
    names = [row["key"] for row in store.read(select(record.c.key).limit(10_000))]
    nearest = get_close_matches(given, names, n=1)
    raise InputError(Fault("record", given, "is not in the store", 'such as "cell:C-7"', nearest[0] if nearest else ""))


def _ancestors(store: PlantStore, key: str) -> dict[str, int]:
    """Records that a record was made of, and itself, with their distance; a circle ends where it closes."""
    from sqlalchemy import select

    from kalander.coupling.plant.schema import link

    found, front = {key: 0}, [key]
    while front:
        rows = [
            row for part in _parts(front) for row in store.read(select(link.c.parent).where(link.c.child.in_(part)))
        ]
        distance = found[front[0]] + 1
        front = sorted({row["parent"] for row in rows} - set(found))
        found |= dict.fromkeys(front, distance)
    return found


def _parts(keys: list[str], most: int = 500) -> list[list[str]]:
    """Lists of at most so many keys: databases bound the number of parameters."""
    return [keys[first : first + most] for first in range(0, len(keys), most)]


def _parents(store: PlantStore, keys: set[str]) -> dict[str, list[str]]:
    from sqlalchemy import select

    from kalander.coupling.plant.schema import link

    found = defaultdict(list)
    for part in _parts(sorted(keys)):
        for row in store.read(select(link).where(link.c.child.in_(part)).order_by(link.c.parent)):
            found[row["child"]].append(row["parent"])
    return found


def _values(store: PlantStore, keys: set[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Of each record the latest value of each quantity."""
    from sqlalchemy import select

    from kalander.coupling.plant.schema import event, value

    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    asked = select(
        event.c.record, event.c.time, event.c.source, event.c.study,
        value.c.quantity, value.c.value, value.c.sd, value.c.unit,
    ).join(value, value.c.event == event.c.identity)  # fmt: skip
    for part in _parts(sorted(keys)):
        rows = store.read(asked.where(event.c.record.in_(part)).order_by(event.c.time, event.c.identity))
        for row in rows:
            found[row.pop("record")][row.pop("quantity")] = row
    return found


def table(store: PlantStore, kind: str) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for each record of a kind: its values, and those of all it was made of as "kind.quantity", in SI.

    Where several ancestors of one kind have a quantity (two lots in a slurry), none is the record's: the cell is empty,
    and a note says so. Returns rows and notes. Raises InputError: no such kind.
    """
    from sqlalchemy import select

    from kalander.coupling.plant.schema import link, record

    if kind not in KINDS:
        raise InputError(Fault("kind", kind, "is unknown", ", ".join(KINDS)))
    keys = [row["key"] for row in store.read(select(record.c.key).where(record.c.kind == kind).order_by(record.c.key))]
    parents = defaultdict(list)
    for made in store.read(select(link)):
        parents[made["child"]].append(made["parent"])
    past = {key: _past(key, parents) for key in keys}
    values = _values(store, {one for found in past.values() for one in found})
    rows, several = [], set()
    for key in keys:
        row: dict[str, Any] = {"record": key}
        held: dict[str, set[str]] = defaultdict(set)
        for one in past[key]:
            for quantity, found in values[one].items():
                column = quantity if one == key else f"{one.partition(':')[0]}.{quantity}"
                held[column].add(one)
                row[column] = found["value"]
        for column in (column for column, of in held.items() if len(of) > 1):
            del row[column]
            several.add(column)
        rows.append(row)
    return rows, [f"{column}: several of a record's ancestors have one; left empty there" for column in sorted(several)]


def _past(key: str, parents: dict[str, list[str]]) -> list[str]:
    found, front = [key], [key]
    while front:
        front = sorted({parent for one in front for parent in parents.get(one, ())} - set(found))
        found += front
    return found


def overview(store: PlantStore) -> dict[str, Any]:
    """How many records of each kind, events, values, and what lies in quarantine, with the latest reasons."""
    from sqlalchemy import func, select

    from kalander.coupling.plant.schema import MIGRATIONS, event, quarantine, record, value

    kinds = {row["kind"]: row["n"] for row in
             store.read(select(record.c.kind, func.count().label("n")).group_by(record.c.kind))}  # fmt: skip
    numbers = {
        name: store.read(select(func.count().label("n")).select_from(of))[0]["n"]
        for name, of in (("events", event), ("values", value), ("quarantined", quarantine))
    }
    latest = store.read(select(quarantine).order_by(quarantine.c.received.desc(), quarantine.c.digest).limit(SHOWN))
    return {
        "store": store.name, "version": len(MIGRATIONS),
        "records": {kind: kinds[kind] for kind in KINDS if kind in kinds}, **numbers,
        "quarantine": [{"where": one["source"], "reason": one["reason"], "payload": one["payload"]} for one in latest],
    }  # fmt: skip
