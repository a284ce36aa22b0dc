"""What uncertain parameters do to the load that a target needs: delta method, sampling, and a choice that holds.

A porosity falls as the load grows, so P(ε(q) ≤ ε_max) = P(q_needed ≤ q): the choice that keeps a probability is the
quantile of the load needed, of any law.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

__all__ = ["Choice", "Spread", "Uncertain", "delta", "robust_choice", "sampled"]

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Uncertain:
    """A parameter: its value and standard deviation, in one unit."""

    value: float
    sd: float = 0.0


@dataclass(frozen=True, eq=False)
class Spread:
    """Loads needed, shape (samples,), inf where a sample cannot reach the target at any load."""

    loads: np.ndarray

    @property
    def unreachable(self) -> float:
        """Share of samples in which no load reaches the target."""
        return float(np.mean(~np.isfinite(self.loads)))

    @property
    def mean(self) -> float:
        """Of the samples that reach the target; nan if none does."""
        reached = self.loads[np.isfinite(self.loads)]
        return float(reached.mean()) if reached.size else math.nan

    @property
    def sd(self) -> float:
        """Of the samples that reach the target; nan if none does."""
        reached = self.loads[np.isfinite(self.loads)]
        return float(reached.std()) if reached.size else math.nan

    def probability(self, load: float) -> float:
        """P that a load reaches the target or a lower porosity."""
        return float(np.mean(self.loads <= load))

    def quantile(self, probability: float) -> float:
        """The load that reaches the target with a probability; inf if none does."""
        place = min(math.ceil(probability * self.loads.size) - 1, self.loads.size - 1)
        return float(np.partition(self.loads, place)[place])


@dataclass(frozen=True)
class Choice:
    """A load under a limit: what the probability needs (inf: no load), what is allowed of it, and how sure that is."""

    needed: float
    load: float
    probability: float
    feasible: bool


def delta(slopes: Mapping[str, float], parameters: Mapping[str, Uncertain]) -> tuple[float, dict[str, float]]:
    """Standard deviation of the load to first order, parameters being independent, and each one's share of it."""
    parts = {name: abs(slopes[name]) * one.sd for name, one in parameters.items() if name in slopes}
    return math.sqrt(sum(part * part for part in parts.values())), parts


def sampled(
    load: Callable[[Values], np.ndarray], parameters: Mapping[str, Uncertain], samples: int, seed: int
) -> Spread:
    """Loads needed over normal, independent parameters: points of a scrambled Sobol sequence, their number rounded up
    to a power of two. load: of parameters by name, shape (samples,) each.

    Sobol' points: Owen, ACM Trans. Model. Comput. Simul. 8 (1998) 71.
    """
    names = [name for name, one in parameters.items() if one.sd > 0]
    count = 2 ** math.ceil(math.log2(max(samples, 2)))
    values = {name: np.full(count, one.value) for name, one in parameters.items()}
    if names:
        points = qmc.Sobol(len(names), seed=np.random.default_rng(seed)).random(count)
        normal = ndtri(np.clip(points, 1e-12, 1.0 - 1e-12))
        for column, name in enumerate(names):
            values[name] = parameters[name].value + parameters[name].sd * normal[:, column]
    return Spread(np.broadcast_to(load(values), (count,)).astype(float))


def robust_choice(spread: Spread, probability: float, limit: float | None) -> Choice:
    """The least load that reaches the target with a probability; not above a limit, where one is given."""
    needed = spread.quantile(probability)
    feasible = math.isfinite(needed) and (limit is None or needed <= limit)
    allowed = needed if limit is None else min(needed, limit)
    return Choice(needed, allowed, spread.probability(allowed), feasible)
