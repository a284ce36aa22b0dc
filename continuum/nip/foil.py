"""The foil along the nip: tension, yield, elongation, neutral point and forward slip of the web.

Units: mm, N, MPa. Slab balance per width, xi = -x along the motion, N the force in the whole cross-section:
    dN/dxi = 2 mu p clip(w / w0, -1, 1) + 2 p x / R,   w = v / (omega R) - cos(x / R)
(friction of both rolls, the part of their pressure that points against the motion), N = tension before and behind.
    N = t sigma_f + h sigma_c,  sigma_c = -(K0 p) on loading; on release elastic, -(K0 p_max - nu/(1-nu) (p_max - p))
        + E_c (strain since the turning point)
Foil in plane strain under the pressure p: sigma_f = E/(1-nu^2) (e - e_p) - nu/(1-nu) p while |sigma_f + p| <= 2k,
2k = 2 sigma_y / sqrt(3). Web and foil stretch together: v = v_in (1 + e).

A web faster than the rolls is held back and pulled, so a difference of speed grows along the motion and fades against
it: the balance is integrated from exit to entry (implicit Euler), where the tension tells whether the entry speed was
right. Plastic stretch and the stretch at the turning point belong to the way in; they are iterated.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from kalander.continuum.nip.result import FoilResult
from kalander.continuum.nip.web import Foil
from kalander.kernels.errors import NumericalError

__all__ = ["Travel", "stretch_foil"]

SLIP_SCALE = 1e-6  # w0: far below the slips of interest, 1e-5 and more
WIDEST, TRIALS = (0.5, 1.05), 17  # of the search for the entry speed; each round narrows it 16 times
HARDENING = 0.01  # tangent of the yielding foil over its modulus


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
        dragged = friction * pressure * np.clip(slip / SLIP_SCALE, -1.0, 1.0)
        return float(np.sum(dragged + pressure * x / radius))

    low, high = float(speed.min()) - 1e-2, 1.0 + 1e-2
    if force(low) * force(high) > 0.0:
        raise NumericalError("friction cannot draw the web in; raise pass.friction or open the gap")
    ratio = float(brentq(force, low, high, xtol=1e-14))
    slip = ratio - speed
    zero = np.zeros_like(x)
    return FoilResult(zero, zero, slip, 0.0, 0.0, ratio - 1.0, _neutral(x, slip, pressure), False)


def _mixed(states: list[np.ndarray], misses: list[np.ndarray]) -> np.ndarray:
    """Next state of a fixed point by Anderson's mixing of the last ones (1965), half of the miss taken."""
    if len(states) == 1:
        return states[0] + 0.5 * misses[0]
    d_state, d_miss = np.diff(np.array(states), axis=0), np.diff(np.array(misses), axis=0)
    weights = np.linalg.lstsq(d_miss.T, misses[-1], rcond=1e-8)[0]
    return states[-1] + 0.5 * misses[-1] - (d_state + 0.5 * d_miss).T @ weights


class _Balance:
    """Integration against the motion for trial entry speeds, within an iteration of what the way in leaves behind."""

    def __init__(self, foil: Foil, travel: Travel, radius: float, friction: float, tension: float) -> None:
        self.foil, self.travel, self.tension = foil, travel, tension
        self.speed = _roll_speed(travel.x, radius)
        self.step = float(travel.x[0] - travel.x[1])
        self.drag = 2.0 * friction * travel.pressure
        self.backward = 2.0 * travel.pressure * travel.x / radius
        self.turning = int(np.argmax(travel.pressure))
        self.coating = travel.coating_stiffness * travel.thickness
        self.bracket = WIDEST
        self.stiffness = foil.thickness * foil.plane_modulus + self.coating

    def solve(self) -> FoilResult:
        # the state that the way in leaves: plastic stretch at every node, stretch at the turning point
        state = np.zeros(self.travel.x.size + 1)
        states: list[np.ndarray] = []
        misses: list[np.ndarray] = []
        for _ in range(80):
            plastic, turned = np.maximum(state[:-1], 0.0), float(state[-1])
            ratio, strain = self._find_speed(plastic, turned)
            miss = np.append(self._plastic(strain), strain[self.turning]) - state
            change = float(np.max(np.abs(miss)))
            if change < 1e-6:
                break
            self.bracket = (ratio - 2.0 * change, ratio + 2.0 * change)
            states, misses = [*states[-5:], state], [*misses[-5:], miss]
            state = _mixed(states, misses)
        else:
            raise NumericalError(f"stretch of the foil not settled after 80 rounds ({change:.3g}); raise pass.friction")
        slip = ratio * (1.0 + strain) - self.speed
        return FoilResult(
            strain=strain,
            stress=self.foil.plane_modulus * (strain - plastic) - self._across(),
            slip=slip,
            elongation=float(strain[-1] - strain[0]),
            plastic=float(plastic[-1]),
            forward_slip=ratio * (1.0 + float(strain[-1])) - 1.0,
            neutral_x=_neutral(self.travel.x, slip, self.travel.pressure),
            yields=bool(np.any(plastic > 1e-7)),
        )

    def _across(self) -> np.ndarray:
        """Part of the foil's stress that the pressure makes [MPa]."""
        return self.foil.poisson / (1.0 - self.foil.poisson) * self.travel.pressure

    def _plastic(self, strain: np.ndarray) -> np.ndarray:
        """The foil flows in tension only, where sigma + p passes 2k and its hardening: a running maximum."""
        modulus, limit = self.foil.plane_modulus, self.foil.plane_yield
        if math.isinf(limit):
            return np.zeros(strain.size)
        wanted = (modulus * strain - self._across() + self.travel.pressure - limit) / (modulus * (1.0 + HARDENING))
        return np.maximum.accumulate(np.maximum(wanted, 0.0))

    def _find_speed(self, plastic: np.ndarray, turned: float) -> tuple[float, np.ndarray]:
        """Entry speed over the rolls' that leaves the given tension before the nip, and the stretch along the way."""
        low, high = self.bracket
        while high - low > 1e-9:
            trials = np.linspace(low, high, TRIALS)
            strain, force = self._integrate(trials, plastic, turned)
            # a faster web is pulled more, so less is left of its tension on the way back to the entry
            too_fast = force < self.tension
            place = int(np.argmax(too_fast)) if np.any(too_fast) else TRIALS - 1
            if (place == 0 or not np.any(too_fast)) and (low, high) == self.bracket != WIDEST:
                low, high = self.bracket = WIDEST
                continue
            if place == 0 or not np.any(too_fast):
                raise NumericalError("no speed of the web balances the foil's tension; raise pass.friction")
            low, high = trials[place - 1], trials[place]
        share = (force[place - 1] - self.tension) / (force[place - 1] - force[place])
        return float(low + share * (high - low)), strain[:, place - 1] + share * (
            strain[:, place] - strain[:, place - 1]
        )

    def _integrate(self, ratio: np.ndarray, plastic: np.ndarray, turned: float) -> tuple[np.ndarray, np.ndarray]:
        """Stretch, shape (n, trials), and the force left at the entry [N/mm], shape (trials,)."""
        foil, travel = self.foil, self.travel
        held = (
            -foil.thickness * (foil.plane_modulus * plastic + self._across())
            - travel.thickness * travel.coating_stress
            - self.coating * turned
        )
        strain = np.empty((travel.x.size, ratio.size))
        force = np.full(ratio.size, self.tension)
        strain[-1] = (force - held[-1]) / self.stiffness[-1]
        for node in range(travel.x.size - 2, -1, -1):
            drag, stiffness = self.step * self.drag[node], self.stiffness[node]
            pulled = force - held[node] - self.step * self.backward[node]
            creeping = drag * ratio / SLIP_SCALE
            here = (pulled - drag * (ratio - self.speed[node]) / SLIP_SCALE) / (stiffness + creeping)
            slip = ratio * (1.0 + here) - self.speed[node]
            sliding = np.abs(slip) > SLIP_SCALE
            here = np.where(sliding, (pulled - drag * np.sign(slip)) / stiffness, here)
            strain[node] = here
            force = stiffness * here + held[node]
        return strain, force


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
