"""The nip by finite elements, under the rolls as the fast model has flattened them.

A line load or an exit thickness that is asked for is that of the elements: the fast model sets the rolls, the elements
say what they carry there, and its setting is moved until both agree. Units: mm, MPa, N per mm of width.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from kalander.continuum.closure.cap import Cap
from kalander.continuum.closure.cap_closure import CapClosure
from kalander.continuum.closure.laws import PowerClosure
from kalander.continuum.elements.closure import Constants, cap_constants, law_table, measured_constants
from kalander.continuum.elements.contact import Surface, cylinder, flattened
from kalander.continuum.elements.nip import StepFailure, roll_over
from kalander.continuum.elements.result import FemResult, read_fields, read_pass
from kalander.continuum.elements.step import FemNip, FemSnapshot, Membrane, RollOver
from kalander.continuum.elements.web import make_strip
from kalander.continuum.nip.layers import roll_layers
from kalander.continuum.nip.read import range_notes
from kalander.continuum.nip.result import ElementFields, ElementReport, NipResult
from kalander.continuum.nip.roll import Rolls, entry_angle
from kalander.continuum.nip.setting import SETTINGS, Mesh, Pass, exit_thickness_of
from kalander.continuum.nip.web import Layer, Web, cut
from kalander.kernels.errors import Fault, InputError, NumericalError
from kalander.kernels.quantities import porosity, springback

__all__ = ["ElementsStopped", "roll_elements"]

TOLERANCE = {"line_load": 5e-3, "exit_thickness": 1e-3, "peak_pressure": 1e-2}  # relative, of what is asked for
MOST_PASSES = 5
STEADY = 5e-3  # relative movement of the line load above which the answer says so
APART = 0.05  # relative difference from the fast model above which the answer says so; caps agree within 2 %


class ElementsStopped(NumericalError):
    """A step of the elements failed however short; `fields` of the last state, `step` where it failed."""

    def __init__(self, message: str, fields: ElementFields, step: int) -> None:
        super().__init__(message)
        self.fields, self.step = fields, step


@dataclass(frozen=True, eq=False)
class _Case:
    """What is rolled: the web, and for the fast model the same in slices where heat flows; owner of each slice."""

    web: Web
    sliced: Web
    owner: np.ndarray
    rolls: Rolls
    mesh: Mesh

    @property
    def porosity(self) -> np.ndarray:
        """Of the free layers from the foil up, as the mesh has them."""
        return np.array([layer.porosity for layer in self.web.layers[::-1]])


@dataclass(frozen=True, eq=False)
class _Passed:
    """The elements' pass, and the fast model's at the same setting of the rolls; passes: how many it took."""

    fast: NipResult
    nip: FemNip
    last: FemSnapshot
    result: FemResult
    passes: int = 1


def roll_elements(web: Web, rolls: Rolls, one_pass: Pass, mesh: Mesh) -> NipResult:
    """One pass by finite elements.

    The fast model turns the setting into the shape of the loaded rolls, which the elements then roll under. Raises
    InputError for what they cannot do, ElementsStopped where a step fails, NumericalError where what is asked for is
    not reached.
    """
    _refuse(web, one_pass)
    sliced, owner = cut(web) if one_pass.heats else (web, np.arange(len(web.layers)))
    case = _Case(web, sliced, owner, rolls, mesh)
    found = _passed_as_asked(case, one_pass)
    return _read(case, one_pass, found)


def _refuse(web: Web, one_pass: Pass) -> None:
    """Raise InputError with all that the finite elements do not know."""
    faults = []
    for index, layer in enumerate(web.layers):
        key = f"web.layer[{index}].closure"
        if isinstance(layer.closure, PowerClosure):
            why = "is a curve of one stress, from which finite elements cannot make a material"
            faults.append(Fault(f"{key}.law", "power", why, 'law = "cap", a closure file of a study, or --model fast'))
        if layer.relaxation or layer.viscous_time > 0.0:
            what = f"{len(layer.relaxation)} branches"
            faults.append(Fault(f"{key}.relaxation", what, "is not known to finite elements", "none, or --model fast"))
        if layer.softening > 0.0 and one_pass.heats:
            why = "with heat flowing is not known to finite elements"
            faults.append(Fault(f"{key}.softening", layer.softening, why, "equal temperatures, or --model fast"))
    if faults:
        raise InputError(faults)


def _passed_as_asked(case: _Case, one_pass: Pass) -> _Passed:
    """The pass at the setting of the fast model that gives the elements what is asked for: secant on logarithms."""
    if one_pass.porosity is not None:
        one_pass = replace(one_pass, porosity=None, exit_thickness=exit_thickness_of(case.web, one_pass.porosity))
    control, asked = one_pass.setting
    tried: list[tuple[float, float]] = []  # logarithms of the setting and of what it gave, both over what is asked
    setting = 0.0
    for passes in range(1, MOST_PASSES + 1):
        found = _passed(case, replace(one_pass, **{control: asked * math.exp(setting)}))
        if control == "gap":
            return found
        error = math.log(_reached(found.result, case.web, control) / asked)
        if abs(error) <= TOLERANCE[control]:
            return replace(found, passes=passes)
        slope = 1.0
        if tried:
            before, error_before = tried[-1]
            slope = (error - error_before) / (setting - before)
        tried.append((setting, error))
        # a slope of the wrong sign or size is that of two settings too close to each other
        setting -= error / min(max(slope, 0.3), 3.0)
    raise NumericalError(
        f"pass.{control}: {asked:.6g} {SETTINGS[control]} was asked for and the elements reach "
        f"{asked * math.exp(error):.6g} after {MOST_PASSES} passes; raise fem.elements_along and fem.travel, or give "
        "the gap"
    )


def _reached(result: FemResult, web: Web, control: str) -> float:
    """Line load [N/mm], peak pressure [MPa] or exit thickness of the web [mm] of the elements."""
    if control == "exit_thickness":
        return web.sides * result.exit_thickness + web.foil_thickness
    return result.line_load if control == "line_load" else result.peak_pressure


def _passed(case: _Case, one_pass: Pass) -> _Passed:
    fast = roll_layers(case.sliced, case.rolls, one_pass)
    nip, path = _build(case, one_pass, fast)
    history: list[FemSnapshot] = []
    try:
        history.extend(roll_over(nip, path))
    except StepFailure as failure:
        raise ElementsStopped(
            str(failure), read_fields(nip, failure.snapshot, case.porosity), failure.step
        ) from failure
    return _Passed(fast, nip, history[-1], read_pass(nip, history, case.porosity))


def _build(case: _Case, one_pass: Pass, fast: NipResult) -> tuple[FemNip, RollOver]:
    """Strip, laws, roll and way, whose fast solution gives the loaded roll and the length of contact."""
    layers, mesh, foil, sides = case.web.layers[::-1], case.mesh, case.web.foil, case.web.sides  # from the foil up
    heights = [layer.thickness for layer in layers]
    length = fast.entry_x - fast.exit_x
    travels = 1.2 if mesh.travel is None else mesh.travel
    strip_length = travels * length + fast.entry_x + 0.4 * length
    x = np.linspace(0.0, strip_length, mesh.elements_along + 1)
    end = float(x[np.searchsorted(x, travels * length)])  # on a node, so that meshes differ by their elements alone
    total = sum(heights)
    through = [max(1, round(mesh.elements_through * height / total)) for height in heights]
    membrane = Membrane()
    if foil is not None and not math.isinf(foil.modulus):
        membrane = Membrane(foil.plane_modulus * foil.thickness / sides, foil.plane_yield * foil.thickness / sides)
    assert fast.layer_strain is not None  # of layers
    largest = [float(fast.layer_strain[:, case.owner == index].max()) for index in range(len(layers))][::-1]
    constants = [
        _constants(layer, strain, one_pass.web_temperature) for layer, strain in zip(layers, largest, strict=True)
    ]
    nip = FemNip(make_strip(x, heights, through), law_table(constants), _surface(case.rolls, fast, case.web), membrane)
    element = strip_length / mesh.elements_along
    path = RollOver(
        start=-fast.entry_x - element,
        end=end,
        step=element,
        friction=one_pass.friction,
        window=(1.5 * length, fast.entry_x + 0.35 * length) if math.isinf(membrane.stiffness) else None,
    )
    return nip, path


def _surface(rolls: Rolls, fast: NipResult, web: Web) -> Surface:
    """Half the gap of a web coated on both sides; of one side the whole gap over a flat foil, with both curvatures."""
    radius = rolls.radius * web.sides / 2.0
    if math.isinf(rolls.modulus):
        return cylinder(radius, (fast.loaded_gap - web.foil_thickness) / web.sides)
    assert fast.gap is not None  # of the fast model
    return flattened(radius, fast.x, (fast.gap - web.foil_thickness) / web.sides)


def _constants(layer: Layer, strain: float, temperature: float) -> Constants:
    """Law of a layer at its temperature [K], moduli and strength falling alike; strain: the largest in the nip."""
    factor = float(layer.stress_factor(np.array(temperature)))
    cap, compaction, strength = (
        cap_constants(layer.closure.cap)
        if isinstance(layer.closure, CapClosure)
        else measured_constants(layer.closure, strain)
    )
    softer = Cap(cap.modulus * factor, cap.poisson, cap.slope, cap.shift, cap.p_c0 * factor, cap.k)
    return softer, compaction, strength + math.log(factor)


def _notes(case: _Case, one_pass: Pass, found: _Passed) -> list[str]:
    """What of the case the elements simplify, how they came to what is asked for, and what is not converged."""
    notes = []
    exponents = sorted({float(getattr(layer.closure, "unload_exponent", 1.0)) for layer in case.web.layers} - {1.0})
    if exponents:
        notes.append(
            f"measured release curves (exponent {', '.join(f'{m:g}' for m in exponents)}) are replaced by straight "
            "ones of the same recovery: the release side carries more load than it should"
        )
    result, (control, asked) = found.result, one_pass.setting
    if found.passes > 1 and control != "porosity":
        notes.append(
            f"pass.{control} {asked:.6g} {SETTINGS[control]} was asked for and "
            f"{_reached(result, case.web, control):.6g} reached in {found.passes} passes (tolerance "
            f"{TOLERANCE[control]:.1%}); there the fast model has {found.fast.line_load:.4g} N/mm"
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
            f"{STEADY:.1%}; raise fem.elements_along (here {case.mesh.elements_along})"
        )
    return notes


def _read(case: _Case, one_pass: Pass, found: _Passed) -> NipResult:
    fast, result, web = found.fast, found.result, case.web
    order = np.argsort(result.x)
    inside = order[(result.x[order] > fast.x[0]) & (result.x[order] < fast.x[-1])]
    return NipResult(
        model="elements",
        x=result.x[inside],
        pressure=result.pressure[inside],
        line_load=result.line_load,
        peak_pressure=result.peak_pressure,
        set_gap=fast.set_gap,
        loaded_gap=web.sides * result.minimum_thickness + web.foil_thickness,
        nip_angle=entry_angle(case.rolls, result.entry_x),
        entry_x=result.entry_x,
        exit_x=result.exit_x,
        peak_x=result.peak_x,
        coating_minimum_thickness=result.minimum_thickness,
        coating_exit_thickness=result.exit_thickness,
        exit_thickness=web.sides * result.exit_thickness + web.foil_thickness,
        springback=springback(result.exit_thickness, result.minimum_thickness),
        porosity_nip=porosity(sum(layer.solid for layer in web.layers), result.minimum_thickness),
        porosity_exit=result.porosity_exit,
        porosity_layers=result.porosity_layers[::-1],
        temperature_layers=np.full(len(web.layers), one_pass.web_temperature),
        layer_index=np.arange(len(web.layers)),
        elements=ElementReport(
            compaction_spread=result.compaction_spread,
            friction_share=result.drag,
            foil_stretch=result.foil_stretch,
            drift=result.drift,
            ripple=result.ripple,
            roll_passes=found.passes,
            steps=result.steps,
            cut_backs=result.cuts,
            fast_line_load=fast.line_load,
            fast_peak_pressure=fast.peak_pressure,
            fields=read_fields(found.nip, found.last, case.porosity),
        ),
        notes=(*_notes(case, one_pass, found), *range_notes(web, result.peak_pressure)),
        iterations=result.iterations,
    )
