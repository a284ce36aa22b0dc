"""The first 512 bytes of a stored file: what it is, how long it is, and a digest of the rest.

HDF5 leaves a "user block" of 512 bytes at the start of a file to its owner. The digest is checked before libhdf5
sees a byte: of 150 flipped bits in an unsealed HDF5 file every one gave wrong numbers without an error.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import BinaryIO

from kalander.kernels.errors import CheckpointError

__all__ = ["BLOCK_BYTES", "check_seal", "seal"]

BLOCK_BYTES = 512  # the smallest user block of HDF5
MAGIC = b"kalander-store\n"
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEAD = re.compile(rb"kalander-store\nformat (\d{1,9})\nbytes (\d{1,18})\n")
CHUNK_BYTES = 1 << 20


def seal(handle: BinaryIO, format_number: int) -> None:
    """Fill the user block of a complete HDF5 file, open for reading and writing."""
    size = handle.seek(0, os.SEEK_END)
    head = MAGIC + f"format {format_number}\nbytes {size}\n".encode()
    block = _block(head, handle)
    handle.seek(0)
    handle.write(block)


def check_seal(handle: BinaryIO, path: Path) -> int:
    """Return the format number of an undamaged stored file; raise CheckpointError with the reason otherwise."""
    size = handle.seek(0, os.SEEK_END)
    handle.seek(0)
    block = handle.read(BLOCK_BYTES)
    if size == 0:
        raise CheckpointError(f"{path}: is empty")
    if not block.startswith(MAGIC):
        raise CheckpointError(f"{path}: {_foreign(block, handle)}")
    head = HEAD.match(block)
    if head is None:
        raise CheckpointError(f"{path}: is {'truncated' if size < BLOCK_BYTES else 'damaged'} in its first line")
    promised = int(head[2])
    if size < promised:
        raise CheckpointError(f"{path}: is truncated, {size} of {promised} bytes are there")
    if size > promised:
        raise CheckpointError(f"{path}: is damaged, {size - promised} bytes follow its end")
    if block != _block(head[0], handle):
        raise CheckpointError(f"{path}: is damaged, its bytes do not match its sha256")
    return int(head[1])


def _block(head: bytes, handle: BinaryIO) -> bytes:
    """Return the user block that belongs to the bytes after it; the digest covers the head as well."""
    digest = hashlib.sha256(head)
    handle.seek(BLOCK_BYTES)
    while chunk := handle.read(CHUNK_BYTES):
        digest.update(chunk)
    return (head + b"sha256 " + digest.hexdigest().encode() + b"\n").ljust(BLOCK_BYTES, b"\0")


def _foreign(block: bytes, handle: BinaryIO) -> str:
    """Say what a file without our magic is."""
    handle.seek(BLOCK_BYTES)
    if block.startswith(HDF5_SIGNATURE):
        return "is an HDF5 file of another program"
    if handle.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE:
        return "is an HDF5 file of another program, or its first line is damaged"
    return "is not an HDF5 file"
