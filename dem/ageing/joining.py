"""Binder that yields forms new bridges: between particles that have come within reach, out of the binder there is.

A bond that yields holds a volume of binder, which stays in its row when it parts. New bridges share the volume of all
bonds of their box with those that hold: every radius is scaled by one factor, so that no binder is made or lost.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from kalander.dem.bodies.bridges import bridge_volume
from kalander.dem.bodies.periodic import nearest_vectors
from kalander.dem.bodies.state import unloaded_bonds
from kalander.dem.engine.bed import Bed
from kalander.kernels.columns import Table

__all__ = ["STEPS_BETWEEN_LOOKS", "Pairs", "joined", "pairs_within_reach", "shared"]

STEPS_BETWEEN_LOOKS = 400  # in which quasi-static particles approach by a hundredth of a radius


@dataclass(frozen=True)
class Pairs:
    """Pairs to join: rows of the bodies, first < second; axis (pair, 3) from second to first, distance (pair,) [µm]."""

    first: np.ndarray
    second: np.ndarray
    axis: np.ndarray
    distance: np.ndarray


def pairs_within_reach(bed: Bed, boxes: np.ndarray) -> Pairs:
    """Pairs of the boxes (box,) that say so, nearer than the joining distance and not bonded; makes a new list."""
    bed.list_pairs()  # whose skin is at least the joining distance: it misses none
    _, first, second = bed.pairs.candidates()
    radius = bed.solid_radius().astype(np.float64)
    place = bed.body("position").astype(np.float64) + bed.body("rest")
    vector = nearest_vectors(place[first] - place[second], bed.boxes, bed.host_box[first])
    distance = np.linalg.norm(vector, axis=1)
    box = bed.host_box[first]
    near = boxes[box] & (distance - radius[first] - radius[second] < bed.joining_distance[box])
    bonds = bed.bonds()
    held = bonds["intact"] == 1
    near &= ~np.isin(
        _key(first, second, bed.body_count), _key(bonds["first"][held], bonds["second"][held], bed.body_count)
    )
    return Pairs(first[near], second[near], vector[near] / distance[near, None], distance[near])


def joined(
    bonds: Table, branches: Table, pairs: Pairs, *, box: np.ndarray, radius: np.ndarray
) -> tuple[Table, Table, np.ndarray]:
    """Bonds and branches with those of the pairs, sorted by their bodies, and by what factor radii change (bond,).

    box, radius (body,) [µm]. A new bond is without stress at the distance it has; its radius is the share of the
    smaller sphere's that bonds of its box have. One that joins a pair again takes the row of the bond that parted.
    """
    count = len(radius)
    small = np.minimum(radius[bonds["first"]], radius[bonds["second"]])
    home = box[pairs.first]
    share = np.zeros(int(box.max()) + 1)
    for number in np.unique(home):
        mine = box[bonds["first"]] == number
        share[number] = np.median(bonds["radius"][mine] / small[mine])
    thick = share[home] * np.minimum(radius[pairs.first], radius[pairs.second])
    fresh = unloaded_bonds(pairs.first, pairs.second, thick, pairs.distance)
    carried = {name: np.zeros((len(home), *column.shape[1:])) for name, column in branches.items()}
    if len(branches["axis"]):
        carried["axis"] = pairs.axis
    before = np.flatnonzero(
        np.isin(_key(bonds["first"], bonds["second"], count), _key(pairs.first, pairs.second, count))
    )
    rows = np.searchsorted(_key(bonds["first"], bonds["second"], count)[before], _key(pairs.first, pairs.second, count))
    again = np.zeros(len(home), bool)
    if len(before):
        place = before[np.minimum(rows, len(before) - 1)]
        again = (bonds["first"][place] == pairs.first) & (bonds["second"][place] == pairs.second)
        for name in ("volume", "flow"):  # what the bond that parted held and did
            fresh[name][again] = bonds[name][place[again]]
    stays = np.ones(len(bonds["first"]), bool)
    stays[before] = False
    bonds = {name: np.concatenate([column[stays], fresh[name].astype(column.dtype)]) for name, column in bonds.items()}
    if len(branches["axis"]):
        branches = {name: np.concatenate([column[stays], carried[name]]) for name, column in branches.items()}
    order = np.argsort(_key(bonds["first"], bonds["second"], count), kind="stable")
    bonds = {name: column[order] for name, column in bonds.items()}
    branches = {name: column[order] if len(column) else column for name, column in branches.items()}
    factor, volume = shared(bonds, np.unique(home), box=box, radius=radius)
    return {**bonds, "volume": volume}, branches, factor


def shared(bonds: Table, boxes: np.ndarray, *, box: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factor of every radius and volume of every bond (bond,) [µm³], so that bonds that hold share all of their box.

    boxes: numbers of those that do. No bond becomes thicker than its smaller sphere; what is left then is spread over
    all bonds by their volume, as films.
    """
    first, second = bonds["first"], bonds["second"]
    thick = bonds["radius"].astype(np.float64)
    gap = np.maximum(bonds["length"].astype(np.float64) - radius[first] - radius[second], 0.0)
    small = np.minimum(radius[first], radius[second])
    factor, volume = np.ones(len(first)), bonds["volume"].astype(np.float64)
    for number in boxes:
        mine = box[first] == number
        rows = np.flatnonzero(mine & (bonds["intact"] == 1))
        total = volume[mine].sum()
        if total <= 0.0 or len(rows) == 0:
            continue

        def bridges(scale: float, rows: np.ndarray = rows) -> np.ndarray:
            thin = np.minimum(scale * thick[rows], small[rows])  # but for rounding
            return bridge_volume(thin, radius[first[rows]], radius[second[rows]], gap[rows])

        most = float((small[rows] / thick[rows]).min())
        scale = most
        if bridges(most).sum() > total:
            scale = brentq(lambda value, total=total: bridges(value).sum() - total, 0.0, most, xtol=1e-14)
        held = bridges(scale)
        factor[rows] = scale
        volume[mine] = 0.0
        volume[rows] = held * (total / held.sum())
    return factor, volume


def _key(first: np.ndarray, second: np.ndarray, body_count: int) -> np.ndarray:
    return first.astype(np.int64) * body_count + second
