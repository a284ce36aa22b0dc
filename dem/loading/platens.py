"""Boxes between platens: the upper one closes at a speed, goes to a stress, or presses as an inertial number allows."""

from collections.abc import Iterator

import numpy as np

from kalander.dem.ageing.relaxation import MICROSECOND
from kalander.dem.bodies.platens import impact_frequency, matched_speed, quasi_static_speed, servo_speed
from kalander.dem.engine.bed import Bed
from kalander.dem.loading.asked import PLACE, VOLUME, ZZ
from kalander.dem.loading.control import Control
from kalander.dem.loading.lattice_servo import hertzian_modulus
from kalander.dem.loading.path import AXES, ENDS, Path
from kalander.dem.loading.servo import CALMING, aimed, least_modulus, nearest
from kalander.dem.measure.observe import platen_stress
from kalander.kernels.columns import Table
from kalander.kernels.quantities import platen_pressure, solid_share

__all__ = ["CONTACT_SHARE", "Platens"]

# Verlet is stable to 2/ω of the fastest mode. That of a body with Z contacts that resist sliding and turning is some
# 4 times that of one contact, and dashpots evaluated half a step late take another third: 0.35/ω is the limit seen.
CONTACT_SHARE = 0.3

# Solids of all kinds over the volume of the box beyond which a box turns: pieces leave room to their fines, but the
# fines, which carry nothing, cannot be pressed beyond themselves.
DENSEST = 0.98

NEAR, NEAR_LOOKS = 0.97, 4  # share of the stress of a turn from which so many looks come in the place of one

MEMORY = 0.9  # of the sums from which the stiffness of the bed is read, from one look to the next
PASSAGES = 3.0  # of a wave in which the servo lets the lack of a stress fall by e
CATCHING = 1.5  # the same of a bed that loses stress faster than the leg would lower it
BY_HEIGHT = {"solid_fraction": 1.0, "strain": 1.0, "porosity": -1.0, "height": -1.0}  # how values change in closing


class Platens(Control):
    """Boxes between platens; motion is the speed at which the upper one closes."""

    cell, share = False, CONTACT_SHARE

    def __init__(self, bed: Bed, path: Path, progress: Table) -> None:
        super().__init__(bed, path, progress)
        self.presses = all(leg.inertial_number is not None for leg in path.legs)  # needs no servo of other legs
        self.low = self.high = progress["last_stress"][:, ZZ]

    @property
    def height(self) -> np.ndarray:
        low, high = self.bed.boxes["platen_height"].T
        return high - low

    @property
    def size(self) -> np.ndarray:
        return np.column_stack([self.bed.boxes["width"], self.height])

    @property
    def strain(self) -> np.ndarray:
        return 1.0 - self.height / self.progress["start_size"][:, ZZ]

    @property
    def strains(self) -> np.ndarray:
        strains = np.zeros((len(self.mass), len(AXES)))
        strains[:, ZZ] = self.strain
        return strains

    @property
    def pressure(self) -> np.ndarray:
        return self.progress["last_stress"][:, ZZ]

    @property
    def target(self) -> np.ndarray:
        """Stresses that the boxes approach or hold [MPa], 0 for none."""
        return np.nan_to_num(self.asked.target[:, ZZ], nan=0.0)

    @property
    def modulus(self) -> np.ndarray:
        """dσ/dln h of the bed [MPa] by the least squares of the last looks; at least what its contacts make it."""
        sums = self.progress["stiffness"]
        measured = sums[:, 1] / np.maximum(sums[:, 0], 1e-300)
        stress = np.maximum(self.pressure, np.maximum(0.25 * self.target, 1e-9))
        return np.maximum(np.maximum(measured, stress), least_modulus(self.between_bodies, stress))

    def ways(self, motion: np.ndarray) -> np.ndarray:
        ways, speed = np.zeros((len(motion), len(ENDS))), np.sign(motion[:, ZZ])
        for name, sign in BY_HEIGHT.items():
            ways[:, PLACE[name]] = sign * speed
        rises = np.where(self.asked.speed >= 0.0, 1.0, -1.0)
        ways[:, PLACE["pressure"]] = np.where(self.asked.quasi_static, np.nan, rises)  # those end in _pressed
        return ways

    def closing(self) -> np.ndarray:
        return self.asked.speed > 0.0

    def shares(self) -> np.ndarray:
        if self.asked.further.any():
            return super().shares()
        goal = self.asked.ends[:, PLACE["pressure"]]
        over = np.clip(self.pressure / np.where(goal > 0.0, goal, np.inf), 1e-3, 1e3)
        return np.sqrt(np.where(self.asked.speed > 0.0, np.minimum(over, 1.0), 1.0 / np.maximum(over, 1.0)))

    # --- verbs ----------------------------------------------------------------------------------------------------

    def begin_legs(self, boxes: np.ndarray) -> None:
        super().begin_legs(boxes)
        goal, modulus = self.asked.ends[:, PLACE["pressure"]], self.progress["modulus"]
        unknown = boxes & self.asked.quasi_static & (modulus == 0.0) & np.isfinite(goal)
        self.progress["modulus"] = np.where(unknown, 10.0 * goal, modulus)

    def room_for_haste(self) -> np.ndarray:
        return np.abs(self.asked.speed) / np.maximum(self._quasi_static(self.asked.least_pressure), 1e-300)

    def _quasi_static(self, pressure: np.ndarray) -> np.ndarray:
        number = np.nan_to_num(self.asked.inertial_number)
        return quasi_static_speed(number, self.height, pressure, self.diameter, self.density)

    def set_time_step(self) -> None:
        """Under an inertial number no step is longer than spheres in haste bear that meet before the next look."""
        quasi_static, finite = self.asked.quasi_static, np.isfinite(self.contact_share)
        if not (finite and quasi_static.all()):
            super().set_time_step()
        if not (finite and quasi_static.any()):
            return
        frequency = self.bed.contact_frequency()
        hasty = self.progress["approach_factor"] > 1.0
        if hasty.any():
            meeting = np.where(hasty, self._fastest(), 0.0)
            frequency = np.maximum(frequency, impact_frequency(meeting, *self.lightest))
        step = np.minimum(self.longest_step, self.contact_share / np.maximum(frequency, 1e-30))
        self.bed.boxes["dt"] = np.where(quasi_static, step, self.bed.boxes["dt"])

    def _fastest(self) -> np.ndarray:
        """Speed at which the inertial number and haste let the platens move [µm/µs], shape (box,)."""
        factor = self.progress["approach_factor"]
        pressure = np.maximum(np.where(factor > 1.0, 0.0, self.pressure), self.asked.least_pressure)
        return np.minimum(factor * self._quasi_static(pressure), np.abs(self.asked.speed))

    def motion(self, active: np.ndarray) -> np.ndarray:
        speed = np.zeros(len(active))
        if self.asked.quasi_static.any():
            speed = self._pressing_speed()
        if not self.asked.quasi_static.all():
            speed = np.where(self.asked.quasi_static, speed, self._speeds(active))
        motion = np.zeros((len(active), len(AXES)))
        motion[:, ZZ] = np.where(active, speed, 0.0)
        return motion

    def _pressing_speed(self) -> np.ndarray:
        """Close or open at the quasi-static speed, slower where the next look would overshoot the turning stress."""
        limit, goal = self._fastest(), self.asked.ends[:, PLACE["pressure"]]
        goal = np.where(np.isfinite(goal), goal, np.inf)
        time = self.bed.boxes["dt"] * self.path.look_every
        error = np.maximum(goal - self.pressure, 2e-4 * goal)
        modulus = np.maximum(self.progress["modulus"], 1e-300)
        closing = np.minimum(limit, servo_speed(error, modulus, self.height, time, limit))
        return np.where(self.asked.speed > 0.0, closing, -limit)

    def _speeds(self, active: np.ndarray) -> np.ndarray:
        """Closing speed of each box [µm/µs]."""
        progress, asked, height, target, modulus = self.progress, self.asked, self.height, self.target, self.modulus
        density = self.mass / (self.bed.boxes["width"].prod(axis=1) * height)
        time = self.bed.boxes["dt"] * self.path.look_every
        begun, stress = progress["leg_value"][:, PLACE["stress_zz"]], self.pressure
        lack = aimed(target, begun, progress["unrest"][:, ZZ], target)
        lack -= nearest(target, begun, stress, progress["mean_stress"][:, ZZ])
        speed = asked.speed * progress["approach_factor"]
        for box in np.flatnonzero(active & asked.held[:, ZZ] & ~asked.quasi_static).tolist():
            lowers = target[box] < begun[box]
            # closing on the way down passes nothing, and a bed that gives way is lost where platens do not follow
            follows = max(progress["giving_way"][box, ZZ], 0.0) if lowers else 0.0
            passages = CATCHING if lowers and lack[box] > 0.0 else PASSAGES
            meeting = matched_speed(
                lack[box], modulus[box], density[box], height[box], time[box], speed[box], passages=passages
            )
            speed[box] = min(meeting + follows, speed[box])
        return speed

    def steps(self, active: np.ndarray, motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Looks come closer together where a press nears the stress at which it turns: it turns there, not beyond."""
        steps, length = super().steps(active, motion)
        goal, part = self.asked.ends[:, PLACE["pressure"]], max(1, self.path.look_every // NEAR_LOOKS)
        near = active & self.asked.quasi_static & (self.asked.speed > 0.0) & (self.pressure >= NEAR * goal)
        left = part - self.bed.boxes["step"] % part
        return np.where(near, np.minimum(steps, left), steps), length

    def put(self, motion: np.ndarray) -> None:
        self.bed.boxes["platen_velocity"] = np.column_stack([np.zeros(len(motion)), -motion[:, ZZ]])

    def slowed(self, active: np.ndarray, motion: np.ndarray) -> np.ndarray:
        asked = self.asked
        return active & asked.held[:, ZZ] & asked.endless & (np.abs(motion[:, ZZ]) < asked.speed)

    def foresees(self) -> np.ndarray:
        return ~self.asked.quasi_static

    def left(self, box: int, ends: dict[str, float], motion: np.ndarray) -> Iterator[float]:
        if self.asked.held[box, ZZ] or motion[ZZ] == 0.0:
            return
        area, start = self.bed.boxes["width"][box].prod(), self.progress["start_size"][box, ZZ]
        height = {
            "height": lambda value: value,
            "strain": lambda value: start * (1.0 - value),
            "solid_fraction": lambda value: self.spheres[box] / (area * value),
            "porosity": lambda value: self.progress["solid_volume"][box] / (area * solid_share(value)),
        }
        for name in ends.keys() & height.keys():
            yield (self.height[box] - height[name](ends[name])) / motion[ZZ]

    def stress_left(self, box: int, name: str, wanted: float, motion: np.ndarray) -> float:
        foreseen = hertzian_modulus(self.contact_modulus, np.full(len(self.mass), wanted))[box]
        stiffest = max(self.modulus[box], self.progress["secant"][box], foreseen)
        return abs(wanted - self.pressure[box]) / stiffest * self.height[box] / abs(motion[ZZ])

    def passed_time(self, steps: np.ndarray, length: np.ndarray, before: np.ndarray) -> np.ndarray:
        if self.presses:
            return super().passed_time(steps, length, before)
        return self.bed.boxes["time"] - before

    def material_time(self, motion: np.ndarray, passed: np.ndarray) -> np.ndarray:
        way = np.abs(self.height - self.progress["last_size"][:, ZZ])
        return np.where(np.isnan(self.asked.material_speed), passed, way / self.asked.material_speed) * MICROSECOND

    def learn(self, active: np.ndarray, motion: np.ndarray, length: np.ndarray, time: np.ndarray) -> None:
        progress, height, before = self.progress, self.height, self.progress["last_size"][:, ZZ]
        self.low, self.high = platen_stress(self.bed)
        stress = platen_pressure(self.low, self.high)
        change = stress - self.pressure
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = change / np.log(before / height)
        if not self.presses:
            self._learn_stiffness(active, stress, time, slope)
        pressing = active & self.asked.quasi_static & (self.asked.speed > 0.0) & np.isfinite(slope) & (slope > 0.0)
        progress["modulus"] = np.where(pressing, 0.9 * progress["modulus"] + 0.1 * slope, progress["modulus"])
        speed = np.abs(motion[:, ZZ])
        self.brake(height / before, np.minimum(self.low, self.high), self.density * speed**2)
        progress["last_stress"][:, ZZ] = np.where(active, stress, self.pressure)
        progress["last_size"][:, ZZ] = height

    def fastest(self) -> np.ndarray:
        return np.abs(self.asked.speed)[:, None] * np.ones(VOLUME)

    def slope(self) -> np.ndarray:
        slope = np.zeros((len(self.mass), VOLUME, VOLUME))
        slope[:, ZZ, ZZ] = self.modulus / self.height
        return slope

    def _learn_stiffness(self, active: np.ndarray, stress: np.ndarray, time: np.ndarray, slope: np.ndarray) -> None:
        """What the servo needs to know of the bed: stiffness, giving way, unrest.

        A bed that is opened may give way at last, and all of its stress goes unless the platens follow.
        """
        progress, height, before = self.progress, self.height, self.progress["last_size"][:, ZZ]
        borne = (stress - self.pressure) / self.modulus * height
        speed = (before - height - borne) / np.maximum(time, 1e-300)
        way = progress["giving_way"][:, ZZ]
        way[:] = np.where(active, way + (1.0 - CALMING) * (speed - way), way)
        closing = np.where(active, np.log(before / height), 0.0)
        change = np.where(active, stress - self.pressure, 0.0)
        sums = np.column_stack([closing**2, change * closing])
        progress["stiffness"][:, :2] = MEMORY * progress["stiffness"][:, :2] + sums
        both = np.zeros((len(stress), VOLUME))
        both[:, ZZ] = stress
        self.learn_unrest(active, both)
        progress["secant"] = np.where(active & np.isfinite(slope), np.abs(slope), 0.0)

    def ended(self, active: np.ndarray, motion: np.ndarray, breaking: np.ndarray) -> np.ndarray:
        quasi_static = self.asked.quasi_static
        ended = self._pressed(active, breaking) if quasi_static.any() else np.zeros(len(active), bool)
        if self.asked.further.any():
            ended |= super().ended(active & self.asked.further, motion, breaking)
        return ended

    def _pressed(self, active: np.ndarray, breaking: np.ndarray) -> np.ndarray:
        """Boxes under an inertial number that have arrived, can be closed no further, or are open."""
        progress, asked = self.progress, self.asked
        goal, strain = asked.ends[:, PLACE["pressure"]], asked.ends[:, PLACE["strain"]]
        closing, mine = asked.speed > 0.0, active & asked.quasi_static
        arrived = mine & closing & (self.pressure >= goal) & ~breaking
        bulk = self.bed.boxes["width"].prod(axis=1) * self.height
        closed = progress["solid_volume"] >= DENSEST * bulk
        capped = mine & closing & ((self.strain >= strain) | closed)
        opened = mine & ~closing & (np.maximum(self.low, self.high) <= goal)
        progress["reached"] = np.where(arrived, 1, progress["reached"]).astype(np.int32)
        return arrived | capped | opened
