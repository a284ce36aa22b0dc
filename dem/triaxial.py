"""Triaxial paths: boxes periodic in all directions are led along strain rates and stresses, one leg after the other.

For probes of a packing: isotropic compression, oedometric and triaxial paths, simple shear. The driver is a generator
like dem.compaction; it yields after every control interval.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np

from kalander.dem.bed import Bed
from kalander.dem.compaction import CONTACT_SHARE
from kalander.dem.observe import observe, solid_volume
from kalander.dem.state import Ensemble
from kalander.kernels.columns import Column, Table

__all__ = ["PROBE", "PROBE_PROGRESS", "Probe", "ProbeLeg", "ProbeMoment", "ProbeState", "new_probe", "probe"]

FADING = 0.8  # of the slopes of stress over strain, from one interval to the next
SETTLED = 0.005  # of the largest stress held: the promise is 1 %
SETTLED_INTERVALS = 10
CLOSER = 0.15  # part of a stress error that an interval may remove: the bed answers later than it is asked

PROBE_PROGRESS = {
    "leg": Column("i4", ("box",), "1", "leg, from 0; their number when all are done"),
    "leg_step": Column("i8", ("box",), "1", "steps done when the leg began"),
    "leg_strain": Column("f8", ("box", 4), "1", "strains when the leg began"),
    "strain": Column("f8", ("box", 4), "1", "logarithmic strains of x, y, z (compression positive), shear of z in x"),
    "last_strain": Column("f8", ("box", 4), "1", "strains at the last interval"),
    "last_stress": Column("f8", ("box", 3), "MPa", "stresses at the last interval"),
    "stiffness": Column("f8", ("box", 3), "MPa", "running estimate of stress over strain of each axis"),
    "settled": Column("i4", ("box",), "1", "intervals in a row that met the stresses held"),
    "start_energy": Column("f8", ("box",), "pJ", "elastic and kinetic energy at the start"),
}

PROBE = {
    "box": Column("i4", ("row",), "1", "box"),
    "leg": Column("i4", ("row",), "1", "leg"),
    "step": Column("i8", ("row",), "1", "steps done"),
    "time": Column("f8", ("row",), "us", "time passed"),
    "strain": Column("f8", ("row", 4), "1", "logarithmic strains of x, y, z (compression positive), shear of z in x"),
    "stress": Column("f8", ("row", 3, 3), "MPa", "Love–Weber, compression positive"),
    "solid_fraction": Column("f8", ("row",), "1", "spheres alone"),
    "coordination": Column("f8", ("row",), "1", "contacts of a particle"),
    "overlap_ratio": Column("f8", ("row",), "1", "largest overlap over the smaller radius"),
    "kinetic_over_elastic": Column("f8", ("row",), "1", "kinetic over elastic energy"),
    "energy_error": Column("f8", ("row",), "1", "work - kinetic - elastic - heat, over the work"),
}


@dataclass(frozen=True)
class ProbeLeg:
    """A part of a path.

    strain_rate [1/µs]: logarithmic rates of x, y, z, compression positive, and of shear of z in x; an axis whose stress
    is given moves at most at its rate, in either direction. stress [MPa]: of x, y, z to approach and hold, compression
    positive; NaN where the rate is given. until: change of the largest strain in this leg, or mean stress [MPa]
    reached, or steps; without any a leg ends when its stresses have settled.
    """

    strain_rate: tuple[float, float, float, float]
    stress: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    until_strain: float | None = None
    until_pressure: float | None = None
    until_steps: int | None = None


@dataclass(frozen=True)
class Probe:
    """How boxes are led.

    legs: one after the other; time_step [µs] at most; contact_share: time step at most this share of 1/ω of the
    stiffest contact; control_steps between looks; row_strain between rows; most_steps of a leg, after which it ends.
    """

    legs: tuple[ProbeLeg, ...]
    time_step: float
    contact_share: float = CONTACT_SHARE
    control_steps: int = 40
    row_strain: float = 1e-3
    most_steps: int = 2_000_000


@dataclass(frozen=True)
class ProbeState:
    """All that the next step depends on, and the rows so far."""

    ensemble: Ensemble
    progress: Table
    rows: Table


@dataclass(frozen=True)
class ProbeMoment:
    """Between two control intervals. snapshot: valid until the generator goes on."""

    steps: int
    leg: np.ndarray
    stress: np.ndarray  # [MPa], shape (box, 3)
    snapshot: Callable[[], ProbeState]


def new_probe(ensemble: Ensemble) -> ProbeState:
    """State before the first step. Raises ValueError for boxes between platens."""
    if not (ensemble.boxes["depth"] > 0).all():
        raise ValueError("a probe deforms boxes that are periodic in all directions: Packing(…, periodic=True)")
    count = ensemble.box_count
    sizes = {name: tuple(int(d) for d in column.dims[1:]) for name, column in PROBE_PROGRESS.items()}
    kinds = {"i4": np.int32, "i8": np.int64, "f8": np.float64}
    progress = {name: np.zeros((count, *sizes[name]), kinds[c.kind]) for name, c in PROBE_PROGRESS.items()}
    rows = {
        name: np.zeros((0, *(int(d) for d in column.dims[1:])), kinds[column.kind]) for name, column in PROBE.items()
    }
    return ProbeState(ensemble, progress, rows)


def probe(
    state: ProbeState, settings: Probe, *, precision: str, schedule: str
) -> Generator[ProbeMoment, None, ProbeState]:
    """Lead all boxes along the path; yields after every control interval, returns the final state.

    Raises NumericalError where the step is unstable.
    """
    run = _Run(state, settings, Bed(state.ensemble, precision=precision, schedule=schedule))
    while not run.finished:
        run.interval()
        yield ProbeMoment(
            int(run.bed.boxes["step"].sum()), run.progress["leg"].copy(), run.progress["last_stress"].copy(), run.state
        )
    return run.state()


class _Run:
    """The loop's variables; each method is one verb of it."""

    def __init__(self, state: ProbeState, settings: Probe, bed: Bed) -> None:
        self.settings, self.bed = settings, bed
        self.progress = {name: column.copy() for name, column in state.progress.items()}
        self.rows = [state.rows]
        self.solid = solid_volume(bed)
        self.modulus = bed.lawbook["contact"][:, :-1, :-1, 0].max(axis=(1, 2))
        legs = settings.legs
        self.rate = np.array([leg.strain_rate for leg in legs])
        self.target = np.array([leg.stress for leg in legs])
        self.seen = observe(bed)
        if len(state.rows["box"]) == 0:
            self.progress["start_energy"] = self.seen.elastic + self.seen.kinetic
            self.progress["last_stress"] = self._axes()
            self._record(np.ones(len(self.solid), bool))

    @property
    def finished(self) -> bool:
        return bool((self.progress["leg"] == len(self.settings.legs)).all())

    def _axes(self) -> np.ndarray:
        return np.diagonal(self.seen.stress, axis1=1, axis2=2).copy()

    def interval(self) -> None:
        """Set the rates, advance, look."""
        progress, boxes = self.progress, self.bed.boxes
        active = progress["leg"] < len(self.settings.legs)
        frequency = np.maximum(self.bed.contact_frequency(), 1e-30)
        boxes["dt"] = np.minimum(self.settings.time_step, self.settings.contact_share / frequency)
        rates = np.where(active[:, None], self._rates(active), 0.0)
        boxes["strain_rate"] = np.column_stack([-rates[:, :3], rates[:, 3]])
        before = np.column_stack([boxes["width"], boxes["depth"]])
        time = boxes["dt"] * self.settings.control_steps
        self.bed.advance(np.where(active, self.settings.control_steps, 0))
        after = np.column_stack([boxes["width"], boxes["depth"]])
        progress["last_strain"] = progress["strain"].copy()
        progress["strain"][:, :3] -= np.log(after / before)
        progress["strain"][:, 3] += np.where(active, rates[:, 3] * time * before[:, 2] / after[:, 2], 0.0)
        self._look(active)

    def _rates(self, active: np.ndarray) -> np.ndarray:
        """Rates of each box [1/µs], compression positive: those of the leg, or what brings its stresses nearer."""
        progress = self.progress
        leg = np.minimum(progress["leg"], len(self.settings.legs) - 1)
        rate, target = self.rate[leg].copy(), self.target[leg]
        held = np.isfinite(target)
        time = (self.bed.boxes["dt"] * self.settings.control_steps)[:, None]
        # at least as stiff as Hertzian beds are, (E*)^(2/3) P^(1/3): else a loose bed would be thrown at its stress
        carried = np.maximum(np.abs(progress["last_stress"]), 0.25 * np.where(held, np.abs(target), 0.0))
        stiffness = np.maximum(progress["stiffness"], self.modulus[:, None] ** (2 / 3) * np.cbrt(carried))
        asked = CLOSER * (np.where(held, target, 0.0) - progress["last_stress"]) / (stiffness * time)
        limit = np.abs(rate[:, :3])
        rate[:, :3] = np.where(held, np.clip(asked, -limit, limit), rate[:, :3])
        return rate

    def _look(self, active: np.ndarray) -> None:
        """Learn the stiffness, take the rows that are due, end the legs that have arrived."""
        progress, settings = self.progress, self.settings
        self.seen = observe(self.bed)
        axes = self._axes()
        step = progress["strain"] - progress["last_strain"]
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = (axes - progress["last_stress"]) / step[:, :3]
        learned = np.isfinite(slope) & (slope > 0) & (np.abs(step[:, :3]) > 1e-9) & active[:, None]
        fresh = FADING * progress["stiffness"] + (1.0 - FADING) * np.where(learned, slope, 0.0)
        progress["stiffness"] = np.where(learned, np.maximum(fresh, 0.5 * slope), progress["stiffness"])
        progress["last_stress"] = axes
        ended = active & self._ended(axes)
        rows = np.abs(progress["strain"] - self._row_strain()).max(axis=1) >= settings.row_strain
        if (active & (rows | ended)).any():
            self._record(active & (rows | ended))
        progress["leg"] = (progress["leg"] + ended).astype(np.int32)
        progress["settled"] = np.where(ended, 0, progress["settled"]).astype(np.int32)
        progress["leg_step"] = np.where(ended, self.bed.boxes["step"], progress["leg_step"])
        progress["leg_strain"] = np.where(ended[:, None], progress["strain"], progress["leg_strain"])

    def _row_strain(self) -> np.ndarray:
        """Strains of the last row of each box."""
        rows = self._joined()
        last = np.zeros((len(self.solid), 4))
        last[rows["box"]] = rows["strain"]  # later rows win
        return last

    def _ended(self, axes: np.ndarray) -> np.ndarray:
        progress = self.progress
        ended = np.zeros(len(axes), bool)
        for box in np.flatnonzero(progress["leg"] < len(self.settings.legs)).tolist():
            leg = self.settings.legs[progress["leg"][box]]
            target = np.array(leg.stress)
            held = np.isfinite(target)
            met = np.abs(axes[box] - target)[held] <= SETTLED * np.abs(target[held]).max(initial=1e-12)
            progress["settled"][box] = progress["settled"][box] + 1 if held.any() and met.all() else 0
            steps = self.bed.boxes["step"][box] - progress["leg_step"][box]
            strain = np.abs(progress["strain"][box] - progress["leg_strain"][box]).max()
            named = (leg.until_strain, leg.until_pressure, leg.until_steps)
            ended[box] = (
                steps >= self.settings.most_steps
                or (leg.until_strain is not None and strain >= leg.until_strain)
                or (leg.until_pressure is not None and axes[box].mean() >= leg.until_pressure)
                or (leg.until_steps is not None and steps >= leg.until_steps)
                or (named == (None, None, None) and progress["settled"][box] >= SETTLED_INTERVALS)
            )
        return ended

    def _record(self, due: np.ndarray) -> None:
        """Add a row for every box that is due."""
        progress, boxes, seen = self.progress, self.bed.boxes, self.seen
        stored = seen.kinetic + seen.elastic - progress["start_energy"]
        values = {
            "box": np.arange(len(due), dtype=np.int32),
            "leg": progress["leg"],
            "step": boxes["step"],
            "time": boxes["time"],
            "strain": progress["strain"],
            "stress": seen.stress,
            "solid_fraction": self.solid / (boxes["width"].prod(axis=1) * boxes["depth"]),
            "coordination": seen.coordination,
            "overlap_ratio": seen.overlap_ratio,
            "kinetic_over_elastic": seen.kinetic / np.maximum(seen.elastic, 1e-300),
            "energy_error": (seen.work - stored - seen.heat) / np.maximum(np.abs(seen.work) + seen.heat, 1e-300),
        }
        self.rows.append({name: np.asarray(values[name])[due] for name in PROBE})

    def _joined(self) -> Table:
        rows = {name: np.concatenate([part[name] for part in self.rows]) for name in PROBE}
        self.rows = [rows]
        return rows

    def state(self) -> ProbeState:
        return ProbeState(self.bed.ensemble(), {k: v.copy() for k, v in self.progress.items()}, self._joined())
