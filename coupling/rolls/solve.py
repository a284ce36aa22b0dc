"""`bend_rolls`: rolls that bend, with a crown and a temperature as given or as designed; results in SI."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kalander.continuum.closure.contract import ClosureRangeError
from kalander.continuum.nip.setting import Pass
from kalander.continuum.number_range import within_numbers
from kalander.continuum.rolling import roll
from kalander.continuum.rolls.crown import crown_radius, ideal_crown, refuse_thick, shape_columns
from kalander.continuum.rolls.design import Columns, Situation, best
from kalander.continuum.rolls.fit import fit_thickness
from kalander.continuum.rolls.law import LoadLaw, at_temperature
from kalander.continuum.rolls.thermal import centre_hot
from kalander.continuum.rolls.width import Bent, Control, Face, Machine, bend, load_evenly
from kalander.coupling.display import axes_or_new, html_table
from kalander.coupling.rolls.case import RollsCase
from kalander.coupling.rolls.profiles import read_profile
from kalander.coupling.rolls.setup import Setup
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.asked import asked
from kalander.kernels.errors import InputError, NumericalError

__all__ = ["BentRolls", "bend_rolls"]

HEADROOM = 2.5  # of the mean line load, up to which a table goes at first
EVEN_ENOUGH = 0.02  # spread of the load by which the window is told
CHANGE = 5e-3  # of the load, and in K, over which sensitivities are taken


@dataclass(frozen=True, eq=False)
class BentRolls:
    """Rolls that bend, SI. Arrays across the face, shape (n,): y from its middle; line_load; gap of the loaded rolls
    before they flatten, and loaded_gap after; porosity, springback and thickness of the web behind the nip;
    deflection of one roll against its bearings; crown (diametral, 0 at the ends of the face); temperature over the
    roll's; thermal_growth (diametral).

    ideal_crown: height of the one that would carry this mean load evenly. crown_radius: of curvature along the roll.
    load_spread: (max - min) / mean over what is coated. bending, shear: of one roll's middle against the ends of its
    face; on backup rolls all of it is told as bending. per_percent_load, per_kelvin: change of the load at the
    coating's edges less that in its middle, over the mean, for one per cent more load and for one kelvin more in the
    middle (a parabola). load_window, kelvin_window: within which the spread stays below 0.02; None where it is more
    already. zone_temperatures [K] as designed or set, zone_powers [W] of heaters (below 0 of coolers) that hold
    them where the roll's losses are given. nips: computed for the table. fit: crown_error, tilt, offset,
    crown_error_sd, tilt_sd, rms of a measured profile.
    """

    y: np.ndarray
    line_load: np.ndarray
    gap: np.ndarray
    loaded_gap: np.ndarray
    porosity: np.ndarray
    springback: np.ndarray
    thickness: np.ndarray
    peak_pressure: np.ndarray
    deflection: np.ndarray
    crown: np.ndarray
    temperature: np.ndarray
    thermal_growth: np.ndarray
    coated: np.ndarray
    mean_line_load: float
    bearing_force: float
    set_gap: float
    crown_diametral: float
    ideal_crown: float
    crown_radius: float
    load_spread: float
    bending: float
    shear: float
    per_percent_load: float
    per_kelvin: float
    load_window: tuple[float, float] | None
    kelvin_window: tuple[float, float] | None
    zone_temperatures: np.ndarray | None
    zone_powers: np.ndarray | None
    nips: int
    iterations: int
    fit: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()

    def to_dataframe(self) -> Any:
        """Everything across the face. Needs pandas."""
        import pandas

        names = ("y", "line_load", "gap", "porosity", "thickness", "deflection", "crown", "temperature")
        return pandas.DataFrame({name: getattr(self, name) for name in names})

    def plot(self, axes: Any = None) -> Any:
        """Line load across the face on matplotlib axes; returns the axes."""
        axes = axes_or_new(axes)
        load = np.where(self.coated > 0.0, self.line_load, np.nan)
        axes.plot(in_unit(self.y, "mm"), in_unit(load, "N/mm"), label=f"spread {100.0 * self.load_spread:.3g} %")
        axes.set(xlabel="distance from the middle of the face (mm)", ylabel="line load (N/mm)")
        return axes

    def _repr_html_(self) -> str:
        rows = [
            ("mean line load", f"{in_unit(self.mean_line_load, 'N/mm'):.4g} N/mm"),
            ("spread of the load", f"{100.0 * self.load_spread:.3g} %"),
            ("diametral crown", f"{in_unit(self.crown_diametral, 'um'):.2f} µm"),
            ("bending and shear", f"{in_unit(self.bending, 'um'):.2f} and {in_unit(self.shear, 'um'):.2f} µm"),
        ]
        return html_table("Bent rolls", ("quantity", "value"), rows)


@asked(case="RollsCase|mapping")
def bend_rolls(case: RollsCase | Mapping[str, Any]) -> BentRolls:
    """Bend the rolls of a case, or of its tables as a dictionary; quantities in SI or texts with units.

    Raises InputError; ClosureRangeError where the coating is pressed beyond what its closure knows; NumericalError.
    """
    given = case if isinstance(case, RollsCase) else RollsCase(**case)
    setup = Setup.of(given)
    with within_numbers():
        highest = HEADROOM * _highest_local(setup)
        for _ in range(6):
            machine = _machine(setup, highest)
            found = _Solved.of(setup, machine)
            most = float(np.nanmax(found.bent.slice_load))
            if most <= machine.law.highest * (1.0 + 1e-9) or given.load.distribution == "uniform":
                return found.in_si()
            if machine.law.highest < 0.99 * highest:
                break
            highest = 1.3 * most
    raise ClosureRangeError(
        f"somewhere across the width the web would carry {most:.5g} N/mm, and {machine.law.highest:.5g} N/mm is all "
        "that its closure and these rolls know: even the load by a crown, lower it, or press the particle boxes further"
    )


def _highest_local(setup: Setup) -> float:
    """The largest line load [N/mm] of coated slices that is asked for; of a gap, of rigid rolls there at most."""
    load, crown = setup.case.load, setup.case.crown
    asked = [one for one in (load.line_load, crown.design_line_load, *crown.also_line_loads) if one is not None]
    if load.bearing_force is not None:
        asked.append(2.0 * load.bearing_force / setup.case.roll.face)
    local = [in_unit(one, "N/mm") * setup.face.length / setup.face.coated_length for one in asked]
    if load.centre_gap is not None:
        (nip,) = roll(
            at_temperature(setup.web, setup.case.temperature.roll), setup.nip_rolls,
            [Pass(gap=in_unit(load.centre_gap, "mm"))],
        )  # fmt: skip
        local.append(nip.line_load)
    return max(local)


def _machine(setup: Setup, highest: float) -> Machine:
    law = LoadLaw.of(setup.web, setup.nip_rolls, highest, setup.temperatures)
    mean = _highest_local(setup) * setup.face.coated_length / setup.face.length if setup.backup else 0.0
    return Machine.of(setup.roll, law, setup.face.y, backup=setup.backup, line_load=mean)


@dataclass(frozen=True, eq=False)
class _Solved:
    """A case solved, in mm, N, MPa, K."""

    setup: Setup
    machine: Machine
    control: Control
    crown: np.ndarray
    warmth: np.ndarray
    zone_temperatures: np.ndarray | None
    bent: Bent

    @classmethod
    def of(cls, setup: Setup, machine: Machine) -> "_Solved":
        control = _control(setup)
        crown = _crown(setup, machine)
        face = setup.face.opened(-crown)
        warmth = setup.warmth
        temperatures = None if setup.zones is None else setup.zone_temperatures
        if setup.case.temperature.design:
            found = best(machine, [Situation(face, control)], setup.zone_columns, least=setup.case.crown.least)
            assert setup.zones is not None  # a design has zones
            temperatures = found.coefficients
            warmth = setup.zones @ temperatures
        bent = _bend(setup, machine, setup.warmed(face, warmth), control)
        return cls(setup, machine, control, crown, warmth, temperatures, bent)

    def again(self, *, load: float = 1.0, kelvin: float = 0.0) -> Bent:
        """With another share of the load, and warmer in the middle [K]."""
        mean = load * self.bent.line_load
        warmth = self.warmth + centre_hot(self.setup.face.y, kelvin)
        face = self.setup.warmed(self.setup.face.opened(-self.crown), warmth)
        return _bend(self.setup, self.machine, face, Control(line_load=mean))

    def in_si(self) -> BentRolls:
        """The answer."""
        bent, law = self.bent, self.machine.law
        ends = self.crown[self.crown.size // 2] - 0.5 * (self.crown[0] + self.crown[-1])
        read = law.read_at(bent.gap, bent.face.excess, bent.face.temperature)
        middle = bent.face.y.size // 2
        mm: dict[str, Any] = {
            "y": bent.face.y, "gap": bent.gap, "loaded_gap": read["loaded_gap"], "thickness": read["exit_thickness"],
            "deflection": bent.deflection, "crown": self.crown, "thermal_growth": self.setup.grows * self.warmth,
            "set_gap": bent.set_gap, "crown_diametral": float(ends), "ideal_crown": self._ideal(),
            "crown_radius": crown_radius(bent.face.length, float(ends)),
            "bending": float(bent.bending[middle] - 0.5 * (bent.bending[0] + bent.bending[-1])),
            "shear": float(bent.shear[middle] - 0.5 * (bent.shear[0] + bent.shear[-1])),
        }  # fmt: skip
        per_load = self.again(load=1.0 + CHANGE).edge_over_centre - self.again(load=1.0 - CHANGE).edge_over_centre
        per_kelvin = self.again(kelvin=CHANGE).edge_over_centre - self.again(kelvin=-CHANGE).edge_over_centre
        window = self._window()
        return BentRolls(
            **{name: in_si(value, "mm") for name, value in mm.items()},
            line_load=in_si(bent.load, "N/mm"),
            porosity=read["porosity_exit"],
            springback=read["springback"],
            peak_pressure=in_si(np.where(bent.face.coated > 0.0, read["peak_pressure"], 0.0), "MPa"),
            temperature=self.warmth,
            coated=bent.face.coated,
            mean_line_load=in_si(bent.line_load, "N/mm"),
            bearing_force=0.5 * bent.line_load * bent.face.length,
            load_spread=bent.load_spread,
            per_percent_load=per_load * 0.01 / (2.0 * CHANGE),
            per_kelvin=per_kelvin / (2.0 * CHANGE),
            load_window=None if window is None else window[0],
            kelvin_window=None if window is None else window[1],
            zone_temperatures=self.zone_temperatures,
            zone_powers=self._powers(),
            nips=sum(table.load.x.size for table in law.tables),
            iterations=bent.iterations,
            fit=self._fit(),
            notes=self.setup.case.warnings,
        )

    def _powers(self) -> np.ndarray | None:
        per_kelvin = self.setup.zone_power
        return None if per_kelvin is None or self.zone_temperatures is None else per_kelvin * self.zone_temperatures

    def _fit(self) -> dict[str, float] | None:
        """Of the measured profile [m], beside what the case says of the rolls."""
        given = self.setup.case.measured
        if given is None:
            return None
        y, thickness = (in_unit(one, "mm") for one in read_profile(given.file, "thickness_m", "measured.file"))
        found = fit_thickness(self.machine, self.bent.face, Control(line_load=self.bent.line_load), y, thickness)
        names = ("crown_error", "tilt", "offset", "crown_error_sd", "tilt_sd", "rms")
        return {name: in_si(getattr(found, name), "mm") for name in names}

    def _ideal(self) -> float:
        """Height [mm] of the crown that would carry this load evenly; nan where no roll can be crowned so."""
        try:
            return float(ideal_crown(self.machine, self.setup.narrow(None), self.bent.line_load).max())
        except InputError:
            return math.nan

    def _window(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Line loads [N/m] and kelvins within which the load stays even; None where it is not even as it is."""
        if self.bent.load_spread >= EVEN_ENOUGH or self.setup.case.load.distribution == "uniform":
            return None
        mean = in_si(self.bent.line_load, "N/mm")
        low, high = (self._reach(sign, load=True) for sign in (-1.0, 1.0))
        return (mean * (1.0 - low), mean * (1.0 + high)), (-self._reach(-1.0), self._reach(1.0))

    def _reach(self, sign: float, *, load: bool = False) -> float:
        """How far the load (in shares) or the middle's temperature [K] may move one way: up to 0.9, or 20 K."""
        low, high = 0.0, 0.9 if load else 20.0

        def uneven(change: float) -> bool:
            try:
                bent = self.again(load=1.0 + sign * change) if load else self.again(kelvin=sign * change)
            except NumericalError:
                return True
            return bent.load_spread > EVEN_ENOUGH

        if not uneven(high):
            return high
        for _ in range(14):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if uneven(middle) else (middle, high)
        return low


def _control(setup: Setup) -> Control:
    load = setup.case.load
    if load.centre_gap is not None:
        return Control(centre_gap=in_unit(load.centre_gap, "mm"))
    mean = 2.0 * load.bearing_force / setup.case.roll.face if load.bearing_force is not None else load.line_load
    assert mean is not None  # a case has just one of the three
    return Control(line_load=in_unit(mean, "N/mm"))


def _bend(setup: Setup, machine: Machine, face: Face, control: Control) -> Bent:
    if setup.case.load.distribution == "coating":
        return bend(machine, face, control)
    if control.line_load is not None:
        return load_evenly(machine, face, control.line_load)
    local = float(machine.law.load_at(np.array(control.centre_gap), 0.0, setup.case.temperature.roll)[0])
    return load_evenly(machine, face, local * face.coated_length / face.length)


def _crown(setup: Setup, machine: Machine) -> np.ndarray:
    """The crown of a case [mm], shape (n,)."""
    given = setup.case.crown
    if given.given is not None:
        return setup.given_crown()
    if given.shape == "none":
        return np.zeros(setup.face.y.size)
    if given.shape != "ideal" and given.diametral is not None:
        return shape_columns(given.shape, setup.face.y)[:, 0] * in_unit(given.diametral, "mm")
    design = _design_load(setup, machine)
    if given.shape == "ideal":
        crown = ideal_crown(machine, setup.narrow(None), design)
        height = crown[crown.size // 2]
        return crown if given.diametral is None else crown / height * in_unit(given.diametral, "mm")
    # a height for each load and width, of which the even load is the middle of what is to be compromised
    loads = [design, *(in_unit(one, "N/mm") for one in given.also_line_loads)]
    widths = [None, *(in_unit(one, "mm") for one in given.also_widths)]
    situations = [Situation(setup.narrow(width), Control(line_load=load)) for load in loads for width in widths]
    columns = Columns.of_crown(shape_columns(given.shape, setup.face.y))
    crown = columns.closing @ best(machine, situations, columns, least=given.least).coefficients
    refuse_thick(setup.roll.diameter, crown)
    return crown


def _design_load(setup: Setup, machine: Machine) -> float:
    """[N/mm]: as given, else the load of the case."""
    given, control = setup.case.crown.design_line_load, _control(setup)
    if given is not None:
        return in_unit(given, "N/mm")
    if control.line_load is not None:
        return control.line_load
    local = float(machine.law.load_at(np.array(control.centre_gap), 0.0, setup.case.temperature.roll)[0])
    return local * setup.face.coated_length / setup.face.length
