"""Newton for the pressure along the nip when the web is a stack of layers with time and temperature.

Unknowns in the order of time, entry first: pressure p_i >= 0 [MPa] and the set gap s [mm] less the foil. The opening
    w_i = s + x_i^2 / R + sum_j C_ij p_j - H_i(p_1 .. p_i)
is 0 where the web carries and not below 0 where it does not. An active set (semismooth Newton) finds which is which.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, solve

from kalander.continuum.column import StackHistory
from kalander.continuum.nip_newton import Grid
from kalander.kernels.errors import NumericalError

__all__ = ["Hold", "StackProfile", "hold_gap", "hold_load", "hold_peak", "solve_stack"]


@dataclass(frozen=True, eq=False)
class StackProfile:
    """Solution on a grid, arrays in the order of time: x, pressure [MPa], opening [mm]; set gap less foil [mm]."""

    grid: Grid
    x: np.ndarray
    pressure: np.ndarray
    opening: np.ndarray
    set_gap: float
    stack: StackHistory
    iterations: int
    residual: float


Follow = Callable[[np.ndarray], StackHistory]
Hold = Callable[[np.ndarray, float, float], tuple[float, np.ndarray, float]]
"""(pressure, set gap, spacing) -> residual, its derivatives by pressure, shape (n,), and by set gap."""


def hold_gap(target: float) -> Hold:
    """The unloaded gap less the foil [mm]."""
    return lambda pressure, set_gap, spacing: (set_gap - target, np.zeros(pressure.size), 1.0)


def hold_load(target: float) -> Hold:
    """The line load [N/mm]."""
    return lambda pressure, set_gap, spacing: (
        spacing * float(pressure.sum()) / target - 1.0,
        np.full(pressure.size, spacing / target),
        0.0,
    )


def hold_peak(target: float) -> Hold:
    """The largest pressure [MPa]."""

    def hold(pressure: np.ndarray, set_gap: float, spacing: float) -> tuple[float, np.ndarray, float]:
        by_pressure = np.zeros(pressure.size)
        by_pressure[np.argmax(pressure)] = 1.0 / target
        return float(np.max(pressure)) / target - 1.0, by_pressure, 0.0

    return hold


def solve_stack(
    grid: Grid, follow: Follow, hold: Hold, pressure: np.ndarray, set_gap: float, *, tolerance: float
) -> StackProfile:
    """From a start in the order of time to an opening of at most `tolerance` [mm] under pressure.

    Raises NumericalError after 60 iterations.
    """
    x, shape = grid.x[::-1], grid.shape[::-1]  # the kernel is symmetric, so its matrix reads the same backwards
    pressure = np.maximum(pressure, 0.0)
    best, error = (pressure, set_gap), np.inf
    shorter = 1.0
    for iteration in range(60):
        stack = follow(pressure)
        opening = set_gap + shape + grid.flexibility @ pressure - stack.thickness
        off, by_pressure, by_gap = hold(pressure, set_gap, grid.spacing)
        compliance = -np.diagonal(stack.jacobian)
        active = pressure > opening / compliance
        imbalance = np.where(active, opening, np.minimum(opening, 0.0) + pressure * compliance)
        previous, error = error, max(float(np.max(np.abs(imbalance))), abs(off) * 1e3 * tolerance)
        if error <= tolerance and abs(off) <= 1e-9:
            return StackProfile(grid, x, pressure, opening, set_gap, stack, iteration, error)
        # one that gets worse is taken back and shortened, unless that has been tried: kinks may rise before they fall
        if error > 2.0 * previous and shorter > 0.2:
            shorter *= 0.5
            pressure, set_gap = best[0] + shorter * (step[0]), best[1] + shorter * step[1]
            pressure, error = np.maximum(pressure, 0.0), previous
            continue
        best, shorter = (pressure, set_gap), 1.0
        nodes = np.flatnonzero(active)
        system = np.empty((nodes.size + 1, nodes.size + 1))
        jacobian = grid.flexibility - stack.jacobian
        system[:-1, :-1] = jacobian[np.ix_(nodes, nodes)]
        system[:-1, -1] = 1.0
        system[-1, :-1] = by_pressure[nodes]
        system[-1, -1] = by_gap
        # nodes that let go lose their pressure at once
        lost = np.where(active, 0.0, -pressure)
        right = np.append(-opening[nodes] - jacobian[nodes] @ lost, -off - by_pressure @ lost)
        try:
            change = solve(system, right, check_finite=False)
        except (LinAlgError, ValueError) as singular:
            raise NumericalError("the rolls lost the web while the nip was sought; hold the gap instead") from singular
        lost[nodes] = change[:-1]
        step = (lost, float(change[-1]))
        pressure, set_gap = np.maximum(pressure + step[0], 0.0), set_gap + step[1]
    raise NumericalError(
        f"layered nip not in balance after 60 Newton iterations: opening {error:.3g} mm under pressure, "
        f"{tolerance:.3g} allowed; open the gap, or use more points"
    )
