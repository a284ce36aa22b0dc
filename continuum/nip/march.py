"""Pressure of the coating along the nip, with the history of every material point.

The web is in steady state: what stands at x passed all larger x before, since it moves from +x (entry) to -x (exit).
So the history of a point is the thickness profile to its right, and its turning point is the thinnest place there.
"""

from dataclasses import dataclass

import numpy as np

from kalander.continuum.closure.contract import Closure

__all__ = ["ColumnPressure", "march"]


@dataclass(frozen=True)
class ColumnPressure:
    """Pressure of the coating and how it changes with thickness; arrays of shape (n,), x ascending.

    pressure [MPa]; slope [MPa/mm]: d pressure_i / d thickness_i; turning: index of the thinnest place passed so far;
    turning_slope [MPa/mm]: d pressure_i / d thickness_turning, 0 on virgin loading.
    """

    pressure: np.ndarray
    slope: np.ndarray
    turning: np.ndarray
    turning_slope: np.ndarray

    def jacobian(self) -> np.ndarray:
        """d pressure_i / d thickness_k [MPa/mm], shape (n, n); exact, for the turning index moves only at a kink."""
        matrix = np.diag(self.slope)
        rows = np.flatnonzero(self.turning_slope)
        matrix[rows, self.turning[rows]] += self.turning_slope[rows]
        return matrix


def march(closure: Closure, thickness: np.ndarray, initial: float, floor: float) -> ColumnPressure:
    """Follow the coating through the thickness profile [mm], loading where it is thinner than ever, else releasing.

    initial: thickness of the free coating; floor: thickness at the end of the closure. Below the floor the loading
    curve goes on along its tangent: iterates may pass there, a solution may not (the caller refuses it).
    """
    turning = turning_index(thickness)
    virgin = turning == np.arange(thickness.size)
    thinnest = thickness[turning]
    load = _load_to(closure, thinnest, initial, floor)

    # p = top x share(s, r) with s = ln(h / h_min) and r the recovery strain; below the floor s does not move
    recovered = np.log(np.maximum(thickness, floor) / np.maximum(thinnest, floor))
    recovery = np.where(load.recovery > 0.0, load.recovery, 1.0)
    share, by_recovered, by_recovery = closure.release(recovered, recovery)
    releasing = ~virgin & (share > 0.0) & (load.recovery > 0.0)
    by_thickness = load.top * by_recovered * (thickness > floor) / np.maximum(thickness, floor)
    by_thinnest = load.top_slope * share + load.top * (
        by_recovery * load.recovery_slope - by_recovered * (thinnest > floor) / np.maximum(thinnest, floor)
    )
    return ColumnPressure(
        pressure=np.where(virgin, load.top, np.where(releasing, load.top * share, 0.0)),
        slope=np.where(virgin, load.top_slope, np.where(releasing, by_thickness, 0.0)),
        turning=turning,
        turning_slope=np.where(releasing, by_thinnest, 0.0),
    )


@dataclass(frozen=True)
class _Load:
    """Pressure [MPa] at the thinnest place passed and recovery strain of a release from it, and their slopes by its
    thickness [1/mm]; arrays of shape (n,)."""

    top: np.ndarray
    top_slope: np.ndarray
    recovery: np.ndarray
    recovery_slope: np.ndarray


def _load_to(closure: Closure, thinnest: np.ndarray, initial: float, floor: float) -> _Load:
    inside = thinnest > floor
    strain = np.log(initial / np.clip(thinnest, floor, initial))
    strain_slope = -1.0 / np.maximum(thinnest, floor)
    top_slope = np.where(thinnest < initial, closure.pressure_slope_at(strain) * strain_slope, 0.0)
    top = closure.pressure_at(strain) + np.where(inside, 0.0, top_slope * (thinnest - floor))
    recovery_slope = np.where(thinnest < initial, closure.recovery_slope_at(strain) * strain_slope, 0.0)
    recovery = closure.recovery_at(strain) + np.where(inside, 0.0, recovery_slope * (thinnest - floor))
    return _Load(top, top_slope, recovery, recovery_slope)


def turning_index(thickness: np.ndarray) -> np.ndarray:
    """Index of the running minimum of the thickness on the way from the last node to the first, shape (n,)."""
    on_the_way = thickness[::-1]
    last = thickness.size - 1
    is_thinnest = on_the_way <= np.minimum.accumulate(on_the_way)
    steps = np.maximum.accumulate(np.where(is_thinnest, np.arange(thickness.size), 0))
    return (last - steps)[::-1]
