"""Two equal elastic rolls in line contact: surface displacement under a pressure, and Hertz's closed forms.

Units: mm, N, MPa. Line load in N per mm of roll width. Plane strain, long cylinders, no friction.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import toeplitz

from kalander.kernels.errors import Fault, InputError, NumericalError

__all__ = [
    "LineContact",
    "Rolls",
    "entry_angle",
    "hertz_approach",
    "hertz_half_width",
    "hertz_peak_pressure",
    "hitchcock_radius",
    "press_rolls",
    "surface_flexibility",
]


@dataclass(frozen=True)
class Rolls:
    """A pair of equal rolls in their stand.

    radius [mm]; modulus [MPa], `math.inf` for rigid rolls; poisson [1];
    stand_compliance [mm per N/mm]: opening of the gap per line load by housing, screws and bearings
    (width of the web divided by the stiffness of the stand); conductance [N/(mm s K)] of heat between roll and web.
    Raises InputError.
    """

    radius: float
    modulus: float = 210e3
    poisson: float = 0.3
    stand_compliance: float = 0.0
    conductance: float = 10.0

    def __post_init__(self) -> None:
        faults = []
        if not 0.0 < self.radius < math.inf:
            faults.append(Fault("rolls.radius", self.radius, "is no radius", "above 0 mm"))
        if not self.modulus > 0.0:
            faults.append(Fault("rolls.modulus", self.modulus, "is no modulus", "above 0 MPa, inf for rigid rolls"))
        if not -1.0 < self.poisson <= 0.5:
            faults.append(Fault("rolls.poisson", self.poisson, "is no Poisson ratio", "above -1, up to 0.5"))
        if not 0.0 <= self.stand_compliance < math.inf:
            faults.append(Fault("rolls.stand_compliance", self.stand_compliance, "is no compliance", "0 or more"))
        if not self.conductance > 0.0:
            faults.append(Fault("rolls.conductance", self.conductance, "is no physical value", "above 0"))
        if faults:
            raise InputError(faults)

    @property
    def flexibility(self) -> float:
        """2 (1 - nu^2) / (pi E) [1/MPa], the factor of the logarithmic kernel; Johnson, Contact Mechanics, eq. 2.25."""
        return 2.0 * (1.0 - self.poisson**2) / (math.pi * self.modulus)


def entry_angle(rolls: Rolls, entry_x: float) -> float:
    """Angle [rad] at which the web meets the rolls. Raises NumericalError where the contact reaches past them."""
    if not entry_x < rolls.radius:
        raise NumericalError(
            f"the web would meet the rolls {entry_x:.4g} mm before the centre line, beyond their radius of "
            f"{rolls.radius:.4g} mm: rolls this soft or thin make no nip"
        )
    return math.asin(entry_x / rolls.radius)


def hertz_half_width(rolls: Rolls, line_load: float) -> float:
    """Half-width a [mm] of the bare rolls' contact: a^2 = 4 P R (1 - nu^2) / (pi E); Johnson, eq. 4.43."""
    return math.sqrt(2.0 * rolls.flexibility * line_load * rolls.radius)


def hertz_peak_pressure(rolls: Rolls, line_load: float) -> float:
    """p0 = 2 P / (pi a) [MPa] of the bare rolls; Johnson, eq. 4.44."""
    return 2.0 * line_load / (math.pi * hertz_half_width(rolls, line_load))


def hertz_approach(rolls: Rolls, line_load: float) -> float:
    """Approach of one roll's centre to the contact [mm]: P (1 - nu^2) / (pi E) (2 ln(4 R / a) - 1); Johnson, §5.6."""
    half_width = hertz_half_width(rolls, line_load)
    return 0.5 * rolls.flexibility * line_load * (2.0 * math.log(4.0 * rolls.radius / half_width) - 1.0)


def hitchcock_radius(rolls: Rolls, line_load: float, draft: float) -> float:
    """Radius of the flattened arc [mm], R (1 + C P / draft) with C = 16 (1 - nu^2) / (pi E); Hitchcock 1935.

    draft [mm]: entry thickness less exit thickness of the rolled stock.
    """
    return rolls.radius * (1.0 + 8.0 * rolls.flexibility * line_load / draft)


def surface_flexibility(rolls: Rolls, spacing: float, count: int) -> np.ndarray:
    """Inward displacement of one roll's surface per nodal pressure [mm/MPa], shape (count, count).

    u(x) = -(2 (1 - nu^2) / (pi E)) int p(s) ln(|x - s| / d) ds for a pressure linear between nodes `spacing` apart.
    The integral over one hat function is exact: the second difference of G / spacing with G'' = ln|x|, that is
    G = x^2 (ln|x| / 2 - 3/4), so the singular node needs no special rule. A half-plane has no absolute displacement;
    d = 2 R / e makes Hertz's pressure give the cylinder's approach of `hertz_approach`.
    """
    depth = 2.0 * rolls.radius / math.e
    steps = np.abs(np.arange(-1, count + 1, dtype=float))
    # in units of the spacing, where ln|x / d| = ln|steps| + ln(spacing / d); G(0) = 0
    antiderivative = steps**2 * (0.5 * np.log(np.where(steps > 0.0, steps, 1.0)) - 0.75)
    hat_integral = np.diff(antiderivative, 2) + math.log(spacing / depth)
    return toeplitz(-rolls.flexibility * spacing * hat_integral)


@dataclass(frozen=True)
class LineContact:
    """Bare rolls pressed together: x [mm] and pressure [MPa], shape (n,); approach [mm] of one roll; iterations."""

    x: np.ndarray
    pressure: np.ndarray
    approach: float
    iterations: int


def press_rolls(rolls: Rolls, line_load: float, *, points: int = 401) -> LineContact:
    """Frictionless contact of the bare rolls at a line load [N/mm], by the kernel and an active set of nodes.

    On the contact 2 u(x) + x^2 / R = 2 approach and p > 0; off it the surfaces are apart. Verifies the kernel that
    the nip uses against Hertz. Raises NumericalError if the contact set does not settle.
    """
    # the closed form only sizes the grid; a contact that filled it would show as pressure at the last node
    x = np.linspace(-1.25, 1.25, points) * hertz_half_width(rolls, line_load)
    spacing = float(x[1] - x[0])
    flexibility = 2.0 * surface_flexibility(rolls, spacing, points)
    shape = x**2 / rolls.radius
    touching = np.ones(points, dtype=bool)
    for iteration in range(1, 51):
        pressure, separation = _solve_touching(flexibility, shape, spacing, line_load, touching)
        apart = flexibility @ pressure + shape + separation
        # without adhesion a node under tension lets go, a node that would interpenetrate is caught
        update = np.where(touching, pressure > 0.0, apart < 0.0)
        if np.array_equal(update, touching):
            return LineContact(x, pressure, -0.5 * separation, iteration)
        touching = update
    raise NumericalError(f"contact of bare rolls at {line_load:g} N/mm did not settle in 50 iterations; change points")


def _solve_touching(
    flexibility: np.ndarray, shape: np.ndarray, spacing: float, line_load: float, touching: np.ndarray
) -> tuple[np.ndarray, float]:
    """Pressure [MPa] and separation of the undeformed rolls [mm] (negative) with the touching nodes exactly closed."""
    nodes = np.flatnonzero(touching)
    size = nodes.size
    system = np.ones((size + 1, size + 1))
    system[:size, :size] = flexibility[np.ix_(nodes, nodes)]
    system[size, :size] = spacing
    system[size, size] = 0.0
    solution = np.linalg.solve(system, np.append(-shape[nodes], line_load))
    pressure = np.zeros_like(shape)
    pressure[nodes] = solution[:size]
    return pressure, float(solution[size])
