"""Pieces that grow where there is room until they fill the volume of their particle again: fines come to lie there."""

from dataclasses import replace

import numpy as np

from kalander.dem.bodies.periodic import nearest_vectors
from kalander.dem.bodies.state import Ensemble
from kalander.dem.engine.bed import Bed
from kalander.dem.engine.pace import SKIN_RANGE
from kalander.dem.fracture.pieces import centres, joined_contacts, platen_distances

__all__ = ["grown"]

LEAST_GROWTH = 1e-3  # of a radius, below which a piece waits: laying the bed anew costs more than it is worth


def grown(
    bed: Bed, target: np.ndarray, boxes: np.ndarray, *, rate: float, overlap: float
) -> tuple[Ensemble, np.ndarray] | None:
    """The bed's ensemble after one growth, and the boxes in which something grew, shape (box,); None where nothing did.

    target: radius to grow to [µm], shape (body,); boxes (box,): where to grow. A radius grows by the share `rate` at
    most, and never so far that a body overlaps a neighbour or a platen by more than `overlap` of the smaller radius.
    Spins fall as the moments of inertia rise: angular momentum is kept, and what it takes is booked by who calls.
    """
    radius = bed.body("radius").astype(float)
    # no further than half of the shortest skin a list may have, so that a fresh list knows all who can meet
    step = np.minimum(rate * radius, 0.5 * SKIN_RANGE[0] * bed.mean[bed.host_box])
    wish = np.where(boxes[bed.host_box], np.clip(target - radius, 0.0, step), 0.0)
    if not (wish > 0.0).any():
        return None
    bed.list_pairs()
    _, first, second = bed.pairs.candidates()
    ensemble = bed.ensemble()
    gap = _gaps(ensemble, first, second)
    growth = wish * _room(ensemble, wish, first, second, gap, overlap)
    growth = np.where((growth >= LEAST_GROWTH * radius) | (growth >= target - radius), growth, 0.0)
    changed = np.bincount(bed.host_box, growth > 0.0, ensemble.box_count) > 0
    if not changed.any():
        return None
    return _with_radii(ensemble, radius + growth, growth, first, second, gap), changed


def _gaps(ensemble: Ensemble, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Distances of the surfaces of pairs [µm]."""
    bodies, centre, radius = ensemble.bodies, centres(ensemble.bodies), ensemble.bodies["radius"].astype(float)
    vector = nearest_vectors(centre[first] - centre[second], ensemble.boxes, bodies["box"][first])
    return np.sqrt((vector**2).sum(axis=1)) - radius[first] - radius[second]


def _room(
    ensemble: Ensemble, wish: np.ndarray, first: np.ndarray, second: np.ndarray, gap: np.ndarray, overlap: float
) -> np.ndarray:
    """Share of its wish that each body may have, 0 to 1: where two grow towards each other they share the room."""
    radius = ensemble.bodies["radius"].astype(float)
    above = platen_distances(ensemble, np.arange(len(radius))).min(axis=1) - (1.0 - overlap) * radius
    share = np.clip(above / np.maximum(wish, 1e-300), 0.0, 1.0)
    both = wish[first] + wish[second]
    meets = both > 0.0
    room = gap[meets] + overlap * np.minimum(radius[first[meets]], radius[second[meets]])
    allowed = np.clip(room / both[meets], 0.0, 1.0)
    np.minimum.at(share, first[meets], allowed)
    np.minimum.at(share, second[meets], allowed)
    return share


def _with_radii(
    ensemble: Ensemble, radius: np.ndarray, growth: np.ndarray, first: np.ndarray, second: np.ndarray, gap: np.ndarray
) -> Ensemble:
    """The ensemble with other radii, and with the contacts that come with them."""
    bodies = dict(ensemble.bodies)
    grew = growth > 0.0
    shrinkage = ((radius - growth) / radius) ** 2
    bodies["radius"] = np.where(grew, radius, bodies["radius"]).astype(bodies["radius"].dtype)
    bodies["spin"] = np.where(grew[:, None], shrinkage[:, None] * bodies["spin"], bodies["spin"]).astype(
        bodies["spin"].dtype
    )
    touching = gap < growth[first] + growth[second]
    count, known = len(radius), ensemble.contacts
    pairs = first.astype(np.int64) * count + second
    met = touching & ~np.isin(pairs, known["first"].astype(np.int64) * count + known["second"])
    return replace(ensemble, bodies=bodies, contacts=joined_contacts(known, first[met], second[met]))
