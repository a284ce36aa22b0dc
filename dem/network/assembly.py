"""The stiffness matrix of a network of springs, and what a macro strain does to it.

Unknowns of a unit: displacement beside the macro strain [µm], and rotation times its size [µm]. Strains are six, in the
order xx, yy, zz, yz, xz, xy with shears as angles. Equations: dem/network/STIFFNESS.md.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import bsr_matrix

from kalander.dem.network.springs import Springs

__all__ = ["FORCES", "SIX", "Network", "affine", "assembled", "stress_of"]

SIX = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
FORCES = ("none", "normal", "all")
FREEDOMS = 6


@dataclass(frozen=True)
class Network:
    """Network of one box. matrix: 6 × 6 blocks of the units; drive (freedom, 6): forces that a unit strain leaves
    unbalanced [µN]; affine (6, 6): second derivative of the energy by the macro strain alone [pJ]."""

    matrix: bsr_matrix
    drive: np.ndarray
    affine: np.ndarray


def affine(branch: np.ndarray) -> np.ndarray:
    """Matrices (spring, 3, 6) that give ε V [µm] from the six strains, of branches V (spring, 3)."""
    found = np.zeros((len(branch), 3, 6))
    for way, (a, b) in enumerate(SIX):
        if a == b:
            found[:, a, way] = branch[:, a]
        else:
            found[:, a, way], found[:, b, way] = 0.5 * branch[:, b], 0.5 * branch[:, a]
    return found


def crossed(vector: np.ndarray) -> np.ndarray:
    """Matrices (row, 3, 3) with which θ × v = M θ."""
    x, y, z = vector.T
    none = np.zeros(len(vector))
    return np.stack([none, z, -y, -z, none, x, y, -x, none], axis=-1).reshape(-1, 3, 3)


def shapes(springs: Springs, size: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Relative motion (spring, 3, 12) of the points that meet, of the centres of both spheres, and relative rotation.

    Columns: displacement and size times rotation of the first unit, then of the second.
    """
    count = springs.count
    scale, other = (1.0 / size[rows][:, None, None] for rows in (springs.first, springs.second))
    one = np.broadcast_to(np.eye(3), (count, 3, 3))
    platen = (springs.second < 0)[:, None, None]

    def moved(arm: np.ndarray, other_arm: np.ndarray) -> np.ndarray:
        there = np.concatenate([-one, -crossed(other_arm) * other], axis=2)
        return np.concatenate([one, crossed(arm) * scale, np.where(platen, 0.0, there)], axis=2)

    none = np.zeros((count, 3, 3))
    turned = np.concatenate([none, one * scale, none, np.where(platen, 0.0, -one * other)], axis=2)
    return moved(springs.arm, springs.other_arm), moved(springs.lever, springs.other_lever), turned


def tangents(springs: Springs, forces: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tangents (spring, 3, 3) of the points that meet, of the centres by the force they bear, and of rotation.

    With all forces those along the surface turn with the normal, and grow with the contact they are stored in: neither
    comes from an energy, so the tangents are not symmetric.
    """
    along = springs.normal[:, :, None] * springs.normal[:, None, :]
    across = np.eye(3) - along
    share = [column[:, None, None] for column in (springs.stretching, springs.shearing, springs.bending)]
    twist = springs.twisting[:, None, None]
    stiff, bears = share[0] * along + share[1] * across, np.zeros(along.shape)
    if forces != "none":
        bears = (-springs.force / springs.distance)[:, None, None] * across
    if forces == "all":
        tangential = springs.push - (springs.push * springs.normal).sum(axis=1, keepdims=True) * springs.normal
        stiff = stiff + springs.growth[:, None, None] * tangential[:, :, None] * springs.normal[:, None, :]
        bears = bears + (springs.normal[:, :, None] * tangential[:, None, :]) / springs.distance[:, None, None]
    return stiff, bears, share[2] * across + twist * along


def assembled(springs: Springs, size: np.ndarray, *, forces: str = "normal") -> Network:
    """The network of one box; springs name its units from 0, size [µm] of each. forces: which of those that springs
    bear count beside their tangents, by FORCES."""
    count, ends = len(size), np.column_stack([springs.first, springs.second])
    meeting, centres, turning = shapes(springs, size)
    stiff, bears, bends = tangents(springs, forces)
    strain = affine(springs.branch)
    ways = ((meeting, stiff), (centres, bears), (turning, bends))
    whole = sum(shape.transpose(0, 2, 1) @ (tangent @ shape) for shape, tangent in ways)
    assert isinstance(whole, np.ndarray)
    if forces != "none":
        _add_levers(whole, springs, size)
    forced = meeting.transpose(0, 2, 1) @ (stiff @ strain) + centres.transpose(0, 2, 1) @ (bears @ strain)
    held = strain.transpose(0, 2, 1) @ ((stiff + bears) @ strain)
    drive = np.zeros((count, FREEDOMS, 6))
    for place in (0, 1):
        there = ends[:, place] >= 0
        np.add.at(drive, ends[there, place], forced[there, FREEDOMS * place : FREEDOMS * (place + 1)])
    matrix = _blocks(whole, ends, count)
    return Network(matrix, drive.reshape(-1, 6), held.sum(axis=0))


def _add_levers(whole: np.ndarray, springs: Springs, size: np.ndarray) -> None:
    """What forces at the ends of levers of clumps do as these turn: −f · ½ θ × (θ × l)."""
    if not springs.lever.any() and not springs.other_lever.any():
        return
    ends = ((springs.lever, 1.0, springs.first), (springs.other_lever, -1.0, springs.second))
    for place, (lever, sign, unit) in enumerate(ends):
        outer = sign * lever[:, :, None] * springs.push[:, None, :]
        trace = np.trace(outer, axis1=1, axis2=2)[:, None, None] * np.eye(3)
        turns = slice(FREEDOMS * place + 3, FREEDOMS * place + 6)
        scale = np.where(unit >= 0, 1.0 / size[unit] ** 2, 0.0)[:, None, None]
        whole[:, turns, turns] += (trace - 0.5 * (outer + outer.transpose(0, 2, 1))) * scale


def _blocks(whole: np.ndarray, ends: np.ndarray, count: int) -> bsr_matrix:
    """Blocks of all springs summed, one of each pair of units; every unit has one on the diagonal."""
    rows, columns, blocks = [np.arange(count)], [np.arange(count)], [np.zeros((count, FREEDOMS, FREEDOMS))]
    for one, other in ((0, 0), (0, 1), (1, 0), (1, 1)):
        there = (ends[:, one] >= 0) & (ends[:, other] >= 0)
        rows.append(ends[there, one])
        columns.append(ends[there, other])
        blocks.append(whole[there, FREEDOMS * one : FREEDOMS * (one + 1), FREEDOMS * other : FREEDOMS * (other + 1)])
    row, column = np.concatenate(rows).astype(np.int64), np.concatenate(columns).astype(np.int64)
    order = np.argsort(row * count + column, kind="stable")
    row, column = row[order], column[order]
    begins = np.flatnonzero(np.r_[True, (np.diff(row) != 0) | (np.diff(column) != 0)])
    data = np.add.reduceat(np.concatenate(blocks)[order], begins)
    start = np.searchsorted(row[begins], np.arange(count + 1))
    size = FREEDOMS * count
    return bsr_matrix((data, column[begins].astype(np.int32), start.astype(np.int32)), shape=(size, size))


def stress_of(
    springs: Springs, size: np.ndarray, motion: np.ndarray, share: np.ndarray, *, forces: str = "normal"
) -> np.ndarray:
    """Change of the stress that springs bear by each of the six strains, (6, 6) [pJ], each by its share (spring,).

    motion (freedom, 6): of the units, under each of the six strains.
    """
    meeting, centres, _ = shapes(springs, size)
    stiff, bears, _ = tangents(springs, forces)
    strain = affine(springs.branch)
    of_units = motion.reshape(-1, FREEDOMS, 6)
    both = np.concatenate([of_units[springs.first], of_units[springs.second]], axis=1)
    moved = stiff @ (meeting @ both + strain) + bears @ (centres @ both + strain)
    return np.einsum("s,sak,sal->kl", share, strain, moved)
