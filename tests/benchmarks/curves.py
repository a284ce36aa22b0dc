"""Compaction curves: solid fraction at given stresses, read in the same way off every code, and their errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["STRESSES", "TOLERANCE", "Curve", "error_row", "fractions_at", "load_curves", "save_curves", "say_error"]

STRESSES = (10.0, 20.0, 40.0)  # MPa
TOLERANCE = 0.002  # of solid fraction, of the mean over the packings, at each of the stresses
WINDOW = 0.002  # of solid fraction, over which stress is averaged: waves between the platens would be read otherwise
LOOSE = 0.5  # solid fraction below which no curve is read
GRID = 1e-4


@dataclass(frozen=True)
class Curve:
    """Samples of a press: solid fraction, rising, and the mean stress of both platens [MPa]; shape (sample,)."""

    fraction: np.ndarray
    stress: np.ndarray


def fractions_at(curve: Curve) -> np.ndarray:
    """Solid fraction at which the averaged stress first reaches each of STRESSES; not a number where it does not."""
    fraction, stress = curve.fraction, curve.stress
    area = np.concatenate([[0.0], np.cumsum(0.5 * (stress[1:] + stress[:-1]) * np.diff(fraction))])
    centre = np.arange(LOOSE, fraction[-1] - 0.5 * WINDOW, GRID)
    mean = (
        np.interp(centre + 0.5 * WINDOW, fraction, area) - np.interp(centre - 0.5 * WINDOW, fraction, area)
    ) / WINDOW
    return np.array([_crossing(centre, mean, level) for level in STRESSES])


def _crossing(place: np.ndarray, value: np.ndarray, level: float) -> float:
    above = np.flatnonzero(value >= level)
    if len(above) == 0 or above[0] == 0:
        return float("nan")
    last = above[0]
    share = (level - value[last - 1]) / (value[last] - value[last - 1])
    return float(place[last - 1] + share * GRID)


def error_row(fractions: np.ndarray, reference: np.ndarray) -> dict[str, Any]:
    """Mean over packings, spread, error against the mean of the references, at each stress; shapes (packing, stress).

    standard_error: of the difference of the two means. Packings do not pair: a press is chaotic, and another press of
    the same packing differs from it as much as another packing does.
    """
    error = fractions.mean(axis=0) - reference.mean(axis=0)
    variance = fractions.var(axis=0, ddof=1) / len(fractions) + reference.var(axis=0, ddof=1) / len(reference)
    return {
        "solid_fraction": fractions.mean(axis=0).round(6).tolist(),
        "spread": fractions.std(axis=0, ddof=1).round(6).tolist(),
        "error": error.round(6).tolist(),
        "standard_error": np.sqrt(variance).round(6).tolist(),
        "meets": bool((np.abs(error) <= TOLERANCE).all()),
    }


def say_error(row: dict[str, Any]) -> str:
    """Errors in 1e-4 of solid fraction for people."""
    pairs = zip(row["error"], row["standard_error"], strict=True)
    return " ".join(f"{1e4 * error:+4.0f}±{1e4 * noise:<2.0f}" for error, noise in pairs)


def save_curves(curves: Sequence[Curve], path: Path) -> None:
    """Write curves so that they are there whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        columns = {f"{name}_{k}": getattr(c, name) for k, c in enumerate(curves) for name in ("fraction", "stress")}
        np.savez(file, **columns)
    part.replace(path)


def load_curves(path: Path) -> list[Curve]:
    """Curves as stored."""
    with np.load(path) as stored:
        count = len(stored.files) // 2
        return [Curve(stored[f"fraction_{k}"], stored[f"stress_{k}"]) for k in range(count)]
