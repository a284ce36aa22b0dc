"""Stress of the coating along the web while it does not stretch: what pushes and pulls the foil."""

import numpy as np

from kalander.continuum.nip.foil import Travel
from kalander.continuum.nip.web import Layer

__all__ = ["coating_travel"]

RELEASE_POISSON = 0.2  # of coatings whose law has none; compacted powders 0.1 to 0.3


def coating_travel(
    layers: tuple[Layer, ...],
    x: np.ndarray,
    pressure: np.ndarray,
    thickness: np.ndarray,
    factors: np.ndarray,
) -> Travel:
    """The nip as the foil feels it; arrays in the order of time, factors of temperature of shape (n, layers).

    On loading the stress along the web is K0 p; on release it falls with nu/(1-nu) of the pressure, elastically, and
    the coating then resists a stretch with E/(1-nu^2) = M (1-2 nu)/(1-nu)^2, M its release modulus.
    """
    ratio = RELEASE_POISSON / (1.0 - RELEASE_POISSON)
    share = np.array([layer.thickness for layer in layers])
    share = share / share.sum()
    stress, stiffness = np.zeros(x.size), np.zeros(x.size)
    for index, layer in enumerate(layers):
        here = pressure / factors[:, index]
        highest = np.maximum.accumulate(here)
        state = layer.closure.loading_at(highest)
        limit = layer.closure.strain_limit
        lateral = layer.closure.lateral_ratio_at(np.minimum(state.strain, limit))
        left = np.maximum(lateral * highest - ratio * (highest - here), 0.0)
        stress += share[index] * factors[:, index] * left
        released = here < highest * (1.0 - 1e-9)
        modulus = np.divide(highest, state.recovery, out=np.zeros_like(highest), where=state.recovery > 0.0)
        against = modulus * (1.0 - 2.0 * RELEASE_POISSON) / (1.0 - RELEASE_POISSON) ** 2
        stiffness += share[index] * factors[:, index] * np.where(released, against, 0.0)
    # only the loaded stretch and one node beyond each end
    loaded = np.flatnonzero(pressure)
    part = slice(max(int(loaded[0]) - 1, 0), int(loaded[-1]) + 2)
    return Travel(x[part], pressure[part], stress[part], thickness[part], stiffness[part])
