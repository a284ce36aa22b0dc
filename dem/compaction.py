"""Press and release: every box closes to its own stress and opens again until it carries almost none.

The driver is a generator; it yields after every control interval and offers the state to go on from. What to save,
when to stop and what to show is decided by whoever loops over it.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np

from kalander.dem.bed import Bed
from kalander.dem.material import Material
from kalander.dem.observe import observe, platen_stress, solid_volume
from kalander.dem.platens import braked_haste, quasi_static_speed, servo_speed
from kalander.dem.press_tables import FRAME, LEG
from kalander.dem.slowing import scale_motion
from kalander.dem.state import Ensemble, solid_radius
from kalander.kernels.columns import Column, Table

__all__ = ["Moment", "Press", "PressState", "new_press", "press"]

CRUSHING_FACTOR = 0.9  # σ = 0.9 F/d²: Hiramatsu & Oka, Int. J. Rock Mech. 3 (1966) 89


# Verlet is stable to 2/ω of the fastest mode. That of a body with Z contacts that resist sliding and turning is some
# 4 times that of one contact, and dashpots evaluated half a step late take another third: 0.35/ω is the limit seen.
CONTACT_SHARE = 0.3


@dataclass(frozen=True)
class Press:
    """How boxes are pressed.

    speed [µm/µs] at most; inertial_number wanted; release_stress [MPa]; max_strain at which a box turns anyway;
    time_step [µs] at most, and contact_share: time step at most this share of 1/ω of the stiffest contact;
    control_steps between looks at the platens; frame_strain between frames; stress_floor: share of the target below
    which the inertial number counts the stress as this floor (a bonded coating starts at zero stress); haste: how many
    times faster loose spheres are pushed together until the bed begins to carry (see dem.platens.braked_haste);
    release: open again after the target.
    """

    speed: float
    inertial_number: float
    release_stress: float
    max_strain: float
    time_step: float
    contact_share: float = CONTACT_SHARE
    control_steps: int = 40
    frame_strain: float = 0.005
    stress_floor: float = 0.1
    haste: float = 1.0
    release: bool = True


@dataclass(frozen=True)
class PressState:
    """All that the next step depends on, and the frames so far."""

    ensemble: Ensemble
    protocol: Table
    frames: Table
    cracked: np.ndarray  # (body,) 1 where ever over-stressed


@dataclass(frozen=True)
class Moment:
    """Between two control intervals. snapshot: valid until the generator goes on."""

    fraction: float
    steps: int
    boxes_done: int
    stress: np.ndarray  # [MPa], shape (box,)
    height: np.ndarray  # of the boxes [µm], shape (box,)
    turned: bool  # a box has changed its leg
    snapshot: Callable[[], PressState]


def new_press(ensemble: Ensemble, *, target: np.ndarray, solid: np.ndarray) -> PressState:
    """State before the first step: targets [MPa] and solids of all kinds [µm³], shape (box,)."""
    height = np.diff(ensemble.boxes["platen_height"], axis=1)[:, 0]
    count = ensemble.box_count
    protocol = {
        "leg": np.zeros(count, np.int32),
        "target": np.asarray(target, float),
        "start_height": height.copy(),
        "least_height": height.copy(),
        "last_stress": np.zeros(count),
        "last_height": height.copy(),
        "modulus": np.asarray(target, float) * 10.0,
        "haste": np.zeros(count),
        "frame_strain": np.full(count, -1.0),
        "reached": np.zeros(count, np.int32),
        "solid": np.asarray(solid, float),
        "start_energy": np.zeros(count),
    }
    frames = {name: np.zeros(0, _dtype(column)) for name, column in FRAME.items()}
    return PressState(ensemble, protocol, frames, np.zeros(len(ensemble.bodies["id"]), np.int32))


def _dtype(column: Column) -> str:
    return {"i4": "i4", "i8": "i8"}.get(column.kind, "f8")


def press(
    state: PressState, settings: Press, *, materials: list[Material], precision: str, schedule: str
) -> Generator[Moment, None, PressState]:
    """Press and release all boxes; yields after every control interval, returns the final state.

    materials: by row, for strengths and densities. Raises NumericalError where the step is unstable.
    """
    run = _Run(state, settings, materials, Bed(state.ensemble, precision=precision, schedule=schedule))
    while not run.finished:
        turned = run.interval()
        steps = int(run.bed.boxes["step"].sum())
        yield Moment(run.fraction(), steps, run.boxes_done, run.stress, run.height, turned, run.state)
    return run.state()


class _Run:
    """The loop's variables; each method is one verb of it."""

    def __init__(self, state: PressState, settings: Press, materials: list[Material], bed: Bed) -> None:
        self.settings = settings
        self.bed = bed
        self.protocol = {name: column.copy() for name, column in state.protocol.items()}
        self.frames = [state.frames]
        self.cracked = state.cracked.copy()
        radius, material = solid_radius(state.ensemble.bodies), state.ensemble.bodies["material"]
        self.volume = radius.astype(float) ** 3
        self.strength = np.array([m.strength for m in materials])[material]
        for row, one in enumerate(materials):
            here = material == row
            self.strength[here] = one.crushing_strength(2.0 * radius[here])
        mass = np.add.reduceat(state.ensemble.bodies["mass"].astype(float), bed.boxes["body_start"])
        self.spheres = solid_volume(bed)
        self.density = mass / self.spheres
        self.diameter = 2.0 * np.add.reduceat(radius.astype(float), bed.boxes["body_start"]) / bed.boxes["body_count"]
        self.stress = self.protocol["last_stress"].copy()
        if len(state.frames["box"]) == 0:
            start = observe(bed)
            self.protocol["start_energy"] = start.elastic + start.kinetic
            self.protocol["haste"] = np.clip(settings.speed / self._quasi_static(self._floor()), 1.0, settings.haste)
            self._record(np.ones(len(self.stress), bool))

    @property
    def height(self) -> np.ndarray:
        return np.diff(self.bed.boxes["platen_height"], axis=1)[:, 0]

    @property
    def strain(self) -> np.ndarray:
        return 1.0 - self.height / self.protocol["start_height"]

    @property
    def boxes_done(self) -> int:
        return int((self.protocol["leg"] == LEG["done"]).sum())

    @property
    def finished(self) -> bool:
        return self.boxes_done == len(self.protocol["leg"])

    def interval(self) -> bool:
        """Set the platens, advance, look, and turn the boxes that have arrived; says whether one has turned."""
        steps = np.where(self.protocol["leg"] == LEG["done"], 0, self.settings.control_steps)
        self._set_time_step()
        self._set_platens()
        self.bed.advance(steps)
        return self._look()

    def _set_time_step(self) -> None:
        """Contacts stiffen as they flatten: the step that was stable for touching spheres is not for pressed ones."""
        frequency = np.maximum(self.bed.contact_frequency(), 1e-30)
        self.bed.boxes["dt"] = np.minimum(self.settings.time_step, self.settings.contact_share / frequency)

    def _floor(self) -> np.ndarray:
        return np.maximum(self.settings.stress_floor * self.protocol["target"], self.settings.release_stress)

    def _quasi_static(self, pressure: np.ndarray) -> np.ndarray:
        number = self.settings.inertial_number
        return quasi_static_speed(number, self.height, pressure, self.diameter, self.density)

    def _set_platens(self) -> None:
        """Close or open at the quasi-static speed, slower where the next control would overshoot the turning stress."""
        protocol, boxes = self.protocol, self.bed.boxes
        leg = protocol["leg"]
        haste = np.where(leg == LEG["load"], protocol["haste"], 1.0)
        pressure = np.maximum(np.where(haste > 1.0, 0.0, self.stress), self._floor())
        limit = np.minimum(haste * self._quasi_static(pressure), self.settings.speed)
        time = boxes["dt"] * self.settings.control_steps
        error = np.maximum(protocol["target"] - self.stress, 2e-4 * protocol["target"])
        closing = np.minimum(limit, servo_speed(error, protocol["modulus"], self.height, time, limit))
        speed = np.select([leg == LEG["load"], leg == LEG["release"]], [-closing, limit], 0.0)
        boxes["platen_velocity"] = np.column_stack([np.zeros_like(speed), speed])

    def _look(self) -> bool:
        """Read the platens, update the modulus estimate, take the frames that are due, turn boxes that have arrived."""
        protocol, settings = self.protocol, self.settings
        low, high = platen_stress(self.bed)
        self.stress = 0.5 * (low + high)
        height, strain, leg = self.height, self.strain, protocol["leg"].copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = (self.stress - protocol["last_stress"]) / np.log(protocol["last_height"] / height)
        better = (leg == LEG["load"]) & np.isfinite(slope) & (slope > 0)
        protocol["modulus"] = np.where(better, 0.9 * protocol["modulus"] + 0.1 * slope, protocol["modulus"])
        self._brake(np.minimum(low, high))
        protocol["last_stress"], protocol["last_height"] = self.stress, height

        arrived = (leg == LEG["load"]) & (self.stress >= protocol["target"])
        capped = (leg == LEG["load"]) & ~arrived & (strain >= settings.max_strain)
        opened = (leg == LEG["release"]) & (np.maximum(low, high) <= settings.release_stress)
        turned = arrived | capped | opened
        due = (np.abs(strain - protocol["frame_strain"]) >= settings.frame_strain) & (leg != LEG["done"])
        if (due | turned).any():
            self._record(due | turned)
        protocol["reached"] = np.where(arrived, 1, protocol["reached"]).astype(np.int32)
        protocol["least_height"] = np.where(arrived | capped, height, protocol["least_height"])
        after = leg + 1 if settings.release else LEG["done"]
        protocol["leg"] = np.where(turned, after, leg).astype(np.int32)
        return bool(turned.any())

    def _brake(self, carried: np.ndarray) -> None:
        """Take haste off where the bed carries, and the spheres' speed with it: without contacts there is no clock."""
        haste, speed = self.protocol["haste"], np.abs(np.diff(self.bed.boxes["platen_velocity"], axis=1)[:, 0])
        shrinkage = self.height / self.protocol["last_height"]
        left = braked_haste(haste, shrinkage, carried, self.density * speed**2)
        if (left < haste).any():
            scale_motion(self.bed, left / haste)
        self.protocol["haste"] = left

    def _record(self, due: np.ndarray) -> None:
        """Add a frame for every box that is due."""
        protocol, bed = self.protocol, self.bed
        seen = observe(bed)
        box, height = bed.host_box, self.height
        count, bulk = len(height), bed.boxes["width"].prod(axis=1) * height
        crushing = CRUSHING_FACTOR * seen.largest_force / (2.0 * np.cbrt(self.volume)) ** 2
        self.cracked = np.maximum(self.cracked, (due[box] & (crushing > self.strength)).astype(np.int32))
        cracked = np.bincount(box, self.cracked * self.volume, count) / np.bincount(box, self.volume, count)
        pressure = np.maximum(0.5 * (seen.stress_low + seen.stress_high), self._floor())
        rate = np.abs(np.diff(bed.boxes["platen_velocity"], axis=1)[:, 0]) / height
        stored = seen.kinetic + seen.elastic - protocol["start_energy"]
        values = {
            "box": np.arange(count),
            "leg": protocol["leg"],
            "step": bed.boxes["step"],
            "time": bed.boxes["time"],
            "height": height,
            "strain": self.strain,
            "porosity": 1.0 - protocol["solid"] / bulk,
            "solid_fraction": self.spheres / bulk,
            "stress_low": seen.stress_low,
            "stress_high": seen.stress_high,
            "stress_xx": seen.stress[:, 0, 0],
            "stress_yy": seen.stress[:, 1, 1],
            "stress_zz": seen.stress[:, 2, 2],
            "coordination": seen.coordination,
            "broken_bond_fraction": seen.broken_bond_fraction,
            "cracked_fraction": cracked,
            "overlap_ratio": seen.overlap_ratio,
            "inertial_number": rate * self.diameter * np.sqrt(self.density / pressure),
            "kinetic_over_elastic": seen.kinetic / np.maximum(seen.elastic, 1e-300),
            "energy_error": (seen.work - stored - seen.heat) / np.maximum(np.abs(seen.work) + seen.heat, 1e-300),
        }
        self.frames.append(
            {name: np.asarray(values[name])[due].astype(_dtype(column)) for name, column in FRAME.items()}
        )
        protocol["frame_strain"] = np.where(due, self.strain, protocol["frame_strain"])

    def fraction(self) -> float:
        """Estimate of the share done: closing counts for three quarters, by the stress reached."""
        protocol = self.protocol
        share = np.sqrt(np.clip(self.stress / protocol["target"], 0.0, 1.0))
        by_leg = np.select(
            [protocol["leg"] == LEG["load"], protocol["leg"] == LEG["release"]], [0.75 * share, 1.0 - 0.25 * share], 1.0
        )
        return float(by_leg.mean())

    def state(self) -> PressState:
        frames = {name: np.concatenate([part[name] for part in self.frames]) for name in FRAME}
        self.frames = [frames]
        return PressState(
            self.bed.ensemble(), {k: v.copy() for k, v in self.protocol.items()}, frames, self.cracked.copy()
        )
