"""What cells with the coatings of a study deliver at several rates, with the scatter over its packings. SI.

Every packing is discharged as a cell of its own, so that correlations between porosity, tortuosity and conductivity
are in the scatter. Equations, limits, sources: twin/cell/README.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.results.study import Study
from kalander.kernels.errors import Fault, InputError
from kalander.twin.cell.discharge import CellModel, Discharge
from kalander.twin.cell.parameters import KNOWN_SETS, Design, KnownSet, cell_parameters, design_of
from kalander.twin.cell.spread import gain, spread
from kalander.twin.cell.state import ElectrodeState, anode_state, electrode_states

__all__ = ["RATES", "CellPerformance", "StateCells", "cell", "undischarged"]

RATES = (0.1, 0.5, 1.0, 2.0, 3.0)
RATE_RANGE = (0.01, 20.0)
BLOCKED = "no ions or no electrons go through the coating"

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class StateCells:
    """The cells of one pressed state: electrodes and their discharges, shape (packing, rate); None delivers nothing."""

    electrodes: tuple[ElectrodeState, ...]
    discharges: tuple[tuple[Discharge | None, ...], ...]
    plating: tuple[tuple[float | None, ...], ...] = ()  # margin [V], shape (packing, rate of charge)

    @property
    def stress(self) -> float:
        return self.electrodes[0].stress

    def electrode(self, name: str) -> np.ndarray:
        """A number of each packing by its name, shape (packing,)."""
        return np.array([getattr(one, name) for one in self.electrodes], float)

    def delivered(self, name: str, rate: int) -> np.ndarray:
        """capacity [A s/m²], energy [J/m²] (0 where nothing is delivered) or mean_voltage [V] (then NaN), a packing."""
        nothing = np.nan if name == "mean_voltage" else 0.0
        return np.array([nothing if one[rate] is None else getattr(one[rate], name) for one in self.discharges])

    def resistance(self, slow: int, fast: int, charge: float) -> np.ndarray:
        """Voltage lost from one rate to another over their currents, after a charge [A s/m²]: [ohm m²], a packing."""
        found = []
        for one in self.discharges:
            low, high = one[slow], one[fast]
            if low is None or high is None or slow == fast:
                found.append(np.nan)
                continue
            lost = low.voltage_at(charge) - high.voltage_at(charge)
            found.append(lost / (high.current - low.current))
        return np.array(found)


@dataclass(frozen=True, eq=False)
class CellPerformance:
    """Cells of every pressed state of a study against one known anode. `answer()` is the JSON of `kalander cell`."""

    folder: Path
    known: KnownSet
    design: Design
    model: str
    electrolyte: str
    version: str
    rates: tuple[float, ...]
    states: tuple[StateCells, ...]
    crack_loss: float
    charge_rates: tuple[float, ...] = ()

    def answer(self) -> dict[str, Any]:
        """Rows of states in SI with the unit in each key, means with `_sd` and 95 % interval over the packings."""
        design, known = self.design, self.known
        rows = [self._row(state) for state in self.states]
        return {
            "study": str(self.folder),
            "parameter_set": {"name": known.name, "what": KNOWN_SETS[known.name]},
            "electrolyte": self.electrolyte,
            "model": self.model,
            "pybamm_version": self.version,
            "crack_loss": self.crack_loss,
            "lower_voltage_V": known.lower_voltage,
            "upper_voltage_V": known.upper_voltage,
            "nominal_capacity_A_s_per_m2": design.nominal_capacity,
            "current_of_1C_A_per_m2": design.one_hour_current,
            "anode_thickness_m": design.anode_thickness,
            "separator_thickness_m": design.separator,
            "foils_m": design.foils,
            "rates_per_hour": list(self.rates),
            "states": rows,
            "trade_off": [self._best(rate) for rate in range(len(self.rates))],
            "equal_loading": self._gains(),
            "anode": "of the parameter set" if design.anode is None else asdict(design.anode),
            "notes": self._notes(),
        }

    def energy_density(self, state: StateCells, rate: int) -> np.ndarray:
        """Energy over the volume of the repeating unit [J/m³], a packing."""
        stack = np.array([self.design.stack(one.thickness) for one in state.electrodes])
        return state.delivered("energy", rate) / stack

    @property
    def resistance_rates(self) -> tuple[int, int]:
        """Places of the slowest rate and of that nearest to 1C."""
        rates = np.array(self.rates)
        return int(rates.argmin()), int(np.abs(np.log(rates)).argmin())

    def _row(self, state: StateCells) -> dict[str, Any]:
        slow, fast = self.resistance_rates
        stack = np.array([self.design.stack(one.thickness) for one in state.electrodes])
        row: dict[str, Any] = {"stress_Pa": state.stress, "replicas": len(state.electrodes)}
        for key, name in ELECTRODE.items():
            row |= spread(key, state.electrode(name))
        row |= spread("stack_thickness", stack, "_m")
        row |= spread("resistance", state.resistance(slow, fast, self.design.nominal_capacity / 2), "_ohm_m2")
        row["discharges"] = [self._discharged(state, place) for place in range(len(self.rates))]
        if self.charge_rates:
            row["charges"] = [self._charged(state, place) for place in range(len(self.charge_rates))]
        row["blocked"] = sum(not one.conducts for one in state.electrodes)
        return row

    def _discharged(self, state: StateCells, rate: int) -> dict[str, Any]:
        capacity = state.delivered("capacity", rate)
        return {
            "rate_per_hour": self.rates[rate],
            **spread("capacity", capacity, "_A_s_per_m2"),
            **spread("delivered_share", capacity / self.design.nominal_capacity),
            **spread("energy", state.delivered("energy", rate), "_J_per_m2"),
            **spread("energy_density", self.energy_density(state, rate), "_J_per_m3"),
            **spread("mean_voltage", state.delivered("mean_voltage", rate), "_V"),
        }

    def _charged(self, state: StateCells, rate: int) -> dict[str, Any]:
        found = np.array([np.nan if one[rate] is None else one[rate] for one in state.plating], float)
        return {"rate_per_hour": self.charge_rates[rate], **spread("plating_margin", found, "_V")}

    def _gains(self) -> list[dict[str, Any]]:
        """Of each state over the first: energy at the slowest rate, capacity at the fastest, at equal loading."""
        if not self.rates or len({len(state.electrodes) for state in self.states}) > 1:
            return []
        slow, fast, first = int(np.argmin(self.rates)), int(np.argmax(self.rates)), self.states[0]
        return [
            {
                "stress_Pa": state.stress,
                **spread("porosity", state.electrode("porosity")),
                "slow_rate_per_hour": self.rates[slow],
                **gain("energy_density_gain", self.energy_density(state, slow), self.energy_density(first, slow)),
                "fast_rate_per_hour": self.rates[fast],
                **gain("capacity_gain", state.delivered("capacity", fast), first.delivered("capacity", fast)),
            }
            for state in self.states
        ]

    def _best(self, rate: int) -> dict[str, Any]:
        """The state with the most energy over volume at a rate, and how it stands to the least pressed one."""
        densities = [self.energy_density(state, rate) for state in self.states]
        best = int(np.argmax([one.mean() for one in densities]))
        first = densities[0].mean()
        return {
            "rate_per_hour": self.rates[rate],
            "most_energy_density_at_stress_Pa": self.states[best].stress,
            "energy_density_over_the_first": float(densities[best].mean() / first) if first > 0 else None,
        }

    def _notes(self) -> list[str]:
        found = []
        for state in self.states:
            blocked = sum(not one.conducts for one in state.electrodes)
            if blocked:
                found.append(f"at {state.stress:.4g} Pa {blocked} of {len(state.electrodes)} packings: {BLOCKED}")
        if any(len(state.electrodes) == 1 for state in self.states):
            found.append("a state with one packing has no scatter")
        return found


# key of the answer -> number of an electrode
ELECTRODE = {
    "thickness_m": "thickness",
    "porosity": "porosity",
    "active_fraction": "active",
    "lost_fraction": "lost",
    "additive_fraction": "additive",
    "binder_fraction": "binder",
    "effective_ratio": "effective_ratio",
    "tortuosity": "tortuosity",
    "sigma_S_per_m": "sigma",
    "particle_radius_m": "particle_radius",
    "cracked_fraction": "cracked",
}


def cell(
    study: Study | Path | str,
    *,
    rates: Sequence[float] = RATES,
    charge_rates: Sequence[float] = (),
    parameter_set: str = "Mohtat2020",
    model: str = "DFN",
    electrolyte: str = "Nyman2008",
    crack_loss: float = 0.0,
    anode: Study | Path | str | None = None,
    anode_stress: float | None = None,
    on_progress: Progress = lambda _: None,
) -> CellPerformance:
    """Discharge a cell with every coating of a finished study as its cathode, at rates [1/h], from full.

    charge_rates [1/h]: of charges from empty, for the margin to plating of lithium. parameter_set: of PyBaMM, for the
    rest of the cell; model: "DFN" or "SPMe"; electrolyte: "Nyman2008" or "own", that of the set; crack_loss: share of
    the cracked volume that is lost. anode: a study of an anode, whose structure at anode_stress [Pa] (None: its
    largest) the anode has. Needs the extra `cell`. Raises InputError: no such choice, a study not finished, PyBaMM not
    installed.
    """
    rates, charges = (tuple(float(rate) for rate in given) for given in (rates, charge_rates))
    for rate in (*rates, *charges):
        if not RATE_RANGE[0] <= rate <= RATE_RANGE[1]:
            allowed = f"{RATE_RANGE[0]:g} to {RATE_RANGE[1]:g} per hour"
            raise InputError(Fault("rate", rate, "is no rate of a discharge", allowed))
    if not rates:
        raise InputError(Fault("rate", "", "is missing", "at least one, per hour"))
    made, solver = undischarged(
        study, parameter_set=parameter_set, model=model, electrolyte=electrolyte, crack_loss=crack_loss, anode=anode,
        anode_stress=anode_stress,
    )  # fmt: skip
    states = []
    for state in made.states:
        found, margins = [], []
        for one in state.electrodes:
            on_progress(f"stress {one.stress:.4g} Pa, packing {one.replica + 1} of {len(state.electrodes)}")
            found.append(_discharges(solver, one, made.design, rates))
            margins.append(_margins(solver, one, made.design, charges))
        states.append(StateCells(state.electrodes, tuple(found), tuple(margins)))
    return replace(made, rates=rates, states=tuple(states), charge_rates=charges)


def undischarged(
    study: Study | Path | str,
    *,
    parameter_set: str = "Mohtat2020",
    model: str = "DFN",
    electrolyte: str = "Nyman2008",
    crack_loss: float = 0.0,
    anode: Study | Path | str | None = None,
    anode_stress: float | None = None,
) -> tuple[CellPerformance, CellModel]:
    """Cells of every state of a study before any discharge, and what discharges them; options and errors as `cell`."""
    opened = study if isinstance(study, Study) else Study.open(study)
    electrodes = electrode_states(opened, crack_loss=crack_loss)
    own = None if anode is None else anode_state(anode, anode_stress)
    solver = CellModel(parameter_set, model, electrolyte)
    design = design_of(opened.card.electrode, solver.known, own)
    states = []
    for stress in dict.fromkeys(one.stress for one in electrodes):
        members = tuple(one for one in electrodes if one.stress == stress)
        states.append(StateCells(members, tuple(() for _ in members)))
    made = CellPerformance(
        opened.folder, solver.known, design, model, electrolyte, solver.version, (), tuple(states), crack_loss
    )  # fmt: skip
    return made, solver


def _discharges(
    solver: CellModel, electrode: ElectrodeState, design: Design, rates: tuple[float, ...]
) -> tuple[Discharge | None, ...]:
    """One packing at all rates; a coating that lets nothing through delivers nothing."""
    if not electrode.conducts:
        return tuple(None for _ in rates)
    return tuple(solver.discharges(cell_parameters(electrode, design, solver.known), rates))


def _margins(
    solver: CellModel, electrode: ElectrodeState, design: Design, rates: tuple[float, ...]
) -> tuple[float | None, ...]:
    """Margin to plating of one packing at all rates of charge."""
    if not electrode.conducts:
        return tuple(None for _ in rates)
    parameters = cell_parameters(electrode, design, solver.known)
    return tuple(solver.plating_margin(parameters, rate) for rate in rates)
