"""The chain in full for a virtual cell: the study's closure, a nip with elastic rolls, transport, the cell. SI."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT
from kalander.continuum.closure.laws import TabulatedClosure
from kalander.coupling.cards.electrode import active_volume_share, coating_thickness
from kalander.coupling.cases.vary import VaryCase
from kalander.coupling.homogenise.closure import CLOSURE
from kalander.coupling.nip.closure import Closure
from kalander.coupling.nip.roll import NipResult, roll
from kalander.coupling.nip.vocabulary import Layer, Pass, Rolls, Web
from kalander.coupling.results.study import Study
from kalander.kernels.errors import Fault, InputError, KalanderError, NumericalError
from kalander.kernels.quantities import solid_share
from kalander.twin.cell.parameters import Design, cell_parameters, design_of
from kalander.twin.cell.performance import StateCells
from kalander.twin.cell.state import ElectrodeState, electrode_states
from kalander.twin.pressure.chain import FARTHEST
from kalander.twin.variation.cells import closed_cells
from kalander.twin.variation.coating import Coatings, TransportCurves, coatings_of

__all__ = ["DELIVERED", "NIP", "SLOW", "Chain", "Nominal"]

NIP = ("porosity", "line_load", "gap", "peak_pressure")  # that the nip answers
DELIVERED = ("capacity", "resistance", "energy")  # that a cell answers
SCALED = ("pressure", "pressure_sd", "unload_modulus", "unload_modulus_sd")
SLOW = 0.1  # rate [1/h] beside the case's, between which PyBaMM's resistance is


@dataclass(frozen=True)
class Nominal:
    """The setting of the rolls: gap [m] and line load [N/m], and the porosity that the nominal coating leaves with."""

    gap: float
    line_load: float
    porosity: float


@dataclass(frozen=True, eq=False)
class Chain:
    """A finished study with a case of variation. The nip's first pass counts; both sides of a web are alike."""

    study: Study
    case: VaryCase
    nominal: Nominal = field(init=False)
    curves: TransportCurves = field(init=False)

    def __post_init__(self) -> None:
        closure, law = self.study.data("closure"), self.study.closure.law
        if closure is None or not isinstance(law, TabulatedClosure):
            raise InputError(Fault("study.closure", "(nothing)", "is not computed", "a study that is finished"))
        object.__setattr__(self, "curves", TransportCurves.of(electrode_states(self.study)))
        object.__setattr__(self, "nominal", self._solved(Web.of(self.study.card, closure)))

    def _solved(self, web: Web) -> Nominal:
        target, first = self.case.setting.porosity, Pass.of(self.study.card)
        asked = first if target is None else _only(first, "porosity", target)
        try:
            found = roll(web, self._rolls, asked)
        except KalanderError as failure:
            raise NumericalError(f"the nominal coating does not get through the nip: {failure}") from None
        if found.set_gap <= 0.0 and self.case.setting.hold == "gap":
            why = "is the set gap of the nominal coating: the rolls would touch without the web"
            raise InputError(Fault("setting.hold", found.set_gap, why, "line_load, or a higher porosity"))
        return Nominal(found.set_gap, found.line_load, found.porosity_exit)

    @cached_property
    def _rolls(self) -> Rolls:
        return Rolls.of(self.study.card)

    @cached_property
    def _web(self) -> Web:
        closure = self.study.data("closure")
        assert closure is not None  # checked as it was made
        return Web.of(self.study.card, closure)

    @property
    def density(self) -> float:
        """Of the active material [kg/m³]."""
        return self.study.card.electrode.active.density

    @cached_property
    def nominal_capacity(self) -> float:
        """Charge of the recipe's active material [A s/m²]."""
        electrode = self.study.card.electrode
        if self.by_pybamm:
            return self._design.nominal_capacity
        active = solid_share(electrode.porosity) * active_volume_share(electrode) * coating_thickness(electrode)
        return active * self.density * self.case.cell.specific_capacity

    def coatings(self, deviations: Mapping[str, np.ndarray]) -> Coatings:
        """Dry coatings with deviations (n,) by quantity. Raises InputError."""
        found = coatings_of(self.study.card.electrode, deviations, self.case.binder_exponent)
        farthest = float(np.abs(found.porosity - self.study.card.electrode.porosity).max())
        if farthest > FARTHEST:
            why = "is how far a dry coating's porosity strays from that of the boxes"
            raise InputError(Fault("tolerance", round(farthest, 4), why, f"at most {FARTHEST:g}: narrower scatter"))
        return found

    # --- full runs ------------------------------------------------------------------------------------------------

    @property
    def by_pybamm(self) -> bool:
        """Whether PyBaMM discharges the cells."""
        return self.case.cell.model != "closed"

    def run(self, deviations: Mapping[str, np.ndarray], hold: str, *, cells: bool = True) -> dict[str, np.ndarray]:
        """The nip, and of PyBaMM the discharges, of n cells one after the other; NaN where the nip has no solution.

        cells: False leaves discharges out.
        """
        coatings = self.coatings(deviations)
        discharged = cells and self.by_pybamm
        names = (*NIP, *DELIVERED) if discharged else NIP
        found = {name: np.full(len(coatings.porosity), np.nan) for name in names}
        for row in range(len(coatings.porosity)):
            own = {name: float(values[row]) for name, values in deviations.items()}
            try:
                nip = self._rolled(coatings, row, own, hold)
            except KalanderError:
                continue
            values = {
                "porosity": nip.porosity_exit, "line_load": nip.line_load, "gap": nip.set_gap,
                "peak_pressure": nip.peak_pressure,
            }  # fmt: skip
            if discharged:
                values |= self._discharged(coatings, row, nip.porosity_exit)
            for name, value in values.items():
                found[name][row] = value
        return found

    def _rolled(self, coatings: Coatings, row: int, own: Mapping[str, float], hold: str) -> NipResult:
        held = getattr(self.nominal, hold) * (1.0 + own.get(hold, 0.0))
        web = self._web_of(float(coatings.thickness[row]), float(coatings.porosity[row]),
                           float(coatings.pressure_scale[row]))  # fmt: skip
        return roll(web, self._rolls, _only(Pass.of(self.study.card), hold, held))

    def _web_of(self, thickness: float, pores: float, scale: float) -> Web:
        """The web with one coating, which keeps the closure's pressure at each strain, times a scale."""
        web, law = self._web, self.study.closure.law
        assert isinstance(law, TabulatedClosure)  # checked as it was made
        held = law.strain <= math.log(SOLID_FRACTION_LIMIT / solid_share(pores))
        knots = {name: getattr(law, name)[held] * (scale if name in SCALED else 1.0) for name in CLOSURE["curve"]}
        changed = {"thickness": thickness, "porosity": pores, "closure": Closure(replace(law, porosity=pores, **knots))}
        return web.with_values({"layer": Layer(**dict(web.layers[0]) | changed)})

    # --- the cell -------------------------------------------------------------------------------------------------

    def cells(self, coatings: Coatings, pores: np.ndarray) -> dict[str, np.ndarray]:
        """Closed forms of n cells, see `closed_cells`."""
        return closed_cells(
            coatings, pores, self.curves, self.case.cell, density=self.density, nominal_capacity=self.nominal_capacity
        )

    def stack(self, thickness: np.ndarray) -> np.ndarray:
        """Thickness of a repeating unit [m] with coatings of a thickness."""
        if self.by_pybamm:
            return self._design.stack(thickness)  # type: ignore[arg-type, return-value]
        return thickness + self.case.cell.other_thickness

    @cached_property
    def _model(self) -> Any:
        """PyBaMM's model of the cell. Raises InputError where PyBaMM is not installed."""
        from kalander.twin.cell.discharge import CellModel

        return CellModel(self.case.cell.parameter_set, self.case.cell.model, "Nyman2008")

    @cached_property
    def _design(self) -> Design:
        """The anode of the recipe, thicker by its excess."""
        balanced = design_of(self.study.card.electrode, self._model.known)
        return replace(balanced, anode_thickness=balanced.anode_thickness * self.case.cell.anode_excess)

    def _discharged(self, coatings: Coatings, row: int, pores: float) -> dict[str, float]:
        """Discharges of one cell by PyBaMM; its anode holds at most what the cathode gave it."""
        shares = coatings.fractions(np.array(pores))
        active = float(shares["active"][row])
        state = ElectrodeState(
            0.0, 0, float(coatings.pressed_thickness(np.array(pores))[row]), pores, active * self.curves.connected,
            active * (1.0 - self.curves.connected), float(shares["additive"][row]), float(shares["binder"][row]),
            float(self.curves.ratio(np.array(pores))), float(self.curves.sigma(np.array(pores))),
            float(self.curves.size * coatings.size[row]),
        )  # fmt: skip
        known, design = self._model.known, self._design
        told = cell_parameters(state, design, known)
        gave = state.active * state.thickness * known.positive_charge
        share = min(1.0, gave / (self.case.cell.anode_excess * design.nominal_capacity))
        full = known.negative_empty + (known.negative_full - known.negative_empty) * share
        told["Initial concentration in negative electrode [mol.m-3]"] = full * known.negative_concentration
        rates = (SLOW, self.case.cell.rate)
        done = StateCells((state,), (tuple(self._model.discharges(told, rates)),))
        return {
            "capacity": float(done.delivered("capacity", 1)[0]), "energy": float(done.delivered("energy", 1)[0]),
            "resistance": float(done.resistance(0, 1, design.nominal_capacity / 2)[0]),
        }  # fmt: skip


def _only(one: Pass, name: str, value: float) -> Pass:
    """The pass with another setting in place of its own."""
    settings = dict.fromkeys(("gap", "line_load", "exit_thickness", "peak_pressure", "porosity"))
    return Pass(**dict(one) | settings | {name: value})
