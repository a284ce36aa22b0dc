"""The nip in plane strain by finite elements (L2): a strip at rest, a roll that travels over it.

The verifier of the fast nip and its picture of the inside. Half a web: z = 0 is the foil, the middle of a web coated on
both sides. The roll stands at its gap, comes over the strip's edge and rolls on; after some two contact lengths the
nip is steady in the frame of the roll. Units: mm, MPa, N per mm of width.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix
from scipy.sparse.linalg import splu

from kalander.continuum.fem_contact import Contact, Surface, Touch, touch
from kalander.continuum.fem_law import LawTable, MaterialState, Response, start_state
from kalander.continuum.fem_web import Strip, balance
from kalander.kernels.errors import NumericalError

__all__ = ["FemNip", "FemSnapshot", "Membrane", "RollOver", "StepFailure", "roll_over"]


class StepFailure(NumericalError):
    """Newton failed in a step however short; `snapshot` is the last balanced state, `step` where it failed."""

    def __init__(self, message: str, snapshot: "FemSnapshot", step: int) -> None:
        super().__init__(message)
        self.snapshot, self.step = snapshot, step


@dataclass(frozen=True)
class Membrane:
    """The foil of this half as a line without bending stiffness: stiffness and yield force per width [N/mm]."""

    stiffness: float = math.inf
    yield_force: float = math.inf


@dataclass(frozen=True)
class RollOver:
    """How the roll passes: start, end [mm] of its axis; step [mm] of travel, at most about an element.

    friction; penalty [MPa/mm], ramp [mm]; slip_share of the step: scale that smooths friction; window [mm]: behind and
    before the axis the web is computed, beyond it is kept as it is (None: all of it); stride: steps taken at once where
    the nip may be steady; most_iterations of Newton a step; shortest part of a step to which it is cut.
    """

    start: float
    end: float
    step: float
    friction: float = 0.2
    penalty: float = 1e7
    ramp: float = 1e-5
    slip_share: float = 1e-2
    window: tuple[float, float] | None = None
    stride: float = 1.0
    most_iterations: int = 40
    shortest: float = 1.0 / 256.0


@dataclass(frozen=True, eq=False)
class FemSnapshot:
    """A balanced state: centre of the roll [mm], displacement [mm], shape (n, 2), material, foil's plastic stretch,
    Kirchhoff stress [MPa], shape (elements, points, 4), pressure [MPa] on the surface nodes, line_load [N/mm] of one
    roll, drag: tangential force over the normal one. steps, iterations, cuts, searches: what it has taken so far."""

    centre: float
    displacement: np.ndarray
    state: MaterialState
    foil_plastic: np.ndarray
    stress: np.ndarray
    pressure: np.ndarray
    line_load: float
    drag: float
    steps: int = 0
    iterations: int = 0
    cuts: int = 0
    searches: int = 0


@dataclass(eq=False)
class FemNip:
    """Strip, law of each layer (roll side last in the mesh), roll and foil of one pass."""

    strip: Strip
    law: LawTable
    surface: Surface
    membrane: Membrane = field(default_factory=Membrane)


def roll_over(nip: FemNip, path: RollOver) -> Iterator[FemSnapshot]:
    """Balanced states along the way of the roll. Raises StepFailure when a step does not converge however short."""
    strip = nip.strip
    shape = strip.weight.shape
    here = FemSnapshot(
        path.start, np.zeros_like(strip.nodes), start_state(shape), np.zeros(strip.columns - 1),
        np.zeros((*shape, 4)), np.zeros(strip.columns), 0.0, 0.0,
    )  # fmt: skip
    share = 1.0
    while here.centre < path.end - 1e-9:
        stride = path.stride if _may_be_steady(nip, here) else 1.0
        travel = min(share * stride * path.step, path.end - here.centre)
        try:
            here = _step(nip, path, here, travel)
        except NumericalError as failure:
            share *= 0.5
            here = replace(here, cuts=here.cuts + 1)
            if share < path.shortest:
                where = here.centre
                message = f"finite elements stopped in step {here.steps + 1} with the roll at {where:.4g} mm: {failure}"
                raise StepFailure(message, here, here.steps + 1) from failure
            continue
        share = min(1.0, 2.0 * share)
        yield here


@dataclass(frozen=True, eq=False)
class _Active:
    """The part of the strip that is computed: a run of columns of nodes, its free degrees of freedom and elements."""

    columns: slice
    elements: slice
    free: np.ndarray


def _active(nip: FemNip, path: RollOver, centre: float) -> _Active:
    strip = nip.strip
    first, last = 0, strip.columns - 1
    if path.window is not None:
        x = strip.nodes[strip.top, 0]
        first = max(int(np.searchsorted(x, centre - path.window[0])), 0)
        last = min(int(np.searchsorted(x, centre + path.window[1])), strip.columns - 1)
    rigid = math.isinf(nip.membrane.stiffness)
    nodes = np.arange(first * strip.rows, (last + 1) * strip.rows)
    free = np.ones((len(strip.nodes), 2), bool)
    bottom = np.arange(strip.columns) * strip.rows
    free[bottom, 1] = False
    if rigid:
        free[bottom, 0] = False
    else:
        free[bottom[-1], 0] = False  # the web ahead of the nip stands still
    inside = np.zeros(len(strip.nodes), bool)
    inside[nodes] = True
    # an edge of the window within the strip is held where it is
    if first > 0:
        inside[first * strip.rows : (first + 1) * strip.rows] = False
    if last < strip.columns - 1:
        inside[last * strip.rows : (last + 1) * strip.rows] = False
    free &= inside[:, None]
    per_column = strip.rows - 1
    return _Active(slice(first, last + 1), slice(first * per_column, last * per_column), np.flatnonzero(free.ravel()))


@dataclass(frozen=True, eq=False)
class _Evaluated:
    """Imbalance [N/mm] on every degree of freedom, its derivative, and what came with it."""

    residual: np.ndarray
    matrix: csc_matrix
    answer: Response
    touched: Touch
    plastic: np.ndarray


class _StepSystem:
    """Residual and matrix of one step."""

    def __init__(self, nip: FemNip, path: RollOver, before: FemSnapshot, travel: float) -> None:
        self.nip, self.path, self.before, self.travel = nip, path, before, travel
        self.centre = before.centre + travel
        self.active = _active(nip, path, self.centre)
        self.contact = Contact(path.penalty, path.ramp, path.friction, path.slip_share * travel)
        which = self.active.elements
        self.state = MaterialState(before.state.inverse_metric[which], before.state.volume[which])
        self.top = nip.strip.top[self.active.columns]

    def evaluate(self, displacement: np.ndarray) -> _Evaluated:
        """Raises NumericalError where the material cannot follow."""
        strip = self.nip.strip
        residual, matrix, answer = balance(strip, self.nip.law, displacement, self.state, self.active.elements)
        top = self.top
        touched = touch(
            self.contact, self.nip.surface, strip.nodes[top] + displacement[top],
            displacement[top] - self.before.displacement[top], strip.tributary[self.active.columns], self.centre,
            self.travel,
        )  # fmt: skip
        dofs = 2 * top[:, None] + np.arange(2)
        np.subtract.at(residual, dofs.ravel(), touched.force.ravel())
        rows = np.repeat(dofs, 2, axis=1).ravel()
        columns = np.tile(dofs, (1, 2)).ravel()
        matrix = matrix + coo_matrix((touched.stiffness.ravel(), (rows, columns)), shape=matrix.shape).tocsc()
        plastic = self.before.foil_plastic
        if not math.isinf(self.nip.membrane.stiffness):
            plastic, foil_matrix = self._foil(displacement, residual)
            matrix = matrix + foil_matrix
        return _Evaluated(residual, matrix, answer, touched, plastic)

    def _foil(self, displacement: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, csc_matrix]:
        """Add the membrane's forces; axial stretch, elastic and ideally plastic."""
        strip, membrane = self.nip.strip, self.nip.membrane
        bottom = np.arange(strip.columns) * strip.rows
        length = np.diff(strip.nodes[bottom, 0])
        stretch = np.diff(displacement[bottom, 0]) / length
        trial = membrane.stiffness * (stretch - self.before.foil_plastic)
        force = np.clip(trial, -membrane.yield_force, membrane.yield_force)
        flowing = force != trial
        # a yielding membrane keeps a thousandth of its stiffness in the matrix, which then stays regular
        stiffness = membrane.stiffness * np.where(flowing, 1e-3, 1.0) / length
        dofs = 2 * bottom
        np.subtract.at(residual, dofs[:-1], force)
        np.add.at(residual, dofs[1:], force)
        rows = np.concatenate([dofs[:-1], dofs[1:], dofs[:-1], dofs[1:]])
        columns = np.concatenate([dofs[:-1], dofs[1:], dofs[1:], dofs[:-1]])
        values = np.concatenate([stiffness, stiffness, -stiffness, -stiffness])
        size = 2 * len(strip.nodes)
        return stretch - force / membrane.stiffness, coo_matrix((values, (rows, columns)), shape=(size, size)).tocsc()


def _step(nip: FemNip, path: RollOver, before: FemSnapshot, travel: float) -> FemSnapshot:
    """A step from the best start at hand: as if the nip were steady, once it may be, then from where the web is."""
    system = _StepSystem(nip, path, before, travel)
    if _may_be_steady(nip, before):
        try:
            return _balanced(system, _moved_along(system))
        except NumericalError:
            pass
    return _balanced(system, before.displacement)


def _may_be_steady(nip: FemNip, snapshot: FemSnapshot) -> bool:
    """The strip's end has left the nip."""
    return bool(snapshot.pressure[0] == 0.0 and snapshot.centre > nip.strip.nodes[0, 0])


def _moved_along(system: _StepSystem) -> np.ndarray:
    """The displacement moved along with the roll, the next state of a steady nip; the strip's end keeps its own."""
    strip, before = system.nip.strip, system.before.displacement
    x = strip.nodes[:: strip.rows, 0]
    columns = before.reshape(strip.columns, strip.rows, 2)
    source = np.interp(x - system.travel, x, np.arange(strip.columns))
    low = np.minimum(source.astype(int), strip.columns - 2)
    share = (source - low)[:, None, None]
    moved = ((1.0 - share) * columns[low] + share * columns[low + 1]).reshape(-1, 2)
    guess = before.copy()
    free = system.active.free
    guess.ravel()[free] = moved.ravel()[free]
    return guess


def _balanced(system: _StepSystem, displacement: np.ndarray) -> FemSnapshot:
    """Newton with the consistent tangent and, from the second iteration, backtracking on the imbalance."""
    path = system.path
    free, searches = system.active.free, system.before.searches
    now = system.evaluate(displacement)
    for iteration in range(path.most_iterations):
        error = float(np.linalg.norm(now.residual[free]))
        if error <= 1e-8 * (1e-6 + float(np.linalg.norm(now.touched.force))):
            return _snapshot(system, displacement, now, iteration, searches)
        # nodes are numbered through the thickness, so the matrix is a narrow band as it stands
        factors = splu(now.matrix[free][:, free].tocsc(), permc_spec="NATURAL", diag_pivot_thresh=0.01)
        change = factors.solve(-now.residual[free])
        if not np.all(np.isfinite(change)):
            raise NumericalError("the stiffness matrix is singular")
        displacement, now, cuts = _search(system, displacement, change, error, first=iteration == 0)
        searches += cuts
    raise NumericalError(f"{path.most_iterations} Newton iterations left an imbalance of {error:.3g} N/mm")


def _search(
    system: _StepSystem, displacement: np.ndarray, change: np.ndarray, error: float, *, first: bool
) -> tuple[np.ndarray, _Evaluated, int]:
    """The first of the step, its half, its quarter ... that lowers the imbalance; the shortest if none does."""
    free, share = system.active.free, 1.0
    for cuts in range(7):
        trial = displacement.copy()
        trial.ravel()[free] += share * change
        try:
            now = system.evaluate(trial)
        except NumericalError:
            if cuts == 6:
                raise
        else:
            if first or cuts == 6 or float(np.linalg.norm(now.residual[free])) < error:
                break
        share *= 0.5
    return trial, now, cuts


def _snapshot(
    system: _StepSystem, displacement: np.ndarray, now: _Evaluated, iterations: int, searches: int
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
