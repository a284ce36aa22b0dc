"""Packings of rigid clumps: laid down with a distribution of orientations and dried together without overlap.

The film dries as in generate. Where clumps overlap each moves and turns as a rigid body that takes the shortest way
out: of a pair, each by its share of the compliance 1/m + (r × n)·I⁻¹(r × n) at the point of contact (the projection of
Macklin, Müller & Chentanez, XPBD, Motion in Games 2016, without inertia in time).
"""

from collections.abc import Iterator

import numpy as np

from kalander.dem.bodies.clumps import rotation_matrices
from kalander.dem.bodies.shapes import Shape
from kalander.dem.packing.generate import (
    MOST_ROUNDS,
    OVERLAP_GOAL,
    OVERLAP_LIMIT,
    SHRINKING_ROUNDS,
    SWEEPS,
    WET_HEIGHT,
    Settling,
    deepest,
    wet_height,
)
from kalander.dem.packing.near import Neighbours
from kalander.kernels.columns import Table
from kalander.kernels.errors import NumericalError

__all__ = ["deposit", "draw_normals", "draw_orientations", "quaternion_product"]

EASE = 0.2  # of the turning that overlaps ask for, while it dries: else random pushes undo the alignment
LARGEST_TURN = 0.1  # [rad] in a sweep: a clump that is pushed at its ends alone must not jump
TRIES = 4096  # directions drawn at a time


def draw_normals(count: int, rng: np.random.Generator, *, alignment: float, machine_bias: float) -> np.ndarray:
    """Unit normals of platelets, shape (count, 3), of density ~ exp(alignment n_z² − machine_bias n_x²).

    The distribution of Bingham (Ann. Stat. 2 (1974) 1201); without bias that of Watson about z, the form of Maier and
    Saupe. 0, 0: no direction is preferred. alignment ≥ 0 lays platelets flat; machine_bias ≥ 0 turns normals out of the
    machine direction x, so that planes contain it.
    """
    found = [np.zeros((0, 3))]
    while sum(map(len, found)) < count:
        normal = rng.normal(size=(TRIES, 3))
        normal /= np.linalg.norm(normal, axis=1)[:, None]
        density = np.exp(alignment * (normal[:, 2] ** 2 - 1.0) - machine_bias * normal[:, 0] ** 2)
        found.append(normal[rng.random(TRIES) < density])
    return np.concatenate(found)[:count]


def draw_orientations(count: int, rng: np.random.Generator, *, alignment: float, machine_bias: float) -> np.ndarray:
    """Unit quaternions (count, 4) whose z axes are drawn by draw_normals, turned about them at random."""
    normal = draw_normals(count, rng, alignment=alignment, machine_bias=machine_bias)
    normal *= np.where(normal[:, 2:] < 0.0, -1.0, 1.0)  # both faces are alike
    # the shortest turn of z to the normal
    tilt = np.column_stack([1.0 + normal[:, 2], -normal[:, 1], normal[:, 0], np.zeros(count)])
    tilt /= np.linalg.norm(tilt, axis=1)[:, None]
    half = np.pi * rng.random(count)
    about = np.column_stack([np.cos(half), np.zeros((count, 2)), np.sin(half)])
    return quaternion_product(tilt, about)


def quaternion_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Products of quaternions (…, 4), scalar first: b turns first."""
    scalar = a[..., 0] * b[..., 0] - (a[..., 1:] * b[..., 1:]).sum(axis=-1)
    vector = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([scalar[..., None], vector], axis=-1)


class _Crowd:
    """Clumps as they lie. clump: of each member; arm: of each member from the centre of its clump, in space [µm]."""

    def __init__(self, shapes: list[Shape], width: np.ndarray, position: np.ndarray, orientation: np.ndarray) -> None:
        self.clump = np.repeat(np.arange(len(shapes)), [len(shape.radius) for shape in shapes])
        self.offset = np.concatenate([shape.offset for shape in shapes])
        self.radius = np.concatenate([shape.radius for shape in shapes])
        self.lightness = 1.0 / np.array([shape.volume for shape in shapes])
        self.full = self.softness = 1.0 / np.array([shape.inertia for shape in shapes])
        # mean squares of place in and across the plane; those of a spheroid stand as the squares of its axes
        inertia = np.array([shape.inertia for shape in shapes])
        across, along = inertia[:, 0] + inertia[:, 1] - inertia[:, 2], inertia[:, 2]
        self.flatness = (along - across) / (along + across)
        self.position, self.orientation = position, orientation
        self.neighbours = Neighbours(self.radius, width, clump=self.clump)
        self._place()

    def _place(self) -> None:
        self.turn = rotation_matrices(self.orientation)
        self.arm = np.einsum("mij,mj->mi", self.turn[self.clump], self.offset)
        self.centre = self.position[self.clump] + self.arm

    def dry(self, factor: float) -> None:
        """Heights of the centres times a factor; clumps turn with the film as thin bodies in a fluid do.

        Jeffery (Proc. R. Soc. A 102 (1922) 161): the normal n of a spheroid in a strain rate E turns by
        Λ (n (n·E n) − E n), with Λ = (1 − q)/(1 + q) of its principal moments q = across/along; 0 for a sphere.
        """
        normal = self.turn[:, :, 2]
        rate = np.log(factor) * self.flatness * normal[:, 2]
        change = rate[:, None] * (normal * normal[:, 2:] - [0.0, 0.0, 1.0])
        self._rotate(np.cross(normal, change))
        self.position = self.position * [1.0, 1.0, factor]
        self._place()

    def _rotate(self, turn: np.ndarray) -> None:
        """Turn every clump by a small vector [rad]."""
        small = np.column_stack([np.ones(len(turn)), 0.5 * turn])
        quaternion = quaternion_product(small, self.orientation)
        self.orientation = quaternion / np.linalg.norm(quaternion, axis=1)[:, None]

    def overlap(self, height: float) -> float:
        return deepest(self.centre, self.radius, height, self.neighbours.near(self.centre, 0.0))

    def sweep(self, height: float, reach: float, ease: float = 1.0) -> None:
        """Move and turn every clump by its part of what its overlaps ask for, and a little towards near ones."""
        self.softness = ease * self.full
        count = len(self.position)
        first, second, unit, gap = self.neighbours.near(self.centre, reach)
        wish = np.where(gap < 0, -1.05 * gap, -0.2 * gap)
        push = wish / (self._compliance(first, unit) + self._compliance(second, unit))
        floor, roof, up = self._dents(height)
        platen = np.concatenate([floor, roof])
        dent = np.abs(
            np.concatenate(
                [self.radius[floor] - self.centre[floor, 2], self.centre[roof, 2] + self.radius[roof] - height]
            )
        )
        member = np.concatenate([first, second, platen])
        away = np.concatenate([unit, -unit, up])
        push = np.concatenate([push, push, dent / self._compliance(platen, up)])
        pressing = np.concatenate([gap < 0, gap < 0, np.ones(len(platen), bool)])
        owner = self.clump[member]
        crowding = np.maximum(1.0, np.bincount(owner, pressing, count) / 1.5)[:, None]
        move = self._sum(owner, push[:, None] * away) * self.lightness[:, None] / crowding
        turn = self._yield(self._sum(owner, push[:, None] * np.cross(self.arm[member], away))) / crowding
        turn *= np.minimum(1.0, LARGEST_TURN / np.maximum(np.linalg.norm(turn, axis=1), 1e-300))[:, None]
        self._rotate(turn)
        self.position = self.position + move
        self._place()
        self._between(height)

    def _compliance(self, member: np.ndarray, unit: np.ndarray) -> np.ndarray:
        """1/m + (r × n)·I⁻¹(r × n) at unit density."""
        lever = np.cross(self.arm[member], unit)
        owner = self.clump[member]
        body = np.einsum("mji,mj->mi", self.turn[owner], lever)
        return self.lightness[owner] + (body**2 * self.softness[owner]).sum(axis=1)

    def _yield(self, moment: np.ndarray) -> np.ndarray:
        """I⁻¹ times a vector a clump."""
        body = np.einsum("cji,cj->ci", self.turn, moment) * self.softness
        return np.einsum("cij,cj->ci", self.turn, body)

    def _sum(self, owner: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.column_stack([np.bincount(owner, values[:, axis], len(self.position)) for axis in range(3)])

    def _dents(self, height: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Members below the floor, members above the roof, and the normals of both."""
        floor = np.flatnonzero(self.centre[:, 2] < self.radius)
        roof = np.flatnonzero(self.centre[:, 2] > height - self.radius)
        up = np.zeros((len(floor) + len(roof), 3))
        up[:, 2] = np.where(np.arange(len(up)) < len(floor), 1.0, -1.0)
        return floor, roof, up

    def _between(self, height: float) -> None:
        """Shift clumps that stand out of the floor or the roof."""
        low, high = (np.zeros(len(self.position)) for _ in range(2))
        np.maximum.at(low, self.clump, self.radius - self.centre[:, 2])
        np.maximum.at(high, self.clump, self.centre[:, 2] + self.radius - height)
        self.position[:, 2] += low - high
        self._place()


def deposit(
    shapes: list[Shape],
    width: np.ndarray,
    height: float,
    *,
    reach: float,
    orientation: np.ndarray,
    rng: np.random.Generator,
    start: tuple[int, Table] | None = None,
) -> Iterator[tuple[float, int, Table]]:
    """Yield (share done, round, {"position": centres of mass [µm], "orientation"}); the last is the packing.

    orientation: quaternions of the wet film, shape (clump, 4). reach [µm]: surface gap over which drying pulls clumps
    together. start: round and table as yielded before, to go on from. Raises NumericalError where the overlap stays
    above OVERLAP_LIMIT of a radius: the clumps do not fit.
    """
    if start is None:
        position = rng.random((len(shapes), 3)) * [*width, WET_HEIGHT * height]
        start = (0, {"position": position, "orientation": orientation})
    done = start[0]
    crowd = _Crowd(shapes, width, start[1]["position"].copy(), start[1]["orientation"].copy())
    progress = Settling()
    for number in range(done + 1, SHRINKING_ROUNDS + 1):
        now = wet_height(height, number)
        crowd.dry(now / wet_height(height, number - 1))
        for _ in range(SWEEPS):
            crowd.sweep(now, reach, EASE)
        yield progress.share(number), number, _table(crowd)
    for number in range(max(done, SHRINKING_ROUNDS) + 1, SHRINKING_ROUNDS + MOST_ROUNDS + 1):
        overlap = crowd.overlap(height)
        if overlap <= OVERLAP_GOAL:
            break
        for _ in range(SWEEPS):
            crowd.sweep(height, 0.0)
        yield progress.share(number, overlap), number, _table(crowd)
    overlap = crowd.overlap(height)
    if overlap > OVERLAP_LIMIT:
        raise NumericalError(
            f"packing: overlap {overlap:.2g} of a radius remains after {MOST_ROUNDS * SWEEPS} sweeps (limit "
            f"{OVERLAP_LIMIT:g}); the platelets do not fit: raise electrode.porosity, or lower their aspect_ratio"
        )
    yield 1.0, SHRINKING_ROUNDS + MOST_ROUNDS, _table(crowd)


def _table(crowd: _Crowd) -> Table:
    return {"position": crowd.position, "orientation": crowd.orientation}
