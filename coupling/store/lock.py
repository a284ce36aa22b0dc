"""One writer a folder.

The kernel's file lock decides, because it ends with its process however that dies; a lock made of a pid alone would
have to guess (pids are reused, and a pid of another host says nothing). The text in the file tells who holds it. On
some cluster file systems the kernel's lock reaches only one host; there the age of the file, renewed while
the holder works, keeps a second host out.
"""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from kalander.coupling.store.atomic import storage_errors
from kalander.kernels.errors import Fault, InputError

__all__ = ["LOCK_NAME", "Lock", "locked"]

LOCK_NAME = ".lock"
SILENCE_SECONDS = 120.0  # a holder beats at each step, below a second; one on another host silent for longer is dead

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: TextIO) -> bool:
        handle.seek(1 << 20)  # Windows hides locked bytes from other readers, so lock one beyond the text
        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: TextIO) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@dataclass(frozen=True)
class Lock:
    """A lock that is held. note: from whom it was taken over, or empty."""

    path: Path
    note: str

    def beat(self) -> None:
        """Show other hosts that the holder is alive."""
        # without the kernel's lock on its side this is the best there is; a failure must not stop the holder
        with suppress(OSError):
            os.utime(self.path)


@contextmanager
def locked(folder: Path) -> Iterator[Lock]:
    """Hold the lock of a folder. Raises InputError that names the holder when there is one, StorageError."""
    path = folder / LOCK_NAME
    with storage_errors(path, "lock"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    with open(descriptor, "r+", encoding="utf-8") as handle:
        with storage_errors(path, "lock"):
            holder = handle.read(256)
            if not _try_lock(handle) or _alive_elsewhere(holder, handle):
                allowed = f"another folder, or delete {path} if that is not so"
                raise InputError(Fault(str(folder), holder, "is writing in this folder", allowed))
            _put(handle, f"process {os.getpid()} on {socket.gethostname()}")
        try:
            yield Lock(path, f"took over the lock of {holder}, which ended without releasing it" if holder else "")
        finally:
            # emptied, not removed: who opened the old file just before would lock a name that is gone
            _put(handle, "")


def _alive_elsewhere(holder: str, handle: TextIO) -> bool:
    """Tell whether another host signed the file lately; a clock set back counts as lately only for as long."""
    elsewhere = holder != "" and not holder.endswith(f" on {socket.gethostname()}")
    return elsewhere and abs(time.time() - os.fstat(handle.fileno()).st_mtime) < SILENCE_SECONDS


def _put(handle: TextIO, text: str) -> None:
    handle.seek(0)
    handle.truncate()
    handle.write(text)
    handle.flush()
