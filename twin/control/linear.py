"""Closed forms for linear layers without bounds: least effort by Gramians, and the extremes of the gradient.

e_i' = (c_i z - e_i) / τ_i. With b_i = c_i / τ_i the costates are λ_i(t) = λ_i(T) exp(-(T - t) / τ_i) whatever the
state, so that z*(t) = -Σ b_i λ_i(t) / r and e(T) = -W λ(T) / r with the Gramian
W_ij = b_i b_j (1 - exp(-(1/τ_i + 1/τ_j) T)) / (1/τ_i + 1/τ_j) (Bryson & Ho, Applied Optimal Control, 1975, ch. 5).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from kalander.kernels.errors import NumericalError
from kalander.twin.control.plant import Layers, Linear
from kalander.twin.control.problem import Problem

__all__ = ["Switched", "compliances", "gradient_extremes", "gramian", "least_effort"]

ROUNDING = 1e-15  # of the horizon: a switch is found to it


def compliances(layers: Layers) -> np.ndarray:
    """c_i [1/MPa] of linear layers (N,)."""
    return np.array([one.compliance for one in layers.equilibrium if isinstance(one, Linear)])


def gramian(layers: Layers, horizon: float) -> np.ndarray:
    """W (N, N) [1/MPa²/s]."""
    rate = 1.0 / layers.relaxation_time
    push = compliances(layers) * rate
    sums = rate[:, None] + rate[None, :]
    return np.outer(push, push) * -np.expm1(-sums * horizon) / sums


def least_effort(problem: Problem) -> tuple[np.ndarray, float]:
    """Final costates λ(T) (N,) and multiplier ν of the mean, of the problem without bounds and rate weight."""
    weight = problem.layers.weight
    count = len(weight)
    reach = gramian(problem.layers, problem.horizon) / problem.effort_weight
    # e = -reach λ, λ_i = w m_i (e_i - ē) + ν m_i, m · e = ē
    system = np.zeros((count + 1, count + 1))
    system[:count, :count] = np.eye(count) + problem.gradient_weight * np.diag(weight) @ reach
    system[:count, count] = -weight
    system[count, :count] = -weight @ reach
    right = np.append(-problem.gradient_weight * weight * problem.mean, problem.mean)
    found = np.linalg.solve(system, right)
    return found[:count], float(found[count])


@dataclass(frozen=True, eq=False)
class Switched:
    """A history that is at its bounds throughout: switches [s], whether it begins at the highest pressure, its end."""

    switches: tuple[float, ...]
    begins_high: bool
    end: np.ndarray

    @property
    def gradient(self) -> float:
        return float(self.end[0] - self.end[-1])


def gradient_extremes(problem: Problem) -> tuple[Switched, Switched]:
    """Histories of least and of largest e_1(T) - e_2(T) at the wanted mean, for two linear layers and a bound P.

    Without effort the Hamiltonian is linear in z and the optimum is at its bounds; its switching function is a sum of
    two exponentials, with one zero at most, so that one switch is enough (Pontryagin). Raises NumericalError if the
    mean is out of reach.
    """
    layers, horizon, ceiling = problem.layers, problem.horizon, problem.ceiling
    times, push = layers.relaxation_time, compliances(layers) * ceiling

    def end(switch: float, begins_high: bool) -> np.ndarray:
        after = -np.expm1(-(horizon - switch) / times)
        return push * ((-np.expm1(-horizon / times) - after) if begins_high else after)

    found = []
    for begins_high in (False, True):

        def missing(switch: float, begins_high: bool = begins_high) -> float:
            return float(layers.weight @ end(switch, begins_high)) - problem.mean

        if missing(0.0) * missing(horizon) > 0.0:
            raise NumericalError("the mean densification is beyond what the highest pressure reaches in this time")
        switch = float(brentq(missing, 0.0, horizon, xtol=ROUNDING * horizon))
        found.append(Switched((switch,), begins_high, end(switch, begins_high)))
    low, high = sorted(found, key=lambda one: one.gradient)
    return low, high
