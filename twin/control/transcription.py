"""The same problem by direct transcription: pressures at evenly spaced times are the unknowns of a nonlinear program.

It knows nothing of costates, and so checks the extremal; and it starts the extremal of layers that saturate. The
pressure is constant in each interval, or linear between nodes where its rate costs or is bounded.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from kalander.twin.control.plant import Layers
from kalander.twin.control.problem import INSET, History, Problem, best_of, history_of, linear_step

__all__ = ["Transcription", "sensitivities", "transcribed"]

Looked = tuple[float, float, np.ndarray, np.ndarray]

STEPS = 3  # of Runge–Kutta in an interval


@dataclass(frozen=True, eq=False)
class Transcription:
    """Best history, its nodes [MPa], the multiplier ν of the mean, and whether the program ended by itself."""

    history: History
    nodes: np.ndarray
    multiplier: float
    converged: bool


def transcribed(problem: Problem, intervals: int = 40) -> Transcription:
    """Least cost over histories of that many intervals, by quadratic programming in turns from a constant pressure."""
    layers, weight = problem.layers, problem.layers.weight
    smooth = problem.rate_weight > 0.0 or problem.max_rate is not None
    time = np.linspace(0.0, problem.horizon, STEPS * intervals + 1)
    spread = _spread(intervals, smooth)
    scale = float(best_of(problem, lambda at: np.ones((1, len(at)))).pressure[0])
    unknowns, step = spread[0].shape[1], problem.horizon / intervals
    simpson = np.diff(time) / 6.0 * problem.effort_weight
    rises = np.diff(np.eye(unknowns), axis=0)

    def look(scaled: np.ndarray) -> Looked:
        """Cost, mean, and their gradients by the scaled nodes."""
        left, middle, right = pressures = [part @ (scale * scaled) for part in spread]
        end, by_pressure = sensitivities(layers, time, *pressures)
        by_node = scale * sum((part.T @ by.T).T for part, by in zip(spread, by_pressure, strict=True))  # (N, n)
        cost = float(problem.final_cost(end)) + 0.5 * float(simpson @ (left**2 + 4.0 * middle**2 + right**2))
        final = problem.gradient_weight * weight * (end - problem.mean)
        effort = [part.T @ (simpson * share * p) for part, share, p in zip(spread, (1, 4, 1), pressures, strict=True)]
        by_cost = final @ by_node + scale * sum(effort)
        if smooth and problem.rate_weight:
            rise = rises @ scaled * scale
            cost += 0.5 * problem.rate_weight * float(rise @ rise) / step
            by_cost = by_cost + problem.rate_weight / step * scale * (rises.T @ rise)
        return cost, float(weight @ end), by_cost, weight @ by_node

    seen = _Last(look)
    guess = np.ones(unknowns)
    size = max(abs(seen(guess)[0]), 1e-300)
    constraints = [{"type": "eq", "fun": lambda x: seen(x)[1] - problem.mean, "jac": lambda x: seen(x)[3]}]
    if problem.max_rate is not None:
        most = problem.max_rate * step / scale
        constraints += [
            {"type": "ineq", "fun": lambda x: most - rises @ x, "jac": lambda x: -rises},
            {"type": "ineq", "fun": lambda x: most + rises @ x, "jac": lambda x: rises},
        ]
    top = problem.ceiling / scale
    bounds = [(0.0, top)] * unknowns
    if smooth:
        bounds[0], guess[0] = (0.0, 0.0), 0.0
    found = minimize(
        lambda x: seen(x)[0] / size, guess, jac=lambda x: seen(x)[2] / size, bounds=bounds, constraints=constraints,
        method="SLSQP", options={"maxiter": 300, "ftol": 1e-11},
    )  # fmt: skip
    _, _, by_cost, by_mean = look(found.x)
    free = (found.x > 1e-6) & (found.x < top - 1e-6)
    multiplier = -float(by_cost[free] @ by_mean[free] / (by_mean[free] @ by_mean[free]))
    nodes = scale * found.x
    fine = np.linspace(0.0, problem.horizon, 10 * intervals + 1)
    history = history_of(problem, fine, lambda at: _at(nodes, at / problem.horizon, smooth))
    return Transcription(history, nodes, multiplier, bool(found.success))


def sensitivities(
    layers: Layers, time: np.ndarray, left: np.ndarray, middle: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Final densifications (N,) and their derivatives (N, m - 1) by the pressures at left, middle and right of each
    of m - 1 intervals [MPa]: the adjoint of the integration, exact to rounding.

    Layers do not see each other, and their equilibria do not hang on the states: what is left of the loop is numbers.
    """
    parts = [[one.at(part)[:2] for one in layers.equilibrium] for part in (left, middle, right)]
    ends, by = np.zeros(layers.count), [np.zeros((layers.count, len(left))) for _ in range(3)]
    for row, relaxation_time in enumerate(layers.relaxation_time):
        targets = [part[row][0] for part in parts]
        step = np.diff(time) / relaxation_time
        found = _linear(step, targets) if layers.linear else _irreversible(step, targets, layers.smoothing)
        ends[row] = found[0]
        for place, by_target in enumerate(found[1]):
            by[place][row] = by_target * parts[place][row][1]
    return ends, by


def _linear(step: np.ndarray, targets: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
    """End, and its slopes by the targets at left, middle and right; step h / τ (m - 1,)."""
    keep, shares = linear_step(step)
    follow = np.append(np.cumprod(keep[:0:-1])[::-1], 1.0)  # of the end, by the end of each interval
    by = [share * follow for share in shares]
    return float(sum(slope @ target for slope, target in zip(by, targets, strict=True))), by


def _irreversible(step: np.ndarray, targets: list[np.ndarray], smoothing: float) -> tuple[float, list[np.ndarray]]:
    """The same for [S - e]₊ by classical Runge-Kutta and its adjoint."""
    square = smoothing * smoothing

    def rate(drive: float) -> tuple[float, float]:
        root = math.sqrt(drive * drive + square)
        return 0.5 * (drive + root), 0.5 * (1.0 + drive / root)

    now, kept = 0.0, []
    left, middle, right = (one.tolist() for one in targets)
    steps = step.tolist()
    for h, a, b, c in zip(steps, left, middle, right, strict=True):
        k1, s1 = rate(a - now)
        k2, s2 = rate(b - now - 0.5 * h * k1)
        k3, s3 = rate(b - now - 0.5 * h * k2)
        k4, s4 = rate(c - now - h * k3)
        now += h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4)
        kept.append((s1, s2, s3, s4))
    follow, by = 1.0, np.zeros((3, len(steps)))
    for index in range(len(steps) - 1, -1, -1):
        h, (s1, s2, s3, s4) = steps[index], kept[index]
        k4 = h / 6.0 * follow
        k3 = h / 3.0 * follow - h * k4 * s4
        k2 = h / 3.0 * follow - 0.5 * h * k3 * s3
        k1 = h / 6.0 * follow - 0.5 * h * k2 * s2
        by[:, index] = k1 * s1, k2 * s2 + k3 * s3, k4 * s4
        follow -= k1 * s1 + k2 * s2 + k3 * s3 + k4 * s4
    return now, list(by)


class _Last:
    """A function that remembers its last argument: value and slope are asked for one after the other."""

    def __init__(self, function: Callable[[np.ndarray], Looked]) -> None:
        self.function = function
        self.argument: np.ndarray | None = None

    def __call__(self, argument: np.ndarray) -> Looked:
        if self.argument is None or not np.array_equal(argument, self.argument):
            self.argument, self.value = argument.copy(), self.function(argument)
        return self.value


def _spread(intervals: int, smooth: bool) -> list[csr_matrix]:
    """Matrices from nodes to pressures at left, middle and right of each step."""
    unknowns = intervals + 1 if smooth else intervals
    begin = np.arange(STEPS * intervals) / STEPS / intervals
    parts = []
    for share in (INSET, 0.5, 1.0 - INSET):
        at = begin + share / STEPS / intervals
        parts.append(csr_matrix(np.array([_at(row, at, smooth) for row in np.eye(unknowns)]).T))
    return parts


def _at(nodes: np.ndarray, share: np.ndarray, smooth: bool) -> np.ndarray:
    """Pressure at shares of the horizon: constant in intervals, or linear between nodes."""
    if smooth:
        return np.interp(share, np.linspace(0.0, 1.0, len(nodes)), nodes)
    return nodes[np.minimum((share * len(nodes)).astype(int), len(nodes) - 1)]
