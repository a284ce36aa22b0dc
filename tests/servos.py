"""Packings led to stresses by both servos, many boxes at once: by how much each leg passed its stress and ended off it.

One batch holds boxes of different friction and restitution. What is measured is read from the stresses at the looks;
whether the run said so itself (`passed` of its rows) stands beside it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import another_machine
import numpy as np
from beds import RIGID, lay, loose_packing

from kalander.dem.bodies.material import Material, contact_constants
from kalander.dem.bodies.state import Ensemble
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.record import new_load
from kalander.dem.loading.run import lead
from kalander.dem.loading.servo import PROMISE
from kalander.kernels.columns import Table

__all__ = ["Kept", "Spec", "hold_between_platens", "hold_in_cells", "packings_kept", "specs"]

SOLID = Material(modulus=14_000.0, poisson=0.3, density=4.7e-3)
TIME_STEP = 4e-4  # µs, a fifth of the Rayleigh time of the smallest sphere
PLATEN_SPEED = 1.0  # µm/µs, what a case without plate_speed gets
INERTIAL_NUMBER = 1e-3  # of the rates in lattices, as in a case without strain_rate
PATIENCE = 400_000


@dataclass(frozen=True)
class Spec:
    """A packing and its contacts; machine: which start a rounding away (tests/another_machine.py)."""

    seed: int
    count: int
    friction: float
    restitution: float
    spread: float
    machine: int = 0


@dataclass(frozen=True)
class Kept:
    """A leg to a stress: seen beyond it and off it at its end (shares of the largest stress held), and as said."""

    spec: Spec
    leg: int
    stress: tuple[float, ...]
    passed: float
    end_error: float
    said: float
    steps: int
    ended: bool

    @property
    def kept(self) -> bool:
        """Whether the leg ended, and as promised."""
        return self.ended and self.passed <= PROMISE and self.end_error <= PROMISE


def specs(
    number: int,
    *,
    counts: Sequence[int] = (40, 80, 160),
    frictions: Sequence[float] = (0.0, 0.5),
    restitutions: Sequence[float] = (0.2, 0.5, 0.9),
    spreads: Sequence[float] = (0.3, 0.0),
    seed: int = 1,
) -> list[Spec]:
    """So many packings that go through all combinations in turn, each with its own seed and rounding."""
    cases = list(product(spreads, counts, frictions, restitutions))
    return [
        Spec(seed + k, count, friction, restitution, spread, machine=seed + k)
        for k in range(number)
        for spread, count, friction, restitution in [cases[k % len(cases)]]
    ]


def ensemble(boxes: Sequence[Spec], *, periodic: bool) -> Ensemble:
    """One box for each, at rest."""
    packings = []
    for spec in boxes:
        loose = loose_packing(spec.count, seed=spec.seed, spread=spec.spread)
        moved = another_machine.perturbed(loose.position, loose.radius, spec.machine)
        packings.append(replace(loose, position=moved, periodic=periodic))
    laid = lay(packings, (SOLID, RIGID), dt=TIME_STEP)
    contact = [contact_constants([replace(SOLID, restitution=s.restitution), RIGID], s.friction) for s in boxes]
    return replace(laid, lawbook={**laid.lawbook, "contact": np.array(contact)})


def hold_between_platens(
    boxes: Sequence[Spec], stresses: Sequence[float], *, precision: str = "f64", schedule: str = "boxes"
) -> list[Kept]:
    """Lead boxes between platens to stresses [MPa], one after the other."""
    path = Path(
        tuple(Leg(PLATEN_SPEED, stress, {}) for stress in stresses), TIME_STEP, every_steps=None, patience=PATIENCE
    )
    start = new_load(ensemble(boxes, periodic=False))
    moments = lead(start, path, materials=[SOLID], precision=precision, schedule=schedule)
    state = _last(moments)
    samples, found = state.looks, []
    both = 0.5 * (samples["stress_low"] + samples["stress_high"])[:, None]
    for box, spec in enumerate(boxes):
        before = np.zeros(1)
        for leg, stress in enumerate(stresses):
            mine = (samples["box"] == box) & (samples["leg"] == leg)
            if mine.any():
                found.append(_kept(spec, leg, np.array([stress]), before, both[mine], state, box))
                before = both[mine][-1]
    return found


def hold_in_cells(
    boxes: Sequence[Spec], stresses: Sequence[tuple[float, float, float]], *, precision: str = "f64",
    schedule: str = "boxes",
) -> list[Kept]:  # fmt: skip
    """Lead boxes that are periodic in all directions to stresses [MPa] of x, y, z, one after the other."""
    rates = [INERTIAL_NUMBER / 2.0 * np.sqrt(max(stress) / SOLID.density) for stress in stresses]
    legs = tuple(Leg(rate=(rate, rate, rate, 0.0), stress=stress) for rate, stress in zip(rates, stresses, strict=True))
    plan = Path(legs, TIME_STEP, look_every=40, every_steps=None, max_steps=2_000_000, patience=PATIENCE)
    start = new_load(ensemble(boxes, periodic=True))
    moments = lead(start, plan, materials=[SOLID], precision=precision, schedule=schedule)
    seen: dict[tuple[int, int], list[np.ndarray]] = {}
    on_leg = np.zeros(len(boxes), int)

    def looks():
        nonlocal on_leg
        while True:
            try:
                moment = next(moments)
            except StopIteration as stop:
                return stop.value
            for box, leg in enumerate(on_leg.tolist()):
                if leg < len(legs):
                    seen.setdefault((box, leg), []).append(moment.stress[box, :3].copy())
            on_leg = moment.leg.copy()
            yield moment

    state, found = _last(looks()), []
    for box, spec in enumerate(boxes):
        before = np.zeros(3)
        for leg, stress in enumerate(stresses):
            if (box, leg) in seen:
                on = np.array(seen[box, leg])
                found.append(_kept(spec, leg, np.array(stress), before, on, state, box))
                before = on[-1]
    return found


def _last(moments):
    while True:
        try:
            next(moments)
        except StopIteration as stop:
            return stop.value


def _kept(
    spec: Spec, leg: int, target: np.ndarray, before: np.ndarray, seen: np.ndarray, state, box: int
) -> Kept:  # fmt: skip
    """What a leg did, from the stresses seen on it (look, axis) and its last row; written without dem.servo.

    An axis that is to stay counts to both sides; in smooth beds, which hardly bear a deviator, the stress that it loses
    while they give way is no passing (the run says it all the same).
    """
    goal, way = target.max(), target - before
    off = (seen - target) / goal
    beyond = np.where(np.abs(way) > 0.02 * goal, np.sign(way) * off, np.abs(off) if spec.friction else off).max()
    rows: Table = state.frames
    mine = np.flatnonzero((rows["box"] == box) & (rows["leg"] == leg))
    ended = bool(state.progress["leg"][box] > leg)
    before_it = np.flatnonzero((rows["box"] == box) & (rows["leg"] < leg))
    first = rows["step"][before_it[-1]] if len(before_it) else 0
    return Kept(
        spec, leg, tuple(target.tolist()), max(0.0, float(beyond)), float(np.abs(off[-1]).max()),
        float(rows["passed"][mine[-1]]), int(rows["step"][mine[-1]] - first), ended,
    )  # fmt: skip


def packings_kept(legs: Iterable[Kept]) -> tuple[int, int]:
    """How many packings kept all their stresses, and how many there are."""
    by_packing: dict[Spec, bool] = {}
    for leg in legs:
        by_packing[leg.spec] = by_packing.get(leg.spec, True) and leg.kept
    return sum(by_packing.values()), len(by_packing)
