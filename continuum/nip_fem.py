"""The nip in plane strain by finite elements (L2): a strip at rest, a roll that travels over it.

The verifier of the fast nip and its picture of the inside. Half a web: z = 0 is the foil, the middle of a web coated on
both sides. The roll stands at its gap, comes over the strip's edge and rolls on; after some two contact lengths the
nip is steady in the frame of the roll. Units: mm, MPa, N per mm of width.

The states are at places fixed in advance, each solved to rounding from the state before it, so a pass is the same
on every machine: plasticity and friction remember their increments, and a step cut elsewhere would be another path.
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
    """How the roll passes: start, end [mm] of its axis; step [mm] of travel, an element where nodes are to meet the
    roll alike in every step; the last step is taken in `parts`, so that its states see all places between two nodes.

    friction; penalty [MPa/mm], ramp [mm]; slip_share of the travel: scale that smooths friction; window [mm]: behind
    and before the axis the web is computed, beyond it is kept as it is (None: all of it); stride: steps taken at once
    where the nip may be steady; most_iterations of Newton a step; shortest part of a step that lends a start.
    """

    start: float
    end: float
    step: float
    parts: int = 4
    friction: float = 0.2
    penalty: float = 1e7
    ramp: float = 1e-5
    slip_share: float = 1e-2
    window: tuple[float, float] | None = None
    stride: int = 1
    most_iterations: int = 40
    shortest: float = 1.0 / 256.0


@dataclass(frozen=True, eq=False)
class FemSnapshot:
    """A balanced state: centre of the roll [mm], displacement [mm], shape (n, 2), material, foil's plastic stretch,
    Kirchhoff stress [MPa], shape (elements, points, 4), pressure [MPa] on the surface nodes, line_load [N/mm] of one
    roll, drag: tangential force over the normal one. steps, iterations, cuts, searches: what it has taken so far; cuts:
    shorter steps tried for a start."""

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
    whole = max(1, math.ceil((path.end - path.start) / path.step - 1e-6))  # counted back from the end
    done = 0
    while done < whole - 1:
        done = min(done + (path.stride if _may_be_steady(nip, here) else 1), whole - 1)
        here = _step(nip, path, here, path.end - (whole - done) * path.step)
        yield here
    for part in range(1, path.parts + 1):
        here = _step(nip, path, here, path.end - (1.0 - part / path.parts) * path.step)
        yield here


@dataclass(frozen=True, eq=False)
class _Active:
    """The part of the strip that is computed: a run of columns of nodes, its free degrees of freedom and elements.

    leader: for every degree of freedom the one that it follows, mostly itself.
    """

    columns: slice
    elements: slice
    free: np.ndarray
    leader: np.ndarray


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
    # the strip's end stays upright: a free edge is squeezed out and softens, which no nip far behind it feels
    leader = np.arange(free.size)
    leader[0 : 2 * strip.rows : 2] = 0
    free[1 : strip.rows, 0] = False
    if rigid:
        free[bottom, 0] = False
    else:
        free[-strip.rows :, 0] = False  # the web ahead of the nip stands still
    inside = np.zeros(len(strip.nodes), bool)
    inside[nodes] = True
    # an edge of the window within the strip is held where it is
    if first > 0:
        inside[first * strip.rows : (first + 1) * strip.rows] = False
    if last < strip.columns - 1:
        inside[last * strip.rows : (last + 1) * strip.rows] = False
    free &= inside[:, None]
    per_column = strip.rows - 1
    elements = slice(first * per_column, last * per_column)
    return _Active(slice(first, last + 1), elements, np.flatnonzero(free.ravel()), leader)


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

    def __init__(self, nip: FemNip, path: RollOver, before: FemSnapshot, centre: float) -> None:
        self.nip, self.path, self.before, self.centre = nip, path, before, centre
        self.travel = travel = centre - before.centre
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
            leader = self.active.leader
            follow = csc_matrix((np.ones(leader.size), (np.arange(leader.size), leader)), shape=matrix.shape)
            residual, matrix = follow.T @ residual, (follow.T @ matrix @ follow).tocsc()
        return _Evaluated(residual, matrix, answer, touched, plastic)

    def moved(self, displacement: np.ndarray, change: np.ndarray, depth: float) -> np.ndarray:
        """The displacement changed on the free degrees of freedom, nowhere deeper in the roll than a depth [mm]."""
        full = np.zeros(displacement.size)
        full[self.active.free] = change
        return self.pressed(displacement + full[self.active.leader].reshape(displacement.shape), depth)

    def pressed(self, displacement: np.ndarray, depth: float) -> np.ndarray:
        """Columns that stand deeper [mm] in the roll are pressed flatter, evenly through the thickness.

        The penalty of a node that is a micrometre in the roll is a thousand times the pressure, and says nothing.
        """
        strip, columns = self.nip.strip, self.active.columns
        place = (strip.nodes + displacement).reshape(strip.columns, strip.rows, 2)[columns]
        x, top = place[:, -1, 0], place[:, -1, 1]
        height, _, _ = self.nip.surface.height(x - self.centre)
        flatter = np.minimum((height + depth) / top - 1.0, 0.0)
        change = np.zeros_like(displacement)
        change.reshape(strip.columns, strip.rows, 2)[columns, :, 1] = flatter[:, None] * place[..., 1]
        result = displacement.copy()
        result.ravel()[self.active.free] += change.ravel()[self.active.free]
        return result

    def depth(self, pressure: np.ndarray) -> float:
        """Depth [mm] to which a start or an iterate may go into the roll: that of twice the largest pressure."""
        return 2.0 * float(pressure.max()) / self.path.penalty + self.path.ramp

    def rounding(self) -> float:
        """Imbalance [N/mm] that rounding of the nodes' places makes under the penalty."""
        strip = self.nip.strip
        places = strip.nodes[self.top, 1] * strip.tributary[self.active.columns]
        return 4.0 * float(np.finfo(float).eps) * self.path.penalty * float(np.linalg.norm(places))

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


def _step(nip: FemNip, path: RollOver, before: FemSnapshot, centre: float) -> FemSnapshot:
    """The state with the axis at a centre [mm], from the best start at hand.

    Where Newton fails, solutions of shorter steps from the same state lend their displacement as a start, nothing else:
    the whole step is solved in the end, so increments are the same however its solution was found.
    """
    travel, part, reached, cuts = centre - before.centre, 1.0, 0.0, 0
    found: FemSnapshot | None = None
    while reached < 1.0:
        aim = min(reached + part, 1.0)
        system = _StepSystem(nip, path, before, centre if aim == 1.0 else before.centre + aim * travel)
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


def _first_balanced(system: _StepSystem, starts: list[np.ndarray]) -> FemSnapshot:
    """Raises NumericalError of the last start when Newton fails from all of them."""
    depth = system.depth(system.before.pressure)
    for start in starts[:-1]:
        try:
            return _balanced(system, system.pressed(start, depth))
        except NumericalError:
            pass
    return _balanced(system, system.pressed(starts[-1], depth))


def _may_be_steady(nip: FemNip, snapshot: FemSnapshot) -> bool:
    """The strip's end has left the nip."""
    return bool(snapshot.pressure[0] == 0.0 and snapshot.centre > nip.strip.nodes[0, 0])


def _moved_along(system: _StepSystem) -> np.ndarray:
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


def _balanced(system: _StepSystem, displacement: np.ndarray) -> FemSnapshot:
    """Newton with the consistent tangent and, from the second iteration, backtracking on the imbalance."""
    path = system.path
    free, searches, rounding = system.active.free, system.before.searches, system.rounding()
    now = system.evaluate(displacement)
    for iteration in range(path.most_iterations):
        error = float(np.linalg.norm(now.residual[free]))
        if error <= 1e-10 * float(np.linalg.norm(now.touched.force)) + rounding:
            return _snapshot(system, displacement, now, iteration, searches)
        # nodes are numbered through the thickness, so the matrix is a narrow band as it stands
        try:
            factors = splu(now.matrix[free][:, free].tocsc(), permc_spec="NATURAL", diag_pivot_thresh=0.01)
        except RuntimeError as singular:
            raise NumericalError("the stiffness matrix is singular") from singular
        change = factors.solve(-now.residual[free])
        if not np.all(np.isfinite(change)):
            raise NumericalError("the stiffness matrix is singular")
        limit = math.inf if iteration == 0 else error
        displacement, now, cuts = _search(system, displacement, change, limit, system.depth(now.touched.pressure))
        searches += cuts
    raise NumericalError(f"{path.most_iterations} Newton iterations left an imbalance of {error:.3g} N/mm")


def _search(
    system: _StepSystem, displacement: np.ndarray, change: np.ndarray, limit: float, depth: float
) -> tuple[np.ndarray, _Evaluated, int]:
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
