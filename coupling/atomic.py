"""Files that are either the old one or the whole new one, whenever the process dies."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kalander.kernels.errors import StorageError

__all__ = ["replacing", "storage_errors", "sweep_temporaries"]

TEMPORARY = re.compile(r"\..+\.\d+\.tmp")

FULL = "free some space or choose another folder"
DENIED = "make the folder writable or choose another one"
REMEDIES = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: "raise the limit on file size (ulimit -f) or choose another folder",
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EROFS: DENIED,
    errno.EIO: "check the disk or the network mount",
}


@contextmanager
def storage_errors(path: Path, action: str) -> Iterator[None]:
    """Turn an OSError of the block into a StorageError that names the path, the cause and a remedy."""
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        remedy = REMEDIES.get(error.errno or 0, "check the path and the file system")
        raise StorageError(f"{path}: cannot {action}: {cause}; {remedy}") from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when the block ends without error.

    The new bytes are on the disk before the name changes, and the new name before this returns. After an error
    the old file stands untouched and the temporary one is gone. Raises StorageError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
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
