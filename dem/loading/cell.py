"""Boxes that are periodic in all directions: led along strain rates and stresses of their axes."""

from collections.abc import Callable, Iterator

import numpy as np

from kalander.dem.ageing.relaxation import MICROSECOND
from kalander.dem.bodies.platens import ARRIVED as BORNE
from kalander.dem.bodies.platens import quasi_static_speed
from kalander.dem.loading.asked import LENGTHS, PLACE, SHEAR, STRESS_ENDS, STRESSES, VOLUME, ZZ
from kalander.dem.loading.control import Control
from kalander.dem.loading.lattice_servo import giving_way, hertzian_modulus, moduli, slope_sums, stress_rates
from kalander.dem.loading.path import ENDS
from kalander.dem.loading.servo import CALMING, STAYS, aimed
from kalander.dem.measure.observe import cell_stress
from kalander.kernels.quantities import solid_share

__all__ = ["CELL_SHARE", "Cell", "by_axis"]

# Of 1/ω of the stiffest contact. A sphere with Z contacts, among others that turn with it, meets 2 Z (2/3) k_t/(0.4 m)
# in turning: at Z = 8 11 of the k_n/m* of one contact, and Verlet with dashpots of restitution 0.3 that are half a step
# late is stable up to 0.21/ω. At 0.3 a bed of rough spheres made 7 % of the work of its compression as heat.
CELL_SHARE = 0.2

LOOSE = 0.01  # of a stress: what a bed that does not carry yet may have by its motion
DENSE_FLOW = 0.3  # inertial number below which spheres are always in touch with some (GDR MiDi 2004, §6)
UNLOADED = 1e-12  # of the stress asked for: the least that a bed counts as bearing
CALM = 1e-3  # kinetic over carried pressure, below which a bed carries


class Cell(Control):
    """Boxes without platens; motion are logarithmic rates of x, y, z, compression positive, and of shear of z in x."""

    cell, share = True, CELL_SHARE

    @property
    def height(self) -> np.ndarray:
        return self.bed.boxes["depth"]

    @property
    def size(self) -> np.ndarray:
        return np.column_stack([self.bed.boxes["width"], self.bed.boxes["depth"]])

    @property
    def pressure(self) -> np.ndarray:
        return self.progress["last_stress"][:, :VOLUME].mean(axis=1)

    def ways(self, motion: np.ndarray) -> np.ndarray:
        rate, held = self.asked.rate, self.asked.held
        volume = np.where(held.any(axis=1), 0.0, np.sign(rate[:, :VOLUME].sum(axis=1)))
        ways = np.repeat(volume[:, None], len(ENDS), axis=1)
        ways[:, LENGTHS] = np.where(held, 0.0, np.sign(rate[:, :VOLUME]))
        ways[:, SHEAR] = np.sign(rate[:, VOLUME])
        ways[:, PLACE["stress_xz"]] = 0.0
        ways[:, PLACE["porosity"]] *= -1.0
        return ways

    def closing(self) -> np.ndarray:
        return (self.asked.rate[:, :VOLUME].sum(axis=1) > 0.0) | self.asked.held.any(axis=1)

    def _kinetic_pressure(self) -> np.ndarray:
        """Two thirds of the kinetic energy beside the flow over the volume [MPa]."""
        bed = self.bed
        square = bed.body("mass").astype(float) * (bed.body("velocity").astype(float) ** 2).sum(axis=1)
        return np.add.reduceat(square, bed.boxes["body_start"]) / (3.0 * self.size.prod(axis=1))

    # --- verbs ----------------------------------------------------------------------------------------------------

    def room_for_haste(self) -> np.ndarray:
        fastest = np.abs(self.asked.rate).max(axis=1)
        return fastest / np.maximum(self._quasi_static(self.asked.least_pressure), 1e-300)

    def _quasi_static(self, pressure: np.ndarray) -> np.ndarray:
        """Rate [1/µs] at which the inertial number is that of the leg."""
        number, one = np.nan_to_num(self.asked.inertial_number), np.ones(len(pressure))
        return quasi_static_speed(number, one, np.maximum(pressure, 0.0), self.diameter, self.density)

    def motion(self, active: np.ndarray) -> np.ndarray:
        return np.where(active[:, None], self._rates(), 0.0)

    def _limits(self) -> np.ndarray:
        """Rates of the legs [1/µs], faster in haste and slower as the inertial number asks; shape (box, 4)."""
        asked, factor = self.asked, self.progress["approach_factor"]
        rate = asked.rate.copy()
        if (factor > 1.0).any() or asked.quasi_static.any():
            pressure = np.maximum(np.where(factor > 1.0, 0.0, self.pressure), asked.least_pressure)
            most = np.where(asked.quasi_static, factor * self._quasi_static(pressure), np.inf)
            fastest = np.maximum(np.abs(rate).max(axis=1), 1e-300)
            hasty = np.where(asked.quasi_static, 1.0, factor)
            rate *= np.minimum(hasty, most / fastest)[:, None]
        return rate

    def _rates(self) -> np.ndarray:
        """Rates of each box [1/µs], compression positive: those of the leg, or what brings its stresses nearer."""
        progress, target, held = self.progress, self.asked.target, self.asked.held
        rate = self._limits()
        if not held.any():
            return rate
        stress = progress["last_stress"][:, :VOLUME]
        size, time = self.size, self.bed.boxes["dt"] * self.path.look_every
        goal = self.asked.goal
        least = self._least_modulus()
        density = self.mass / size.prod(axis=1)
        begun = progress["leg_value"][:, STRESSES]
        aim = aimed(target, begun, progress["unrest"], goal[:, None])
        servo = stress_rates(
            np.where(held, aim - stress, 0.0), held, rate[:, :VOLUME],
            np.where(held, target - begun, 0.0), goal, progress["stiffness"], least, density, size, time,
            self._follows(),
        )  # fmt: skip
        # while the bed does not carry, its stress is that of its motion: no more of that than it may be wrong by
        gentle = LOOSE * goal / (np.sqrt(np.maximum(density * least, 1e-300)) * size.max(axis=1))
        moving = np.abs(progress["last_rate"][:, :VOLUME]).max(axis=1)
        pressure = np.maximum(np.abs(stress).max(axis=1), UNLOADED * goal)
        dynamic = np.clip(np.sqrt(LOOSE * goal / pressure), 0.5, 1.5) * moving
        cap = np.where(progress["carries"] > 0, np.inf, np.maximum(gentle, np.where(moving > 0, dynamic, np.inf)))
        fastest = np.where(held, np.abs(servo), 0.0).max(axis=1)
        servo *= np.minimum(1.0, cap / np.maximum(fastest, 1e-300))[:, None]
        rate[:, :VOLUME] = np.where(held, servo, rate[:, :VOLUME])
        return rate

    def _least_modulus(self) -> np.ndarray:
        """Modulus of volume [MPa] that contacts make at the stress seen, between a quarter of the targets and all."""
        goal = self.asked.goal
        return hertzian_modulus(self.between_bodies, np.clip(self.pressure, 0.25 * goal, goal))

    def _follows(self) -> np.ndarray:
        """Rates [1/µs], (box, 3), at which the axes of a bed that gives way on the way down are closed after it.

        Of its volume alone: a bed that yields in shape flows the faster, the faster it is followed.
        """
        target, held = self.asked.target, self.asked.held
        goal = self.asked.goal[:, None]
        lowers = (target - self.progress["leg_value"][:, STRESSES] < -STAYS * goal) | ~held
        given = np.maximum(self.progress["giving_way"].mean(axis=1), 0.0)
        return np.where(held.any(axis=1) & lowers.all(axis=1), given, 0.0)[:, None] * np.ones(VOLUME)

    def put(self, motion: np.ndarray) -> None:
        self.bed.boxes["strain_rate"] = np.column_stack([-motion[:, :VOLUME], motion[:, VOLUME]])

    def slowed(self, active: np.ndarray, motion: np.ndarray) -> np.ndarray:
        asked = self.asked
        fastest = np.abs(asked.rate[:, :VOLUME])
        led = (asked.held & (np.abs(motion[:, :VOLUME]) >= (1.0 - 1e-9) * fastest)).any(axis=1)
        return active & asked.endless & asked.held.any(axis=1) & ~led

    def left(self, box: int, ends: dict[str, float], motion: np.ndarray) -> Iterator[float]:
        progress = self.progress
        closed, begun = self.size[box] / progress["start_size"][box], progress["leg_value"][box]
        for axis, place in enumerate(LENGTHS):
            if ENDS[place] in ends and motion[axis] != 0.0:
                wanted = (1.0 - ends[ENDS[place]]) * (1.0 - begun[place]) / closed[axis]
                yield (1.0 - wanted) / motion[axis]
        if ENDS[SHEAR] in ends and motion[VOLUME] != 0.0:
            # what is sheared in a step is over the length in z after it
            lack = (begun[SHEAR] + ends[ENDS[SHEAR]] - progress["shear"][box]) / motion[VOLUME]
            yield lack / (1.0 + lack * motion[ZZ])
        start = progress["start_size"][box].prod()
        volume: dict[str, Callable[[float], float]] = {
            "strain": lambda value: 1.0 - value,
            "solid_fraction": lambda value: self.spheres[box] / start / value,
            "porosity": lambda value: progress["solid_volume"][box] / start / solid_share(value),
        }
        for name in volume.keys() & ends.keys():
            yield volume_left(motion[:VOLUME], volume[name](ends[name]) / closed.prod())

    def stress_left(self, box: int, name: str, wanted: float, motion: np.ndarray) -> float:
        place = PLACE[name]
        lack = abs(wanted - self.values()[box, place])
        pace = abs(self.progress["last_pace"][box, place - STRESS_ENDS.start])
        foreseen = hertzian_modulus(self.between_bodies, np.full(len(self.mass), abs(wanted)))[box]
        pace = max(pace, foreseen * np.abs(motion).max())
        return float(lack / pace) if pace > 0.0 else np.inf

    def material_time(self, motion: np.ndarray, passed: np.ndarray) -> np.ndarray:
        along = np.abs(motion).max(axis=1) / self.asked.material_rate
        return passed * MICROSECOND * np.where(np.isnan(along), 1.0, along)

    def learn(self, active: np.ndarray, motion: np.ndarray, length: np.ndarray, time: np.ndarray) -> None:
        progress, size, last = self.progress, self.size, self.progress["last_size"]
        progress["shear"] = progress["shear"] + motion[:, VOLUME] * time * last[:, ZZ] / size[:, ZZ]
        progress["last_rate"] = motion
        power, seen = self._power(motion, last), self._stresses()
        axes = by_axis(cell_stress(self.bed))
        closing = np.log(last / size)
        change = (axes - progress["last_stress"])[:, :VOLUME]
        learnt = slope_sums(progress["stiffness"], closing, change)
        progress["stiffness"] = np.where(active[:, None], learnt, progress["stiffness"])
        self._learn_giving_way(active, closing, change, time)
        progress["carries"] = (self._kinetic_pressure() < CALM * axes[:, :VOLUME].mean(axis=1)).astype(np.int32)
        self.learn_unrest(active, axes[:, :VOLUME])
        self._brake(motion, axes)
        progress["last_stress"] = np.where(active[:, None], axes, progress["last_stress"])
        progress["last_size"] = size
        # kernels take a step's work of the flow at the forces of its end, not at the mean of both ends
        excess = 0.5 * length * (self._power(motion, size) - power)
        progress["work_excess"] = progress["work_excess"] + np.where(active, excess, 0.0)
        pace = (self._stresses() - seen) / np.where(time > 0.0, time, np.inf)[:, None]
        progress["last_pace"] = np.where(active[:, None], pace, progress["last_pace"])

    def fastest(self) -> np.ndarray:
        time = self.bed.boxes["dt"] * self.path.look_every
        rate = self.asked.goal / (np.maximum(self._least_modulus(), 1e-12) * time)
        return rate[:, None] * np.ones(VOLUME)

    def slope(self) -> np.ndarray:
        volume, shape = moduli(self.progress["stiffness"], np.maximum(self._least_modulus(), 1e-12))
        return shape[:, None, None] * np.eye(VOLUME) + ((volume - shape) / 3.0)[:, None, None]

    def _power(self, motion: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Power of the flow on the stresses as last seen [pJ/µs], shape (box,)."""
        return (self.progress["last_stress"] * motion).sum(axis=1) * size.prod(axis=1)

    def _stresses(self) -> np.ndarray:
        """Values at which stresses end legs [MPa], shape (box, 5)."""
        return np.column_stack([self.pressure, self.progress["last_stress"]])

    def _brake(self, motion: np.ndarray, axes: np.ndarray) -> None:
        """Haste ends as between platens, by the volume, as spheres begin to flow densely instead of colliding."""
        shrinkage = (self.size / self.progress["last_size"]).prod(axis=1)
        dense = self.density * (np.abs(motion).max(axis=1) * self.diameter / DENSE_FLOW) ** 2
        self.brake(shrinkage, axes[:, :VOLUME].mean(axis=1), dense / BORNE)

    def _learn_giving_way(self, active: np.ndarray, closing: np.ndarray, change: np.ndarray, time: np.ndarray) -> None:
        """Rates at which lengths go without stress for it, from the interval of `time` [µs] just over."""
        progress = self.progress
        least = np.maximum(self._least_modulus(), 1e-12)
        gone = giving_way(closing, change, progress["stiffness"], least) / np.where(time > 0.0, time, np.inf)[:, None]
        mean = progress["giving_way"] + (1.0 - CALMING) * (gone - progress["giving_way"])
        progress["giving_way"] = np.where(active[:, None], mean, progress["giving_way"])


def volume_left(rate: np.ndarray, ratio: float) -> float:
    """Time [µs] in which lengths that change at constant rates (3,) [1/µs] bring a volume to `ratio` of what it is."""
    if rate.sum() == 0.0 or ratio <= 0.0:
        return np.inf
    time = -np.log(ratio) / rate.sum()
    for _ in range(4):  # Newton's method for Π (1 − r t) = ratio
        lengths = 1.0 - rate * time
        if (lengths <= 0.0).any():
            return np.inf
        time += (lengths.prod() - ratio) / (lengths.prod() * (rate / lengths).sum())
    return float(time)


def by_axis(stress: np.ndarray) -> np.ndarray:
    """xx, yy, zz of stresses (box, 3, 3), and minus the mean of xz and zx, which resists a positive shear; (box, 4)."""
    shear = -0.5 * (stress[:, 0, 2] + stress[:, 2, 0])
    return np.column_stack([np.diagonal(stress, axis1=1, axis2=2), shear])
