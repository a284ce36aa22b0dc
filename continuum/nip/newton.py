"""Newton's method for the thickness profile in the nip on one grid.

Unknowns: coating thickness h_i [mm] (both sides together; where the rolls are apart, their gap less the foil) and the
set gap s [mm] (less the foil). Equations:
    h_i - s - x_i^2 / R - sum_j C_ij p_j(h) = 0     gap of two elastic rolls in a stand that yields
    g(h, s) = 0                                      the control: what the operator holds
C = 2 x surface displacement of a roll + stand compliance x integration weight. Thickness, not pressure, is the
unknown since the residual is concave in it: from too thin a start Newton approaches from one side.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, solve

from kalander.continuum.nip.march import ColumnPressure
from kalander.continuum.nip.roll import Rolls, surface_flexibility
from kalander.continuum.number_range import OUT_OF_NUMBERS
from kalander.kernels.errors import NumericalError

__all__ = [
    "Control",
    "Grid",
    "Profile",
    "gap_balance",
    "gap_jacobian",
    "hold_line_load",
    "hold_minimum_thickness",
    "hold_set_gap",
    "make_grid",
    "solve_profile",
]


@dataclass(frozen=True)
class Grid:
    """Equidistant nodes x [mm], ascending, one of them on the rolls' centre line, and the rolls seen from them.

    shape [mm]: x^2 / R of the undeformed rolls; flexibility [mm/MPa], shape (n, n): gap opened per nodal pressure.
    """

    x: np.ndarray
    spacing: float
    shape: np.ndarray
    flexibility: np.ndarray


def make_grid(rolls: Rolls, low: float, high: float, points: int) -> Grid:
    """About `points` nodes that cover [low, high] mm. The node at x = 0 finds a rigid nip's thinnest place exactly."""
    spacing = float(high - low) / (points - 1)
    x = spacing * np.arange(np.floor(low / spacing), np.ceil(high / spacing) + 1.0)
    flexibility = 2.0 * surface_flexibility(rolls, spacing, x.size) + rolls.stand_compliance * spacing
    return Grid(x, spacing, x**2 / rolls.radius, flexibility)


@dataclass(frozen=True)
class ControlValue:
    """Residual of a control [mm] and its derivatives: by thickness, shape (n,), and by set gap."""

    residual: float
    by_thickness: np.ndarray
    by_set_gap: float


Control = Callable[[Grid, np.ndarray, float, ColumnPressure], ControlValue]


def hold_set_gap(target: float) -> Control:
    """The unloaded gap less the foil [mm] is given."""

    def control(grid: Grid, thickness: np.ndarray, set_gap: float, column: ColumnPressure) -> ControlValue:
        return ControlValue(set_gap - target, np.zeros(grid.x.size), 1.0)

    return control


def hold_line_load(target: float, length: float) -> Control:
    """The integral of pressure over the nip [N/mm] is given; `length` [mm] turns its relative error into a residual."""

    def control(grid: Grid, thickness: np.ndarray, set_gap: float, column: ColumnPressure) -> ControlValue:
        scale = length / target
        line_load = grid.spacing * float(np.sum(column.pressure))
        by_thickness = column.slope.copy()
        np.add.at(by_thickness, column.turning, column.turning_slope)
        return ControlValue(scale * (line_load - target), scale * grid.spacing * by_thickness, 0.0)

    return control


def hold_minimum_thickness(target: float) -> Control:
    """The thinnest place [mm] is given, and with it the peak pressure and the thickness after release."""

    def control(grid: Grid, thickness: np.ndarray, set_gap: float, column: ColumnPressure) -> ControlValue:
        thinnest = int(np.argmin(thickness))
        by_thickness = np.zeros(grid.x.size)
        by_thickness[thinnest] = 1.0
        return ControlValue(float(thickness[thinnest]) - target, by_thickness, 0.0)

    return control


@dataclass(frozen=True)
class Profile:
    """Solution on a grid: thickness [mm], shape (n,), set gap [mm], the column's pressures; residual [mm] reached."""

    grid: Grid
    thickness: np.ndarray
    set_gap: float
    column: ColumnPressure
    iterations: int
    residual: float


Column = Callable[[np.ndarray], ColumnPressure]


@dataclass(frozen=True)
class Balance:
    """The equations at some unknowns: column and control there, residual [mm] of shape (n + 1,)."""

    column: ColumnPressure
    control: ControlValue
    residual: np.ndarray


def gap_balance(grid: Grid, column_of: Column, control: Control, unknowns: np.ndarray) -> Balance:
    """Evaluate the equations at the unknowns (thickness, set gap) [mm], shape (n + 1,)."""
    thickness, set_gap = unknowns[:-1], float(unknowns[-1])
    column = column_of(thickness)
    value = control(grid, thickness, set_gap, column)
    gap = set_gap + grid.shape + grid.flexibility @ column.pressure
    return Balance(column, value, np.append(thickness - gap, value.residual))


def gap_jacobian(grid: Grid, balance: Balance) -> np.ndarray:
    """Exact derivative of the residual by (thickness, set gap), shape (n + 1, n + 1)."""
    column, size = balance.column, grid.x.size
    jacobian = np.empty((size + 1, size + 1))
    block = jacobian[:size, :size]
    np.multiply(grid.flexibility, -column.slope, out=block)
    # the released points hang on few turning points, as a rule one: a column each instead of a matrix product
    released = np.flatnonzero(column.turning_slope)
    for turning in np.unique(column.turning[released]):
        rows = released[column.turning[released] == turning]
        block[:, turning] -= grid.flexibility[:, rows] @ column.turning_slope[rows]
    block[np.diag_indices(size)] += 1.0
    jacobian[:size, size] = -1.0
    jacobian[size, :size] = balance.control.by_thickness
    jacobian[size, size] = balance.control.by_set_gap
    return jacobian


def solve_profile(
    grid: Grid, column_of: Column, control: Control, thickness: np.ndarray, set_gap: float, *, tolerance: float
) -> Profile:
    """Newton with backtracking from a start, to a largest residual of `tolerance` [mm].

    Raises NumericalError when 60 iterations do not suffice, or when no pressure is left by which to hold a line load.
    """
    unknowns = np.append(thickness, set_gap)
    balance = gap_balance(grid, column_of, control, unknowns)
    for iteration in range(60):
        error = float(np.max(np.abs(balance.residual)))
        if not np.isfinite(error):
            raise NumericalError(OUT_OF_NUMBERS)
        if error <= tolerance:
            return Profile(grid, unknowns[:-1], float(unknowns[-1]), balance.column, iteration, error)
        try:
            step = solve(gap_jacobian(grid, balance), -balance.residual, overwrite_a=True, check_finite=False)
        except LinAlgError as singular:
            raise NumericalError("the rolls lost the web while the nip was sought; hold the gap instead") from singular
        # the first of the step, its half, its quarter ... that lowers the residual; the shortest if none does
        for halving in range(8):
            trial = unknowns + 0.5**halving * step
            balance = gap_balance(grid, column_of, control, trial)
            if np.max(np.abs(balance.residual)) < error:
                break
        unknowns = trial
    raise NumericalError(
        f"nip not in balance after 60 Newton iterations: residual {error:.3g} mm, {tolerance:.3g} allowed; either the "
        "pressure is far beyond what the rolls stand, or the coating springs back over less than a node: more points"
    )
