"""What is read off a solved nip."""

import math
from dataclasses import dataclass

import numpy as np

from kalander.continuum.closure.springback import porosity_at_strain, porosity_released, recovery_strain
from kalander.continuum.nip.newton import Profile
from kalander.continuum.nip.roll import Rolls, entry_angle
from kalander.continuum.nip.web import Web
from kalander.kernels.quantities import springback

__all__ = ["NipResult", "read_result"]


@dataclass(frozen=True, eq=False)
class NipResult:
    """The loaded nip. Arrays of shape (n,), x ascending from exit to entry.

    x [mm] from the centre line, the web moves towards -x; pressure [MPa]; gap [mm] between the rolls, foil included,
    which within [exit_x, entry_x] is the thickness of the web. line_load [N/mm]; set_gap [mm]: gap of the unloaded
    rolls; loaded_gap [mm]: their smallest distance. nip_angle [rad]: angle of entry. Coating thicknesses [mm] are of
    one side, web_exit_thickness has foil and all sides. springback: (h_exit - h_min) / h_min of the coating.
    porosity_nip at the thinnest place, porosity_exit after release. residual [mm]: largest imbalance of the gap
    equation; an unconverged nip is an error, never a result. iterations: Newton iterations over all grids.
    """

    x: np.ndarray
    pressure: np.ndarray
    gap: np.ndarray
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
    web_exit_thickness: float
    springback: float
    porosity_nip: float
    porosity_exit: float
    iterations: int
    residual: float


def read_result(web: Web, rolls: Rolls, profile: Profile, iterations: int) -> NipResult:
    """What is read off a solution."""
    thickness, pressure, x = profile.thickness, profile.column.pressure, profile.grid.x
    thinnest = int(np.argmin(thickness))
    minimum = float(thickness[thinnest])
    strain = web.strain_at(minimum)
    exit_thickness = minimum * math.exp(float(recovery_strain(web.closure, np.array(strain))))
    entry_x = _crossing(x, thickness, thinnest, 1, web.coating_total)
    porosity_nip = porosity_at_strain(web.porosity, strain)
    return NipResult(
        x=x,
        pressure=pressure,
        gap=thickness + web.foil_thickness,
        line_load=profile.grid.spacing * float(np.sum(pressure)),
        peak_pressure=float(np.max(pressure)),
        set_gap=profile.set_gap + web.foil_thickness,
        loaded_gap=minimum + web.foil_thickness,
        nip_angle=entry_angle(rolls, entry_x),
        entry_x=entry_x,
        exit_x=_crossing(x, thickness, thinnest, -1, exit_thickness),
        peak_x=float(x[np.argmax(pressure)]),
        coating_minimum_thickness=minimum / web.sides,
        coating_exit_thickness=exit_thickness / web.sides,
        web_exit_thickness=exit_thickness + web.foil_thickness,
        springback=springback(exit_thickness, minimum),
        porosity_nip=porosity_nip,
        porosity_exit=porosity_released(porosity_nip, minimum, exit_thickness),
        iterations=iterations,
        residual=profile.residual,
    )


def _crossing(x: np.ndarray, thickness: np.ndarray, start: int, direction: int, level: float) -> float:
    """Where the thickness first reaches a level on the way from the start node, linear between nodes [mm]."""
    way = slice(start, None, direction)
    x_way, thickness_way = x[way], thickness[way]
    after = int(np.argmax(thickness_way >= level))
    before = after - 1
    share = (level - thickness_way[before]) / (thickness_way[after] - thickness_way[before])
    return float(x_way[before] + share * (x_way[after] - x_way[before]))
