"""A folder of slices, the commonest form of a tomogram: one grey picture a slice, in the natural order of names."""

import re
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.structure.images import VoxelImage, check_shape, checked_values
from kalander.kernels.errors import Fault, InputError

__all__ = ["SLICES", "read_slices"]

SLICES = (".png", ".tif", ".tiff", ".bmp")
LOSSY = (".jpg", ".jpeg")
KINDS = {
    "1": "?",
    "L": "u1",
    "P": "u1",
    "I;16": "u2",
    "I;16B": "u2",
    "I;16L": "u2",
    "I;16N": "u2",
    "I": "i4",
    "F": "f4",
}
ALLOWED = (
    "a folder of grey slices (.png, .tif or .bmp) of one size, numbered along z: slice_000.png, slice_001.png, ..."
)
WHITE_IS_ZERO, PHOTOMETRIC = 0, 262
NAMED = 3  # names that a message lists


def read_slices(folder: Path) -> VoxelImage:
    """The slices of a folder as labels (x, y, z): rows are y, columns x, slices z. Raises InputError."""
    files = _slices(folder)
    files, notes = _ordered(folder, files)
    kinds = [_kind(path) for path in files]
    for path, kind in zip(files, kinds):
        if kind != kinds[0]:
            why = f"is of {_words(kind)}, unlike {files[0].name} of {_words(kinds[0])}"
            raise InputError(Fault(str(folder), path.name, why, ALLOWED))
    mode, width, height = kinds[0]
    check_shape(folder, (width, height, len(files)), np.dtype(KINDS[mode]))
    labels = np.empty((width, height, len(files)), KINDS[mode])
    for number, path in enumerate(files):
        labels[:, :, number] = _pixels(path).T
    return VoxelImage(folder.name, checked_values(folder, labels), None, notes)


def _words(kind: tuple[str, int, int]) -> str:
    return f"{kind[1]} by {kind[2]} pixels, mode {kind[0]}"


def _slices(folder: Path) -> list[Path]:
    """The pictures in a folder. Raises InputError for fewer than two, and for those compressed with losses."""
    try:
        there = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file()]
    except OSError as error:
        raise InputError(Fault(str(folder), folder.name, f"cannot be read: {error.strerror}", ALLOWED)) from None
    lossy = [path for path in there if path.suffix.lower() in LOSSY]
    if lossy:
        why = f"is a folder with {lossy[0].name}, whose labels the compression has changed"
        raise InputError(Fault(str(folder), folder.name, why, ALLOWED))
    files = [path for path in there if path.suffix.lower() in SLICES]
    if len(files) < 2:
        why = f"is a folder with {len(files) or 'no'} slice{'s' * (not files)}"
        raise InputError(Fault(str(folder), folder.name, why, ALLOWED))
    return files


def _ordered(folder: Path, files: list[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """Slices in the natural order of their names, and notes. Two of one number or names of two series are refused."""
    patterns = sorted({re.sub("[0-9]+", "#", path.name.lower()) for path in files})
    if not any("#" in pattern for pattern in patterns):
        files = sorted(files, key=lambda path: path.name)
        return files, (f"slices without numbers, in the order of their names: {files[0].name} to {files[-1].name}",)
    if len(patterns) > 1:
        why = f"is a folder with slices of {len(patterns)} series of names: {', '.join(patterns[:NAMED])}"
        raise InputError(Fault(str(folder), folder.name, why, ALLOWED))
    numbers = np.array([[int(word) for word in re.findall("[0-9]+", path.name)] for path in files], object)
    counts = [list(column) for column in numbers.T if len(set(column)) == len(files)]
    if not counts:
        named = ", ".join(sorted(path.name for path in files)[:NAMED])
        why = f"is a folder in whose names no number counts the slices: {named}"
        raise InputError(Fault(str(folder), folder.name, why, ALLOWED))
    # names may hold times besides: what counts in even steps goes first
    count = next((column for column in counts if _first_gap(sorted(column)) is None), counts[0])
    files = [files[place] for place in sorted(range(len(files)), key=count.__getitem__)]
    gap = _first_gap(sorted(count))
    if gap is None:
        return files, ()
    return files, (f"no slices between {files[gap].name} and {files[gap + 1].name}: are some missing?",)


def _first_gap(numbers: list[int]) -> int | None:
    """Place before the first step that is larger than the least; None for even steps."""
    steps = [later - former for former, later in pairwise(numbers)]
    return next((place for place, step in enumerate(steps) if step != min(steps)), None)


def _opened(path: Path) -> Any:
    """A picture by Pillow. Raises InputError."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its size, which is held against the memory
        return Image.open(path)


def _kind(path: Path) -> tuple[str, int, int]:
    """Mode and size of a slice. Raises InputError for colours, several pages, and what is no picture."""
    try:
        with _opened(path) as picture:
            mode, (width, height) = picture.mode, picture.size
            pages = getattr(picture, "n_frames", 1)
            turned = getattr(picture, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO
    except Exception as error:  # Pillow answers a damaged file with any kind
        raise InputError(Fault(str(path), path.name, f"cannot be read: {str(error)[:160]}", ALLOWED)) from None
    why = ""
    if mode not in KINDS:
        why = f"has colours or transparency (mode {mode}), which are no labels"
    elif pages > 1:
        why = f"holds {pages} pages"
    elif turned:
        why = "counts brightness from white, so that its labels are turned around"
    if why:
        raise InputError(Fault(str(path), path.name, why, ALLOWED))
    return mode, width, height


def _pixels(path: Path) -> np.ndarray:
    try:
        with _opened(path) as picture:
            return np.asarray(picture)
    except Exception as error:
        raise InputError(Fault(str(path), path.name, f"cannot be read: {str(error)[:160]}", ALLOWED)) from None
