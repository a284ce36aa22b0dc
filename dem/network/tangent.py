"""Stiffness of packings as they are: six macro strains of the tangent network of each box, with the motion beside them.

Of Kirchhoff's stress as the material sees it that turns with a shear, so that it is symmetric under stress too: the
stiffness that straining the packing itself shows (dem.loading.strain). Equations: dem/network/STIFFNESS.md.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kalander.dem.bodies.state import Ensemble
from kalander.dem.network.assembly import FORCES, SIX, Network, affine, assembled, stress_of
from kalander.dem.network.solve import Solved, solved
from kalander.dem.network.springs import BOND, PLATEN, Springs, Units, springs_of, units_of

__all__ = ["BOUNDARIES", "Room", "Tangent", "given_way", "network_tangent", "tangent_of_springs"]

BOUNDARIES = ("periodic", "slab", "platens")
WORKERS = 2  # boxes at a time, which bounds the memory too
SIZES = 1.0  # of the mean diameter: units as near to a platen follow the strain of a slab


@dataclass(frozen=True)
class Tangent:
    """Stiffness of one box [MPa], each (6, 6) in the order xx, yy, zz, yz, xz, xy with shears as angles.

    matrix: with what slides giving way; held: with nothing giving way; flowing: with all that slides or flows giving
    way; voigt: without motion beside the strain, an upper bound of `held`; reuss: of forces that follow the stress
    alike, zero where something resists no shear. stress (3, 3) [MPa], tension positive. rattlers, floppy: units that
    touch nothing, and other motions without resistance (None: not counted); unstable: motions that set energy free;
    sliding, flowing_bonds: shares of the contacts and of the bonds that give way; springs: contacts and bonds.
    boundary: "periodic", "slab" or "platens"; residual: forces off balance over those that the strain makes.
    """

    matrix: np.ndarray
    held: np.ndarray
    flowing: np.ndarray
    voigt: np.ndarray
    reuss: np.ndarray
    stress: np.ndarray
    rattlers: int
    floppy: int | None
    unstable: int
    sliding: float
    flowing_bonds: float
    springs: int
    boundary: str
    residual: float

    @property
    def sliding_share(self) -> float:
        """What sliding takes off the stiffness, as a share of it: the largest difference over the largest entry."""
        largest = float(np.abs(self.held).max())
        return float(np.abs(self.held - self.matrix).max()) / largest if largest > 0.0 else 0.0


@dataclass(frozen=True)
class Room:
    """Where a network is: volume [µm³] over which stress is counted, units that are free to move (unit,), height of the
    units' centres [µm] and the two heights between which it is counted (None: everywhere)."""

    volume: float
    free: np.ndarray
    height: np.ndarray
    between: tuple[float, float] | None = None


def network_tangent(
    ensemble: Ensemble, *, boundary: str = "slab", contacts: bool = True, bounds: bool = True,
    forces: str = "normal", tolerance: float = 1e-7,
) -> list[Tangent]:  # fmt: skip
    """Tangents of all boxes. boundary: of boxes between platens, "slab": units within a mean diameter of a platen
    follow the strain, and stress is counted between them; "platens": platens follow it, and all is counted.

    contacts: whether contacts count or bonds alone, as in tension from a packing at rest. bounds: whether `held` and
    `flowing` are solved too where they differ. forces: borne ones that count, "normal", by which stiffness is
    symmetric, or "all", as strained packings show it. Raises InputError for a law without slopes, ValueError for what
    is none.
    """
    if boundary not in BOUNDARIES[1:] or forces not in FORCES:
        raise ValueError(f"{boundary!r} is none of {BOUNDARIES[1:]}, or {forces!r} none of {FORCES}")
    options = {"bounds": bounds, "forces": forces, "tolerance": tolerance}
    units = units_of(ensemble)
    springs = springs_of(ensemble, units, platens=boundary == "platens")
    if not contacts:
        springs = springs.some(springs.kind == BOND)
    box_of = units.box[springs.first]

    def of_box(box: int) -> Tangent:
        return _of_box(ensemble, units, springs.some(box_of == box), box, boundary, **options)

    with ThreadPoolExecutor(min(WORKERS, ensemble.box_count)) as workers:  # what takes long leaves Python
        return list(workers.map(of_box, range(ensemble.box_count)))


def _of_box(ensemble: Ensemble, units: Units, springs: Springs, box: int, boundary: str, **options: Any) -> Tangent:
    mine = np.flatnonzero(units.box == box)
    begin = mine[0] if len(mine) else 0
    local = replace(
        springs, first=springs.first - begin, second=np.where(springs.second < 0, -1, springs.second - begin)
    )
    size, height = units.size[mine], units.centre[mine, 2]
    room = _room(ensemble, box, height, size, boundary)
    kind = "periodic" if ensemble.boxes["depth"][box] > 0.0 else boundary
    return tangent_of_springs(local, size, room, boundary=kind, **options)


def _room(ensemble: Ensemble, box: int, height: np.ndarray, size: np.ndarray, boundary: str) -> Room:
    boxes = ensemble.boxes
    area = float(boxes["width"][box].prod())
    low, high = boxes["platen_height"][box]
    everything = np.ones(len(height), bool)
    if boxes["depth"][box] > 0.0:
        return Room(area * float(boxes["depth"][box]), everything, height)
    if boundary == "platens":
        return Room(area * float(high - low), everything, height)
    layer = SIZES * 2.0 * float(size.mean()) if len(size) else 0.0
    between = float(low) + layer, float(high) - layer
    free = (height > between[0]) & (height < between[1])
    return Room(area * max(between[1] - between[0], 0.0), free, height, between)


def given_way(springs: Springs, *, flowing: bool = False) -> Springs:
    """Springs whose sliding contacts resist along their normal alone; flowing: what flows gives way as well."""
    holds = 1.0 - springs.slides
    if not flowing:
        return replace(springs, shearing=springs.shearing * holds)
    left = 1.0 - springs.yielding
    return replace(
        springs, stretching=springs.stretching * left[:, 0], shearing=springs.shearing * holds * left[:, 1],
        bending=springs.bending * left[:, 2], twisting=springs.twisting * left[:, 3],
    )  # fmt: skip


def tangent_of_springs(
    springs: Springs, size: np.ndarray, room: Room, *, boundary: str = "periodic", bounds: bool = True,
    forces: str = "normal", tolerance: float = 1e-7,
) -> Tangent:  # fmt: skip
    """Tangent of one box of units with these sizes [µm], by which springs name them from 0."""
    stress = _stress(springs, room)
    turn = _of_the_stress(stress)
    free = given_way(springs)
    matrix, found, unstable = _stable(free, size, room, turn, forces, tolerance)
    held, flowing = matrix, matrix
    if bounds and springs.slides.any():
        held = _stable(springs, size, room, turn, forces, tolerance)[0]
    if bounds and springs.yielding.any():
        flowing = _stable(given_way(springs, flowing=True), size, room, turn, forces, tolerance)[0]
    share = _shares(springs, room)
    return Tangent(
        matrix=matrix, held=held, flowing=flowing, voigt=_voigt(springs, size, share, room) + turn,
        reuss=_reuss(free, share, room), stress=stress, rattlers=found.modes.rattlers, floppy=found.modes.floppy,
        unstable=unstable, sliding=_mean(springs.slides[springs.kind != BOND]),
        flowing_bonds=_mean(springs.yielding[springs.kind == BOND].any(axis=1)), springs=springs.count,
        boundary=boundary, residual=found.residual,
    )  # fmt: skip


def _mean(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _stable(
    springs: Springs, size: np.ndarray, room: Room, turn: np.ndarray, forces: str, tolerance: float
) -> tuple[np.ndarray, Solved, int]:
    """Stiffness, solution, motions that set energy free. Where there are any, the forces that are borne are left out:
    of what falls by itself there is no stiffness, and that of its springs is told."""
    bound = bool((~room.free).any() or (springs.kind == PLATEN).any())
    unstable = 0
    for counted in (forces, "none"):
        network = assembled(springs, size, forces=counted)
        energy = float(np.trace(network.affine))
        found = solved(network.matrix, network.drive, free=room.free, bound=bound, energy=energy, tolerance=tolerance)
        if not found.modes.unstable:
            break
        unstable = found.modes.unstable
    if room.volume <= 0.0:
        return np.zeros((6, 6)), found, unstable
    if room.between is None and counted != "all":
        matrix = _of_the_energy(network, found) / room.volume
    else:
        matrix = stress_of(springs, size, found.motion, _shares(springs, room), forces=counted) / room.volume
    if room.between is not None:  # off symmetry by what is cut
        matrix = 0.5 * (matrix + matrix.T)
    return matrix + turn * (counted != "none"), found, unstable


def _of_the_energy(network: Network, found: Solved) -> np.ndarray:
    """Second derivative of the energy by the strains [pJ]: off by the square of what the motion is off."""
    across = network.drive.T @ found.motion
    return network.affine + across + across.T + found.motion.T @ (network.matrix @ found.motion)


def _shares(springs: Springs, room: Room) -> np.ndarray:
    """Part of the height of each branch that lies where stress is counted."""
    if room.between is None:
        return np.ones(springs.count)
    one = room.height[springs.first]
    other = one - springs.branch[:, 2]
    low, high = np.minimum(one, other), np.maximum(one, other)
    inside = np.clip(np.minimum(high, room.between[1]) - np.maximum(low, room.between[0]), 0.0, None)
    flat = (one >= room.between[0]) & (one <= room.between[1])
    return np.where(high > low, inside / np.where(high > low, high - low, 1.0), flat)


def _stress(springs: Springs, room: Room) -> np.ndarray:
    """Love–Weber stress of the network [MPa], tension positive, made symmetric."""
    if room.volume <= 0.0:
        return np.zeros((3, 3))
    whole = -np.einsum("s,sa,sb->ab", _shares(springs, room), springs.push, springs.branch) / room.volume
    return 0.5 * (whole + whole.T)


def _of_the_stress(stress: np.ndarray) -> np.ndarray:
    """½ (σ ε + ε σ) as a matrix (6, 6): between the energy's second derivative and the rate of Kirchhoff's stress."""
    found = np.zeros((6, 6))
    for way, (a, b) in enumerate(SIX):
        strain = np.zeros((3, 3))
        strain[a, b] = strain[b, a] = 1.0 if a == b else 0.5
        change = 0.5 * (stress @ strain + strain @ stress)
        found[:, way] = [change[c, d] for c, d in SIX]
    return found


def _voigt(springs: Springs, size: np.ndarray, share: np.ndarray, room: Room) -> np.ndarray:
    """Of the macro strain alone [MPa]: no motion beside it costs less energy than the best one."""
    if room.volume <= 0.0:
        return np.zeros((6, 6))
    return stress_of(springs, size, np.zeros((6 * len(size), 6)), share) / room.volume


def _reuss(springs: Springs, share: np.ndarray, room: Room) -> np.ndarray:
    """Of forces σ · F⁻¹ · V on all springs, F = Σ V V/volume (Kruyt & Rothenburg 2002) [MPa]: they balance in the mean.

    Zero where a spring resists in one direction only, or where springs span no space.
    """
    bears = (springs.stretching > 0.0) & (share > 0.0)
    one, weight = springs.some(bears), share[bears]
    fabric = np.einsum("s,sa,sb->ab", weight, one.branch, one.branch) / max(room.volume, 1e-300)
    if one.count == 0 or (one.shearing <= 0.0).any() or np.linalg.cond(fabric) > 1e9:
        return np.zeros((6, 6))
    along = one.normal[:, :, None] * one.normal[:, None, :]
    soft = along / one.stretching[:, None, None] + (np.eye(3) - along) / one.shearing[:, None, None]
    force = affine(one.branch @ np.linalg.inv(fabric))
    force[:, :, 3:] *= 2.0  # of stresses, which are no angles
    compliance = np.einsum("s,sak,sab,sbl->kl", weight, force, soft, force) / room.volume
    return np.linalg.inv(compliance)
