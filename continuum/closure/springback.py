"""What the coating recovers after the nip: thickness, porosity and mass.

Strain is ln(h_initial / h), positive in compression. Thicknesses in any one unit.
"""

import math
from typing import TypeVar

import numpy as np
from scipy.optimize import brentq

from kalander.continuum.closure.contract import Closure, ClosureRangeError

__all__ = [
    "lasting_strain", "porosity_at_strain", "porosity_of", "recovery_strain", "springback_of", "strain_released_to",
]  # fmt: skip

Amount = TypeVar("Amount", float, np.ndarray)


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
    return 1.0 - (1.0 - porosity) * math.exp(strain)


def porosity_of(solid: Amount, thickness: Amount) -> Amount:
    """1 - solid / thickness of a coating whose thickness without pores is given, both in one unit."""
    return 1.0 - solid / thickness


def springback_of(loaded: float, released: float) -> float:
    """Thickness that a coating recovers over that under load: (h_released - h_loaded) / h_loaded."""
    return released / loaded - 1.0
