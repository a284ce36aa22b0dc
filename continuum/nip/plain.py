"""The nip: a web between two elastic rolls, in milliseconds.

Web and rolls meet at x = 0 on the centre line; the web moves from +x (entry) to -x (exit). The contact is some forty
times longer than the coating is thick, so the pressure is uniform through the thickness, the strain uniaxial, and
friction and roll curvature enter the line load by less than one per cent. The foil does not change thickness.
"""

import math
from functools import partial

import numpy as np
from scipy.optimize import brentq

from kalander.continuum.closure.contract import strain_at_pressure
from kalander.continuum.closure.springback import strain_released_to
from kalander.continuum.nip.march import march
from kalander.continuum.nip.newton import (
    Control,
    Profile,
    hold_line_load,
    hold_minimum_thickness,
    hold_set_gap,
    make_grid,
    solve_profile,
)
from kalander.continuum.nip.result import NipResult, read_result
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.web import Web, refuse_beyond_closure
from kalander.kernels.errors import Fault, InputError, NumericalError

__all__ = [
    "CONTROLS",
    "nip_at_exit_thickness",
    "nip_at_gap",
    "nip_at_line_load",
    "nip_at_peak_pressure",
    "reach_pressures",
]


def nip_at_gap(web: Web, rolls: Rolls, gap: float, *, points: int = 300) -> NipResult:
    """The nip at a set gap [mm] of the web, foil included; below zero the stand is screwed past kissing rolls.

    Raises InputError if the rolls do not touch the web, ClosureRangeError, NumericalError.
    """
    if not math.isfinite(gap):
        raise InputError(Fault("pass.gap", gap, "is no length", f"below {web.thickness:.6g} mm"))
    if gap >= web.thickness:
        why = "is not below the thickness of the web: there is no contact"
        raise InputError(Fault("pass.gap", gap, why, f"below {web.thickness:.6g} mm"))
    set_gap = gap - web.foil_thickness
    # elastic rolls and stand only open the gap, so the contact of rigid rolls in a rigid stand bounds it
    half_length = math.sqrt(rolls.radius * (web.coating_total - set_gap))
    return _solve(web, rolls, hold_set_gap(set_gap), set_gap, half_length, points)


def nip_at_line_load(web: Web, rolls: Rolls, line_load: float, *, points: int = 300) -> NipResult:
    """The nip at a line load [N/mm]. Raises InputError if it is not above 0, ClosureRangeError, NumericalError."""
    if not 0.0 < line_load < math.inf:
        raise InputError(Fault("pass.line_load", line_load, "presses nothing", "above 0 N/mm"))
    thinnest = _thinnest_at_line_load(web, rolls, line_load)
    control = hold_line_load(line_load, web.coating_total)
    return _solve(web, rolls, control, thinnest, _contact_bound(web, rolls, thinnest, line_load), points)


def nip_at_peak_pressure(web: Web, rolls: Rolls, pressure: float, *, points: int = 300) -> NipResult:
    """The nip whose peak reaches a pressure [MPa]: the line load and set gap that a material point needs.

    Raises InputError if the pressure is not above 0, ClosureRangeError, NumericalError.
    """
    if not 0.0 < pressure < math.inf:
        raise InputError(Fault("pass.peak_pressure", pressure, "presses nothing", "above 0 MPa"))
    return _nip_at_strain(web, rolls, strain_at_pressure(web.closure, pressure, web.strain_limit), points)


def nip_at_exit_thickness(web: Web, rolls: Rolls, thickness: float, *, points: int = 300) -> NipResult:
    """The nip that the web leaves with a thickness [mm], foil included, after its springback.

    Raises InputError if the web comes in no thicker, ClosureRangeError, NumericalError.
    """
    if not web.foil_thickness < thickness < web.thickness:
        allowed = f"above {web.foil_thickness:.6g} mm, the foil, below {web.thickness:.6g} mm, the web"
        raise InputError(Fault("pass.exit_thickness", thickness, "cannot leave a nip", allowed))
    lasting = math.log(web.coating_total / (thickness - web.foil_thickness))
    return _nip_at_strain(web, rolls, strain_released_to(web.closure, lasting, web.strain_limit), points)


def reach_pressures(web: Web, rolls: Rolls, pressures: list[float], *, points: int = 300) -> list[NipResult]:
    """One nip for each pressure [MPa] that its peak shall reach."""
    return [nip_at_peak_pressure(web, rolls, pressure, points=points) for pressure in pressures]


# what the operator holds, by its name in a card
CONTROLS = {
    "gap": nip_at_gap,
    "line_load": nip_at_line_load,
    "exit_thickness": nip_at_exit_thickness,
    "peak_pressure": nip_at_peak_pressure,
}


def _nip_at_strain(web: Web, rolls: Rolls, strain: float, points: int) -> NipResult:
    thinnest = web.coating_total * math.exp(-strain)
    pressure = float(web.closure.pressure_at(np.array(strain)))
    # no pressure in the nip exceeds the peak, so it times the contact length bounds the line load
    half_length = _contact_bound(web, rolls, thinnest, 0.0)
    for _ in range(3):
        half_length = _contact_bound(web, rolls, thinnest, 1.5 * half_length * pressure)
    return _solve(web, rolls, hold_minimum_thickness(thinnest), thinnest, half_length, points)


def _contact_bound(web: Web, rolls: Rolls, thinnest: float, line_load: float) -> float:
    """A half-length [mm] that the contact hardly exceeds: squares of the rigid rolls' and the bare rolls' (Hertz)."""
    rigid = rolls.radius * (web.coating_total - thinnest)
    return math.sqrt(rigid + 2.0 * rolls.flexibility * line_load * rolls.radius)


def _thinnest_at_line_load(web: Web, rolls: Rolls, line_load: float) -> float:
    """First guess of the thinnest place [mm]: as if the profile were the parabola over the bound of the contact."""
    share = np.linspace(-1.0, 1.0, 101)

    def excess(thinnest: float) -> float:
        profile = thinnest + (web.coating_total - thinnest) * share**2
        pressure = march(web.closure, profile, web.coating_total, web.floor).pressure
        return float(np.mean(pressure)) * 2.0 * _contact_bound(web, rolls, thinnest, line_load) - line_load

    if excess(web.floor) < 0.0:
        return web.floor
    return float(brentq(excess, web.floor, web.coating_total, rtol=1e-4))


def _solve(web: Web, rolls: Rolls, control: Control, thinnest: float, half_length: float, points: int) -> NipResult:
    """A coarse grid over the bound finds the contact, then the grid is laid over the contact until it fits.

    The start is the parabola with this minimum that meets the web at the half-length.
    """
    column_of = partial(march, web.closure, initial=web.coating_total, floor=web.floor)
    # 1e-9 of the thickness moves the pressure of the stiffest coating by 1e-5 MPa
    tolerance = 1e-9 * web.coating_total
    grid = make_grid(rolls, -1.1 * half_length, 1.1 * half_length, max(points // 4, 40))
    start = np.maximum(thinnest + (web.coating_total - thinnest) * (grid.x / half_length) ** 2, web.floor)
    set_gap, iterations = thinnest, 0
    for _ in range(8):
        profile = solve_profile(grid, column_of, control, start, set_gap, tolerance=tolerance)
        iterations += profile.iterations
        refuse_beyond_closure(web, float(np.min(profile.thickness)))
        low, high, fits = _fit(profile, points)
        if fits:
            return read_result(web, rolls, profile, iterations)
        grid = make_grid(rolls, low, high, points)
        start = np.interp(grid.x, profile.grid.x, profile.thickness)
        set_gap = profile.set_gap
    raise NumericalError(f"the grid found no contact that fits it after 8 attempts, last from {low:g} to {high:g} mm")


def _fit(profile: Profile, points: int) -> tuple[float, float, bool]:
    """Where a grid should lie for this contact [mm], and whether the present one will do."""
    nodes = np.flatnonzero(profile.column.pressure)
    x = profile.grid.x
    if nodes.size == 0:
        return 0.25 * x[0], 0.25 * x[-1], False
    length = x[nodes[-1]] - x[nodes[0]] + 2.0 * profile.grid.spacing
    spilled = nodes[0] == 0 or nodes[-1] == x.size - 1
    margin = (0.5 if spilled else 0.05) * length
    fits = not spilled and nodes.size >= 0.7 * points
    return x[nodes[0]] - margin, x[nodes[-1]] + margin, fits
