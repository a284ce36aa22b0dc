"""Paths of boxes periodic in all directions: led along strain rates and stresses, one leg after the other.

Isotropic compression, oedometric and triaxial paths, simple shear, rests. The driver is a generator like
dem.compaction; it yields after every look at the stresses.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

import numpy as np

from kalander.dem.ageing.bond_clock import BondClock
from kalander.dem.ageing.relaxation import Relaxation
from kalander.dem.bodies.material import Material
from kalander.dem.bodies.platens import approach, has_passed, landing, stable_step
from kalander.dem.bodies.state import Ensemble
from kalander.dem.engine.bed import Bed, stiffest_ahead
from kalander.dem.fracture.breaking import Breaking
from kalander.dem.fracture.fracture import Fracture
from kalander.dem.fracture.strength import born
from kalander.dem.loading.lattice_servo import giving_way, hertzian_modulus, slope_sums, stress_rates
from kalander.dem.loading.paths import ARRIVED, ROOM_TEMPERATURE, SETTLED, SETTLED_SAMPLES, SLOW_START, STOPPED
from kalander.dem.loading.servo import CALMING, STAYS, aimed, passed, unrest_after
from kalander.dem.loading.triaxial_tables import AXES, PROBE, PROBE_PROGRESS, WATCHED, no_rows
from kalander.dem.measure.ledger import heats, turnover
from kalander.dem.measure.observe import lattice_stress, observe, particle_volume
from kalander.kernels.columns import Table
from kalander.kernels.quantities import porosity

__all__ = ["PROBE_SHARE", "Probe", "ProbeLeg", "ProbeMoment", "ProbeState", "new_probe", "probe"]

# Of 1/ω of the stiffest contact. A sphere with Z contacts, among others that turn with it, meets 2 Z (2/3) k_t/(0.4 m)
# in turning: at Z = 8 11 of the k_n/m* of one contact, and Verlet with dashpots of restitution 0.3 that are half a step
# late is stable up to 0.21/ω. At 0.3 a bed of rough spheres made 7 % of the work of its compression as heat.
PROBE_SHARE = 0.2

LOOSE = 0.01  # of a stress: what a bed that does not carry yet may have by its motion
CALM = 1e-3  # kinetic over carried pressure, below which a bed carries
VOLUME = 3  # axes of a volume
AXIS_STRAINS = tuple(f"strain_{axis}" for axis in AXES)
LENGTHS = [WATCHED.index(name) for name in AXIS_STRAINS[:VOLUME]]
SHEAR = WATCHED.index("strain_xz")
STRESS_ENDS = slice(WATCHED.index("pressure"), WATCHED.index("strain"))
STRESSES = [WATCHED.index(f"stress_{axis}") for axis in ("xx", "yy", "zz")]


@dataclass(frozen=True)
class ProbeLeg:
    """A part of a path.

    strain_rate (4,) [1/µs]: logarithmic rates of x, y, z, compression positive, and of shear of z in x; an axis whose
    stress is given moves at most at its rate, in either direction. stress (3,) [MPa]: of x, y, z to approach and hold,
    compression positive; NaN where the rate is given.
    ends: names of WATCHED, or steps, time, to values [1, MPa, 1, µs]; the first that is met ends the leg. `strain`, of
    the volume, is of the path; strains of axes, steps and time are of the leg. What the leg is beyond already ends it
    at once; where it is not known which way it leads, an end is met from whichever side. Without any, a leg ends when
    its stresses have settled.
    temperature [K]: of the binder from the beginning of the leg, None as before
    material_rate [1/µs]: straining that brings the material clock on by so many µs; None: it runs with inertia
    material_time [s]: that passes in a leg of given `steps` whatever moves, slowly at first; None: as above
    """

    strain_rate: tuple[float, ...]
    stress: tuple[float, ...] = (np.nan, np.nan, np.nan)
    ends: Mapping[str, float] = field(default_factory=dict)
    temperature: float | None = None
    material_rate: float | None = None
    material_time: float | None = None

    def __post_init__(self) -> None:
        unknown = set(self.ends) - {*WATCHED, "steps", "time"}
        if unknown:
            raise ValueError(f"a leg cannot end at {', '.join(sorted(unknown))}")
        if self.material_time is not None and "steps" not in self.ends:
            raise ValueError("material time passes in a leg of so many steps: ends lacks steps")


@dataclass(frozen=True)
class Probe:
    """How boxes are led.

    legs: one after the other; time_step [µs] at most; contact_share: time step at most this share of 1/ω of the
    stiffest contact (infinite for a fixed step); control_steps between looks; every_steps, every_strain: between rows,
    None for never (every leg ends with a row); relaxation: of the binder, None for one that is elastic at any
    temperature; reform: material time of touch [s] after which failed binder bonds anew, None for never; max_strain:
    loss of volume at which a box stops before the end of its path; most_steps: of a leg, likewise; patience: steps of
    a leg to stresses in which its servo may be slower than the leg allows, likewise; narrow_ends:
    whether it stops where spheres touch on both sides of it, or their own images.
    """

    legs: tuple[ProbeLeg, ...]
    time_step: float
    contact_share: float = PROBE_SHARE
    control_steps: int = 40
    every_steps: int | None = None
    every_strain: float | None = 1e-3
    relaxation: Relaxation | None = None
    reform: float | None = None
    fracture: Fracture = field(default_factory=Fracture)
    max_strain: float = 0.9
    most_steps: int = 2_000_000
    patience: int = 2_000_000
    narrow_ends: bool = False


@dataclass(frozen=True)
class ProbeState:
    """All that the next step depends on, and the rows so far."""

    ensemble: Ensemble
    progress: Table
    rows: Table
    damage: Table  # by dem.strength.DAMAGE
    branches: Table | None = None  # of the bonds, by dem.relaxation.BRANCH; None before the first step
    lasting: Table | None = None  # pairs on the way to a bond, by dem.reforming.LASTING


@dataclass(frozen=True)
class ProbeMoment:
    """Between two looks. snapshot: valid until the generator goes on."""

    fraction: float
    steps: int
    leg: np.ndarray
    stress: np.ndarray  # xx, yy, zz, xz [MPa], shape (box, 4)
    snapshot: Callable[[], ProbeState]


def new_probe(
    ensemble: Ensemble, *, filler_volume: np.ndarray | float = 0.0, temperature: float = ROOM_TEMPERATURE
) -> ProbeState:
    """State before the first step; filler_volume: solids beside the spheres [µm³], of the boxes; temperature [K].

    Raises ValueError for boxes between platens.
    """
    boxes = ensemble.boxes
    if not (boxes["depth"] > 0).all():
        raise ValueError("a probe deforms boxes that are periodic in all directions: Packing(…, periodic=True)")
    size = np.column_stack([boxes["width"], boxes["depth"]])
    progress = no_rows(PROBE_PROGRESS, len(size))
    progress |= {
        "start_size": size,
        "last_size": size.copy(),
        "filler_volume": np.broadcast_to(np.asarray(filler_volume, float), len(size)).copy(),
        "temperature": np.full(len(size), temperature),
    }
    unborn = born(ensemble.bodies, np.full(len(ensemble.bodies["id"]), np.nan))  # strengths are drawn by the driver
    return ProbeState(ensemble, progress, no_rows(PROBE), unborn)


def probe(
    state: ProbeState, settings: Probe, *, materials: list[Material], precision: str, schedule: str
) -> Generator[ProbeMoment, None, ProbeState]:
    """Lead all boxes along the path; yields after every look, returns the final state.

    materials: by row, for strengths and densities. Raises NumericalError where the step is unstable.
    """
    run = _Run(state, settings, materials, Bed(state.ensemble, precision=precision, schedule=schedule))
    while not (run.progress["done"] > 0).all():
        run.interval()
        progress = run.progress
        yield ProbeMoment(
            run.fraction(), int(run.bed.boxes["step"].sum()), progress["leg"].copy(), progress["last_stress"].copy(),
            run.state,
        )  # fmt: skip
    return run.state()


class _Run:
    """The loop's variables; each method is one verb of it."""

    def __init__(self, state: ProbeState, settings: Probe, materials: list[Material], bed: Bed) -> None:
        self.settings, self.bed = settings, bed
        self.progress = {name: column.copy() for name, column in state.progress.items()}
        self.rows = [state.rows]
        first = len(state.rows["box"]) == 0
        self.breaking = Breaking(state.damage, materials, settings.fracture)
        if first:
            self.breaking.begin(state.ensemble.bodies)
        self.spheres = particle_volume(bed)
        self.mass = np.add.reduceat(state.ensemble.bodies["mass"].astype(float), bed.boxes["body_start"])
        self.modulus = bed.lawbook["contact"][:, :-1, :-1, 0].max(axis=(1, 2))
        self.clock = BondClock(
            bed,
            settings.relaxation,
            temperature=self.progress["temperature"],
            branches=state.branches,
            reform=settings.reform,
            lasting=state.lasting,
        )
        self.rate = np.array([leg.strain_rate for leg in settings.legs])
        self.target = np.array([leg.stress for leg in settings.legs])
        if first:
            bed.find_contacts()
            seen = observe(bed)
            self.progress["start_energy"] = seen.elastic + seen.kinetic
            self.progress["last_stress"] = _axes(seen.stress)
            self.progress["mean_stress"] = self.progress["last_stress"][:, :VOLUME].copy()
            self.progress["leg_value"] = self._watched()
            self._record(np.ones(len(self.spheres), bool))

    # --- what the loop reads --------------------------------------------------------------------------------------

    @property
    def size(self) -> np.ndarray:
        """Lengths in x, y, z [µm], shape (box, 3)."""
        return np.column_stack([self.bed.boxes["width"], self.bed.boxes["depth"]])

    @property
    def strains(self) -> np.ndarray:
        """Closing of x, y, z over their lengths at the start, and shear; shape (box, 4)."""
        return np.column_stack([1.0 - self.size / self.progress["start_size"], self.progress["shear"]])

    @property
    def strain(self) -> np.ndarray:
        return 1.0 - (self.size / self.progress["start_size"]).prod(axis=1)

    def _leg(self, box: int) -> ProbeLeg:
        return self.settings.legs[min(int(self.progress["leg"][box]), len(self.settings.legs) - 1)]

    def _kinetic_pressure(self) -> np.ndarray:
        """Two thirds of the kinetic energy beside the flow over the volume [MPa]."""
        bed = self.bed
        square = bed.body("mass").astype(float) * (bed.body("velocity").astype(float) ** 2).sum(axis=1)
        return np.add.reduceat(square, bed.boxes["body_start"]) / (3.0 * self.size.prod(axis=1))

    def _watched(self) -> np.ndarray:
        """Values of WATCHED as they stand, shape (box, value)."""
        stress = self.progress["last_stress"]
        columns = (self.spheres / self.size.prod(axis=1), stress[:, :VOLUME].mean(axis=1), stress, self.strain)
        return np.column_stack([*columns, self.strains])

    # --- verbs ----------------------------------------------------------------------------------------------------

    def interval(self) -> None:
        """Set the rates, advance to the next look, row or end of a leg, look."""
        progress = self.progress
        active = progress["done"] == 0
        self._set_temperature(active)
        boxes = self.bed.boxes
        frequency = np.maximum(stiffest_ahead(self.bed, progress["start_energy"]), 1e-30)
        boxes["dt"] = stable_step(self.settings.time_step, self.settings.contact_share, frequency, boxes)
        rates = np.where(active[:, None], self._rates(), 0.0)
        boxes["strain_rate"] = np.column_stack([-rates[:, :VOLUME], rates[:, VOLUME]])
        dt = boxes["dt"]
        todo = [self._steps(box, rates[box]) if active[box] else (0, dt[box]) for box in range(len(active))]
        steps = np.array([count for count, _ in todo])
        boxes["dt"] = np.array([step for _, step in todo])
        progress["effort"] = progress["effort"] + np.where(self._slowed(active, rates), steps, 0)
        before, time, power = self.size, boxes["dt"] * steps, self._power(rates)
        self.bed.advance(steps)
        progress["shear"] = progress["shear"] + rates[:, VOLUME] * time * before[:, 2] / self.size[:, 2]
        progress["last_rate"] = rates
        self._pass_time(active, steps, time, np.abs(rates).max(axis=1))
        self._look(active, rates, power, time)
        boxes["dt"] = dt

    def _power(self, rates: np.ndarray) -> np.ndarray:
        """Power of the flow on the stresses as last seen [pJ/µs], shape (box,)."""
        return (self.progress["last_stress"] * rates).sum(axis=1) * self.size.prod(axis=1)

    def _set_temperature(self, active: np.ndarray) -> None:
        """The binder of every box at the temperature of its leg."""
        temperature = self.progress["temperature"].copy()
        for box in np.flatnonzero(active).tolist():
            wanted = self._leg(box).temperature
            temperature[box] = temperature[box] if wanted is None else wanted
        self.clock.bring(temperature)
        self.progress["temperature"] = temperature

    def _pass_time(self, active: np.ndarray, steps: np.ndarray, passed: np.ndarray, rate: np.ndarray) -> None:
        """Bring the bonds what the material clock went on by while the inertial one went on by `passed` [µs]."""
        progress, time = self.progress, passed * 1e-6
        for box in np.flatnonzero(active).tolist():
            leg = self._leg(box)
            if leg.material_time is not None:
                done = float(self.bed.boxes["step"][box] - progress["leg_step"][box])
                shares = np.array([done - steps[box], done]) / leg.ends["steps"]
                time[box] = leg.material_time * np.diff(shares**SLOW_START)[0]
            elif leg.material_rate is not None:
                time[box] *= rate[box] / leg.material_rate
        self.clock.tick(time, passed)
        self.bed = self.clock.bed
        progress["material_time"] = progress["material_time"] + time
        progress["bond_heat"] = progress["bond_heat"] + self.clock.heat
        self.clock.heat[:] = 0.0

    def _rates(self) -> np.ndarray:
        """Rates of each box [1/µs], compression positive: those of the leg, or what brings its stresses nearer."""
        progress = self.progress
        leg = np.minimum(progress["leg"], len(self.settings.legs) - 1)
        rate, target = self.rate[leg].copy(), self.target[leg]
        held = np.isfinite(target)
        if not held.any():
            return rate
        stress = progress["last_stress"][:, :VOLUME]
        size, time = self.size, self.bed.boxes["dt"] * self.settings.control_steps
        goal = np.where(held, np.abs(target), 0.0).max(axis=1)
        least = self._least_modulus(target)
        density = self.mass / size.prod(axis=1)
        begun = progress["leg_value"][:, STRESSES]
        aim = aimed(target, begun, progress["unrest"], goal[:, None])
        servo = stress_rates(
            np.where(held, aim - stress, 0.0), held, rate[:, :VOLUME],
            np.where(held, target - begun, 0.0), goal, progress["stiffness"], least, density, size, time,
            self._follows(target),
        )  # fmt: skip
        # while the bed does not carry, its stress is that of its motion: no more of that than it may be wrong by
        gentle = LOOSE * goal / (np.sqrt(np.maximum(density * least, 1e-300)) * size.max(axis=1))
        moving = np.abs(progress["last_rate"][:, :VOLUME]).max(axis=1)
        pressure = np.maximum(np.abs(stress).max(axis=1), 1e-12 * goal)
        dynamic = np.clip(np.sqrt(LOOSE * goal / pressure), 0.5, 1.5) * moving
        cap = np.where(progress["carries"] > 0, np.inf, np.maximum(gentle, np.where(moving > 0, dynamic, np.inf)))
        fastest = np.where(held, np.abs(servo), 0.0).max(axis=1)
        servo *= np.minimum(1.0, cap / np.maximum(fastest, 1e-300))[:, None]
        rate[:, :VOLUME] = np.where(held, servo, rate[:, :VOLUME])
        return rate

    def _least_modulus(self, target: np.ndarray) -> np.ndarray:
        """Modulus of volume [MPa] that contacts make at the stress seen, between a quarter of the targets and all."""
        held = np.isfinite(target)
        goal = np.where(held, np.abs(target), 0.0).max(axis=1)
        return hertzian_modulus(self.modulus, np.clip(self._mean_stress(), 0.25 * goal, goal))

    def _mean_stress(self) -> np.ndarray:
        return self.progress["last_stress"][:, :VOLUME].mean(axis=1)

    def _follows(self, target: np.ndarray) -> np.ndarray:
        """Rates [1/µs], (box, 3), at which the axes of a bed that gives way on the way down are closed after it.

        Of its volume alone: a bed that yields in shape flows the faster, the faster it is followed.
        """
        held = np.isfinite(target)
        goal = np.where(held, np.abs(target), 0.0).max(axis=1)[:, None]
        lowers = (target - self.progress["leg_value"][:, STRESSES] < -STAYS * goal) | ~held
        given = np.maximum(self.progress["giving_way"].mean(axis=1), 0.0)
        return np.where(held.any(axis=1) & lowers.all(axis=1), given, 0.0)[:, None] * np.ones(VOLUME)

    def _slowed(self, active: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Boxes on the way to stresses alone in which no axis is as fast as the leg allows."""
        leg = np.minimum(self.progress["leg"], len(self.settings.legs) - 1)
        endless = np.array([not one.ends for one in self.settings.legs])[leg]
        held, fastest = np.isfinite(self.target[leg]), np.abs(self.rate[leg][:, :VOLUME])
        led = (held & (np.abs(rates[:, :VOLUME]) >= (1.0 - 1e-9) * fastest)).any(axis=1)
        return active & endless & held.any(axis=1) & ~led

    def _steps(self, box: int, rate: np.ndarray) -> tuple[int, float]:
        """Steps to the next look, or to the end of the leg where that can be foreseen, and their length [µs]."""
        settings, progress, leg, boxes = self.settings, self.progress, self._leg(box), self.bed.boxes
        step, dt = int(boxes["step"][box]), float(boxes["dt"][box])
        room = settings.control_steps - step % settings.control_steps
        if settings.every_steps is not None:
            room = min(room, settings.every_steps - step % settings.every_steps)
        if "steps" in leg.ends:
            room = min(room, int(leg.ends["steps"]) - (step - int(progress["leg_step"][box])))
        left = []
        if "time" in leg.ends:
            left.append(leg.ends["time"] - (boxes["time"][box] - progress["leg_time"][box]))
        closed, begun = self.size[box] / progress["start_size"][box], progress["leg_value"][box]
        for axis, name in enumerate(AXIS_STRAINS[:VOLUME]):
            if name in leg.ends and rate[axis] != 0.0:
                wanted = (1.0 - leg.ends[name]) * (1.0 - begun[LENGTHS[axis]]) / closed[axis]
                left.append((1.0 - wanted) / rate[axis])
        if "strain_xz" in leg.ends and rate[VOLUME] != 0.0:
            left.append(self._shear_left(box, begun[SHEAR] + leg.ends["strain_xz"], rate))
        volume = {"strain": lambda value: 1.0 - value, "solid_fraction": self._volume_of(box)}
        for name in volume.keys() & leg.ends.keys():
            left.append(volume_left(rate[:VOLUME], volume[name](leg.ends[name]) / closed.prod()))
        whole = not np.isfinite(settings.contact_share)  # a step that is given
        soonest = landing(room, dt, left, whole=whole)
        stresses = [name for name in WATCHED[STRESS_ENDS] if name in leg.ends]
        if not stresses or np.isfinite(leg.stress).any() or not rate.any():
            return soonest
        return approach(*soonest, min(self._stress_left(box, name, rate) for name in stresses), whole=whole)

    def _shear_left(self, box: int, wanted: float, rate: np.ndarray) -> float:
        """Time [µs] to a shear since the start; what is sheared in a step is over the length in z after it."""
        lack = (wanted - self.progress["shear"][box]) / rate[VOLUME]
        return lack / (1.0 + lack * rate[2])

    def _stress_left(self, box: int, name: str, rate: np.ndarray) -> float:
        """Time [µs] to a stress at which a leg ends, by the stiffest that the bed may be; 0 at the beginning of a leg.

        A bed answers stiffer where it turns back: the first step shows it.
        """
        progress, wanted, place = self.progress, self._leg(box).ends[name], WATCHED.index(name)
        if progress["leg_step"][box] == self.bed.boxes["step"][box]:
            return 0.0
        lack = abs(wanted - self._watched()[box, place])
        pace = abs(progress["last_pace"][box, place - STRESS_ENDS.start])
        foreseen = hertzian_modulus(self.modulus, np.full(len(self.modulus), abs(wanted)))[box]
        pace = max(pace, foreseen * np.abs(rate).max())
        return lack / pace if pace > 0.0 else np.inf

    def _volume_of(self, box: int) -> Callable[[float], float]:
        """Volume over that of the start at which the spheres of a box are a given share of it."""
        least = self.spheres[box] / self.progress["start_size"][box].prod()
        return lambda fraction: least / fraction

    def _look(self, active: np.ndarray, rates: np.ndarray, power: np.ndarray, time: np.ndarray) -> None:
        """Learn the stiffness, take the rows that are due, end the legs that have arrived.

        rates: of the interval that is over [1/µs], power: of them on the stresses when it began; time: it took [µs].
        """
        progress, settings, boxes = self.progress, self.settings, self.bed.boxes
        before = self._watched()[:, STRESS_ENDS]
        axes = _axes(lattice_stress(self.bed))
        closing = np.log(progress["last_size"] / self.size)
        change = (axes - progress["last_stress"])[:, :VOLUME]
        learnt = slope_sums(progress["stiffness"], closing, change)
        progress["stiffness"] = np.where(active[:, None], learnt, progress["stiffness"])
        self._learn_giving_way(active, closing, change, time)
        kinetic = self._kinetic_pressure()
        progress["carries"] = (kinetic < CALM * axes[:, :VOLUME].mean(axis=1)).astype(np.int32)
        self._learn_unrest(active, axes[:, :VOLUME])
        progress["last_stress"] = np.where(active[:, None], axes, progress["last_stress"])
        progress["last_size"] = self.size
        excess = 0.5 * boxes["dt"] * (self._power(rates) - power)
        progress["work_excess"] = progress["work_excess"] + np.where(active, excess, 0.0)
        values = self._watched()
        pace = (values[:, STRESS_ENDS] - before) / np.maximum(time, 1e-300)[:, None]
        progress["last_pace"] = np.where(active[:, None], pace, progress["last_pace"])
        ended = np.array([active[box] and self._has_ended(box, values[box]) for box in range(len(active))])
        stopped = active & ~ended & self._at_limit()
        due = np.zeros(len(active), bool)
        if settings.every_steps is not None:
            due |= boxes["step"] % settings.every_steps == 0
        if settings.every_strain is not None:
            due |= np.abs(self.strains - progress["row_strain"]).max(axis=1) >= settings.every_strain
        if (active & (due | ended | stopped)).any():
            self._record(active & (due | ended | stopped))
        progress["leg"] = (progress["leg"] + ended).astype(np.int32)
        for name in ("settled", "passed", "effort"):
            progress[name][ended] = 0
        progress["leg_step"] = np.where(ended, boxes["step"], progress["leg_step"])
        progress["leg_time"] = np.where(ended, boxes["time"], progress["leg_time"])
        progress["leg_value"] = np.where(ended[:, None], values, progress["leg_value"])
        progress["done"] = np.where(ended & (progress["leg"] == len(settings.legs)), ARRIVED, progress["done"])
        progress["done"] = np.where(stopped, STOPPED, progress["done"]).astype(np.int32)

    def _learn_giving_way(self, active: np.ndarray, closing: np.ndarray, change: np.ndarray, time: np.ndarray) -> None:
        """Rates at which lengths go without stress for it, from the interval of `time` [µs] just over."""
        progress = self.progress
        target = self.target[np.minimum(progress["leg"], len(self.settings.legs) - 1)]
        least = np.maximum(self._least_modulus(target), 1e-12)
        gone = giving_way(closing, change, progress["stiffness"], least) / np.maximum(time, 1e-300)[:, None]
        mean = progress["giving_way"] + (1.0 - CALMING) * (gone - progress["giving_way"])
        progress["giving_way"] = np.where(active[:, None], mean, progress["giving_way"])

    def _learn_unrest(self, active: np.ndarray, stress: np.ndarray) -> None:
        """What stresses just seen say of the calm of the bed, and of how far the leg has passed its own; (box, 3)."""
        progress = self.progress
        mean, square = unrest_after(progress["mean_stress"], progress["unrest"], stress)
        progress["mean_stress"] = np.where(active[:, None], mean, progress["mean_stress"])
        progress["unrest"] = np.where(active[:, None], square, progress["unrest"])
        target = self.target[np.minimum(progress["leg"], len(self.settings.legs) - 1)]
        held = np.isfinite(target) & active[:, None]
        goal = np.where(held, np.abs(target), 1e-12).max(axis=1)[:, None]
        beyond = passed(stress, target, progress["leg_value"][:, STRESSES], goal)
        progress["passed"] = np.maximum(progress["passed"], np.where(held, beyond, 0.0).max(axis=1))

    def _has_ended(self, box: int, values: np.ndarray) -> bool:
        """Whether the leg of a box has come to any of its ends."""
        progress, leg, boxes = self.progress, self._leg(box), self.bed.boxes
        target = np.array(leg.stress)
        held = np.isfinite(target)
        error = np.abs(progress["last_stress"][box, :VOLUME] - target)[held]
        met = held.any() and (error <= SETTLED * np.abs(target[held]).max(initial=1e-12)).all()
        progress["settled"][box] = progress["settled"][box] + 1 if met else 0
        if not leg.ends:
            return bool(progress["settled"][box] >= SETTLED_SAMPLES)
        if "steps" in leg.ends and boxes["step"][box] - progress["leg_step"][box] >= leg.ends["steps"]:
            return True
        if "time" in leg.ends and has_passed(leg.ends["time"], progress["leg_time"][box], boxes, box):
            return True
        before, now = _of_leg(progress["leg_value"][box], values)
        for place, name in enumerate(WATCHED):
            if name in leg.ends:
                wanted, way = leg.ends[name], _direction(leg, name)
                way = way or np.sign(wanted - before[place])
                if (now[place] - wanted) * way >= -1e-9 * abs(wanted):
                    return True
        return False

    def _at_limit(self) -> np.ndarray:
        """Boxes that can go no further: too small, too narrow for their spheres, twice as large as at the start, or for
        too many steps on one leg."""
        long = self.bed.boxes["step"] - self.progress["leg_step"] >= self.settings.most_steps
        long |= self.progress["effort"] >= self.settings.patience
        narrow = self.bed.doubled_contacts() > 0 if self.settings.narrow_ends else False
        return long | narrow | (self.strain >= self.settings.max_strain) | (self.strain <= -1.0)

    def _record(self, due: np.ndarray) -> None:
        """Add a row for every box that is due."""
        progress, bed = self.progress, self.bed
        seen, bulk = observe(bed), self.size.prod(axis=1)
        elastic, heat = seen.elastic + self.clock.extra(), seen.heat + progress["bond_heat"]
        # kernels take a step's work of the flow at the forces of its end, not at the mean of both ends
        work = seen.work - progress["work_excess"]
        left = work - (seen.kinetic + elastic - progress["start_energy"]) - heat
        self.breaking.judge(bed, due)
        values = {
            "box": np.arange(len(due)), "leg": progress["leg"], "step": bed.boxes["step"], "time": bed.boxes["time"],
            "strain": self.strain, "strains": self.strains, "stress": seen.stress,
            "solid_fraction": self.spheres / bulk, "porosity": porosity(self.spheres + progress["filler_volume"], bulk),
            "coordination": seen.coordination, "overlap_ratio": seen.overlap_ratio, "doubled": bed.doubled_contacts(),
            "kinetic": seen.kinetic, "elastic": elastic, "heat": seen.heat, "work": work,
            "bond_heat": progress["bond_heat"], **heats(seen, progress["bond_heat"]),
            "energy_error": left / turnover(work, heat, elastic, progress["start_energy"]),
            "temperature": progress["temperature"], "material_time": progress["material_time"],
            "broken_bond_fraction": seen.broken_bond_fraction,
            "passed": progress["passed"],
            "cracked_fraction": self.breaking.columns(bed)["cracked_fraction"],
        }  # fmt: skip
        empty = no_rows(PROBE)
        self.rows.append({name: np.asarray(values[name])[due].astype(empty[name].dtype) for name in PROBE})
        progress["row_strain"] = np.where(due[:, None], self.strains, progress["row_strain"])

    def fraction(self) -> float:
        """Share of the path done, every leg counting alike."""
        progress, values = self.progress, self._watched()
        shares = [
            1.0 if progress["done"][box] else (progress["leg"][box] + self._share_of_leg(box, values[box]))
            / len(self.settings.legs)
            for box in range(len(self.spheres))
        ]  # fmt: skip
        progress["share"] = np.maximum(progress["share"], shares)
        return float(progress["share"].mean())

    def _share_of_leg(self, box: int, values: np.ndarray) -> float:
        """Share of a leg done, where it can be told."""
        progress, leg, boxes = self.progress, self._leg(box), self.bed.boxes
        shares = [0.0]
        if not leg.ends:
            shares.append(self._share_to_stresses(box, leg))
        if "steps" in leg.ends:
            shares.append((boxes["step"][box] - progress["leg_step"][box]) / leg.ends["steps"])
        if "time" in leg.ends:
            shares.append((boxes["time"][box] - progress["leg_time"][box]) / leg.ends["time"])
        before, now = _of_leg(progress["leg_value"][box], values)
        for place, name in enumerate(WATCHED):
            if name in leg.ends:
                shares.append((now[place] - before[place]) / (leg.ends[name] - before[place] or 1.0))
        return float(np.clip(max(shares), 0.0, 1.0))

    def _share_to_stresses(self, box: int, leg: ProbeLeg) -> float:
        """Share done of a leg that ends when its stresses have settled, or its servo's patience has."""
        progress, target = self.progress, np.array(leg.stress)
        held = np.isfinite(target)
        way = np.abs(target - progress["leg_value"][box][STRESSES])[held].max(initial=1e-300)
        lack = np.abs(target - progress["last_stress"][box, :VOLUME])[held].max(initial=0.0)
        near, calm = max(0.0, 1.0 - lack / max(way, SETTLED * lack)), progress["settled"][box] / SETTLED_SAMPLES
        return float(min(0.99, max(0.8 * near + 0.2 * calm, progress["effort"][box] / self.settings.patience)))

    def state(self) -> ProbeState:
        """The state to go on from."""
        rows = {name: np.concatenate([part[name] for part in self.rows]) for name in PROBE}
        self.rows = [rows]
        progress, damage, branches = (
            {name: column.copy() for name, column in table.items()}
            for table in (self.progress, self.breaking.damage, self.clock.branches)
        )
        return ProbeState(self.clock.ensemble(), progress, rows, damage, branches, dict(self.clock.lasting))


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


def _of_leg(begun: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of WATCHED when the leg began and as they are, the strains of axes counted from its beginning."""
    before, now = begun.copy(), values.copy()
    now[LENGTHS] = 1.0 - (1.0 - values[LENGTHS]) / (1.0 - begun[LENGTHS])
    now[SHEAR] -= begun[SHEAR]
    before[[*LENGTHS, SHEAR]] = 0.0
    return before, now


def _direction(leg: ProbeLeg, name: str) -> float:
    """1 where a leg raises a value, −1 where it lowers it, 0 where that is not known before: ends are then crossed."""
    rate, held = np.array(leg.strain_rate), np.isfinite(leg.stress)
    if name in AXIS_STRAINS:
        axis = AXIS_STRAINS.index(name)
        return 0.0 if axis < VOLUME and held[axis] else float(np.sign(rate[axis]))
    return 0.0 if held.any() or name == "stress_xz" else float(np.sign(rate[:VOLUME].sum()))


def _axes(stress: np.ndarray) -> np.ndarray:
    """xx, yy, zz of stresses (box, 3, 3), and minus the mean of xz and zx, which resists a positive shear."""
    shear = -0.5 * (stress[:, 0, 2] + stress[:, 2, 0])
    return np.column_stack([np.diagonal(stress, axis1=1, axis2=2), shear])
