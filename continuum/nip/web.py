"""The web before the nip: foil with coating on one or both sides."""

import math
from dataclasses import dataclass

import numpy as np

from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT, Closure, ClosureRangeError
from kalander.continuum.closure.springback import lasting_strain, recovery_strain
from kalander.kernels.errors import Fault, InputError

__all__ = ["Web", "refuse_beyond_closure"]


@dataclass(frozen=True)
class Web:
    """Foil with the same coating on one or both sides, before the nip.

    coating_thickness [mm] of one side; porosity of the free coating; foil_thickness [mm]; sides 1 or 2.
    """

    closure: Closure
    coating_thickness: float
    porosity: float
    foil_thickness: float = 0.0
    sides: int = 2

    def __post_init__(self) -> None:
        faults = []
        if not 0.0 < self.coating_thickness < math.inf:
            faults.append(Fault("web.coating_thickness", self.coating_thickness, "is no thickness", "above 0 mm"))
        if not 1.0 - SOLID_FRACTION_LIMIT < self.porosity < 1.0:
            allowed = f"above {1.0 - SOLID_FRACTION_LIMIT:.2g}, below 1"
            faults.append(Fault("web.porosity", self.porosity, "leaves nothing to compress or nothing at all", allowed))
        if not 0.0 <= self.foil_thickness < math.inf:
            faults.append(Fault("web.foil_thickness", self.foil_thickness, "is no thickness", "0 mm or more"))
        if self.sides not in (1, 2):
            faults.append(Fault("web.sides", self.sides, "is no number of coated sides", "1 or 2"))
        if faults:
            raise InputError(faults)

    @property
    def coating_total(self) -> float:
        """Thickness of the coating of all sides [mm]."""
        return self.sides * self.coating_thickness

    @property
    def thickness(self) -> float:
        """Coating and foil [mm]."""
        return self.coating_total + self.foil_thickness

    @property
    def strain_limit(self) -> float:
        """Where the closure ends or the solid fraction reaches its limit, whichever comes first."""
        return min(self.closure.strain_limit, math.log(SOLID_FRACTION_LIMIT / (1.0 - self.porosity)))

    @property
    def floor(self) -> float:
        """Thickness of the coating of all sides at the strain limit [mm]."""
        return self.coating_total * math.exp(-self.strain_limit)

    def strain_at(self, minimum: float) -> float:
        """Strain where the coating of all sides is this thin [mm]: 0 where the rolls are apart, at most the limit."""
        return min(max(math.log(self.coating_total / max(minimum, self.floor)), 0.0), self.strain_limit)


def refuse_beyond_closure(web: Web, minimum: float) -> None:
    """Raise ClosureRangeError where the closure says nothing, or says that the web leaves thicker than it came."""
    # a hundred tolerances of slack: a peak asked for at the very limit is met within the solver's tolerance
    if minimum < web.floor - 1e-7 * web.coating_total:
        raise ClosureRangeError(
            f"the nip presses the coating of all sides thinner than {1e3 * web.floor:.6g} um (strain "
            f"{web.strain_limit:.4g}), where its closure ends; open the gap or lower the load, or press the particle "
            "boxes further"
        )
    strain = web.strain_at(minimum)
    if strain > 0.0 and lasting_strain(web.closure, np.array(strain)) <= 0.0:
        recovered = float(recovery_strain(web.closure, np.array(strain)))
        raise ClosureRangeError(
            f"released from strain {strain:.4g} the coating would recover {recovered:.4g}: "
            "the unloading modulus is too low for the pressure; check the closure"
        )
