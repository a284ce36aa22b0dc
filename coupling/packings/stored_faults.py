"""What stored packings must mean, beyond their columns: sentences on what cannot be."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from kalander.coupling.store.ranges import LENGTH, SHARE, VOLUME, Faults, outside
from kalander.coupling.store.store import Data
from kalander.dem.bodies.clumps import clump_faults, rotation_matrices
from kalander.dem.bodies.state import sphere_volume
from kalander.kernels.columns import Table

__all__ = ["boxes_faults", "coinciding", "of_box", "pack_faults", "places_faults"]

PACK = {
    "particles": {"radius": LENGTH, "offset": (-1.0, 1.0), "position": (-1e3, 1e3)},
    "bonds": {"radius": LENGTH, "length": LENGTH},
    "boxes": {"width": LENGTH, "height": LENGTH, "solids": VOLUME, "bridged": SHARE},
}


def boxes_faults(box: np.ndarray, count: int, what: str, *, everywhere: bool = False) -> Faults:
    """Whether rows are sorted by boxes that exist, and perhaps each box has some."""
    if ((box < 0) | (box >= count)).any() or (np.diff(box) < 0).any():
        yield f"{what} are not in their boxes"
    elif everywhere and len(np.unique(box)) != count:
        yield f"a box has no {what}"


def coinciding(position: np.ndarray, radius: np.ndarray, width: np.ndarray) -> Faults:
    """Spheres of a box whose centres stand in one place."""
    if len(radius) < 2:
        return
    inside = position.copy()
    inside[:, :2] = np.minimum(np.mod(position[:, :2], width), np.nextafter(width, 0.0))
    distance, _ = cKDTree(inside, boxsize=[*width, 0.0]).query(inside, k=2)
    if (distance[:, 1] < 1e-3 * radius).any():
        yield f"particle {int(np.argmin(distance[:, 1] / radius))} of a box stands in another"


def pack_faults(data: Data, config: Mapping[str, Any]) -> Faults:
    """What cannot be in stored packings. config: of stage pack; may be empty."""
    tables = data.tables
    particles, boxes, bonds = tables["particles"], tables["boxes"], tables["bonds"]
    count = len(boxes["height"])
    if count == 0:
        yield "there is no box"
        return
    if "boxes" in config and config["boxes"]["replicas"] != count:
        yield f"there are {count} boxes, of {config['boxes']['replicas']} replicas"
    broken = [
        *outside(tables, PACK),
        *boxes_faults(particles["box"], count, "particles", everywhere=True),
        *boxes_faults(bonds["box"], count, "bonds"),
        *boxes_faults(tables["clumps"]["box"], count, "clumps"),
    ]
    yield from broken
    if not broken:
        yield from _recipe_faults(boxes, config)
        for box in range(count):
            yield from (f"box {box}: {fault}" for fault in _packing_faults(tables, box))


def _recipe_faults(boxes: Table, config: Mapping[str, Any]) -> Faults:
    """Boxes that are not all of one recipe, which that of the card is."""
    share = boxes["solids"] / (boxes["width"].prod(axis=1) * boxes["height"])
    wanted = 1.0 - config["electrode"]["porosity"] if "electrode" in config else share[0]
    if (np.abs(share - wanted) > 1e-6 * wanted).any() or (
        np.abs(boxes["height"] / boxes["height"][0] - 1) > 1e-6
    ).any():
        yield "boxes do not have the porosity, or the height, of one recipe"


def _packing_faults(tables: Mapping[str, Table], box: int) -> Faults:
    """One packing: members of clumps, volume, places, bonds."""
    particles, bonds, clumps = (of_box(tables[name], box) for name in ("particles", "bonds", "clumps"))
    width, height, solids = (tables["boxes"][name][box] for name in ("width", "height", "solids"))
    radius, position, member = particles["radius"], particles["position"], particles["clump"] >= 0
    rigid = {**clumps, "mass": clumps["volume"]}
    faults = clump_faults(particles, rigid, {"offset": particles["offset"][member]})
    yield from faults
    if faults:
        return
    mine = particles["clump"][member]
    turned = np.einsum("mij,mj->mi", rotation_matrices(clumps["orientation"])[mine], particles["offset"][member])
    arm = position[member] - clumps["position"][mine]
    if (
        particles["offset"][~member].any()
        or (np.abs(arm - turned).max(axis=1, initial=0.0) > 1e-3 * radius[member]).any()
    ):
        yield "particles do not stand where their clumps have them"
    spheres = float(sphere_volume(radius[~member]).sum() + clumps["volume"].sum())
    if solids > width.prod() * height:
        yield "its solids are more than the box"
    if spheres > 1.001 * solids or spheres < 0.01 * solids:
        yield f"its particles hold {spheres / solids:.3g} of its solids"
    yield from places_faults(position, radius, width, height)
    first, second = bonds["first"], bonds["second"]
    if ((first < 0) | (second <= first) | (second >= len(radius))).any():
        yield "bonds join particles that do not exist"
        return
    vector = position[first] - position[second]
    vector[:, :2] -= width * np.round(vector[:, :2] / width)
    distance = np.linalg.norm(vector, axis=1)
    if (np.abs(bonds["length"] - distance) > 1e-6 * distance).any():
        yield "bonds are not as long as their particles are apart"
    share = bonds["radius"] / np.minimum(radius[first], radius[second])
    if len(share) and (share.max() > 1 + 1e-6 or share.max() - share.min() > 1e-6):
        yield "bonds are thicker than their particles, or not all one share of them"


def places_faults(position: np.ndarray, radius: np.ndarray, width: np.ndarray, height: float) -> Faults:
    """Centres far from their box, beyond its platens, or in one place."""
    if (np.abs(position[:, :2]) > 1e3 * width).any():
        yield "particles lie far from their box"
    if ((position[:, 2] < -radius) | (position[:, 2] > height + radius)).any():
        yield "particles lie beyond the platens"
    yield from coinciding(position, radius, width)


def of_box(table: Table, box: int) -> Table:
    """Rows of a box."""
    here = table["box"] == box
    return {name: column[here] for name, column in table.items()}
