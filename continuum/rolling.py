"""One door to the nip: a web, rolls and passes, by the model that suffices or the one asked for.

Units: mm, MPa, N per mm of width, s, K.
"""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from kalander.continuum.nip.foil import stretch_foil
from kalander.continuum.nip.layers import roll_layers
from kalander.continuum.nip.plain import is_plain, roll_plain
from kalander.continuum.nip.read import read_open
from kalander.continuum.nip.result import NipResult
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.setting import Mesh, Pass, exit_thickness_of
from kalander.continuum.nip.web import Web, cut, rested
from kalander.continuum.nip.web_stress import coating_travel
from kalander.continuum.number_range import OUT_OF_NUMBERS, within_numbers
from kalander.kernels.errors import Fault, InputError, NumericalError

__all__ = ["MODELS", "roll"]

MODELS = ("auto", "fast", "layers", "elements")


def roll(
    web: Web, rolls: Rolls, passes: Sequence[Pass], model: str = "auto", *, mesh: Mesh | None = None
) -> list[NipResult]:
    """A result for each pass, each of which meets the web that the one before left.

    "fast" knows one layer without heat and time, "layers" all of these and several passes, "elements" plane strain for
    one pass; "auto" takes the first that suffices, never elements. Pure: no files, no figures. Raises InputError,
    ClosureRangeError, NumericalError; of elements that stop, ElementsStopped with the fields so far.
    """
    _refuse(passes, model)
    first = passes[0]
    with within_numbers():
        if model == "elements":
            from kalander.continuum.elements.roll import roll_elements  # scikit-fem, half a second

            results = [roll_elements(web, rolls, first, mesh or Mesh())]
        elif model == "fast" or (model == "auto" and len(passes) == 1 and is_plain(web, first) and not first.heats):
            one = roll_plain(web, rolls, first)
            temperature = None if first.heats else np.full(1, first.web_temperature)
            results = [replace(_stretched(web, rolls, first, one), temperature_layers=temperature)]
        else:
            results = _in_turn(web, rolls, passes)
    for result in results:
        numbers = [getattr(result, f.name) for f in fields(result) if f.metadata.get("number")]
        if result.x.size and not np.all(np.isfinite(numbers)):
            raise NumericalError(OUT_OF_NUMBERS)
    return results


def _refuse(passes: Sequence[Pass], model: str) -> None:
    faults = []
    if model not in MODELS:
        faults.append(Fault("model", model, "is no model of the nip", ", ".join(MODELS)))
    if not passes:
        faults.append(Fault("pass", 0, "passes roll nothing", "one or more"))
    if len(passes) > 1 and model in ("fast", "elements"):
        faults.append(Fault("further_pass", len(passes) - 1, "is more than one pass", "none, or the model of layers"))
    if faults:
        raise InputError(faults)


def _in_turn(web: Web, rolls: Rolls, passes: Sequence[Pass]) -> list[NipResult]:
    """Layers, heat, relaxation, rate and several passes."""
    owner = np.arange(len(web.layers))
    if any(one.heats for one in passes):
        web, owner = cut(web)
    results: list[NipResult] = []
    for number, one_pass in enumerate(passes):
        note = ""
        if number:
            web = rested(web, one_pass.rest)
            note = _open_note(web, one_pass, f"further_pass[{number - 1}]")
        try:
            result = read_open(web, one_pass, note) if note else roll_layers(web, rolls, one_pass)
        except InputError as unfit:
            raise InputError([_of_pass(fault, number) for fault in unfit.faults]) from None
        results.append(replace(result if note else _stretched(web, rolls, one_pass, result), layer_index=owner))
        assert result.left is not None  # of layers
        web = result.left
    return results


def _of_pass(fault: Fault, number: int) -> Fault:
    """The fault where its pass stands."""
    further = fault.where.startswith("pass.") and number > 0
    return replace(fault, where=f"further_pass[{number - 1}]{fault.where[4:]}") if further else fault


def _open_note(web: Web, one_pass: Pass, key: str) -> str:
    """Why a further pass leaves the web alone; empty where the rolls touch it."""
    name, value = one_pass.setting
    value = exit_thickness_of(web, value) if name == "porosity" else value
    if name not in ("gap", "exit_thickness", "porosity") or value < web.thickness:
        return ""
    what = (
        f"rolls {value:.6g} mm apart do not touch the web"
        if name == "gap"
        else f"{value:.6g} mm needs no pressing of the web"
    )
    return f"{key}.{name}: {what}, which comes {web.thickness:.6g} mm thick: line load 0, and it passes as it comes"


def _stretched(web: Web, rolls: Rolls, one_pass: Pass, result: NipResult) -> NipResult:
    """The result with its foil, or with why that has no answer: the pressures stand without it."""
    if web.foil is None:
        return replace(result, foil_note="the web has no foil")
    warmth = result.layer_temperature
    factors = np.ones((result.x.size, 1)) if warmth is None else np.column_stack(
        [layer.stress_factor(warmth[::-1, index]) for index, layer in enumerate(web.layers)]
    )  # fmt: skip
    assert result.gap is not None  # of both fast models
    coating = result.gap[::-1] - web.foil_thickness
    travel = coating_travel(web.layers, result.x[::-1], result.pressure[::-1], coating, factors)
    try:
        stretched = stretch_foil(web.foil, travel, rolls.radius, one_pass.friction, tension=one_pass.tension)
    except NumericalError as failure:
        return replace(result, foil_note=str(failure))
    return replace(result, foil=stretched)
