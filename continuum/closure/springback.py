"""What the coating recovers after the nip: thickness, porosity and mass.

Strain is ln(h_initial / h), positive in compression. Thicknesses in any one unit.
"""

import math

import numpy as np
from scipy.optimize import brentq

from kalander.continuum.closure.contract import Closure, ClosureRangeError
from kalander.kernels.quantities import porosity as pores

__all__ = ["lasting_strain", "porosity_at_strain", "porosity_released", "recovery_strain", "strain_released_to"]


def recovery_strain(closure: Closure, strain: np.ndarray) -> np.ndarray:
    """ln(h_released / h_min) = p / M after a release from `strain`: the unloading branch followed to zero pressure."""
    return closure.recovery_at(strain)


def lasting_strain(closure: Closure, strain: np.ndarray) -> np.ndarray:
    """ln(h_initial / h_released) after a release from `strain`."""
    return strain - recovery_strain(closure, strain)


def strain_released_to(closure: Closure, lasting: float, strain_limit: float) -> float:
    """Smallest strain from which a release leaves the lasting strain asked for.

    The recovery may outgrow the strain under high pressure, so the lasting strain need not increase throughout: the
    first crossing is looked for. Raises ClosureRangeError if no strain up to the limit leaves that much.
    """
    # 1000 samples: finer in strain than any table of a closure
    strains = np.linspace(0.0, strain_limit, 1001)
    left = lasting_strain(closure, strains)
    if np.max(left) < lasting:
        best = int(np.argmax(left))
        raise ClosureRangeError(
            f"no compression up to strain {strain_limit:.4g} leaves a lasting strain of {lasting:.4g}; the most is "
            f"{left[best]:.4g} at {float(closure.pressure_at(strains[best])):.4g} MPa; ask for a thicker exit"
        )
    after = int(np.argmax(left >= lasting))

    def excess(strain: float) -> float:
        return float(lasting_strain(closure, np.array(strain))) - lasting

    # xtol in strain: 1e-14 of a thickness is far below every discretisation error
    return float(brentq(excess, strains[after - 1], strains[after], xtol=1e-14))


def porosity_at_strain(porosity: float, strain: float) -> float:
    """1 - (1 - porosity) e^strain: uniaxial strain, incompressible solid, so solid fraction x thickness is constant."""
    return pores((1.0 - porosity) * math.exp(strain), 1.0)


def porosity_released(porosity_nip: float, minimum_thickness: float, exit_thickness: float) -> float:
    """1 - (1 - porosity_nip) h_min / h_out: the same solid in the recovered thickness."""
    return pores((1.0 - porosity_nip) * minimum_thickness, exit_thickness)
