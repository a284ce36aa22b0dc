"""Packings to an ensemble: boxes side by side, bodies in an order that keeps neighbours near in memory."""

from dataclasses import dataclass

import numpy as np

from kalander.dem.state import BODY, BOND, Ensemble, sphere_volume
from kalander.kernels.columns import Table
from kalander.kernels.law_table import memory_of, swelling_of, wall_memory_of

__all__ = ["Packing", "assemble", "spatial_order"]

SLAB = 1500  # bodies of one slab of a strip, some 0.4 MB with their pairs


@dataclass(frozen=True)
class Packing:
    """Spheres between two platens at 0 and `height`, periodic in x and y [µm].

    position (particle, 3), radius (particle,), material (particle,), width (2,); bonds as by dem.state.BOND.
    """

    position: np.ndarray
    radius: np.ndarray
    material: np.ndarray
    width: np.ndarray
    height: float
    bonds: Table | None = None


def spatial_order(position: np.ndarray, cell: float) -> np.ndarray:
    """Order of bodies in which neighbours are near in memory: along strips, each a column of cells of `cell` [µm] wide.

    A strip runs along the longer of x and y and is swept slab by slab, in a slab column by column, in a column upwards.
    It is as wide as keeps two slabs in a core's own cache, so that later neighbours are met in the order in which they
    lie: 5 to 8 % faster on a CPU than the Z-curve of Morton 1966, which jumps.
    """
    index = np.floor((position - position.min(axis=0)) / cell).astype(np.int64)
    shape = index.max(axis=0) + 1
    along = int(np.argmax(shape[:2]))
    across = 1 - along
    column = len(position) * shape[2] / shape.prod()
    strip = index[:, across] // max(1, int(SLAB / column))
    return np.lexsort((position[:, 2], index[:, across], index[:, along], strip))


def no_bonds() -> Table:
    """Bond table without rows."""
    shapes = {name: tuple(d for d in column.dims if isinstance(d, int)) for name, column in BOND.items()}
    return {name: np.zeros((0, *shapes[name]), "i4" if BOND[name].kind == "i4" else "f8") for name in BOND}


def assemble(
    packings: list[Packing], *, density: np.ndarray, contact: np.ndarray, binder: np.ndarray, dt: float, law: str
) -> Ensemble:
    """Ensemble of one box a packing, at rest.

    density [ng/µm³] by material row; contact (material, material, constant), the platens last; binder (5,); dt [µs].
    """
    counts = np.array([len(p.radius) for p in packings], dtype=np.int32)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32)
    boxes = len(packings)
    widths = {"memory": wall_memory_of(law), "swelling": swelling_of(law)}
    total = int(counts.sum())
    bodies: Table = {
        name: np.zeros(
            (total, *(widths[d] if isinstance(d, str) else d for d in column.dims[1:])),
            {"i4": "i4", "i8": "i8"}.get(column.kind, "f8"),
        )
        for name, column in BODY.items()
    }
    bonds = []
    for box, (packing, start) in enumerate(zip(packings, starts)):
        here = slice(start, start + len(packing.radius))
        bodies["id"][here] = np.arange(len(packing.radius))
        bodies["box"][here] = box
        bodies["material"][here] = packing.material
        bodies["radius"][here] = packing.radius
        bodies["mass"][here] = sphere_volume(packing.radius) * density[packing.material]
        bodies["position"][here] = packing.position
        bodies["swelling"][here, :1] = packing.radius[:, None]
        bond = dict(packing.bonds if packing.bonds is not None else no_bonds())
        bond["first"], bond["second"] = bond["first"] + start, bond["second"] + start
        bonds.append(bond)
    table = {
        "body_start": starts,
        "body_count": counts,
        "width": np.array([p.width for p in packings], dtype=float),
        "platen_height": np.array([[0.0, p.height] for p in packings]),
        "platen_velocity": np.zeros((boxes, 2)),
        "platen_material": np.full((boxes, 2), contact.shape[0] - 1, np.int32),
        "gravity": np.zeros((boxes, 3)),
        "dt": np.full(boxes, float(dt)),
        "step": np.zeros(boxes, dtype=np.int64),
        "time": np.zeros(boxes),
    }
    none = np.zeros(0, np.int32)
    contacts: Table = {
        "first": none,
        "second": none,
        "spring": np.zeros((0, 3)),
        "memory": np.zeros((0, memory_of(law))),
    }
    lawbook = {"contact": np.tile(contact, (boxes, 1, 1, 1)), "binder": np.tile(binder, (boxes, 1))}
    joined = {name: np.concatenate([bond[name] for bond in bonds]).astype(bonds[0][name].dtype) for name in BOND}
    joined["first"], joined["second"] = joined["first"].astype(np.int32), joined["second"].astype(np.int32)
    return Ensemble(bodies, contacts, joined, table, lawbook, law)
