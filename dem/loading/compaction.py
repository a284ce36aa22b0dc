"""Press and release: every box closes to its own stress and opens again until it carries almost none.

The driver is a generator; it yields after every control interval and offers the state to go on from. What to save,
when to stop and what to show is decided by whoever loops over it.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace

import numpy as np

from kalander.dem.ageing.bond_clock import BondClock
from kalander.dem.ageing.relaxation import Relaxation
from kalander.dem.bodies.clumps import body_volumes, double, particle_diameter
from kalander.dem.bodies.material import Material
from kalander.dem.bodies.platens import braked_haste, impact_frequency, quasi_static_speed, servo_speed
from kalander.dem.bodies.state import Ensemble
from kalander.dem.engine.bed import Bed
from kalander.dem.fracture.breaking import Breaking
from kalander.dem.fracture.fracture import Fracture
from kalander.dem.fracture.replacement import Replacement
from kalander.dem.fracture.strength import born
from kalander.dem.loading.press_tables import FRAME, LEG
from kalander.dem.loading.slowing import scale_motion
from kalander.dem.measure.fabric import fabric_of
from kalander.dem.measure.ledger import heats, turnover
from kalander.dem.measure.observe import observe, particle_volume, platen_stress
from kalander.kernels.columns import Column, Table
from kalander.kernels.quantities import platen_pressure, porosity

__all__ = ["Moment", "Press", "PressState", "new_press", "press"]

# Verlet is stable to 2/ω of the fastest mode. That of a body with Z contacts that resist sliding and turning is some
# 4 times that of one contact, and dashpots evaluated half a step late take another third: 0.35/ω is the limit seen.
CONTACT_SHARE = 0.3

# Solids of all kinds over the volume of the box beyond which a box turns: pieces leave room to their fines, but the
# fines, which carry nothing, cannot be pressed beyond themselves.
DENSEST = 0.98

GROWTH_EVERY = 4  # control intervals between two growths of pieces


@dataclass(frozen=True)
class Press:
    """How boxes are pressed.

    speed [µm/µs] at most; inertial_number wanted; release_stress [MPa]; max_strain at which a box turns anyway (as it
    does where its pores are closed); time_step [µs] at most, and contact_share: time step at most this share of 1/ω of
    the stiffest contact; control_steps between looks at the platens; frame_strain between frames; stress_floor: share
    of the target below which the inertial number counts the stress as this floor (a bonded coating starts at zero
    stress); haste: how many times faster loose spheres are pushed together until the bed begins to carry (see
    dem.platens.braked_haste); release: open again after the target; fracture: when particles crack and what becomes of
    them; least_radius [µm]: of the bodies that time_step is for (smaller ones take a shorter one), 0 for all;
    relaxation, temperature [K]: of the binder; reform: time of touch [s] after which failed binder bonds anew;
    material_speed: closing that brings the binder's clock on by so many µs a µm, None for as fast as platens move.
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
    fracture: Fracture = field(default_factory=Fracture)
    least_radius: float = 0.0
    relaxation: Relaxation | None = None
    reform: float | None = None
    temperature: float = 298.15
    material_speed: float | None = None


@dataclass(frozen=True)
class PressState:
    """All that the next step depends on, and the frames so far."""

    ensemble: Ensemble
    protocol: Table
    frames: Table
    damage: Table  # by dem.strength.DAMAGE
    branches: Table | None = None  # of the bonds, by dem.relaxation.BRANCH; None before the first step
    lasting: Table | None = None  # pairs on the way to a bond, by dem.reforming.LASTING


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


def new_press(ensemble: Ensemble, *, target: np.ndarray, solid_volume: np.ndarray) -> PressState:
    """State before the first step: targets [MPa] and solid_volume, all solids [µm³], shape (box,)."""
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
        "share": np.zeros(count),
        "doubled": np.zeros(count, np.int32),
        "reached": np.zeros(count, np.int32),
        "solid_volume": np.asarray(solid_volume, float),
        "start_energy": np.zeros(count),
        "next_id": ensemble.boxes["body_count"].astype(np.int64),
        "fracture_energy": np.zeros(count),
        "piece_energy": np.zeros(count),
        "bond_heat": np.zeros(count),
    }
    frames = {name: np.zeros(0, _dtype(column)) for name, column in FRAME.items()}
    unborn = born(ensemble.bodies, np.full(len(ensemble.bodies["id"]), np.nan))  # strengths are drawn by the press
    return PressState(ensemble, protocol, frames, unborn)


def _dtype(column: Column) -> str:
    return {"i4": "i4", "i8": "i8"}.get(column.kind, "f8")


def _without_motion(state: PressState) -> PressState:
    """The same with no more of its bodies than what a press looks up of them at its beginning."""
    ensemble = state.ensemble
    bodies = {name: ensemble.bodies[name] for name in ("id", "box", "material", "radius", "swelling", "clump")}
    return replace(state, ensemble=replace(ensemble, bodies=bodies, contacts={}))


def press(
    state: PressState, settings: Press, *, materials: list[Material], precision: str, schedule: str
) -> Generator[Moment, None, PressState]:
    """Press and release all boxes; yields after every control interval, returns the final state.

    materials: by row, for strengths and densities. Raises NumericalError where the step is unstable.
    """
    bed = Bed(state.ensemble, precision=precision, schedule=schedule)
    state = _without_motion(state)  # the bed holds it: a large one would stay beside its lists and first frame
    run = _Run(state, settings, materials, bed)
    del state
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
        self.breaking = Breaking(state.damage, materials, settings.fracture)
        if bed.swells and self.breaking.replaces:
            raise ValueError(f'law "{bed.law}" knows no pieces: particles whose radii grow are judged, not replaced')
        self._survey()
        self.stress = self.protocol["last_stress"].copy()
        temperature = np.full(len(self.stress), settings.temperature)
        self.clock = BondClock(
            bed,
            settings.relaxation,
            temperature=temperature,
            branches=state.branches,
            reform=settings.reform,
            lasting=state.lasting,
        )
        if len(state.frames["box"]) == 0:
            self.breaking.begin(state.ensemble.bodies)
            if bed.clump_count:  # members stand for equal shares of their clump
                bodies, clumps = state.ensemble.bodies, double(state.ensemble.clumps)
                volume = body_volumes(bodies["radius"].astype(float), bodies["clump"], clumps)
                self.breaking.damage["bulk"] = volume
            bed.find_contacts()
            seen = observe(bed)
            self.protocol["doubled"] = bed.doubled_contacts()
            self.protocol["start_energy"] = seen.elastic + seen.kinetic
            self.stress = seen.pressure
            self.protocol["last_stress"] = self.stress
            self.protocol["haste"] = np.clip(settings.speed / self._quasi_static(self._floor()), 1.0, settings.haste)
            self._record(np.ones(len(self.stress), bool))
            bed.drop_forces()  # a packing is in balance but for the 1e-3 of a radius to which it was made

    def _survey(self) -> None:
        """What follows from the bodies as they are: they change where particles break."""
        boxes = self.bed.boxes
        # as the bed holds them: in single precision a state from outside has more digits than one that was saved
        radius, mass = self.bed.solid_radius().astype(float), self.bed.body("mass").astype(float)
        self.spheres = particle_volume(self.bed)
        self.density = np.add.reduceat(mass, boxes["body_start"]) / self.spheres
        clump, clumps = self.bed.host_only["clump"], double(self.bed.clumps())
        self.diameter = particle_diameter(radius, clump, clumps, boxes["body_start"])
        least = np.minimum.reduceat(radius, boxes["body_start"])
        # the last material is that of the platens
        modulus = self.bed.lawbook["contact"][:, :-1, :, 0].max(axis=(1, 2))
        self.lightest = least, np.minimum.reduceat(mass, boxes["body_start"]), modulus
        self.longest_step = self.settings.time_step * np.minimum(1.0, least / (self.settings.least_radius or least))

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
        limit = self._fastest()
        self._set_time_step(limit)
        self._set_platens(limit)
        self.bed.advance(steps)
        self._pass_time(self.bed.boxes["dt"] * steps)
        return self._look()

    def _pass_time(self, passed: np.ndarray) -> None:
        """Bring the bonds the material time of this interval, in which inertia went on by `passed` [µs]."""
        way, speed = np.abs(self.height - self.protocol["last_height"]), self.settings.material_speed
        self.clock.tick((passed if speed is None else way / speed) * 1e-6, passed)
        self.bed = self.clock.bed
        self.protocol["bond_heat"] = self.protocol["bond_heat"] + self.clock.heat
        self.clock.heat[:] = 0.0

    def _set_time_step(self, speed: np.ndarray) -> None:
        """Contacts stiffen as they flatten: the step that was stable for touching spheres is not for pressed ones.

        In haste nor is it for spheres that will meet at the speed of the platens before the next look.
        """
        meeting = np.where(self.protocol["haste"] > 1.0, speed, 0.0)
        frequency = np.maximum(self.bed.contact_frequency(), impact_frequency(meeting, *self.lightest))
        share = self.settings.contact_share / np.maximum(frequency, 1e-30)
        self.bed.boxes["dt"] = np.minimum(self.longest_step, share)

    def _floor(self) -> np.ndarray:
        return np.maximum(self.settings.stress_floor * self.protocol["target"], self.settings.release_stress)

    def _quasi_static(self, pressure: np.ndarray) -> np.ndarray:
        number = self.settings.inertial_number
        return quasi_static_speed(number, self.height, pressure, self.diameter, self.density)

    def _fastest(self) -> np.ndarray:
        """Speed at which the inertial number and haste let the platens move [µm/µs], shape (box,)."""
        haste = np.where(self.protocol["leg"] == LEG["load"], self.protocol["haste"], 1.0)
        pressure = np.maximum(np.where(haste > 1.0, 0.0, self.stress), self._floor())
        return np.minimum(haste * self._quasi_static(pressure), self.settings.speed)

    def _set_platens(self, limit: np.ndarray) -> None:
        """Close or open at the quasi-static speed, slower where the next control would overshoot the turning stress."""
        protocol, boxes = self.protocol, self.bed.boxes
        leg = protocol["leg"]
        time = boxes["dt"] * self.settings.control_steps
        error = np.maximum(protocol["target"] - self.stress, 2e-4 * protocol["target"])
        closing = np.minimum(limit, servo_speed(error, protocol["modulus"], self.height, time, limit))
        speed = np.select([leg == LEG["load"], leg == LEG["release"]], [-closing, limit], 0.0)
        boxes["platen_velocity"] = np.column_stack([np.zeros_like(speed), speed])

    def _look(self) -> bool:
        """Read the platens, update the modulus estimate, take the frames that are due, turn boxes that have arrived."""
        protocol, settings = self.protocol, self.settings
        low, high = platen_stress(self.bed)
        self.stress = platen_pressure(low, high)
        height, strain, leg = self.height, self.strain, protocol["leg"].copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = (self.stress - protocol["last_stress"]) / np.log(protocol["last_height"] / height)
        better = (leg == LEG["load"]) & np.isfinite(slope) & (slope > 0)
        protocol["modulus"] = np.where(better, 0.9 * protocol["modulus"] + 0.1 * slope, protocol["modulus"])
        self._brake(np.minimum(low, high))
        protocol["doubled"] = np.maximum(protocol["doubled"], self.bed.doubled_contacts())
        protocol["last_stress"], protocol["last_height"] = self.stress, height

        done = self.breaking.replacement(self.bed, leg != LEG["done"], protocol["next_id"])
        breaking = np.zeros(len(leg), bool) if done is None else done[0].broken_boxes
        # a target is met once nothing breaks under it
        arrived = (leg == LEG["load"]) & (self.stress >= protocol["target"]) & ~breaking
        closed = protocol["solid_volume"] >= DENSEST * self.bed.boxes["width"].prod(axis=1) * height
        capped = (leg == LEG["load"]) & ~arrived & ((strain >= settings.max_strain) | closed)
        opened = (leg == LEG["release"]) & (np.maximum(low, high) <= settings.release_stress)
        turned = arrived | capped | opened
        due = (np.abs(strain - protocol["frame_strain"]) >= settings.frame_strain) & (leg != LEG["done"])
        if (due | turned).any():
            self._record(due | turned)
        protocol["reached"] = np.where(arrived, 1, protocol["reached"]).astype(np.int32)
        protocol["least_height"] = np.where(arrived | capped, height, protocol["least_height"])
        after = leg + 1 if settings.release else LEG["done"]
        protocol["leg"] = np.where(turned, after, leg).astype(np.int32)
        self.breaking.end_pass(self.bed, turned & (protocol["leg"] == LEG["done"]))
        if done is not None:
            self._replace(*done)
        self._grow(protocol["leg"] == LEG["load"])
        return bool(turned.any())

    def _replace(self, done: Replacement, damage: Table) -> None:
        """Lay the bed anew with pieces in place of particles."""
        self._lay(done.ensemble, done.broken_boxes)
        self._adopt(done.pieces.source, done.pieces.broken)
        self.breaking.damage = damage
        self.protocol["next_id"] = done.next_id
        self.protocol["piece_energy"] = self.protocol["piece_energy"] + done.energy_after

    def _grow(self, boxes: np.ndarray) -> None:
        """Every few intervals pieces grow where there is room."""
        turn = self.bed.boxes["step"] // self.settings.control_steps % GROWTH_EVERY == 0
        grown = self.breaking.growth(self.bed, boxes & turn)
        if grown is not None:
            self._lay(*grown)
            count = self.bed.body_count
            self._adopt(np.arange(count), np.zeros(count, bool))

    def _adopt(self, source: np.ndarray, broken: np.ndarray) -> None:
        """Give the binder's clock the bed that was laid; source (new body,), broken (old body,)."""
        self.clock.adopt(self.bed, source, broken)
        self.protocol["bond_heat"] = self.protocol["bond_heat"] + self.clock.heat
        self.clock.heat[:] = 0.0

    def _lay(self, ensemble: Ensemble, changed: np.ndarray) -> None:
        """Go on with other bodies in the boxes that have changed; the energy that goes is that of fracture."""
        self.bed, lost = self.breaking.lay(self.bed, ensemble, changed)
        self._survey()
        self.protocol["fracture_energy"] = self.protocol["fracture_energy"] + lost

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
        height = self.height
        count, bulk = len(height), bed.boxes["width"].prod(axis=1) * height
        if not self.breaking.replaces:
            self.breaking.judge(bed, due)
        pressure = np.maximum(seen.pressure, self._floor())
        rate = np.abs(np.diff(bed.boxes["platen_velocity"], axis=1)[:, 0]) / height
        stored = seen.kinetic + seen.elastic + self.clock.extra() - protocol["start_energy"]
        stored += protocol["fracture_energy"]
        heat = seen.heat + protocol["bond_heat"]
        elastic = seen.elastic + self.clock.extra()
        turned = turnover(np.abs(seen.work) + heat, heat, elastic, protocol["start_energy"])
        values = {
            "box": np.arange(count),
            "leg": protocol["leg"],
            "step": bed.boxes["step"],
            "time": bed.boxes["time"],
            "height": height,
            "strain": self.strain,
            "porosity": porosity(protocol["solid_volume"], bulk),
            "solid_fraction": self.spheres / bulk,
            "stress_low": seen.stress_low,
            "stress_high": seen.stress_high,
            "stress_xx": seen.stress[:, 0, 0],
            "stress_yy": seen.stress[:, 1, 1],
            "stress_zz": seen.stress[:, 2, 2],
            "coordination": seen.coordination,
            "broken_bond_fraction": seen.broken_bond_fraction,
            **self.breaking.columns(bed),
            "fracture_energy": protocol["fracture_energy"],
            "piece_energy": protocol["piece_energy"],
            "work": seen.work,
            "elastic": elastic,
            "kinetic": seen.kinetic,
            **heats(seen, protocol["bond_heat"]),
            "doubled": protocol["doubled"],
            "overlap_ratio": seen.overlap_ratio,
            "inertial_number": rate * self.diameter * np.sqrt(self.density / pressure),
            "kinetic_over_elastic": seen.kinetic / np.maximum(seen.elastic, 1e-300),
            "energy_error": (seen.work - stored - heat) / turned,
            **fabric_of(bed),
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
        protocol["share"] = np.maximum(protocol["share"], by_leg)
        return float(protocol["share"].mean())

    def state(self) -> PressState:
        frames = {name: np.concatenate([part[name] for part in self.frames]) for name in FRAME}
        self.frames = [frames]
        protocol, damage, branches = (
            {name: column.copy() for name, column in table.items()}
            for table in (self.protocol, self.breaking.damage, self.clock.branches)
        )
        return PressState(self.clock.ensemble(), protocol, frames, damage, branches, dict(self.clock.lasting))
