"""The case file of `kalander control CASE.toml`: layers under one pressure, and what is wanted of them, in SI."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import field_validator, model_validator

from kalander.coupling.cards.config import Section, parse_model
from kalander.coupling.cards.fields import Count, Quantity, Real, Text, wrong
from kalander.coupling.cases.written import written_case
from kalander.kernels.errors import Fault

__all__ = ["ControlCase", "ControlLayer", "ControlProblem", "Machine", "instant_fault", "load_control_case"]

Time = Annotated[float, Quantity("time", above=0)]
MOST_RELAXATIONS = {True: 10_000, False: 100}  # in a horizon, of linear layers and of others


class ControlLayer(Section):
    """A layer, SI: share of the thickness, relaxation time, and one of three equilibria.

    Linear: compliance. Saturating: max_densification and pressure_scale. closure: the file of a study, whose loading
    curve is the equilibrium (densification is the share of thickness lost, 1 - h / h_initial). Beside a closure,
    relaxation_time may be left out: it is then that of the binder of the study's card, at the layer's temperature.
    """

    weight: Annotated[float, Real(above=0, at_most=1000)]
    relaxation_time: Annotated[float | None, Quantity("time", above=0, absent="none")] = None
    temperature: Annotated[float | None, Quantity("temperature", above=0, at_most=1000, absent="none")] = None
    compliance: Annotated[float | None, Quantity("compliance", above=0, absent="none")] = None
    max_densification: Annotated[float | None, Real(above=0, below=1, percent=True, absent="none")] = None
    pressure_scale: Annotated[float | None, Quantity("pressure", above=0, at_most=1e13, absent="none")] = None
    closure: Annotated[str | None, Text()] = None

    @model_validator(mode="after")
    def one_equilibrium(self) -> Self:
        saturating = self.max_densification is not None or self.pressure_scale is not None
        given = [self.compliance is not None, saturating, self.closure is not None]
        allowed = "compliance, or max_densification with pressure_scale, or closure"
        if sum(given) != 1:
            why = "has several equilibria" if sum(given) else "has no equilibrium"
            raise wrong(why, allowed=allowed, value=sum(given))
        if saturating and (self.max_densification is None or self.pressure_scale is None):
            raise wrong("has half of a saturating equilibrium", allowed=allowed, value="one of two")
        if self.closure is None and self.relaxation_time is None:
            why = "is needed where no closure of a study says it"
            raise wrong(why, allowed="a time above 0 s", key=".relaxation_time", value="(nothing)")
        if self.closure is None and self.temperature is not None:
            why = "changes the constants of a study alone"
            raise wrong(why, allowed="beside closure", key=".temperature", value=self.temperature)
        return self


class ControlProblem(Section):
    """What is wanted, SI: J = w/2 Σ m_i (e_i(T) - ē)² + ∫ (r/2 p² + ρ/2 p'²) dt at the mean ē."""

    horizon: Time
    mean_densification: Annotated[float, Real(at_least=1e-4, below=1, percent=True)]
    gradient_weight: Annotated[float, Real(at_least=0, at_most=1e9)]
    effort_weight: Annotated[float, Quantity("effort_weight", above=0)]
    rate_weight: Annotated[float, Quantity("rate_weight", at_least=0)] = 0.0
    max_pressure: Annotated[float | None, Quantity("pressure", above=0, at_most=1e13, absent="none")] = None
    max_rate: Annotated[float | None, Quantity("pressure_rate", above=0, absent="none")] = None


class Machine(Section):
    """What a calender can do: passes of one contact time each, with rests between them, within the horizon."""

    passes: Annotated[int, Count(at_least=1, at_most=3)] = 2
    contact_time: Time
    rest: Annotated[float, Quantity("time", at_least=0)] = 0.0


def instant_fault(relaxation_time: float, horizon: float, linear: bool, where: str) -> Fault | None:
    """What is wrong with a relaxation time [s] over a horizon [s]: a layer in equilibrium at once makes it stiff."""
    most = MOST_RELAXATIONS[linear]
    least = horizon / most
    if relaxation_time >= least:
        return None
    why = f"is below 1/{most} of the horizon: the layer follows the pressure at once"
    return Fault(where, relaxation_time, why, f"at least {least:.4g} s")


class ControlCase(Section):
    """Layers, problem, and perhaps a machine to compare with."""

    layer: tuple[ControlLayer, ...]
    problem: ControlProblem
    machine: Machine | None = None

    @field_validator("layer", mode="after")
    @classmethod
    def some_layers(cls, value: tuple[ControlLayer, ...]) -> tuple[ControlLayer, ...]:
        if not 1 <= len(value) <= 20:
            why = "layers are too many" if value else "layers leave nothing to press"
            raise wrong(why, allowed="1 to 20 of [[layer]]", value=len(value))
        return value

    @model_validator(mode="after")
    def layers_are_seen_within_the_horizon(self) -> Self:
        linear = all(layer.compliance is not None for layer in self.layer)
        for index, layer in enumerate(self.layer):
            if layer.relaxation_time is not None:
                key, horizon = f"layer[{index}].relaxation_time", self.problem.horizon
                fault = instant_fault(layer.relaxation_time, horizon, linear, key)
                if fault is not None:
                    raise wrong(fault.why, allowed=fault.allowed, key=fault.where, value=fault.value)
        return self

    @model_validator(mode="after")
    def passes_fit(self) -> Self:
        if self.machine is not None:
            needed = self.machine.passes * self.machine.contact_time + (self.machine.passes - 1) * self.machine.rest
            if needed > self.problem.horizon:
                allowed = f"at most {self.problem.horizon:.4g} s for all passes and rests"
                raise wrong("is longer than the horizon", allowed=allowed, key="machine.contact_time", value=needed)
        return self


def load_control_case(path: str | Path, *, overrides: Mapping[str, str] | None = None) -> ControlCase:
    """Read a case. Raises InputError with every fault of the file. A relative closure is looked for beside it."""
    document, place = written_case(path, overrides)
    case = parse_model(ControlCase, document, place, {})
    folder = Path(path).parent
    layers = tuple(
        one if one.closure is None else one.model_copy(update={"closure": str(folder / one.closure)})
        for one in case.layer
    )
    return case.model_copy(update={"layer": layers})
