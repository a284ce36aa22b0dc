"""The case of a loop that nobody wrote: what a calender can set, and how much energy and rate the coating then has."""

import math
from typing import Any

from kalander.coupling.cases.suggest import SuggestCase, suggest_case
from kalander.coupling.nip.closure import Closure
from kalander.coupling.nip.roll import roll
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web
from kalander.coupling.scales import celsius, in_unit
from kalander.twin.loop.plant import Plant

__all__ = ["own_case"]

USUAL_PRESSURE = 200e6  # the largest in the nip, where the closure has no end
WITHIN = (0.1, 0.95)  # of the largest pressure
LOADINGS = (0.6, 1.6)  # of that of the card
SPEEDS = (0.2, 10.0)  # of that of the card
HOTTEST = 120.0  # degC
CRACKED = 0.05  # most cracked volume


def own_case(plant: Plant, seed: int = 1) -> SuggestCase:
    """Line load within what was pressed, loading about the card's, speed and temperature where the coating feels them.

    Wanted: energy over volume, and the rate where tortuosity is known, with few cracks. Numbers are rounded, so that
    another machine makes the same case. Raises what `roll` raises.
    """
    card = plant.card
    web, rolls = Web.of(card, plant.closure), Rolls.of(card)
    largest = _largest_pressure(Closure.of(plant.closure))
    ends = [share * largest for share in WITHIN]
    settings = dict(Pass.of(card)) | {"gap": None, "line_load": None, "porosity": None}
    loads = [in_unit(roll(web, rolls, Pass(**settings | {"peak_pressure": one})).line_load, "N/mm") for one in ends]
    loading = in_unit(card.electrode.mass_loading, "mg/cm^2")
    parameter = [
        _between("line_load", loads[0], loads[1], "N/mm", log=True),
        _between("mass_loading", LOADINGS[0] * loading, LOADINGS[1] * loading, "mg/cm^2"),
    ]
    (layer,) = web.layers
    if layer.relaxation or layer.viscous_time:
        speed = in_unit(card.calender.speed, "m/min")
        parameter.append(_between("speed", SPEEDS[0] * speed, SPEEDS[1] * speed, "m/min", log=True))
    if layer.softening:
        coldest = celsius(card.calender.web_temperature)
        parameter.append(_between("roll_temperature", coldest, max(HOTTEST, coldest + 20.0), "degC"))
    wanted = [{"name": "energy_density", "direction": "maximise", "unit": "W*h/l"}]
    if "limiting_c_rate" in plant.outcomes:
        wanted.append({"name": "limiting_c_rate", "direction": "maximise"})
    limit = [{"name": "cracked_share", "at_most": CRACKED}] if "cracked_share" in plant.outcomes else []
    return suggest_case({"name": f"loop-{plant.key[:8]}", "seed": seed, "parameter": parameter, "objective": wanted,
                         "limit": limit})  # fmt: skip


def _largest_pressure(closure: Closure) -> float:
    """Up to which the coating was pressed [Pa]; where the closure does not say, up to its end."""
    if closure.pressed is not None:
        return closure.pressed[1]
    if math.isinf(closure.strain_limit):
        return USUAL_PRESSURE
    return min(USUAL_PRESSURE, float(closure.pressure_at(closure.strain_limit)))


def _between(name: str, low: float, high: float, unit: str, *, log: bool = False) -> dict[str, Any]:
    return {"name": name, "low": float(f"{low:.3g}"), "high": float(f"{high:.3g}"), "unit": unit, "log": log}
