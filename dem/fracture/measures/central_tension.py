"""Criterion `central_tension`: tension in the middle of the particle, which neighbours on all sides take away."""

import numpy as np

from kalander.dem.fracture.crushing import CRUSHING_FACTOR, Criterion, Loads

__all__ = ["CRITERION", "central_tension", "deviator_factor"]


def deviator_factor(poisson: np.ndarray) -> np.ndarray:
    """A = (35 + 10 ν)/(14 + 10 ν): deviator in the centre of an elastic sphere over that of its mean stress.

    Of pushes along radii, whatever their number: of their spherical harmonics the zeroth and the second alone reach the
    centre, and these make the mean stress. A is that of a traction P2(cos θ) along the radius, by Navier's equations.
    """
    return (35.0 + 10.0 * poisson) / (14.0 + 10.0 * poisson)


def central_tension(loads: Loads) -> np.ndarray:
    """Crush test whose centre bears the same tension T = A |s_min| − p, at least 0; s and p: of the mean stress.

    Two opposite forces give T = (A − 1) 2 F/(π d²), which is 2.47 F/(π d²) at ν = 0.3; JIS R 1639-5 has 2.48 F/(π d²),
    from Hiramatsu & Oka, Int. J. Rock Mech. 3 (1966) 89. Errors: forces spread over caps of half angle α bring the
    share cos α (1 + cos α)/2 of the deviator that is counted here; shear at contacts counts as pushes do; tension
    elsewhere than in the centre is not looked at.
    """
    stress = 0.5 * (loads.surface_stress + np.swapaxes(loads.surface_stress, 1, 2))
    mean = np.trace(stress, axis1=1, axis2=2) / 3.0
    least = np.linalg.eigvalsh(stress)[:, 0] - mean  # compression is positive: the direction that is pressed least
    factor = deviator_factor(loads.poisson)
    tension = np.maximum(-factor * least - mean, 0.0)
    return CRUSHING_FACTOR * np.pi / 2.0 * tension / (factor - 1.0)


CRITERION = Criterion("central_tension", "tension in the centre", "Hiramatsu & Oka 1966, superposed", central_tension)
