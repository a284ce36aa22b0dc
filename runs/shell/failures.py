"""What a failure is to the user: one line that a terminal can show, and an exit code."""

import errno
import logging
import os
import sys
from contextlib import suppress

__all__ = ["PlainFormatter", "described", "flush_stdout", "printable", "tell"]

MEMORY = "memory ran out; fewer or smaller boxes, larger voxels or a larger limit (ulimit -v); saves can be resumed"


def printable(text: str, *, lines: bool = True) -> str:
    """Text in which what is no character, such as a control code, is written as an escape. lines: line ends stay.

    Files and cards come from anywhere, and a terminal obeys control codes.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or (lines and one == "\n") else one.encode("unicode_escape").decode() for one in text
    )


def described(failure: Exception) -> tuple[str, int]:
    """The line of a failure and its exit code; 70 for what nobody foresaw."""
    from kalander.coupling.store.atomic import storage_failure
    from kalander.kernels.errors import DeviceError, KalanderError, StorageError

    if isinstance(failure, KalanderError):
        return str(failure), failure.exit_code
    if isinstance(failure, MemoryError) or getattr(failure, "errno", None) == errno.ENOMEM:
        return MEMORY, StorageError.exit_code
    if isinstance(failure, OSError):
        known = storage_failure(failure)
        return str(known), known.exit_code
    if isinstance(failure, ImportError) and _lacks_memory(str(failure)):
        return f"a library cannot be loaded: {failure}; some 2 GB of address space are needed", DeviceError.exit_code
    return f"bug: {type(failure).__name__}: {failure}; run again with --debug and report it", KalanderError.exit_code


def _lacks_memory(why: str) -> bool:
    """Whether a library was not loaded because memory is short: the loader has many ways to say so."""
    signs = ("map segment", "allocate memory", "out of memory", "mmap", "static TLS")
    return any(sign.lower() in why.lower() for sign in signs)


def tell(line: str) -> None:
    """Write a line to stderr; where that is gone or full there is nobody to tell."""
    with suppress(OSError, ValueError):
        print(printable(line), file=sys.stderr, flush=True)


def flush_stdout() -> OSError | None:
    """Write out what was printed; what cannot be written is dropped and its error returned, so that exit is quiet."""
    try:
        sys.stdout.flush()
    except OSError as failure:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return failure
    return None


class PlainFormatter(logging.Formatter):
    """Messages alone, as a terminal can show them."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))
