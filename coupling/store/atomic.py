"""Files that are either the old one or the whole new one, whenever the process dies."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kalander.kernels.errors import Fault, InputError, KalanderError, StorageError

__all__ = [
    "own_folder", "path_errors", "replacing", "storage_errors", "storage_failure", "sweep_temporaries", "try_output",
]  # fmt: skip

TEMPORARY = re.compile(r"\..+\.\d+\.tmp")
LONG_NAME = 80  # characters, beyond which the name of a temporary file is cut: most systems take 255 bytes

FULL = "free some space or choose another folder"
DENIED = "make the folder writable or choose another one"
REMEDIES = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: "raise the limit on file size (ulimit -f) or choose another folder",
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EROFS: DENIED,
    errno.ENOMEM: "fewer or smaller boxes need less memory",
    errno.EIO: "check the disk or the network mount",
}

# a path that cannot be, whatever the disk does: bad input
PATHS = {
    errno.ENOENT: ("does not exist, or lies in no folder", "a path in a folder that exists"),
    errno.ENOTDIR: ("has a file where a folder is due", "a path through folders"),
    errno.EISDIR: ("is a folder", "the path of a file"),
    errno.EEXIST: ("is in the way", "another path"),
    errno.ENAMETOOLONG: ("is longer than the file system takes", "a shorter path"),
    errno.ELOOP: ("is a link that leads in a circle", "a path without such links"),
}


def storage_failure(error: OSError, path: Path | None = None, action: str = "use") -> KalanderError:
    """What an OSError at a path of the user's is: InputError where the path cannot be, else StorageError.

    path: what was being read or written, by default what the error names.
    """
    named = str(path or error.filename or "the working folder")
    if error.errno in PATHS:
        why, allowed = PATHS[error.errno]
        return InputError(Fault(named, Path(named).name, why, allowed))
    remedy = REMEDIES.get(error.errno or 0, "check the path and the file system")
    return StorageError(f"{named}: cannot {action}: {error.strerror or error}; {remedy}")


@contextmanager
def storage_errors(path: Path, action: str) -> Iterator[None]:
    """Turn an OSError of the block, met while the work is going on, into a StorageError with path and remedy."""
    try:
        yield
    except OSError as error:
        failure = storage_failure(error, path, action)
        if isinstance(failure, InputError):
            failure = StorageError(f"{path}: cannot {action}: {error.strerror}; check the path and the file system")
        raise failure from error


@contextmanager
def path_errors(path: Path, action: str) -> Iterator[None]:
    """Turn an OSError of the block, met before the work at a path of the user's, into that of `storage_failure`."""
    try:
        yield
    except OSError as error:
        raise storage_failure(error, path, action) from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when the block ends without error.

    The new bytes are on the disk before the name changes, and the new name before this returns. After an error
    the old file stands untouched and the temporary one is gone. Raises StorageError.
    """
    temporary = _temporary(path)
    with storage_errors(path, "write"):
        try:
            with open(temporary, "w+b") as handle:
                yield handle
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(path.parent)


def try_output(path: Path) -> None:
    """Raise before the work what `replacing` would meet after it: InputError, StorageError. Leaves nothing behind."""
    with path_errors(path, "write"):
        if path.is_dir():
            raise InputError(Fault(str(path), path.name, *PATHS[errno.EISDIR]))
        with suppress(FileNotFoundError):
            path.lstat()  # finds a name that is too long
        temporary = _temporary(path)
        try:
            with open(temporary, "wb"):
                pass
        finally:
            with suppress(OSError):
                temporary.unlink()


def own_folder(path: Path, *, parents: bool = False) -> None:
    """Make a folder for output unless it is there. Raises InputError (a link or a file is in the way), StorageError."""
    with path_errors(path, "create"):
        if path.is_symlink():
            why = "is a link, and what is written would land elsewhere"
            raise InputError(Fault(str(path), path.name, why, "a folder of its own; remove the link"))
        path.mkdir(parents=parents, exist_ok=True)


def _temporary(path: Path) -> Path:
    name = path.name if len(path.name) <= LONG_NAME else path.name[: LONG_NAME // 2]
    return path.with_name(f".{name}.{os.getpid()}.tmp")


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut; Windows cannot open folders and journals the rename itself."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep_temporaries(folder: Path) -> list[Path]:
    """Remove what killed writers left behind. The caller holds the lock of the folder, so no writer is alive."""
    with storage_errors(folder, "sweep"):
        stale = [entry for entry in folder.iterdir() if TEMPORARY.fullmatch(entry.name)]
        for entry in stale:
            entry.unlink()
    return stale
