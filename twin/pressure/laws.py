"""Closed forms of compaction, forward and backward, with their slopes. All functions broadcast; units are the caller's.

Meyer et al., J. Mater. Process. Technol. 249 (2017) 172: porosity over line load. Heckel, Trans. Metall. Soc. AIME 221
(1961) 671: porosity over pressure.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kalander.kernels.quantities import porosity, solid_share

__all__ = [
    "Slopes", "heckel_porosity", "heckel_pressure", "heckel_slopes", "loaded_porosity", "meyer_load", "meyer_porosity",
    "meyer_slopes", "parabola_line_load", "released_porosity",
]  # fmt: skip

NODES = 64  # of Gauss and Legendre along a nip


def loaded_porosity(released: ArrayLike, springback: ArrayLike) -> np.ndarray:
    """ε_nip = 1 − (1 − ε)(1 + s) [1]: what the nip must reach so that a coating has ε after its springback s."""
    released, springback = _arrays(released, springback)
    return porosity(solid_share(released), 1.0 / (1.0 + springback))


def released_porosity(loaded: ArrayLike, springback: ArrayLike) -> np.ndarray:
    """The porosity behind the nip of a coating that has ε_nip in it [1]: the inverse of `loaded_porosity`."""
    loaded, springback = _arrays(loaded, springback)
    return porosity(solid_share(loaded), 1.0 + springback)


def meyer_porosity(load: ArrayLike, initial: ArrayLike, gamma: ArrayLike, least: ArrayLike) -> np.ndarray:
    """ε = ε_min + (ε_0 − ε_min) exp(−q/γ) [1] at a line load q in the unit of the compaction resistance γ."""
    load, initial, gamma, least = _arrays(load, initial, gamma, least)
    return np.asarray(least + (initial - least) * np.exp(-load / gamma))


def meyer_load(loaded: ArrayLike, initial: ArrayLike, gamma: ArrayLike, least: ArrayLike) -> np.ndarray:
    """q = γ ln[(ε_0 − ε_min)/(ε − ε_min)] in the unit of γ; inf at or below ε_min, 0 where nothing is to be pressed."""
    loaded, initial, gamma, least = _arrays(loaded, initial, gamma, least)
    over, room = loaded - least, np.maximum(initial - least, 0.0)
    ratio = np.maximum(room / np.where(over > 0, over, 1.0), 1.0)
    return np.where(over > 0, gamma * np.log(ratio), np.inf)


class Slopes(NamedTuple):
    """Slopes of the load by the porosity in the nip, the initial porosity, and the law's own two parameters."""

    loaded: float
    initial: float
    first: float
    second: float


def meyer_slopes(loaded: float, initial: float, gamma: float, least: float) -> Slopes:
    """Slopes of `meyer_load` by ε, ε_0, γ and ε_min, for ε_min < ε < ε_0."""
    low, high = 1.0 / (loaded - least), 1.0 / (initial - least)
    return Slopes(-gamma * low, gamma * high, float(np.log(low / high)), gamma * (low - high))


def heckel_porosity(pressure: ArrayLike, slope: ArrayLike, intercept: ArrayLike) -> np.ndarray:
    """ε = exp(−(K p + A)) [1] at a pressure in the unit of 1/K."""
    pressure, slope, intercept = _arrays(pressure, slope, intercept)
    return np.asarray(np.exp(-(slope * pressure + intercept)))


def heckel_pressure(loaded: ArrayLike, slope: ArrayLike, intercept: ArrayLike) -> np.ndarray:
    """p = (ln(1/ε) − A)/K; inf where no pores are left to ask for, 0 where nothing is to be pressed."""
    pores, slope, intercept = _arrays(loaded, slope, intercept)
    wanted = -np.log(np.where(pores > 0, pores, 1.0)) - intercept
    return np.where((pores > 0) & (slope > 0), np.maximum(wanted, 0.0) / slope, np.inf)


def heckel_slopes(loaded: float, slope: float, intercept: float) -> Slopes:
    """Slopes of `heckel_pressure` by ε, ε_0 (through A = ln(1/ε_0), where A was not measured), K and A."""
    pressure = float(heckel_pressure(loaded, slope, intercept))
    return Slopes(-1.0 / (loaded * slope), float(np.exp(intercept)) / slope, -pressure / slope, -1.0 / slope)


def parabola_line_load(
    pressure: Callable[[np.ndarray], np.ndarray], free: ArrayLike, least: ArrayLike, radius: float, sides: int = 1
) -> np.ndarray:
    """Line load q = ∫ p(h(x)) dx [pressure × length] up to the narrowest place of rigid rolls, without springback.

    pressure: of one coating's thickness, called with shape (..., NODES); free and least thickness of one coating,
    which broadcast; `sides` coatings share the gap g_0 + x²/R of two rolls. For p = A (1 − h/h_0)^n this is
    p_max L c_n with L² = sides R (h_0 − h_min), c_1 = 2/3, c_2 = 8/15.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    share = 0.5 * (nodes + 1.0)  # of the length of contact
    free, least = _arrays(free, least)
    drop = free - least
    length = np.sqrt(sides * radius * np.maximum(drop, 0.0))
    thickness = least[..., None] + drop[..., None] * share**2
    return np.asarray(0.5 * length * (pressure(thickness) @ weights))


def _arrays(*values: ArrayLike) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(value, dtype=float) for value in values)
