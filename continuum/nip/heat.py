"""Temperature through the thickness while the web is between the rolls: conduction with contact conductance.

Units: mm, MPa, s, K; conductivity N/(s K) = W/(m K), conductance N/(mm s K) = kW/(m2 K), heat capacity MPa/K.
Cells are the layers of one side and the foil. The roll's surface keeps its temperature: steel stores forty times what
the web can take in the few milliseconds of contact. Plastic work heats the coating by less than 1 K at 100 MPa and
is left out.
"""

import numpy as np
from scipy.linalg.lapack import dgtsv

from kalander.continuum.nip.web import Web

__all__ = ["conduct", "web_cells"]

GAMMA = 1.0 - 0.5**0.5  # of the L-stable diagonally implicit scheme of second order; Alexander 1977


def web_cells(web: Web) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thickness, conductivity and heat capacity per area of the cells, roll side first, the foil's share last.

    Of a web coated on both sides half the foil belongs to each, and its middle passes no heat.
    """
    cells = [(layer.thickness, layer.conductivity, layer.heat_capacity) for layer in web.layers]
    if web.foil is not None:
        cells.append((web.foil.thickness / web.sides, web.foil.conductivity, web.foil.heat_capacity))
    thickness, conductivity, capacity = np.array(cells).T
    return thickness, conductivity, capacity * thickness


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
    roll = roll_side / (1.0 + roll_side * half[:, 0])
    foil = foil_side / (1.0 + foil_side * half[:, -1])
    upper, lower = inner / capacity[:-1], inner / capacity[1:]
    diagonal = np.zeros(thickness.shape)
    diagonal[:, :-1] -= upper
    diagonal[:, 1:] -= lower
    diagonal[:, 0] -= roll / capacity[0]
    diagonal[:, -1] -= foil / capacity[-1]
    source = np.zeros(thickness.shape)
    source[:, 0] = roll * roll_temperature / capacity[0]
    source[:, -1] += foil * roll_temperature / capacity[-1]
    for row in np.flatnonzero((roll_side > 0.0) | (foil_side > 0.0)):
        temperature = _step(temperature, lower[row], diagonal[row], upper[row], source[row], step)
        along[row] = temperature
    return _carried(along, (roll_side > 0.0) | (foil_side > 0.0), np.asarray(start, dtype=float))


def _step(
    temperature: np.ndarray, lower: np.ndarray, diagonal: np.ndarray, upper: np.ndarray, source: np.ndarray, step: float
) -> np.ndarray:
    """Two stages of dT/dt = A T + source, A with these three diagonals; the system of both is 1 - GAMMA step A."""
    share = GAMMA * step
    system = (-share * lower, 1.0 - share * diagonal, -share * upper)
    first = _solve(system, _rate(temperature, lower, diagonal, upper, source))
    middle = temperature + (1.0 - GAMMA) * step * first
    second = _solve(system, _rate(middle, lower, diagonal, upper, source))
    return temperature + step * ((1.0 - GAMMA) * first + GAMMA * second)


def _solve(system: tuple[np.ndarray, np.ndarray, np.ndarray], right: np.ndarray) -> np.ndarray:
    """LAPACK's tridiagonal solver itself: the checks of its wrappers cost ten times what it takes for 17 cells."""
    return dgtsv(*system, right)[3] if right.size > 1 else right / system[1]


def _rate(
    values: np.ndarray, lower: np.ndarray, diagonal: np.ndarray, upper: np.ndarray, source: np.ndarray
) -> np.ndarray:
    rate = diagonal * values + source
    rate[:-1] += upper * values[1:]
    rate[1:] += lower * values[:-1]
    return rate


def _carried(along: np.ndarray, touched: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Off the rolls a place keeps the temperature of the last one that touched them, at first that of the start."""
    last = np.maximum.accumulate(np.where(touched, np.arange(len(along)), -1))
    return np.where((last >= 0)[:, None], along[np.maximum(last, 0)], start)
