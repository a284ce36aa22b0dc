"""Crowns: the one that makes a load even, and simple shapes that nearly do.

A crown c(y) [mm] is diametral, of both rolls each: it closes the gap by c. It is 0 at the ends of the face.
"""

import math

import numpy as np

from kalander.continuum.rolls.width import Face, Machine, load_evenly
from kalander.kernels.errors import Fault, InputError

__all__ = ["SHAPES", "crown_radius", "ideal_crown", "refuse_thick", "shape_columns", "skew_opening"]

COSINE_ANGLE = math.radians(70.0)  # of the grinders' cosine: cos(70 deg y / (face / 2))

SHAPES = ("parabola", "cosine", "quartic")


def shape_columns(shape: str, y: np.ndarray) -> np.ndarray:
    """Unit crowns of a shape over the face, 1 in the middle and 0 at its ends, shape (n, coefficients).

    parabola: 1 - eta^2; cosine: of 70 degrees at the ends, moved to 0 there; quartic: 1 - eta^2 and 1 - eta^4, the
    exact family of an evenly loaded roll that is coated over its whole face.
    """
    eta = y / y[-1]
    if shape == "parabola":
        return (1.0 - eta**2)[:, None]
    if shape == "cosine":
        end = math.cos(COSINE_ANGLE)
        return ((np.cos(COSINE_ANGLE * eta) - end) / (1.0 - end))[:, None]
    if shape == "quartic":
        return np.column_stack([1.0 - eta**2, 1.0 - eta**4])
    raise InputError(Fault("crown.shape", shape, "is no shape with coefficients", ", ".join(SHAPES)))


def ideal_crown(machine: Machine, face: Face, line_load: float) -> np.ndarray:
    """The crown [mm] with which the coated face carries a mean line load [N/mm] evenly, shape (n,): twice what each
    roll bends, couples included; cold rolls and an even coating."""
    bent = load_evenly(machine, face, line_load)
    crown = 2.0 * (bent.deflection - 0.5 * (bent.deflection[0] + bent.deflection[-1]))
    refuse_thick(machine.roll.diameter, crown)
    return crown


def refuse_thick(diameter: float, crown: np.ndarray) -> None:
    """Raise InputError for a crown [mm] that is no small change of the roll."""
    height, most = float(np.ptp(crown)), 0.1 * diameter
    if height > most:
        why = "is larger than a roll can be crowned: the roll is too slender for this load"
        raise InputError(Fault("crown", height, why, f"at most a tenth of the diameter, {most:.6g} mm"))


def crown_radius(face: float, crown: float) -> float:
    """Radius of curvature [mm] along a roll with a diametral crown c over a face F [mm]: (F / 2)^2 / (2 c / 2)."""
    return math.inf if crown == 0.0 else face**2 / (4.0 * crown)


def skew_opening(y: np.ndarray, angle: float, diameter: float) -> np.ndarray:
    """How much farther apart [mm] rolls are whose axes cross at an angle [rad] in the middle: (angle y)^2 / (2 D)."""
    return (angle * y) ** 2 / (2.0 * diameter)
