"""`kalander nip CASE.toml`: a nip case solved by the fast model or by finite elements, answered in SI."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT
from kalander.continuum.closure.validity import closure_notes
from kalander.continuum.nip.column import Layer, LayerPast
from kalander.continuum.nip.foil import FoilResult, Travel, stretch_foil
from kalander.continuum.nip.layered_result import LayeredNip
from kalander.continuum.nip.layered_web import LayeredWeb, rested
from kalander.continuum.nip.plain import CONTROLS
from kalander.continuum.nip.result import NipResult
from kalander.continuum.nip.web_stress import coating_travel
from kalander.continuum.number_range import OUT_OF_NUMBERS, within_numbers
from kalander.continuum.powder import Powder, feed_powder
from kalander.coupling.cases.nip import NipCase, NipPass
from kalander.coupling.cases.powder import PowderCase
from kalander.coupling.nip.models import foil_of, is_plain, layered_web, plain_web, roll_case, rolls_of_case
from kalander.coupling.nip.solve import FIELDS
from kalander.coupling.store.atomic import path_errors, try_output
from kalander.kernels.errors import Fault, InputError, NumericalError
from kalander.kernels.quantities import porosity, springback
from kalander.runs.answers import NAMES

__all__ = ["solve_case"]


def solve_case(case: NipCase | PowderCase, *, model: str = "fast", output: Path | None = None) -> dict[str, Any]:
    """Answer of the contract; what a model does not know is None. `output`: folder for figures and fields.

    `notes`: what is unusual in the case, and what lies outside of what its closures were made from. Raises InputError,
    ClosureRangeError, NumericalError.
    """
    if isinstance(case, PowderCase) and model == "fem":
        raise InputError(Fault("--model", model, "knows no powder", "fast"))
    with within_numbers():
        answer = _solved(case, model, output)
    answer["notes"] = [*case.warnings, *answer.get("notes", [])]
    if not all(np.all(np.isfinite(value)) for value in answer.values() if isinstance(value, float)):
        raise NumericalError(OUT_OF_NUMBERS)
    if output is not None and isinstance(case, NipCase):
        from kalander.runs.report.nip_case_figure import write_figures

        answer["files"] = [*answer.get("files", []), *write_figures(case, answer, output)]
    return answer


def _solved(case: NipCase | PowderCase, model: str, output: Path | None) -> dict[str, Any]:
    if isinstance(case, PowderCase):
        return _powder(case)
    if output is not None:  # before the work
        with path_errors(output, "create"):
            output.mkdir(parents=True, exist_ok=True)
        try_output(output / "nip_pressure.png")
    if model == "fem":
        from kalander.runs.command.nip_elements import solve_by_elements

        answer = solve_by_elements(case, output)
        web, _ = layered_web(case)
        return answer | {"notes": [*answer.get("notes", []), *_range_notes(web, answer["peak_pressure_Pa"])]}
    return _plain(case) if is_plain(case) else _layered(case)


def _range_notes(web: LayeredWeb, peak_pressure: float) -> list[str]:
    """What lies outside of what the closures were made from at a peak pressure [Pa], each sentence once."""
    closures = {id(layer.closure): layer.closure for layer in web.layers}.values()
    notes = [note for closure in closures for note in closure_notes(closure, peak_pressure * 1e-6)]
    return list(dict.fromkeys(notes))


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
        "porosity_mean": float(porosity(density[-1], 1.0)),
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
        "notes": closure_notes(web.closure, result.peak_pressure),
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
    for number, rolling in enumerate((case.rolling, *case.further_pass)):
        if pasts is not None:
            web = LayeredWeb(web.layers, web.foil_thickness, web.sides, rested(pasts, web.layers, rolling.rest))
            if note := _open_note(rolling, web, f"further_pass[{number - 1}]"):
                answers.append(_untouched_answer(rolling, web, owner, note))
                pasts = web.pasts
                continue
        try:
            result = roll_case(case, rolling, web, rolls)
        except InputError as unfit:
            raise InputError([_of_pass(fault, number) for fault in unfit.faults]) from None
        answers.append(_layered_answer(case, rolling, web, owner, result))
        pasts = result.pasts
    last = answers[-1]
    if len(answers) > 1:
        names = ("line_load_N_per_m", "peak_pressure_Pa", "set_gap_m", "exit_thickness_m", "porosity_mean", "notes")
        last["passes"] = [{name: answer[name] for name in names} for answer in answers]
        last["notes"] = list(dict.fromkeys(note for answer in answers for note in answer["notes"]))
    return last


def _of_pass(fault: Fault, number: int) -> Fault:
    """The fault where its pass stands in the case."""
    further = fault.where.startswith("pass.") and number > 0
    return replace(fault, where=f"further_pass[{number - 1}]{fault.where[4:]}") if further else fault


def _open_note(rolling: NipPass, web: LayeredWeb, key: str) -> str:
    """Why a further pass leaves the web alone; empty where the rolls touch it."""
    thickness = web.thickness * 1e-3
    if rolling.gap is not None and rolling.gap >= thickness:
        what = f"{key}.gap: rolls {rolling.gap:.6g} m apart do not touch the web"
    elif rolling.exit_thickness is not None and rolling.exit_thickness >= thickness:
        what = f"{key}.exit_thickness: {rolling.exit_thickness:.6g} m needs no pressing of the web"
    else:
        return ""
    return f"{what}, which comes {thickness:.6g} m thick: line load 0, and it passes as it comes"


def _untouched_answer(rolling: NipPass, web: LayeredWeb, owner: np.ndarray, note: str) -> dict[str, Any]:
    """The answer where the rolls do not touch the web; what only a contact has is None."""
    assert web.pasts is not None
    coating = web.coating / web.sides
    solid = np.array([layer.thickness * (1.0 - layer.porosity) for layer in web.layers])
    mean = porosity(float(solid.sum()), coating)
    at_last = replace(web, pasts=tuple(replace(past, elastic=0.0) for past in web.pasts))
    layers = porosity(solid, web.present).tolist()
    return {
        **dict.fromkeys(NAMES.values()),
        "line_load_N_per_m": 0.0,
        "peak_pressure_Pa": 0.0,
        "set_gap_m": rolling.gap,
        "loaded_gap_m": rolling.gap,
        "exit_thickness_m": web.thickness * 1e-3,
        "coating_minimum_thickness_m": coating * 1e-3,
        "coating_exit_thickness_m": coating * 1e-3,
        "springback": 0.0,
        "porosity_nip": mean,
        "porosity_mean": mean,
        "porosity_layers": layers,
        "porosity_layers_nip": layers,
        "temperature_layers_K": [rolling.web_temperature] * len(web.layers),
        "layer_index": owner.tolist(),
        "recovered_thickness_m": at_last.thickness * 1e-3,
        "springback_delayed": springback(at_last.coating, web.coating),
        "recovery": _recovery(web, web.pasts),
        "deborah": None,
        **foil_answer("the rolls do not touch the web"),
        "notes": [note],
        "model": "fast",
        "iterations": 0,
        "x_m": [],
        "pressure_Pa": [],
        "gap_m": [],
    }


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
        "recovery": _recovery(web, result.pasts),
        "deborah": result.deborah,
        **foil_answer(_stretch(case, rolling, travel)),
        "notes": _range_notes(web, result.peak_pressure * 1e6),
        "model": "fast",
        "iterations": result.iterations,
        "x_m": (result.x * 1e-3).tolist(),
        "pressure_Pa": (result.pressure * 1e6).tolist(),
        "gap_m": (result.gap * 1e-3).tolist(),
    }


def _recovery(web: LayeredWeb, pasts: tuple[LayerPast, ...]) -> list[dict[str, float]]:
    """Thickness of the web at times after the nip, while the delayed springback goes on."""
    if not any(layer.relaxation for layer in web.layers):
        return []
    rows = []
    for time in (1e-3, 1e-2, 0.1, 1.0, 10.0, 60.0, 3600.0, 86400.0):
        later = LayeredWeb(web.layers, web.foil_thickness, web.sides, rested(pasts, web.layers, time))
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
