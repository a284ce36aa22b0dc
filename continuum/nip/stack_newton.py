"""Newton for the pressure along the nip when the web is a stack of layers with time and temperature.

Unknowns in the order of time, entry first: pressure p_i >= 0 [MPa] and the set gap s [mm] less the foil. The opening
    w_i = s + x_i^2 / R + sum_j C_ij p_j - H_i(p_1 .. p_i)
is 0 where the web carries and not below 0 where it does not. An active set (semismooth Newton) finds which is which.
Newton's direction is the same in any variable, but how far it holds is not: where the coating is being loaded a step is
taken in the strain y at which it would reach p_i loaded at once, in which the opening is nearly straight (in p it bends
from elastic to plastic); where it is being released, in p.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from kalander.continuum.nip.column import StackHistory
from kalander.continuum.nip.newton import Grid
from kalander.continuum.number_range import OUT_OF_NUMBERS
from kalander.kernels.errors import NumericalError

__all__ = ["Coordinate", "Hold", "StackProfile", "hold_gap", "hold_load", "hold_peak", "solve_stack"]


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


class Coordinate:
    """Pressure over strain of the whole coating loaded at once, from a table; straight beyond its end.

    Only the path of Newton's method depends on it, no result does.
    """

    def __init__(self, strain: np.ndarray, pressure: np.ndarray) -> None:
        self.strains, self.pressures = strain, pressure
        self._curve = PchipInterpolator(strain, pressure)
        self._slope = self._curve.derivative()

    def pressure(self, strain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pressure [MPa] and its slope by strain."""
        inside = np.minimum(strain, self.strains[-1])
        slope = self._slope(inside)
        return self._curve(inside) + slope * (strain - inside), slope

    def strain(self, pressure: np.ndarray) -> np.ndarray:
        """The inverse, to the accuracy that a start needs."""
        return np.interp(pressure, self.pressures, self.strains)


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
    grid: Grid,
    follow: Follow,
    hold: Hold,
    coordinate: Coordinate,
    pressure: np.ndarray,
    set_gap: float,
    *,
    tolerance: float,
) -> StackProfile:
    """From a start in the order of time to an opening of at most `tolerance` [mm] under pressure.

    Raises NumericalError after 120 iterations.
    """
    x, shape = grid.x[::-1], grid.shape[::-1]  # the kernel is symmetric, so its matrix reads the same backwards
    error, share, before, softness = np.inf, 1.0, (pressure, set_gap), np.zeros_like(pressure)
    step = (np.zeros_like(pressure), 0.0)
    # a loaded node lets go only if it would do so with the rolls springing back as a whole
    together = grid.flexibility.sum(axis=1)
    for iteration in range(120):
        stack = follow(pressure)
        opening = set_gap + shape + grid.flexibility @ pressure - stack.thickness
        off, by_pressure, by_gap = hold(pressure, set_gap, grid.spacing)
        compliance = -np.diagonal(stack.jacobian)
        active = pressure > opening / (compliance + together)
        imbalance = np.where(active, opening, np.minimum(opening, 0.0) + pressure * compliance)
        now = max(float(np.max(np.abs(imbalance))), abs(off) * 1e3 * tolerance)
        if not np.isfinite(now):
            raise NumericalError(OUT_OF_NUMBERS)
        if now <= tolerance and abs(off) <= 1e-9:
            pressure = np.where(active, pressure, 0.0)  # what is left of let-go nodes is within the tolerance
            return StackProfile(grid, x, pressure, opening, set_gap, stack, iteration, now)
        # a step that makes it worse is halved; at first not below an eighth, because kinks may rise before they fall
        worse, shortest = (1.5, 0.2) if iteration < 20 else (1.0, 0.01)
        if now > worse * error and share > shortest:
            share *= 0.5
        else:
            error, share, before, softness = now, 1.0, (pressure, set_gap), compliance / stack.thickness
            step = _newton_step(grid, stack, opening, pressure, active, (off, by_pressure, by_gap))
        pressure = _moved(coordinate, before[0], share * step[0], softness)
        set_gap = before[1] + share * step[1]
    raise NumericalError(
        f"layered nip not in balance after 120 Newton iterations: opening {error:.3g} mm under pressure, "
        f"{tolerance:.3g} allowed; open the gap, or use more points"
    )


def _moved(coordinate: Coordinate, pressure: np.ndarray, change: np.ndarray, softness: np.ndarray) -> np.ndarray:
    """The pressures after a change; softness [1/MPa], strain per pressure of each point as it is.

    The strain that the change asks for is taken elastically up to the largest pressure so far, then along the loading
    curve: a point a little below it, as there are before the solution is smooth, would else leap on its stiff branch.
    """
    highest = np.maximum.accumulate(pressure)
    loading = pressure >= highest
    start = coordinate.strain(highest)
    here, stiffness = coordinate.pressure(start)  # the inverse is rough, so only differences of this curve count
    room = np.where(loading, 0.0, (highest - pressure) * softness)
    asked = change * np.where(loading, 1.0 / stiffness, softness)
    # a rise of strain by more than 0.05 at once would be a leap of faith on an exponential
    along, _ = coordinate.pressure(np.maximum(start + np.clip(asked - room, -0.2, 0.05), 0.0))
    curved = np.where(loading, change != 0.0, asked > room)
    return np.maximum(np.where(curved, highest + along - here, pressure + change), 0.0)


def _newton_step(
    grid: Grid,
    stack: StackHistory,
    opening: np.ndarray,
    pressure: np.ndarray,
    active: np.ndarray,
    control: tuple[float, np.ndarray, float],
) -> tuple[np.ndarray, float]:
    """Change of pressure, shape (n,), and of the set gap; nodes that let go lose their pressure at once."""
    off, by_pressure, by_gap = control
    nodes = np.flatnonzero(active)
    jacobian = (grid.flexibility - stack.jacobian)[nodes]
    system = np.empty((nodes.size + 1, nodes.size + 1))
    system[:-1, :-1] = jacobian[:, nodes]
    system[:-1, -1] = 1.0
    system[-1, :-1] = by_pressure[nodes]
    system[-1, -1] = by_gap
    lost = np.where(active, 0.0, -pressure)
    right = np.append(-opening[nodes] - jacobian @ lost, -off - by_pressure @ lost)
    try:
        change = np.linalg.solve(system, right)
    except np.linalg.LinAlgError as singular:
        raise NumericalError("the rolls lost the web while the nip was sought; hold the gap instead") from singular
    lost[nodes] = change[:-1]
    return lost, float(change[-1])
