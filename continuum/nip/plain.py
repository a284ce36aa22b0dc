"""The nip of one layer without heat and time, between two elastic rolls, in milliseconds.

Web and rolls meet at x = 0 on the centre line; the web moves from +x (entry) to -x (exit). The contact is some forty
times longer than the coating is thick, so the pressure is uniform through the thickness, the strain uniaxial, and
friction and roll curvature enter the line load by less than one per cent. The foil does not change thickness.
"""

import math
from functools import partial

import numpy as np
from scipy.optimize import brentq

from kalander.continuum.closure.contract import ClosureRangeError, strain_at_pressure
from kalander.continuum.closure.springback import (
    lasting_strain,
    porosity_at_strain,
    recovery_strain,
    strain_released_to,
)
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
from kalander.continuum.nip.read import read_profile, strain_at
from kalander.continuum.nip.result import NipResult
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.setting import Pass, exit_thickness_of, refuse_impossible, thinner_than_closure
from kalander.continuum.nip.web import Layer, Web
from kalander.kernels.errors import Fault, InputError, NumericalError

__all__ = ["is_plain", "roll_plain"]


def is_plain(web: Web, one_pass: Pass) -> bool:
    """One fresh layer, at once and at its reference temperature."""
    (first, *others) = web.layers
    cold = first.softening == 0.0 or (not one_pass.heats and one_pass.web_temperature == first.reference_temperature)
    return not others and web.pasts is None and cold and not first.relaxation and first.viscous_time == 0.0


def roll_plain(web: Web, rolls: Rolls, one_pass: Pass, *, points: int = 300) -> NipResult:
    """The nip of a plain web by the fast model.

    Raises InputError for a web that is not plain and for an impossible setting, ClosureRangeError, NumericalError.
    """
    if not is_plain(web, one_pass):
        why = "has layers, heat or time, which the fast model does not know"
        raise InputError(
            Fault("web", f"{len(web.layers)} layers", why, "one layer without them, or the model of layers")
        )
    refuse_impossible(web, rolls, one_pass)
    name, value = one_pass.setting
    if name == "gap":
        set_gap = value - web.foil_thickness
        # elastic rolls and stand only open the gap, so the contact of rigid rolls in a rigid stand bounds it
        half_length = math.sqrt(rolls.radius * (web.free_coating - set_gap))
        return _solve(web, rolls, hold_set_gap(set_gap), set_gap, half_length, points)
    if name == "line_load":
        thinnest = _thinnest_at_line_load(web, rolls, value)
        control = hold_line_load(value, web.free_coating)
        return _solve(web, rolls, control, thinnest, _contact_bound(web, rolls, thinnest, value), points)
    (layer,) = web.layers
    # a peak pressure or an exit thickness fixes the smallest thickness by the closure alone
    if name == "peak_pressure":
        return _nip_at_strain(web, rolls, strain_at_pressure(layer.closure, value, layer.strain_limit), points)
    leaving = value if name == "exit_thickness" else exit_thickness_of(web, value)
    lasting = math.log(web.free_coating / (leaving - web.foil_thickness))
    try:
        strain = strain_released_to(layer.closure, lasting, layer.strain_limit)
    except ClosureRangeError as failure:
        if name == "porosity":
            raise ClosureRangeError(_least_porosity(layer)) from failure
        raise
    return _nip_at_strain(web, rolls, strain, points)


def _least_porosity(layer: Layer) -> str:
    """The words for a porosity that no load leaves."""
    strain = np.linspace(0.0, layer.strain_limit, 1001)
    lasting = lasting_strain(layer.closure, strain)
    best = int(np.argmax(lasting))
    return (
        "no load within the closure leaves so few pores: the least is "
        f"{porosity_at_strain(layer.porosity, float(lasting[best])):.4g}, after "
        f"{float(layer.closure.pressure_at(strain[best])):.4g} MPa; ask for more, or press the particle boxes further"
    )


def _nip_at_strain(web: Web, rolls: Rolls, strain: float, points: int) -> NipResult:
    thinnest = web.free_coating * math.exp(-strain)
    pressure = float(web.layers[0].closure.pressure_at(np.array(strain)))
    # no pressure in the nip exceeds the peak, so it times the contact length bounds the line load
    half_length = _contact_bound(web, rolls, thinnest, 0.0)
    for _ in range(3):
        half_length = _contact_bound(web, rolls, thinnest, 1.5 * half_length * pressure)
    return _solve(web, rolls, hold_minimum_thickness(thinnest), thinnest, half_length, points)


def _contact_bound(web: Web, rolls: Rolls, thinnest: float, line_load: float) -> float:
    """A half-length [mm] that the contact hardly exceeds: squares of the rigid rolls' and the bare rolls' (Hertz)."""
    rigid = rolls.radius * (web.free_coating - thinnest)
    return math.sqrt(rigid + 2.0 * rolls.flexibility * line_load * rolls.radius)


def _thinnest_at_line_load(web: Web, rolls: Rolls, line_load: float) -> float:
    """First guess of the thinnest place [mm]: as if the profile were the parabola over the bound of the contact."""
    share = np.linspace(-1.0, 1.0, 101)

    def excess(thinnest: float) -> float:
        profile = thinnest + (web.free_coating - thinnest) * share**2
        pressure = march(web.layers[0].closure, profile, web.free_coating, web.floor).pressure
        return float(np.mean(pressure)) * 2.0 * _contact_bound(web, rolls, thinnest, line_load) - line_load

    if excess(web.floor) < 0.0:
        return web.floor
    return float(brentq(excess, web.floor, web.free_coating, rtol=1e-4))


def _solve(web: Web, rolls: Rolls, control: Control, thinnest: float, half_length: float, points: int) -> NipResult:
    """A coarse grid over the bound finds the contact, then the grid is laid over the contact until it fits.

    The start is the parabola with this minimum that meets the web at the half-length.
    """
    column_of = partial(march, web.layers[0].closure, initial=web.free_coating, floor=web.floor)
    # 1e-9 of the thickness moves the pressure of the stiffest coating by 1e-5 MPa
    tolerance = 1e-9 * web.free_coating
    grid = make_grid(rolls, -1.1 * half_length, 1.1 * half_length, max(points // 4, 40))
    start = np.maximum(thinnest + (web.free_coating - thinnest) * (grid.x / half_length) ** 2, web.floor)
    set_gap, iterations = thinnest, 0
    for _ in range(8):
        profile = solve_profile(grid, column_of, control, start, set_gap, tolerance=tolerance)
        iterations += profile.iterations
        _refuse_beyond_closure(web, float(np.min(profile.thickness)))
        low, high, fits = _fit(profile, points)
        if fits:
            return read_profile(web, rolls, profile, iterations)
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


def _refuse_beyond_closure(web: Web, minimum: float) -> None:
    """Raise ClosureRangeError where the closure says nothing, or says that the web leaves thicker than it came."""
    # a hundred tolerances of slack: a peak asked for at the very limit is met within the solver's tolerance
    if minimum < web.floor - 1e-7 * web.free_coating:
        raise ClosureRangeError(thinner_than_closure(web))
    (layer,) = web.layers
    strain = np.array(strain_at(web, minimum))
    if strain > 0.0 and lasting_strain(layer.closure, strain) <= 0.0:
        raise ClosureRangeError(
            f"released from strain {strain:.4g} the coating would recover "
            f"{float(recovery_strain(layer.closure, strain)):.4g}: the unloading modulus is too low for the pressure; "
            "check the closure"
        )
