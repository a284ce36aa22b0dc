"""What may be set, as a polytope in the unit cube: points that fill it, points near another, what a point breaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import null_space
from scipy.optimize import linprog
from scipy.stats import qmc

from kalander.kernels.errors import Fault, InputError

__all__ = ["Space"]

ROOM = 1e-7  # of a side of the cube: a polytope that holds no ball of this radius is empty for us
WALKS = 20  # steps of hit-and-run for each free direction
CHOSEN_FROM = 64  # random points for each of a design


@dataclass(frozen=True, eq=False)
class Space:
    """Points u in [0, 1]^k with upper u <= most and equal u = total; log: parameters whose steps are ratios.

    low, high (k,): limits of parameters; upper (m, k), most (m,), equal (e, k), total (e,) in coordinates of the cube.
    """

    low: np.ndarray
    high: np.ndarray
    log: np.ndarray
    upper: np.ndarray
    most: np.ndarray
    equal: np.ndarray
    total: np.ndarray

    @classmethod
    def of(
        cls, low: Sequence[float], high: Sequence[float], log: Sequence[bool], upper: Any, most: Any, equal: Any,
        total: Any,
    ) -> "Space":  # fmt: skip
        """Sums are given of the parameters themselves, and none of a logarithmic one. Raises InputError: no room."""
        down, up = np.asarray(low, float), np.asarray(high, float)
        rows, sums = (np.asarray(one, float).reshape(-1, len(down)) for one in (upper, equal))
        space = cls(
            down, up, np.asarray(log, bool), rows * (up - down), np.asarray(most, float) - rows @ down,
            sums * (up - down), np.asarray(total, float) - sums @ down,
        )  # fmt: skip
        space.centre  # noqa: B018 : an empty polytope is refused at once
        return space

    @property
    def count(self) -> int:
        return len(self.low)

    @property
    def _is_cube(self) -> bool:
        return len(self.most) + len(self.total) == 0

    @cached_property
    def free(self) -> np.ndarray:
        """Orthonormal directions (k, f) that keep every equality."""
        return null_space(self.equal) if len(self.total) else np.eye(self.count)

    @cached_property
    def _walls(self) -> tuple[np.ndarray, np.ndarray]:
        """Inequalities, those of the cube included."""
        eye = np.eye(self.count)
        return (
            np.vstack([self.upper, eye, -eye]),
            np.concatenate([self.most, np.ones(self.count), np.zeros(self.count)]),
        )

    @cached_property
    def centre(self) -> np.ndarray:
        """Centre of the largest ball within the equalities that all walls hold, by linear programming. Raises
        InputError: no point is inside.
        """
        walls, limits = self._walls
        across = np.linalg.norm(walls @ self.free, axis=1)[:, None]
        equal = np.hstack([self.equal, np.zeros((len(self.total), 1))]) if len(self.total) else None
        found = linprog(
            np.append(np.zeros(self.count), -1.0), A_ub=np.hstack([walls, across]), b_ub=limits, A_eq=equal,
            b_eq=self.total if len(self.total) else None, bounds=[(None, None)] * self.count + [(0.0, 1.0)],
        )  # fmt: skip
        if not found.success or found.x[-1] < ROOM or self.free.shape[1] == 0:
            allowed = "limits, linear constraints and mixtures that leave more than a point"
            raise InputError(Fault("parameter", self.count, "has no room: nothing keeps all constraints", allowed))
        return found.x[:-1]

    def real(self, points: np.ndarray) -> np.ndarray:
        """Parameters of points of the cube, (n, k)."""
        down, up = np.where(self.log, self.low, 1.0), np.where(self.log, self.high, 2.0)
        return np.where(self.log, down * (up / down) ** points, self.low + (self.high - self.low) * points)

    def cube(self, values: np.ndarray) -> np.ndarray:
        """Points of the cube of parameters, (n, k)."""
        down, up = np.where(self.log, self.low, 1.0), np.where(self.log, self.high, 2.0)
        ratio = np.log(np.where(self.log, values, 1.0) / down) / np.log(up / down)
        return np.where(self.log, ratio, (values - self.low) / (self.high - self.low))

    def design(self, count: int, seed: int) -> np.ndarray:
        """Points that fill the space, (count, k), the first of them the same for any count up to a power of two.

        Sobol's scrambled sequence in a cube; in a polytope those of many random points that lie farthest from all
        before them.
        """
        if self._is_cube:
            power = max(int(np.ceil(np.log2(max(count, 1)))), 0)
            return qmc.Sobol(self.count, seed=seed).random_base2(power)[:count]
        many = self.scattered(CHOSEN_FROM * count, seed)
        chosen = [int(np.argmin(np.linalg.norm(many - self.centre, axis=1)))]
        distance = np.linalg.norm(many - many[chosen[0]], axis=1)
        while len(chosen) < count:
            chosen.append(int(np.argmax(distance)))
            distance = np.minimum(distance, np.linalg.norm(many - many[chosen[-1]], axis=1))
        return many[chosen]

    def scattered(self, count: int, seed: int) -> np.ndarray:
        """Random points, uniform in the space, (count, k).

        Source of hit-and-run: Smith, Oper. Res. 32 (1984) 1296.
        """
        if self._is_cube:
            return self.design(count, seed)
        chance = np.random.default_rng(seed)
        points = np.tile(self.centre, (count, 1))
        for _ in range(WALKS * self.free.shape[1]):
            way = self._ways(count, chance)
            back, ahead = self._chord(points, way)
            points = points + (back + (ahead - back) * chance.random(count))[:, None] * way
        return np.clip(points, 0.0, 1.0)

    def near(self, points: np.ndarray, size: float, chance: np.random.Generator) -> np.ndarray:
        """A point near each of some, about `size` of the cube away, along a free direction and still inside."""
        way = self._ways(len(points), chance)
        sparse = chance.random(way.shape) < 0.5  # a cube lets single coordinates move
        way = np.where(sparse & self._is_cube, 0.0, way)
        back, ahead = self._chord(points, way)
        step = np.clip(size * chance.normal(size=len(points)) * np.sqrt(self.free.shape[1]), back, ahead)
        return np.clip(points + step[:, None] * way, 0.0, 1.0)

    def line(self, point: np.ndarray, place: int, count: int) -> np.ndarray:
        """Points (count, k) through one (k,) as far as the space reaches, along the free direction that is nearest to a
        parameter's own; the point alone, again and again, where that parameter is not free."""
        along = self.free @ self.free[place]
        length = float(np.linalg.norm(along))
        way = along[None, :] / length if length > ROOM else np.zeros((1, self.count))
        back, ahead = self._chord(point[None, :], way)
        return np.clip(point + np.linspace(back[0], ahead[0], count)[:, None] * way, 0.0, 1.0)

    def _ways(self, count: int, chance: np.random.Generator) -> np.ndarray:
        drawn = chance.normal(size=(count, self.free.shape[1])) @ self.free.T
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    def _chord(self, points: np.ndarray, way: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far one can go back and ahead from each point, (n,) each; nothing where a point lies on a wall."""
        walls, limits = self._walls
        speed, left = way @ walls.T, np.maximum(limits - points @ walls.T, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = left / speed
        ahead = np.where(speed > 1e-12, reach, np.inf).min(axis=1)
        back = np.where(speed < -1e-12, reach, -np.inf).max(axis=1)
        return np.where(np.isfinite(back), back, 0.0), np.where(np.isfinite(ahead), ahead, 0.0)

    def broken(self, points: np.ndarray) -> np.ndarray:
        """By how much of the cube's side each point breaks the worst of its constraints, (n,); 0 inside."""
        walls, limits = self._walls
        over = np.maximum(points @ walls.T - limits, 0.0).max(axis=1)
        off = np.abs(points @ self.equal.T - self.total).max(axis=1, initial=0.0)
        return np.maximum(over, off)
