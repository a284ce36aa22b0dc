"""What a measured cross-web thickness says of the rolls: error of the crown, tilt, offset of the gauge."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from kalander.continuum.rolls.crown import shape_columns
from kalander.continuum.rolls.width import Bent, Control, Face, Machine, bend
from kalander.kernels.errors import Fault, InputError

__all__ = ["Fit", "fit_thickness"]

LEAST = 5  # places: three unknowns and what is left of them


@dataclass(frozen=True, eq=False)
class Fit:
    """crown_error [mm]: diametral height of a parabola by which the rolls have more crown than was said (or are hotter
    in the middle, or less skew, which look the same); tilt [mm]: gap at the right end less that at the left; offset
    [mm] of the gauge; standard deviations of the first two [mm]; rms [mm] that is left; the rolls so."""

    crown_error: float
    tilt: float
    offset: float
    crown_error_sd: float
    tilt_sd: float
    rms: float
    bent: Bent


def fit_thickness(machine: Machine, face: Face, control: Control, y: np.ndarray, thickness: np.ndarray) -> Fit:
    """Fit the thickness of the web behind the nip [mm], measured at places y [mm]; those off the coating are let be.

    Raises InputError for too few places, NumericalError.
    """
    spacing = face.y[1] - face.y[0]
    on = np.interp(y, face.y, face.coated, left=0.0, right=0.0) > 0.999
    if np.count_nonzero(on) < LEAST or np.ptp(y[on]) < 2.0 * spacing:
        why = "lie on the coating: too few to tell crown from tilt"
        raise InputError(Fault("measured.file", int(np.count_nonzero(on)), why, f"{LEAST} places or more across it"))
    place, measured = y[on], thickness[on]
    crown, slope = shape_columns("parabola", face.y)[:, 0], face.y / (2.0 * face.y[-1])
    unit = 1e-3  # of the unknowns: micrometres, so that both are of the size of one
    rest = 1.0  # unknowns are counted from here: steps of differences are shares of them, and both may be 0

    def rolls(unknowns: np.ndarray) -> Bent:
        crowned, tilted = unit * (unknowns - rest)
        return bend(machine, face.opened(tilted * slope - crowned * crown), control)

    def left(unknowns: np.ndarray) -> np.ndarray:
        bent = rolls(unknowns)
        read = machine.law.read_at(bent.gap, face.excess, face.temperature)["exit_thickness"]
        apart = measured - np.interp(place, face.y, read)
        return (apart - np.mean(apart)) / unit

    found = least_squares(left, np.full(2, rest), x_scale=1.0, diff_step=1e-4, method="lm")
    bent = rolls(found.x)
    read = machine.law.read_at(bent.gap, face.excess, face.temperature)["exit_thickness"]
    variance = float(np.sum(found.fun**2)) / max(place.size - 3, 1)
    spread = unit * np.sqrt(np.diag(variance * np.linalg.inv(found.jac.T @ found.jac)))
    return Fit(
        crown_error=float(unit * (found.x[0] - rest)),
        tilt=float(unit * (found.x[1] - rest)),
        offset=float(np.mean(measured - np.interp(place, face.y, read))),
        crown_error_sd=float(spread[0]),
        tilt_sd=float(spread[1]),
        rms=float(unit * np.sqrt(np.mean(found.fun**2))),
        bent=bent,
    )
