"""The one driver of load: boxes between platens, or cells, are led along a path, all of them in one batch.

The driver is a generator; it yields after every look at the stresses and offers the state to go on from. What to save,
when to stop and what to show is decided by whoever loops over it.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kalander.dem.ageing.bond_clock import BondClock
from kalander.dem.bodies.clumps import body_volumes, double
from kalander.dem.bodies.material import Material
from kalander.dem.engine.bed import Bed
from kalander.dem.fracture.breaking import Breaking
from kalander.dem.fracture.replacement import Replacement
from kalander.dem.loading.asked import VOLUME, ZZ
from kalander.dem.loading.cell import Cell, by_axis
from kalander.dem.loading.control import Control
from kalander.dem.loading.path import Path, boundaries
from kalander.dem.loading.platens import Platens
from kalander.dem.loading.record import FRAME, LOOK, LoadState
from kalander.dem.measure.fabric import FABRIC, fabric_of
from kalander.dem.measure.ledger import heats, turnover
from kalander.dem.measure.observe import Observation, observe
from kalander.kernels.columns import Table
from kalander.kernels.device.steps import finish
from kalander.kernels.laws.book import law_of
from kalander.kernels.quantities import porosity

__all__ = ["ARRIVED", "STOPPED", "Moment", "last_state", "lead"]

ARRIVED, STOPPED = 1, 2
SLOW_START = 3.0  # material time of a rest passes as this power of its share: what relaxes fast is followed too
GROWTH_EVERY = 4  # looks between two growths of pieces


@dataclass(frozen=True)
class Moment:
    """Between two looks. snapshot: valid until the generator goes on."""

    fraction: float
    steps: int
    leg: np.ndarray  # shape (box,)
    done: np.ndarray  # 0 on the way, 1 at the end, 2 stopped before it; shape (box,)
    stress: np.ndarray  # xx, yy, zz, xz [MPa], shape (box, 4); between platens zz is the mean of both
    height: np.ndarray  # length in z [µm], shape (box,)
    turned: bool  # a leg has ended
    snapshot: Callable[[], LoadState]

    @property
    def boxes_done(self) -> int:
        return int((self.done > 0).sum())


def lead(
    state: LoadState, path: Path, *, materials: list[Material], precision: str, schedule: str
) -> Generator[Moment, None, LoadState]:
    """Lead all boxes along the path; yields after every look, returns the final state.

    materials: by row, for strengths and densities. Raises NumericalError where the step is unstable, ValueError where
    the path is not for such boxes.
    """
    bed = Bed(state.ensemble, precision=precision, schedule=schedule)
    state = _without_motion(state)  # the bed holds it: a large one would stay beside its lists and first frame
    run = _Run(state, path, materials, bed)
    del state
    while not (run.progress["done"] > 0).all():
        turned = run.interval()
        progress, bed = run.progress, run.control.bed
        yield Moment(
            run.fraction(), int(bed.boxes["step"].sum()), progress["leg"].copy(), progress["done"].copy(),
            progress["last_stress"].copy(), run.control.height.copy(), turned, run.state,
        )  # fmt: skip
    return run.state()


def last_state(moments: Generator[Any, None, LoadState]) -> LoadState:
    """The final state of a driver, whose moments nobody looks at."""
    return finish(moments)


def _without_motion(state: LoadState) -> LoadState:
    """The same with no more of its bodies than what a run looks up of them at its beginning."""
    ensemble = state.ensemble
    bodies = {name: ensemble.bodies[name] for name in ("id", "box", "material", "radius", "swelling", "clump")}
    return replace(state, ensemble=replace(ensemble, bodies=bodies, contacts={}))


class _Kept:
    """All that an interval changes before its look, as it was: it can be done again."""

    def __init__(self, run: "_Run") -> None:
        self.bed, self.clock = run.control.bed.kept(), run.clock.kept()
        self.progress = {name: column.copy() for name, column in run.progress.items()}

    def restore(self, run: "_Run") -> None:
        bed = run.control.bed
        run.control.bed = Bed(self.bed.ensemble(), precision=bed.precision, schedule=bed.schedule, heir_of=bed)
        run.progress.update({name: column.copy() for name, column in self.progress.items()})
        run.clock = self.clock.kept()
        run.clock.bed = run.control.bed


class _Run:
    """The loop's variables; each method is one verb of it."""

    def __init__(self, state: LoadState, path: Path, materials: list[Material], bed: Bed) -> None:
        self.path, self.frames, self.looks = path, [state.frames], [state.looks]
        self.progress = {name: column.copy() for name, column in state.progress.items()}
        self.breaking = Breaking(state.damage, materials, path.fracture)
        if self.breaking.replaces and not law_of(bed.law).supports.pieces:
            raise ValueError(f'law "{bed.law}" knows no pieces: particles whose radii grow are judged, not replaced')
        self.on_new_legs = True  # whose temperature is to be brought to the bonds
        kind = Cell if boundaries(bed.boxes)[ZZ] == "periodic" else Platens
        self.control: Control = kind(bed, path, self.progress)
        self.clock = BondClock(
            bed, path.relaxation, temperature=self.progress["temperature"], branches=state.branches,
            reform=path.reform, lasting=state.lasting, join_every=path.join_every,
        )  # fmt: skip
        if len(state.frames["box"]) == 0:
            self._begin(state)

    def _begin(self, state: LoadState) -> None:
        """Strengths are drawn, contacts found, and the first frame taken."""
        control, progress, bed = self.control, self.progress, self.control.bed
        self.breaking.begin(state.ensemble.bodies)
        if bed.clump_count:  # members stand for equal shares of their clump
            bodies, clumps = state.ensemble.bodies, double(state.ensemble.clumps)
            self.breaking.damage["bulk"] = body_volumes(bodies["radius"].astype(float), bodies["clump"], clumps)
        bed.find_contacts()
        seen, everyone = observe(bed), np.ones(len(progress["leg"]), bool)
        progress["doubled"] = bed.doubled_contacts()
        progress["start_energy"] = seen.elastic + seen.kinetic
        stress = by_axis(seen.stress)
        if not control.cell:
            stress = np.zeros_like(stress)
            stress[:, ZZ] = seen.pressure
        progress["last_stress"], progress["mean_stress"] = stress, stress[:, :VOLUME].copy()
        progress["leg_value"] = control.values()
        control.begin_legs(everyone)
        self._add_looks(everyone, seen.stress_low, seen.stress_high)
        self._record(everyone)
        if control.asked.quasi_static.any():
            bed.drop_forces()  # a packing is in balance but for the 1e-3 of a radius to which it was made

    # --- verbs ----------------------------------------------------------------------------------------------------

    def interval(self) -> bool:
        """Set the boxes in motion, advance to the next look, frame or end of a leg, look; whether a leg has ended."""
        control, active = self.control, self.progress["done"] == 0
        if self.on_new_legs:
            self._set_temperature(active)
        control.set_time_step()
        motion = control.motion(active)
        if control.asked.held.any():
            motion = self._advance_within(active, motion)
        else:
            self._advance(active, motion)
        return self._look(active, motion)

    def _advance_within(self, active: np.ndarray, motion: np.ndarray) -> np.ndarray:
        """Advance, again from the same state where a stress was passed, and note by how much; motion as it was done."""
        control, kept = self.control, _Kept(self)
        tries = control.tries(active)
        while True:
            self._advance(active, motion)
            beyond, stress = control.beyond(active), self.progress["last_stress"][:, :VOLUME]
            again = tries.another(motion[:, :VOLUME], stress, control.asked.target, beyond)
            if again is None:
                self.progress["passed"] = np.maximum(self.progress["passed"], beyond.max(axis=1))
                return motion
            motion = np.column_stack([again, motion[:, VOLUME:]])
            kept.restore(self)

    def _advance(self, active: np.ndarray, motion: np.ndarray) -> None:
        """To the next look, frame or end of a leg, and learn what the bed shows."""
        control, progress, bed = self.control, self.progress, self.control.bed
        control.put(motion)
        dt, before = bed.boxes["dt"], bed.boxes["time"]
        steps, length = control.steps(active, motion)
        if control.asked.endless.any():
            progress["effort"] = progress["effort"] + np.where(control.slowed(active, motion), steps, 0)
        bed.boxes["dt"] = length
        bed.advance(steps)
        bed.boxes["dt"] = dt
        passed = control.passed_time(steps, length, before)
        self._pass_time(steps, motion, passed)
        control.learn(active, motion, length, passed)
        control.seen = None

    def _set_temperature(self, active: np.ndarray) -> None:
        """The binder of every box at the temperature of its leg."""
        wanted = self.control.asked.temperature
        self.progress["temperature"] = np.where(active & np.isfinite(wanted), wanted, self.progress["temperature"])
        self.clock.bring(self.progress["temperature"])
        self.on_new_legs = False

    def _pass_time(self, steps: np.ndarray, motion: np.ndarray, passed: np.ndarray) -> None:
        """Bring the bonds what the material clock went on by while the inertial one went on by `passed` [µs]."""
        control, asked, progress = self.control, self.control.asked, self.progress
        time = control.material_time(motion, passed)
        rests = np.isfinite(asked.material_time) & (steps > 0)
        if rests.any():
            done = (control.bed.boxes["step"] - progress["leg_step"]).astype(float)
            shares = np.column_stack([done - steps, done]) / asked.steps[:, None]
            time = np.where(rests, asked.material_time * np.diff(shares**SLOW_START, axis=1)[:, 0], time)
        self.clock.tick(time, passed)
        control.bed = self.clock.bed
        progress["material_time"] = progress["material_time"] + time
        self._take_heat()

    def _take_heat(self) -> None:
        self.progress["bond_heat"] = self.progress["bond_heat"] + self.clock.heat
        self.clock.heat[:] = 0.0

    def _look(self, active: np.ndarray, motion: np.ndarray) -> bool:
        """Take the frames that are due, end the legs that have arrived, replace what breaks; has a leg ended?"""
        control, progress, path, boxes = self.control, self.progress, self.path, self.control.bed.boxes
        progress["doubled"] = np.maximum(progress["doubled"], control.bed.doubled_contacts())
        if isinstance(control, Platens):
            self._add_looks(active, control.low, control.high)
        done = self.breaking.replacement(control.bed, active, progress["next_id"])
        breaking = np.zeros(len(active), bool) if done is None else done[0].broken_boxes
        ended = control.ended(active, motion, breaking)
        stopped = active & ~ended & self._at_limit()
        due = np.zeros(len(active), bool)
        if path.every_steps is not None:
            due |= boxes["step"] % path.every_steps == 0
        if path.every_strain is not None:
            due |= np.abs(control.strains - progress["frame_strain"]).max(axis=1) >= path.every_strain
        if (active & (due | ended | stopped)).any():
            self._record(active & (due | ended | stopped), due)
        if (ended | stopped).any():
            self._turn(ended, stopped)
        if done is not None:
            self._replace(*done)
        if self.breaking.replaces:
            self._grow((progress["done"] == 0) & control.closing())
        return bool((ended | stopped).any())

    def _at_limit(self) -> np.ndarray:
        """Boxes that can go no further: too small, too narrow for their spheres, twice as large as at the start, or for
        too many steps on one leg."""
        progress, path, strain = self.progress, self.path, self.control.strain
        long = self.control.bed.boxes["step"] - progress["leg_step"] >= path.max_steps
        long |= progress["effort"] >= path.patience
        narrow = progress["doubled"] > 0 if path.narrow_ends else False
        return long | narrow | (strain >= path.max_strain) | (strain <= -1.0)

    def _turn(self, ended: np.ndarray, stopped: np.ndarray) -> None:
        """The next leg of the boxes whose leg has ended, and the end of those that have none or can go no further."""
        control, progress, boxes = self.control, self.progress, self.control.bed.boxes
        progress["leg"] = (progress["leg"] + ended).astype(np.int32)
        for name in ("settled", "passed", "effort"):
            progress[name][ended] = 0
        progress["leg_step"] = np.where(ended, boxes["step"], progress["leg_step"])
        progress["leg_time"] = np.where(ended, boxes["time"], progress["leg_time"])
        progress["leg_value"] = np.where(ended[:, None], control.values(), progress["leg_value"])
        over = ended & (progress["leg"] == len(self.path.legs))
        progress["done"] = np.select([over, stopped], [ARRIVED, STOPPED], progress["done"]).astype(np.int32)
        control.begin_legs(ended & ~over)
        self.on_new_legs = True
        self.breaking.end_pass(control.bed, over)

    def _replace(self, done: Replacement, damage: Table) -> None:
        """Lay the bed anew with pieces in place of particles."""
        self._lay(done.ensemble, done.broken_boxes)
        self._adopt(done.pieces.source, done.pieces.broken)
        self.breaking.damage = damage
        self.progress["next_id"] = done.next_id
        self.progress["piece_energy"] = self.progress["piece_energy"] + done.energy_after

    def _grow(self, boxes: np.ndarray) -> None:
        """Every few looks pieces grow where there is room."""
        turn = self.control.bed.boxes["step"] // self.path.look_every % GROWTH_EVERY == 0
        grown = self.breaking.growth(self.control.bed, boxes & turn)
        if grown is not None:
            self._lay(*grown)
            count = self.control.bed.body_count
            self._adopt(np.arange(count), np.zeros(count, bool))

    def _lay(self, ensemble: Any, changed: np.ndarray) -> None:
        """Go on with other bodies in the boxes that have changed; the energy that goes is that of fracture."""
        self.control.bed, lost = self.breaking.lay(self.control.bed, ensemble, changed)
        self.control.survey()
        self.progress["fracture_energy"] = self.progress["fracture_energy"] + lost

    def _adopt(self, source: np.ndarray, broken: np.ndarray) -> None:
        """Give the binder's clock the bed that was laid; source (new body,), broken (old body,)."""
        self.clock.adopt(self.control.bed, source, broken)
        self._take_heat()

    # --- what is kept ---------------------------------------------------------------------------------------------

    def _add_looks(self, who: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        """Remember the platens of `who` where waves run between them: not where an inertial number is small."""
        who = who & ~self.control.asked.quasi_static
        if self.control.cell or not who.any():
            return
        values = {
            "box": np.arange(len(who)), "leg": self.progress["leg"], "step": self.control.bed.boxes["step"],
            "stress_low": low, "stress_high": high,
        }  # fmt: skip
        self.looks.append({name: values[name][who].astype(column.dtype) for name, column in self.looks[0].items()})

    def _record(self, due: np.ndarray, regular: np.ndarray | None = None) -> None:
        """Add a frame for every box that is due; regular: those that come at even spaces."""
        progress, control, bed = self.progress, self.control, self.control.bed
        seen, step, count = observe(bed, due), bed.boxes["step"], len(due)
        if regular is not None:
            spacing = step - progress["frame_step"]
            progress["spacing"] = np.where(due & regular, spacing, progress["spacing"])
        if not self.breaking.replaces:
            self.breaking.judge(bed, due)
        bulk, strains = control.size.prod(axis=1), control.strains
        values = {
            "box": np.arange(count), "leg": progress["leg"], "step": step, "time": bed.boxes["time"],
            "window": np.full(count, self.path.every_steps) if self.path.every_steps else progress["spacing"],
            "height": control.height, "strain": control.strain, "strains": strains,
            "porosity": porosity(progress["solid_volume"], bulk), "solid_fraction": control.spheres / bulk,
            "stress_low": seen.stress_low, "stress_high": seen.stress_high, "stress": seen.stress,
            **{f"stress_{axis}{axis}": seen.stress[:, place, place] for place, axis in enumerate("xyz")},
            "coordination": seen.coordination, "broken_bond_fraction": seen.broken_bond_fraction,
            **self.breaking.columns(bed), "overlap_ratio": seen.overlap_ratio,
            **self._energies(seen), "inertial_number": self._inertial_number(seen),
            **{name: progress[name] for name in FRAME.keys() & progress.keys() - {"leg"}},
            **(dict.fromkeys(FABRIC, np.full(count, np.nan)) if control.cell else fabric_of(bed)),
        }  # fmt: skip
        self.frames.append(
            {name: np.asarray(values[name])[due].astype(column.dtype) for name, column in self.frames[0].items()}
        )
        progress["frame_step"] = np.where(due, step, progress["frame_step"])
        progress["frame_strain"] = np.where(due[:, None], strains, progress["frame_strain"])

    def _energies(self, seen: Observation) -> Table:
        """The ledger of a frame, and its gap."""
        progress = self.progress
        elastic, heat = seen.elastic + self.clock.extra(), seen.heat + progress["bond_heat"]
        stored = seen.kinetic + seen.elastic + self.clock.extra() - progress["start_energy"]
        stored = stored + progress["fracture_energy"]
        work = seen.work - progress["work_excess"]
        done = work if self.control.cell else np.abs(work) + heat  # what a released bed has given back is turned over
        return {
            "work": work, "elastic": elastic, "kinetic": seen.kinetic, "heat": seen.heat,
            **heats(seen, progress["bond_heat"]),
            "kinetic_over_elastic": seen.kinetic / np.maximum(seen.elastic, 1e-300),
            "energy_error": (work - stored - heat) / turnover(done, heat, elastic, progress["start_energy"]),
        }  # fmt: skip

    def _inertial_number(self, seen: Observation) -> np.ndarray:
        """ε̇ d √(ρ/P) as a box moves now, at its pressure or the least that counts; shape (box,)."""
        control, boxes = self.control, self.control.bed.boxes
        if control.cell:
            rate, pressure = np.abs(boxes["strain_rate"]).max(axis=1), by_axis(seen.stress)[:, :VOLUME].mean(axis=1)
        else:
            rate = np.abs(np.diff(boxes["platen_velocity"], axis=1)[:, 0]) / control.height
            pressure = seen.pressure
        pressure = np.maximum(np.maximum(pressure, control.asked.least_pressure), 1e-300)
        return rate * control.diameter * np.sqrt(control.density / pressure)

    def fraction(self) -> float:
        """Share of the path done, every leg counting alike."""
        progress = self.progress
        shares = (progress["leg"] + self.control.shares()) / len(self.path.legs)
        progress["share"] = np.maximum(progress["share"], np.where(progress["done"] > 0, 1.0, shares))
        return float(progress["share"].mean())

    def state(self) -> LoadState:
        """The state to go on from."""
        frames, looks = (
            {name: np.concatenate([part[name] for part in parts]) for name in columns}
            for parts, columns in ((self.frames, FRAME), (self.looks, LOOK))
        )
        self.frames, self.looks = [frames], [looks]
        progress, damage, branches = (
            {name: column.copy() for name, column in table.items()}
            for table in (self.progress, self.breaking.damage, self.clock.branches)
        )
        return LoadState(self.clock.ensemble(), progress, frames, looks, damage, branches, dict(self.clock.lasting))
