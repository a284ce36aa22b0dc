"""Temperature through the thickness while the web is between the rolls: conduction with contact conductance.

Units: mm, MPa, s, K; conductivity N/(s K) = W/(m K), conductance N/(mm s K) = 1e-3 W/(m2 K), heat capacity MPa/K.
Cells are the layers of one side and the foil. The roll's surface keeps its temperature: steel stores forty times what
the web can take in the few milliseconds of contact. Plastic work heats the coating by less than 1 K at 100 MPa and
is left out.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_banded

from kalander.continuum.column import Layer
from kalander.kernels.errors import Fault, InputError

__all__ = ["HeatPath", "conduct", "web_cells"]

GAMMA = 1.0 - 0.5**0.5  # of the L-stable diagonally implicit scheme of second order; Alexander 1977


@dataclass(frozen=True)
class HeatPath:
    """Temperatures [K] of web and rolls at contact, conductance of a contact [N/(mm s K)], foil's heat data.

    foil_capacity [MPa/K] and foil_conductivity [N/(s K)] of the metal; foil_thickness [mm].
    """

    web_temperature: float
    roll_temperature: float
    conductance: float = 10.0
    foil_thickness: float = 0.0
    foil_capacity: float = 2.4
    foil_conductivity: float = 200.0

    def __post_init__(self) -> None:
        faults = [
            Fault(f"heat.{name}", getattr(self, name), "is no physical value", "above 0")
            for name in ("web_temperature", "roll_temperature", "conductance", "foil_capacity", "foil_conductivity")
            if not getattr(self, name) > 0.0
        ]
        if faults:
            raise InputError(faults)

    @property
    def even(self) -> bool:
        """Nothing flows."""
        return self.web_temperature == self.roll_temperature


def web_cells(layers: tuple[Layer, ...], heat: HeatPath, sides: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thickness, conductivity and heat capacity per area of the cells, roll side first, the foil's share last.

    Of a web coated on both sides half the foil belongs to each, and its middle passes no heat.
    """
    foil = heat.foil_thickness / sides
    thickness = np.array([layer.thickness for layer in layers] + [foil])
    conductivity = np.array([layer.conductivity for layer in layers] + [heat.foil_conductivity])
    capacity = np.array([layer.heat_capacity * layer.thickness for layer in layers] + [heat.foil_capacity * foil])
    keep = slice(None) if foil > 0.0 else slice(-1)
    return thickness[keep], conductivity[keep], capacity[keep]


def conduct(
    thickness: np.ndarray,
    conductivity: np.ndarray,
    capacity: np.ndarray,
    roll_side: np.ndarray,
    foil_side: np.ndarray,
    step: float,
    start: np.ndarray,
    roll_temperature: float,
) -> np.ndarray:
    """Temperatures [K] along the way, shape (n, cells).

    thickness [mm], shape (n, cells); conductivity, shape (cells,); capacity per area [MPa mm/K], shape (cells,);
    roll_side, foil_side: conductance of the outer contacts along the way [N/(mm s K)], shape (n,), 0 off the rolls;
    step [s]; start [K], shape (cells,). Second order in time and in the thickness of a cell.
    """
    temperature = np.array(start, dtype=float)
    along = np.empty(thickness.shape)
    half = 0.5 * thickness / conductivity
    inner = 1.0 / (half[:, :-1] + half[:, 1:])
    outer = [contact / (1.0 + contact * half[:, cell]) for contact, cell in ((roll_side, 0), (foil_side, -1))]
    for row in range(thickness.shape[0]):
        if roll_side[row] > 0.0 or foil_side[row] > 0.0:
            band, source = _balance(inner[row], outer[0][row], outer[1][row], capacity, roll_temperature)
            system = -GAMMA * step * band
            system[1] += 1.0
            first = solve_banded((1, 1), system, _apply(band, temperature) + source)
            middle = temperature + (1.0 - GAMMA) * step * first
            second = solve_banded((1, 1), system, _apply(band, middle) + source)
            temperature = temperature + step * ((1.0 - GAMMA) * first + GAMMA * second)
        along[row] = temperature
    return along


def _balance(
    inner: np.ndarray, roll: float, foil: float, capacity: np.ndarray, roll_temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """Banded matrix and source of dT/dt, shapes (3, cells) and (cells,)."""
    band, source = np.zeros((3, capacity.size)), np.zeros(capacity.size)
    band[0, 1:] = inner / capacity[:-1]
    band[2, :-1] = inner / capacity[1:]
    band[1, :-1] -= inner / capacity[:-1]
    band[1, 1:] -= inner / capacity[1:]
    for cell, conductance in ((0, roll), (-1, foil)):
        band[1, cell] -= conductance / capacity[cell]
        source[cell] += conductance * roll_temperature / capacity[cell]
    return band, source


def _apply(band: np.ndarray, values: np.ndarray) -> np.ndarray:
    result = band[1] * values
    result[:-1] += band[0, 1:] * values[1:]
    result[1:] += band[2, :-1] * values[:-1]
    return result
