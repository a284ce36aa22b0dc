"""What every box does next, whatever bounds it: what its leg asks, how long its steps are, where its leg ends.

Platens (dem.loading.platens) and cells (dem.loading.cell) add how they move and what they learn of the bed.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from kalander.dem.bodies.clumps import double, kinetic_energy, particle_diameter
from kalander.dem.bodies.platens import approach, braked_approach, landing, stable_step
from kalander.dem.engine.bed import Bed, stiffest_ahead
from kalander.dem.loading.asked import LENGTHS, SHARES, SHEAR, STRESS_ENDS, STRESSES, VOLUME, ZZ, Asked
from kalander.dem.loading.path import ENDS, Path
from kalander.dem.loading.redo import Tries
from kalander.dem.loading.servo import passed, unrest_after
from kalander.dem.measure.observe import particle_volume
from kalander.kernels.columns import Table
from kalander.kernels.device.arrays import download
from kalander.kernels.law_table import CONSTANTS
from kalander.kernels.quantities import porosity
from kalander.kernels.records import CLUMP_STATE, LOAD, MOTION

__all__ = ["SETTLED", "SETTLED_LOOKS", "Control", "scale_motion"]

SETTLED = 0.005  # of the stress held: well within the 1 % that is promised
SETTLED_LOOKS = 20
BARE = 1e-9  # of a value: what may lack of it at its end


class Control(ABC):
    """Boxes of one kind: what the driver reads of them, and its verbs. `bed` is another one where bodies change."""

    cell: bool
    share: float  # of 1/ω of the stiffest contact, that a step is at most

    def __init__(self, bed: Bed, path: Path, progress: Table) -> None:
        self.bed, self.path, self.progress = bed, path, progress
        if misfits := [text for leg in path.legs for text in leg.misfits(cell=self.cell)]:
            raise ValueError(misfits[0])
        self.contact_share = self.share if path.contact_share is None else path.contact_share
        self.survey()
        self.ask()

    def ask(self) -> None:
        """Look up what is asked of the boxes, some of which are on another leg."""
        self.asked = Asked(self.path, self.progress["leg"], cell=self.cell)

    def survey(self) -> None:
        """What follows from the bodies as they are: they change where particles break."""
        self.seen: np.ndarray | None = None  # values, until the next look
        bed, path = self.bed, self.path
        modulus, start = bed.lawbook["contact"][..., CONSTANTS.index("effective_modulus")], bed.boxes["body_start"]
        # as the bed holds them: in single precision a state from outside has more digits than one that was saved
        radius, mass = bed.solid_radius().astype(float), bed.body("mass").astype(float)
        self.spheres = particle_volume(bed)
        self.mass = np.add.reduceat(mass, start)
        self.density = self.mass / self.spheres
        self.diameter = particle_diameter(radius, bed.host_only["clump"], double(bed.clumps()), start)
        least = np.minimum.reduceat(radius, start)
        # the last material is that of the platens
        self.between_bodies = modulus[:, :-1, :-1].max(axis=(1, 2))
        self.contact_modulus = modulus[:, :-1].max(axis=(1, 2))
        self.lightest = least, np.minimum.reduceat(mass, start), self.contact_modulus
        self.longest_step = path.time_step * np.minimum(1.0, least / (path.least_radius or least))

    # --- what the loop reads --------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def height(self) -> np.ndarray:
        """Length in z [µm], shape (box,)."""

    @property
    @abstractmethod
    def size(self) -> np.ndarray:
        """Lengths in x, y, z [µm], shape (box, 3)."""

    @property
    def strains(self) -> np.ndarray:
        """Closing of x, y, z over their lengths at the start, and shear; shape (box, 4)."""
        return np.column_stack([1.0 - self.size / self.progress["start_size"], self.progress["shear"]])

    @property
    def strain(self) -> np.ndarray:
        return 1.0 - (self.size / self.progress["start_size"]).prod(axis=1)

    @property
    @abstractmethod
    def pressure(self) -> np.ndarray:
        """Mean of both platens, or of the normal stresses of a cell, at the last look [MPa], shape (box,)."""

    def values(self) -> np.ndarray:
        """Values of ENDS as they were at the last look, shape (box, end)."""
        if self.seen is None:
            progress, size = self.progress, self.size
            bulk = size.prod(axis=1)
            self.seen = np.column_stack([
                self.spheres / bulk, self.pressure, progress["last_stress"], self.strain, self.strains,
                porosity(progress["solid_volume"], bulk), size[:, ZZ],
            ])  # fmt: skip
        return self.seen

    @abstractmethod
    def ways(self, motion: np.ndarray) -> np.ndarray:
        """1 where a leg raises a value of ENDS, −1 where it lowers it, 0 where that is not known; (box, end)."""

    @abstractmethod
    def closing(self) -> np.ndarray:
        """Boxes whose legs close them, shape (box,)."""

    # --- verbs ----------------------------------------------------------------------------------------------------

    def begin_legs(self, boxes: np.ndarray) -> None:
        """What is asked of `boxes` (box,), which begin a leg, and how much faster they may be at first."""
        self.ask()
        asked, progress = self.asked, self.progress
        factor = np.where(asked.quasi_static, np.clip(self.room_for_haste(), 1.0, asked.approach_factor),
                          asked.approach_factor)  # fmt: skip
        progress["approach_factor"] = np.where(boxes, factor, progress["approach_factor"])

    @abstractmethod
    def room_for_haste(self) -> np.ndarray:
        """Speed of the leg over that of its inertial number, shape (box,)."""

    def set_time_step(self) -> None:
        """Contacts stiffen as they flatten, and with them the stable step shortens."""
        boxes = self.bed.boxes
        if not np.isfinite(self.contact_share):
            boxes["dt"] = self.longest_step.copy()
            return
        frequency = np.maximum(stiffest_ahead(self.bed, self.progress["start_energy"]), 1e-30)
        boxes["dt"] = stable_step(self.longest_step, self.contact_share, frequency, boxes)

    @abstractmethod
    def motion(self, active: np.ndarray) -> np.ndarray:
        """Closing speed of platens in column ZZ [µm/µs], or rates of a cell [1/µs]; shape (box, 4)."""

    @abstractmethod
    def put(self, motion: np.ndarray) -> None:
        """Set the boxes in motion."""

    @abstractmethod
    def slowed(self, active: np.ndarray, motion: np.ndarray) -> np.ndarray:
        """Boxes on the way to stresses alone in which the servo is slower than the leg may be."""

    def steps(self, active: np.ndarray, motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Steps to the next look, or to the end of the leg where that can be foreseen, and their length [µs]."""
        path, boxes, asked = self.path, self.bed.boxes, self.asked
        step, length = boxes["step"], boxes["dt"].copy()
        room = path.look_every - step % path.look_every
        if path.every_steps is not None:
            room = np.minimum(room, path.every_steps - step % path.every_steps)
        room = np.minimum(room, asked.steps - (step - self.progress["leg_step"]))
        steps = np.where(active, room, 0).astype(np.int64)
        for box in np.flatnonzero(active & self.foresees()).tolist():
            steps[box], length[box] = self._steps(box, motion[box], int(steps[box]), float(length[box]))
        return steps, length

    def foresees(self) -> np.ndarray:
        """Boxes whose legs end between looks, where that can be foreseen."""
        return np.ones(len(self.mass), bool)

    def _steps(self, box: int, motion: np.ndarray, room: int, dt: float) -> tuple[int, float]:
        asked, boxes, whole = self.asked, self.bed.boxes, not np.isfinite(self.contact_share)  # a step that is given
        ends = asked.met(box)
        left = [asked.time[box] - (boxes["time"][box] - self.progress["leg_time"][box]), *self.left(box, ends, motion)]
        soonest = landing(room, dt, left, whole=whole)
        stresses = [name for name in ENDS[STRESS_ENDS] if name in ends]
        if not stresses or asked.held[box].any() or not motion.any():
            return soonest
        if self.progress["leg_step"][box] == boxes["step"][box]:
            return approach(*soonest, 0.0, whole=whole)  # a bed answers stiffer where it turns: the first step shows it
        ahead = min(self.stress_left(box, name, ends[name], motion) for name in stresses)
        return approach(*soonest, ahead, whole=whole)

    @abstractmethod
    def left(self, box: int, ends: dict[str, float], motion: np.ndarray) -> Iterator[float]:
        """Times [µs] to the lengths, strains and fractions at which the leg of a box ends."""

    @abstractmethod
    def stress_left(self, box: int, name: str, wanted: float, motion: np.ndarray) -> float:
        """Time [µs] to a stress at which the leg of a box ends, by the stiffest that the bed may be."""

    def passed_time(self, steps: np.ndarray, length: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Time [µs] of the steps just done, which began at `before`; shape (box,)."""
        return length * steps

    @abstractmethod
    def material_time(self, motion: np.ndarray, passed: np.ndarray) -> np.ndarray:
        """Material time [s] of an interval in which inertia went on by `passed` [µs], as motion brings it on."""

    @abstractmethod
    def learn(self, active: np.ndarray, motion: np.ndarray, length: np.ndarray, time: np.ndarray) -> None:
        """Read the stresses and what they say of the bed, after steps of `length` that took `time` [µs]."""

    def learn_unrest(self, active: np.ndarray, stress: np.ndarray) -> None:
        """What stresses just seen (box, 3) say of the calm of the bed."""
        progress = self.progress
        mean, square = unrest_after(progress["mean_stress"], progress["unrest"], stress)
        progress["mean_stress"] = np.where(active[:, None], mean, progress["mean_stress"])
        progress["unrest"] = np.where(active[:, None], square, progress["unrest"])

    def beyond(self, active: np.ndarray) -> np.ndarray:
        """Shares of the largest stress held by which stresses are beyond their own, shape (box, 3)."""
        asked, progress = self.asked, self.progress
        stress, begun = progress["last_stress"][:, :VOLUME], progress["leg_value"][:, STRESSES]
        share = passed(stress, asked.target, begun, np.maximum(asked.goal, 1e-12)[:, None])
        return np.where(asked.held & active[:, None], share, 0.0)

    def tries(self, active: np.ndarray) -> Tries:
        """Tries of the interval that begins, none done."""
        asked, time = self.asked, self.bed.boxes["dt"] * self.path.look_every
        slope = self.slope() * time[:, None, None]
        return Tries(slope, asked.held, self.fastest(), asked.goal, self.beyond(active))

    @abstractmethod
    def fastest(self) -> np.ndarray:
        """How fast each axis may be moved in an interval that is done again, as `motion`; shape (box, 3)."""

    @abstractmethod
    def slope(self) -> np.ndarray:
        """Changes of the stresses of x, y, z [MPa/µs] that the bed answers its motion by, shape (box, 3, 3)."""

    def brake(self, shrinkage: np.ndarray, carried: np.ndarray, momentum: np.ndarray) -> None:
        """Take haste off where the bed carries, and the spheres' speed with it: without contacts there is no clock."""
        factor = self.progress["approach_factor"]
        if not (factor > 1.0).any():
            return
        left = braked_approach(factor, shrinkage, carried, momentum)
        if (left < factor).any():
            scale_motion(self.bed, left / factor)
        self.progress["approach_factor"] = left

    def ended(self, active: np.ndarray, motion: np.ndarray, breaking: np.ndarray) -> np.ndarray:
        """Boxes whose legs have come to any of their ends; a stress is met once nothing breaks under it."""
        progress, asked, boxes = self.progress, self.asked, self.bed.boxes
        done = boxes["step"] - progress["leg_step"] >= asked.steps
        # but for the rounding of what `landing` lands on
        done |= boxes["time"] - progress["leg_time"] >= asked.time - 1e-6 * boxes["dt"]
        met = self.settled(active)
        done |= met & asked.endless & ~breaking
        named = np.isfinite(asked.ends)
        if named.any():
            reached = named & self._beyond(motion)
            reached[:, STRESS_ENDS] &= ~breaking[:, None]
            done |= reached.any(axis=1)
        return active & done

    def settled(self, active: np.ndarray) -> np.ndarray:
        """Boxes whose stresses have been those they hold for long enough."""
        progress, asked = self.progress, self.asked
        held = asked.held
        if not held.any():
            return np.zeros(len(active), bool)
        off = np.where(held, np.abs(progress["last_stress"][:, :VOLUME] - asked.target), 0.0).max(axis=1)
        near = off <= SETTLED * asked.goal
        count = np.where(near & held.any(axis=1), progress["settled"] + 1, 0)
        progress["settled"] = np.where(active, count, progress["settled"]).astype(np.int32)
        return progress["settled"] >= SETTLED_LOOKS

    def _beyond(self, motion: np.ndarray) -> np.ndarray:
        """Where values of ENDS are beyond those at which legs end, shape (box, end)."""
        wanted = self.asked.ends
        before, now = of_leg(self.progress["leg_value"], self.values())
        way = self.ways(motion)
        way = np.where(way == 0.0, np.sign(wanted - before), way)
        bare = BARE * np.abs(wanted)
        bare[:, SHARES] = np.maximum(bare[:, SHARES], BARE)
        return (now - wanted) * way >= -bare

    def shares(self) -> np.ndarray:
        """Share of its leg that each box has done, where it can be told; shape (box,)."""
        progress, asked, boxes = self.progress, self.asked, self.bed.boxes
        before, now = of_leg(progress["leg_value"], self.values())
        way = asked.ends - before
        parts = np.where(way * way > 0.0, (now - before) / np.where(way == 0.0, 1.0, way), 0.0)
        clocks = np.maximum((boxes["step"] - progress["leg_step"]) / asked.steps,
                            (boxes["time"] - progress["leg_time"]) / asked.time)  # fmt: skip
        share = np.maximum(clocks, parts.max(axis=1))
        if (asked.endless & asked.held.any(axis=1)).any():
            share = np.where(asked.endless, self._share_to_stresses(before), share)
        return np.clip(share, 0.0, 1.0)

    def _share_to_stresses(self, before: np.ndarray) -> np.ndarray:
        """Share done of a leg that ends when its stresses have settled, or its servo's patience has."""
        progress, held, target = self.progress, self.asked.held, self.asked.target
        way = np.where(held, np.abs(target - before[:, STRESSES]), 1e-300).max(axis=1)
        lack = np.where(held, np.abs(target - progress["last_stress"][:, :VOLUME]), 0.0).max(axis=1)
        near = np.maximum(0.0, 1.0 - lack / np.maximum(way, SETTLED * lack))
        calm, effort = progress["settled"] / SETTLED_LOOKS, progress["effort"] / self.path.patience
        return np.minimum(0.99, np.maximum(0.8 * near + 0.2 * calm, effort))


def of_leg(begun: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of ENDS when legs began and as they are, the strains of axes counted from their beginning; (box, end)."""
    before, now = begun.copy(), values.copy()
    now[:, LENGTHS] = 1.0 - (1.0 - values[:, LENGTHS]) / (1.0 - begun[:, LENGTHS])
    now[:, SHEAR] -= begun[:, SHEAR]
    before[:, [*LENGTHS, SHEAR]] = 0.0
    return before, now


def scale_motion(bed: Bed, factor: np.ndarray) -> None:
    """Multiply all velocities and spins of a box by its factor, shape (box,); the energy that goes becomes heat."""
    motion, load = download(bed.motion, bed.body_count), download(bed.load, bed.body_count)
    share = np.asarray(factor)[bed.host_box]
    table = {name: motion[:, MOTION[name]] for name in ("mass", "velocity", "spin")}
    solid = {**table, "radius": bed.solid_radius()}
    energy = kinetic_energy(solid, bed.host_only["clump"], double(bed.clumps()))
    gone = energy * (1.0 - share**2)
    load[:, LOAD["heat"]] += gone
    losses = download(bed.losses, bed.body_count)
    losses[:, 0] += gone
    table["velocity"] *= share[:, None]
    table["spin"] *= share[:, None]
    bed.pool.put("motion", motion, exact=True)
    bed.pool.put("load", load, exact=True)
    bed.pool.put("losses", losses, exact=True)
    if bed.clump_count:
        clumps = download(bed.clump, bed.clump_count)
        for name in ("velocity", "momentum"):
            clumps[:, CLUMP_STATE[name]] *= share[bed.clump_rows["first"], None]
        bed.pool.put("clump", clumps, exact=True)
