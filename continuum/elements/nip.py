"""The nip in plane strain by finite elements (L2): a strip at rest, a roll that travels over it.

The verifier of the fast nip and its picture of the inside. Half a web: z = 0 is the foil, the middle of a web coated on
both sides. The roll stands at its gap, comes over the strip's edge and rolls on; after some two contact lengths the
nip is steady in the frame of the roll. Units: mm, MPa, N per mm of width.

The states are at places fixed in advance, each solved to rounding from the state before it, so a pass is the same
on every machine: plasticity and friction remember their increments, and a step cut elsewhere would be another path.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from kalander.continuum.elements.law import MaterialState, start_state
from kalander.continuum.elements.step import Evaluated, FemNip, FemSnapshot, RollOver, StepSystem
from kalander.kernels.errors import NumericalError

__all__ = ["StepFailure", "roll_over"]


class StepFailure(NumericalError):
    """Newton failed in a step however short; `snapshot` is the last balanced state, `step` where it failed."""

    def __init__(self, message: str, snapshot: "FemSnapshot", step: int) -> None:
        super().__init__(message)
        self.snapshot, self.step = snapshot, step


def roll_over(nip: FemNip, path: RollOver) -> Iterator[FemSnapshot]:
    """Balanced states along the way of the roll. Raises StepFailure when a step does not converge however short."""
    strip = nip.strip
    shape = strip.weight.shape
    here = FemSnapshot(
        path.start, np.zeros_like(strip.nodes), start_state(shape), np.zeros(strip.columns - 1),
        np.zeros((*shape, 4)), np.zeros(strip.columns), 0.0, 0.0,
    )  # fmt: skip
    whole = max(1, math.ceil((path.end - path.start) / path.step - 1e-6))  # counted back from the end
    done = 0
    while done < whole - 1:
        done = min(done + (path.stride if _may_be_steady(nip, here) else 1), whole - 1)
        here = _step(nip, path, here, path.end - (whole - done) * path.step)
        yield here
    for part in range(1, path.parts + 1):
        here = _step(nip, path, here, path.end - (1.0 - part / path.parts) * path.step)
        yield here


def _step(nip: FemNip, path: RollOver, before: FemSnapshot, centre: float) -> FemSnapshot:
    """The state with the axis at a centre [mm], from the best start at hand.

    Where Newton fails, solutions of shorter steps from the same state lend their displacement as a start, nothing else:
    the whole step is solved in the end, so increments are the same however its solution was found.
    """
    travel, part, reached, cuts = centre - before.centre, 1.0, 0.0, 0
    found: FemSnapshot | None = None
    while reached < 1.0:
        aim = min(reached + part, 1.0)
        system = StepSystem(nip, path, before, centre if aim == 1.0 else before.centre + aim * travel)
        starts = [] if found is not None else [_moved_along(system)]
        try:
            found = _first_balanced(system, [*starts, (found or before).displacement])
        except NumericalError as failure:
            part, cuts = 0.5 * part, cuts + 1
            if part < path.shortest:
                kept, where = replace(before, cuts=before.cuts + cuts), before.centre
                message = f"finite elements stopped in step {kept.steps + 1} with the roll at {where:.4g} mm: {failure}"
                raise StepFailure(message, kept, kept.steps + 1) from failure
        else:
            reached = aim
    assert found is not None
    return replace(found, cuts=before.cuts + cuts)


def _first_balanced(system: StepSystem, starts: list[np.ndarray]) -> FemSnapshot:
    """Raises NumericalError of the last start when Newton fails from all of them; the others are given up early."""
    depth, most = system.depth(system.before.pressure), system.path.most_iterations
    for start in starts[:-1]:
        try:
            return _balanced(system, system.pressed(start, depth), min(most, 15))
        except NumericalError:
            pass
    return _balanced(system, system.pressed(starts[-1], depth), most)


def _may_be_steady(nip: FemNip, snapshot: FemSnapshot) -> bool:
    """The strip's end has left the nip."""
    return bool(snapshot.pressure[0] == 0.0 and snapshot.centre > nip.strip.nodes[0, 0])


def _moved_along(system: StepSystem) -> np.ndarray:
    """The displacement moved along with the roll, the next state of a steady nip; the strip's end keeps its own, and
    the web well behind the roll goes with the foil that is stretched before it."""
    strip, before = system.nip.strip, system.before
    touching = np.flatnonzero(before.pressure)
    if touching.size == 0:
        return before.displacement
    x = strip.nodes[:: strip.rows, 0]
    columns = before.displacement.reshape(strip.columns, strip.rows, 2)
    source = np.interp(x - system.travel, x, np.arange(strip.columns))
    low = np.minimum(source.astype(int), strip.columns - 2)
    share = (source - low)[:, None, None]
    moved = (1.0 - share) * columns[low] + share * columns[low + 1]
    thickness = float(strip.nodes[strip.top, 1].max())
    behind = int(np.searchsorted(x, x[touching[0]] - 4.0 * thickness))
    moved[:behind] = columns[:behind]
    moved[:behind, :, 0] += moved[behind, 0, 0] - columns[behind, 0, 0]
    guess = before.displacement.copy()
    free = system.active.free
    guess.ravel()[free] = moved.ravel()[free]
    return guess


def _balanced(system: StepSystem, displacement: np.ndarray, most_iterations: int) -> FemSnapshot:
    """Newton with the consistent tangent and, from the second iteration, backtracking on the imbalance."""
    free, searches, rounding = system.active.free, system.before.searches, system.rounding()
    now = system.evaluate(displacement)
    for iteration in range(most_iterations):
        error = float(np.linalg.norm(now.residual[free]))
        if error <= 1e-10 * float(np.linalg.norm(now.touched.force)) + rounding:
            return _snapshot(system, displacement, now, iteration, searches)
        system.guess = now.answer.returned
        change = system.change(now)
        limit = math.inf if iteration == 0 else error
        displacement, now, cuts = _search(system, displacement, change, limit, system.depth(now.touched.pressure))
        searches += cuts
    raise NumericalError(f"{most_iterations} Newton iterations left an imbalance of {error:.3g} N/mm")


def _search(
    system: StepSystem, displacement: np.ndarray, change: np.ndarray, limit: float, depth: float
) -> tuple[np.ndarray, Evaluated, int]:
    """The first of the step, its half, its quarter ... that leaves less imbalance than a limit [N/mm]; else the
    shortest."""
    for cuts in range(7):
        trial = system.moved(displacement, 0.5**cuts * change, depth)
        try:
            now = system.evaluate(trial)
        except NumericalError:
            if cuts == 6:
                raise
        else:
            if cuts == 6 or float(np.linalg.norm(now.residual[system.active.free])) < limit:
                break
    return trial, now, cuts


def _snapshot(
    system: StepSystem, displacement: np.ndarray, now: Evaluated, iterations: int, searches: int
) -> FemSnapshot:
    before, which = system.before, system.active.elements
    answer, touched = now.answer, now.touched
    metric, volume = before.state.inverse_metric.copy(), before.state.volume.copy()
    metric[which], volume[which] = answer.state.inverse_metric, answer.state.volume
    stress = before.stress.copy()
    stress[which] = answer.kirchhoff
    pressure = np.zeros(system.nip.strip.columns)
    pressure[system.active.columns] = touched.pressure
    load = -float(touched.force[:, 1].sum())
    return FemSnapshot(
        centre=system.centre,
        displacement=displacement,
        state=MaterialState(metric, volume),
        foil_plastic=now.plastic,
        stress=stress,
        pressure=pressure,
        line_load=load,
        drag=float(np.max(np.abs(touched.drag * (touched.pressure > 0.0)))),
        steps=before.steps + 1,
        iterations=before.iterations + iterations,
        cuts=before.cuts,
        searches=searches,
    )
