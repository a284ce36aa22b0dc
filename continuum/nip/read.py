"""What is read off a solved nip, of one layer and of several."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from kalander.continuum.closure.springback import porosity_at_strain, porosity_released, recovery_strain
from kalander.continuum.closure.validity import closure_notes
from kalander.continuum.nip.newton import Profile
from kalander.continuum.nip.result import NipResult, crossing
from kalander.continuum.nip.roll import Rolls, entry_angle
from kalander.continuum.nip.setting import Pass
from kalander.continuum.nip.stack_newton import StackProfile
from kalander.continuum.nip.web import Web
from kalander.kernels.quantities import porosity, springback

__all__ = ["range_notes", "read_open", "read_profile", "read_stack", "strain_at"]


def strain_at(web: Web, minimum: float) -> float:
    """Strain where the coating of a web of one layer is this thin [mm]: 0 where the rolls are apart, at most the
    limit."""
    (layer,) = web.layers
    return min(max(math.log(web.free_coating / max(minimum, web.floor)), 0.0), layer.strain_limit)


def range_notes(web: Web, peak_pressure: float) -> tuple[str, ...]:
    """What lies outside of what the closures were made from at a peak pressure [MPa], each sentence once."""
    closures = {id(layer.closure): layer.closure for layer in web.layers}.values()
    return tuple(dict.fromkeys(note for closure in closures for note in closure_notes(closure, peak_pressure)))


def _of_thickness(web: Web, minimum: float, leaving: float) -> dict[str, Any]:
    """What follows from the coating's thickness of all sides [mm] in the nip and behind it."""
    return {
        "loaded_gap": minimum + web.foil_thickness,
        "coating_minimum_thickness": minimum / web.sides,
        "coating_exit_thickness": leaving / web.sides,
        "exit_thickness": leaving + web.foil_thickness,
        "springback": springback(leaving, minimum),
    }


def _recovered(web: Web, coating: float, minimum: float) -> dict[str, Any]:
    """What follows from the coating's thickness of all sides [mm] after all delayed recovery."""
    return {
        "coating_recovered_thickness": coating / web.sides,
        "recovered_thickness": coating + web.foil_thickness,
        "springback_delayed": springback(coating, minimum),
    }


def read_profile(web: Web, rolls: Rolls, profile: Profile, iterations: int) -> NipResult:
    """The nip of one layer."""
    thickness, pressure, x = profile.thickness, profile.column.pressure, profile.grid.x
    (layer,) = web.layers
    minimum = float(np.min(thickness))
    strain = strain_at(web, minimum)
    leaving = minimum * math.exp(float(recovery_strain(layer.closure, np.array(strain))))
    entry_x = crossing(x, thickness, web.free_coating, 1)
    porosity_nip = porosity_at_strain(layer.porosity, strain)
    porosity_exit = porosity_released(porosity_nip, minimum, leaving)
    peak = float(np.max(pressure))
    return NipResult(
        model="fast",
        x=x,
        pressure=pressure,
        gap=thickness + web.foil_thickness,
        line_load=profile.grid.spacing * float(np.sum(pressure)),
        peak_pressure=peak,
        set_gap=profile.set_gap + web.foil_thickness,
        nip_angle=entry_angle(rolls, entry_x),
        entry_x=entry_x,
        exit_x=crossing(x, thickness, leaving, -1),
        peak_x=float(x[np.argmax(pressure)]),
        porosity_nip=porosity_nip,
        porosity_exit=porosity_exit,
        porosity_layers=np.array([porosity_exit]),
        porosity_layers_nip=np.array([porosity_nip]),
        layer_index=np.zeros(1, int),
        notes=range_notes(web, peak),
        iterations=iterations,
        residual=profile.residual,
        **_of_thickness(web, minimum, leaving),
        **_recovered(web, leaving, minimum),
    )


def read_stack(
    web: Web, rolls: Rolls, speed: float, profile: StackProfile, temperature: np.ndarray, iterations: int
) -> NipResult:
    """The nip of a stack of layers; temperature [K], shape (n, layers), in the order of time."""
    stack, pressure, x = profile.stack, profile.pressure, profile.x
    loaded = np.flatnonzero(pressure)
    out = min(int(loaded[-1]) + 1, x.size - 1)
    gap = stack.thickness + profile.opening
    thinnest = int(np.argmin(np.where(pressure > 0.0, stack.thickness, np.inf)))
    minimum, leaving = float(stack.thickness[thinnest]), float(stack.thickness[out])
    free = np.array([layer.thickness for layer in web.layers])
    solid = free * (1.0 - np.array([layer.porosity for layer in web.layers]))
    strain = np.column_stack([history.strain for history in stack.layers])
    lasting = np.array([history.lasting[out] for history in stack.layers])
    solid_total = web.sides * float(solid.sum())
    entry_x = crossing(x[::-1], gap[::-1], web.coating, 1)
    exit_x = crossing(x[::-1], gap[::-1], leaving, -1)
    peak = float(pressure.max())
    return NipResult(
        model="layers",
        x=x[::-1],
        pressure=pressure[::-1],
        gap=gap[::-1] + web.foil_thickness,
        layer_strain=strain[::-1],
        layer_temperature=temperature[::-1],
        line_load=profile.grid.spacing * float(pressure.sum()),
        peak_pressure=peak,
        set_gap=profile.set_gap + web.foil_thickness,
        nip_angle=entry_angle(rolls, entry_x),
        entry_x=entry_x,
        exit_x=exit_x,
        peak_x=float(x[np.argmax(pressure)]),
        porosity_nip=porosity(solid_total, minimum),
        porosity_exit=porosity(solid_total, leaving),
        porosity_layers=porosity(solid, free * np.exp(-strain[out])),
        porosity_layers_nip=porosity(solid, free * np.exp(-strain[thinnest])),
        temperature_layers=temperature[out],
        layer_index=np.arange(len(web.layers)),
        deborah=_deborah(web, speed, entry_x - exit_x),
        left=replace(web, pasts=tuple(history.past(out) for history in stack.layers)),
        notes=range_notes(web, peak),
        iterations=iterations,
        residual=profile.residual,
        **_of_thickness(web, minimum, leaving),
        **_recovered(web, web.sides * float(free @ np.exp(-lasting)), minimum),
    )


def read_open(web: Web, one_pass: Pass, note: str) -> NipResult:
    """The answer where the rolls do not touch the web, which passes as it comes; what only a contact has is nan."""
    solid = np.array([layer.solid for layer in web.layers])
    mean = porosity(float(solid.sum()), web.coating / web.sides)
    layers = porosity(solid, web.present)
    gap = math.nan if one_pass.gap is None else one_pass.gap
    at_last = replace(web, pasts=None if web.pasts is None else tuple(replace(p, elastic=0.0) for p in web.pasts))
    return NipResult(
        model="layers",
        x=np.zeros(0),
        pressure=np.zeros(0),
        gap=np.zeros(0),
        line_load=0.0,
        peak_pressure=0.0,
        set_gap=gap,
        nip_angle=math.nan,
        entry_x=math.nan,
        exit_x=math.nan,
        peak_x=math.nan,
        porosity_nip=mean,
        porosity_exit=mean,
        porosity_layers=layers,
        porosity_layers_nip=layers,
        temperature_layers=np.full(len(web.layers), one_pass.web_temperature),
        layer_index=np.arange(len(web.layers)),
        foil_note="the rolls do not touch the web",
        left=web,
        notes=(note,),
        **_of_thickness(web, web.coating, web.coating) | {"loaded_gap": gap},
        **_recovered(web, at_last.coating, web.coating),
    )


def _deborah(web: Web, speed: float, length: float) -> float | None:
    """Mean relaxation time, by weight and thickness, over the time in the nip."""
    weights = [(layer.thickness * weight, time) for layer in web.layers for weight, time in layer.relaxation]
    if not weights:
        return None
    time = sum(weight * time for weight, time in weights) / sum(weight for weight, _ in weights)
    return time * speed / length
