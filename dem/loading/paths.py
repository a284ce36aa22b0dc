"""Load paths: boxes between platens follow a list of legs, each a speed, a stress or a rest, one after the other.

The driver is a generator like dem.compaction; it yields after every sample of the platens.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

import numpy as np

from kalander.dem.ageing.bond_clock import BondClock
from kalander.dem.ageing.relaxation import Relaxation
from kalander.dem.bodies.material import Material
from kalander.dem.bodies.platens import approach, has_passed, landing, matched_speed, stable_step
from kalander.dem.bodies.state import Ensemble
from kalander.dem.engine.bed import Bed, stiffest_ahead
from kalander.dem.fracture.breaking import Breaking
from kalander.dem.fracture.fracture import Fracture
from kalander.dem.fracture.strength import born
from kalander.dem.loading.compaction import CONTACT_SHARE
from kalander.dem.loading.lattice_servo import hertzian_modulus
from kalander.dem.loading.path_tables import PROGRESS, ROW, SAMPLE
from kalander.dem.loading.servo import CALMING, aimed, least_modulus, nearest, passed, unrest_after
from kalander.dem.measure.ledger import heats
from kalander.dem.measure.observe import observe, particle_volume, platen_stress
from kalander.kernels.columns import Column, Table
from kalander.kernels.quantities import platen_pressure, porosity

__all__ = ["ENDS", "Leg", "Path", "PathMoment", "PathState", "curve", "follow", "new_path"]

ENDS = ("solid_fraction", "stress", "strain", "height", "steps", "time")

ROOM_TEMPERATURE = 298.15  # K
SLOW_START = 3.0  # material time of a rest passes as this power of its share: what relaxes fast is followed too
MEMORY = 0.9  # of the sums from which the stiffness of the bed is read, from one sample to the next
PASSAGES = 3.0  # of a wave in which the servo lets the lack of a stress fall by e
CATCHING = 1.5  # the same of a bed that loses stress faster than the leg would lower it
SETTLED = 0.005  # of the stress held: well within the 1 % that is promised
SETTLED_SAMPLES = 20
ARRIVED, STOPPED = 1, 2


@dataclass(frozen=True)
class Leg:
    """A part of a path.

    speed [µm/µs]: of the upper platen, positive closes; 0 is a rest; where a stress is held, the largest speed
    stress [MPa]: to approach and hold, None to move at the speed
    temperature [K]: of the binder from the beginning of the leg, None as before
    material_speed [µm/µs]: closing that brings the material clock on by so many µs a µm; None: it runs with inertia
    material_time [s]: that passes in a leg of given `steps` whatever moves, slowly at first; None: as above
    ends: names of ENDS to values [1, MPa, 1, µm, 1, µs]; the first that is met ends the leg. Strain, steps and time
    count from the beginning of the leg for steps and time, of the path for strain. Without any, a stress leg ends
    when the stress has settled.
    """

    speed: float = 0.0
    stress: float | None = None
    ends: Mapping[str, float] = field(default_factory=dict)
    temperature: float | None = None
    material_speed: float | None = None
    material_time: float | None = None

    def __post_init__(self) -> None:
        if self.material_time is not None and "steps" not in self.ends:
            raise ValueError("material time passes in a leg of so many steps: ends lacks steps")


@dataclass(frozen=True)
class Path:
    """How boxes are led.

    legs: one after the other; time_step [µs] at most; contact_share: time step at most this share of 1/ω of the
    stiffest contact (infinite for a fixed step); sample_steps: between looks at the platens; every_steps,
    every_strain: between rows of the curve, None for never (every leg ends with a row); relaxation: of the binder,
    None for one that is elastic at any temperature; reform: material time of touch [s] after which failed binder
    bonds anew, None for never; max_strain: where a box stops before the end of its path; max_steps: of a leg;
    patience: steps of a leg to a stress in which its servo may be slower than the leg allows, before the box stops;
    narrow_ends: whether a box stops where spheres touch on both sides of it, or their own images.
    """

    legs: tuple[Leg, ...]
    time_step: float
    contact_share: float = CONTACT_SHARE
    sample_steps: int = 50
    every_steps: int | None = 500
    every_strain: float | None = None
    relaxation: Relaxation | None = None
    reform: float | None = None
    fracture: Fracture = field(default_factory=Fracture)
    max_strain: float = 0.9
    max_steps: int = 10**8
    patience: int = 2_000_000
    narrow_ends: bool = False


@dataclass(frozen=True)
class PathState:
    """All that the next step depends on, and what was recorded so far."""

    ensemble: Ensemble
    progress: Table
    rows: Table
    samples: Table
    damage: Table  # by dem.strength.DAMAGE
    branches: Table | None = None  # of the bonds, by dem.relaxation.BRANCH; None before the first step
    lasting: Table | None = None  # pairs on the way to a bond, by dem.reforming.LASTING


@dataclass(frozen=True)
class PathMoment:
    """Between two samples. snapshot: valid until the generator goes on."""

    fraction: float
    steps: int
    stress: np.ndarray  # mean of the platens [MPa], shape (box,)
    height: np.ndarray  # [µm], shape (box,)
    leg: np.ndarray  # shape (box,)
    turned: bool
    snapshot: Callable[[], PathState]


def new_path(
    ensemble: Ensemble, *, filler_volume: np.ndarray | float = 0.0, temperature: float = ROOM_TEMPERATURE
) -> PathState:
    """State before the first step; filler_volume: solids beside the spheres [µm³], of the boxes; temperature [K]."""
    count = ensemble.box_count
    height = np.diff(ensemble.boxes["platen_height"], axis=1)[:, 0]
    progress = {name: np.zeros(count, _dtype(column)) for name, column in PROGRESS.items()}
    progress |= {
        "start_height": height.copy(),
        "last_height": height.copy(),
        "filler_volume": np.broadcast_to(np.asarray(filler_volume, float), count).copy(),
        "temperature": np.full(count, temperature),
    }
    rows, samples = ({name: np.zeros(0, _dtype(column)) for name, column in table.items()} for table in (ROW, SAMPLE))
    unborn = born(ensemble.bodies, np.full(len(ensemble.bodies["id"]), np.nan))  # strengths are drawn by the driver
    return PathState(ensemble, progress, rows, samples, unborn)


def curve(rows: Table, samples: Table) -> Table:
    """Rows of a path with `stress`, mean of both platens at the row's own step [MPa], and `stress_mean`.

    The latter is the mean over the samples in the window of each row, which is centred on it and ends where its leg
    does: the waves that run between the platens are averaged out. Without samples it is that of the row's own step.
    """
    both = platen_pressure(samples["stress_low"], samples["stress_high"])
    stress = platen_pressure(rows["stress_low"], rows["stress_high"])
    mean = stress.copy()
    for row in range(len(stress)):
        mine = np.flatnonzero((samples["box"] == rows["box"][row]) & (samples["leg"] == rows["leg"][row]))
        half = 0.5 * rows["window"][row]
        near = mine[np.abs(samples["step"][mine] - rows["step"][row]) <= half]
        if len(near):
            mean[row] = both[near].mean()
    return {**rows, "stress": stress, "stress_mean": mean}


def _dtype(column: Column) -> str:
    return {"i4": "i4", "i8": "i8"}.get(column.kind, "f8")


def follow(
    state: PathState, path: Path, *, materials: list[Material], precision: str, schedule: str
) -> Generator[PathMoment, None, PathState]:
    """Lead all boxes along the path; yields after every sample, returns the final state.

    materials: by row, for strengths and densities. Raises NumericalError where the step is unstable.
    """
    run = _Run(state, path, materials, Bed(state.ensemble, precision=precision, schedule=schedule))
    while not (run.progress["done"] > 0).all():
        turned = run.sample()
        yield PathMoment(
            run.fraction(), int(run.bed.boxes["step"].sum()), run.progress["last_stress"].copy(), run.height,
            run.progress["leg"].copy(), turned, run.state,
        )  # fmt: skip
    return run.state()


class _Run:
    """The loop's variables; each method is one verb of it."""

    def __init__(self, state: PathState, path: Path, materials: list[Material], bed: Bed) -> None:
        self.path, self.bed = path, bed
        self.progress = {name: column.copy() for name, column in state.progress.items()}
        self.rows, self.samples = [state.rows], [state.samples]
        self.breaking = Breaking(state.damage, materials, path.fracture)
        if len(state.rows["box"]) == 0:
            self.breaking.begin(state.ensemble.bodies)
        self.spheres = particle_volume(bed)
        mass = np.add.reduceat(state.ensemble.bodies["mass"].astype(float), bed.boxes["body_start"])
        self.area = bed.boxes["width"].prod(axis=1)
        self.mass = mass
        self.stiffness = bed.lawbook["contact"][:, :-1, :-1, 0].max(axis=(1, 2))
        self.contact_modulus = bed.lawbook["contact"][:, :-1, :, 0].max(axis=(1, 2))
        self.clock = BondClock(
            bed,
            path.relaxation,
            temperature=self.progress["temperature"],
            branches=state.branches,
            reform=path.reform,
            lasting=state.lasting,
        )
        if len(state.rows["box"]) == 0:
            bed.find_contacts()
            seen = observe(bed)
            self.progress["start_energy"] = seen.elastic + seen.kinetic
            begun = seen.pressure
            self.progress |= {name: begun.copy() for name in ("leg_stress", "mean_stress", "last_stress")}
            everyone = np.ones(len(self.area), bool)
            self._add_samples(everyone, seen.stress_low, seen.stress_high)
            self._record(everyone)

    # --- what the loop reads --------------------------------------------------------------------------------------

    @property
    def height(self) -> np.ndarray:
        return np.diff(self.bed.boxes["platen_height"], axis=1)[:, 0]

    @property
    def strain(self) -> np.ndarray:
        return 1.0 - self.height / self.progress["start_height"]

    @property
    def modulus(self) -> np.ndarray:
        """dσ/dln h of the bed [MPa] by the least squares of the last samples; at least what its contacts make it."""
        measured = self.progress["slope_sum"] / np.maximum(self.progress["square_sum"], 1e-300)
        stress = np.maximum(self.progress["last_stress"], np.maximum(0.25 * self.target, 1e-9))
        return np.maximum(np.maximum(measured, stress), least_modulus(self.stiffness, stress))

    @property
    def target(self) -> np.ndarray:
        """Stresses that the boxes approach or hold [MPa], 0 for none."""
        target = np.zeros(len(self.area))
        for box in np.flatnonzero(self.progress["done"] == 0).tolist():
            target[box] = self._leg(box).stress or 0.0
        return target

    # --- verbs ----------------------------------------------------------------------------------------------------

    def sample(self) -> bool:
        """Set the platens, advance to the next sample, row or end of a leg, look; says whether a leg has ended."""
        active = self.progress["done"] == 0
        self._set_temperature(active)
        self._set_time_step()
        speed = self._speeds(active)
        self.bed.boxes["platen_velocity"] = np.column_stack([np.zeros_like(speed), -speed])
        dt, before = self.bed.boxes["dt"], self.bed.boxes["time"]
        todo = [self._steps(box, speed[box]) if active[box] else (0, dt[box]) for box in range(len(speed))]
        steps = np.array([count for count, _ in todo])
        self.bed.boxes["dt"] = np.array([step for _, step in todo])
        self.progress["effort"] = self.progress["effort"] + np.where(self._slowed(active, speed), steps, 0)
        self.bed.advance(steps)
        self.bed.boxes["dt"] = dt
        self._pass_time(active, steps, self.bed.boxes["time"] - before)
        self._learn_giving_way(active, self.bed.boxes["time"] - before)
        return self._look(active)

    def _set_temperature(self, active: np.ndarray) -> None:
        """The binder of every box at the temperature of its leg."""
        temperature = self.progress["temperature"].copy()
        for box in np.flatnonzero(active).tolist():
            wanted = self._leg(box).temperature
            temperature[box] = temperature[box] if wanted is None else wanted
        self.clock.bring(temperature)
        self.progress["temperature"] = temperature

    def _pass_time(self, active: np.ndarray, steps: np.ndarray, passed: np.ndarray) -> None:
        """Bring the bonds what the material clock went on by while the inertial one went on by `passed` [µs]."""
        progress, time = self.progress, passed * 1e-6
        for box in np.flatnonzero(active).tolist():
            leg = self._leg(box)
            if leg.material_time is not None:
                done = float(self.bed.boxes["step"][box] - progress["leg_step"][box])
                shares = np.array([done - steps[box], done]) / leg.ends["steps"]
                time[box] = leg.material_time * np.diff(shares**SLOW_START)[0]
            elif leg.material_speed is not None:
                time[box] = abs(progress["last_height"][box] - self.height[box]) / leg.material_speed * 1e-6
        self.clock.tick(time, passed)
        self.bed = self.clock.bed
        progress["material_time"] = progress["material_time"] + time
        progress["bond_heat"] = progress["bond_heat"] + self.clock.heat
        self.clock.heat[:] = 0.0

    def _set_time_step(self) -> None:
        """Contacts stiffen as they flatten, and with them the stable step shortens."""
        if np.isfinite(self.path.contact_share):
            frequency = np.maximum(stiffest_ahead(self.bed, self.progress["start_energy"]), 1e-30)
            self.bed.boxes["dt"] = stable_step(self.path.time_step, self.path.contact_share, frequency, self.bed.boxes)

    def _leg(self, box: int) -> Leg:
        return self.path.legs[self.progress["leg"][box]]

    def _speeds(self, active: np.ndarray) -> np.ndarray:
        """Closing speed of each box [µm/µs]."""
        progress, height, target, modulus = self.progress, self.height, self.target, self.modulus
        density = self.mass / (self.area * height)
        time = self.bed.boxes["dt"] * self.path.sample_steps
        lack = aimed(target, progress["leg_stress"], progress["unrest"], target)
        lack -= nearest(target, progress["leg_stress"], progress["last_stress"], progress["mean_stress"])
        speed = np.zeros(len(height))
        for box in np.flatnonzero(active).tolist():
            leg = self._leg(box)
            if leg.stress is None:
                speed[box] = leg.speed
                continue
            lowers = target[box] < progress["leg_stress"][box]
            # closing on the way down passes nothing, and a bed that gives way is lost where platens do not follow
            follows = max(progress["giving_way"][box], 0.0) if lowers else 0.0
            passages = CATCHING if lowers and lack[box] > 0.0 else PASSAGES
            meeting = matched_speed(
                lack[box], modulus[box], density[box], height[box], time[box], leg.speed, passages=passages
            )
            speed[box] = min(meeting + follows, leg.speed)
        return speed

    def _slowed(self, active: np.ndarray, speed: np.ndarray) -> np.ndarray:
        """Boxes on the way to a stress in which the servo is slower than the leg may be."""
        slowed = np.zeros(len(speed), bool)
        for box in np.flatnonzero(active).tolist():
            leg = self._leg(box)
            slowed[box] = leg.stress is not None and not leg.ends and abs(speed[box]) < leg.speed
        return slowed

    def _steps(self, box: int, speed: float) -> tuple[int, float]:
        """Steps to the next sample, or to the end of the leg where that can be foreseen, and their length [µs]."""
        path, progress, leg, boxes = self.path, self.progress, self._leg(box), self.bed.boxes
        step, dt = int(boxes["step"][box]), float(boxes["dt"][box])
        room = path.sample_steps - step % path.sample_steps
        if path.every_steps is not None:
            room = min(room, path.every_steps - step % path.every_steps)
        ends = leg.ends
        if "steps" in ends:
            room = min(room, int(ends["steps"]) - (step - int(progress["leg_step"][box])))
        left = []
        if "time" in ends:
            left.append(ends["time"] - (boxes["time"][box] - progress["leg_time"][box]))
        height = self._height_wanted(box, ends)
        if leg.stress is None and height is not None and speed != 0.0:
            left.append((self.height[box] - height) / speed)
        whole = not np.isfinite(path.contact_share)  # a step that is given
        soonest = landing(room, dt, left, whole=whole)
        if leg.stress is None and "stress" in ends and speed != 0.0:
            return approach(*soonest, self._stress_left(box, speed), whole=whole)
        return soonest

    def _stress_left(self, box: int, speed: float) -> float:
        """Time [µs] to the stress at which a leg ends, by the stiffest that the bed is known to be; 0 at its beginning.

        A bed answers stiffer to the platens that turn back than it did to their coming: the first step shows it.
        """
        progress, wanted = self.progress, self._leg(box).ends["stress"]
        if progress["leg_step"][box] == self.bed.boxes["step"][box]:
            return 0.0
        foreseen = hertzian_modulus(self.contact_modulus, np.full(len(self.area), wanted))[box]
        stiffest = max(self.modulus[box], progress["secant"][box], foreseen)
        lack = abs(wanted - progress["last_stress"][box])
        return lack / stiffest * self.height[box] / abs(speed)

    def _height_wanted(self, box: int, ends: Mapping[str, float]) -> float | None:
        """Platen distance at which a leg ends; the first one met where several are given."""
        heights = []
        if "height" in ends:
            heights.append(ends["height"])
        if "strain" in ends:
            heights.append(self.progress["start_height"][box] * (1.0 - ends["strain"]))
        if "solid_fraction" in ends:
            heights.append(self.spheres[box] / (self.area[box] * ends["solid_fraction"]))
        if not heights:
            return None
        return min(heights, key=lambda height: abs(height - self.height[box]))

    def _look(self, active: np.ndarray) -> bool:
        """Read the platens, learn the stiffness, take the rows that are due, end the legs that have arrived."""
        progress, path = self.progress, self.path
        low, high = platen_stress(self.bed)
        stress, height, strain = platen_pressure(low, high), self.height, self.strain
        closing = np.where(active, np.log(progress["last_height"] / height), 0.0)
        change = np.where(active, stress - progress["last_stress"], 0.0)
        progress["slope_sum"] = MEMORY * progress["slope_sum"] + change * closing
        progress["square_sum"] = MEMORY * progress["square_sum"] + closing**2
        self._learn_unrest(active, stress)
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = np.abs(change / closing)
        progress["secant"] = np.where(np.isfinite(secant), secant, 0.0)
        progress["last_stress"] = np.where(active, stress, progress["last_stress"])
        progress["last_height"] = np.where(active, height, progress["last_height"])
        self._add_samples(active, low, high)
        ended = np.array([active[box] and self._has_ended(box) for box in range(len(active))])
        stopped = active & ~ended & self._at_limit()
        step = self.bed.boxes["step"]
        due = np.zeros(len(active), bool)
        if path.every_steps is not None:
            due |= step % path.every_steps == 0
        if path.every_strain is not None:
            due |= np.abs(strain - progress["row_strain"]) >= path.every_strain
        if (active & (due | ended | stopped)).any():
            self._record(active & (due | ended | stopped), regular=due)
        progress["leg"] = (progress["leg"] + ended).astype(np.int32)
        for name in ("settled", "passed", "effort"):
            progress[name][ended] = 0
        progress["leg_stress"] = np.where(ended, stress, progress["leg_stress"])
        progress["leg_step"] = np.where(ended, step, progress["leg_step"])
        progress["leg_time"] = np.where(ended, self.bed.boxes["time"], progress["leg_time"])
        progress["done"] = np.where(ended & (progress["leg"] == len(path.legs)), ARRIVED, progress["done"])
        progress["done"] = np.where(stopped, STOPPED, progress["done"]).astype(np.int32)
        return bool((ended | stopped).any())

    def _learn_giving_way(self, active: np.ndarray, time: np.ndarray) -> None:
        """Speed at which the height of the bed goes without stress for it, from the interval of `time` [µs] just over.

        A bed that is opened may give way at last, and all of its stress goes unless the platens follow.
        """
        progress, height = self.progress, self.height
        low, high = platen_stress(self.bed)
        borne = (platen_pressure(low, high) - progress["last_stress"]) / self.modulus * height
        speed = (progress["last_height"] - height - borne) / np.maximum(time, 1e-300)
        mean = progress["giving_way"] + (1.0 - CALMING) * (speed - progress["giving_way"])
        progress["giving_way"] = np.where(active, mean, progress["giving_way"])

    def _learn_unrest(self, active: np.ndarray, stress: np.ndarray) -> None:
        """What a stress just seen says of the calm of the bed, and of how far the leg has passed its own."""
        progress, target = self.progress, self.target
        mean, square = unrest_after(progress["mean_stress"], progress["unrest"], stress)
        progress["mean_stress"] = np.where(active, mean, progress["mean_stress"])
        progress["unrest"] = np.where(active, square, progress["unrest"])
        beyond = passed(stress, target, progress["leg_stress"], np.maximum(target, 1e-300))
        progress["passed"] = np.where(target > 0, np.maximum(progress["passed"], beyond), progress["passed"])

    def _has_ended(self, box: int) -> bool:
        """Whether the leg of a box has come to any of its ends."""
        progress, leg, boxes = self.progress, self._leg(box), self.bed.boxes
        ends, stress, speed = leg.ends, progress["last_stress"][box], -boxes["platen_velocity"][box, 1]
        if leg.stress is not None:
            met = abs(stress - leg.stress) <= SETTLED * leg.stress
            progress["settled"][box] = progress["settled"][box] + 1 if met else 0
            if not ends:
                return bool(progress["settled"][box] >= SETTLED_SAMPLES)
        if "stress" in ends and (stress >= ends["stress"] if leg.speed >= 0 else stress <= ends["stress"]):
            return True
        if "steps" in ends and boxes["step"][box] - progress["leg_step"][box] >= ends["steps"]:
            return True
        if "time" in ends and has_passed(ends["time"], progress["leg_time"][box], boxes, box):
            return True
        height = self._height_wanted(box, ends)
        if height is None:
            return False
        beyond = self.height[box] - height
        room = 1e-9 * height
        return bool(beyond <= room) if speed > 0 else bool(beyond >= -room) if speed < 0 else abs(beyond) <= room

    def _at_limit(self) -> np.ndarray:
        """Boxes that can go no further: too thin, too narrow for their spheres, opened to twice their start, or for too
        many steps on one leg."""
        progress, path = self.progress, self.path
        long = self.bed.boxes["step"] - progress["leg_step"] >= path.max_steps
        long |= progress["effort"] >= path.patience
        narrow = self.bed.doubled_contacts() > 0 if path.narrow_ends else False
        return long | narrow | (self.strain >= path.max_strain) | (self.strain <= -1.0)

    def _add_samples(self, who: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        values = {
            "box": np.arange(len(who)), "leg": self.progress["leg"], "step": self.bed.boxes["step"],
            "stress_low": low, "stress_high": high,
        }  # fmt: skip
        self.samples.append({name: values[name][who].astype(_dtype(column)) for name, column in SAMPLE.items()})

    def _record(self, who: np.ndarray, regular: np.ndarray | None = None) -> None:
        """Add a row for the boxes that are due."""
        progress, bed = self.progress, self.bed
        seen, height = observe(bed), self.height
        count, bulk = len(height), self.area * height
        step = bed.boxes["step"]
        if regular is not None:
            spaced = who & regular
            progress["spacing"] = np.where(spaced, step - progress["row_step"], progress["spacing"])
        window = np.full(count, self.path.every_steps) if self.path.every_steps else progress["spacing"]
        self.breaking.judge(bed, who)
        values = {
            "box": np.arange(count), "leg": progress["leg"], "step": step, "window": window,
            "time": bed.boxes["time"], "height": height, "strain": self.strain,
            "stress_low": seen.stress_low, "stress_high": seen.stress_high,
            "stress_xx": seen.stress[:, 0, 0], "stress_yy": seen.stress[:, 1, 1], "stress_zz": seen.stress[:, 2, 2],
            "solid_fraction": self.spheres / bulk, "porosity": porosity(self.spheres + progress["filler_volume"], bulk),
            "coordination": seen.coordination, "overlap_ratio": seen.overlap_ratio, "doubled": bed.doubled_contacts(),
            "kinetic": seen.kinetic, "elastic": seen.elastic + self.clock.extra(), "heat": seen.heat, "work": seen.work,
            "bond_heat": progress["bond_heat"], **heats(seen, progress["bond_heat"]),
            "temperature": progress["temperature"],
            "material_time": progress["material_time"],
            "broken_bond_fraction": seen.broken_bond_fraction,
            "passed": progress["passed"],
            "cracked_fraction": self.breaking.columns(bed)["cracked_fraction"],
        }  # fmt: skip
        self.rows.append({name: np.asarray(values[name])[who].astype(_dtype(column)) for name, column in ROW.items()})
        progress["row_step"] = np.where(who, step, progress["row_step"])
        progress["row_strain"] = np.where(who, self.strain, progress["row_strain"])

    def fraction(self) -> float:
        """Share of the path done, every leg counting alike."""
        progress, total = self.progress, len(self.path.legs)
        shares = [
            1.0 if progress["done"][box] else (progress["leg"][box] + self._share_of_leg(box)) / total
            for box in range(len(self.area))
        ]
        progress["share"] = np.maximum(progress["share"], shares)
        return float(progress["share"].mean())

    def _share_of_leg(self, box: int) -> float:
        """Share of a leg done, where it can be told."""
        progress, leg, boxes = self.progress, self._leg(box), self.bed.boxes
        if "steps" in leg.ends:
            return float((boxes["step"][box] - progress["leg_step"][box]) / leg.ends["steps"])
        if "time" in leg.ends:
            return float((boxes["time"][box] - progress["leg_time"][box]) / leg.ends["time"])
        wanted = self._height_wanted(box, leg.ends)
        if wanted is not None and leg.speed != 0.0:
            way = abs(leg.speed) * (boxes["time"][box] - progress["leg_time"][box])
            return float(way / (way + abs(self.height[box] - wanted) + 1e-300))
        goal = leg.stress if leg.stress is not None else leg.ends.get("stress", 0.0)
        begun, stress = progress["leg_stress"][box], progress["last_stress"][box]
        near = max(0.0, 1.0 - abs(goal - stress) / max(abs(goal - begun), SETTLED * goal, 1e-300))
        calm = progress["settled"][box] / SETTLED_SAMPLES
        return float(min(0.99, max(0.8 * near + 0.2 * calm, progress["effort"][box] / self.path.patience)))

    def state(self) -> PathState:
        """The state to go on from."""
        rows = {name: np.concatenate([part[name] for part in self.rows]) for name in ROW}
        samples = {name: np.concatenate([part[name] for part in self.samples]) for name in SAMPLE}
        self.rows, self.samples = [rows], [samples]
        progress = {name: column.copy() for name, column in self.progress.items()}
        branches = {name: column.copy() for name, column in self.clock.branches.items()}
        damage = {name: column.copy() for name, column in self.breaking.damage.items()}
        return PathState(self.clock.ensemble(), progress, rows, samples, damage, branches, dict(self.clock.lasting))
