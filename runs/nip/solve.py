"""`kalander nip CASE.toml`: a case, or web, rolls and passes, through the one function; its results answered in SI."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kalander.continuum.nip.result import ElementReport, FoilResult
from kalander.continuum.nip.setting import Mesh
from kalander.coupling.cases.powder import PowderCase
from kalander.coupling.cases.written import placed
from kalander.coupling.nip.case import NipCase, load_nip_case, web_of
from kalander.coupling.nip.names import KEYS
from kalander.coupling.nip.powder import feed_case
from kalander.coupling.nip.roll import NipResult, roll
from kalander.coupling.results.means import number
from kalander.coupling.store.atomic import path_errors, try_output
from kalander.kernels.errors import Fault, InputError, NumericalError

__all__ = ["answer_of", "solve_case", "solve_file"]

log = logging.getLogger("kalander")

MODELS = {"fast": "auto", "fem": "elements"}  # of the command line -> of `roll`
RESTS = (1e-3, 1e-2, 0.1, 1.0, 10.0, 60.0, 3600.0, 86400.0)  # s after the nip, at which the thickness is answered


def solve_file(
    case: Path | str,
    *,
    model: str = "fast",
    output: Path | None = None,
    overrides: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Solve the nip of a case file by the model "fast" or "fem"; `output`: folder for figures and fields."""
    if model not in MODELS:
        raise InputError(Fault("--model", model, "is no model of the nip", "fast, fem"))
    loaded = load_nip_case(Path(case), overrides=overrides)
    for warning in loaded.warnings:
        log.warning(warning)
    try:
        answer = solve_case(loaded, model=model, output=output)
    except InputError as unfit:
        raise InputError(placed(unfit.faults, case, overrides)) from None
    for note in answer["notes"][len(loaded.warnings) :]:
        log.warning(note)
    return answer


def solve_case(case: NipCase | PowderCase, *, model: str = "fast", output: Path | None = None) -> dict[str, Any]:
    """Answer of the contract; what a model does not know is None. `output`: folder for figures and fields.

    `notes`: what is unusual in the case, and what lies outside of what its closures were made from. Raises InputError,
    ClosureRangeError, NumericalError; of elements that stop, the fields so far are kept.
    """
    if isinstance(case, PowderCase):
        if model == "fem":
            raise InputError(Fault("--model", model, "knows no powder", "fast"))
        answer = feed_case(case)
        return {**answer, "notes": list(case.warnings)}
    if output is not None:  # before the work
        with path_errors(output, "create"):
            output.mkdir(parents=True, exist_ok=True)
        try_output(output / "nip_pressure.png")
    results = _kept(case, model, output)
    answer = answer_of(results)
    answer["notes"] = [*case.warnings, *answer["notes"]]
    if output is not None:
        answer["files"] = _files(case, results[-1], answer, output)
    return answer


def _kept(case: NipCase, model: str, output: Path | None) -> list[NipResult]:
    """The results; where elements stop, their fields are written (to `output`, else beside the caller) and named."""
    web = web_of(case)
    if model != "fem":
        return roll(web, case.rolls, case.passes, MODELS[model])
    from kalander.continuum.elements.roll import ElementsStopped
    from kalander.runs.nip.fields import write_fields

    try:
        return roll(web, case.rolls, case.passes, MODELS[model], mesh=Mesh(**dict(case.fem)))
    except ElementsStopped as failure:
        kept = write_fields(failure.fields, Path("nip_fem_partial") if output is None else output)[0]
        message = f"{failure}; the fields of step {failure.step - 1} are kept in {kept}"
        raise NumericalError(message) from failure


def _files(case: NipCase, last: NipResult, answer: Mapping[str, Any], output: Path) -> list[str]:
    """Fields and figures, written to a folder; their paths."""
    from kalander.runs.page.nip_case_figure import write_field_figure, write_figures

    files: list[str] = []
    if last.elements is not None:
        from kalander.runs.nip.fields import write_fields

        files += [str(path) for path in write_fields(last.elements.fields, output)]
        files.append(str(write_field_figure(last, output)))
    return [*files, *write_figures(case, answer, output)]


def answer_of(results: Sequence[NipResult]) -> dict[str, Any]:
    """The last pass with the unit in each key; of several passes, `passes` has all and `notes` those of all."""
    answers = [_one(result) for result in results]
    last = answers[-1]
    if len(answers) > 1:
        names = ("line_load_N_per_m", "peak_pressure_Pa", "set_gap_m", "exit_thickness_m", "porosity_mean", "notes")
        last["passes"] = [{name: answer[name] for name in names} for answer in answers]
        last["notes"] = list(dict.fromkeys(note for answer in answers for note in answer["notes"]))
    return last


def _one(result: NipResult) -> dict[str, Any]:
    """One pass; what its model does not know is absent, or None where the contract has the key."""
    answer: dict[str, Any] = {KEYS[name]: number(getattr(result, name)) for name in KEYS}
    tables = {
        "porosity_layers": result.porosity_layers,
        "porosity_layers_nip": result.porosity_layers_nip,
        "temperature_layers_K": result.temperature_layers,
        "layer_index": result.layer_index,
        "gap_m": result.gap,
    }
    answer |= {name: table.tolist() for name, table in tables.items() if table is not None}
    if result.recovered_thickness is not None:
        answer["recovered_thickness_m"] = result.recovered_thickness
        answer["springback_delayed"] = result.springback_delayed
    if result.left is not None:
        answer["recovery"] = _recovery(result)
    return {
        **answer,
        "deborah": result.deborah,
        **(_foil(result.foil, result.foil_note) if result.elements is None else _elements(result.elements)),
        "notes": list(result.notes),
        "model": "fast" if result.elements is None else "fem",
        "iterations": result.iterations,
        "x_m": result.x.tolist(),
        "pressure_Pa": result.pressure.tolist(),
    }


def _recovery(result: NipResult) -> list[dict[str, float]]:
    """Thickness of the web at times after the nip, while the delayed springback goes on."""
    if result.left is None or not any(layer.relaxation for layer in result.left.layers):
        return []
    return [{"time_s": time, "thickness_m": result.thickness_after(time)} for time in RESTS]


def _foil(foil: FoilResult | None, note: str) -> dict[str, Any]:
    """Foil and speed; None where they have no answer, with the reason."""
    if foil is None:
        names = ("forward_slip", "foil_elongation", "foil_plastic_elongation", "foil_yields", "neutral_x_m")
        return {**dict.fromkeys(names), "foil_note": note}
    return {
        "forward_slip": foil.forward_slip,
        "foil_elongation": foil.elongation,
        "foil_plastic_elongation": foil.plastic,
        "foil_yields": foil.yields,
        "neutral_x_m": foil.neutral_x,
    }


def _elements(report: ElementReport) -> dict[str, Any]:
    return {
        "forward_slip": None,
        "foil_elongation": report.foil_stretch,
        "compaction_spread": report.compaction_spread,
        "friction_share": report.friction_share,
        "drift": number(report.drift),
        "ripple": number(report.ripple),
        "roll_passes": report.roll_passes,
        "steps": report.steps,
        "cut_backs": report.cut_backs,
        "fast": {"line_load_N_per_m": report.fast_line_load, "peak_pressure_Pa": report.fast_peak_pressure},
    }
