"""Elliptic-cap plasticity of a compressible coating in the invariants p and q, for paths of axial symmetry.

Units: MPa. Kirchhoff stress tau = J sigma and logarithmic (Hencky) strain, compression positive; e_v volume strain,
e_q = 2/3 (e_z - e_x) deviatoric strain, p = K e_v, q = 3 G e_q on the elastic branch.
    f = (q / M)^2 + (p - p_m)^2 - a^2 <= 0,  p_m = (1 - chi) / 2 p_c,  a = (1 + chi) / 2 p_c,  associated flow
    p_c = p_c0 exp(k v), v the plastic volume strain
chi = 1 is the ellipse of Shima & Oyane (1976) and Deshpande & Fleck (2000), chi -> 0 the modified Cam clay of Roscoe &
Burland (1968). The exponential map makes the return map that of small strains (Simo 1992). The finite elements do
not use this file: they have the same law in tensors of their own.
"""

import math
from dataclasses import dataclass

import numpy as np

from kalander.kernels.errors import Fault, InputError, NumericalError

__all__ = ["Cap", "ReturnMap", "press_uniaxially", "return_map", "rigid_plastic_oedometer"]


@dataclass(frozen=True)
class Cap:
    """modulus E [MPa]; poisson; slope M of the ellipse in q over p; shift chi in (0, 1]; p_c0 [MPa]; hardening k."""

    modulus: float
    poisson: float
    slope: float
    shift: float
    p_c0: float
    k: float

    def __post_init__(self) -> None:
        faults = [
            Fault(f"closure.{name}", value, "makes no cap", "above 0")
            for name, value in (("modulus", self.modulus), ("M", self.slope), ("p_c0", self.p_c0), ("k", self.k))
            if not 0.0 < value < math.inf
        ]
        if not -1.0 < self.poisson < 0.5:
            faults.append(Fault("closure.poisson", self.poisson, "is no Poisson ratio", "above -1, below 0.5"))
        if not 0.0 < self.shift <= 1.0:
            faults.append(Fault("closure.chi", self.shift, "is no shift of the cap", "above 0, up to 1"))
        if faults:
            raise InputError(faults)

    @property
    def bulk(self) -> float:
        """K [MPa]."""
        return self.modulus / (3.0 * (1.0 - 2.0 * self.poisson))

    @property
    def shear(self) -> float:
        """G [MPa]."""
        return self.modulus / (2.0 * (1.0 + self.poisson))

    @property
    def oedometric(self) -> float:
        """Modulus at zero lateral strain, K + 4 G / 3 [MPa]."""
        return self.bulk + 4.0 / 3.0 * self.shear


def rigid_plastic_oedometer(slope: float, shift: float) -> tuple[float, float]:
    """Axial and lateral stress over p_c in uniaxial compression without elasticity.

    Associated flow at d e_q / d e_v = 2/3 fixes the point of the ellipse: p - p_m = a / sqrt(1 + 4 M^2 / 9).
    """
    excess = 0.5 * (1.0 + shift) / math.sqrt(1.0 + 4.0 * slope**2 / 9.0)
    p, q = 0.5 * (1.0 - shift) + excess, 2.0 / 3.0 * slope**2 * excess
    return p + 2.0 / 3.0 * q, p - q / 3.0


@dataclass(frozen=True, eq=False)
class ReturnMap:
    """Stresses after a step and their derivatives; arrays of the shape of the trial stresses.

    p, q [MPa]; volume, plastic volume strain of the step; work [MPa], plastic work of the step;
    tangent, shape (2, 2, ...): d(p, q) / d(p_trial, q_trial).
    """

    p: np.ndarray
    q: np.ndarray
    volume: np.ndarray
    work: np.ndarray
    tangent: np.ndarray


def return_map(
    cap: Cap, p_trial: np.ndarray, q_trial: np.ndarray, hardening: np.ndarray, *, viscosity: float = 0.0
) -> ReturnMap:
    """Back to the ellipse (backward Euler) from trial stresses with q >= 0, hardening v before the step.

    viscosity [1]: Perzyna's fluidity time over the time step, f / p_c^2 = viscosity x multiplier x p_c.
    Raises NumericalError if Newton's 60 iterations do not reach 1e-11.
    """
    p_trial, q_trial, hardening = np.broadcast_arrays(p_trial, q_trial, hardening)
    scale = cap.p_c0 * np.exp(cap.k * hardening)
    centre, half = 0.5 * (1.0 - cap.shift), 0.5 * (1.0 + cap.shift)
    x, y = np.zeros_like(scale), np.zeros_like(scale)  # plastic volume strain; multiplier times p_c before the step
    plastic = (q_trial / cap.slope) ** 2 + (p_trial - centre * scale) ** 2 > (half * scale) ** 2
    stiffness = 6.0 * cap.shear / (cap.slope**2 * scale)
    for _ in range(60):
        grown = np.exp(cap.k * x)
        p, q = (p_trial - cap.bulk * x) / scale, q_trial / (scale * (1.0 + stiffness * y))
        distance = p - centre * grown
        first = x - 2.0 * y * distance
        second = (q / cap.slope) ** 2 + distance**2 - (half * grown) ** 2 - viscosity * y
        if not np.any(plastic & (np.maximum(np.abs(first), np.abs(second)) > 1e-11)):
            break
        distance_x = -cap.bulk / scale - centre * cap.k * grown
        a, b = 1.0 - 2.0 * y * distance_x, -2.0 * distance
        c = 2.0 * distance * distance_x - 2.0 * cap.k * (half * grown) ** 2
        d = -2.0 * (q / cap.slope) ** 2 * stiffness / (1.0 + stiffness * y) - viscosity
        determinant = a * d - b * c
        step_x, step_y = (b * second - d * first) / determinant, (c * first - a * second) / determinant
        # steps of 3 % in volume keep the exponential from running away
        shorter = np.minimum(1.0, 0.03 / np.maximum(np.abs(step_x), 1e-300))
        x = np.where(plastic, x + shorter * step_x, 0.0)
        y = np.where(plastic, np.maximum(y + shorter * step_y, 0.0), 0.0)
    else:
        raise NumericalError("return to the cap did not converge in 60 iterations; take smaller steps of strain")
    return _answer(cap, plastic, x, y, p, q, (a, b, c, d) if np.any(plastic) else None, scale, stiffness)


def _answer(
    cap: Cap,
    plastic: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    p: np.ndarray,
    q: np.ndarray,
    jacobian: tuple[np.ndarray, ...] | None,
    scale: np.ndarray,
    stiffness: np.ndarray,
) -> ReturnMap:
    """Stresses, work and the implicit derivative of the two unknowns by the trial stresses."""
    tangent = np.zeros((2, 2, *x.shape))
    tangent[0, 0] = tangent[1, 1] = 1.0
    if jacobian is not None:
        a, b, c, d = jacobian
        distance = p - 0.5 * (1.0 - cap.shift) * np.exp(cap.k * x)
        softened = 1.0 + stiffness * y
        # derivatives of both residuals by (p_trial, q_trial) at fixed unknowns, in units of p_c
        by_p, by_q = (-2.0 * y, 2.0 * distance), (0.0, 2.0 * q / (cap.slope**2 * softened))
        determinant = a * d - b * c
        for column, (first, second) in enumerate((by_p, by_q)):
            dx, dy = (b * second - d * first) / determinant, (c * first - a * second) / determinant
            own = (1.0, 1.0 / softened)
            tangent[0, column] = np.where(plastic, own[0] * (column == 0) - cap.bulk * dx / scale, tangent[0, column])
            by_multiplier = -q * stiffness / softened * dy
            tangent[1, column] = np.where(plastic, own[1] * (column == 1) + by_multiplier, tangent[1, column])
    sheared = 2.0 * y * q / cap.slope**2
    return ReturnMap(p * scale, q * scale, x, scale * (p * x + q * sheared), tangent)


def press_uniaxially(
    cap: Cap, strains: np.ndarray, *, times: np.ndarray | None = None, relaxation: tuple[tuple[float, float], ...] = ()
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Axial and lateral Kirchhoff stress [MPa] and plastic volume strain along axial strains from 0, shape (n,).

    The full law in p and q, step by step; relaxation: (weight, time [s]) of Maxwell branches of the elastic stress.
    """
    weights = np.array([weight for weight, _ in relaxation])
    branches = np.zeros((len(relaxation), 2))
    p_e = q_e = volume = 0.0  # stress of the elastic strain without relaxation
    axial, lateral, volumes = [], [], []
    for step, strain in enumerate(np.diff(strains, prepend=0.0)):
        instant, decayed = 1.0, branches
        if relaxation and times is not None and step:
            ratio = (times[step] - times[step - 1]) / np.array([time for _, time in relaxation])
            decayed = np.exp(-ratio)[:, None] * branches
            share = weights * -np.expm1(-ratio) / ratio
            instant = 1.0 - weights.sum() + share.sum()
        else:
            share = weights
        # tau = instant x (elastic stress now) + what the branches remember
        memory = decayed.sum(axis=0) - share.sum() * np.array([p_e, q_e])
        trial = np.array([p_e + cap.bulk * strain, q_e + 2.0 * cap.shear * strain])
        p, q, x = _signed_return(cap, instant * trial + memory, instant, volume)
        elastic = (np.array([p, q]) - memory) / instant
        branches = decayed + share[:, None] * (elastic - np.array([p_e, q_e]))
        (p_e, q_e), volume = elastic, volume + x
        axial.append(p + 2.0 / 3.0 * q)
        lateral.append(p - q / 3.0)
        volumes.append(volume)
    return np.array(axial), np.array(lateral), np.array(volumes)


def _signed_return(cap: Cap, trial: np.ndarray, instant: float, volume: float) -> tuple[float, float, float]:
    """One return with q of either sign: the ellipse is symmetric. Moduli shrink to the share that acts at once."""
    sign = math.copysign(1.0, trial[1])
    acting = Cap(cap.modulus * instant, cap.poisson, cap.slope, cap.shift, cap.p_c0, cap.k)
    back = return_map(acting, np.array(trial[0]), np.array(sign * trial[1]), np.array(volume))
    return float(back.p), sign * float(back.q), float(back.volume)
