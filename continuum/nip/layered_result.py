"""What is read off a solved nip of layers."""

from dataclasses import dataclass

import numpy as np

from kalander.continuum.nip.column import LayerPast
from kalander.continuum.nip.layered_web import LayeredWeb
from kalander.continuum.nip.roll import Rolls, entry_angle
from kalander.continuum.nip.stack_newton import StackProfile
from kalander.kernels.quantities import porosity, springback

__all__ = ["LayeredNip", "read_stack"]


@dataclass(frozen=True, eq=False)
class LayeredNip:
    """The loaded nip of a layered web. Arrays over x ascending (exit to entry), shape (n,), and over layers.

    x, gap [mm], gap foil included; pressure [MPa]; layer_strain, layer_temperature [K], shape (n, layers).
    line_load [N/mm]; peak_pressure [MPa]; lengths [mm]; coating thicknesses of one side. exit: when the pressure ends;
    recovered: after all delayed springback. porosity_layers, temperature_layers: behind the nip, roll side first.
    deborah: relaxation time over the time in the nip, None without relaxation. pasts: what a next pass meets.
    iterations of Newton over all grids; residual [mm].
    """

    x: np.ndarray
    pressure: np.ndarray
    gap: np.ndarray
    layer_strain: np.ndarray
    layer_temperature: np.ndarray
    line_load: float
    peak_pressure: float
    set_gap: float
    loaded_gap: float
    nip_angle: float
    entry_x: float
    exit_x: float
    peak_x: float
    coating_minimum_thickness: float
    coating_exit_thickness: float
    coating_recovered_thickness: float
    web_exit_thickness: float
    web_recovered_thickness: float
    springback: float
    springback_delayed: float
    porosity_nip: float
    porosity_exit: float
    porosity_layers: np.ndarray
    porosity_layers_nip: np.ndarray
    temperature_layers: np.ndarray
    deborah: float | None
    pasts: tuple[LayerPast, ...]
    iterations: int
    residual: float


def read_stack(
    web: LayeredWeb, rolls: Rolls, speed: float, profile: StackProfile, temperature: np.ndarray, iterations: int
) -> LayeredNip:
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
    recovered = web.sides * float(free @ np.exp(-lasting))
    solid_total = web.sides * float(solid.sum())
    entry_x = _crossing(x[::-1], gap[::-1], web.coating, 1)
    exit_x = _crossing(x[::-1], gap[::-1], leaving, -1)
    return LayeredNip(
        x=x[::-1],
        pressure=pressure[::-1],
        gap=gap[::-1] + web.foil_thickness,
        layer_strain=strain[::-1],
        layer_temperature=temperature[::-1],
        line_load=profile.grid.spacing * float(pressure.sum()),
        peak_pressure=float(pressure.max()),
        set_gap=profile.set_gap + web.foil_thickness,
        loaded_gap=minimum + web.foil_thickness,
        nip_angle=entry_angle(rolls, entry_x),
        entry_x=entry_x,
        exit_x=exit_x,
        peak_x=float(x[np.argmax(pressure)]),
        coating_minimum_thickness=minimum / web.sides,
        coating_exit_thickness=leaving / web.sides,
        coating_recovered_thickness=recovered / web.sides,
        web_exit_thickness=leaving + web.foil_thickness,
        web_recovered_thickness=recovered + web.foil_thickness,
        springback=springback(leaving, minimum),
        springback_delayed=springback(recovered, minimum),
        porosity_nip=porosity(solid_total, minimum),
        porosity_exit=porosity(solid_total, leaving),
        porosity_layers=porosity(solid, free * np.exp(-strain[out])),
        porosity_layers_nip=porosity(solid, free * np.exp(-strain[thinnest])),
        temperature_layers=temperature[out],
        deborah=_deborah(web, speed, entry_x - exit_x),
        pasts=tuple(history.past(out) for history in stack.layers),
        iterations=iterations,
        residual=profile.residual,
    )


def _deborah(web: LayeredWeb, speed: float, length: float) -> float | None:
    """Mean relaxation time, by weight and thickness, over the time in the nip."""
    weights = [(layer.thickness * weight, time) for layer in web.layers for weight, time in layer.relaxation]
    if not weights:
        return None
    time = sum(weight * time for weight, time in weights) / sum(weight for weight, _ in weights)
    return time * speed / length


def _crossing(x: np.ndarray, gap: np.ndarray, level: float, direction: int) -> float:
    """Where the gap first reaches a level on the way from its narrowest place, linear between nodes [mm]."""
    narrowest = int(np.argmin(gap))
    x_way, gap_way = x[narrowest::direction], gap[narrowest::direction]
    after = int(np.argmax(gap_way >= level))
    if after == 0:
        return float(x_way[-1])
    share = (level - gap_way[after - 1]) / (gap_way[after] - gap_way[after - 1])
    return float(x_way[after - 1] + share * (x_way[after] - x_way[after - 1]))
