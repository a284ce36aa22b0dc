"""`kalander thread`: what a plant records, from lots to cells, in one store."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json

__all__ = ["EXAMPLE", "thread"]

EXAMPLE = "kalander thread ingest plant.db events.csv"
STORED = "interrupted; all that was counted is stored, and events that are sent again count once"

thread = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None,
    help="Keep what a plant records: lots, slurries, coatings, passes, microstructures, cells, tests, and who was made "
    "of what. STORE is a file (SQLite), or a URL such as postgresql+pg8000://USER@HOST/DATABASE.",
)  # fmt: skip

Store = Annotated[str, typer.Argument(metavar="STORE", help="a file, or a URL of PostgreSQL")]


@thread.command(epilog="Example: kalander thread init plant.db")
def init(store: Store, json_output: Json = False, debug: Debug = False) -> None:
    """Make a store, or bring an older one to this version; a store that is there keeps what it holds."""

    def work() -> dict[str, Any]:
        from kalander.coupling.plant.store import PlantStore
        from kalander.twin.thread.lineage import overview

        with PlantStore(store, create=True) as opened:
            return {"had_version": opened.had, **overview(opened)}

    answer(work, json_output, debug)


@thread.command(epilog=f"Example: {EXAMPLE}")
def ingest(
    store: Store,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILES]", help="CSV, Parquet or JSON Lines; - for stdin")
    ] = None,
    mqtt: Annotated[
        str | None, typer.Option("--mqtt", help="broker and topic, mqtt://USER@HOST:1883/plant/#, until Ctrl-C")
    ] = None,
    client_name: Annotated[
        str, typer.Option("--client", help="name by which the broker keeps messages while nobody listens")
    ] = "kalander-thread",
    idle: Annotated[str | None, typer.Option("--idle", help='leave the broker after a silence, "30 s"')] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Store events of files, of stdin or of an MQTT broker; the same event twice is one, a bad one is set aside."""

    def work() -> dict[str, Any]:
        from dataclasses import asdict

        from kalander.coupling.plant.store import Counts, PlantStore
        from kalander.twin.thread.ingest import ingest as ingested

        with PlantStore(store) as opened, _ended_by_sigterm():
            total = Counts()
            for items in _sources(files, mqtt, client_name, idle):
                for counts in ingested(opened, items):
                    total += counts
                    _tell(total)
            return {"store": opened.name, **asdict(total)}

    answer(work, json_output, debug, interrupted=STORED)


def _sources(files: list[str] | None, mqtt: str | None, client_name: str, idle: str | None) -> Iterator[Any]:
    """Iterators of items, one a file or the broker. Raises InputError."""
    from kalander.coupling.plant.readers import read_events, read_lines
    from kalander.kernels.errors import Fault, InputError

    if not files and mqtt is None:
        raise InputError(Fault("FILES", "", "are missing", "files, - for stdin, or --mqtt"))
    for name in files or ():
        yield read_lines(sys.stdin.fileno(), "stdin") if name == "-" else read_events(Path(name))
    if mqtt is not None:
        from kalander.coupling.plant.broker import messages

        yield _until_silent(messages(mqtt, client_name), idle)


def _until_silent(items: Iterator[Any], idle: str | None) -> Iterator[Any]:
    """Items until none has come for a while; without a while, for ever."""
    from kalander.coupling.plant.readers import PATIENCE
    from kalander.runs.shell.options import times_of

    longest = float("inf") if idle is None else times_of(idle, None)["save_every"]
    silent = 0.0
    for item in items:
        silent = silent + PATIENCE if item is None else 0.0
        yield item
        if silent >= longest:
            return


def _tell(total: Any) -> None:
    if sys.stderr.isatty():
        print(f"\r{total.stored} stored, {total.known} known, {total.quarantined} set aside", end="", file=sys.stderr)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let a scheduler's SIGTERM end the work as Ctrl-C does."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@thread.command(epilog='Example: kalander thread add plant.db studies/nmc111 --parent "pass:P-17"')
def add(
    store: Store,
    study: Annotated[Path, typer.Argument(help="folder of a study")],
    name: Annotated[str, typer.Option(help="of its records; that of the folder if not given")] = "",
    parent: Annotated[
        list[str] | None, typer.Option(help='what the electrode was made of, "drying:D-12"; as often as needed')
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Register what a study has computed: passes and microstructures, with the keys of its stages."""

    def work() -> dict[str, Any]:
        from dataclasses import asdict

        from kalander.coupling.plant.store import PlantStore
        from kalander.coupling.results.study import Study
        from kalander.twin.thread.studies import study_events

        events = study_events(Study.open(study), name, tuple(parent or ()))
        with PlantStore(store) as opened:
            return {"store": opened.name, **asdict(opened.add(events)), "records": [one.record for one in events]}

    answer(work, json_output, debug)


@thread.command(epilog="Example: kalander thread show plant.db --json")
def show(store: Store, json_output: Json = False, debug: Debug = False) -> None:
    """Say how much a store holds, and what was set aside and why."""

    def work() -> dict[str, Any]:
        from kalander.coupling.plant.store import PlantStore
        from kalander.twin.thread.lineage import overview

        with PlantStore(store) as opened:
            return overview(opened)

    answer(work, json_output, debug)


@thread.command(epilog="Example: kalander thread lineage plant.db cell:C-7")
def lineage(
    store: Store,
    record: Annotated[str, typer.Argument(help='"kind:name", or a name that is there once')],
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Say what a cell, or anything else, was made of, back to the lots, with all that was measured on the way."""

    def work() -> dict[str, Any]:
        from kalander.coupling.plant.store import PlantStore
        from kalander.twin.thread.lineage import lineage as found

        with PlantStore(store) as opened:
            return found(opened, record)

    answer(work, json_output, debug, show=_tree)


def _tree(told: dict[str, Any]) -> None:
    """Ancestors as lines, each under what was made of it; values as numbers in SI with unit and source."""
    from kalander.runs.shell.failures import printable

    rows = {row["record"]: row for row in (told["record"], *told["ancestors"])}

    def tell(key: str, depth: int, seen: frozenset[str]) -> None:
        row, indent = rows[key], "  " * depth
        print(f"{indent}{printable(key)}")
        for quantity, value in row["values"].items():
            sd = "" if value["sd"] is None else f" +- {value['sd']:.3g}"
            unit = "" if value["unit"] == "1" else f" {value['unit']}"
            print(f"{indent}  {quantity} {value['value']:.6g}{sd}{unit} ({printable(value['source'])})")
        for parent in row["parents"]:
            if parent not in seen:
                tell(parent, depth + 1, seen | {key})

    tell(told["record"]["record"], 0, frozenset())


@thread.command(epilog="Example: kalander thread export plant.db cell cells.csv")
def export(
    store: Store,
    kind: Annotated[str, typer.Argument(help="lot, slurry, coating, drying, pass, microstructure, cell or test")],
    output: Annotated[Path, typer.Argument(help="a .csv or .parquet file")],
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Write a table: a row for each record of a kind, with its values and those of all it was made of, in SI."""

    def work() -> dict[str, Any]:
        from kalander.coupling.plant.store import PlantStore
        from kalander.coupling.plant.tables import write_table
        from kalander.twin.thread.lineage import table

        with PlantStore(store) as opened:
            rows, notes = table(opened, kind)
        return {"rows": len(rows), "columns": write_table(rows, output), "notes": notes, "file": str(output)}

    answer(work, json_output, debug)
