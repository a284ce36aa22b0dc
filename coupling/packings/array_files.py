"""Arrays of npy and npz files. A header is held against the bytes behind it before anything is allocated."""

import io
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from kalander.coupling.packings.spheres import Unreadable

__all__ = ["Header", "archive_of", "header_of", "member_header", "read_member"]

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 1 << 16  # bytes; of a plain array some 100
# what NumPy's parser of headers, which evaluates Python literals, answers to a malformed one
UNPARSABLE = (
    ValueError, TypeError, SyntaxError, tokenize.TokenError, OverflowError, KeyError, IndexError, AttributeError,
    RecursionError, MemoryError,
)  # fmt: skip
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what NumPy writes; others unpack a byte to millions
# what zipfile answers to a damaged archive
DAMAGED = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError,
    struct.error, IndexError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class Header:
    """What an array declares, and where in its file the values begin."""

    shape: tuple[int, ...]
    column_major: bool
    dtype: np.dtype
    offset: int

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def header_of(file: IO[bytes], key: str, allowed: str) -> Header:
    """The header of the array that a file begins with. Raises Unreadable."""
    head = file.read(12)
    if len(head) < 12 or not head.startswith(MAGIC):
        raise Unreadable(key, "has no header of an array", allowed)
    version = head[6], head[7]
    if version == (1, 0):
        start, length = 10, int.from_bytes(head[8:10], "little")
    else:
        start, length = 12, int.from_bytes(head[8:12], "little")
    if length > LONGEST_HEADER:
        raise Unreadable(key, f"has a header of {length} bytes", allowed)
    text = head + file.read(max(0, length + start - len(head)))
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            shape, column_major, dtype = read(io.BytesIO(text[8:]))
    except UNPARSABLE as error:
        raise Unreadable(key, f"has no header of an array ({str(error)[:80]})", allowed) from None
    if any(isinstance(length, bool) or not isinstance(length, int) or length < 0 for length in shape):
        raise Unreadable(key, f"is of shape {shape}"[:100], allowed)
    if dtype.hasobject or dtype.itemsize == 0:
        raise Unreadable(key, f"is of type {dtype}"[:100], allowed)
    return Header(shape, column_major, dtype, start + length)


@contextmanager
def archive_of(path: Path, allowed: str) -> Iterator[zipfile.ZipFile]:
    """The archive at a path; whatever the library says of damage is Unreadable."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except DAMAGED as error:
        raise Unreadable("the file", f"is damaged ({str(error)[:80]})", allowed) from None


def member_header(archive: zipfile.ZipFile, name: str, allowed: str) -> Header:
    """What an array of an archive declares, which its member must be able to hold. Raises Unreadable."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type not in PLAIN:
        raise Unreadable(name, f"is packed by method {member.compress_type}", allowed)
    with archive.open(member) as file:
        header = header_of(file, name, allowed)
    held = member.file_size - header.offset
    if header.bytes > held:
        raise Unreadable(name, f"declares {header.bytes} bytes and holds {held}", allowed)
    return header


def read_member(archive: zipfile.ZipFile, name: str, header: Header, allowed: str) -> np.ndarray:
    """The values of an array whose header was read. Raises Unreadable."""
    with archive.open(f"{name}.npy") as file:
        file.read(header.offset)
        content = file.read(header.bytes)
    if len(content) < header.bytes:
        raise Unreadable(name, f"ends after {len(content)} of {header.bytes} bytes", allowed)
    values = np.frombuffer(content, header.dtype, math.prod(header.shape))
    return values.reshape(header.shape, order="F" if header.column_major else "C")
