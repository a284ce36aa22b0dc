"""Yield against a specification, and what a pack makes of cells that differ. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad
from scipy.stats import binomtest, norm

__all__ = ["Bound", "Packs", "Yield", "least_of_normals", "packs_of", "yield_of"]

LEVEL = 0.95


@dataclass(frozen=True)
class Bound:
    """Limits of one output, SI."""

    output: str
    least: float = -np.inf
    most: float = np.inf

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Whether each value lies within."""
        return (values >= self.least) & (values <= self.most)


@dataclass(frozen=True)
class Yield:
    """Share of cells that pass, its interval of 95 % (Wilson, J. Am. Stat. Assoc. 22 (1927) 209), and cells."""

    share: float
    low: float
    high: float
    cells: int

    @classmethod
    def of(cls, passed: np.ndarray) -> "Yield":
        found = binomtest(int(passed.sum()), len(passed)).proportion_ci(LEVEL, method="wilson")
        return cls(float(passed.mean()), float(found.low), float(found.high), len(passed))


def yield_of(cells: Mapping[str, np.ndarray], bounds: Sequence[Bound]) -> tuple[Yield, list[Yield]]:
    """Of all bounds together, and of each alone; a value that is no number fails."""
    held = [bound.holds(cells[bound.output]) for bound in bounds]
    return Yield.of(np.logical_and.reduce(held)), [Yield.of(one) for one in held]


@dataclass(frozen=True, eq=False)
class Packs:
    """Packs of cells drawn at random: capacity of a cell's share [as the cells'], resistance, and the worst current.

    capacity (pack,): of the weakest group over its cells, which ends the discharge of a row; resistance (pack,): of all
    groups, over their number; current (pack,): the largest current of a cell over the mean, before voltages spread.
    """

    capacity: np.ndarray
    resistance: np.ndarray
    current: np.ndarray


def packs_of(
    capacity: np.ndarray, resistance: np.ndarray, *, series: int, parallel: int, packs: int, seed: int = 0
) -> Packs:
    """Cells (n,) drawn with replacement into packs: rows of groups. Cells of a group share the voltage, so that its
    capacity is the sum; groups share the current, so that the least ends the discharge."""
    chance, block = np.random.default_rng(seed), max(1, 4_000_000 // (series * parallel))
    parts = []
    for start in range(0, packs, block):
        count = min(block, packs - start)
        drawn = chance.integers(0, len(capacity), (count, series, parallel))
        conductance = 1.0 / resistance[drawn]
        within = conductance.mean(axis=2)
        parts.append((
            capacity[drawn].mean(axis=2).min(axis=1), (1.0 / within).mean(axis=1),
            (conductance.max(axis=2) / within).max(axis=1),
        ))  # fmt: skip
    return Packs(*(np.concatenate(one) for one in zip(*parts)))


def least_of_normals(count: int) -> float:
    """Expected least of independent standard normals, by ∫ (1 − F)^n − 1[z < 0] dz. David & Nagaraja, Order Statistics
    (2003), §3.1."""
    above: Callable[[float], float] = lambda z: norm.sf(z) ** count  # noqa: E731
    return float(quad(above, 0.0, 12.0, limit=200)[0] - quad(lambda z: 1.0 - above(z), -12.0, 0.0, limit=200)[0])
