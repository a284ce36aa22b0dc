"""Bounds that no microstructure can break, and sentences about what breaks them: pure functions, no repair.

A number outside of its bounds is wrong whatever the packing looks like: a law or a discretisation behind it is not what
it says. Stages ask here where they make a number, and keep the sentences with their result.
"""

from collections.abc import Sequence

import numpy as np

__all__ = ["conductivity_flags", "hashin_shtrikman", "share_flags", "tortuosity_flags", "wiener"]

AXES = "xyz"
# voxels that are cut by a surface err by some 0.1 to 1 % of a conductivity; dilute spheres lie on the bound itself
DISCRETISATION = 0.01
ROUNDING = 1e-6


def wiener(shares: Sequence[float] | np.ndarray, conductivity: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Least and largest effective conductivity along any axis, in the unit given: phases in series and in parallel.

    shares: volume shares of the phases, summing to 1. Wiener, Abh. Math.-Phys. Kl. Königl. Sächs. Ges. 32 (1912) 509.
    """
    share, sigma = np.asarray(shares, float), np.asarray(conductivity, float)
    here = share > 0
    series = 0.0 if np.any(sigma[here] <= 0) else float(1.0 / np.sum(share[here] / sigma[here]))
    return series, float(share @ sigma)


def hashin_shtrikman(
    shares: Sequence[float] | np.ndarray, conductivity: Sequence[float] | np.ndarray
) -> tuple[float, float]:
    """Least and largest mean of the effective conductivities along x, y and z, in the unit given.

    Hashin & Shtrikman, J. Appl. Phys. 33 (1962) 3125, for isotropic media; that the mean over the axes keeps them in
    anisotropic ones follows from the bounds on the trace, Milton & Kohn, J. Mech. Phys. Solids 36 (1988) 597.
    """
    share, sigma = np.asarray(shares, float), np.asarray(conductivity, float)
    here = share > 0

    def bound(outer: float) -> float:
        if outer <= 0:
            return 0.0
        return float(1.0 / np.sum(share[here] / (sigma[here] + 2.0 * outer)) - 2.0 * outer)

    return bound(float(sigma[here].min())), bound(float(sigma[here].max()))


def conductivity_flags(
    what: str, values: np.ndarray, wiener_limit: np.ndarray, mean_limit: np.ndarray, *, unit: str = ""
) -> list[str]:
    """What lies above its bounds in some states, a sentence a bound.

    values: along x, y and z, shape (state, 3); wiener_limit, mean_limit: largest values by `wiener` and
    `hashin_shtrikman`, shape (state,). A lower bound is no use where a phase insulates: it is 0.
    """
    unit = f" {unit}" if unit else ""
    flags = []
    along = values / np.maximum(wiener_limit, 1e-300)[:, None]
    if np.any(along > 1 + ROUNDING):
        state, axis = np.unravel_index(np.argmax(along), along.shape)
        flags.append(
            f"{what} breaks the Wiener bound in {_of(along.max(axis=1) > 1 + ROUNDING)}: "
            f"up to {values[state, axis]:.3g}{unit} along {AXES[axis]}, where its phases in parallel would give "
            f"{wiener_limit[state]:.3g}{unit}; it is too large by {along[state, axis]:.2g} times or more"
        )
    mean = values.mean(axis=1)
    over = mean / np.maximum(mean_limit, 1e-300)
    if np.any(over > 1 + DISCRETISATION):
        worst = int(np.argmax(over))
        flags.append(
            f"{what} breaks the Hashin–Shtrikman bound in {_of(over > 1 + DISCRETISATION)}: up to "
            f"{mean[worst]:.3g}{unit} on average over the axes, where its phases allow {mean_limit[worst]:.3g}{unit}"
        )
    lowest = values.min(axis=1)
    if lowest.min() < 0:
        flags.append(f"{what} is negative in {_of(lowest < 0)}: {lowest.min():.3g}{unit}")
    return flags


def tortuosity_flags(values: np.ndarray) -> list[str]:
    """Tortuosities below 1, shape (state, 3); NaN: nothing goes through, which is no fault."""
    low = np.less(values, 1.0 - ROUNDING)  # NaN is not below anything
    if not low.any():
        return []
    return [
        f"tortuosity is below 1 in {_of(low.any(axis=1))}, down to {np.nanmin(values):.3g}: more goes through than "
        "through straight pores; voxels are too coarse, or transport.binder_diffusivity exceeds binder.nanoporosity"
    ]


def share_flags(what: str, values: np.ndarray) -> list[str]:
    """Porosities and solid fractions outside of 0 to 1."""
    out = (values < -ROUNDING) | (values > 1.0 + ROUNDING)
    if not np.any(out):
        return []
    return [f"{what} leaves the range of 0 to 1: {values.min():.3g} to {values.max():.3g}"]


def _of(broken: np.ndarray) -> str:
    """How many states: "2 of 6 states"."""
    return f"{int(broken.sum())} of {len(broken)} states"
