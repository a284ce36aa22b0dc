"""The foil along the nip: tension, yield, elongation, neutral point and forward slip of the web.

Units: mm, N, MPa. Slab balance per width, xi = -x along the motion, N the force in the whole cross-section:
    dN/dxi = 2 mu p w / sqrt(w^2 + w0^2) + 2 p x / R,   w = v / (omega R) - cos(x / R)
(friction of both rolls, and the part of their pressure that points against the motion), N = tension before and behind.
    N = t sigma_f + h sigma_c,  sigma_c = -(K0 p) on loading; on release elastic, -(K0 p_max - nu/(1-nu) (p_max - p))
        + E_c (strain since the turning point)
Foil in plane strain under the pressure p: sigma_f = E/(1-nu^2) (e - e_p) - nu/(1-nu) p while |sigma_f + p| <= 2k,
2k = 2 sigma_y / sqrt(3). Web and foil stretch together: v = v_in exp(e).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, solve
from scipy.optimize import brentq

from kalander.kernels.errors import Fault, InputError, NumericalError

__all__ = ["Foil", "FoilResult", "Travel", "stretch_foil"]

SLIP_SCALE = 1e-6  # w0 relative to the roll's speed: far below the slips of interest, 1e-5 and more
HARDENING = 0.01  # tangent of the yielding foil over its modulus


@dataclass(frozen=True)
class Foil:
    """thickness [mm]; modulus [MPa], inf for a rigid foil; poisson; yield_strength [MPa], inf for an elastic foil."""

    thickness: float
    modulus: float = math.inf
    poisson: float = 0.33
    yield_strength: float = math.inf

    def __post_init__(self) -> None:
        faults = [
            Fault(f"foil.{name}", getattr(self, name), "is no property of a foil", "above 0")
            for name in ("thickness", "modulus", "yield_strength")
            if not getattr(self, name) > 0.0
        ]
        if not -1.0 < self.poisson < 0.5:
            faults.append(Fault("foil.poisson", self.poisson, "is no Poisson ratio", "above -1, below 0.5"))
        if faults:
            raise InputError(faults)

    @property
    def plane_modulus(self) -> float:
        """E / (1 - nu^2) [MPa]."""
        return self.modulus / (1.0 - self.poisson**2)

    @property
    def plane_yield(self) -> float:
        """2 k = 2 sigma_y / sqrt(3) [MPa]."""
        return 2.0 * self.yield_strength / math.sqrt(3.0)


@dataclass(frozen=True, eq=False)
class Travel:
    """The loaded nip in the order of time, shape (n,): x [mm], descending; pressure and coating_stress [MPa], the
    latter along the web, compression positive, without stretch; thickness of the coating [mm]; coating_stiffness [MPa]
    against a stretch (0 while it flows)."""

    x: np.ndarray
    pressure: np.ndarray
    coating_stress: np.ndarray
    thickness: np.ndarray
    coating_stiffness: np.ndarray


@dataclass(frozen=True, eq=False)
class FoilResult:
    """strain, stress [MPa], slip (web over roll speed, less 1) along the way, shape (n,); elongation behind the nip
    and its plastic part; forward_slip: speed behind the nip over the rolls', less 1; neutral_x [mm], None if the web is
    slower or faster than the rolls throughout; yields: whether the foil flowed."""

    strain: np.ndarray
    stress: np.ndarray
    slip: np.ndarray
    elongation: float
    plastic: float
    forward_slip: float
    neutral_x: float | None
    yields: bool


def stretch_foil(foil: Foil, travel: Travel, radius: float, friction: float, *, tension: float = 0.0) -> FoilResult:
    """Solve the slab balance; tension [N/mm] before and behind the nip. Raises NumericalError.

    Without friction nothing ties the web to the rolls; friction below 1e-3 is taken as that.
    """
    friction = max(friction, 1e-3)
    if math.isinf(foil.modulus):
        return _rigid(travel, radius, friction)
    return _Balance(foil, travel, radius, friction, tension).solve()


def _roll_speed(x: np.ndarray, radius: float) -> np.ndarray:
    """Speed of the rolls' surface along the web, over omega R."""
    return np.sqrt(1.0 - (x / radius) ** 2)


def _rigid(travel: Travel, radius: float, friction: float) -> FoilResult:
    """A web that does not stretch has one speed: the one at which friction balances the pressure's component."""
    x, pressure = travel.x, travel.pressure
    speed = _roll_speed(x, radius)

    def force(ratio: float) -> float:
        slip = ratio - speed
        dragged = friction * pressure * slip / np.hypot(slip, SLIP_SCALE)
        return float(np.sum(dragged + pressure * x / radius))

    low, high = float(speed.min()) - 1e-2, 1.0 + 1e-2
    if force(low) * force(high) > 0.0:
        raise NumericalError("friction cannot draw the web in; raise pass.friction or open the gap")
    ratio = float(brentq(force, low, high, xtol=1e-14))
    slip = ratio - speed
    zero = np.zeros_like(x)
    return FoilResult(zero, zero, slip, 0.0, 0.0, ratio - 1.0, _neutral(x, slip, pressure), False)


class _Balance:
    """Newton for the stretch at every node and the entry speed."""

    def __init__(self, foil: Foil, travel: Travel, radius: float, friction: float, tension: float) -> None:
        self.foil, self.travel, self.tension = foil, travel, tension
        self.speed = _roll_speed(travel.x, radius)
        self.step = float(travel.x[0] - travel.x[1])
        self.drag = 2.0 * friction * travel.pressure
        self.backward = 2.0 * travel.pressure * travel.x / radius
        self.turning = int(np.argmax(travel.pressure))

    def solve(self) -> FoilResult:
        unknowns = np.append(np.zeros(self.travel.x.size), 1.0)
        for scale in (1e-3, 1e-4, 1e-5, SLIP_SCALE):  # from creeping to sticking
            unknowns = self._newton(unknowns, scale)
        strain, ratio = unknowns[:-1], float(unknowns[-1])
        stress, _, _, plastic = self._foil_stress(strain)
        slip = ratio * np.exp(strain) - self.speed
        return FoilResult(
            strain=strain,
            stress=stress,
            slip=slip,
            elongation=float(strain[-1] - strain[0]),
            plastic=float(plastic[-1]),
            forward_slip=ratio * math.exp(float(strain[-1])) - 1.0,
            neutral_x=_neutral(self.travel.x, slip, self.travel.pressure),
            yields=bool(np.any(np.abs(plastic) > 1e-9)),
        )

    def _newton(self, unknowns: np.ndarray, scale: float) -> np.ndarray:
        residual, jacobian = self._equations(unknowns, scale)
        error = float(np.linalg.norm(residual))
        for _ in range(80):
            if error <= 1e-9 * (1.0 + float(np.max(self.drag))):
                return unknowns
            try:
                step = solve(jacobian, -residual, check_finite=False)
            except (LinAlgError, ValueError) as singular:
                raise NumericalError("the foil's balance has no solution; raise pass.friction") from singular
            for halving in range(10):
                trial = unknowns + 0.5**halving * step
                residual, jacobian = self._equations(trial, scale)
                now = float(np.linalg.norm(residual))
                if now < error:
                    break
            unknowns, error = trial, now
        if error <= 1e-4 * (1.0 + float(np.max(self.drag)) * self.step):
            return unknowns
        raise NumericalError(f"tension of the foil not in balance after 80 iterations ({error:.3g} N/mm left)")

    def _equations(self, unknowns: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        strain, ratio, size = unknowns[:-1], unknowns[-1], self.travel.x.size
        stress, stiffness, source, _ = self._foil_stress(strain)
        travel = self.travel
        since = strain - strain[self.turning]
        stiff = travel.coating_stiffness * travel.thickness
        force = self.foil.thickness * stress - travel.thickness * travel.coating_stress + stiff * since
        by_strain = self.foil.thickness * stiffness + stiff
        speed = ratio * np.exp(np.clip(strain, -1.0, 1.0))
        slip = speed - self.speed
        size_of_slip = np.hypot(slip, scale)
        load = self.drag * slip / size_of_slip + self.backward
        by_slip = self.drag * scale**2 / size_of_slip**3
        half = 0.5 * self.step
        residual = np.empty(size + 1)
        residual[:-2] = np.diff(force) - half * (load[:-1] + load[1:])
        residual[-2:] = force[0] - self.tension, force[-1] - self.tension
        by_force = np.diag(by_strain)
        by_force[:, self.turning] -= stiff
        flowed = np.flatnonzero(source >= 0)
        relieved = self.foil.thickness * self.foil.plane_modulus / (1.0 + HARDENING)
        by_force[flowed, source[flowed]] -= relieved
        pulled = half * by_slip * speed
        jacobian = np.zeros((size + 1, size + 1))
        jacobian[:-2, :-1] = np.diff(by_force, axis=0)
        rows = np.arange(size - 1)
        jacobian[rows, rows] -= pulled[:-1]
        jacobian[rows, rows + 1] -= pulled[1:]
        jacobian[rows, -1] = -(pulled[:-1] + pulled[1:]) / ratio
        jacobian[-2, :-1], jacobian[-1, :-1] = by_force[0], by_force[-1]
        return residual, jacobian

    def _foil_stress(self, strain: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Stress [MPa], its derivatives by the stretch here and at the place of the last flow, and that place's index;
        plastic strain.

        The foil flows in tension only (sigma + p beyond 2k), so its plastic strain is a running maximum.
        """
        foil, pressure = self.foil, self.travel.pressure
        modulus, limit = foil.plane_modulus, foil.plane_yield
        across = foil.poisson / (1.0 - foil.poisson) * pressure
        nodes = np.arange(strain.size)
        if math.isinf(limit):
            return modulus * strain - across, np.full(strain.size, modulus), np.full(strain.size, -1), np.zeros(nodes.size)
        hardened = modulus * (1.0 + HARDENING)
        wanted = (modulus * strain - across + pressure - limit) / hardened
        plastic = np.maximum.accumulate(np.maximum(wanted, 0.0))
        source = np.maximum.accumulate(np.where((wanted >= plastic) & (wanted > 0.0), nodes, -1))
        tangent = np.full(strain.size, modulus)
        return modulus * (strain - plastic) - across, tangent, source, plastic


def _neutral(x: np.ndarray, slip: np.ndarray, pressure: np.ndarray) -> float | None:
    """Where the web overtakes the rolls, last on its way, where they touch [mm]."""
    touching = np.flatnonzero(pressure > 0.0)
    x, slip = x[touching], slip[touching]
    turns = np.flatnonzero((slip[:-1] < 0.0) & (slip[1:] >= 0.0))
    if turns.size == 0:
        return None
    node = int(turns[-1])
    share = -slip[node] / (slip[node + 1] - slip[node])
    return float(x[node] + share * (x[node + 1] - x[node]))
