"""`kalander nip CASE.toml`: a nip case solved by the fast model, answered in SI."""

import math
from pathlib import Path
from typing import Any

from kalander.continuum.closure import Closure, PowerClosure
from kalander.continuum.nip import CONTROLS
from kalander.continuum.roll import Rolls
from kalander.continuum.web import Web
from kalander.coupling.homogenise import CLOSURE, closure_from
from kalander.coupling.nip_case import NipCase
from kalander.coupling.nipping import FIELDS
from kalander.coupling.store import read
from kalander.runs.answers import NAMES

__all__ = ["solve_case"]


def solve_case(case: NipCase) -> dict[str, Any]:
    """Answer of the contract for one coating between two rolls; what this model does not know is None."""
    (layer,) = case.web.layer
    web = Web(
        closure=_closure(case),
        coating_thickness=layer.thickness * 1e3,
        porosity=layer.porosity,
        foil_thickness=case.foil.thickness * 1e3,
        sides=case.web.sides,
    )
    rolls = _rolls(case)
    rolling = case.rolling
    given = {"gap": rolling.gap, "line_load": rolling.line_load, "exit_thickness": rolling.exit_thickness}
    ((control, value),) = ((name, value) for name, value in given.items() if value is not None)
    result = CONTROLS[control](web, rolls, value * (1e-3 if control == "line_load" else 1e3))
    return {
        **{NAMES[name]: getattr(result, source) * factor for name, (source, _, factor, _) in FIELDS.items()},
        "porosity_layers": [result.porosity_exit],
        "temperature_layers_K": [rolling.web_temperature],
        "deborah": None,
        "forward_slip": None,
        "foil_elongation": None,
        "model": "fast",
        "iterations": result.iterations,
        "x_m": (result.x * 1e-3).tolist(),
        "pressure_Pa": (result.pressure * 1e6).tolist(),
    }


def _closure(case: NipCase) -> Closure:
    (layer,) = case.web.layer
    if layer.closure_file is not None:
        return closure_from(read(Path(layer.closure_file), CLOSURE))
    law = layer.closure
    assert law is not None  # the case has just one of both
    return PowerClosure(law.p0 * 1e-6, law.k, law.unload_modulus * 1e-6)


def _rolls(case: NipCase) -> Rolls:
    given = case.rolls
    if not given.elastic:
        return Rolls(given.diameter / 2 * 1e3, math.inf, given.poisson)
    compliance = 0.0
    if given.stand_stiffness is not None and given.face is not None:
        compliance = given.face * 1e3 / (given.stand_stiffness * 1e-3)
    return Rolls(given.diameter / 2 * 1e3, given.modulus * 1e-6, given.poisson, compliance)
