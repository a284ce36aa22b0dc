"""The process window of a study: the nip over porosity × roll temperature × speed, and the limits of each point."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kalander.coupling.nip.roll import NipResult, roll
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web
from kalander.coupling.results.means import number
from kalander.coupling.results.study import Study
from kalander.kernels.errors import Fault, InputError, KalanderError
from kalander.runs.page.parts.scatter import at_pressure, measured_by_stress

__all__ = ["LIMITS", "Limits", "window"]

LIMITS = {
    "cracking": "cracked particles", "percolation": "electrons lose their way", "foil": "foil yields",
    "tortuosity": "tortuosity", "springback": "springback",
}  # fmt: skip
DENSER = 0.02  # of porosity below the hardest press: a row that shows where the closure ends


@dataclass(frozen=True)
class Limits:
    """What is called too much. cracked: share of the particle volume; connected: least share of the particles that
    electrons reach; tortuosity through the plane; springback over the loaded thickness."""

    cracked: float = 0.05
    connected: float = 0.9
    tortuosity: float = 5.0
    springback: float = 0.1


def window(
    study: Study,
    *,
    temperatures: Sequence[float],
    speeds: Sequence[float],
    porosities: Sequence[float] | None = None,
    softening: float | None = None,
    limits: Limits | None = None,
) -> dict[str, Any]:
    """Line load, gap, peak pressure and springback of each point [SI], and the names of the limits that it breaks.

    temperatures [K] of the rolls, the web entering as the card says; speeds [m/s]; porosities behind the nip, by
    default seven between the lightest and the hardest press. softening [1/K]: of the coating's stress, by default of
    the binder. Raises InputError where the study has no closure yet.
    """
    bounds = limits or Limits()
    if "closure" not in study.stored or "nip" not in study.stored:
        raise InputError(Fault("study", str(study.folder), "has no closure and nip yet", "a study that is finished"))
    softness = study.card.binder.softening if softening is None else softening
    wanted = _porosities(study) if porosities is None else list(porosities)
    points = [
        _point(study, porosity, temperature, speed, softness, bounds)
        for speed in speeds for temperature in temperatures for porosity in wanted
    ]  # fmt: skip
    return {
        "study": str(study.folder), "softening_per_K": softness, "limits": dict(vars(bounds)), "points": points,
        "notes": [*_notes(study, softness), *_unsolved(points)],
    }  # fmt: skip


def _porosities(study: Study) -> list[float]:
    """From before the nip to what the hardest nip left, and a little beyond."""
    reached = [one.porosity_exit for one in study.nip if one.solved and one.elastic]
    least = min(reached, default=0.5 * study.card.electrode.porosity)
    return np.linspace(least - DENSER, 0.5 * (least + study.card.electrode.porosity), 7).tolist()


def _notes(study: Study, softening: float) -> list[str]:
    notes = []
    if softening == 0.0:
        notes.append(
            "softening is 0: temperature and speed change nothing; give --softening, 0.004 to 0.012 1/K for PVDF "
            "(its modulus halves by 80 degC, commonly quoted)"
        )
    if study.card.fracture.criterion == "none":
        notes.append("cracking was not judged: fracture.criterion is none")
    if "transport" not in study.stored:
        notes.append("tortuosity and percolation are not known: transport was not measured")
    return notes


def _unsolved(points: Sequence[dict[str, Any]]) -> list[str]:
    reasons = [point["reason"] for point in points if not point["solved"]]
    return [f"{len(reasons)} of {len(points)} points have no solution; the first: {reasons[0]}"] if reasons else []


def _point(
    study: Study, porosity: float, temperature: float, speed: float, softening: float, limits: Limits
) -> dict[str, Any]:  # fmt: skip
    about = {"porosity": porosity, "roll_temperature_K": temperature, "speed_m_per_s": speed}
    web = Web.of(study.card, study.closure)
    layer = web.layers[0].with_values({"softening": softening})
    rolling = Pass(
        porosity=porosity,
        speed=speed,
        roll_temperature=temperature,
        web_temperature=study.card.calender.web_temperature,
    )
    try:
        found = roll(web.with_values({"layer": layer}), Rolls.of(study.card), rolling)
    except KalanderError as failure:
        return {**about, "solved": False, "reason": str(failure).splitlines()[0], "breaks": []}
    values = _values(study, found, porosity)
    return {
        **about, "solved": True, "reason": None, "line_load_N_per_m": found.line_load, "set_gap_m": found.set_gap,
        "peak_pressure_Pa": found.peak_pressure, "springback": found.springback, **values,
        "breaks": _broken(found, values, limits),
    }  # fmt: skip


def _values(study: Study, found: NipResult, porosity: float) -> dict[str, float | None]:
    """What the particle boxes say at the same peak (cracks) and at the same porosity (transport); None: not known."""
    judged = study.card.fracture.criterion != "none"
    cracked = float(at_pressure(study, "cracked_fraction", found.peak_pressure)[0][0]) if judged else np.nan
    return {
        "cracked_fraction": number(cracked), "tortuosity": _at_porosity(study, "tortuosity", porosity, 2),
        "connected_active_share": _at_porosity(study, "connected", porosity, None),
    }  # fmt: skip


def _at_porosity(study: Study, column: str, porosity: float, axis: int | None) -> float | None:
    """Between the packings as laid and released, by their porosity; None outside of them."""
    measured = study.data("transport")
    if measured is None or measured_by_stress(study, "tortuosity") is None:
        return None
    states = measured.tables["states"]
    values = states[column] if axis is None else states[column][:, axis]
    order = np.argsort(states["porosity_voxels"])
    known = states["porosity_voxels"][order]
    if not known[0] <= porosity <= known[-1]:
        return None
    return number(float(np.interp(porosity, known, values[order])))


def _broken(found: NipResult, values: dict[str, float | None], limits: Limits) -> list[str]:
    """Names of LIMITS that a point breaks."""
    cracked, tau, connected = (values[name] for name in ("cracked_fraction", "tortuosity", "connected_active_share"))
    breaks = {
        "cracking": cracked is not None and cracked > limits.cracked,
        "percolation": connected is not None and connected < limits.connected,
        "foil": found.foil is not None and bool(found.foil.yields),
        "tortuosity": tau is not None and tau > limits.tortuosity,
        "springback": found.springback > limits.springback,
    }
    return [name for name, broken in breaks.items() if broken]
