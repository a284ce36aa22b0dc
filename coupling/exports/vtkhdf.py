"""Particles and bonds as a VTKHDF time series, which ParaView opens: points with radii, bonds as lines.

Format: VTK file formats, VTKHDF 2.0, temporal PolyData. The value of a step is the stress in Pa that the packing was
pressed to and released from; the particles of a step are vertices, its bonds lines with their radius as cell data.
"""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from kalander.coupling.exports.states import State
from kalander.coupling.store.atomic import replacing
from kalander.coupling.store.quiet_file import quietly

__all__ = ["write_vtkhdf"]

KINDS = ("Vertices", "Lines", "Polygons", "Strips")


def write_vtkhdf(path: Path, states: Sequence[State]) -> None:
    """Write the states of a replica to a file. Raises StorageError."""
    points = np.array([len(state.radius) for state in states])
    bonds = np.array([len(state.bonds["first"]) if state.bonds else 0 for state in states])
    with replacing(path) as handle, quietly(handle) as quiet, h5py.File(quiet, "w") as file:
        root = file.create_group("VTKHDF")
        root.attrs["Version"] = np.array([2, 0])
        root.attrs.create("Type", b"PolyData", dtype=h5py.string_dtype("ascii", len(b"PolyData")))
        root["NumberOfPoints"] = points
        root["Points"] = np.concatenate([state.position for state in states])
        _cells(root, states, points, bonds)
        data = root.create_group("PointData")
        for name, columns in _point_data(states).items():
            data[name] = columns
        radii = [np.concatenate([np.zeros(len(one.radius)), _column(one, "radius")]) for one in states]
        root.create_group("CellData")["bond_radius_m"] = np.concatenate(radii)
        _steps(root, states, points, bonds)


def _point_data(states: Sequence[State]) -> dict[str, np.ndarray]:
    return {
        "radius_m": np.concatenate([state.radius for state in states]),
        "id": np.concatenate([state.id for state in states]),
        "clump": np.concatenate([state.clump for state in states]).astype(np.int64),
        "cracked": np.concatenate([state.cracked for state in states]).astype(np.int64),
    }


def _column(state: State, name: str) -> np.ndarray:
    return state.bonds[name] if state.bonds else np.zeros(0)


def _cells(root: h5py.Group, states: Sequence[State], points: np.ndarray, bonds: np.ndarray) -> None:
    """A vertex for each particle and a line for each bond; rows count from the beginning of a step."""
    lines = [np.column_stack([_column(one, "first"), _column(one, "second")]).astype(np.int64) for one in states]
    connectivity = {"Vertices": [state.id for state in states], "Lines": [line.ravel() for line in lines]}
    for kind, width, counts in zip(KINDS, (1, 2, 1, 1), (points, bonds, 0 * points, 0 * points)):
        group = root.create_group(kind)
        group["NumberOfCells"] = counts
        group["NumberOfConnectivityIds"] = counts * width
        group["Connectivity"] = np.concatenate(connectivity.get(kind, [np.zeros(0, np.int64)])).astype(np.int64)
        group["Offsets"] = np.concatenate([width * np.arange(count + 1) for count in counts])


def _steps(root: h5py.Group, states: Sequence[State], points: np.ndarray, bonds: np.ndarray) -> None:
    """Where each step begins in the arrays of all steps."""
    steps, count = root.create_group("Steps"), len(states)
    steps.attrs["NSteps"] = count
    steps["Values"] = np.array([state.stress for state in states])
    steps["NumberOfParts"] = np.ones(count, np.int64)
    steps["PartOffsets"] = np.arange(count)
    begins = np.concatenate([[0], np.cumsum(points)[:-1]])
    bonds_begin = np.concatenate([[0], np.cumsum(bonds)[:-1]])
    none = np.zeros(count, np.int64)
    steps["PointOffsets"] = begins
    steps["CellOffsets"] = np.column_stack([begins, bonds_begin, none, none])
    steps["ConnectivityIdOffsets"] = np.column_stack([begins, 2 * bonds_begin, none, none])
    for name in root["PointData"]:
        steps.require_group("PointDataOffsets")[name] = begins
    steps.require_group("CellDataOffsets")["bond_radius_m"] = begins + bonds_begin
