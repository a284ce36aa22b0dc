"""`kalander nip CASE.toml --model fem`: finite elements under the roll that the fast model has flattened.

A line load or an exit thickness that is asked for is that of the elements: the fast model sets the rolls, the elements
say what they carry there, and its setting is moved until both agree.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kalander.continuum.closure.cap import Cap
from kalander.continuum.closure.laws import PowerClosure
from kalander.continuum.elements.closure import Constants, cap_constants, law_table, measured_constants
from kalander.continuum.elements.contact import Surface, cylinder, flattened
from kalander.continuum.elements.nip import StepFailure, roll_over
from kalander.continuum.elements.result import FemResult, read_fields, read_pass
from kalander.continuum.elements.step import FemNip, FemSnapshot, Membrane, RollOver
from kalander.continuum.elements.web import make_strip
from kalander.continuum.nip.layered_result import LayeredNip
from kalander.continuum.nip.layered_web import LayeredWeb
from kalander.continuum.nip.roll import Rolls
from kalander.coupling.cases.nip import NipCase, NipPass
from kalander.coupling.nip.models import cap_of, foil_of, layered_web, roll_case, rolls_of_case
from kalander.kernels.errors import Fault, InputError, NumericalError
from kalander.kernels.quantities import porosity as pores
from kalander.kernels.quantities import springback
from kalander.runs.answers import number

__all__ = ["solve_by_elements"]

TOLERANCE = {"line_load": 5e-3, "exit_thickness": 1e-3}  # relative, of what is asked for
MOST_PASSES = 5
STEADY = 5e-3  # relative movement of the line load above which the answer says so
APART = 0.05  # relative difference from the fast model above which the answer says so; caps agree within 2 %


@dataclass(frozen=True, eq=False)
class _Pass:
    """The elements' pass, and the fast model's at the same setting of the rolls; passes: how many it took."""

    fast: LayeredNip
    nip: FemNip
    last: FemSnapshot
    result: FemResult
    passes: int = 1


def solve_by_elements(case: NipCase, output: Path | None) -> dict[str, Any]:
    """Answer of the contract by finite elements.

    The fast model turns the setting into the shape of the loaded rolls, which the elements then roll under. Raises
    InputError for what they cannot do. Where a step fails, NumericalError names it, and the fields up to there are
    written (to `output`, else beside the caller); also where the line load or thickness asked for is not reached.
    """
    _refuse(case)
    web, _ = layered_web(case)
    rolls = rolls_of_case(case)
    porosity = np.array([layer.porosity for layer in case.web.layer[::-1]])
    found = _passed_as_asked(case, web, rolls, porosity, output)
    answer = _answer(case, web, rolls, found)
    if output is not None:
        from kalander.runs.command.nip_fields import write_fields

        fields = read_fields(found.nip, found.last, porosity)
        answer["files"] = [str(path) for path in write_fields(fields, output)]
        from kalander.runs.report.nip_case_figure import write_field_figure

        answer["files"].append(str(write_field_figure(fields, found.result, output)))
    return answer


def _passed_as_asked(case: NipCase, web: LayeredWeb, rolls: Rolls, porosity: np.ndarray, output: Path | None) -> _Pass:
    """The pass at the setting of the fast model that gives the elements what is asked for: secant on logarithms."""
    control, asked = case.rolling.setting
    tried: list[tuple[float, float]] = []  # logarithms of the setting and of what it gave, both over what is asked
    setting = 0.0
    for passes in range(1, MOST_PASSES + 1):
        rolling = case.rolling.model_copy(update={control: asked * math.exp(setting)})
        found = _passed(case, rolling, web, rolls, porosity, output)
        if control == "gap":
            return found
        error = math.log(_reached(found.result, web, control) / asked)
        if abs(error) <= TOLERANCE[control]:
            return _Pass(found.fast, found.nip, found.last, found.result, passes)
        slope = 1.0
        if tried:
            before, error_before = tried[-1]
            slope = (error - error_before) / (setting - before)
        tried.append((setting, error))
        # a slope of the wrong sign or size is that of two settings too close to each other
        setting -= error / min(max(slope, 0.3), 3.0)
    raise NumericalError(
        f"pass.{control}: {asked:.6g} was asked for and the elements reach {asked * math.exp(error):.6g} after "
        f"{MOST_PASSES} passes; raise fem.elements_along and fem.travel, or give the gap"
    )


def _reached(result: FemResult, web: LayeredWeb, control: str) -> float:
    """Line load [N/m] or exit thickness of the web [m] of the elements."""
    if control == "line_load":
        return result.line_load * 1e3
    return (web.sides * result.exit_thickness + web.foil_thickness) * 1e-3


def _passed(
    case: NipCase, rolling: NipPass, web: LayeredWeb, rolls: Rolls, porosity: np.ndarray, output: Path | None
) -> _Pass:
    fast = roll_case(case, rolling, web, rolls)
    nip, path = build_nip(case, web, rolls, fast)
    history: list[FemSnapshot] = []
    try:
        history.extend(roll_over(nip, path))
    except StepFailure as failure:
        kept = _keep_partial(nip, failure, porosity, output)
        raise NumericalError(f"{failure}; the fields of step {failure.step - 1} are kept in {kept}") from failure
    return _Pass(fast, nip, history[-1], read_pass(nip, history, porosity))


def _notes(case: NipCase, web: LayeredWeb, found: _Pass) -> list[str]:
    """What of the case the elements simplify, how they came to what is asked for, and what is not converged."""
    notes = []
    exponents = sorted({float(getattr(layer.closure, "unload_exponent", 1.0)) for layer in web.layers} - {1.0})
    if exponents:
        notes.append(
            f"measured release curves (exponent {', '.join(f'{m:g}' for m in exponents)}) are replaced by straight "
            "ones of the same recovery: the release side carries more load than it should"
        )
    result = found.result
    control, asked = case.rolling.setting
    if found.passes > 1:
        notes.append(
            f"pass.{control} {asked:.6g} was asked for and {_reached(result, web, control):.6g} reached in "
            f"{found.passes} passes (tolerance {TOLERANCE[control]:.1%}); there the fast model has "
            f"{found.fast.line_load:.4g} N/mm"
        )
    load = result.line_load / found.fast.line_load - 1.0
    peak = result.peak_pressure / found.fast.peak_pressure - 1.0
    if max(abs(load), abs(peak)) > APART:
        notes.append(
            f"line load {load:+.0%} and peak {peak:+.0%} beside the fast model under the same rolls: the elements' cap "
            "does not follow the closure of this web so closely; trust the fast model's numbers for it"
        )
    if not result.drift <= STEADY:
        notes.append(
            f"not steady: over the last quarter of the way the line load still moves by {result.drift:.1%}, more than "
            f"{STEADY:.1%}; raise fem.travel"
        )
    if not result.ripple <= STEADY:
        notes.append(
            f"coarse mesh: from one node to the next the line load moves by {result.ripple:.1%}, more than "
            f"{STEADY:.1%}; raise fem.elements_along (here {case.fem.elements_along})"
        )
    return notes


def _refuse(case: NipCase) -> None:
    """Raise InputError with all that the finite elements do not know."""
    faults = []
    for index, layer in enumerate(case.web.layer):
        key = f"web.layer[{index}].closure"
        if layer.closure is not None and layer.closure.law == "power":
            why = "is a curve of one stress, from which finite elements cannot make a material"
            faults.append(Fault(f"{key}.law", "power", why, 'law = "cap", a closure file of a study, or --model fast'))
        given = layer.over_time
        if given.relaxation or given.viscous_time > 0.0:
            what = f"{len(given.relaxation)} branches"
            faults.append(Fault(f"{key}.relaxation", what, "is not known to finite elements", "none, or --model fast"))
        if given.softening > 0.0 and case.rolling.heats:
            why = "with heat flowing is not known to finite elements"
            faults.append(Fault(f"{key}.softening", given.softening, why, "equal temperatures, or --model fast"))
    if case.further_pass:
        faults.append(Fault("further_pass", len(case.further_pass), "is more than one pass", "none, or --model fast"))
    if faults:
        raise InputError(faults)


def build_nip(case: NipCase, web: LayeredWeb, rolls: Rolls, fast: LayeredNip) -> tuple[FemNip, RollOver]:
    """Strip, laws, roll and way of a case whose fast solution gives the loaded roll and the length of contact."""
    layers = case.web.layer[::-1]  # the mesh begins at the foil
    heights = [layer.thickness * 1e3 for layer in layers]
    length = fast.entry_x - fast.exit_x
    travels = 1.2 if case.fem.travel is None else case.fem.travel
    strip_length = travels * length + fast.entry_x + 0.4 * length
    x = np.linspace(0.0, strip_length, case.fem.elements_along + 1)
    end = float(x[np.searchsorted(x, travels * length)])  # on a node, so that meshes differ by their elements alone
    total = sum(heights)
    through = [max(1, round(case.fem.elements_through * height / total)) for height in heights]
    foil, sides = foil_of(case), web.sides
    membrane = Membrane()
    if not math.isinf(foil.modulus):
        membrane = Membrane(foil.plane_modulus * foil.thickness / sides, foil.plane_yield * foil.thickness / sides)
    constants = [_constants(case, index, fast, web) for index in range(len(layers) - 1, -1, -1)]
    nip = FemNip(make_strip(x, heights, through), law_table(constants), _surface(rolls, fast, web), membrane)
    element = strip_length / case.fem.elements_along
    path = RollOver(
        start=-fast.entry_x - element,
        end=end,
        step=element,
        friction=case.rolling.friction,
        window=(1.5 * length, fast.entry_x + 0.35 * length) if math.isinf(foil.modulus) else None,
    )
    return nip, path


def _surface(rolls: Rolls, fast: LayeredNip, web: LayeredWeb) -> Surface:
    """Half the gap of a web coated on both sides; of one side the whole gap over a flat foil, with both curvatures."""
    radius = rolls.radius * web.sides / 2.0
    if math.isinf(rolls.modulus):
        return cylinder(radius, (fast.loaded_gap - web.foil_thickness) / web.sides)
    return flattened(radius, fast.x, (fast.gap - web.foil_thickness) / web.sides)


def _constants(case: NipCase, index: int, fast: LayeredNip, web: LayeredWeb) -> Constants:
    """Law of a layer at its temperature: moduli and strength fall alike."""
    layer = case.web.layer[index]
    factor = float(web.layers[index].stress_factor(np.array(case.rolling.web_temperature)))
    if layer.closure is not None:
        cap, compaction, strength = cap_constants(cap_of(layer))
    else:
        closure = web.layers[index].closure
        assert not isinstance(closure, PowerClosure)
        cap, compaction, strength = measured_constants(closure, float(fast.layer_strain[:, index].max()))
    softer = Cap(cap.modulus * factor, cap.poisson, cap.slope, cap.shift, cap.p_c0 * factor, cap.k)
    return softer, compaction, strength + math.log(factor)


def _keep_partial(nip: FemNip, failure: StepFailure, porosity: np.ndarray, output: Path | None) -> Path:
    from kalander.runs.command.nip_fields import write_fields

    folder = Path("nip_fem_partial") if output is None else output
    return write_fields(read_fields(nip, failure.snapshot, porosity), folder)[0]


def _answer(case: NipCase, web: LayeredWeb, rolls: Rolls, found: _Pass) -> dict[str, Any]:
    fast, result = found.fast, found.result
    sides, foil = web.sides, web.foil_thickness
    order = np.argsort(result.x)
    inside = order[(result.x[order] > fast.x[0]) & (result.x[order] < fast.x[-1])]
    solid = sum(layer.thickness * (1.0 - layer.porosity) for layer in web.layers)
    return {
        "line_load_N_per_m": result.line_load * 1e3,
        "peak_pressure_Pa": result.peak_pressure * 1e6,
        "set_gap_m": fast.set_gap * 1e-3,
        "loaded_gap_m": (sides * result.minimum_thickness + foil) * 1e-3,
        "nip_angle_rad": math.asin(result.entry_x / rolls.radius),
        "entry_x_m": result.entry_x * 1e-3,
        "exit_x_m": result.exit_x * 1e-3,
        "peak_x_m": result.peak_x * 1e-3,
        "exit_thickness_m": (sides * result.exit_thickness + foil) * 1e-3,
        "coating_minimum_thickness_m": result.minimum_thickness * 1e-3,
        "coating_exit_thickness_m": result.exit_thickness * 1e-3,
        "springback": springback(result.exit_thickness, result.minimum_thickness),
        "porosity_nip": pores(solid, result.minimum_thickness),
        "porosity_mean": result.porosity_exit,
        "porosity_layers": result.porosity_layers[::-1].tolist(),
        "temperature_layers_K": [case.rolling.web_temperature] * len(case.web.layer),
        "layer_index": list(range(len(case.web.layer))),
        "deborah": None,
        "forward_slip": None,
        "foil_elongation": result.foil_stretch,
        "compaction_spread": result.compaction_spread,
        "friction_share": result.drag,
        "drift": number(result.drift),
        "ripple": number(result.ripple),
        "model": "fem",
        "roll_passes": found.passes,
        "steps": result.steps,
        "iterations": result.iterations,
        "cut_backs": result.cuts,
        "x_m": (result.x[inside] * 1e-3).tolist(),
        "pressure_Pa": (result.pressure[inside] * 1e6).tolist(),
        "notes": _notes(case, web, found),
        "fast": {"line_load_N_per_m": fast.line_load * 1e3, "peak_pressure_Pa": fast.peak_pressure * 1e6},
    }
