"""Means of several packings with standard deviation and 95 % interval, and what a state gains over the first one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import stdtrit

from kalander.coupling.results.means import deviation, mean

__all__ = ["gain", "spread"]

CONFIDENCE = 0.95
UNITS = ("_S_per_m", "_m")


def spread(name: str, values: np.ndarray, unit: str = "") -> dict[str, Any]:
    """Mean, standard deviation and interval of the mean (Student's t) under NAME, NAME_sd and NAME_interval + unit."""
    unit = unit or next((ending for ending in UNITS if name.endswith(ending)), "")
    name = name.removesuffix(unit)
    centre, scatter = mean(values), deviation(values)
    half = None
    if scatter is not None:
        half = scatter / np.sqrt(len(values)) * float(stdtrit(len(values) - 1, 0.5 + 0.5 * CONFIDENCE))
    interval = None if centre is None or half is None else [centre - half, centre + half]
    return {f"{name}{unit}": centre, f"{name}_sd{unit}": scatter, f"{name}_interval{unit}": interval}


def gain(name: str, values: Sequence[float] | np.ndarray, first: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """Mean of values over those of the first state, with its interval: packing by packing, since each was pressed from
    the same start, so that what differs between packings as laid is not in it. Shape (packing,) each.
    """
    over = np.asarray(first, float)
    ratio = np.divide(values, over, out=np.full(len(over), np.nan), where=over > 0.0)
    return spread(name, ratio)
