"""From a nip case in SI to the continuum's objects in mm, MPa, s, K."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from kalander.continuum.closure.cap import Cap
from kalander.continuum.closure.cap_closure import CapClosure
from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT, Closure
from kalander.continuum.closure.laws import PowerClosure
from kalander.continuum.nip.column import Layer
from kalander.continuum.nip.foil import Foil
from kalander.continuum.nip.heat import HeatPath
from kalander.continuum.nip.layered_result import LayeredNip
from kalander.continuum.nip.layered_web import LayeredWeb
from kalander.continuum.nip.layers import roll_layers
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.web import Web
from kalander.coupling.cases.nip import NipCase, NipPass, WebLayer
from kalander.coupling.homogenise.closure import CLOSURE, closure_from
from kalander.coupling.store.store import read
from kalander.kernels.errors import Fault, InputError

__all__ = ["closure_of", "foil_of", "heat_of", "is_plain", "layered_web", "plain_web", "roll_case", "rolls_of_case"]

# volumetric heat capacity [MPa/K] and conductivity [N/(s K)] of foils; Kaye & Laby, thermal properties of metals
METAL_HEAT = {"aluminium": (2.43, 236.0), "copper": (3.45, 401.0)}


POROSITY_TOLERANCE = 0.005  # by which a layer may differ from its closure: porosities are given in whole per cent


def closure_of(layer: WebLayer, index: int = 0) -> Closure:
    """Closure of a layer [MPa]; index: its place in the case.

    Raises InputError for a cap that makes none and for a closure of another porosity, CheckpointError for a bad file.
    """
    key = f"web.layer[{index}]"
    try:
        closure = _closure(layer)
    except InputError as unfit:
        raise InputError([replace(fault, where=f"{key}.{fault.where}") for fault in unfit.faults]) from None
    free = getattr(closure, "porosity", layer.porosity)
    if abs(free - layer.porosity) > POROSITY_TOLERANCE:
        why = f"is not that of its closure, {free:.4g}: a coating of another porosity is pressed along another curve"
        allowed = f"{free:.4g} within {POROSITY_TOLERANCE:g}, or the closure of boxes packed to {layer.porosity:g}"
        raise InputError(Fault(f"{key}.porosity", layer.porosity, why, allowed))
    return closure


def _closure(layer: WebLayer) -> Closure:
    if layer.closure_file is not None:
        return closure_from(read(Path(layer.closure_file), CLOSURE))
    law = layer.closure
    assert law is not None  # the case has just one of both
    if law.law == "power":
        assert law.p0 is not None
        assert law.unload_modulus is not None
        return PowerClosure(law.p0 * 1e-6, law.k, law.unload_modulus * 1e-6)
    return CapClosure(cap_of(layer), math.log(SOLID_FRACTION_LIMIT / (1.0 - layer.porosity)))


def cap_of(layer: WebLayer) -> Cap:
    """Constants of a layer with the law "cap" [MPa]."""
    law = layer.closure
    assert law is not None
    values = (law.modulus, law.poisson, law.M, law.chi, law.p_c0)
    modulus, poisson, slope, shift, p_c0 = (0.0 if value is None else value for value in values)
    return Cap(modulus * 1e-6, poisson, slope, shift, p_c0 * 1e-6, law.k)


def is_plain(case: NipCase) -> bool:
    """One layer at one temperature, at once and at its reference: the fast model without layers will do."""
    (first, *others) = case.web.layer
    given = first.over_time
    even = not case.rolling.heats and (
        given.softening == 0.0 or case.rolling.web_temperature == given.reference_temperature
    )
    return not others and not case.further_pass and even and not given.relaxation and given.viscous_time == 0.0


def plain_web(case: NipCase) -> Web:
    """Web of a plain case [mm]."""
    (layer,) = case.web.layer
    return Web(closure_of(layer), layer.thickness * 1e3, layer.porosity, case.foil.thickness * 1e3, case.web.sides)


def layered_web(case: NipCase) -> tuple[LayeredWeb, np.ndarray]:
    """Web [mm] and the layer of the case that each layer of it belongs to.

    Where temperature varies through the coating its layers are cut in slices, in proportion to thickness.
    """
    total = sum(layer.thickness for layer in case.web.layer)
    heated = any(one.heats for one in (case.rolling, *case.further_pass))
    layers: list[Layer] = []
    owner: list[int] = []
    for index, layer in enumerate(case.web.layer):
        parts = max(1, round(case.web.slices * layer.thickness / total)) if heated else 1
        given = layer.over_time
        closure = closure_of(layer, index)
        for _ in range(parts):
            layers.append(
                Layer(
                    closure=closure,
                    thickness=layer.thickness * 1e3 / parts,
                    porosity=layer.porosity,
                    softening=given.softening,
                    reference_temperature=given.reference_temperature,
                    relaxation=tuple((branch.weight, branch.time) for branch in given.relaxation),
                    viscous_time=given.viscous_time,
                    conductivity=layer.conductivity,
                    heat_capacity=layer.heat_capacity * 1e-6,
                )
            )
            owner.append(index)
    return LayeredWeb(tuple(layers), case.foil.thickness * 1e3, case.web.sides), np.array(owner)


def rolls_of_case(case: NipCase) -> Rolls:
    """Rolls [mm, MPa]; rigid ones stand in a rigid stand."""
    given = case.rolls
    if not given.elastic:
        return Rolls(given.diameter / 2 * 1e3, math.inf, given.poisson)
    face = given.diameter if given.face is None else given.face
    compliance = 0.0 if given.stand_stiffness is None else face * 1e3 / (given.stand_stiffness * 1e-3)
    return Rolls(given.diameter / 2 * 1e3, given.modulus * 1e-6, given.poisson, compliance)


def heat_of(case: NipCase, rolling: NipPass) -> HeatPath:
    """Temperatures and conductances of a pass."""
    capacity, conductivity = METAL_HEAT.get(case.foil.material.name, METAL_HEAT["aluminium"])
    return HeatPath(
        web_temperature=rolling.web_temperature,
        roll_temperature=rolling.roll_temperature,
        conductance=case.rolls.contact_conductance * 1e-3,
        foil_thickness=case.foil.thickness * 1e3,
        foil_capacity=capacity,
        foil_conductivity=conductivity,
    )


def roll_case(case: NipCase, rolling: NipPass, web: LayeredWeb, rolls: Rolls) -> LayeredNip:
    """One pass of the layered web at the pass's setting."""

    def in_mm(value: float | None, factor: float) -> float | None:
        return None if value is None else value * factor

    return roll_layers(
        web,
        rolls,
        speed=rolling.speed * 1e3,
        gap=in_mm(rolling.gap, 1e3),
        line_load=in_mm(rolling.line_load, 1e-3),
        exit_thickness=in_mm(rolling.exit_thickness, 1e3),
        heat=heat_of(case, rolling),
    )


def foil_of(case: NipCase) -> Foil:
    """Foil [mm, MPa]; no modulus: rigid, no yield strength: elastic."""
    metal = case.foil.material
    return Foil(
        thickness=case.foil.thickness * 1e3,
        modulus=math.inf if metal.modulus is None else metal.modulus * 1e-6,
        poisson=metal.poisson,
        yield_strength=math.inf if metal.yield_strength is None else metal.yield_strength * 1e-6,
    )
