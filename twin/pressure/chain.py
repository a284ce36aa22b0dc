"""The load a case needs through the full chain: the closure of a study and the nip with elastic rolls, in SI."""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT, ClosureRangeError
from kalander.continuum.closure.laws import TabulatedClosure
from kalander.coupling.homogenise.closure import CLOSURE
from kalander.coupling.nip.closure import Closure
from kalander.coupling.nip.pressure_case import PressureCase
from kalander.coupling.nip.roll import NipResult, roll
from kalander.coupling.nip.vocabulary import Layer, Pass, Web
from kalander.kernels.errors import Fault, InputError, NumericalError
from kalander.kernels.quantities import porosity, solid_share
from kalander.twin.pressure.demand import Demand, batch_parameters, coating_thickness, initial_porosity
from kalander.twin.pressure.uncertainty import Uncertain, Values

__all__ = ["FARTHEST", "Chain", "chain_of"]

STEPS = {"solids_volume_fraction": 0.002, "drying_offset": 0.002, "pressure_scale": 0.02}  # of what does not vary
SCALED = ("pressure", "pressure_sd", "unload_modulus", "unload_modulus_sd")
FARTHEST = 0.05  # of porosity: between a batch and the boxes whose pressure over strain it takes over
TARGET_STEP = 1e-3  # of porosity, in the slope by the target


@dataclass(frozen=True, eq=False)
class Chain:
    """A closure with the case whose batches it presses.

    A batch of another initial porosity keeps the pressure of the closure at each strain ln(H/h): a first-order
    assumption, held within FARTHEST.
    """

    case: PressureCase
    closure: Closure

    def batch(self, values: Values) -> Web:
        """The web of a batch: thickness and porosity by its solids, pressures by `pressure_scale`."""
        case, law = self.case, self.closure.law
        assert isinstance(law, TabulatedClosure)  # what a file holds
        assert case.coating is not None  # checked with the case
        free, scale = float(initial_porosity(case, values)), float(values["pressure_scale"])
        knots = {name: getattr(law, name) for name in CLOSURE["curve"]}
        # of a denser batch the last knots may lie beyond what a closure may hold
        held = knots["strain"] <= math.log(SOLID_FRACTION_LIMIT / solid_share(free))
        knots = {name: values[held] * (scale if name in SCALED else 1.0) for name, values in knots.items()}
        own = replace(law, porosity=free, **knots)
        layer = Layer(
            thickness=float(coating_thickness(case, case.coating, values)), porosity=free, closure=Closure(own)
        )
        return Web(layer=layer, foil=case.foil, sides=case.coating.sides)

    def rolled(self, values: Values, setting: Pass) -> NipResult:
        """A batch through the nip of the case. Raises InputError, NumericalError."""
        assert self.case.rolls is not None  # checked with the case
        return roll(self.batch(values), self.case.rolls, setting)

    def line_load(self, values: Values, released: float) -> float:
        """What a batch needs for a porosity behind the nip [N/m]; the foil rigid, whose stretch no line load feels."""
        assert self.case.rolls is not None  # checked with the case
        foil = None if self.case.foil is None else self.case.foil.thickness
        web = self.batch(values).with_values({"foil": foil})
        return roll(web, self.case.rolls, Pass(porosity=released)).line_load

    @property
    def parameters(self) -> dict[str, Uncertain]:
        """What varies: the batch, and the pressure of the closure."""
        batch = batch_parameters(self.case)
        if not self.case.drying.sd:
            del batch["drying_offset"]
        return {**batch, "pressure_scale": Uncertain(1.0, self.case.compaction.pressure_sd)}

    @property
    def nominal(self) -> dict[str, np.ndarray]:
        return {name: np.asarray(one.value) for name, one in self.parameters.items()}

    def solve(self) -> NipResult:
        """The nominal batch at the target porosity behind the nip. Raises NumericalError with the closest porosity
        where the closure ends before."""
        try:
            return self.rolled(self.nominal, Pass(porosity=self.case.target.porosity))
        except ClosureRangeError as beyond:
            raise NumericalError(
                f"a porosity of {self.case.target.porosity:g} is out of reach of the closure: it ends at "
                f"{self.least:.4g} after springback, which is the closest; press its boxes further ({beyond})"
            ) from None

    @property
    def least(self) -> float:
        """The lowest porosity after springback that the closure knows, of the nominal batch."""
        end = self.closure.strain_limit
        thickness = float(np.exp(-end + self.closure.recovery_at(np.array(end))))
        return porosity(solid_share(self.case.initial_porosity), thickness)

    def porosity_at(self, line_load: float) -> float:
        """What a line load leaves of the nominal batch."""
        return self.rolled(self.nominal, Pass(line_load=line_load)).porosity_exit

    def _steps(self) -> dict[str, float]:
        """Of the parameters: a deviation each, but none that leaves nothing to press or the closure's range."""
        steps = {name: one.sd or STEPS[name] for name, one in self.parameters.items()}
        room = min(0.3 * (self.case.initial_porosity - self.case.target.porosity), FARTHEST)
        most = {"drying_offset": room, "solids_volume_fraction": room / max(self.case.drying.a1, room)}
        return {name: min(step, most.get(name, math.inf)) for name, step in steps.items()}

    def demand(self, solved: NipResult) -> Demand:
        """ln q as a quadratic in the parameters, through the nips at one standard deviation (STEPS, where it is 0)."""
        target, nominal, parameters = self.case.target.porosity, self.nominal, self.parameters
        steps = self._steps()

        def log_load(moved: tuple[str, ...] = (), sign: float = 1.0, released: float = target) -> float:
            values = {name: nominal[name] + (sign * steps[name] if name in moved else 0.0) for name in nominal}
            return math.log(self.line_load(values, released))

        middle, names = math.log(solved.line_load), list(parameters)
        ahead = {name: log_load((name,)) for name in names}
        behind = {name: log_load((name,), -1.0) for name in names}
        slope = np.array([0.5 * (ahead[name] - behind[name]) for name in names])
        curvature = np.diag([ahead[name] + behind[name] - 2.0 * middle for name in names])
        varied = [name for name in names if parameters[name].sd > 0]
        for one, other in itertools.combinations(varied, 2):
            row, column = names.index(one), names.index(other)
            mixed = log_load((one, other)) - ahead[one] - ahead[other] + middle
            curvature[row, column] = curvature[column, row] = mixed

        def load(values: Values) -> np.ndarray:
            scores = [(values[name] - parameters[name].value) / steps[name] for name in names]
            z = np.stack(np.broadcast_arrays(*scores), axis=-1)
            return np.asarray(np.exp(middle + z @ slope + 0.5 * np.einsum("...i,ij,...j->...", z, curvature, z)))

        slopes = {name: solved.line_load * float(one) / steps[name] for name, one in zip(names, slope)}
        step = min(TARGET_STEP, 0.3 * (self.case.initial_porosity - target))
        around = [log_load(released=target + sign * step) for sign in (1.0, -1.0)]
        slopes["target_porosity"] = solved.line_load * (around[0] - around[1]) / (2.0 * step)
        beyond = [name for name in varied if steps[name] < parameters[name].sd]
        notes = tuple(
            f"the scatter of {name} is extrapolated: it reaches beyond what can be pressed" for name in beyond
        )
        return Demand(parameters, load, slopes, self.porosity_at, notes)


def chain_of(case: PressureCase) -> Chain:
    """The chain of a case. Raises CheckpointError for a bad file, InputError for the closure of another coating."""
    assert case.compaction.closure is not None
    closure = Closure.load(case.compaction.closure)
    free = case.initial_porosity
    if closure.porosity is not None and abs(closure.porosity - free) > FARTHEST:
        why = f"leaves a coating of porosity {free:.4g}, and the closure is of one of {closure.porosity:.4g}"
        allowed = f"an initial porosity within {FARTHEST:g} of it, or the closure of boxes packed to {free:.3g}"
        raise InputError(Fault("drying", free, why, allowed))
    return Chain(case, closure)
