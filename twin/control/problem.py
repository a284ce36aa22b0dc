"""The problem: least gradient and effort at a wanted mean densification, and what a history of pressure costs.

    J = w/2 Σ m_i (e_i(T) - ē)² + ∫ (r/2 z² + ρ/2 z'²) dt,   Σ m_i e_i(T) = ē,   0 ≤ z ≤ P,   |z'| ≤ R

m_i are the shares of the thickness, w the weight of the gradient [1], r of the effort [1/MPa²/s], ρ of the rate
[s/MPa²]. Layers, of which some are linear and others not, are all treated as irreversible.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kalander.kernels.errors import NumericalError
from kalander.twin.control.plant import Layers

__all__ = [
    "INSET", "LARGEST_PRESSURE", "History", "Pressure", "Problem", "best_of", "costs", "densified", "history_of",
    "linear_step", "reachable", "times",
]  # fmt: skip

POINTS = 201  # of a history that is integrated: RK4 between them errs by less than 1e-7 of a densification
LARGEST_PRESSURE = 1e5  # MPa, beyond any calender: where the search for a pressure ends
FIRST_TRIED = 100.0  # MPa
INSET = 1e-9  # of an interval, so that a step of the pressure belongs to one side
MOST_TRIALS = 60  # for a root

Pressure = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Problem:
    """Layers, horizon T [s], wanted mean ē, weights w, r, ρ, and bounds P [MPa] and R [MPa/s], None for none."""

    layers: Layers
    horizon: float
    mean: float
    gradient_weight: float
    effort_weight: float
    rate_weight: float = 0.0
    max_pressure: float | None = None
    max_rate: float | None = None

    @property
    def ceiling(self) -> float:
        return LARGEST_PRESSURE if self.max_pressure is None else self.max_pressure

    def final_cost(self, end: np.ndarray) -> np.ndarray:
        """w/2 Σ m_i (e_i - ē)² of final densifications (N, ...)."""
        return 0.5 * self.gradient_weight * np.tensordot(self.layers.weight, (end - self.mean) ** 2, 1)


@dataclass(frozen=True, eq=False)
class History:
    """A pressure over time and what it does: time [s] (m,), pressure [MPa] (m,), densification (N, m), and its cost."""

    time: np.ndarray
    pressure: np.ndarray
    densification: np.ndarray
    cost: float

    @property
    def end(self) -> np.ndarray:
        return self.densification[:, -1]


def times(problem: Problem) -> np.ndarray:
    """Evenly spaced points of the horizon [s]."""
    return np.linspace(0.0, problem.horizon, POINTS)


def densified(layers: Layers, time: np.ndarray, pressure: Pressure) -> np.ndarray:
    """Densification (N, k, m) at m times under k pressures at once; a step of the pressure at a point of time is met.

    pressure: of times (m,) gives (k, m) [MPa]. Linear layers exactly, however fast they relax, for equilibria that are
    quadratic between points; others by classical Runge-Kutta.
    """
    targets = [layers.targets(part) for part in _sampled(time, pressure)]
    now = np.zeros(targets[0].shape[:2])
    states = [now]
    if layers.linear:
        keep, shares = linear_step(np.diff(time) / layers.relaxation_time[:, None])
        gain = sum(share[:, None] * target for share, target in zip(shares, targets, strict=True))
        for index in range(len(time) - 1):
            now = keep[:, None, index] * now + gain[..., index]
            states.append(now)
        return np.stack(states, axis=-1)
    left, middle, right = targets
    for index, h in enumerate(np.diff(time)):
        k1 = layers.flow(left[..., index] - now)
        k2 = layers.flow(middle[..., index] - now - 0.5 * h * k1)
        k3 = layers.flow(middle[..., index] - now - 0.5 * h * k2)
        k4 = layers.flow(right[..., index] - now - h * k3)
        now = now + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        states.append(now)
    return np.stack(states, axis=-1)


def linear_step(ratio: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of e' = (S - e) / τ over a step h, ratio h / τ: what is kept of e, and the shares of S at left, middle, right.

    Exact where S is a parabola through the three: integrals of s^k exp(-(1 - s) h / τ) h / τ over the step.
    """
    zeroth = -np.expm1(-ratio)
    first = 1.0 - zeroth / ratio
    second = 1.0 - 2.0 * first / ratio
    few = ratio < 1e-2  # the series 1/3 - x/(3 4) + x²/(3 4 5) - ..., where differences cancel
    first = np.where(few, ratio * (0.5 - ratio * (1 / 6 - ratio * (1 / 24 - ratio / 120))), first)
    second = np.where(few, ratio * (1 / 3 - ratio * (1 / 12 - ratio * (1 / (3 * 4 * 5) - ratio / 360))), second)
    shares = (zeroth - 3.0 * first + 2.0 * second, 4.0 * (first - second), 2.0 * second - first)
    return np.exp(-ratio), shares


def _sampled(time: np.ndarray, pressure: Pressure) -> tuple[np.ndarray, ...]:
    """Pressures (k, m - 1) just behind the beginning of each interval, in its middle, and just before its end."""
    step = np.diff(time)
    left, middle, right = (time[:-1] + share * step for share in (INSET, 0.5, 1.0 - INSET))
    return tuple(np.atleast_2d(pressure(at)) for at in (left, middle, right))


def costs(problem: Problem, time: np.ndarray, pressure: Pressure, end: np.ndarray) -> np.ndarray:
    """J of k pressures (k, m) with the final densifications (N, k) they lead to; effort by Simpson's rule."""
    step = np.diff(time)
    left, middle, right = _sampled(time, pressure)
    effort = 0.5 * problem.effort_weight * (left**2 + 4.0 * middle**2 + right**2) @ (step / 6.0)
    rate = 0.5 * problem.rate_weight * (right - left) ** 2 @ (1.0 / step)
    return problem.final_cost(end) + effort + rate


def history_of(problem: Problem, time: np.ndarray, pressure: Pressure) -> History:
    """The history of one pressure."""
    state = densified(problem.layers, time, pressure)
    (cost,) = costs(problem, time, pressure, state[:, :, -1])
    return History(time, np.atleast_2d(pressure(time))[0], state[:, 0], float(cost))


def best_of(problem: Problem, shapes: Callable[[np.ndarray], np.ndarray]) -> History:
    """The cheapest of k shapes of pressure, each scaled so that the mean is reached. Raises NumericalError.

    shapes: of times (m,) gives (k, m), none negative, the largest value of each 1. Shapes that would need more than
    the highest pressure are left out.
    """
    time, layers = times(problem), problem.layers
    count = len(np.atleast_2d(shapes(time[:1])))

    def mean_at(scale: np.ndarray) -> np.ndarray:
        end = densified(layers, time, lambda at: scale[:, None] * shapes(at))[:, :, -1]
        return layers.weight @ end

    high = np.full(count, min(problem.ceiling, FIRST_TRIED))
    while problem.max_pressure is None and high[0] < LARGEST_PRESSURE and (mean_at(high) < problem.mean).any():
        high = np.minimum(10.0 * high, LARGEST_PRESSURE)
    reaches = mean_at(high) >= problem.mean
    if not reaches.any():
        raise NumericalError("no history of this shape reaches the mean densification below the highest pressure")
    scale = _roots(lambda tried: mean_at(tried) - problem.mean, np.zeros(count), high)
    end = densified(layers, time, lambda at: scale[:, None] * shapes(at))[:, :, -1]
    cost = np.where(reaches, costs(problem, time, lambda at: scale[:, None] * shapes(at), end), np.inf)
    best = int(np.argmin(cost))
    return history_of(problem, time, lambda at: scale[best] * np.atleast_2d(shapes(at))[best])


def _roots(function: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Roots of k increasing functions between brackets (k,), by false position with halved ends (Illinois)."""
    at_low, at_high = function(low), function(high)
    for _ in range(MOST_TRIALS):
        tried = np.clip(high - at_high * (high - low) / np.where(at_high == at_low, 1.0, at_high - at_low), low, high)
        found = function(tried)
        above = found >= 0.0
        at_low, at_high = np.where(above, 0.5 * at_low, found), np.where(above, found, 0.5 * at_high)
        low, high = np.where(above, low, tried), np.where(above, tried, high)
        if (np.abs(found) <= 1e-13).all() or (high - low <= 1e-14 * high).all():
            break
    return tried


def reachable(problem: Problem) -> float:
    """The largest mean densification that the bounds allow: the highest pressure, reached as fast as it may be."""
    ceiling, rate = problem.ceiling, problem.max_rate

    def most(at: np.ndarray) -> np.ndarray:
        return np.full_like(at, ceiling) if rate is None else np.minimum(ceiling, rate * at)

    end = densified(problem.layers, times(problem), most)[:, 0, -1]
    return float(problem.layers.weight @ end)
