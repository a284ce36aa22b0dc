"""Many studies: the members of a sweep, each a folder of its own, one after another or on a cluster, as one table."""

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from kalander.coupling.cards.card import Card
from kalander.coupling.cases.sweep import Variant, load_sweep, sweep_case, variants
from kalander.coupling.store.atomic import own_folder, path_errors, replacing
from kalander.coupling.store.lock import locked
from kalander.coupling.study.signals import stop_requests
from kalander.kernels.asked import asked
from kalander.kernels.device.backend import Device
from kalander.kernels.device.devices import DEVICES, PRECISIONS
from kalander.kernels.device.host import available_cores, thread_count
from kalander.kernels.errors import Fault, InputError, Interrupted, NumericalError
from kalander.twin.ensemble.cluster import SLURM, compute_members, dask_modules
from kalander.twin.ensemble.member import compute
from kalander.twin.ensemble.record import (
    DONE,
    FAILED,
    MEMBERS,
    Record,
    forget,
    member_folder,
    member_key,
    put_card,
    read_record,
)
from kalander.twin.ensemble.table import row_of, rows_in_order, write_tables

__all__ = ["Ensemble", "ensemble"]

NAME = "ensemble.json"
PATIENCE = 600.0  # s, for a scheduler that is lost


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The members of a sweep in a folder: keys in order, cards, what of each is its own, and what became of it."""

    folder: Path
    keys: tuple[str, ...]
    members: tuple[Variant, ...]
    records: Mapping[str, Record] = field(default_factory=dict)
    tables: tuple[Path, ...] = ()

    @classmethod
    def of(cls, folder: Path, members: list[Variant], precision: str) -> Self:
        """The members, and the records that are there already."""
        keys = tuple(member_key(one.card, precision) for one in members)
        found = {key: read_record(member_folder(folder, key)) for key in keys}
        return cls(folder, keys, tuple(members), {key: record for key, record in found.items() if record is not None})

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row a member: its key, its own values in SI, status, reason, answers in SI; all have the same columns."""
        swept = list(dict.fromkeys(key for one in self.members for key in one.changes))
        return rows_in_order([
            row_of(key, one.card, swept, self.records.get(key)) for key, one in zip(self.keys, self.members)
        ])  # fmt: skip

    def of_status(self, status: str) -> list[str]:
        """Keys of the members that are done, or have failed."""
        return [key for key in self.keys if key in self.records and self.records[key].status == status]

    def to_dataframe(self) -> Any:
        """The rows as a DataFrame of pandas. Raises InputError where that is not installed."""
        try:
            import pandas
        except ImportError:
            raise InputError(Fault("to_dataframe", "pandas", "is not installed", "pip install pandas")) from None
        return pandas.DataFrame(self.rows)

    def refuse_failures(self) -> None:
        """Raise NumericalError where members failed, with how many and why the first."""
        failed = self.of_status(FAILED)
        if failed:
            raise NumericalError(
                f"{len(failed)} of {len(self.keys)} members failed, the others are in {self.folder / 'table.csv'}; "
                f"{failed[0]}: {self.records[failed[0]].reason}"
            )

    def answer(self) -> dict[str, Any]:
        """The JSON object of `kalander ensemble`."""
        done, failed = self.of_status(DONE), self.of_status(FAILED)
        return {
            "ensemble": str(self.folder),
            "members": len(self.keys),
            "done": len(done),
            "failed": len(failed),
            "waiting": len(self.keys) - len(done) - len(failed),
            "failures": [{"member": key, "reason": self.records[key].reason} for key in failed],
            "files": [str(path) for path in self.tables],
            "rows": self.rows,
        }


@asked(card="Card|path", sweep="mapping|path", folder="path", workers="number?", scheduler="text?")
def ensemble(
    card: Card | str | Path,
    sweep: Mapping[str, Any] | str | Path,
    folder: str | Path,
    *,
    quick: bool = False,
    overrides: Mapping[str, str] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    patience: float = PATIENCE,
    again: bool = False,
    on_member: Callable[[int, int, str], None] = lambda settled, of, told: None,
    **options: Any,
) -> Ensemble:
    """Compute every member of a sweep over a card, each a study in folder/members/KEY/study; finished ones are kept.

    sweep: a path, or what such a file holds. workers: local processes side by side, by Dask; scheduler: address of one
    of Dask, or "slurm" (then workers: jobs); neither: one after another in this process. patience [s]: for a scheduler
    that is lost. again: try also those once more that failed by their numbers. options: device, precision, threads,
    allow_software, save_every as of Study.run. Tables of all members are written whenever this ends, and nothing is
    raised for those that failed: `refuse_failures` does. Raises InputError, DeviceError, StorageError, Interrupted
    (the same call goes on).
    """
    folder, on_cluster = Path(folder), workers is not None or scheduler is not None
    if workers is not None and workers < 1:
        raise InputError(Fault("ensemble: workers", workers, "is no number of processes", "1 or more"))
    _check(scheduler, options)
    members = _members(card, sweep, overrides, quick)
    if on_cluster:
        dask_modules("distributed")
        options = _plain(options, workers)
    _own(folder)
    with locked(folder), stop_requests() as stop:
        found = Ensemble.of(folder, members, str(options.get("precision", "f64")))
        todo = _put(found, again=again)
        records = {key: record for key, record in found.records.items() if key not in todo}

        def settled(path: Path, record: Record) -> None:
            records[path.name] = record
            on_member(len(records), len(found.keys), f"{path.name} {record.status}")

        try:
            folders = [member_folder(folder, key) for key in todo]
            if on_cluster and folders:
                compute_members(folders, options, workers=workers, scheduler=scheduler, patience=patience, stop=stop,
                                on_settled=settled)  # fmt: skip
            elif folders:
                _one_after_another(folders, options, stop, settled)
        finally:
            done = Ensemble(folder, found.keys, found.members, records)
            tables = tuple(write_tables(done.rows, folder))
    return replace(done, tables=tables)


def _one_after_another(
    folders: list[Path], options: dict[str, Any], stop: Callable[[], str], settled: Callable[[Path, Record], None]
) -> None:
    """Settle members in this process, which starts the device once. Raises Interrupted, and what `compute` raises."""
    logger, once = logging.getLogger("kalander"), _Once()
    logger.addFilter(once)
    try:
        for path in folders:
            if reason := stop():
                raise Interrupted(f"{reason}: stopped before member {path.name}; go on with the same call")
            settled(path, compute(path, options))
    finally:
        logger.removeFilter(once)


class _Once(logging.Filter):
    """Lets each message by once: most members are warned of the same."""

    def __init__(self) -> None:
        super().__init__()
        self.told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        new = text not in self.told
        self.told.add(text)
        return new


def _check(scheduler: str | None, options: Mapping[str, Any]) -> None:
    """Refuse what would fail every member alike. Raises InputError."""
    faults, device = [], options.get("device")
    if scheduler is not None and scheduler != SLURM and not re.fullmatch(r"(\w+://)?[^/\s]+:\d+", scheduler):
        faults.append(Fault("ensemble: scheduler", scheduler, "is no address", "slurm, or as tcp://HOST:8786"))
    if isinstance(device, str) and device not in (choices := ("auto", *DEVICES)):
        faults.append(Fault("device", device, "is not a device", ", ".join(choices)))
    if (precision := options.get("precision", "f64")) not in PRECISIONS:
        faults.append(Fault("precision", precision, "is not a precision", ", ".join(PRECISIONS)))
    if faults:
        raise InputError(faults)
    thread_count(options.get("threads"))


def _members(
    card: Card | str | Path, sweep: Mapping[str, Any] | str | Path, overrides: Mapping[str, str] | None, quick: bool
) -> list[Variant]:
    """Every member of a sweep. Raises InputError with the faults of the sweep, or of the cards that it makes."""
    more: dict[str, Any] = {"overrides": overrides, "quick": quick}
    if isinstance(sweep, Mapping):
        return variants(card, sweep_case(sweep), **more)
    case, place = load_sweep(sweep)
    return variants(card, case, place=place, **more)


def _plain(options: dict[str, Any], workers: int | None) -> dict[str, Any]:
    """Options that another process can be told: a device by its name, and threads that share this machine."""
    device = options.get("device")
    named = {"device": device.kind, "precision": device.precision} if isinstance(device, Device) else {}
    shared = 1 if workers is None else max(1, available_cores() // workers)
    return {**options, **named, "threads": options.get("threads") or shared}


def _own(folder: Path) -> None:
    """Make the folder of the ensemble. Raises InputError where something else is in it, StorageError."""
    own_folder(folder, parents=True)
    with path_errors(folder, "list"):
        visible = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    if visible and NAME not in visible and visible != [MEMBERS]:
        raise InputError(Fault(str(folder), visible[:3], "in it belong to no ensemble", "an empty or a new folder"))


def _put(found: Ensemble, *, again: bool) -> list[str]:
    """Write what members are computed from, and return the keys of those that are to be computed."""
    with replacing(found.folder / NAME) as handle:
        handle.write((json.dumps({"members": list(found.keys)}, indent=1) + "\n").encode())
    todo = []
    for key, one in zip(found.keys, found.members):
        put_card(member_folder(found.folder, key), one.card)
        record = found.records.get(key)
        if record is not None and record.status == FAILED and (again or not record.final):
            forget(member_folder(found.folder, key))
            record = None
        todo += [key] if record is None else []
    return todo
