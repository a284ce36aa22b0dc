"""The law with which an exchange begins, which may be asked for more than it was measured to."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT
from kalander.continuum.closure.laws import TabulatedClosure

__all__ = ["SCALE", "first_guess"]

SCALE = 0.01  # of the last pressure: below it laws are compared by difference
BEYOND = (0.02, 0.05, 0.1)  # of strain, knots past the end of a closure


def first_guess(closure: TabulatedClosure) -> TabulatedClosure:
    """The closure carried on past its end: at its mean last slope in ln(1 + p / scale), with the recovery it has there.

    Only a guess: where a nip goes there the particles are led there as well, and say what is so.
    """
    room = math.log(SOLID_FRACTION_LIMIT / (1.0 - closure.porosity)) - float(closure.strain[-1]) - 1e-6
    more = np.array([step for step in BEYOND if step < room])
    if len(more) == 0:
        return closure
    scale, last = SCALE * float(closure.pressure[-1]), np.array(closure.strain[-1])
    levels = np.log1p(closure.pressure / scale)
    # over the last knots: the slope at the very end is that of a spline
    far = max(int(np.searchsorted(closure.strain, closure.strain[-1] - BEYOND[-1])) - 1, 0)
    slope = float((levels[-1] - levels[far]) / (closure.strain[-1] - closure.strain[far]))
    pressure = scale * np.expm1(math.log1p(float(closure.pressure[-1]) / scale) + slope * more)
    columns: dict[str, Any] = {
        "strain": last + more,
        "pressure": pressure,
        "unload_modulus": pressure / float(closure.recovery_at(last)),
        "lateral_ratio": np.full(len(more), closure.lateral_ratio[-1]),
        **{f"{name}_sd": np.full(len(more), np.nan) for name in ("pressure", "unload_modulus", "lateral_ratio")},
    }
    longer: dict[str, Any] = {name: np.append(getattr(closure, name), column) for name, column in columns.items()}
    return replace(closure, pressed=None, notes=(), **longer)
