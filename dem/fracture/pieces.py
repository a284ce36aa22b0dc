"""Where the pieces of broken particles lie, and how large they may be beside their neighbours."""

from dataclasses import dataclass, replace

import numpy as np

from kalander.dem.bodies.periodic import nearest_vectors
from kalander.dem.bodies.state import Ensemble
from kalander.dem.fracture.fragments import FragmentSet
from kalander.kernels.columns import Table

__all__ = ["Near", "Pieces", "centres", "contact_energies", "fit_pieces", "joined_contacts", "near_pieces",
           "platen_distances"]  # fmt: skip

LEAST_SCALE = 0.5  # a particle that leaves its pieces less room than this part of their radius is not replaced


@dataclass(frozen=True)
class Pieces:
    """Old rows to new ones. counts (old body,): 1, or the number of pieces; the others have a value a new body.

    source: old row; offset [µm], shape (new body, 3): from the old centre; radius [µm]; share of the old mass.
    """

    counts: np.ndarray
    source: np.ndarray
    offset: np.ndarray
    radius: np.ndarray
    share: np.ndarray

    @property
    def start(self) -> np.ndarray:
        """First new row of every old one."""
        return np.concatenate([[0], np.cumsum(self.counts)[:-1]])

    @property
    def broken(self) -> np.ndarray:
        """Which old rows are replaced."""
        return self.counts > 1

    @property
    def new(self) -> np.ndarray:
        """Which new rows are pieces."""
        return self.broken[self.source]


@dataclass(frozen=True)
class Near:
    """New bodies that may overlap: rows, and the vector from the second centre to the first one [µm]."""

    first: np.ndarray
    second: np.ndarray
    vector: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        return np.sqrt((self.vector**2).sum(axis=1))


def fit_pieces(
    ensemble: Ensemble, broken: np.ndarray, turns: np.ndarray, fragments: FragmentSet, limit: np.ndarray
) -> tuple[Pieces, Near, np.ndarray]:
    """Pieces shrunk until they overlap at most `limit` (box,) of their radius; which of `broken` leave no room."""
    refused = np.zeros(len(broken), bool)
    while True:
        pieces = _cut(ensemble, broken[~refused], turns[~refused], fragments)
        near = near_pieces(ensemble, pieces, ensemble.contacts)
        scale = _scales(ensemble, pieces, near, limit)
        tight = np.minimum.reduceat(scale, pieces.start)[broken] < LEAST_SCALE
        if not tight.any():
            return replace(pieces, radius=pieces.radius * scale), near, refused
        refused = refused | tight


def _cut(ensemble: Ensemble, broken: np.ndarray, turns: np.ndarray, fragments: FragmentSet) -> Pieces:
    """The pieces at their full size."""
    radius = ensemble.bodies["radius"].astype(float)
    number = len(fragments.radius)
    counts = np.ones(len(radius), np.int64)
    counts[broken] = number
    source = np.repeat(np.arange(len(radius)), counts)
    new = counts[source] > 1
    size, offset, share = radius[source], np.zeros((len(source), 3)), np.ones(len(source))
    turned = (turns[:, None, :, :] * fragments.centre[None, :, None, :]).sum(axis=3)
    offset[new] = turned.reshape(-1, 3) * size[new, None]
    size[new] = size[new] * np.tile(fragments.radius, len(broken))
    share[new] = np.tile(fragments.share, len(broken))
    return Pieces(counts, source, offset, size, share)


def centres(bodies: Table) -> np.ndarray:
    return bodies["position"].astype(float) + bodies["rest"]


def joined_contacts(contacts: Table, first: np.ndarray, second: np.ndarray) -> Table:
    """Contacts and others without history, in the order of their bodies."""
    fresh = {"first": first, "second": second}
    ends = {name: np.concatenate([contacts[name], fresh[name]]).astype(np.int32) for name in fresh}
    order = np.lexsort((ends["second"], ends["first"]))
    history = {
        name: np.concatenate([column, np.zeros((len(first), *column.shape[1:]), column.dtype)])
        for name, column in contacts.items()
        if name not in fresh
    }
    return {name: {**ends, **history}[name][order] for name in contacts}


def near_pieces(ensemble: Ensemble, pieces: Pieces, pairs: Table) -> Near:
    """Every piece or whole body of the first beside every one of the second, for the pairs that lose a body."""
    mine = pieces.broken[pairs["first"]] | pieces.broken[pairs["second"]]
    first, second = pairs["first"][mine], pairs["second"][mine]
    centre = centres(ensemble.bodies)
    vector = nearest_vectors(centre[first] - centre[second], ensemble.boxes, ensemble.bodies["box"][first])
    many, other = pieces.counts[first], pieces.counts[second]
    pair = np.repeat(np.arange(len(first)), many * other)
    number = np.arange(len(pair)) - np.repeat(np.cumsum(many * other) - many * other, many * other)
    one = pieces.start[first[pair]] + number // other[pair]
    two = pieces.start[second[pair]] + number % other[pair]
    return Near(one, two, vector[pair] + pieces.offset[one] - pieces.offset[two])


def _platen_room(ensemble: Ensemble, pieces: Pieces) -> np.ndarray:
    """Distance of the new centres from the lower and the upper platen [µm], shape (new body, 2); none in a cell."""
    return platen_distances(ensemble, pieces.source, pieces.offset[:, 2])


def platen_distances(ensemble: Ensemble, rows: np.ndarray, above: np.ndarray | float = 0.0) -> np.ndarray:
    """Distance of places `above` the centres of bodies [µm] from both platens, (row, 2); infinite without platens."""
    box, z = ensemble.bodies["box"][rows], centres(ensemble.bodies)[rows, 2] + above
    height, cell = ensemble.boxes["platen_height"][box], ensemble.boxes["depth"][box] > 0.0
    return np.where(cell[:, None], np.inf, np.column_stack([z - height[:, 0], height[:, 1] - z]))


def _scales(ensemble: Ensemble, pieces: Pieces, near: Near, limit: np.ndarray) -> np.ndarray:
    """Factors on the radii, at most 1 and 1 for whole bodies, below which no piece overlaps by more than the limit."""
    scale = np.ones(len(pieces.source))
    radius, new, distance = pieces.radius, pieces.new, near.distance
    limit = limit[ensemble.bodies["box"][pieces.source]]
    one, two = near.first, near.second
    both = new[one] & new[two]
    # two pieces that shrink by the same factor, or one of them further
    least = radius[one] + radius[two] - limit[one] * np.minimum(radius[one], radius[two])
    for body in (one, two):
        np.minimum.at(scale, body[both], (distance / least)[both])
    for body, other in ((one, two), (two, one)):
        alone = new[body] & ~new[other]
        b, o = body[alone], other[alone]
        np.minimum.at(scale, b, (distance[alone] - radius[o]) / ((1.0 - limit[b]) * radius[b]))
    room = _platen_room(ensemble, pieces).min(axis=1)
    return np.where(new, np.minimum(scale, room / ((1.0 - limit) * radius)), 1.0)


def contact_energies(ensemble: Ensemble, pieces: Pieces, near: Near) -> tuple[np.ndarray, np.ndarray]:
    """Hertzian energy of the contacts of broken particles and of their pieces [pJ], shape (box,)."""
    bodies, contacts = ensemble.bodies, ensemble.contacts
    whole = Pieces(
        np.ones_like(pieces.counts), np.arange(len(pieces.counts)), np.zeros((len(pieces.counts), 3)),
        bodies["radius"].astype(float), np.ones(len(pieces.counts)),
    )  # fmt: skip
    centre, mine = centres(bodies), pieces.broken[contacts["first"]] | pieces.broken[contacts["second"]]
    first, second = contacts["first"][mine], contacts["second"][mine]
    vector = nearest_vectors(centre[first] - centre[second], ensemble.boxes, bodies["box"][first])
    return (
        _energy(ensemble, whole, Near(first, second, vector), pieces.broken),
        _energy(ensemble, pieces, near, pieces.new),
    )


def _energy(ensemble: Ensemble, pieces: Pieces, near: Near, mine: np.ndarray) -> np.ndarray:
    """8/15 E* √R* δ^(5/2) of pairs and of the platens on bodies `mine` [pJ], shape (box,)."""
    box, material = (ensemble.bodies[name][pieces.source] for name in ("box", "material"))
    modulus, radius = ensemble.lawbook["contact"][..., 0], pieces.radius
    one, two = near.first, near.second
    reach = radius[one] + radius[two]
    dent = np.maximum(reach - near.distance, 0.0)
    pair = modulus[box[one], material[one], material[two]] * np.sqrt(radius[one] * radius[two] / reach) * dent**2.5
    dents = np.maximum(radius[:, None] - _platen_room(ensemble, pieces), 0.0)
    platen = modulus[box, material, -1] * np.sqrt(radius) * (dents**2.5).sum(axis=1) * mine
    count = ensemble.box_count
    return 8.0 / 15.0 * (np.bincount(box[one], pair, count) + np.bincount(box, platen, count))
