"""Binder domain of the recipe as bonds: bridges between close particles that share its volume."""

import numpy as np
from scipy.optimize import brentq

from kalander.dem.bodies.bridges import bridge_volume
from kalander.dem.bodies.state import unloaded_bonds
from kalander.dem.packing.near import near_pairs
from kalander.kernels.columns import Table

__all__ = ["make_bonds"]


def make_bonds(
    position: np.ndarray,
    radius: np.ndarray,
    width: np.ndarray,
    *,
    binder_domain: float,
    bridging_distance: float,
    clump: np.ndarray | None = None,
) -> tuple[Table, float]:
    """Bonds between all pairs closer than the bridging distance, and the share of the binder domain they hold.

    A bond's radius is one share of the smaller particle radius, the same in all bonds, such that the bridges hold the
    volume `binder_domain` [µm³]; the share is at most 1, and what is left over then sits as films on the particles.
    width: of a box that is periodic in x and y (2,), or in all directions (3,) [µm]. clump: rigid clump of each sphere,
    −1 for none; its members are not bonded to each other.
    """
    first, second, _, gap = near_pairs(position, radius, width, bridging_distance, clump=clump)
    gap = np.maximum(gap, 0.0)
    small = np.minimum(radius[first], radius[second])

    def excess(share: float) -> float:
        return float(bridge_volume(share * small, radius[first], radius[second], gap).sum()) - binder_domain

    if len(first) == 0 or binder_domain <= 0.0:
        share = 0.0
        first, second, gap, small = first[:0], second[:0], gap[:0], small[:0]
    elif excess(1.0) <= 0.0:
        share = 1.0
    else:
        share = brentq(excess, 0.0, 1.0, xtol=1e-14)
    count = len(first)
    vector = position[first] - position[second]
    sides = len(width)
    vector[:, :sides] -= width * np.round(vector[:, :sides] / width)
    thick = share * small
    bonds = unloaded_bonds(
        first, second, thick, np.linalg.norm(vector, axis=1), bridge_volume(thick, radius[first], radius[second], gap)
    )
    held = (excess(share) + binder_domain) / binder_domain if count else 0.0
    return bonds, held
