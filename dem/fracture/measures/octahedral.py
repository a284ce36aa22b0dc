"""Criterion `octahedral`: shear of the mean stress of a particle."""

import numpy as np

from kalander.dem.fracture.crushing import Criterion, Loads

__all__ = ["CRITERION", "octahedral"]


def octahedral(loads: Loads) -> np.ndarray:
    """Octahedral shear of the mean stress, q = √((σ1−σ2)² + (σ2−σ3)² + (σ3−σ1)²)/3.

    McDowell & Bolton, Géotechnique 48 (1998) 667; McDowell & de Bono, Géotechnique 63 (2013) 895. Two opposite forces F
    give σ1 = 6 F/(π d²) and q = 0.9003 F/d², however far they flatten the sphere.
    """
    s = loads.surface_stress
    normal = (s[:, 0, 0] - s[:, 1, 1]) ** 2 + (s[:, 1, 1] - s[:, 2, 2]) ** 2 + (s[:, 2, 2] - s[:, 0, 0]) ** 2
    shear = sum((0.5 * (s[:, a, b] + s[:, b, a])) ** 2 for a, b in ((0, 1), (1, 2), (2, 0)))
    return np.sqrt(normal + 6.0 * shear) / 3.0


CRITERION = Criterion("octahedral", "octahedral shear", "McDowell & Bolton 1998", octahedral)
