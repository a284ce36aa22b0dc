"""Rolling of a dense strip between rigid rolls: von Karman's slab balance in the solution of Bland & Ford (1948).

A limit for a bare foil, not used by the nip. Units: mm, MPa, N per mm of width; angles in rad.
With h = h_out + R phi^2, constant yield stress 2k in plane strain and friction mu p everywhere,
    d(h (p - 2k))/dphi = 2 R p (phi +- mu),  H(phi) = 2 sqrt(R / h_out) atan(sqrt(R / h_out) phi)
    p = 2k h/h_out e^(mu H) behind the neutral point, 2k h/h_in e^(mu (H_in - H)) before it.
"""

import math
from dataclasses import dataclass

from scipy.integrate import quad

from kalander.kernels.errors import Fault, InputError

__all__ = ["DenseStrip", "roll_dense_strip"]


@dataclass(frozen=True)
class DenseStrip:
    """bite and neutral angle [rad]; line_load [N/mm]; peak_pressure [MPa]; torque of one roll [N mm/mm], as the moment
    of the pressure R^2 int p phi dphi."""

    bite: float
    neutral: float
    line_load: float
    peak_pressure: float
    torque: float


def roll_dense_strip(
    radius: float, entry_thickness: float, exit_thickness: float, friction: float, plane_yield: float
) -> DenseStrip:
    """Raises InputError where the rolls thin nothing, or friction does not draw the strip in."""
    if not 0.0 < exit_thickness < entry_thickness:
        raise InputError(
            Fault("strip.exit_thickness", exit_thickness, "is no reduction", f"0 to {entry_thickness:g} mm")
        )
    root = math.sqrt(radius / exit_thickness)
    bite = math.sqrt((entry_thickness - exit_thickness) / radius)

    def arc(phi: float) -> float:
        return 2.0 * root * math.atan(root * phi)

    # both pressures are equal at the neutral point
    at_neutral = 0.5 * (arc(bite) - math.log(entry_thickness / exit_thickness) / friction)
    if at_neutral <= 0.0:
        raise InputError(Fault("strip.friction", friction, "does not draw the strip in", "a larger friction"))
    neutral = math.tan(at_neutral / (2.0 * root)) / root

    def pressure(phi: float) -> float:
        thickness = exit_thickness + radius * phi**2
        if phi <= neutral:
            return plane_yield * thickness / exit_thickness * math.exp(friction * arc(phi))
        return plane_yield * thickness / entry_thickness * math.exp(friction * (arc(bite) - arc(phi)))

    def both(weight: int) -> float:
        parts = ((0.0, neutral), (neutral, bite))
        return sum(quad(lambda phi: pressure(phi) * phi**weight, *part, epsrel=1e-10)[0] for part in parts)

    return DenseStrip(bite, neutral, radius * both(0), pressure(neutral), radius**2 * both(1))
