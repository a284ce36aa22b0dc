"""`kalander nip CASE.toml`: a nip case solved by the fast model or by finite elements, answered in SI."""

from pathlib import Path
from typing import Any

import numpy as np

from kalander.continuum.closure import SOLID_FRACTION_LIMIT
from kalander.continuum.column import Layer, LayerPast
from kalander.continuum.foil import FoilResult, Travel, stretch_foil
from kalander.continuum.layered_result import LayeredNip
from kalander.continuum.layered_web import LayeredWeb, rested
from kalander.continuum.nip import CONTROLS
from kalander.continuum.nip_result import NipResult
from kalander.continuum.powder import Powder, feed_powder
from kalander.continuum.web_stress import coating_travel
from kalander.coupling.atomic import path_errors, try_output
from kalander.coupling.nip_case import NipCase, NipPass, PowderCase
from kalander.coupling.nip_models import foil_of, is_plain, layered_web, plain_web, roll_case, rolls_of_case
from kalander.coupling.nipping import FIELDS
from kalander.kernels.errors import Fault, InputError, NumericalError
from kalander.runs.answers import NAMES

__all__ = ["solve_case"]


def solve_case(case: NipCase | PowderCase, *, model: str = "fast", output: Path | None = None) -> dict[str, Any]:
    """Answer of the contract; what a model does not know is None. `output`: folder for figures and fields."""
    if isinstance(case, PowderCase):
        if model == "fem":
            raise InputError(Fault("--model", model, "knows no powder", "fast"))
        return _powder(case)
    if output is not None:  # before the work
        with path_errors(output, "create"):
            output.mkdir(parents=True, exist_ok=True)
        try_output(output / "nip_pressure.png")
    if model == "fem":
        from kalander.runs.nip_fem_verb import solve_by_elements

        answer = solve_by_elements(case, output)
    else:
        answer = _plain(case) if is_plain(case) else _layered(case)
    if output is not None:
        from kalander.runs.nip_case_figure import write_figures

        answer["files"] = [*answer.get("files", []), *write_figures(case, answer, output)]
    return answer


def _powder(case: PowderCase) -> dict[str, Any]:
    """Johanson's rolls: the film leaves with the rolls' gap as its thickness."""
    given = case.powder
    powder = Powder(given.compressibility, given.internal_friction, given.wall_friction)
    diameter, gap = case.rolls.diameter * 1e3, case.rolling.gap * 1e3
    nip = feed_powder(powder, diameter, gap, feed_pressure=given.feed_pressure * 1e-6, feed_angle=given.feed_angle)
    density = given.feed_solid_fraction * nip.density
    if density[-1] > SOLID_FRACTION_LIMIT:
        raise NumericalError(
            f"the film would reach solid fraction {density[-1]:.3g} at the gap, above {SOLID_FRACTION_LIMIT}: the "
            "rolls take in more than passes; open the gap, or feed less pressure or a looser powder"
        )
    order = slice(None, None, -1)  # x ascending
    return {
        "line_load_N_per_m": nip.line_load * 1e3,
        "peak_pressure_Pa": nip.peak_pressure * 1e6,
        "set_gap_m": case.rolling.gap,
        "nip_angle_rad": nip.nip_angle,
        "entry_x_m": float(np.sin(nip.theta[0])) * case.rolls.diameter / 2,
        "exit_x_m": 0.0,
        "exit_thickness_m": case.rolling.gap,
        "density_ratio": nip.density_ratio,
        "torque_N_m_per_m": nip.torque,
        "model": "johanson",
        "x_m": (np.sin(nip.theta[order]) * case.rolls.diameter / 2).tolist(),
        "pressure_Pa": (nip.pressure[order] * 1e6).tolist(),
        "solid_fraction": density[order].tolist(),
        "porosity_mean": float(1.0 - density[-1]),
    }


def _plain(case: NipCase) -> dict[str, Any]:
    """One layer without heat and time."""
    web, rolls, rolling = plain_web(case), rolls_of_case(case), case.rolling
    control, value = rolling.setting
    result = CONTROLS[control](web, rolls, value * (1e-3 if control == "line_load" else 1e3))
    (layer,) = case.web.layer
    layers = (Layer(web.closure, layer.thickness * 1e3, layer.porosity),)
    travel = coating_travel(
        layers, case.web.sides, result.x[::-1], result.pressure[::-1], result.gap[::-1] - web.foil_thickness,
        np.ones((result.x.size, 1)),
    )  # fmt: skip
    stretched = _stretch(case, rolling, travel)
    return {
        **common_answer(result),
        "porosity_layers": [result.porosity_exit],
        "porosity_layers_nip": [result.porosity_nip],
        "temperature_layers_K": [rolling.web_temperature],
        "layer_index": [0],
        "recovered_thickness_m": result.web_exit_thickness * 1e-3,
        "springback_delayed": result.springback,
        "deborah": None,
        **foil_answer(stretched),
        "model": "fast",
        "iterations": result.iterations,
        "x_m": (result.x * 1e-3).tolist(),
        "pressure_Pa": (result.pressure * 1e6).tolist(),
        "gap_m": (result.gap * 1e-3).tolist(),
    }


def _layered(case: NipCase) -> dict[str, Any]:
    """Layers, heat, relaxation, rate and several passes; the answer is of the last pass, `passes` has all."""
    web, owner = layered_web(case)
    rolls = rolls_of_case(case)
    answers: list[dict[str, Any]] = []
    pasts: tuple[LayerPast, ...] | None = None
    for rolling in (case.rolling, *case.further_pass):
        if pasts is not None:
            web = LayeredWeb(web.layers, web.foil_thickness, web.sides, rested(pasts, web.layers, rolling.rest))
        result = roll_case(case, rolling, web, rolls)
        answers.append(_layered_answer(case, rolling, web, owner, result))
        pasts = result.pasts
    last = answers[-1]
    if len(answers) > 1:
        names = ("line_load_N_per_m", "peak_pressure_Pa", "set_gap_m", "exit_thickness_m", "porosity_mean")
        last["passes"] = [{name: answer[name] for name in names} for answer in answers]
    return last


def _layered_answer(
    case: NipCase, rolling: NipPass, web: LayeredWeb, owner: np.ndarray, result: LayeredNip
) -> dict[str, Any]:
    factors = np.column_stack(
        [layer.stress_factor(result.layer_temperature[::-1, index]) for index, layer in enumerate(web.layers)]
    )
    travel = coating_travel(
        web.layers, web.sides, result.x[::-1], result.pressure[::-1], result.gap[::-1] - web.foil_thickness, factors
    )
    return {
        **common_answer(result),
        "porosity_layers": result.porosity_layers.tolist(),
        "porosity_layers_nip": result.porosity_layers_nip.tolist(),
        "temperature_layers_K": result.temperature_layers.tolist(),
        "layer_index": owner.tolist(),
        "recovered_thickness_m": result.web_recovered_thickness * 1e-3,
        "springback_delayed": result.springback_delayed,
        "recovery": _recovery(web, result),
        "deborah": result.deborah,
        **foil_answer(_stretch(case, rolling, travel)),
        "model": "fast",
        "iterations": result.iterations,
        "x_m": (result.x * 1e-3).tolist(),
        "pressure_Pa": (result.pressure * 1e6).tolist(),
        "gap_m": (result.gap * 1e-3).tolist(),
    }


def _recovery(web: LayeredWeb, result: LayeredNip) -> list[dict[str, float]]:
    """Thickness of the web at times after the nip, while the delayed springback goes on."""
    if not any(layer.relaxation for layer in web.layers):
        return []
    rows = []
    for time in (1e-3, 1e-2, 0.1, 1.0, 10.0, 60.0, 3600.0, 86400.0):
        later = LayeredWeb(web.layers, web.foil_thickness, web.sides, rested(result.pasts, web.layers, time))
        rows.append({"time_s": time, "thickness_m": later.thickness * 1e-3})
    return rows


def _stretch(case: NipCase, rolling: NipPass, travel: Travel) -> FoilResult | str:
    """The foil, or why it has no answer: the pressures stand without it."""
    radius = case.rolls.diameter / 2 * 1e3
    try:
        return stretch_foil(foil_of(case), travel, radius, rolling.friction, tension=rolling.tension * 1e-3)
    except NumericalError as failure:
        return str(failure)


def common_answer(result: NipResult | LayeredNip) -> dict[str, Any]:
    """Numbers that every model has."""
    numbers = {NAMES[name]: getattr(result, source) * factor for name, (source, _, factor, _) in FIELDS.items()}
    return {name: float(value) for name, value in numbers.items()}


def foil_answer(stretched: FoilResult | str) -> dict[str, Any]:
    """Foil and speed; None where they have no answer, with the reason."""
    if isinstance(stretched, str):
        names = ("forward_slip", "foil_elongation", "foil_plastic_elongation", "foil_yields", "neutral_x_m")
        return {**dict.fromkeys(names), "foil_note": stretched}
    return {
        "forward_slip": stretched.forward_slip,
        "foil_elongation": stretched.elongation,
        "foil_plastic_elongation": stretched.plastic,
        "foil_yields": stretched.yields,
        "neutral_x_m": None if stretched.neutral_x is None else stretched.neutral_x * 1e-3,
    }
