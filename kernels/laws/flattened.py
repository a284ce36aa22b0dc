"""Energy of contacts that have yielded and are released as Hertzian contacts of an enlarged radius."""

import numpy as np

from kalander.kernels.law_table import Slopes

__all__ = ["released", "released_slopes"]


def released(
    c: dict, overlap: np.ndarray, largest: np.ndarray, force: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy [pJ], contact radius [µm] and δ − δ_p [µm] of contacts loaded to the overlap `largest`, shape (contact,).

    force, area: at the turn, and the square of the contact radius there. The radius R_p keeps both:
    R_p = 4/3 E* a³/F, δ_max − δ_p = 3 F/(4 E* a).
    """
    modulus = c["effective_modulus"]
    back = 3.0 * force / (4.0 * modulus * np.sqrt(np.maximum(area, 1e-300)))
    depth = np.maximum(overlap - np.maximum(largest - back, 0.0), 0.0)
    flat = 4.0 / 3.0 * modulus * area**1.5 / np.maximum(force, 1e-300)
    contact_radius = np.sqrt(flat * depth)
    return 0.4 * (4.0 / 3.0 * modulus * contact_radius * depth) * depth, contact_radius, depth


def released_slopes(
    c: dict, overlap: np.ndarray, largest: np.ndarray, force: np.ndarray, area: np.ndarray, loading: np.ndarray
) -> Slopes:
    """Of the same contacts: 4/3 E* a (δ − δ_p), slope 2 E* a on release; `loading` [MPa µm] pressed from the turn."""
    _, contact_radius, depth = released(c, overlap, largest, force, area)
    release = 2.0 * c["effective_modulus"] * contact_radius
    return Slopes(2.0 / 3.0 * release * depth, release, np.where(overlap < largest, release, loading), contact_radius)
