"""Elements of a symmetric cell: transmission lines of porous electrodes, arc, leads, separator; τ and R_ion.

Everything is a function of arrays that broadcast, so that many parameter sets are one call. Resistances are those of
the whole cell [ohm]: electrodes in series add, and a line of n equal electrodes is one of n-fold R_ion and Q/n.
"""

import numpy as np

__all__ = [
    "arc", "blocking_line", "ionic_resistance", "measured_tortuosity", "phase_element", "separator_resistance",
    "two_rail_line",
]  # fmt: skip

Values = np.ndarray | float


def phase_element(q: Values, exponent: Values, omega: np.ndarray) -> np.ndarray:
    """Z = 1 / (Q (iω)^γ) [ohm], q [S s^γ], omega [rad/s]: the double layer; an ideal capacitor with γ = 1."""
    return np.exp(-exponent * np.log(omega)) / q * np.exp(-0.5j * np.pi * np.asarray(exponent))


def blocking_line(ionic: Values, q: Values, exponent: Values, omega: np.ndarray) -> np.ndarray:
    """√(R Z_s) coth √(R/Z_s) [ohm]: ions along the pores, double layer across, electrons at no cost.

    de Levie, Electrochim. Acta 8 (1963) 751; with a constant-phase element: Landesfeind et al., J. Electrochem. Soc.
    163 (2016) A1373, eq. 4. Low-frequency real part: R/3 beside that of the element.
    """
    # the root of R / Z_s in polar form: its angle is one of each parameter set, and real functions are fast
    size = np.sqrt(np.asarray(ionic) * q) * np.exp(0.5 * np.asarray(exponent) * np.log(omega))
    turn = np.exp(0.25j * np.pi * np.asarray(exponent))
    return ionic / turn * _coth(size * turn.real, size * turn.imag) / size


def _coth(real: np.ndarray, imaginary: np.ndarray) -> np.ndarray:
    """coth of real + i imaginary, real > 0, without overflow and without cancellation near 0."""
    less = -np.expm1(-2.0 * real)  # 1 - m with m = exp(-2 real)
    fade = 1.0 - less
    sine = np.sin(imaginary)
    across = -4.0 * fade * sine * np.cos(imaginary)
    return (less * (1.0 + fade) + 1j * across) / (less**2 + 4.0 * fade * sine**2)


def two_rail_line(ionic: Values, electronic: Values, q: Values, exponent: Values, omega: np.ndarray) -> np.ndarray:
    """The line whose other rail resists as well [ohm]; electronic: resistance of the solid across the thickness.

    Z = R_i R_e/(R_i+R_e) (1 + 2/(ν sinh ν)) + (R_i²+R_e²)/(R_i+R_e) coth ν / ν with ν² = (R_i+R_e)/Z_s; Bisquert, Phys.
    Chem. Chem. Phys. 2 (2000) 4185, eq. 22. Both rails may be exchanged; without R_e it is the blocking line.
    """
    both = ionic + electronic
    reach = np.sqrt(both / phase_element(q, exponent, omega))
    fade = np.exp(-reach)  # 2 / sinh(ν) without overflow
    through = 1.0 + 4.0 * fade / (reach * (1.0 - fade * fade))
    return (ionic * electronic * through + (ionic**2 + electronic**2) / (reach * np.tanh(reach))) / both


def arc(resistance: Values, time: Values, exponent: Values, omega: np.ndarray) -> np.ndarray:
    """R / (1 + (iωt)^γ) [ohm]: a contact or a film, flattened (ZARC); time [s]."""
    return resistance / (1.0 + 1.0 / phase_element(np.asarray(time, float) ** exponent, exponent, omega))


def separator_resistance(thickness: Values, macmullin: Values, area: Values, conductivity: Values) -> Values:
    """d N_M / (κ A) [ohm], SI: the electrolyte in the separator, a part of the high-frequency resistance."""
    return thickness * macmullin / (conductivity * area)


def ionic_resistance(
    tortuosity: Values, porosity: Values, thickness: Values, area: Values, conductivity: Values, electrodes: int = 2
) -> Values:
    """R_ion [ohm] of `electrodes` in series, SI: n τ d / (A κ ε). tortuosity without square, κ_eff = κ ε/τ."""
    return electrodes * tortuosity * thickness / (area * conductivity * porosity)


def measured_tortuosity(
    ionic: Values, porosity: Values, thickness: Values, area: Values, conductivity: Values, electrodes: int = 2
) -> Values:
    """τ = R_ion A κ ε / (n d): Landesfeind et al. 2016, eq. 6, with n = 2 electrodes."""
    return ionic * area * conductivity * porosity / (electrodes * thickness)
