"""TIFF stacks: pages are z, their rows y, their columns x. Colours, channels and times are no third dimension."""

import logging
import math
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.packings.spheres import Unreadable
from kalander.coupling.structure.images import VoxelImage, check_shape, checked_values
from kalander.kernels.errors import Fault, InputError

__all__ = ["read_tiff"]

ALLOWED = "a stack of grey pages, one a slice along z"
NO_DEPTH = {"S": "colours", "C": "channels", "T": "times", "P": "angles or phases", "H": "lifetimes", "R": "tiles"}
DEPTH = "ZIQ"  # slices, pages, and what has no name
MOST_PAGES = 1 << 16
LOSSY = (6, 7, 33003, 33005, 34712, 34892, 50001, 50002)  # JPEG and its kin, WebP
BY_PILLOW = (2, 3, 4, 5, 34925, 50000)  # fax, LZW, LZMA, Zstandard
BITS = (1, 8, 16, 32, 64)
WHITE_IS_ZERO = 0  # of the tag PhotometricInterpretation
PIXELS = re.compile(r"<(?:\w+:)?Pixels\b([^>]*)>")
ATTRIBUTE = re.compile(r"(\w+)\s*=\s*[\"']([^\"']*)[\"']")
OME_UNITS = {
    "pm": 1e-6, "nm": 1e-3, "\u00b5m": 1.0, "\u03bcm": 1.0, "um": 1.0, "&#181;m": 1.0, "&#xB5;m": 1.0, "mm": 1e3,
    "cm": 1e4, "m": 1e6, "pixel": 1.0, "reference frame": 1.0,
}  # fmt: skip


def read_tiff(path: Path, number: str | None) -> VoxelImage:
    """A stack, or the series of that number in a file of several. Raises InputError, Unreadable."""
    try:
        import tifffile
    except ImportError:
        needed = "pip install 'kalander[image]', or save the stack as .npy"
        raise InputError(Fault(str(path), path.name, "needs the package tifffile to be read", needed)) from None
    _check_chain(path)
    with _silent("tifffile"):
        try:
            with tifffile.TiffFile(path, _multifile=False) as file:  # nothing from beside it
                chosen = _series(path, list(file.series), number)
                _check_pages(path, file, chosen)
                shape = (len(chosen), *chosen[0].shape) if len(chosen) > 1 else tuple(chosen[0].shape)
                check_shape(path, shape, np.dtype(chosen[0].dtype))
                first = next(index for index, series in enumerate(file.series) if series is chosen[0])
                spacing, notes = _spacing(file, chosen[0], first)
                if chosen[0].keyframe.photometric == WHITE_IS_ZERO:
                    notes = (*notes, "its pages call 1 black; label 1 is what is stored as 1, as tifffile writes it")
                parts = [_pixels(path, series) for series in chosen]
        except (InputError, Unreadable):
            raise
        except Exception as error:  # tifffile answers a damaged file with any kind
            raise Unreadable("the file", f"is damaged ({str(error)[:160]})", ALLOWED) from None
    values = parts[0] if len(parts) == 1 else np.stack(parts)
    if values.shape != shape:
        raise Unreadable("the file", f"declares the shape {shape} and holds {values.shape}", ALLOWED)
    return VoxelImage(path.name, checked_values(path, np.ascontiguousarray(values.transpose(2, 1, 0))), spacing, notes)


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """What a library logs of a damaged file is said by the refusal."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _series(path: Path, there: list[Any], number: str | None) -> list[Any]:
    """The series that make the stack: one of depth, or flat ones that are alike."""
    if not there:
        raise Unreadable("the file", "holds no image", ALLOWED)
    if number is not None:
        if not number.isdecimal() or int(number) >= len(there):
            raise InputError(Fault("--dataset", number, "is no series of the file", f"0 to {len(there) - 1}"))
        there = [there[int(number)]]
    shapes = [f"{'x'.join(map(str, series.shape))} ({series.axes})" for series in there]
    alike = len({(series.shape, series.axes, str(series.dtype)) for series in there}) == 1
    if len(there) > 1 and not (alike and there[0].axes == "YX"):
        listed = "; ".join(f"{index}: {shape}" for index, shape in enumerate(shapes[:6]))
        why = f"holds {len(there)} series, of which none is named"
        raise InputError(Fault(str(path), path.name, why, f"--dataset with the number of one: {listed}"))
    axes = there[0].axes
    named = [f"{length} {NO_DEPTH[axis]}" for axis, length in zip(axes, there[0].shape) if axis in NO_DEPTH]
    if named:
        why = f"holds {' and '.join(named)}, which are no third dimension of a sample (axes {axes}, {shapes[0]})"
        remedy = f"{ALLOWED}; save one channel, or mark the pages as slices (Z)"
        raise InputError(Fault(str(path), path.name, why, remedy))
    if axes[-2:] != "YX" or any(axis not in DEPTH for axis in axes[:-2]):
        raise InputError(Fault(str(path), path.name, f"has the axes {axes}, {shapes[0]}", ALLOWED))
    return there


def _check_pages(path: Path, file: Any, chosen: list[Any]) -> None:
    """Refuse pages that have no size or bits that no label has, and pixels that would lie behind the end."""
    end = path.stat().st_size
    for series in chosen:
        for page in series.pages:
            if page is None:
                raise Unreadable("the file", "lacks pages that it announces, or has them in other files", ALLOWED)
            whole = page.keyframe
            if whole.bitspersample not in BITS:
                raise Unreadable("the file", f"has {whole.bitspersample} bits a sample", f"{BITS}")
            if min(whole.imagewidth, whole.imagelength) < 1:
                raise Unreadable("the file", f"has pages of {whole.imagewidth} by {whole.imagelength} pixels", ALLOWED)
            if whole.photometric == WHITE_IS_ZERO and not _bits_as_stored(series):
                why = "counts brightness from white, so that its labels are turned around"
                raise Unreadable("the file", why, "pages whose zero is black (BlackIsZero)")
            last = max((int(a) + int(n) for a, n in zip(page.dataoffsets, page.databytecounts)), default=0)
            if last > end or not page.dataoffsets:
                raise Unreadable("the file", f"is cut short: pixels end at byte {last}, the file at {end}", ALLOWED)
        if series.dataoffset is not None and series.dataoffset + series.nbytes > end:
            last = series.dataoffset + series.nbytes
            raise Unreadable("the file", f"is cut short: pixels end at byte {last}, the file at {end}", ALLOWED)
    if file.is_ome and chosen[0].kind != "ome":
        why = "announces pages that it does not hold: they are in other files, or missing"
        raise Unreadable("the file", why, "the whole stack in one file")
    announced = (file.imagej_metadata or {}).get("images")
    held = max(len(chosen), *(math.prod(series.shape[:-2]) for series in chosen))
    if len(file.series) == len(chosen) and isinstance(announced, int) and announced > held:
        raise Unreadable("the file", f"is cut short: it announces {announced} pages and holds {held}", ALLOWED)


def _bits_as_stored(series: Any) -> bool:
    """Truth values as tifffile writes them by default: true is 1, though the tag calls 1 black."""
    return bool(series.kind == "shaped" and series.keyframe.bitspersample == 1)


def _pixels(path: Path, series: Any) -> np.ndarray:
    """The values of a series; what tifffile cannot unpack without help, Pillow does page by page."""
    method = int(series.keyframe.compression)
    if method in LOSSY:
        raise Unreadable("the file", f"is compressed with losses (method {method}), which change labels", ALLOWED)
    try:
        return np.asarray(series.asarray())
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        if method not in BY_PILLOW:
            remedy = "pip install imagecodecs, or save without compression"
            raise Unreadable("the file", f"is compressed by method {method}", remedy) from None
    from PIL import Image

    with Image.open(path) as picture:
        pages = []
        for page in series.pages:
            picture.seek(page.index)
            pages.append(np.array(picture).astype(series.dtype, casting="safe"))
    return np.stack(pages).reshape(series.shape)


Spacing = tuple[float | None, float | None, float | None]


def _spacing(file: Any, chosen: Any, number: int) -> tuple[Spacing | None, tuple[str, ...]]:
    """Voxel sizes along x, y, z as the file says them, None where it does not, and notes.

    Of OME the physical sizes [um] of the image of that number; else pixels a unit of length across, in any unit, and
    the distance of pages that ImageJ writes.
    """
    if file.is_ome and (pixels := PIXELS.findall(file.ome_metadata or "")):
        sizes = [_physical_size(pixels[min(number, len(pixels) - 1)], axis) for axis in "XYZ"]
        return (sizes[0], sizes[1], sizes[2]), ()
    tags, about = chosen.keyframe.tags, file.imagej_metadata or {}
    across: list[float | None] = [None, None]
    if "XResolution" in tags and "YResolution" in tags:
        pairs = [tags[name].value for name in ("XResolution", "YResolution")]
        if all(numerator > 0 for numerator, _ in pairs):
            across = [denominator / numerator for numerator, denominator in pairs]
    x, y = across
    if "spacing" in about:
        return (x, y, float(about["spacing"])), ()
    if about and x is not None and x == y and abs(x - 1.0) > 1e-3:
        why = f"the file says that pixels measure {x:.4g} across, and not how far its pages are apart"
        return (x, y, None), (f"{why}, which is 1 to ImageJ",)
    return (x, y, None), ()


def _physical_size(pixels: str, axis: str) -> float | None:
    """Size of a voxel [um] along X, Y or Z in the element Pixels of OME; None where it is not said."""
    said = dict(ATTRIBUTE.findall(pixels))
    if f"PhysicalSize{axis}" not in said:
        return None
    unit = said.get(f"PhysicalSize{axis}Unit", "\u00b5m")
    if unit not in OME_UNITS:
        raise Unreadable("the file", f"says voxel sizes in the unit {unit[:20]!r}", ", ".join(OME_UNITS))
    return float(said[f"PhysicalSize{axis}"]) * OME_UNITS[unit]


def _check_chain(path: Path) -> None:
    """Refuse a file whose chain of pages leads behind its end: the copy was stopped, and the rest would be missed."""
    with path.open("rb") as file:
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = head[2:4] in (b"+\0", b"\0+")
        count_bytes, entry, next_bytes = ("Q", 20, "Q") if big else ("H", 12, "I")
        end = path.stat().st_size
        place = _number(file, order + next_bytes, 8 if big else 4)
        seen: set[int] = set()
        while place:
            if place in seen or len(seen) > MOST_PAGES:
                raise Unreadable("the file", "has a chain of pages that has no end", ALLOWED)
            seen.add(place)
            entries = _number(file, order + count_bytes, place) if place < end else None
            behind = None if entries is None else place + struct.calcsize(order + count_bytes) + entries * entry
            following = None if behind is None or behind >= end else _number(file, order + next_bytes, behind)
            if following is None:
                why = f"is cut short: page {len(seen)} is behind its end"
                raise Unreadable("the file", why, f"a whole file; {ALLOWED}")
            place = following


def _number(file: Any, layout: str, place: int) -> int | None:
    """A number in the file; None behind its end."""
    file.seek(place)
    content = file.read(struct.calcsize(layout))
    return int(struct.unpack(layout, content)[0]) if len(content) == struct.calcsize(layout) else None
