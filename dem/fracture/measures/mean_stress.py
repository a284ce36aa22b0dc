"""Criterion `mean_stress`: mean of the principal stresses, as Sangrós Giménez et al. 2020 judge."""

import numpy as np

from kalander.dem.fracture.crushing import Criterion, Loads

__all__ = ["CRITERION", "mean_stress"]


def mean_stress(loads: Loads) -> np.ndarray:
    """Mean of the principal stresses, 0 in tension: a particle's mean stress against its size-dependent strength.

    As Sangrós Giménez et al., Energy Technol. 8 (2020) 1900180, judge NMC111. A crush test gives 2 F/(π d²), 0.71 of
    what it gives by the other criteria.
    """
    return np.maximum(np.trace(loads.stress, axis1=1, axis2=2) / 3.0, 0.0)


CRITERION = Criterion("mean_stress", "mean stress", "Sangrós Giménez et al. 2020", mean_stress)
