"""Crowns and temperature profiles that make the load even, by bounded least squares about the exact response.

What is sought are coefficients of columns: crowns that close the gap, temperatures that make the rolls grow and the
coating yield. The balance across the width gives how the load answers to each (one linear solve, exact). Gauss-Newton
with scipy's lsq_linear then minimises the variance of the load over the coating, over all situations asked for, and
linear programmes its spread.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from scipy.optimize import linprog, lsq_linear

from kalander.continuum.rolls.width import Bent, Control, Face, Machine, bend

__all__ = ["Columns", "Design", "Situation", "best", "response"]

ROUNDS = 12
ENOUGH = 1e-7  # of a relative deviation, by which a round must improve

SIZE_COST = 1e-5  # of a kelvin, mean of all zones, in the spread


@dataclass(frozen=True, eq=False)
class Columns:
    """What may be chosen: per unit of each coefficient, closing [mm] of the gap and warming [K] of the coating, both
    of shape (n, m); low and high bounds, shape (m,)."""

    closing: np.ndarray
    warming: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of_crown(cls, shapes: np.ndarray) -> "Columns":
        """Unit crowns [mm/mm], shape (n, m), of either sign."""
        free = np.full(shapes.shape[1], np.inf)
        return cls(shapes, np.zeros(shapes.shape), -free, free)

    @classmethod
    def of_zones(
        cls, profiles: np.ndarray, growth: float, softens: float, low: np.ndarray, high: np.ndarray
    ) -> "Columns":
        """Zones: profiles [K/K], shape (n, m); growth [mm/K] of a diameter, 0 to leave it out; softens: share of the
        roll's warmth that the coating takes on."""
        return cls(growth * profiles, softens * profiles, low, high)

    def with_(self, other: "Columns") -> "Columns":
        """Both together."""
        return Columns(
            np.hstack([self.closing, other.closing]), np.hstack([self.warming, other.warming]),
            np.append(self.low, other.low), np.append(self.high, other.high),
        )  # fmt: skip

    def on(self, face: Face, coefficients: np.ndarray) -> Face:
        """The face with what was chosen."""
        warm = face.temperature + self.warming @ coefficients
        return replace(face.opened(-self.closing @ coefficients), temperature=warm)


@dataclass(frozen=True, eq=False)
class Situation:
    """A face and what is held; weight in the sum of squares."""

    face: Face
    control: Control
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Design:
    """Coefficients, shape (m,); the loaded rolls of each situation; rounds of linearisation."""

    coefficients: np.ndarray
    bent: list[Bent]
    rounds: int


def response(machine: Machine, bent: Bent, control: Control, columns: Columns) -> np.ndarray:
    """d load / d coefficients [N/mm], shape (n, m): the linearised balance, exactly."""
    face, size = bent.face, bent.face.y.size
    opening = 2.0 * machine.total * face.weight
    by_warmth = bent.by_kelvin[:, None] * columns.warming
    jacobian = np.zeros((size + 1, size + 1))
    jacobian[:size, :size] = np.eye(size) - opening * bent.by_gap
    jacobian[:size, size] = -1.0
    right = np.zeros((size + 1, columns.closing.shape[1]))
    right[:size] = opening @ by_warmth - columns.closing
    if control.line_load is not None:
        jacobian[size, :size] = face.weight * bent.by_gap
        right[size] = -face.weight @ by_warmth
    else:
        jacobian[size, size // 2] = 1.0
    moved = lu_solve(lu_factor(jacobian), right)[:size]
    return bent.by_gap[:, None] * moved + by_warmth


def best(machine: Machine, situations: Sequence[Situation], columns: Columns, *, least: str = "spread") -> Design:
    """The coefficients within their bounds that leave the least of the load's "variance", or of its "spread".

    The variance is minimised first; where the spread is asked for, linear programmes about the exact response go on
    from there, and the result is never worse in its spread. Raises NumericalError.
    """
    found = np.clip(np.zeros(columns.low.size), columns.low, columns.high)
    state = _State(found, [bend(machine, columns.on(one.face, found), one.control) for one in situations])
    rounds = 0
    for measure, step_of in ((_square, _least_squares), (_spread, _least_spread)):
        if measure is _spread and least == "variance":
            break
        for _ in range(ROUNDS):
            rounds += 1
            better = _improved(machine, situations, columns, state, measure, step_of)
            if better is None:
                break
            gained = measure(situations, state.bent) - measure(situations, better.bent)
            state = better
            if gained < ENOUGH:
                break
    return Design(state.coefficients, state.bent, rounds)


@dataclass(frozen=True, eq=False)
class _State:
    coefficients: np.ndarray
    bent: list[Bent]


Measure = Callable[[Sequence[Situation], Sequence[Bent]], float]
StepOf = Callable[[Sequence[Situation], "_State", list[np.ndarray], np.ndarray, np.ndarray], np.ndarray]


def _improved(
    machine: Machine,
    situations: Sequence[Situation],
    columns: Columns,
    state: _State,
    measure: Measure,
    step_of: StepOf,
) -> _State | None:
    """One step, shortened until it makes the measure smaller; None where none does."""
    answers = [response(machine, bent, one.control, columns) for one, bent in zip(situations, state.bent, strict=True)]
    step = step_of(situations, state, answers, columns.low - state.coefficients, columns.high - state.coefficients)
    before = measure(situations, state.bent)
    for halving in range(6):
        trial = np.clip(state.coefficients + step * 0.5**halving, columns.low, columns.high)
        bent = [bend(machine, columns.on(one.face, trial), one.control) for one in situations]
        if measure(situations, bent) < before:
            return _State(trial, bent)
    return None


def _least_squares(
    situations: Sequence[Situation], state: _State, answers: list[np.ndarray], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    parts = [_deviations(*each) for each in zip(situations, state.bent, answers, strict=True)]
    slopes = np.vstack([part[2][:, None] * part[1] for part in parts])
    deviations = np.concatenate([part[2] * part[0] for part in parts])
    # columns of a kelvin and of a millimetre beside each other: scaled to like size
    scale = 1.0 / np.maximum(np.linalg.norm(slopes, axis=0), 1e-30)
    found = lsq_linear(slopes * scale, -deviations, (low / scale, np.maximum(high, low + 1e-12) / scale), tol=1e-13)
    return found.x * scale


def _least_spread(
    situations: Sequence[Situation], state: _State, answers: list[np.ndarray], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """A linear programme. Unknowns: the step, the sizes of bounded coefficients, and for each situation the lowest and
    the highest deviation, whose distance is the cost; sizes cost a little, since warming all zones alike is free."""
    count, cases = low.size, len(situations)
    parts = [_deviations(*each) for each in zip(situations, state.bent, answers, strict=True)]
    scale = 1.0 / np.maximum(np.linalg.norm(np.vstack([part[1] for part in parts]), axis=0), 1e-30)
    bounded = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    first = count + bounded.size
    rows, right = [], []
    for index, (deviation, slopes, _) in enumerate(parts):
        for sign, column in ((1.0, first + 2 * index + 1), (-1.0, first + 2 * index)):
            block = np.zeros((deviation.size, first + 2 * cases))
            block[:, :count] = sign * slopes * scale
            block[:, column] = -sign
            rows.append(block)
            right.append(-sign * deviation)
    for sign in (1.0, -1.0):
        block = np.zeros((bounded.size, first + 2 * cases))
        block[np.arange(bounded.size), bounded] = sign * scale[bounded]
        block[:, count:first] = -np.eye(bounded.size)
        rows.append(block)
        right.append(-sign * state.coefficients[bounded])
    cost = np.zeros(first + 2 * cases)
    cost[count:first] = SIZE_COST / max(bounded.size, 1)
    for index, one in enumerate(situations):
        cost[first + 2 * index : first + 2 * index + 2] = -one.weight, one.weight
    limits = [*zip(low / scale, high / scale, strict=True), *[(None, None)] * (bounded.size + 2 * cases)]
    found = linprog(cost, np.vstack(rows), np.concatenate(right), bounds=limits)
    return found.x[:count] * scale if found.x is not None else np.zeros(count)


def _deviations(one: Situation, bent: Bent, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Relative deviations of the slices' loads from their mean, shape (k,), their derivatives by the coefficients, and
    the roots of their shares in the variance."""
    share, load, coated = _loads(bent)
    mean = float(share @ load)
    moved = answers[coated] / bent.face.coated[coated][:, None]
    slopes = moved / mean - np.outer(load, share @ moved) / mean**2
    return load / mean - 1.0, slopes, np.sqrt(one.weight * share)


def _loads(bent: Bent) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of the coated width, slices' loads [N/mm], and which stations are coated."""
    coated = bent.face.coated > 0.0
    lengths = bent.face.weight[coated] * bent.face.coated[coated]
    return lengths / lengths.sum(), bent.load[coated] / bent.face.coated[coated], coated


def _square(situations: Sequence[Situation], bent: Sequence[Bent]) -> float:
    """Root of the weighted sum of variances."""
    total = 0.0
    for one, state in zip(situations, bent, strict=True):
        share, load, _ = _loads(state)
        total += one.weight * float(share @ (load / (share @ load) - 1.0) ** 2)
    return math.sqrt(total)


def _spread(situations: Sequence[Situation], bent: Sequence[Bent]) -> float:
    """Weighted sum of the spreads."""
    return sum(one.weight * state.load_spread for one, state in zip(situations, bent, strict=True))
