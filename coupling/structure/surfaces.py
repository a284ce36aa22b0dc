"""Conductance between patches on a sphere: along a film on it, and through it. SI.

The potential of a film of sheet conductance G at an angle θ from a point source is −ln sin(θ/2)/(2π G); that of a ball
of conductivity σ, on its surface, (1/s − ln(s (1 + s)))/(4π σ R) with s = sin(θ/2), both but for a constant, which
matters not where currents sum to zero. A patch of radius a has the resistance of its rim, −ln sin(α/2)/(2π G) with
sin α = a/R, and of a disc of one potential, 1/(4 σ a) (Holm, Electric Contacts, 1967). Where patches come close,
√(s² + c_i² + c_j²) stands in place of s, with c such that a patch meets itself with its own resistance: such kernels
are positive definite for any patches (Schoenberg, Ann. Math. 39 (1938) 811), those of films for currents that sum to 0.
"""

import numpy as np

__all__ = ["ball_kernel", "conductances", "film_kernel", "within"]

GROUND = 40.0  # a constant that makes kernels positive definite without a condition; of the order of their diagonal


def film_kernel(half_sine: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Resistances between patches on a film times 2π G. half_sine: sin(θ/2), (..., n, n); rim: sin(α/2), (..., n)."""
    return -0.5 * np.log(_apart(half_sine, rim / np.sqrt(2.0)))


def ball_kernel(half_sine: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """Resistances between patches on a ball times 4π σ R. patch: a/R, (..., n)."""
    # one over the distance of a patch from itself, √2 c, is to be π R/a: that of 1/(4 σ a)
    apart = np.sqrt(_apart(half_sine, patch / (np.sqrt(2.0) * np.pi)))
    return 1.0 / apart - np.log(apart * (1.0 + apart))


def conductances(kernel: np.ndarray) -> np.ndarray:
    """Conductance of the link between each two patches, from resistances; (..., n, n), 0 on the diagonal.

    The inverse for currents that sum to zero; links that would be negative, between patches in the shadow of others,
    are left out.
    """
    inverse = np.linalg.inv(kernel + GROUND)
    row = inverse.sum(axis=-1)
    inverse -= row[..., :, None] * row[..., None, :] / row.sum(axis=-1)[..., None, None]
    links = np.maximum(-inverse, 0.0)
    links *= 1.0 - np.eye(kernel.shape[-1])
    return 0.5 * (links + np.swapaxes(links, -1, -2))


def within(links: np.ndarray, place: np.ndarray, most: np.ndarray, trace: np.ndarray) -> np.ndarray:
    """Links, scaled down where their power in a uniform field exceeds what the conductor's volume can carry.

    links (..., n, n); place (..., n, 3); most, trace: of the power's tensor over the square of the field, largest
    eigenvalue and trace (...). A conductor of volume V has at most σ V along an axis.
    """
    total = links.sum(axis=-1)
    power = np.einsum("...i,...ia,...ib->...ab", total, place, place)
    power -= np.einsum("...ij,...ia,...jb->...ab", links, place, place)
    largest = np.linalg.eigvalsh(power)[..., -1]
    whole = np.trace(power, axis1=-2, axis2=-1)
    factor = np.minimum(1.0, most / np.maximum(largest, 1e-300))
    factor = np.minimum(factor, trace / np.maximum(whole, 1e-300))
    return links * np.maximum(factor, 0.0)[..., None, None]


def _apart(half_sine: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """s² + c_i² + c_j²."""
    return half_sine**2 + patch[..., :, None] ** 2 + patch[..., None, :] ** 2
