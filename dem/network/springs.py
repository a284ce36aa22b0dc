"""A packing as a network of springs: the tangents of its contacts and bonds as they are, and what of them gives way.

Units: µm, µN, MPa. A spring joins two rigid units, which are spheres or clumps, or a unit and a platen. The equations
are on dem/network/STIFFNESS.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from kalander.dem.bodies.clumps import double, levers
from kalander.dem.bodies.periodic import nearest_vectors
from kalander.dem.bodies.state import Ensemble
from kalander.dem.measure.energy import named
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault, InputError
from kalander.kernels.laws.bond import YIELDING, beam_compliances, lost_share, plastic_limits
from kalander.kernels.laws.book import base_of, law_of, memory_of, rolls_of, swelling_of

__all__ = ["BOND", "CONTACT", "PLATEN", "Springs", "Units", "joined", "springs_of", "turned", "units_of"]

CONTACT, BOND, PLATEN = 0, 1, 2
AT_LIMIT = 1e-3  # of its limit: what is as near as that slides or flows
NEAR = 1e-7  # of the radii: a difference of overlaps
SLACK = 1e-5  # of the radii: what is as near to its largest overlap flows when it is pressed on


@dataclass(frozen=True)
class Units:
    """Rigid units of boxes, spheres or clumps: unit of each body, shape (body,), box, centre [µm] and size [µm] of each
    unit, and vectors from the centres of units to those of their bodies [µm], shape (body, 3)."""

    of_body: np.ndarray
    box: np.ndarray
    centre: np.ndarray
    size: np.ndarray
    lever: np.ndarray

    @property
    def count(self) -> int:
        return len(self.box)


@dataclass(frozen=True)
class Springs:
    """Springs, one a row. first, second: units, second −1 for a platen; kind: CONTACT, BOND or PLATEN.

    normal (spring, 3): from second to first; distance [µm] of the spheres' centres; branch (spring, 3): of the units'
    centres, by which stress is counted; arm, other_arm (spring, 3): from the units' centres to the point where they
    meet; lever, other_lever: to the spheres' centres. stretching, shearing [µN/µm], bending, twisting [µN µm]: elastic
    tangents. force [µN] along the normal, positive where it pushes; push (spring, 3): the whole force on the first.
    slides: 1 where friction is at its limit; yielding (spring, 4): what flow takes off each of the four tangents where
    the spring is pressed on, as a share of it. growth [1/µm]: of the shearing by the overlap, as a share of it.
    """

    first: np.ndarray
    second: np.ndarray
    kind: np.ndarray
    normal: np.ndarray
    distance: np.ndarray
    branch: np.ndarray
    arm: np.ndarray
    other_arm: np.ndarray
    lever: np.ndarray
    other_lever: np.ndarray
    stretching: np.ndarray
    shearing: np.ndarray
    bending: np.ndarray
    twisting: np.ndarray
    force: np.ndarray
    push: np.ndarray
    slides: np.ndarray
    yielding: np.ndarray
    growth: np.ndarray

    @property
    def count(self) -> int:
        return len(self.first)

    def some(self, rows: np.ndarray) -> "Springs":
        """Those of the rows."""
        return Springs(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


def joined(parts: list[Springs]) -> Springs:
    """All springs of the parts, one after the other."""
    return Springs(**{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Springs)})


def turned(springs: Springs, turn: np.ndarray) -> Springs:
    """The springs turned in space by a matrix (3, 3)."""
    vectors = ("normal", "branch", "arm", "other_arm", "lever", "other_lever", "push")
    columns = {one.name: getattr(springs, one.name) for one in fields(springs)}
    return Springs(**{name: column @ turn.T if name in vectors else column for name, column in columns.items()})


def units_of(ensemble: Ensemble) -> Units:
    """Rigid units of an ensemble: its spheres, and its clumps in place of their members; those of a box together."""
    bodies, clumps = ensemble.bodies, double(ensemble.clumps)
    clump = bodies["clump"]
    centre = bodies["position"].astype(float) + bodies["rest"]
    leads = np.ones(len(clump), bool)
    inside = clump >= 0
    leads[inside] = clumps["first"][clump[inside]] == np.flatnonzero(inside)
    of_body = np.cumsum(leads) - 1
    if not inside.any():
        return Units(of_body, bodies["box"], centre, bodies["radius"].astype(float), np.zeros(centre.shape))
    lever = -levers(centre, clump, clumps)
    whole = centre - lever
    size = bodies["radius"].astype(float).copy()
    reach = np.linalg.norm(lever, axis=1) + size
    size = np.maximum.reduceat(np.where(inside, reach, size), np.flatnonzero(leads))
    return Units(of_body, bodies["box"][leads], whole[leads], size, lever)


def springs_of(ensemble: Ensemble, units: Units, *, platens: bool) -> Springs:
    """Springs of an ensemble, contacts, then bonds that hold, then contacts with platens where they are asked for.

    Raises InputError for a law that does not say its slopes.
    """
    law = law_of(ensemble.law)
    if law.slopes is None or swelling_of(ensemble.law):
        why = "has no tangent without its neighbours: its radii grow with the volume that all contacts displace"
        raise InputError(Fault("contact.law", base_of(ensemble.law), why, "a law whose contacts are by themselves"))
    parts = [_contacts(ensemble, units), _bonds(ensemble, units)]
    if platens:
        parts += _platens(ensemble, units)
    return joined(parts)


def _contacts(ensemble: Ensemble, units: Units) -> Springs:
    contacts, bodies = double(ensemble.contacts), ensemble.bodies
    first, second = contacts["first"], contacts["second"]
    normal, distance = _apart(ensemble, first, second)
    radius, other = (bodies["radius"][rows].astype(float) for rows in (first, second))
    box = bodies["box"][first]
    constants = ensemble.lawbook["contact"][box, bodies["material"][first], bodies["material"][second]]
    memory = contacts["memory"][:, : memory_of(ensemble.law)]
    reach = radius + other
    tangents = _contact_tangents(
        ensemble.law, constants, radius * other / reach, reach - distance, contacts["spring"], memory, normal, reach
    )
    return _pairs(ensemble, units, (first, second), CONTACT, normal, distance, tangents)


def _contact_tangents(
    law_name: str, constants: np.ndarray, radius: np.ndarray, overlap: np.ndarray, spring: np.ndarray,
    memory: np.ndarray, normal: np.ndarray, reach: np.ndarray, *, platen: bool = False,
) -> Table:  # fmt: skip
    """Columns of Springs from the laws: normal force and its slopes, friction, resistance to rolling."""
    law, c = law_of(law_name), named(law_name, constants)
    history = law.remembered(memory, platen=platen)
    assert law.slopes is not None
    found = law.slopes(c, radius, overlap, history)
    loading = found.loading
    if law.yields:
        loading = np.minimum(found.release, law.slopes(c, radius, overlap + SLACK * reach, history).loading)
    before = law.slopes(c, radius, overlap - NEAR * reach, history).contact_radius
    growth = (1.0 - before / np.where(found.contact_radius > 0.0, found.contact_radius, 1.0)) / (NEAR * reach)
    across = spring - (spring * normal).sum(axis=1, keepdims=True) * normal
    # surfaces without friction have no spring to store anything
    shearing = 8.0 * c["effective_shear_modulus"] * found.contact_radius * (c["friction"] > 0.0)
    pull = history.get("friction_pull", 2.0 * np.pi * c["adhesion"] * radius)
    limit = c["friction"] * np.maximum(found.force + pull, 0.0)
    slides = (shearing > 0.0) & (shearing * np.linalg.norm(across, axis=1) >= (1.0 - AT_LIMIT) * limit)
    none = np.zeros(len(radius))
    bending, twisting, stays = none, none, np.zeros((len(radius), 4))
    release = np.where(found.release > 0.0, found.release, 1.0)
    stays[:, 0] = np.clip(1.0 - loading / release, 0.0, 1.0) * (found.release > 0.0)
    if rolls_of(law_name):
        at = law.memory(platen=platen)
        lever = c["rolling_friction"] * radius
        bending = 4.5 * c["effective_modulus"] * found.contact_radius * lever**2
        twisting = 4.0 * c["effective_shear_modulus"] * found.contact_radius**3
        push = np.maximum(found.force, 0.0)
        bent, twist = np.linalg.norm(memory[:, at : at + 3], axis=1), np.abs(memory[:, at + 3])
        stays[:, 2] = bending * bent >= (1.0 - AT_LIMIT) * lever * push
        most = 2.0 / 3.0 * found.contact_radius * c["twisting_friction"] * push
        stays[:, 3] = twisting * twist >= (1.0 - AT_LIMIT) * most
    return {
        "stretching": found.release, "shearing": shearing, "bending": bending, "twisting": twisting,
        "force": found.force, "push": found.force[:, None] * normal - shearing[:, None] * across,
        "slides": slides.astype(np.int8), "yielding": stays, "growth": growth,
    }  # fmt: skip


def _bonds(ensemble: Ensemble, units: Units) -> Springs:
    held = double({name: column[ensemble.bonds["intact"] == 1] for name, column in ensemble.bonds.items()})
    first, second = held["first"], held["second"]
    normal, distance = _apart(ensemble, first, second)
    constants = ensemble.lawbook["binder"][ensemble.bodies["box"][first]]
    beams = 1.0 / beam_compliances(constants, held["radius"], held["length"])
    tension = beams[:, 0] * (distance - held["length"] - held["set"])
    stays = np.zeros((len(first), 4))
    if ensemble.bond_law == YIELDING:
        limits = plastic_limits(constants, held["radius"], lost_share(constants, held, distance))
        parts = np.column_stack(
            [tension, *(np.linalg.norm(held[name], axis=1) for name in ("shear", "bending")), np.abs(held["twist"])]
        )
        stays = _flowing_share(beams, parts, limits)
    across = held["shear"] - (held["shear"] * normal).sum(axis=1, keepdims=True) * normal
    tangents = dict(zip(("stretching", "shearing", "bending", "twisting"), beams.T))
    tangents |= {
        "force": -tension, "push": -tension[:, None] * normal + across, "slides": np.zeros(len(first), np.int8),
        "yielding": stays, "growth": np.zeros(len(first)),
    }  # fmt: skip
    return _pairs(ensemble, units, (first, second), BOND, normal, distance, tangents)


def _flowing_share(beams: np.ndarray, parts: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Share of its tangents that a beam on its yield surface Σ (Q/Q_p)² = 1 loses while it flows, shape (bond, 4).

    The tangent K − K g gᵀ K/(gᵀ K g), g = Q/Q_p², takes one direction out of the four; its diagonal is taken here.
    """
    slope = parts / limits**2
    on = (parts / limits**2 * parts).sum(axis=1) >= 1.0 - AT_LIMIT
    along = beams * slope**2
    whole = along.sum(axis=1, keepdims=True)
    return np.where(on[:, None], along / np.where(whole > 0.0, whole, 1.0), 0.0)


def _platens(ensemble: Ensemble, units: Units) -> Iterator[Springs]:
    """Contacts with the lower and the upper platen, whose surfaces follow the strain of the box."""
    bodies, boxes = ensemble.bodies, ensemble.boxes
    box, radius = bodies["box"], bodies["radius"].astype(float)
    height = bodies["position"][:, 2].astype(float) + bodies["rest"][:, 2]
    for side, name, sign in ((0, "low", 1.0), (1, "high", -1.0)):
        distance = sign * (height - boxes["platen_height"][box, side])
        rows = np.flatnonzero((distance < radius) & (boxes["depth"][box] == 0.0) & (bodies[f"load_{name}"] != 0.0))
        normal = np.tile([0.0, 0.0, sign], (len(rows), 1))
        kinds = bodies["material"][rows], boxes["platen_material"][box[rows], side]
        tangents = _contact_tangents(
            ensemble.law, ensemble.lawbook["contact"][box[rows], *kinds], radius[rows], (radius - distance)[rows],
            bodies[f"spring_{name}"][rows].astype(float), bodies[f"memory_{name}"][rows].astype(float), normal,
            radius[rows], platen=True,
        )  # fmt: skip
        unit, lever = units.of_body[rows], units.lever[rows]
        arm = lever - distance[rows, None] * normal
        none = np.zeros((len(rows), 3))
        yield Springs(
            first=unit, second=np.full(len(rows), -1), kind=np.full(len(rows), PLATEN, np.int8), normal=normal,
            distance=distance[rows], branch=-arm, arm=arm, other_arm=none, lever=lever, other_lever=none,
            **tangents,
        )  # fmt: skip


def _apart(ensemble: Ensemble, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors from second to first bodies, nearest images, and the distances of their centres [µm]."""
    centre = ensemble.bodies["position"].astype(float) + ensemble.bodies["rest"]
    vector = nearest_vectors(centre[first] - centre[second], ensemble.boxes, ensemble.bodies["box"][first])
    distance = np.linalg.norm(vector, axis=1)
    return vector / distance[:, None], distance


def _pairs(
    ensemble: Ensemble, units: Units, rows: tuple[np.ndarray, np.ndarray], kind: int, normal: np.ndarray,
    distance: np.ndarray, tangents: Table,
) -> Springs:  # fmt: skip
    """Springs between two bodies, which meet in the middle of what is between or of what overlaps."""
    radii = [ensemble.bodies["radius"][row].astype(float) for row in rows]
    half = 0.5 * (distance - radii[0] - radii[1])
    lever, other_lever = (units.lever[row] for row in rows)
    first, second = (units.of_body[row] for row in rows)
    return Springs(
        first=first, second=second, kind=np.full(len(first), kind, np.int8), normal=normal, distance=distance,
        branch=distance[:, None] * normal - lever + other_lever,
        arm=lever - (radii[0] + half)[:, None] * normal, other_arm=other_lever + (radii[1] + half)[:, None] * normal,
        lever=lever, other_lever=other_lever, **tangents,
    )  # fmt: skip
