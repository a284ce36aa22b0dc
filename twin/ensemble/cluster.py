"""Members on other processes by Dask (extra `cluster`, imported when one is asked for): local, by address, or SLURM.

Dask only says who computes which member when: a result is a file, and what is finished is known from its record. So
nothing is lost with a worker, a scheduler or this process, and no member that is settled is begun again.
Rocklin, Proc. 14th Python in Science Conf. (2015) 126.
"""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from kalander.kernels.errors import DeviceError, Fault, InputError, Interrupted, StorageError
from kalander.twin.ensemble.record import FAILED, Record, read_record, write_record

__all__ = ["SLURM", "compute_members", "dask_modules", "gpu_of", "member_process"]

log = logging.getLogger("kalander")

SLURM = "slurm"
LOOK = 0.2  # s between two looks at the members
TRIES = 6  # of a member whose workers are lost or whose process dies, before it is recorded as failed
CONNECT = 10.0  # s
FATAL = {DeviceError.exit_code: DeviceError, StorageError.exit_code: StorageError}
Settled = Callable[[Path, Record], None]
TOLD = 400  # characters of what a process said last


def dask_modules(*names: str) -> list[Any]:
    """Modules of Dask. Raises InputError where they are not installed."""
    try:
        return [import_module(name) for name in names]
    except ImportError as missing:
        allowed = "pip install 'kalander[cluster]', or no --workers and no --scheduler: one member after another"
        what = str(missing.name or "Dask").replace("_", "-")
        raise InputError(Fault("ensemble", what, "is not installed, and hands members to processes", allowed)) from None


def gpu_of(worker: Any, environment: Mapping[str, str]) -> dict[str, str]:
    """What a member on a numbered worker sees of several GPUs: one of its own, by CUDA_VISIBLE_DEVICES."""
    visible = [one for one in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if one.strip()]
    if len(visible) < 2 or not str(worker).isdigit():
        return {}
    return {"CUDA_VISIBLE_DEVICES": visible[int(worker) % len(visible)].strip()}


def member_process(folder: str, options: Mapping[str, Any]) -> tuple[int, str]:
    """Compute a member in a process of its own, on a worker: exit code and what it said last.

    The process ends with the worker: it reads a pipe that only the worker holds open.
    """
    worker = import_module("distributed").get_worker()
    command = [sys.executable, "-m", "kalander.twin.ensemble.member", folder, json.dumps(dict(options))]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **gpu_of(worker.name, os.environ)}, close_fds=True,
    )  # fmt: skip
    assert process.stderr is not None
    said = process.stderr.read()
    return process.wait(), said.strip()[-TOLD:]


def compute_members(
    folders: Sequence[Path],
    options: Mapping[str, Any],
    *,
    workers: int | None,
    scheduler: str | None,
    patience: float,
    stop: Callable[[], str],
    on_settled: Settled,
) -> None:
    """Settle every member on a cluster; on_settled is told of each.

    patience: seconds for which a scheduler that is lost is waited for; stop: the reason to stop now, or "". Raises
    InputError (no Dask, no such scheduler), Interrupted (told to stop, or the scheduler stays away), DeviceError,
    StorageError.
    """
    distributed, *_ = dask_modules("distributed")
    todo = dict.fromkeys(folders, 0)  # and how often each was tried
    since = time.monotonic()
    first = True
    while todo:
        try:
            with _connected(distributed, workers, scheduler) as client:
                first = False
                _hand_out(client, todo, options, stop, on_settled)
        except (OSError, TimeoutError, _SchedulerLostError) as lost:  # OSError: no connection
            if first:
                where = f"ensemble: scheduler {scheduler}"
                raise InputError(
                    Fault(where, str(lost)[:TOLD], "does not answer", "tcp://HOST:PORT of a dask scheduler")
                ) from None
            if isinstance(lost, _SchedulerLostError):
                since = time.monotonic()
                log.warning(f"the scheduler is lost; {len(todo)} members are not settled, it is waited for")
            if time.monotonic() - since > patience:
                raise Interrupted(
                    f"the scheduler stayed away for {patience:g} s; {len(todo)} members are not settled; "
                    "go on with the same call"
                ) from None
            time.sleep(LOOK)


class _SchedulerLostError(Exception):
    """The connection to the scheduler broke."""


@contextmanager
def _connected(distributed: Any, workers: int | None, scheduler: str | None) -> Iterator[Any]:
    with ExitStack() as stack:
        target: Any = scheduler
        if scheduler is None:
            # a process each: its threads would share one device
            options = {"n_workers": workers, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
            target = stack.enter_context(distributed.LocalCluster(**options, silence_logs=logging.ERROR))
        elif scheduler == SLURM:
            (jobqueue,) = dask_modules("dask_jobqueue")
            target = stack.enter_context(jobqueue.SLURMCluster())  # as ~/.config/dask/jobqueue.yaml says
            target.scale(jobs=workers or 1)
        yield stack.enter_context(distributed.Client(target, timeout=CONNECT, set_as_default=False))


def _hand_out(
    client: Any, todo: dict[Path, int], options: Mapping[str, Any], stop: Callable[[], str], on_settled: Settled
) -> None:
    """Submit what is left and take it off the list as it is settled. Raises _SchedulerLostError, Interrupted."""
    futures = {folder: _submit(client, folder, options, todo[folder]) for folder in todo}
    while futures:
        time.sleep(LOOK)
        if reason := stop():
            raise Interrupted(f"{reason}: {len(todo)} members are not settled; go on with the same call")
        if client.status != "running":
            raise _SchedulerLostError
        for folder, future in list(futures.items()):
            if future.status == "pending":
                continue
            if future.status in ("cancelled", "lost"):
                raise _SchedulerLostError
            record = read_record(folder)
            reason = "" if record is not None and _fresh(future) else _reason(future)
            if record is None or reason:
                reason = reason or "it left no record"
                todo[folder] += 1
                if todo[folder] < TRIES:
                    futures[folder] = _submit(client, folder, options, todo[folder])
                    continue
                record = Record(FAILED, {}, 70, f"given up after {TRIES} tries: {reason}")
                write_record(folder, record)
            del futures[folder], todo[folder]
            on_settled(folder, record)


def _submit(client: Any, folder: Path, options: Mapping[str, Any], tries: int) -> Any:
    key = f"kalander-{folder.name}-{tries}-{time.monotonic_ns()}"
    return client.submit(member_process, str(folder.resolve()), dict(options), key=key, pure=False)


def _fresh(future: Any) -> bool:
    """Whether the process of a future ended by itself with a record."""
    if future.status != "finished":
        return False
    code, said = future.result()
    if code in FATAL:
        raise FATAL[code](said or "a member could not be computed")
    return code in (0, 2, 4, 5, 70)


def _reason(future: Any) -> str:
    """Why a future has not settled its member."""
    if future.status != "finished":
        failure = future.exception()
        return f"{type(failure).__name__}: {failure}"[:TOLD]
    code, said = future.result()
    ended = f"its process was ended by signal {-code}" if code < 0 else f"its process ended with {code}"
    return f"{ended}: {said}" if said else ended
