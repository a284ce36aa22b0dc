"""The store of a plant's data: SQLite in a file, or PostgreSQL by a URL, through SQLAlchemy.

Events arrive in batches; a batch is one transaction, so that a process that dies loses none that it has called stored.
The same event twice is one: its identity is the key. Statements bind their parameters; no text of an event is SQL.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kalander.coupling.plant.event import Event
from kalander.kernels.errors import CheckpointError, Fault, InputError, StorageError

__all__ = ["Counts", "PlantStore", "Rejected"]

BUSY_MILLISECONDS = 60_000  # for which a writer waits for another
LONGEST_PAYLOAD = 4000  # characters of it that quarantine keeps
CHUNK = 500  # names in one question; databases bound the number of parameters
LONGEST_REASON = 2000  # characters
BACKENDS = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Rejected:
    """What could not be read, whence it came, and why not."""

    payload: str
    source: str
    reason: str


@dataclass(frozen=True)
class Counts:
    """What became of events: stored anew, known already, put in quarantine."""

    stored: int = 0
    known: int = 0
    quarantined: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.stored + other.stored, self.known + other.known, self.quarantined + other.quarantined
        )  # fmt: skip


def _sqlalchemy() -> Any:
    try:
        import sqlalchemy
    except ImportError:
        allowed = "pip install 'kalander[thread]'"
        raise InputError(Fault("thread", "sqlalchemy", "is not installed", allowed)) from None
    return sqlalchemy


class PlantStore:
    """An open store. url: a path, which is SQLite, or a URL of SQLAlchemy such as postgresql+pg8000://user@host/plant.

    create: make the store where there is none; otherwise that is an error. Raises InputError (no such store, a bad
    URL), CheckpointError (a file that is no store, or a newer one), StorageError (a database that does not answer).
    """

    def __init__(self, url: str | Path, *, create: bool = False) -> None:
        sqlalchemy = _sqlalchemy()
        self.url = _url(url)
        self.name = str(self.url.database if self.url.get_backend_name() == "sqlite" else self.url)  # no password
        self._file = self.url.get_backend_name() == "sqlite"
        if self._file and not create and not Path(str(self.url.database)).is_file():
            raise InputError(Fault("store", self.name, "does not exist", "a store that `kalander thread init` made"))
        try:
            self.engine = sqlalchemy.create_engine(self.url)
        except ImportError as error:
            allowed = "pip install 'kalander[thread]', whose driver is postgresql+pg8000://"
            raise InputError(Fault("store", self.name, f"needs a driver: {error}", allowed)) from None
        if self._file:
            sqlalchemy.event.listen(self.engine, "connect", _prepare)
            sqlalchemy.event.listen(self.engine, "begin", _take_turns)
        self.had = self._open(create)

    def _open(self, create: bool) -> int:
        from kalander.coupling.plant.schema import MIGRATIONS, migrate, version_of

        with self.transaction() as connection:
            had = version_of(connection)
            if had > len(MIGRATIONS):
                raise CheckpointError(
                    f"{self.name}: is a store of version {had}, this is {len(MIGRATIONS)}; update kalander"
                )
            if had == 0 and not create:
                raise InputError(Fault("store", self.name, "holds no thread", "`kalander thread init` makes one"))
            return migrate(connection)

    @contextmanager
    def transaction(self, *, reading: bool = False) -> Iterator[Any]:
        """A connection whose statements take effect together at the end of the block. Raises StorageError."""
        from sqlalchemy.exc import DatabaseError, InterfaceError

        try:
            with self.engine.execution_options(reading=reading).begin() as connection:
                yield connection
        except (DatabaseError, InterfaceError) as error:
            why = str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__
            if any(sign in why for sign in ("not a database", "malformed")):
                raise CheckpointError(f"{self.name}: {why}") from None
            remedy = "look at its path, its disk and who else writes to it"
            raise StorageError(f"{self.name}: the store does not answer: {why}; {remedy}") from None

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> "PlantStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, events: Sequence[Event], rejected: Sequence[Rejected] = ()) -> Counts:
        """Store events and what could not be read, all together or nothing; returns what became of each.

        An event of a known identity that says something else is put in quarantine: one of the two is wrong.
        """
        with self.transaction() as connection:
            return self.add_within(connection, events, rejected)

    def add_within(self, connection: Any, events: Sequence[Event], rejected: Sequence[Rejected] = ()) -> Counts:
        """`add` as a part of a transaction, together with whatever else it holds."""
        from kalander.coupling.plant.schema import event, link, record, value

        new: dict[str, Event] = {}
        changed, known = [], 0
        before = self._digests(connection, {one.identity for one in events})
        for one in events:
            first = new[one.identity].digest if one.identity in new else before.get(one.identity)
            if first is None:
                new[one.identity] = one
            elif first == one.digest:
                known += 1
            else:
                reason = f"event.id: {one.identity!r} belongs to another event"
                changed.append(Rejected(json.dumps(_plain(one)), one.source, reason))
        fresh = list(new.values())
        keys = sorted({key for one in fresh for key in (one.record, *one.parents)})
        links = sorted({(one.record, parent) for one in fresh for parent in one.parents})
        self.put(connection, record, [dict(zip(("kind", "name"), key.split(":", 1)), key=key) for key in keys])
        self.put(connection, link, [{"child": child, "parent": parent} for child, parent in links])
        self.put(connection, event, [_row_of(one) for one in fresh])
        self.put(connection, value, [{"event": one.identity, **found} for one in fresh for found in _values(one)])
        return Counts(len(fresh), known, self._quarantine(connection, [*rejected, *changed]))

    def _digests(self, connection: Any, identities: set[str]) -> dict[str, str]:
        """Digests of the stored among these events."""
        from sqlalchemy import select

        from kalander.coupling.plant.schema import event

        found: dict[str, str] = {}
        names = sorted(identities)
        for first in range(0, len(names), CHUNK):
            asked = event.c.identity.in_(names[first : first + CHUNK])
            rows = connection.execute(select(event.c.identity, event.c.digest).where(asked))
            found |= dict(rows.all())
        return found

    def put(self, connection: Any, table: Any, rows: list[dict[str, Any]]) -> None:
        """Insert rows of a table within a transaction; those whose key is there stay as they are."""
        if rows:
            dialect = connection.dialect.name
            insert = __import__(f"sqlalchemy.dialects.{dialect}", fromlist=["insert"]).insert
            connection.execute(insert(table).on_conflict_do_nothing(), rows)

    def _quarantine(self, connection: Any, rejected: Sequence[Rejected]) -> int:
        from kalander.coupling.plant.schema import quarantine

        received = time.time()
        rows = [
            {
                "digest": hashlib.sha256(f"{one.source}\n{one.payload}".encode(errors="replace")).hexdigest(),
                "payload": _storable(one.payload, LONGEST_PAYLOAD), "source": _storable(one.source, LONGEST_PAYLOAD),
                "reason": _storable(one.reason, LONGEST_REASON), "received": received,
            }
            for one in rejected
        ]  # fmt: skip
        self.put(connection, quarantine, rows)
        return len(rows)

    def read(self, statement: Any) -> list[dict[str, Any]]:
        """Rows of a statement of SQLAlchemy as dictionaries."""
        with self.transaction(reading=True) as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]


def _url(given: str | Path) -> Any:
    """A URL of SQLAlchemy; a plain path is a file of SQLite. Raises InputError."""
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    if "://" not in str(given):
        return URL.create("sqlite", database=str(given))
    try:
        url = make_url(str(given))
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in BACKENDS or not url.database:
        allowed = "a path, or postgresql+pg8000://USER@HOST/DATABASE"
        raise InputError(Fault("store", _hidden(str(given)), "is no store that we know", allowed))
    return url


def _hidden(url: str) -> str:
    """A URL without its password."""
    return re.sub(r"(?<=:)[^:@/]+(?=@)", "***", url)


def _prepare(connection: Any, _: Any) -> None:
    """Settings of SQLite for each connection: readers beside a writer, foreign keys, safe against a loss of power."""
    connection.isolation_level = None  # SQLAlchemy begins and ends, not the driver
    cursor = connection.cursor()
    for setting in (f"busy_timeout = {BUSY_MILLISECONDS}", "journal_mode = WAL", "synchronous = FULL",
                    "foreign_keys = ON", "trusted_schema = OFF"):  # fmt: skip
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _take_turns(connection: Any) -> None:
    """A writer of SQLite takes its turn when it begins, so that no two wait for each other half way."""
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _storable(text: str, longest: int) -> str:
    """A text that every database takes: cut, without the character 0 and half surrogates."""
    cut = text if len(text) <= longest else text[: longest - 3] + "..."
    return cut.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _row_of(one: Event) -> dict[str, Any]:
    names = ("identity", "digest", "record", "time", "source", "study")
    return {name: getattr(one, name) for name in names}


def _values(one: Event) -> list[dict[str, Any]]:
    return [{"quantity": each.quantity, "value": each.value, "sd": each.sd, "unit": each.unit} for each in one.values]


def _plain(one: Event) -> dict[str, Any]:
    """An event in SI, for people who look into quarantine."""
    return {**_row_of(one), "parents": list(one.parents), "values": _values(one)}
