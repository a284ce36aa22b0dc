"""The pressure that minimises the Hamiltonian of linear layers between its bounds, and how it answers to costates.

H(z) = r/2 z² + Σ λ_i (c_i z - e_i) / τ_i on 0 ≤ z ≤ P is a parabola: z* is its lowest point, cut at the bounds. The
cuts may be rounded, so that a solver comes near from a smooth problem: [x]₊ = (x + √(x² + δ²)) / 2.
"""

import numpy as np

from kalander.twin.control.linear import compliances
from kalander.twin.control.problem import Problem

__all__ = ["rounded", "stationary_pressure"]


def stationary_pressure(problem: Problem, costate: np.ndarray, rounding: float) -> tuple[np.ndarray, np.ndarray]:
    """z* [MPa] (m,) and its derivatives by costates (N, m). costate: (N, m); rounding δ [MPa] of the bounds."""
    layers = problem.layers
    push = (compliances(layers) / layers.relaxation_time)[:, None]
    free = -(push * costate).sum(axis=0) / problem.effort_weight
    above, slope = rounded(free, rounding)
    if problem.max_pressure is None:
        return above, -push * slope / problem.effort_weight
    over, over_slope = rounded(above - problem.max_pressure, rounding)
    return above - over, -push * slope * (1.0 - over_slope) / problem.effort_weight


def rounded(value: np.ndarray, rounding: float) -> tuple[np.ndarray, np.ndarray]:
    """[x]₊ with a rounded corner, and its slope."""
    if rounding == 0.0:
        return np.maximum(value, 0.0), (value > 0.0).astype(float)
    root = np.hypot(value, rounding)
    return 0.5 * (value + root), 0.5 * (1.0 + value / root)
