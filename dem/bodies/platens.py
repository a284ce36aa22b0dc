"""Platens: how fast they may move, and the servo that meets a stress. Pure functions of columns, one row a box."""

from collections.abc import Iterable
from math import ceil

import numpy as np

from kalander.kernels.columns import Table

__all__ = [
    "approach", "braked_approach", "has_passed", "impact_frequency", "landing", "matched_speed", "quasi_static_speed",
    "servo_speed", "stable_step",
]  # fmt: skip

ARRIVED = 0.1  # of ρ v²: a load above it has come through the bed; before, only the platen that moves is met
RELEASE_STEPS, RELEASE_SHARE = 200, 0.05  # what is laid into one another parts in some 40 of these
LEAST_PART = 0.01  # of a step, at the end of a leg
BRAKING = 30.0  # part of the approach factor lost by a part of the height lost: 32 to 1 while the height falls by 11 %


def quasi_static_speed(
    inertial_number: float, height: np.ndarray, pressure: np.ndarray, diameter: np.ndarray, density: np.ndarray
) -> np.ndarray:
    """Closing speed [µm/µs] at which I = ε̇ d √(ρ/P) takes the given value (GDR MiDi, Eur. Phys. J. E 14 (2004) 341)."""
    return inertial_number * height / diameter * np.sqrt(pressure / density)


def impact_frequency(speed: np.ndarray, radius: np.ndarray, mass: np.ndarray, modulus: np.ndarray) -> np.ndarray:
    """Largest frequency √(k_n/m*) [1/µs] of the contact of two equal spheres that meet at a speed [µm/µs].

    radius [µm], mass [ng]; modulus: E* of the contact [MPa]. The impact ends at δ with ½ m* v² = 8/15 E* √R* δ^(5/2),
    where k_n = 2 E* √(R*δ); it lasts 4.03 of the inverse of this frequency (Hertz 1882; Johnson 1985, §11.4).
    """
    half_mass, half_radius = 0.5 * mass, 0.5 * radius
    depth = (15.0 / 16.0 * half_mass * speed**2 / (modulus * np.sqrt(half_radius))) ** 0.4
    return np.sqrt(2.0 * modulus * np.sqrt(half_radius * depth) / half_mass)


def stable_step(longest: float | np.ndarray, share: float, frequency: np.ndarray, boxes: Table) -> np.ndarray:
    """Time step [µs], shape (box,): at most `longest`, and `share` of 1/ω of the stiffest contact.

    A bed whose contacts balance moves slowly beside them. What is laid into one another flies apart in a quarter of a
    period, 5 steps of 0.3/ω, and would gain 2 % of its energy by them: first steps are short and do not grow.
    frequency ω [1/µs]; boxes: steps done and the step before. An infinite share is that of a step that is given.
    """
    first = (boxes["step"] < RELEASE_STEPS) & np.isfinite(share)
    step = np.minimum(longest, np.where(first, min(share, RELEASE_SHARE), share) / frequency)
    return np.where(first & (boxes["step"] > 0), np.minimum(step, boxes["dt"]), step)


def landing(room: int, dt: float, left: Iterable[float], *, whole: bool) -> tuple[int, float]:
    """Steps to do, at most `room` of `dt` [µs], and their length: the last one lands on what comes first.

    left: times [µs] to what can be foreseen; what is over does not come. whole: steps keep their length and pass it.
    """
    time = min((time for time in left if time > 0.0), default=np.inf)
    count = max(1, ceil(min(time / dt - 1e-6, room + 1.0)))
    if count > room:
        return max(1, room), dt
    return count, dt if whole else time / count


def has_passed(time: float, begun: float, boxes: Table, box: int) -> bool:
    """Whether a time [µs] since `begun` is over in a box, but for the rounding of what `landing` lands on."""
    return bool(boxes["time"][box] - begun >= time - 1e-6 * boxes["dt"][box])


def approach(steps: int, dt: float, left: float, *, whole: bool) -> tuple[int, float]:
    """The same with a stress ahead that is foreseen from a stiffness, which may grow: half the way, at last in parts.

    left: time [µs] to that stress, 0 where nothing is known of it.
    """
    count = left / dt
    if count >= 2.0:
        return min(steps, int(0.5 * count)), dt
    return 1, dt if whole or left <= 0.0 else min(dt, max(left, LEAST_PART * dt))


def servo_speed(
    error: np.ndarray, modulus: np.ndarray, height: np.ndarray, time: np.ndarray, limit: np.ndarray
) -> np.ndarray:
    """Closing speed [µm/µs] that removes half of a stress error [MPa] in `time` [µs], within ± limit.

    modulus: dσ/dln h of the packing [MPa]. Half a Newton step converges for estimates above a quarter of the true one.
    """
    return np.clip(0.5 * error * height / (modulus * time), -limit, limit)


def matched_speed(
    error: float, modulus: float, density: float, height: float, time: float, limit: float, *, passages: float = 3.0
) -> float:
    """Closing speed [µm/µs] that meets a stress [MPa] from below without passing it, within ± limit.

    A platen that moves at v sends a stress √(ρ M) v into the bed before the other one feels it. 1/n of the speed that
    would carry the whole error leaves waves n `passages` to settle, and the error falls as exp(−t c/(n h)),
    c = √(M/ρ). A bed thinner than the way of a wave in `time` [µs], one interval, is led by half a Newton step.
    modulus M: dσ/dln h [MPa], density ρ of the bed [ng/µm³], height [µm].
    """
    carried = error / (passages * np.sqrt(density * modulus))
    newton = 0.5 * error * height / (modulus * time)
    return float(np.clip(min(carried, newton, key=abs), -limit, limit))


def braked_approach(factor: np.ndarray, shrinkage: np.ndarray, carried: np.ndarray, momentum: np.ndarray) -> np.ndarray:
    """Approach factor left after an interval: it falls with the height while load passes through, never below 1.

    factor: closing speed over the quasi-static one; shrinkage: height over that of the interval before; carried: the
    smaller of the platens' stresses [MPa]; momentum: ρ v² of the closing [MPa]. Spheres that do not carry have no time
    scale (their stress is ρ v² times a function of solid fraction alone; Bagnold 1954): whoever slows the platens and
    all spheres by the same factor sees the same film at another rate. It must be slowed before the bed jams, and while
    it flows: what contacts store does not slow with it.
    """
    slower = np.maximum(factor * np.minimum(shrinkage, 1.0) ** BRAKING, 1.0)
    return np.where(carried > ARRIVED * momentum, slower, factor)
