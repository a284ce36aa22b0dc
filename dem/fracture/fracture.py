"""Fracture of particles: who is over-stressed by each criterion, and who is flagged or replaced by pieces."""

from dataclasses import dataclass

import numpy as np

from kalander.dem.bodies.clumps import rotation_matrices
from kalander.dem.bodies.material import Material
from kalander.dem.bodies.state import Ensemble
from kalander.dem.fracture.criteria import CRITERIA
from kalander.dem.fracture.crushing import Loads
from kalander.dem.fracture.fragments import fragment_set
from kalander.dem.fracture.pieces import Pieces
from kalander.dem.fracture.replacement import Replacement, replace_bodies
from kalander.dem.fracture.strength import STRENGTH, TURN, born, strengths, uniform_numbers
from kalander.kernels.columns import Table

__all__ = [
    "Fracture",
    "Verdict",
    "breakable",
    "cracked",
    "cracked_share",
    "judged",
    "new_damage",
    "shattered",
    "weakened",
]


@dataclass(frozen=True)
class Fracture:
    """When particles break, and what happens then.

    criterion: a name of criteria.CRITERIA, or "none"; mode: "flag" or "replace"; modulus: Weibull's m, infinite for
    equal strengths; size_law: "measured" or "weibull"; seed, replicas (box,): key of the random numbers, so that boxes
    with the same replica hold the same particles, by default each its own. Replacement: fragments (14 or 20 pieces);
    generations at most; smallest_share: a piece no larger than this share of the particle as packed does not break;
    overlap: largest overlap of a piece over its radius as it begins and grows; growth: share of its radius by which a
    piece grows in a few control intervals of loading, until its particle's pieces fill the volume again; keep_bonds:
    bonds go on at the nearest piece. damage_constant: γ of repeated loading (tavares_king).
    """

    criterion: str = "largest_force"
    mode: str = "flag"
    modulus: float = np.inf
    size_law: str = "measured"
    seed: int = 0
    replicas: tuple[int, ...] | None = None
    fragments: int = 14
    generations: int = 1
    smallest_share: float = 0.25
    overlap: float = 0.01
    growth: float = 0.02
    keep_bonds: bool = True
    damage_constant: float = 5.0

    def replica(self, box: int) -> int:
        return box if self.replicas is None else self.replicas[box]


@dataclass(frozen=True)
class Verdict:
    """Damage after a look, and who bears more than its strength now by the criterion in force, shape (body,)."""

    damage: Table
    overloaded: np.ndarray


def new_damage(bodies: Table, materials: list[Material], fracture: Fracture) -> Table:
    """Damage of the particles of a new press with the strengths they draw."""
    strength = _drawn(bodies["id"], bodies["box"], bodies["material"], bodies["radius"], materials, fracture)
    return born(bodies, strength)


def _drawn(
    ids: np.ndarray, box: np.ndarray, material: np.ndarray, radius: np.ndarray, materials: list[Material],
    fracture: Fracture,
) -> np.ndarray:  # fmt: skip
    """Strengths [MPa] of bodies by their ids; NaN where the material does not crush."""
    luck = np.zeros(len(ids))
    for one in np.unique(box):
        here = box == one
        luck[here] = uniform_numbers(fracture.seed, fracture.replica(int(one)), ids[here], stream=STRENGTH)[:, 0]
    drawn = np.full(len(ids), np.nan)
    for row, one in enumerate(materials):
        here = material == row
        if np.isfinite(one.strength):
            diameter = 2.0 * radius[here].astype(float)
            drawn[here] = strengths(one, diameter, luck[here], modulus=fracture.modulus, size_law=fracture.size_law)
    return drawn


def judged(damage: Table, loads: Loads, looked_at: np.ndarray, criterion: str) -> Verdict:
    """Judge the bodies `looked_at` (body,) by every criterion."""
    strength, exceeded = damage["strength"], damage["exceeded"].copy()
    overloaded, peak = np.zeros(len(strength), bool), damage["peak"]
    for bit, (name, law) in enumerate(CRITERIA.items()):
        stress = law(loads)
        over = looked_at & (stress > strength)  # never of one without a strength
        exceeded |= over.astype(np.int32) << bit
        if name == criterion:
            overloaded = over
            peak = np.where(looked_at & np.isfinite(strength), np.maximum(peak, stress / strength), peak)
    return Verdict({**damage, "exceeded": exceeded, "peak": peak}, overloaded)


def cracked(damage: Table, criterion: str) -> np.ndarray:
    """1 where a particle, or the one it is a piece of, was ever over-stressed by a criterion; shape (body,)."""
    if criterion == "none":
        return np.zeros(len(damage["exceeded"]), np.int32)
    return damage["exceeded"] >> list(CRITERIA).index(criterion) & 1


def cracked_share(damage: Table, criterion: str, box: np.ndarray, count: int) -> np.ndarray:
    """Share of the material of each box in cracked particles and their pieces, shape (box,)."""
    bulk = damage["bulk"]
    return np.bincount(box, cracked(damage, criterion) * bulk, count) / np.bincount(box, bulk, count)


def breakable(verdict: Verdict, radius: np.ndarray, fracture: Fracture) -> np.ndarray:
    """Which overloaded bodies are replaced: not beyond the generations, nor as small as the smallest that break."""
    if fracture.mode != "replace":
        return np.zeros(len(radius), bool)
    damage = verdict.damage
    large = (damage["generation"] == 0) | (2.0 * radius > fracture.smallest_share * damage["origin_diameter"])
    return verdict.overloaded & large & (damage["generation"] < fracture.generations)


def shattered(
    ensemble: Ensemble, damage: Table, broken: np.ndarray, next_id: np.ndarray, materials: list[Material],
    fracture: Fracture,
) -> tuple[Replacement, Table]:  # fmt: skip
    """The bodies where `broken` (body,) is true replaced by pieces, and the damage of all bodies then."""
    rows = np.flatnonzero(broken)
    turns = np.zeros((len(rows), 3, 3))
    ids, box = ensemble.bodies["id"][rows], ensemble.bodies["box"][rows]
    for one in np.unique(box):
        here = box == one
        numbers = uniform_numbers(fracture.seed, fracture.replica(int(one)), ids[here], stream=TURN, count=3)
        turns[here] = random_rotations(numbers)
    done = replace_bodies(
        ensemble, rows, turns, fragment_set(fracture.fragments), next_id,
        overlap=fracture.overlap, keep_bonds=fracture.keep_bonds,
    )  # fmt: skip
    return done, _damage_of_pieces(damage, done, materials, fracture)


def _damage_of_pieces(damage: Table, done: Replacement, materials: list[Material], fracture: Fracture) -> Table:
    """Pieces draw their own strengths, and know what they come from."""
    pieces: Pieces = done.pieces
    bodies, new = done.ensemble.bodies, pieces.new
    table = {name: column[pieces.source] for name, column in damage.items()}
    ids, box, material, radius = (bodies[name][new] for name in ("id", "box", "material", "radius"))
    table["strength"][new] = _drawn(ids, box, material, radius, materials, fracture)
    table["peak"][new] = 0.0
    table["generation"][new] += 1
    table["bulk"][new] *= pieces.share[new]
    return table


def random_rotations(numbers: np.ndarray) -> np.ndarray:
    """Evenly distributed rotations (n, 3, 3) from random numbers (n, 3); Shoemake, Graphics Gems III (1992) 124."""
    one, two, three = numbers.T
    x, y = np.sqrt(1.0 - one) * np.sin(2.0 * np.pi * two), np.sqrt(1.0 - one) * np.cos(2.0 * np.pi * two)
    z, w = np.sqrt(one) * np.sin(2.0 * np.pi * three), np.sqrt(one) * np.cos(2.0 * np.pi * three)
    return rotation_matrices(np.stack([w, x, y, z], axis=-1))


def weakened(damage: Table, passed: np.ndarray, fracture: Fracture) -> Table:
    """Damage after a pass of the bodies where `passed` (body,): by some criteria survivors are weaker then."""
    weakening = None if fracture.criterion == "none" else CRITERIA[fracture.criterion].weakening
    if weakening is None:
        return damage
    survived = passed & (damage["peak"] < 1.0)
    factor = np.where(survived, weakening(damage["peak"], fracture.damage_constant), 1.0)
    return {**damage, "strength": damage["strength"] * factor, "peak": np.where(passed, 0.0, damage["peak"])}
