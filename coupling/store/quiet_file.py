"""A file that keeps its failure to itself until a library is done with it.

libhdf5 cannot take back what it has begun: a write that fails while it closes a file leaves it with objects half
closed, and the process ends in a segmentation fault. So a file for libhdf5 never fails; it remembers the first error,
takes what follows without keeping it, and says it when asked.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

__all__ = ["QuietFile", "quietly"]


class QuietFile(io.RawIOBase):
    """An open file for reading and writing; `raise_failure` raises the OSError that a write met."""

    def __init__(self, handle: BinaryIO) -> None:
        self.handle = handle
        self.failure: OSError | None = None
        self.place = self.length = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: self.length}[whence]
        self.place = start + offset
        return self.place

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        if self.failure is None:
            try:
                self.handle.seek(self.place)
                self.handle.write(view)
            except OSError as failure:
                self.failure = failure
        self.place += view.nbytes
        self.length = max(self.length, self.place)
        return view.nbytes

    def readinto(self, buffer: object) -> int:
        """Fill a buffer; with zeros where the bytes were lost, or lie beyond the end."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        read = b""
        if self.failure is None:
            try:
                self.handle.seek(self.place)
                read = self.handle.read(view.nbytes)
            except OSError as failure:
                self.failure = failure
        view.cast("B")[:] = read.ljust(view.nbytes, b"\0")
        self.place += view.nbytes
        return view.nbytes

    def truncate(self, size: int | None = None) -> int:
        self.length = self.place if size is None else size
        if self.failure is None:
            try:
                self.handle.truncate(self.length)
            except OSError as failure:
                self.failure = failure
        return self.length

    def flush(self) -> None:
        if self.failure is None:
            try:
                self.handle.flush()
            except OSError as failure:
                self.failure = failure

    def raise_failure(self) -> None:
        """Raise the first error, if there was one."""
        if self.failure is not None:
            raise self.failure


@contextmanager
def quietly(handle: BinaryIO) -> Iterator[QuietFile]:
    """Give a file to a library that must not see it fail; its first OSError is raised when the library is done."""
    quiet = QuietFile(handle)
    try:
        yield quiet
    finally:
        quiet.raise_failure()
