"""One step of the finite elements' nip: what is computed, its imbalance and stiffness, where the web may stand.

Units: mm, MPa, N per mm of width.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.linalg.lapack import dgbsv

from kalander.continuum.elements.contact import Contact, Surface, Touch, touch
from kalander.continuum.elements.law import LawTable, MaterialState, Response
from kalander.continuum.elements.web import Strip, balance
from kalander.kernels.errors import NumericalError

__all__ = ["Evaluated", "FemNip", "FemSnapshot", "Membrane", "RollOver", "StepSystem"]


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
class Evaluated:
    """Imbalance [N/mm] on every degree of freedom, its derivative by elements, shape (m, 8, 8), and what came with it.

    foil_stiffness [N/mm]: of the links of the foil, shape (links,); empty where it is rigid.
    """

    residual: np.ndarray
    matrices: np.ndarray
    foil_stiffness: np.ndarray
    answer: Response
    touched: Touch
    plastic: np.ndarray


class StepSystem:
    """Residual and matrix of one step."""

    def __init__(self, nip: FemNip, path: RollOver, before: FemSnapshot, centre: float) -> None:
        self.nip, self.path, self.before, self.centre = nip, path, before, centre
        self.travel = travel = centre - before.centre
        self.active = _active(nip, path, self.centre)
        self.contact = Contact(path.penalty, path.ramp, path.friction, path.slip_share * travel)
        which = self.active.elements
        self.state = MaterialState(before.state.inverse_metric[which], before.state.volume[which])
        self.top = nip.strip.top[self.active.columns]
        self.top_dofs = 2 * self.top[:, None] + np.arange(2)
        self.foil_dofs = 2 * nip.strip.rows * np.arange(nip.strip.columns)
        self.guess: np.ndarray | None = None  # returns of the last iterate, for those of trials close by

    def evaluate(self, displacement: np.ndarray) -> Evaluated:
        """Raises NumericalError where the material cannot follow."""
        strip = self.nip.strip
        residual, matrices, answer = balance(
            strip, self.nip.law, displacement, self.state, self.active.elements, self.guess
        )
        top = self.top
        touched = touch(
            self.contact, self.nip.surface, strip.nodes[top] + displacement[top],
            displacement[top] - self.before.displacement[top], strip.tributary[self.active.columns], self.centre,
            self.travel,
        )  # fmt: skip
        residual[self.top_dofs] -= touched.force
        plastic, foil_stiffness = self.before.foil_plastic, np.zeros(0)
        if not math.isinf(self.nip.membrane.stiffness):
            plastic, foil_stiffness = self._foil(displacement, residual)
            residual = np.bincount(self.active.leader, residual)
        return Evaluated(residual, matrices, foil_stiffness, answer, touched, plastic)

    def change(self, now: Evaluated) -> np.ndarray:
        """Change of the free degrees of freedom [mm] by Newton's step. Raises NumericalError where there is none.

        Nodes are numbered through the thickness, so that the matrix is a narrow band as it stands.
        """
        place, below, size = self.band
        values = [now.matrices.ravel(), now.touched.stiffness.ravel()]
        if now.foil_stiffness.size:
            values += [now.foil_stiffness, now.foil_stiffness, -now.foil_stiffness, -now.foil_stiffness]
        height = 3 * below + 1
        # entries of held degrees of freedom fall behind the band
        band = np.bincount(place, np.concatenate(values), size * height + 1)[:-1].reshape(size, height)
        _, _, change, failed = dgbsv(below, below, band.T, -now.residual[self.active.free], overwrite_ab=True)
        if failed or not np.all(np.isfinite(change)):
            raise NumericalError("the stiffness matrix is singular")
        return change

    @cached_property
    def band(self) -> tuple[np.ndarray, int, int]:
        """Place of every contribution in LAPACK's band by columns, diagonals below the main one, free unknowns."""
        strip, active = self.nip.strip, self.active
        number = np.full(active.leader.size, -1)
        number[active.free] = np.arange(active.free.size)
        number = number[active.leader]
        pairs = []
        for dofs in (strip.dofs(active.elements), self.top_dofs):
            many = dofs.shape[1]
            pairs.append((np.repeat(dofs, many, axis=1).ravel(), np.tile(dofs, (1, many)).ravel()))
        if not math.isinf(self.nip.membrane.stiffness):
            low, high = self.foil_dofs[:-1], self.foil_dofs[1:]
            pairs += [(low, low), (high, high), (low, high), (high, low)]
        row, column = (number[np.concatenate([pair[side] for pair in pairs])] for side in (0, 1))
        inside = (row >= 0) & (column >= 0)
        below = int(np.abs(row - column)[inside].max(initial=0))
        size, height = active.free.size, 3 * below + 1
        return np.where(inside, column * height + 2 * below + row - column, size * height), below, size

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

    def _foil(self, displacement: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Add the membrane's forces; plastic stretch and stiffness of its links; axial, elastic and ideally plastic."""
        strip, membrane = self.nip.strip, self.nip.membrane
        bottom = np.arange(strip.columns) * strip.rows
        length = np.diff(strip.nodes[bottom, 0])
        stretch = np.diff(displacement[bottom, 0]) / length
        trial = membrane.stiffness * (stretch - self.before.foil_plastic)
        force = np.clip(trial, -membrane.yield_force, membrane.yield_force)
        flowing = force != trial
        # a yielding membrane keeps a thousandth of its stiffness in the matrix, which then stays regular
        stiffness = membrane.stiffness * np.where(flowing, 1e-3, 1.0) / length
        residual[self.foil_dofs[:-1]] -= force
        residual[self.foil_dofs[1:]] += force
        return stretch - force / membrane.stiffness, stiffness
