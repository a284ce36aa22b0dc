"""Powder-fed rolls, for dry films: Johanson's theory of nip angle, pressure and roll force.

Units: mm, N, MPa, rad. theta: angle from the line of centres; D roll diameter, S gap; K compressibility exponent
(pressure proportional to density^K), delta effective angle of internal friction, phi_w wall friction. Above the nip
angle alpha the powder slips on the rolls, below it moves with them (J. R. Johanson, J. Appl. Mech. 32 (1965) 842):
    slip     dp/dx = 4 p (pi/2 - theta - nu) tan(delta) / {D/2 (1 + S/D - cos theta) [cot(A - mu) - cot(A + mu)]}
    no slip  dp/dx = K p (2 cos theta - 1 - S/D) tan(theta) / {D/2 (1 + S/D - cos theta) cos theta}
    A = (theta + nu + pi/2) / 2,  mu = pi/4 - delta/2,  nu = (pi - asin(sin phi_w / sin delta) - phi_w) / 2
At alpha both are equal. Finite elements of the literature agree on the nip angle within a quarter; stress and density
at the gap are overestimated.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq

from kalander.kernels.errors import Fault, InputError, NumericalError

__all__ = ["Powder", "PowderNip", "feed_powder", "force_factor", "nip_angle"]


@dataclass(frozen=True)
class Powder:
    """compressibility K; internal_friction delta and wall_friction phi_w [rad]."""

    compressibility: float
    internal_friction: float
    wall_friction: float

    def __post_init__(self) -> None:
        faults = []
        if not 1.0 < self.compressibility < 1000.0:
            faults.append(Fault("powder.compressibility", self.compressibility, "is no exponent", "above 1"))
        if not 0.0 < self.internal_friction < math.pi / 2:
            faults.append(Fault("powder.internal_friction", self.internal_friction, "is no angle", "0 to pi/2"))
        if not 0.0 < self.wall_friction < self.internal_friction:
            why = "is not below the internal friction: the powder would shear before it slips"
            faults.append(Fault("powder.wall_friction", self.wall_friction, why, "above 0, below internal_friction"))
        if faults:
            raise InputError(faults)

    @property
    def wall_angle(self) -> float:
        """nu [rad]: between wall and major principal stress."""
        inner = math.asin(math.sin(self.wall_friction) / math.sin(self.internal_friction))
        return 0.5 * (math.pi - inner - self.wall_friction)


def slip_gradient(powder: Powder, theta: float, gap_ratio: float) -> float:
    """d ln p / d(x / (D/2)) where the powder slips."""
    turn = 0.5 * (theta + powder.wall_angle + 0.5 * math.pi)
    mu = 0.25 * math.pi - 0.5 * powder.internal_friction
    spread = 1.0 / math.tan(turn - mu) - 1.0 / math.tan(turn + mu)
    above = 4.0 * (0.5 * math.pi - theta - powder.wall_angle) * math.tan(powder.internal_friction)
    return above / ((1.0 + gap_ratio - math.cos(theta)) * spread)


def grip_gradient(powder: Powder, theta: float, gap_ratio: float) -> float:
    """d ln p / d(x / (D/2)) where the powder moves with the rolls."""
    cosine = math.cos(theta)
    above = powder.compressibility * (2.0 * cosine - 1.0 - gap_ratio) * math.tan(theta)
    return above / ((1.0 + gap_ratio - cosine) * cosine)


def nip_angle(powder: Powder, gap_ratio: float) -> float:
    """alpha [rad] at which slip ends, for S / D. Raises NumericalError where the rolls grip at no angle."""
    if not 0.0 < gap_ratio < 1.0:
        raise InputError(Fault("powder.gap", gap_ratio, "is no gap over diameter", "above 0, below 1"))

    def difference(theta: float) -> float:
        return grip_gradient(powder, theta, gap_ratio) - slip_gradient(powder, theta, gap_ratio)

    # slip has a finite gradient at 0 where grip has none, so they cross once below the slip formula's zero
    highest = min(0.5 * math.pi - powder.wall_angle, math.acos(0.5 * (1.0 + gap_ratio))) - 1e-9
    angles = np.linspace(1e-6, highest, 400)
    signs = np.array([difference(float(theta)) for theta in angles]) > 0.0
    crossing = np.flatnonzero(~signs[:-1] & signs[1:])
    if crossing.size == 0:
        raise NumericalError("the rolls grip this powder at no angle; raise the wall friction or close the gap")
    first = int(crossing[0])
    return float(brentq(difference, float(angles[first]), float(angles[first + 1]), xtol=1e-14))


def grip_growth(powder: Powder, theta: np.ndarray, alpha: float, gap_ratio: float) -> np.ndarray:
    """p(theta) / p(alpha) below the nip angle: density grows as the gap between the rolls closes."""
    wide = (1.0 + gap_ratio - math.cos(alpha)) * math.cos(alpha)
    return (wide / ((1.0 + gap_ratio - np.cos(theta)) * np.cos(theta))) ** powder.compressibility


def force_factor(powder: Powder, gap_ratio: float) -> float:
    """int_0^alpha [(S/D) / ((1 + S/D - cos) cos)]^K cos dtheta: roll force = p_max D/2 x width x this."""
    alpha = nip_angle(powder, gap_ratio)

    def integrand(theta: float) -> float:
        cosine = math.cos(theta)
        return (gap_ratio / ((1.0 + gap_ratio - cosine) * cosine)) ** powder.compressibility * cosine

    return float(quad(integrand, 0.0, alpha, epsabs=1e-13, epsrel=1e-12)[0])


@dataclass(frozen=True, eq=False)
class PowderNip:
    """theta [rad] from the feed down to 0, pressure [MPa] and density over the feed's, shape (n,).

    nip_angle [rad]; line_load [N/mm]; torque of one roll per width [N mm/mm]; peak_pressure [MPa]; density_ratio at
    the gap over the feed; film_speed_ratio: 1, the film leaves with the rolls.
    """

    theta: np.ndarray
    pressure: np.ndarray
    density: np.ndarray
    nip_angle: float
    line_load: float
    torque: float
    peak_pressure: float
    density_ratio: float


def feed_powder(
    powder: Powder, diameter: float, gap: float, *, feed_pressure: float, feed_angle: float | None = None
) -> PowderNip:
    """Powder that comes in with a pressure [MPa] at an angle [rad] (twice the nip angle if not given).

    Raises InputError, NumericalError.
    """
    for name, value in (("diameter", diameter), ("gap", gap), ("feed_pressure", feed_pressure)):
        if not 0.0 < value < math.inf:
            raise InputError(Fault(f"powder.{name}", value, "is no physical value", "above 0"))
    ratio = gap / diameter
    alpha = nip_angle(powder, ratio)
    limit = 0.5 * math.pi - powder.wall_angle - 1e-6
    start = min(2.0 * alpha, limit) if feed_angle is None else feed_angle
    if not alpha < start <= limit:
        allowed = f"above the nip angle {alpha:.4g}, up to {limit:.4g} rad"
        raise InputError(Fault("powder.feed_angle", start, "lies outside the zone of slip", allowed))
    # x = (D/2) sin(theta) falls on the way in; the gradients are of growth towards the gap
    slipping = solve_ivp(
        lambda theta, log: [-slip_gradient(powder, theta, ratio) * math.cos(theta)],
        (start, alpha), [math.log(feed_pressure)], rtol=1e-9, atol=1e-12, dense_output=True,
    )  # fmt: skip
    above, below = np.linspace(start, alpha, 101), np.linspace(alpha, 0.0, 401)[1:]
    slip_pressure = np.exp(slipping.sol(above)[0])
    pressure = np.append(slip_pressure, slip_pressure[-1] * grip_growth(powder, below, alpha, ratio))
    theta = np.append(above, below)
    radius, tangent = 0.5 * diameter, math.tan(powder.wall_friction)
    # below the nip angle friction is not spent; tan(phi_w) bounds the torque from above
    return PowderNip(
        theta=theta,
        pressure=pressure,
        density=(pressure / feed_pressure) ** (1.0 / powder.compressibility),
        nip_angle=alpha,
        line_load=float(pressure[-1]) * radius * force_factor(powder, ratio)
        - radius * float(np.trapezoid(slip_pressure * np.cos(above), above)),
        torque=-(radius**2) * tangent * float(np.trapezoid(pressure, theta)),
        peak_pressure=float(pressure[-1]),
        density_ratio=float((pressure[-1] / feed_pressure) ** (1.0 / powder.compressibility)),
    )
