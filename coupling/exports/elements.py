"""Fields of the finite elements as VTU, VTK's XML of an unstructured grid; SI, numbers as raw bytes."""

import base64
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from kalander.coupling.store.atomic import replacing

__all__ = ["write_vtu"]

QUAD = 9  # VTK's number of a four-node quadrilateral
TYPES = {"f8": "Float64", "i8": "Int64", "u1": "UInt8"}


def write_vtu(path: Path, points: np.ndarray, quads: np.ndarray, cell_data: Mapping[str, np.ndarray]) -> None:
    """points (point, 3) [m], quads (cell, 4) rows of points, values of each cell by name. Raises StorageError."""
    count = len(quads)
    cells = {
        "connectivity": quads.ravel().astype("i8"), "offsets": 4 * np.arange(1, count + 1),
        "types": np.full(count, QUAD, "u1"),
    }  # fmt: skip
    parts = [
        '<?xml version="1.0"?>',
        '<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian" header_type="UInt64">',
        f'<UnstructuredGrid><Piece NumberOfPoints="{len(points)}" NumberOfCells="{count}">',
        f"<Points>{_array('Points', points.astype('f8'), 3)}</Points>",
        f"<Cells>{''.join(_array(name, values) for name, values in cells.items())}</Cells>",
        f"<CellData>{''.join(_array(name, np.asarray(values)) for name, values in cell_data.items())}</CellData>",
        "</Piece></UnstructuredGrid></VTKFile>",
    ]
    with replacing(path) as handle:
        handle.write("\n".join([*parts, ""]).encode())


def _array(name: str, values: np.ndarray, components: int = 1) -> str:
    kind = values.dtype.str[1:]
    raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
    content = base64.b64encode(np.array([len(raw)], "<u8").tobytes() + raw).decode()
    about = f'type="{TYPES[kind]}" Name={quoteattr(name)} NumberOfComponents="{components}" format="binary"'
    return f"<DataArray {about}>{content}</DataArray>"
