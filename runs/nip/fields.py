"""Fields of the finite elements as VTKHDF and as VTU, which ParaView and pyvista open; SI."""

from pathlib import Path

import h5py
import numpy as np

from kalander.continuum.nip.result import ElementFields
from kalander.coupling.exports.elements import write_vtu
from kalander.coupling.store.atomic import replacing
from kalander.coupling.store.quiet_file import quietly

__all__ = ["write_fields"]

QUAD = 9  # VTK's number of a four-node quadrilateral


def write_fields(fields: ElementFields, folder: Path) -> list[Path]:
    """Write fields in SI to folder/fields.vtkhdf and fields.vtu: deformed mesh in the frame of the roll (x against the
    web's motion, z up), means of each element. Raises StorageError, InputError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "fields.vtkhdf"
    count, cells = len(fields.points), len(fields.elements)
    points = np.zeros((count, 3))
    points[:, 0] = fields.points[:, 0] - fields.centre
    points[:, 1] = fields.points[:, 1]
    xx, zz, xz, yy = fields.stress.T
    data = {
        "stress_xx_Pa": xx,
        "stress_zz_Pa": zz,
        "stress_xz_Pa": xz,
        "stress_yy_Pa": yy,
        "pressure_Pa": (xx + zz + yy) / 3.0,
        "porosity": fields.porosity,
        "volume_ratio": fields.volume_ratio,
        "compaction": fields.compaction,
        "layer": fields.layer.astype(np.int64),
    }
    with replacing(path) as handle, quietly(handle) as quiet, h5py.File(quiet, "w") as file:
        root = file.create_group("VTKHDF")
        root.attrs["Version"] = np.array([2, 0])
        kind = b"UnstructuredGrid"
        root.attrs.create("Type", kind, dtype=h5py.string_dtype("ascii", len(kind)))
        root["NumberOfPoints"] = np.array([count])
        root["NumberOfCells"] = np.array([cells])
        root["NumberOfConnectivityIds"] = np.array([4 * cells])
        root["Points"] = points
        root["Connectivity"] = fields.elements.ravel().astype(np.int64)
        root["Offsets"] = np.arange(0, 4 * cells + 1, 4)
        root["Types"] = np.full(cells, QUAD, np.uint8)
        group = root.create_group("CellData")
        for name, values in data.items():
            group[name] = values
    also = folder / "fields.vtu"
    write_vtu(also, points, fields.elements, data)
    return [path, also]
