"""What cells with virtual coatings deliver, by closed forms; arrays of n cells of 1 m², SI.

Capacity is the active material's, or the anode's where that is less. Resistance is that of a porous electrode with
linear kinetics: Newman & Tobias, J. Electrochem. Soc. 109 (1962) 1183. Energy is capacity times mean voltage less
current times resistance: no diffusion in pores or particles limits it.
"""

import numpy as np

from kalander.continuum.closure.shift import GAS_CONSTANT
from kalander.continuum.nip.web import ROOM_TEMPERATURE
from kalander.coupling.cases.vary import CellSection
from kalander.coupling.scales import in_si
from kalander.twin.cell.parameters import FARADAY
from kalander.twin.variation.coating import Coatings, TransportCurves

__all__ = ["closed_cells", "porous_resistance"]


def porous_resistance(
    thickness: np.ndarray, ionic: np.ndarray, electronic: np.ndarray, transfer: np.ndarray
) -> np.ndarray:
    """Of an electrode at steady current [ohm m²]: conductivities of pores and solids [S/m], transfer a i₀ F/(R T)
    [S/m³].

    h/(κ+σ) [1 + (2 + (σ/κ + κ/σ) cosh ν)/(ν sinh ν)], ν² = h² a i₀ F/(R T) (1/κ + 1/σ): Newman & Tobias (1962).
    """
    nu = thickness * np.sqrt(transfer * (1.0 / ionic + 1.0 / electronic))
    ratio = electronic / ionic + ionic / electronic
    # over exp(ν), so that thick electrodes do not overflow
    decay = np.exp(-nu)
    hyperbolic, wave = 0.5 * (1.0 + decay**2), 0.5 * -np.expm1(-2.0 * nu)
    return thickness / (ionic + electronic) * (1.0 + (2.0 * decay + ratio * hyperbolic) / (nu * wave))


def closed_cells(
    coatings: Coatings, pores: np.ndarray, curves: TransportCurves, cell: CellSection, *, density: float,
    nominal_capacity: float,
) -> dict[str, np.ndarray]:  # fmt: skip
    """capacity [A s/m²], resistance [ohm m²], energy [J/m²] of coatings pressed to porosities; density of the active
    material [kg/m³], capacity that the anode was made for [A s/m²]."""
    thickness = coatings.pressed_thickness(pores)
    active = coatings.fractions(pores)["active"] * curves.connected
    held = active * thickness * density * cell.specific_capacity
    capacity = np.minimum(held, cell.anode_excess * nominal_capacity)
    surface = 3.0 * active / (curves.size * coatings.size)
    transfer = surface * cell.exchange_current * FARADAY / (GAS_CONSTANT * ROOM_TEMPERATURE)
    ionic = cell.electrolyte_conductivity * curves.ratio(pores)
    resistance = porous_resistance(thickness, ionic, curves.sigma(pores), transfer) + cell.other_resistance
    current = cell.rate * nominal_capacity / in_si(1.0, "h")
    return {
        "capacity": capacity, "resistance": resistance, "energy": capacity * (cell.mean_voltage - current * resistance)
    }  # fmt: skip
