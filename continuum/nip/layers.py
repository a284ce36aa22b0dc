"""The nip of a layered web with heat, relaxation and rate (L1z): pressure along x, every layer along its way.

As `nip`, with the coating of one side a stack of layers, roll side first. See `column` for the layers, `heat` for the
temperature, `stack_newton` for the solution. Deborah number, delayed recovery and several passes come with it.
"""

import math

import numpy as np
from scipy.optimize import brentq

from kalander.continuum.closure.contract import ClosureRangeError
from kalander.continuum.nip.column import StackHistory, creep_matrix, follow_stack, loading_strain
from kalander.continuum.nip.heat import conduct, web_cells
from kalander.continuum.nip.newton import Grid, make_grid
from kalander.continuum.nip.read import read_stack
from kalander.continuum.nip.result import NipResult
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.setting import Pass, exit_thickness_of, refuse_impossible
from kalander.continuum.nip.stack_newton import (
    Coordinate,
    Hold,
    StackProfile,
    hold_gap,
    hold_load,
    hold_peak,
    solve_stack,
)
from kalander.continuum.nip.web import LayerPast, Web
from kalander.kernels.errors import NumericalError

__all__ = ["roll_layers"]


def roll_layers(web: Web, rolls: Rolls, one_pass: Pass, *, points: int = 160) -> NipResult:
    """The nip of a stack of layers. A homogeneous layer through which heat flows is to be cut beforehand.

    Raises InputError for an impossible setting, ClosureRangeError where a layer's closure ends, NumericalError.
    """
    refuse_impossible(web, rolls, one_pass)
    name, value = one_pass.setting
    if name == "porosity":
        name, value = "exit_thickness", exit_thickness_of(web, value)
    return _Solver(web, rolls, one_pass, points).run(name, value)


class _Solver:
    """The grids and starts of one pass: a coarse grid finds the setting and the contact, finer ones fit it."""

    def __init__(self, web: Web, rolls: Rolls, one_pass: Pass, points: int) -> None:
        self.web, self.rolls, self.one_pass, self.points = web, rolls, one_pass, points
        self.tolerance = 1e-9 * web.free_coating
        self.iterations = 0
        self.coordinate = _coordinate(web)

    def run(self, name: str, value: float) -> NipResult:
        web = self.web
        if name == "gap":
            profile = self._coarse(value - web.foil_thickness)
        else:
            profile = self._find_gap(name, value)
        hold = {
            "gap": lambda: hold_gap(value - web.foil_thickness),
            "line_load": lambda: hold_load(value),
            "peak_pressure": lambda: hold_peak(value),
            "exit_thickness": lambda: hold_gap(profile.set_gap),
        }[name]()
        profile, temperature = self._fit(profile, hold)
        if name == "exit_thickness":
            profile, temperature = self._meet_exit(profile, temperature, value)
        self._refuse_beyond(profile.stack)
        return read_stack(self.web, self.rolls, self.one_pass.speed, profile, temperature, self.iterations)

    def _follow(self, grid: Grid, temperature: np.ndarray):
        step = grid.spacing / self.one_pass.speed
        creeps: dict[tuple, np.ndarray] = {}
        for layer in self.web.layers:
            if layer.relaxation not in creeps:
                creeps[layer.relaxation] = creep_matrix(layer.relaxation, step, grid.x.size)
        matrices = [creeps[layer.relaxation] for layer in self.web.layers]
        factors = np.column_stack(
            [layer.stress_factor(temperature[:, index]) for index, layer in enumerate(self.web.layers)]
        )

        def follow(pressure: np.ndarray) -> StackHistory:
            return follow_stack(self.web, pressure, factors, step, matrices)

        return follow

    def _solve(
        self, grid: Grid, hold: Hold, pressure: np.ndarray, set_gap: float, temperature: np.ndarray
    ) -> StackProfile:
        profile = solve_stack(
            grid, self._follow(grid, temperature), hold, self.coordinate, pressure, set_gap,
            tolerance=self.tolerance,
        )  # fmt: skip
        self.iterations += profile.iterations
        return profile

    def _rigid_start(self, grid: Grid, set_gap: float) -> np.ndarray:
        """Pressures as if the rolls were rigid and the coating left the nip where it is thinnest, as a start."""
        floor = self.web.coating * math.exp(-float(self.coordinate.strains[-1]))
        gap = np.maximum(set_gap + grid.shape[::-1], floor)
        strain = np.log(np.maximum(self.web.coating / gap, 1.0))
        return np.where(grid.x[::-1] >= 0.0, self.coordinate.pressure(strain)[0], 0.0)

    def _even(self, grid: Grid) -> np.ndarray:
        return np.full((grid.x.size, len(self.web.layers)), self.one_pass.web_temperature)

    def _coarse(self, set_gap: float, start: StackProfile | None = None, *, attempts: int = 6) -> StackProfile:
        """The contact on few nodes; where Newton fails, by way of a gap between the start's and this one."""
        try:
            return self._coarse_at(set_gap, start)
        except NumericalError:
            if attempts == 0:
                raise
            begun = self.web.coating if start is None else start.set_gap
            between = self._coarse(0.5 * (begun + set_gap), start, attempts=attempts - 1)
            return self._coarse(set_gap, between, attempts=attempts - 1)

    def _coarse_at(self, set_gap: float, start: StackProfile | None) -> StackProfile:
        half_length = math.sqrt(self.rolls.radius * (self.web.coating - set_gap))
        for _ in range(4):
            grid = make_grid(self.rolls, -1.1 * half_length, 1.1 * half_length, 48)
            pressure = self._rigid_start(grid, set_gap)
            if start is not None:
                pressure = np.interp(grid.x[::-1], start.x[::-1], start.pressure[::-1], left=0.0, right=0.0)
            profile = self._solve(grid, hold_gap(set_gap), pressure, set_gap, self._even(grid))
            loaded = np.flatnonzero(profile.pressure)
            if loaded.size >= 8:
                return profile
            half_length *= 0.4
        raise NumericalError("the grid found no contact that fits it; the web is hardly touched")

    def _find_gap(self, name: str, value: float) -> StackProfile:
        """The set gap that meets a load, a peak or an exit on the coarse grid."""
        coating = self.web.coating
        found: dict[float, StackProfile] = {}

        def excess(set_gap: float) -> float:
            nearest = found[min(found, key=lambda known: abs(known - set_gap))] if found else None
            profile = found[set_gap] = self._coarse(set_gap, nearest)
            if name == "line_load":
                return profile.grid.spacing * float(profile.pressure.sum()) - value
            if name == "peak_pressure":
                return float(np.max(profile.pressure)) - value
            return value - self.web.foil_thickness - _exit_thickness(profile)

        closing = 0.02 * coating
        while excess(coating - closing) < 0.0:
            if closing > 20.0 * coating:
                raise ClosureRangeError(f"no gap reaches pass.{name} = {value:.6g}")
            self._refuse_beyond(found[coating - closing].stack)
            closing *= 1.6
        set_gap = brentq(
            excess,
            coating - closing,
            coating - closing / 1.6 if closing > 0.021 * coating else coating - 1e-3 * coating,
            xtol=1e-4 * coating,
        )
        if set_gap not in found:
            excess(set_gap)
        return found[set_gap]

    def _fit(self, coarse: StackProfile, hold: Hold) -> tuple[StackProfile, np.ndarray]:
        """Lay a grid over the contact until it fits, with the temperature that this contact brings about."""
        profile = coarse
        for _ in range(8):
            low, high = _contact(profile)
            grid = make_grid(self.rolls, low, high, self.points)
            pressure = np.interp(grid.x[::-1], profile.x[::-1], profile.pressure[::-1], left=0.0, right=0.0)
            temperature = self._even(grid)
            profile = self._solve(grid, hold, pressure, profile.set_gap, temperature)
            profile, temperature = self._warm(profile, hold, temperature)
            loaded = np.flatnonzero(profile.pressure)
            spilled = loaded.size == 0 or loaded[0] == 0 or loaded[-1] == grid.x.size - 1
            if not spilled and loaded.size >= 0.7 * self.points:
                return profile, temperature
        raise NumericalError("the grid found no contact that fits it after 8 attempts")

    def _warm(self, profile: StackProfile, hold: Hold, temperature: np.ndarray) -> tuple[StackProfile, np.ndarray]:
        """Alternate heat and pressure: heat depends on the pressure only by thickness and length of the contact."""
        if not self.one_pass.heats:
            return profile, temperature
        for _ in range(6):
            before = temperature
            temperature = _temperatures(self.web, self.rolls, self.one_pass, profile)
            profile = self._solve(profile.grid, hold, profile.pressure, profile.set_gap, temperature)
            if np.max(np.abs(temperature - before)) < 0.02:
                break
        return profile, temperature

    def _meet_exit(
        self, profile: StackProfile, temperature: np.ndarray, value: float
    ) -> tuple[StackProfile, np.ndarray]:
        """Secant on the set gap for the thickness that leaves the nip."""
        target = value - self.web.foil_thickness
        gap, off = profile.set_gap, _exit_thickness(profile) - target
        trial = gap - off
        for _ in range(12):
            if abs(off) <= 1e-7 * self.web.free_coating:
                break
            profile = self._solve(profile.grid, hold_gap(trial), profile.pressure, trial, temperature)
            profile, temperature = self._warm(profile, hold_gap(trial), temperature)
            now = _exit_thickness(profile) - target
            slope = (now - off) / (trial - gap) if trial != gap else 1.0
            gap, off, trial = trial, now, trial - now / (slope if slope > 0.05 else 1.0)
        return profile, temperature

    def _refuse_beyond(self, stack: StackHistory) -> None:
        for index, (layer, history) in enumerate(zip(self.web.layers, stack.layers, strict=True)):
            reached = float(np.max(history.strain))
            if reached > layer.strain_limit * (1.0 + 1e-7):
                raise ClosureRangeError(
                    f"the nip presses layer {index} to strain {reached:.4g}, beyond {layer.strain_limit:.4g}, at which "
                    "its closure ends; open the gap or lower the load, or press the particle boxes further"
                )
            if np.min(history.lasting) < -1e-6:
                raise ClosureRangeError(
                    f"released, layer {index} would be thicker than it came: the unloading modulus is too low for the "
                    "pressure; check the closure"
                )


def _coordinate(web: Web) -> Coordinate:
    """The coating loaded at once, strain counted from the thickness in which it comes."""
    pasts = web.pasts or (LayerPast(),) * len(web.layers)
    highest = min(
        float(layer.closure.pressure_at(np.array(min(layer.strain_limit, layer.closure.strain_limit))))
        for layer in web.layers
    )
    pressure = 0.01 * highest * np.expm1(np.linspace(0.0, math.log(101.0), 400))
    thickness = sum(
        web.sides * layer.thickness * np.exp(-loading_strain(layer, pressure, past))
        for layer, past in zip(web.layers, pasts, strict=True)
    )
    strain = np.log(thickness[0] / thickness)
    return Coordinate(strain, pressure)


def _contact(profile: StackProfile) -> tuple[float, float]:
    """Where a grid should lie [mm]: the loaded nodes and a margin, wider where they reach the end of the old grid."""
    loaded = np.flatnonzero(profile.pressure)
    if loaded.size == 0:
        return 0.25 * float(profile.x[-1]), 0.25 * float(profile.x[0])
    spacing = profile.grid.spacing
    high, low = float(profile.x[loaded[0]]) + spacing, float(profile.x[loaded[-1]]) - spacing
    spilled = loaded[0] == 0 or loaded[-1] == profile.x.size - 1
    margin = (0.5 if spilled else 0.05) * (high - low)
    return low - margin, high + margin


def _exit_thickness(profile: StackProfile) -> float:
    """Thickness of the layers of all sides at the first node without pressure behind the contact [mm]."""
    last = int(np.flatnonzero(profile.pressure)[-1])
    return float(profile.stack.thickness[min(last + 1, profile.x.size - 1)])


def _temperatures(web: Web, rolls: Rolls, one_pass: Pass, profile: StackProfile) -> np.ndarray:
    """Temperature of every layer along the way [K], shape (n, layers)."""
    thickness, conductivity, capacity = web_cells(web)
    along = np.tile(thickness, (profile.x.size, 1))
    for index, history in enumerate(profile.stack.layers):
        along[:, index] *= np.exp(-history.strain)
    contact = rolls.conductance * (profile.pressure > 0.0)
    # the bare side of a web coated on one side lies on the other roll
    other = contact if web.sides == 1 else np.zeros_like(contact)
    start = np.full(thickness.size, one_pass.web_temperature)
    step = profile.grid.spacing / one_pass.speed
    cells = conduct(along, conductivity, capacity, contact, other, step, start, one_pass.roll_temperature)
    return cells[:, : len(web.layers)]
