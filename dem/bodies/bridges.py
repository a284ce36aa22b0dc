"""Bridges of binder: cylinders between two spheres."""

import numpy as np

__all__ = ["bridge_volume"]


def bridge_volume(bond_radius: np.ndarray, radius_i: np.ndarray, radius_j: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Volume [µm³] of a cylinder between two spheres, outside of them; bond_radius ≤ both radii [µm]."""
    volume = np.pi * bond_radius**2 * gap
    for radius in (radius_i, radius_j):
        depth = radius - np.sqrt(radius**2 - bond_radius**2)
        cap = np.pi * depth**2 * (3 * radius - depth) / 3
        volume = volume + np.pi * bond_radius**2 * depth - cap
    return volume
