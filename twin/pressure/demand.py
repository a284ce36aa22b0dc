"""Which load a case needs, as a function of its uncertain parameters, with slopes; closed forms. SI."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from kalander.coupling.nip.pressure_case import CoatingSection, PressureCase
from kalander.coupling.nip.vocabulary import Rolls
from kalander.kernels.quantities import porosity, solid_share
from kalander.twin.pressure.laws import (
    heckel_porosity,
    heckel_pressure,
    heckel_slopes,
    loaded_porosity,
    meyer_load,
    meyer_porosity,
    meyer_slopes,
    parabola_line_load,
    released_porosity,
)
from kalander.twin.pressure.uncertainty import Uncertain, Values

__all__ = ["Demand", "batch_parameters", "closed_demand", "coating_thickness", "initial_porosity", "parabola_demand"]

STEP = 1e-5  # of a parameter, in central differences


@dataclass(frozen=True)
class Demand:
    """load(values): what reaches the target [N/m or Pa], parameters by name, inf where nothing does. slopes of it at
    the nominal batch by parameter, and by `target_porosity` and `initial_porosity`. porosity_at: what a load leaves
    of the nominal batch after springback [1]."""

    parameters: Mapping[str, Uncertain]
    load: Callable[[Values], np.ndarray]
    slopes: Mapping[str, float]
    porosity_at: Callable[[float], float]
    notes: tuple[str, ...] = ()

    @property
    def nominal(self) -> float:
        """The load of the nominal batch."""
        return float(self.load({name: np.asarray(one.value) for name, one in self.parameters.items()}))


def batch_parameters(case: PressureCase) -> dict[str, Uncertain]:
    """What varies from batch to batch before the nip: solids volume fraction, and drying about its line."""
    return {
        "solids_volume_fraction": Uncertain(case.slurry.solids_volume_fraction, case.slurry.sd),
        "drying_offset": Uncertain(0.0, case.drying.sd),
    }


def initial_porosity(case: PressureCase, values: Values) -> np.ndarray:
    """ε_0 = a0 − a1 φ_s + offset [1]."""
    return np.asarray(
        case.drying.a0 - case.drying.a1 * values["solids_volume_fraction"] + values.get("drying_offset", 0.0)
    )


def coating_thickness(case: PressureCase, coating: CoatingSection, values: Values) -> np.ndarray:
    """Of the dry coating [m], from a wet film as thick as the nominal batch's: its solids grow with φ_s."""
    solids = values["solids_volume_fraction"] / case.slurry.solids_volume_fraction
    kept = solid_share(case.initial_porosity)
    return np.asarray(coating.thickness * solids * kept / solid_share(initial_porosity(case, values)))


def closed_demand(case: PressureCase) -> Demand:
    """Meyer's line load [N/m], or Heckel's pressure [Pa]."""
    given, wanted = case.compaction, case.target.porosity
    back = Uncertain(given.springback, given.springback_sd)
    aim = float(loaded_porosity(wanted, given.springback))
    if given.law == "meyer":
        assert given.gamma is not None  # checked with the case
        assert given.min_porosity is not None
        own = {
            "gamma": Uncertain(given.gamma, given.gamma_sd),
            "min_porosity": Uncertain(given.min_porosity, given.min_porosity_sd),
        }
        slopes = meyer_slopes(aim, case.initial_porosity, given.gamma, given.min_porosity)
        gamma, least = given.gamma, given.min_porosity

        def load(values: Values) -> np.ndarray:
            loaded = loaded_porosity(wanted, values["springback"])
            return meyer_load(loaded, initial_porosity(case, values), values["gamma"], values["min_porosity"])

        def left(at: float) -> float:
            return float(released_porosity(meyer_porosity(at, case.initial_porosity, gamma, least), back.value))
    else:
        own = _heckel_parameters(case)
        stiffness, intercept = _heckel_law(case, {name: np.asarray(one.value) for name, one in _all(case, own).items()})
        slopes = heckel_slopes(aim, float(stiffness), float(intercept))
        if given.A is not None:
            slopes = slopes._replace(initial=0.0)

        def load(values: Values) -> np.ndarray:
            return heckel_pressure(loaded_porosity(wanted, values["springback"]), *_heckel_law(case, values))

        def left(at: float) -> float:
            return float(released_porosity(heckel_porosity(at, stiffness, intercept), back.value))

    return Demand(
        {**_all(case, own)}, load,
        {
            "target_porosity": slopes.loaded * (1.0 + given.springback),
            "initial_porosity": slopes.initial,
            "solids_volume_fraction": -case.drying.a1 * slopes.initial,
            "drying_offset": slopes.initial,
            **dict(zip(own, (slopes.first, slopes.second), strict=False)),
            "springback": -slopes.loaded * (1.0 - wanted),
        },
        left,
    )  # fmt: skip


def _all(case: PressureCase, own: Mapping[str, Uncertain]) -> dict[str, Uncertain]:
    given = case.compaction
    return {**batch_parameters(case), **own, "springback": Uncertain(given.springback, given.springback_sd)}


def _heckel_parameters(case: PressureCase) -> dict[str, Uncertain]:
    given = case.compaction
    assert given.K is not None  # checked with the case
    own = {"K": Uncertain(given.K, given.K_sd)}
    return own if given.A is None else {**own, "A": Uncertain(given.A, given.A_sd)}


def _heckel_law(case: PressureCase, values: Values) -> tuple[np.ndarray, np.ndarray]:
    """K and A; A of a coating that was not measured makes the law begin at its initial porosity."""
    intercept = values["A"] if "A" in values else -np.log(initial_porosity(case, values))
    return values["K"], intercept


def parabola_demand(case: PressureCase, coating: CoatingSection, rolls: Rolls) -> Demand:
    """Line load [N/m] of rigid rolls whose narrowest place has Heckel's pressure; slopes by central differences."""
    parameters = _all(case, _heckel_parameters(case))

    def load_at(values: Values, released: float) -> np.ndarray:
        stiffness, intercept = _heckel_law(case, values)
        loaded = loaded_porosity(released, values["springback"])
        free = coating_thickness(case, coating, values)
        height = free * solid_share(initial_porosity(case, values))  # of the solids

        def pressure(thickness: np.ndarray) -> np.ndarray:
            pores = porosity(np.asarray(height)[..., None], thickness)
            return heckel_pressure(pores, np.asarray(stiffness)[..., None], np.asarray(intercept)[..., None])

        reached = loaded > 0.0
        least = np.minimum(height / solid_share(np.where(reached, loaded, 0.5)), free)
        pressed = parabola_line_load(pressure, free, least, rolls.diameter / 2, coating.sides)
        return np.where(reached, pressed, np.inf)

    nominal = {name: np.asarray(one.value) for name, one in parameters.items()}
    wanted = case.target.porosity

    def left(at: float) -> float:
        low, high = 1e-6 + case.least_porosity, case.free_porosity
        for _ in range(60):  # the load falls as the porosity left grows
            middle = 0.5 * (low + high)
            low, high = (middle, high) if load_at(nominal, middle) > at else (low, middle)
        return 0.5 * (low + high)

    slopes = {}
    for name, one in parameters.items():
        step = STEP * (abs(one.value) or 1.0)
        up, down = ({**nominal, name: nominal[name] + sign * step} for sign in (1.0, -1.0))
        slopes[name] = float(load_at(up, wanted) - load_at(down, wanted)) / (2.0 * step)
    slopes["target_porosity"] = float(load_at(nominal, wanted + STEP) - load_at(nominal, wanted - STEP)) / (2.0 * STEP)
    slopes["initial_porosity"] = slopes["drying_offset"]
    return Demand(parameters, lambda values: load_at(values, wanted), slopes, left)
