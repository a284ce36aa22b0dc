"""Broken particles replaced by their pieces: a pure function from an ensemble to an ensemble.

What is kept, to rounding: mass (the fines ride with the pieces in proportion to their volume, whose density rises
with it), centre of mass, linear and angular momentum, heat and work done so far. Pieces lie inside the particle and
move as it did, v + ω × r. A piece that would overlap a neighbour or a platen by more than a share of its radius is
shrunk until it does not, keeping its mass.
"""

from dataclasses import dataclass, replace

import numpy as np

from kalander.dem.bodies.state import BODY, Ensemble
from kalander.dem.fracture.fragments import FragmentSet
from kalander.dem.fracture.pieces import (
    Near,
    Pieces,
    centres,
    contact_energies,
    fit_pieces,
    joined_contacts,
    near_pieces,
)
from kalander.kernels.columns import Table

__all__ = ["Replacement", "replace_bodies"]


@dataclass(frozen=True)
class Replacement:
    """The new ensemble and what became of its bodies.

    pieces: old rows to new; next_id (box,): first number never given; refused: old rows whose pieces find no room and
    that stay whole; energy_before, energy_after [pJ], shape (box,): Hertzian energy of the contacts of the broken
    particles and of their pieces. The latter is at most the former.
    """

    ensemble: Ensemble
    pieces: Pieces
    next_id: np.ndarray
    refused: np.ndarray
    energy_before: np.ndarray
    energy_after: np.ndarray

    @property
    def broken_boxes(self) -> np.ndarray:
        """Whether a particle of the box was replaced, shape (box,)."""
        box = self.ensemble.bodies["box"][self.pieces.new]
        return np.bincount(box, minlength=self.ensemble.box_count) > 0


def replace_bodies(
    ensemble: Ensemble,
    broken: np.ndarray,
    turns: np.ndarray,
    fragments: FragmentSet,
    next_id: np.ndarray,
    *,
    overlap: float,
    keep_bonds: bool,
) -> Replacement:
    """Replace the bodies in rows `broken` by sets of pieces turned by rotations `turns`, shape (broken, 3, 3).

    The contacts of the ensemble must be all that touch, as a bed gives them after a step. overlap: largest overlap of a
    piece with a neighbour over its radius. keep_bonds: intact bonds go on at the nearest piece, unloaded; else they
    are broken. Pieces take the rows of their particle and numbers from `next_id` on, in this order.
    """
    limit = np.full(ensemble.box_count, overlap)
    pieces, near, refused = fit_pieces(ensemble, broken, turns, fragments, limit)
    before, after = contact_energies(ensemble, pieces, near)
    if (after > before).any():  # many pieces may share what one contact bore
        pieces, near, refused = fit_pieces(ensemble, broken, turns, fragments, np.where(after > before, 0.0, limit))
        before, after = contact_energies(ensemble, pieces, near)
    bodies, given = _bodies(ensemble, pieces, next_id)
    counts = np.bincount(bodies["box"], minlength=ensemble.box_count).astype(np.int32)
    boxes = {
        **ensemble.boxes,
        "body_count": counts,
        "body_start": np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32),
    }
    fresh = replace(
        ensemble, bodies=bodies, boxes=boxes,
        contacts=_contacts(ensemble, pieces, near), bonds=_bonds(ensemble, pieces, keep_bonds=keep_bonds),
    )  # fmt: skip
    return Replacement(fresh, pieces, next_id + given, broken[refused], before, after)


def _bodies(ensemble: Ensemble, pieces: Pieces, next_id: np.ndarray) -> tuple[Table, np.ndarray]:
    """Columns of the new bodies, and how many numbers each box gave out; whole bodies keep every bit."""
    old, source, new = ensemble.bodies, pieces.source, pieces.new
    table = {name: column[source] for name, column in old.items()}
    from_old, share = source[new], pieces.share[new]
    box, offset, radius = old["box"][from_old], pieces.offset[new], pieces.radius[new]
    place = centres(old)[from_old] + offset
    spin = old["spin"][from_old].astype(float)
    mass = share * old["mass"][from_old].astype(float)
    leads = np.concatenate([[True], np.diff(from_old) != 0])[: len(from_old)]
    given = np.bincount(box, minlength=ensemble.box_count)
    rank = np.arange(len(box)) - np.concatenate([[0], np.cumsum(given)[:-1]])[box]
    values = {
        "id": next_id[box] + rank,
        "radius": radius,
        "mass": mass,
        "position": place.astype(old["position"].dtype),
        "rest": place - place.astype(old["position"].dtype),
        "velocity": old["velocity"][from_old] + np.cross(spin, offset),
        "spin": _spins(old, from_old, mass, offset, radius)[:, None] * spin,
        "force": share[:, None] * old["force"][from_old],  # all go on as the particle would have
        "heat": leads * old["heat"][from_old],
        "losses": leads[:, None] * old["losses"][from_old],
        "work": leads * old["work"][from_old],
    }
    for name, column in BODY.items():
        if name in values:
            table[name][new] = values[name]
        elif column.kind == "real":  # springs and loads of contacts that are no more
            table[name][new] = 0.0
    return table, given


def _spins(old: Table, source: np.ndarray, mass: np.ndarray, offset: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Spin of the pieces over that of their particle, that keeps its angular momentum.

    Of 0.4 M R² ω the pieces carry 2/3 Σ m c² ω with their centres (the sets have no axis), the rest by turning.
    """
    count = len(old["mass"])
    whole = 0.4 * old["mass"].astype(float) * old["radius"].astype(float) ** 2
    going = np.bincount(source, 2.0 / 3.0 * mass * (offset**2).sum(axis=1), count)
    turning = np.bincount(source, 0.4 * mass * radius**2, count)
    return ((whole - going)[source]) / turning[source]


def _contacts(ensemble: Ensemble, pieces: Pieces, near: Near) -> Table:
    """Contacts of whole bodies as they were, and those that pieces begin with, without history."""
    old, start = ensemble.contacts, pieces.start
    stays = ~(pieces.broken[old["first"]] | pieces.broken[old["second"]])
    touches = near.distance < pieces.radius[near.first] + pieces.radius[near.second]
    kept = {name: column[stays] for name, column in old.items()}
    kept["first"], kept["second"] = start[kept["first"]], start[kept["second"]]
    return joined_contacts(kept, near.first[touches], near.second[touches])


def _bonds(ensemble: Ensemble, pieces: Pieces, *, keep_bonds: bool) -> Table:
    """Bonds of broken particles at their nearest pieces: unloaded if kept, else broken; no thicker than a piece."""
    old = ensemble.bonds
    mine = pieces.broken[old["first"]] | pieces.broken[old["second"]]
    table = {name: column.copy() for name, column in old.items()}
    table["first"], table["second"] = (pieces.start[old[name]].astype(np.int32) for name in ("first", "second"))
    if mine.any():
        near = near_pieces(ensemble, pieces, old)
        sizes = (pieces.counts[old["first"]] * pieces.counts[old["second"]])[mine]
        start = np.cumsum(sizes) - sizes
        gap = near.distance - pieces.radius[near.first] - pieces.radius[near.second]
        best = np.lexsort((gap, np.repeat(np.arange(len(sizes)), sizes)))[start]
        for name, column in old.items():
            if column.dtype.kind == "f" and name not in ("volume", "flow"):
                table[name][mine] = 0.0
        one, two = near.first[best], near.second[best]
        table["first"][mine], table["second"][mine] = one, two
        table["length"][mine] = near.distance[best]
        table["radius"][mine] = np.minimum(old["radius"][mine], np.minimum(pieces.radius[one], pieces.radius[two]))
        table["intact"][mine] = old["intact"][mine] * int(keep_bonds)
    order = np.lexsort((table["second"], table["first"]))
    return {name: column[order] for name, column in table.items()}
