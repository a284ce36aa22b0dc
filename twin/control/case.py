"""A case of `kalander control` answered, in SI: the optimal pressure beside simple histories and a machine."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kalander.coupling.cases.control import ControlCase, ControlLayer, Machine, instant_fault
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.errors import InputError, NumericalError
from kalander.twin.control.extremal import extremal
from kalander.twin.control.linear import gradient_extremes
from kalander.twin.control.plant import Equilibrium, Linear, Saturating, Tabulated, layers_of
from kalander.twin.control.problem import History, Problem, best_of, reachable
from kalander.twin.control.relaxing import study_constants
from kalander.twin.control.solution import Extremal
from kalander.twin.control.transcription import transcribed

__all__ = ["answer_of", "problem_of"]

SHOWN = 201  # points of the answer
RATIOS = np.linspace(0.0, 1.0, 21)  # of pressures, among which the best two steps or passes are looked for
TOUCHING = 1e-6  # of a bound, within which a history is at it
SWITCHES = np.linspace(0.02, 0.98, 25)  # of the horizon


def problem_of(case: ControlCase) -> Problem:
    """The problem in MPa and s. Raises InputError, CheckpointError for a closure file that cannot be used."""
    given = case.problem
    layers = [_layer(one, given.horizon, f"layer[{index}]") for index, one in enumerate(case.layer)]
    # no pressure beyond the loading curves, which are not continued
    known = [one.last for _, one in layers if isinstance(one, Tabulated)]
    if given.max_pressure is not None:
        known.append(in_unit(given.max_pressure, "MPa"))
    return Problem(
        layers_of([one.weight for one in case.layer], [one[0] for one in layers], [one[1] for one in layers]),
        given.horizon, given.mean_densification, given.gradient_weight,
        in_unit(given.effort_weight, "1/MPa^2/s"), in_unit(given.rate_weight, "s/MPa^2"),
        min(known, default=None),
        None if given.max_rate is None else in_unit(given.max_rate, "MPa/s"),
    )  # fmt: skip


def _layer(layer: ControlLayer, horizon: float, where: str) -> tuple[float, Equilibrium]:
    """Relaxation time [s] and equilibrium."""
    if layer.closure is not None:
        time, curve = study_constants(layer, horizon, where)
        if (fault := instant_fault(time, horizon, False, f"{where}.relaxation_time")) is not None:
            raise InputError(fault)
        return time, curve
    assert layer.relaxation_time is not None  # checked with the case
    if layer.compliance is not None:
        return layer.relaxation_time, Linear(in_unit(layer.compliance, "1/MPa"))
    assert layer.max_densification is not None
    assert layer.pressure_scale is not None
    return layer.relaxation_time, Saturating(layer.max_densification, in_unit(layer.pressure_scale, "MPa"))


def answer_of(case: ControlCase, *, check: bool = False) -> dict[str, Any]:
    """The optimal history and what it costs. check: solve it again by direct transcription, which takes seconds.

    Raises InputError, and NumericalError where the mean is out of reach (with the closest) or no solution was found.
    """
    problem = problem_of(case)
    most = reachable(problem)
    if most < problem.mean:
        raise NumericalError(
            f"a mean densification of {problem.mean:g} is out of reach: the highest pressure for the whole horizon "
            f"gives {most:.4g}; lower mean_densification, or raise max_pressure, horizon or a study's stress"
        )
    best = extremal(problem)
    time = np.linspace(0.0, problem.horizon, SHOWN)
    states = [np.interp(time, best.time, one) for one in best.state]
    end, weight = best.state[:, -1], problem.layers.weight
    answer = {
        "time_s": time.tolist(),
        "pressure_Pa": in_si(np.interp(time, best.time, best.pressure), "MPa").tolist(),
        "densification": [one.tolist() for one in states],
        "final_densification": end.tolist(),
        "mean_final": float(weight @ end),
        "gradient_final": float(end[0] - end[-1]),
        "gradient_rms": float(np.sqrt(weight @ (end - weight @ end) ** 2)),
        "cost": best.cost,
        **_compared(problem),
        "multiplier": best.multiplier,
        "residuals": best.residuals,
        "switches_s": _switches(problem, best),
        "relaxation_times_s": problem.layers.relaxation_time.tolist(),
        "authority": problem.layers.has_authority,
        "rate_weight_used_s_per_Pa2": in_si(best.rate_weight, "s/MPa^2"),
        "notes": _notes(problem, best),
    }
    if problem.layers.linear and problem.layers.count == 2 and problem.max_pressure is not None:
        answer["gradient_range"] = [one.gradient for one in gradient_extremes(problem)]
    if case.machine is not None:
        answer["machine"] = _machine(problem, case.machine, best)
    if check:
        answer["cost_transcribed"] = transcribed(problem).history.cost
    return answer


def _compared(problem: Problem) -> dict[str, float | None]:
    """Costs of histories that are simply led: None where one does not reach the mean within its bounds."""

    def two_steps(at: np.ndarray) -> np.ndarray:
        later = at[None, None] >= SWITCHES[:, None, None] * problem.horizon
        pairs = np.array([(1.0, ratio) for ratio in RATIOS] + [(ratio, 1.0) for ratio in RATIOS])
        return np.where(later, pairs[None, :, 1:], pairs[None, :, :1]).reshape(-1, len(at))

    shapes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "cost_constant_pressure": lambda at: np.ones((1, len(at))),
        "cost_ramp": lambda at: at[None] / problem.horizon,
        "cost_two_step": two_steps,
    }
    return {name: _cost(problem, shape) for name, shape in shapes.items()}


def _cost(problem: Problem, shape: Callable[[np.ndarray], np.ndarray]) -> float | None:
    found = _best(problem, shape)
    return None if found is None else found.cost


def _best(problem: Problem, shape: Callable[[np.ndarray], np.ndarray]) -> History | None:
    try:
        return best_of(problem, shape)
    except NumericalError:
        return None


def _machine(problem: Problem, machine: Machine, best: Extremal) -> dict[str, Any]:
    """The best passes of a calender: pulses of a parabola each, with the ratios of their peaks from a row."""
    ratios = [RATIOS] * (machine.passes - 1)
    grid = np.array(np.meshgrid(*ratios, indexing="ij")).reshape(len(ratios), -1).T if ratios else np.zeros((1, 0))
    peaks = np.concatenate([np.insert(grid, place, 1.0, axis=1) for place in range(machine.passes)])
    begin = np.arange(machine.passes) * (machine.contact_time + machine.rest)

    def pulses(at: np.ndarray) -> np.ndarray:
        share = (at[None] - begin[:, None]) / machine.contact_time
        return peaks @ (4.0 * np.clip(share, 0.0, 1.0) * np.clip(1.0 - share, 0.0, 1.0))

    found = _best(problem, pulses)
    if found is None:
        return {"reaches": False, "peak_pressures_Pa": None, "cost": None, "cost_over_optimum": None}
    at_peaks = np.interp(begin + 0.5 * machine.contact_time, found.time, found.pressure)
    return {
        "reaches": True, "peak_pressures_Pa": in_si(at_peaks, "MPa").tolist(), "cost": found.cost,
        "cost_over_optimum": found.cost / best.cost, "final_densification": found.end.tolist(),
    }  # fmt: skip


def _switches(problem: Problem, best: Extremal) -> list[float]:
    """Times at which the pressure, or its rate, meets a bound or leaves it [s]."""
    if best.corners is not None:
        return list(best.corners)
    if problem.max_rate is not None:
        low, high, value = -problem.max_rate, problem.max_rate, best.rate
    elif problem.max_pressure is not None:
        low, high, value = 0.0, problem.max_pressure, best.pressure
    else:
        low, high, value = 0.0, np.inf, best.pressure
    slack = TOUCHING * (high if np.isfinite(high) else value.max())
    place = np.where(value <= low + slack, -1, np.where(value >= high - slack, 1, 0))
    change = np.flatnonzero(np.diff(place)) + 1
    return [float(best.time[index]) for index in change]


def _notes(problem: Problem, best: Extremal) -> list[str]:
    notes = []
    if not problem.layers.has_authority:
        notes.append(
            "all layers have one relaxation time and equilibria in proportion: no history of pressure changes the "
            "gradient at a given mean"
        )
    if best.rate_weight != problem.rate_weight:
        notes.append("the rate of pressure was given a small weight of its own: without one the optimum may jump")
    if problem.max_rate is not None:
        notes.append(
            "a constant pressure and two steps, which are compared, jump: they do not keep the bound of the rate"
        )
    if best.residuals["hamiltonian"] > 1e-4:
        notes.append(
            f"the Hamiltonian varies by {best.residuals['hamiltonian']:.1e}: corners of the bounds are rounded"
        )
    return notes
