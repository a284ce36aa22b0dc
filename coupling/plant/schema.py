"""Tables of the thread, and the steps by which a store of an older version becomes one of this.

A record is a thing with a name; `link` says what it was made of; an event brought values; what could not be read is in
quarantine; a campaign asks for trials. A step of MIGRATIONS, once released, never changes: what is new becomes a step
of its own.
"""

from collections.abc import Callable

from sqlalchemy import DDL, Column, Connection, Float, ForeignKey, Integer, MetaData, Table, Text, select

__all__ = [
    "MIGRATIONS", "campaign", "event", "link", "migrate", "quarantine", "record", "trial", "value", "version",
    "version_of",
]  # fmt: skip

metadata = MetaData()

version = Table("kalander_thread", metadata, Column("version", Integer, primary_key=True))

record = Table(
    "record", metadata,
    Column("key", Text, primary_key=True),  # "kind:name"
    Column("kind", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
)  # fmt: skip

link = Table(
    "link", metadata,
    Column("child", Text, ForeignKey("record.key"), primary_key=True),
    Column("parent", Text, ForeignKey("record.key"), primary_key=True, index=True),
)  # fmt: skip

event = Table(
    "event", metadata,
    Column("identity", Text, primary_key=True),
    Column("digest", Text, nullable=False),  # sha256 of what it said
    Column("record", Text, ForeignKey("record.key"), nullable=False, index=True),
    Column("time", Float, nullable=False),  # s since 1970, UTC
    Column("source", Text, nullable=False),
    Column("study", Text, nullable=False),  # key of the study that computed it; empty for what was measured
)  # fmt: skip

value = Table(
    "value", metadata,
    Column("event", Text, ForeignKey("event.identity"), primary_key=True),
    Column("quantity", Text, primary_key=True),
    Column("value", Float, nullable=False),  # SI
    Column("sd", Float),  # standard deviation, SI
    Column("unit", Text, nullable=False),
)  # fmt: skip

quarantine = Table(
    "quarantine", metadata,
    Column("digest", Text, primary_key=True),  # sha256 of the payload and its source
    Column("payload", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("received", Float, nullable=False),  # s since 1970, UTC
)  # fmt: skip

campaign = Table(
    "campaign", metadata,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),  # sha256 of the case
    Column("document", Text, nullable=False),  # the case as JSON
    Column("begun", Float, nullable=False),  # s since 1970, UTC
)  # fmt: skip

trial = Table(
    "trial", metadata,
    Column("campaign", Text, ForeignKey("campaign.name"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("parameters", Text, nullable=False),  # JSON, in the units of the case
    Column("status", Text, nullable=False),  # pending, done or failed
    Column("outcomes", Text),  # JSON, of one that is done
    Column("asked", Float, nullable=False),  # s since 1970, UTC
    Column("told", Float),
)  # fmt: skip


def _first_tables(connection: Connection) -> None:
    metadata.create_all(connection, tables=[version, record, link, event, value, quarantine])


def _quantities_are_searched(connection: Connection) -> None:
    """Tables of the surrogate read one quantity of all records."""
    connection.execute(DDL("CREATE INDEX IF NOT EXISTS value_by_quantity ON value (quantity)"))


def _campaigns_of_trials(connection: Connection) -> None:
    metadata.create_all(connection, tables=[campaign, trial])


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    _first_tables,
    _quantities_are_searched,
    _campaigns_of_trials,
)


def version_of(connection: Connection) -> int:
    """The version that a store says it has; 0 for an empty database."""
    if not connection.dialect.has_table(connection, version.name):
        return 0
    return connection.execute(select(version.c.version)).scalar() or 0


def migrate(connection: Connection, steps: tuple[Callable[[Connection], None], ...] = MIGRATIONS) -> int:
    """Bring a store to the newest version within the transaction of the connection; returns the version it had."""
    had = version_of(connection)
    for step in steps[had:]:
        step(connection)
    if had < len(steps):
        connection.execute(version.delete())
        connection.execute(version.insert().values(version=len(steps)))
    return had
