"""A case of `kalander pressure` answered, in SI."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kalander.coupling.nip.pressure_case import PressureCase
from kalander.coupling.nip.roll import NipResult
from kalander.coupling.nip.vocabulary import Pass
from kalander.kernels.errors import NumericalError
from kalander.twin.pressure.adapt import Estimate, ForgettingBank, load_for
from kalander.twin.pressure.chain import Chain, chain_of
from kalander.twin.pressure.demand import Demand, closed_demand, initial_porosity, parabola_demand
from kalander.twin.pressure.laws import loaded_porosity
from kalander.twin.pressure.uncertainty import delta, robust_choice, sampled

__all__ = ["answer_of"]

USUAL_POROSITY = (0.3, 0.75)  # of dry coatings: from loosely packed grains to films that barely hold
SHARE_TOLD = 1e-3  # of samples that cannot reach the target


def answer_of(case: PressureCase) -> dict[str, Any]:
    """The load for the target porosity, its uncertainty, and the choice that holds under the limit.

    Raises InputError, CheckpointError for a bad closure file, and NumericalError where the target is out of reach (with
    the closest porosity that can be reached).
    """
    answer: dict[str, Any] = {
        "law": case.compaction.law or "closure",
        "initial_porosity": case.initial_porosity,
        "initial_porosity_sd": math.hypot(case.drying.a1 * case.slurry.sd, case.drying.sd),
        "target_porosity": case.target.porosity,
        "probability": case.target.probability,
    }
    line_load: Demand | None
    pressure: Demand | None = None
    nip: dict[str, Any]
    limit = case.target.limit_line_load
    if case.compaction.closure is not None:
        chain = chain_of(case)
        solved = chain.solve()
        limit = _lower(limit, _line_load_at_limit(chain))
        _refuse_above(limit, solved.line_load, chain.porosity_at, "N/m")
        line_load, nip = chain.demand(solved), _nip(solved)
    else:
        nip = {"nip_porosity": float(loaded_porosity(case.target.porosity, case.compaction.springback))}
        line_load = pressure = closed_demand(case)
        if case.compaction.law == "meyer":
            pressure = None
        elif case.coating is not None and case.rolls is not None:
            line_load = parabola_demand(case, case.coating, case.rolls)
        else:
            line_load = None
    answer |= nip
    answer |= _told(case, line_load, "line_load", "N_per_m", limit)
    answer["limit_N_per_m"] = limit if line_load is not None else None
    if pressure is not None:
        of_line_load = answer["feasible"] if line_load is not None else True
        told = _told(case, pressure, "pressure", "Pa", case.target.limit_pressure)
        answer |= {**told, "limit_Pa": case.target.limit_pressure, "feasible": told["feasible"] and of_line_load}
        if line_load is not None:
            answer["sensitivities_line_load"] = dict(line_load.slopes)
    if case.batch:
        answer["learned"] = _learned(case)
    extrapolated = () if line_load is None else line_load.notes
    answer["notes"] = [*_notes(case, answer, line_load is not None), *extrapolated]
    return answer


def _learned(case: PressureCase) -> dict[str, Any]:
    """Meyer's law after the batches of a case, and the line load that it wants for the next."""
    given = case.compaction
    assert given.gamma is not None  # checked with the case
    assert given.min_porosity is not None
    bank = ForgettingBank.of(Estimate.of(given.gamma, given.gamma_sd, given.min_porosity, given.min_porosity_sd, (1,)))
    decay = math.exp(-(case.batch[0].line_load / given.gamma))
    variance = case.gauge.sd**2 + (decay * math.hypot(case.drying.a1 * case.slurry.sd, case.drying.sd)) ** 2
    for one in case.batch:
        initial = initial_porosity(case, {"solids_volume_fraction": np.array([one.solids_volume_fraction])})
        told = one.porosity is not None
        nip = loaded_porosity(np.array([one.porosity if told else case.target.porosity]), given.springback)
        bank = bank.updated(np.array([one.line_load]), initial, nip, np.array([variance if told else math.inf]))
    aim = float(loaded_porosity(case.target.porosity, given.springback))
    limit = math.inf if case.target.limit_line_load is None else case.target.limit_line_load
    gamma, least = math.exp(bank.best.mean[0, 0]), float(bank.best.mean[0, 1])
    deviations = np.sqrt(np.diagonal(bank.best.covariance[0]))
    return {
        "gamma_N_per_m": gamma, "gamma_sd_N_per_m": gamma * float(deviations[0]),
        "min_porosity": least, "min_porosity_sd": float(deviations[1]), "forgetting": float(bank.followed[0]),
        "next_line_load_N_per_m": float(load_for(bank.best, aim, np.array([case.initial_porosity]), limit)[0]),
    }  # fmt: skip


def _told(case: PressureCase, demand: Demand | None, name: str, unit: str, limit: float | None) -> dict[str, Any]:
    """A load, its uncertainty and the choice, under the keys of the answer; nulls where there is no such load."""
    keys = (f"{name}_{unit}", f"{name}_sd_{unit}", f"robust_{name}_{unit}", f"robust_{name}_needed_{unit}")
    if demand is None:
        return dict.fromkeys(keys)
    _refuse_above(limit, demand.nominal, demand.porosity_at, unit.replace("_per_", "/"))
    deviation, parts = delta(demand.slopes, demand.parameters)
    spread = sampled(demand.load, demand.parameters, case.sampling.samples, case.sampling.seed)
    choice = robust_choice(spread, case.target.probability, limit)
    bounded = choice.load if math.isfinite(choice.load) else None
    needed = choice.needed if math.isfinite(choice.needed) else None
    return {
        **dict(zip(keys, (demand.nominal, deviation, bounded, needed))),
        "sensitivities": dict(demand.slopes),
        "contributions": {key: part for key, part in parts.items() if part > 0},
        "monte_carlo": {
            "samples": int(spread.loads.size), "mean": _finite(spread.mean), "sd": _finite(spread.sd),
            "unreachable": spread.unreachable,
        },
        "probability_at_nominal": spread.probability(demand.nominal),
        "probability_at_robust": choice.probability,
        "feasible": choice.feasible,
        "nominal_porosity_at_robust": None if bounded is None else demand.porosity_at(bounded),
    }  # fmt: skip


def _refuse_above(limit: float | None, load: float, porosity_at: Callable[[float], float], unit: str) -> None:
    if limit is not None and load > limit:
        raise NumericalError(
            f"the target porosity is out of reach under the limit: it needs {load:.5g} {unit}, the limit "
            f"is {limit:.5g} {unit}, "
            f"and the closest porosity is {porosity_at(limit):.4g}, at the limit"
        )


def _lower(one: float | None, other: float | None) -> float | None:
    given = [value for value in (one, other) if value is not None]
    return min(given) if given else None


def _line_load_at_limit(chain: Chain) -> float | None:
    """The line load at which the nominal batch bears the limit of pressure; None without one."""
    pressure = chain.case.target.limit_pressure
    return None if pressure is None else chain.rolled(chain.nominal, Pass(peak_pressure=pressure)).line_load


def _nip(solved: NipResult) -> dict[str, Any]:
    return {
        "nip_porosity": solved.porosity_nip, "springback": solved.springback, "pressure_Pa": solved.peak_pressure,
        "set_gap_m": solved.set_gap, "exit_thickness_m": solved.exit_thickness,
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _notes(case: PressureCase, answer: dict[str, Any], has_line_load: bool) -> list[str]:
    notes = [f"compaction.{key} belongs to another law and is not used" for key in case.compaction.unused]
    low, high = USUAL_POROSITY
    if not low <= case.initial_porosity <= high:
        notes.append(f"an initial porosity of {case.initial_porosity:.3g} is unusual: {low:g} to {high:g} is seen")
    if not has_line_load and case.target.limit_line_load is not None:
        notes.append(
            "target.limit_line_load was not compared: a line load needs [coating] and [rolls] with Heckel's law"
        )
    if answer["monte_carlo"]["unreachable"] > SHARE_TOLD:
        share = answer["monte_carlo"]["unreachable"]
        notes.append(f"{share:.2g} of the samples cannot reach the target at any load; they are left out of the means")
    if not answer["feasible"]:
        notes.append("no load under the limit reaches the target with the probability wanted")
    return notes
