"""Discharges of a cell by PyBaMM (extra `cell`), imported when one is asked for. SI.

Sulzer, Marquis, Timms, Robinson, Chapman, J. Open Res. Softw. 9 (2021) 14; models: Doyle, Fuller, Newman,
J. Electrochem. Soc. 140 (1993) 1526 (DFN); Marquis et al., J. Electrochem. Soc. 166 (2019) A3693 (SPMe).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from kalander.coupling.scales import in_si
from kalander.kernels.errors import Fault, InputError
from kalander.twin.cell.parameters import KNOWN_SETS, KnownSet

__all__ = ["ELECTROLYTES", "MODELS", "OWN", "CellModel", "Discharge", "pybamm_module"]

MODELS = ("DFN", "SPMe")
# electrolyte -> set of PyBaMM that holds it; Nyman, Behm, Lindbergh, Electrochim. Acta 53 (2008) 6356: LiPF6 in EC:EMC
ELECTROLYTES = {"Nyman2008": "Chen2020"}
OWN = "own"  # that of the parameter set
ELECTROLYTE = (
    "Electrolyte conductivity [S.m-1]", "Electrolyte diffusivity [m2.s-1]", "Cation transference number",
    "Thermodynamic factor", "Initial concentration in electrolyte [mol.m-3]",
)  # fmt: skip
POINTS = 400  # of a discharge curve
PATIENCE = 1.5  # times the hours that a rate should take: by then the voltage has ended it


@dataclass(frozen=True, eq=False)
class Discharge:
    """A discharge at a constant current density [A/m²], from full to the lower voltage: time [s], voltage [V]."""

    current: float
    time: np.ndarray
    voltage: np.ndarray

    @property
    def capacity(self) -> float:
        """Charge delivered [A s/m²]."""
        return float(self.current * (self.time[-1] - self.time[0]))

    @property
    def energy(self) -> float:
        """Energy delivered [J/m²]."""
        return float(self.current * np.trapezoid(self.voltage, self.time))

    @property
    def mean_voltage(self) -> float:
        """Energy over charge [V]."""
        return self.energy / self.capacity

    def voltage_at(self, charge: float) -> float:
        """Voltage after a charge [A s/m²]; NaN where it was not delivered."""
        return float(np.interp(charge, self.current * self.time, self.voltage, right=np.nan))


def pybamm_module() -> Any:
    """PyBaMM, without its reports to others. Raises InputError where it is not installed."""
    os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")
    try:
        return import_module("pybamm")
    except ImportError:
        allowed = "pip install 'kalander[cell]'"
        raise InputError(Fault("cell", "PyBaMM", "is not installed, and discharges the cell", allowed)) from None


class CellModel:
    """A model of PyBaMM with a known set of parameters, of which cells replace what a study knows."""

    def __init__(self, parameter_set: str, model: str, electrolyte: str) -> None:
        """Raises InputError: no such set, model or electrolyte, or PyBaMM is not installed."""
        if parameter_set not in KNOWN_SETS:
            raise InputError(Fault("parameter_set", parameter_set, "is unknown", ", ".join(KNOWN_SETS)))
        if model not in MODELS:
            raise InputError(Fault("model", model, "is unknown", ", ".join(MODELS)))
        if electrolyte not in (*ELECTROLYTES, OWN):
            raise InputError(Fault("electrolyte", electrolyte, "is unknown", ", ".join((*ELECTROLYTES, OWN))))
        self._pybamm = pybamm_module()
        self._set, self._model, self._electrolyte = parameter_set, model, electrolyte
        self.known = self._numbers(self._values())

    @property
    def version(self) -> str:
        """Version of PyBaMM."""
        return str(self._pybamm.__version__)

    def value(self, name: str, *arguments: Any) -> Any:
        """A number of the set by PyBaMM's name, or what its function gives for numbers or arrays."""
        found = self._values()[name]
        if callable(found) and not hasattr(found, "evaluate"):
            found = found(*arguments)
        found = found.evaluate() if hasattr(found, "evaluate") else found
        return np.ravel(found) if np.size(found) > 1 else float(np.squeeze(found))

    def _values(self) -> Any:
        values = self._pybamm.ParameterValues(self._set)
        if self._electrolyte != OWN:
            source = self._pybamm.ParameterValues(ELECTROLYTES[self._electrolyte])
            values.update({name: source[name] for name in ELECTROLYTE})
        return values

    def _numbers(self, values: Any) -> KnownSet:
        """Numbers of the set that the mapping needs; stoichiometries at its voltages by PyBaMM's balance of charge."""
        ends = self._pybamm.lithium_ion.get_min_max_stoichiometries(values)
        negative_empty, negative_full, positive_full, positive_empty = (float(value) for value in ends)
        return KnownSet(
            name=self._set,
            positive_concentration=float(values["Maximum concentration in positive electrode [mol.m-3]"]),
            positive_empty=positive_empty,
            positive_full=positive_full,
            negative_concentration=float(values["Maximum concentration in negative electrode [mol.m-3]"]),
            negative_empty=negative_empty,
            negative_full=negative_full,
            negative_active=float(values["Negative electrode active material volume fraction"]),
            negative_collector=float(values["Negative current collector thickness [m]"]),
            separator=float(values["Separator thickness [m]"]),
            lower_voltage=float(values["Lower voltage cut-off [V]"]),
            upper_voltage=float(values["Upper voltage cut-off [V]"]),
        )

    def parameter_values(self, replaced: Mapping[str, float], rate: float = 1.0) -> Any:
        """PyBaMM's own object of all parameters, with the current of a discharge at a rate [1/h]."""
        values = self._values()
        values.update({**replaced, "Current function [A]": rate * replaced["Nominal cell capacity [A.h]"]})
        return values

    def plating_margin(self, replaced: Mapping[str, float], rate: float) -> float | None:
        """Least potential of the anode over its electrolyte, at the separator, as the cell is charged from empty [V].

        Lithium may plate below 0 (Arora, Doyle, White, J. Electrochem. Soc. 146 (1999) 3543). None where the voltage is
        above its end with the first current.
        """
        values, known = self._values(), self.known
        current = rate * replaced["Nominal cell capacity [A.h]"]
        in_positive, in_negative = (f"in {side} electrode [mol.m-3]" for side in ("positive", "negative"))
        values.update({
            **replaced, "Current function [A]": -current,
            f"Initial concentration {in_positive}": known.positive_empty * known.positive_concentration,
            f"Initial concentration {in_negative}": known.negative_empty * known.negative_concentration,
        })  # fmt: skip
        simulation = self._pybamm.Simulation(getattr(self._pybamm.lithium_ion, self._model)(), parameter_values=values)
        try:
            solved = simulation.solve([0.0, PATIENCE * in_si(1.0, "h") / rate])
        except self._pybamm.SolverError as failure:
            if "non-positive" not in str(failure):
                raise
            return None
        over = solved["Negative electrode surface potential difference at separator interface [V]"]
        return float(np.min(over(np.linspace(0.0, float(solved.t[-1]), POINTS))))

    def discharges(self, replaced: Mapping[str, float], rates: tuple[float, ...]) -> list[Discharge | None]:
        """Discharge from full at each rate [1/h]; None where the voltage is below its end with the first current."""
        values = self._values()
        values.update({**replaced, "Current function [A]": "[input]"})
        model = getattr(self._pybamm.lithium_ion, self._model)()
        simulation = self._pybamm.Simulation(model, parameter_values=values)
        return [self._discharge(simulation, rate * replaced["Nominal cell capacity [A.h]"], rate) for rate in rates]

    def _discharge(self, simulation: Any, current: float, rate: float) -> Discharge | None:
        """One discharge of a cell of 1 m², so that its current is a current density."""
        longest = PATIENCE * in_si(1.0, "h") / rate
        try:
            solved = simulation.solve([0.0, longest], inputs={"Current function [A]": current})
        except self._pybamm.SolverError as failure:
            if "non-positive" not in str(failure):  # an event that has happened before the start
                raise
            return None
        end = float(solved.t[-1])
        time = np.linspace(0.0, end, POINTS)
        return Discharge(current, time, np.asarray(solved["Voltage [V]"](time), float))
