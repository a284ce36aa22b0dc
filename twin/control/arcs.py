"""Pontryagin's conditions arc by arc: corners of the pressure are unknowns, and bounds are met exactly.

With a cost ρ of the rate v = z', the pressure z is a state with the costate μ, and every optimal history is a row of
arcs: v = ±R where μ = ∓ρ R or beyond, z at a bound where v = μ = 0, and v = -μ / ρ between. The Hamiltonian is strictly
convex in v, so that v is continuous: between a full rate and a bound of the pressure there is always a free arc, z and
μ are continuous everywhere, and a bound of z is met with μ = 0 (Hartl, Sethi & Vickson, SIAM Review 37, 1995, 181). The
lengths of the arcs are unknowns beside e, λ, z, μ; each arc is collocated at four Gauss points an element, of order 8.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

from kalander.twin.control.plant import Layers
from kalander.twin.control.problem import Problem

__all__ = ["FALL", "FREE", "HIGH", "LOW", "PLACE", "RISE", "WEIGHT", "ArcSolution", "Arcs", "collocated"]

FREE, RISE, FALL, LOW, HIGH = range(5)
STAGES = 4
CONVERGED = 1e-10  # of a Newton step over the size of each unknown
MOST_STEPS = 40
LEAST_STEP = 1e-3
SHRUNK = 1e-3  # of the horizon: an arc that is blamed where Newton's method stops
GROWS = 1.5  # of a Newton step over the last: more is too far
VANISHED = 1e-6  # of the horizon: an arc that is not there


def _gauss(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places on [0, 1], matrix and weights of Gauss-Legendre collocation."""
    place, weight = np.polynomial.legendre.leggauss(count)
    place, weight = 0.5 * (place + 1.0), 0.5 * weight
    powers = np.arange(count)
    moments = place[:, None] ** (powers + 1) / (powers + 1)
    return place, moments @ np.linalg.inv(place[:, None] ** powers), weight


PLACE, MATRIX, WEIGHT = _gauss(STAGES)


@dataclass(frozen=True, eq=False)
class Arcs:
    """Arcs in a row: kinds (a,), lengths [s] (a,), nodes as shares of each (a, M + 1), unknowns e, λ, z, μ at nodes
    (a, M + 1, D) and at the Gauss points of elements (a, M, STAGES, D) with D = 2 N + 2, and the multiplier ν."""

    kinds: tuple[int, ...]
    length: np.ndarray
    share: np.ndarray
    node: np.ndarray
    stage: np.ndarray
    multiplier: float

    @property
    def elements(self) -> int:
        return self.stage.shape[1]

    @property
    def begin(self) -> np.ndarray:
        return np.concatenate([[0.0], np.cumsum(self.length)[:-1]])

    def points(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Times (m,), unknowns (D, m) and kinds (m,) at all nodes and Gauss points, in order."""
        times, values, kinds = [], [], []
        width = np.diff(self.share)
        inner = np.concatenate([[0.0], PLACE])
        for arc, kind in enumerate(self.kinds):
            at = self.begin[arc] + self.length[arc] * (self.share[arc, :-1, None] + width[arc, :, None] * inner)
            inside = np.concatenate([self.node[arc, :-1, None], self.stage[arc]], axis=1)
            times.append(np.append(at.ravel(), self.begin[arc] + self.length[arc]))
            values.append(np.vstack([inside.reshape(-1, inside.shape[-1]), self.node[arc, -1]]))
            kinds.append(np.full(len(times[-1]), kind))
        return np.concatenate(times), np.concatenate(values).T, np.concatenate(kinds)


@dataclass(frozen=True, eq=False)
class ArcSolution:
    """What was found, whether Newton's method converged, and an arc that vanished on the way, None if none did."""

    arcs: Arcs
    converged: bool
    vanished: int | None = None


def flow(problem: Problem, kinds: np.ndarray, unknown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rates (D, m) of e, λ, z, μ and their Jacobian (m, D, D), at points of given kinds (m,)."""
    layers: Layers = problem.layers
    n, points = layers.count, unknown.shape[1]
    state, costate, pressure, mu = unknown[:n], unknown[n : 2 * n], unknown[2 * n], unknown[2 * n + 1]
    f, f_e, f_z, f_ee, f_ez, f_zz = layers.slopes(state, pressure)
    free, inside = kinds == FREE, kinds < LOW
    top = np.inf if problem.max_rate is None else problem.max_rate
    rate = np.where(kinds == RISE, top, np.where(kinds == FALL, -top, np.where(free, -mu / problem.rate_weight, 0.0)))
    mu_rate = np.where(inside, -problem.effort_weight * pressure - (costate * f_z).sum(axis=0), 0.0)
    jacobian, own = np.zeros((points, 2 * n + 2, 2 * n + 2)), np.arange(n)
    jacobian[:, own, own], jacobian[:, own, 2 * n] = f_e.T, f_z.T
    jacobian[:, n + own, own], jacobian[:, n + own, n + own] = -(costate * f_ee).T, -f_e.T
    jacobian[:, n + own, 2 * n] = -(costate * f_ez).T
    jacobian[:, 2 * n, 2 * n + 1] = np.where(free, -1.0 / problem.rate_weight, 0.0)
    jacobian[:, 2 * n + 1, own] = np.where(inside, -(costate * f_ez), 0.0).T
    jacobian[:, 2 * n + 1, n + own] = np.where(inside, -f_z, 0.0).T
    jacobian[:, 2 * n + 1, 2 * n] = np.where(inside, -problem.effort_weight - (costate * f_zz).sum(axis=0), 0.0)
    return np.vstack([f, -costate * f_e, rate[None], mu_rate[None]]), jacobian


def collocated(problem: Problem, start: np.ndarray, arcs: Arcs) -> ArcSolution:
    """Newton's method from a guess. An arc that shrinks away ends it, to be taken out."""
    size = _sizes(arcs)
    step = _newton(problem, start, arcs)
    norm = _norm(step, arcs, size)
    for _ in range(MOST_STEPS):
        if not np.isfinite(norm):
            return ArcSolution(arcs, False)
        if norm < CONVERGED:
            return ArcSolution(step(1.0), True)
        share = _most(arcs, step.length)
        while True:
            moved = step(share)
            step_after = _newton(problem, start, moved)
            norm_after = _norm(step_after, moved, size)
            if norm_after < GROWS * norm or norm_after < 10 * CONVERGED or share < LEAST_STEP:
                break
            share *= 0.5
        if share < LEAST_STEP and not norm_after < norm:
            return ArcSolution(arcs, False, _vanished(arcs, SHRUNK))
        arcs, step, norm = moved, step_after, norm_after
        gone = _vanished(arcs)
        if gone is not None:
            return ArcSolution(arcs, False, gone)
    return ArcSolution(arcs, False, _vanished(arcs, SHRUNK))


def _needed(arcs: Arcs, index: int) -> bool:
    """Whether an arc must be there, however short: a free one between two others."""
    around = arcs.kinds[max(index - 1, 0) : index] + arcs.kinds[index + 1 : index + 2]
    return arcs.kinds[index] == FREE and len(set(around)) > 1


def _vanished(arcs: Arcs, share: float = VANISHED) -> int | None:
    """The shortest arc that need not be there, if it is below a share of the horizon."""
    found = [(length, index) for index, length in enumerate(arcs.length) if not _needed(arcs, index)]
    length, index = min(found, default=(np.inf, 0))
    return index if length < share * arcs.length.sum() else None


def _most(arcs: Arcs, change: np.ndarray) -> float:
    """Share of a step that leaves a fifth of every length."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(change < 0.0, -0.8 * arcs.length / change, np.inf)
    return float(min(1.0, ratio.min()))


def _sizes(arcs: Arcs) -> np.ndarray:
    """Typical size of each unknown (D,)."""
    size = np.abs(arcs.node).max(axis=(0, 1))
    n = (len(size) - 2) // 2
    size[:n], size[n : 2 * n] = size[:n].max(), size[n : 2 * n].max()
    return np.maximum(size, 1e-300)


def _norm(step: "Step", arcs: Arcs, size: np.ndarray) -> float:
    total = arcs.length.sum()
    parts = [
        ((step.node / size) ** 2).mean(),
        ((step.length / total) ** 2).mean(),
        (step.multiplier / max(abs(arcs.multiplier), size[len(size) // 2 - 1])) ** 2,
    ]
    return float(np.sqrt(sum(parts)))


@dataclass(frozen=True, eq=False)
class Step:
    """A Newton step; called with a share it gives the arcs moved by it."""

    arcs: Arcs
    node: np.ndarray
    stage: np.ndarray
    length: np.ndarray
    multiplier: float

    def __call__(self, share: float) -> Arcs:
        return replace(
            self.arcs, node=self.arcs.node + share * self.node, stage=self.arcs.stage + share * self.stage,
            length=self.arcs.length + share * self.length, multiplier=self.arcs.multiplier + share * self.multiplier,
        )  # fmt: skip


def _newton(problem: Problem, start: np.ndarray, arcs: Arcs) -> Step:
    """The step from here: stages are eliminated element by element, nodes and lengths solved for together."""
    count, elements, _, size = arcs.stage.shape
    kinds = np.repeat(arcs.kinds, elements * STAGES)
    rates, jacobian = flow(problem, kinds, arcs.stage.reshape(-1, size).T)
    rates = rates.T.reshape(count, elements, STAGES, size)
    jacobian = jacobian.reshape(count, elements, STAGES, size, size)
    width = np.diff(arcs.share)[..., None, None]
    h = arcs.length[:, None, None, None] * width
    left = arcs.node[:, :-1, None]
    gain = np.einsum("ij,aejd->aeid", MATRIX, rates)
    missing = arcs.stage - left - h * gain
    system = np.eye(STAGES * size) - (h[..., None, None] * np.einsum("ij,aejdk->aeidjk", MATRIX, jacobian)).reshape(
        count, elements, STAGES * size, STAGES * size
    )
    right = np.concatenate(
        [
            np.tile(np.eye(size), (count, elements, STAGES, 1)),
            (width * gain).reshape(count, elements, -1, 1), -missing.reshape(count, elements, -1, 1),
        ], axis=-1,
    )  # fmt: skip
    answer = np.linalg.solve(system, right).reshape(count, elements, STAGES, size, size + 2)
    through = h[..., None] * np.einsum("j,aejdk,aejkm->aedm", WEIGHT, jacobian, answer)[:, :, None]
    through = through[:, :, 0]
    through[..., :size] += np.eye(size)
    direct = np.einsum("j,aejd->aed", WEIGHT, rates)
    through[..., size] += width[..., 0] * direct
    through[..., size + 1] += (arcs.node[:, :-1] + h[..., 0] * direct) - arcs.node[:, 1:]
    node, length, multiplier = _global(problem, start, arcs, through)
    stage = (
        np.einsum("aeidk,aek->aeid", answer[..., :size], node[:, :-1])
        + answer[..., size] * length[:, None, None, None] + answer[..., size + 1]
    )  # fmt: skip
    return Step(arcs, node, stage, length, multiplier)


def _global(
    problem: Problem, start: np.ndarray, arcs: Arcs, through: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Steps of nodes (a, M + 1, D), lengths (a,) and ν. through: (a, M, D, D + 2), the next node's step by this one's,
    by the length of the arc, and alone."""
    count, elements, size, _ = through.shape
    unknowns = count * (elements + 1) * size + count + 1
    place = np.arange(count * (elements + 1) * size).reshape(count, elements + 1, size)
    at_length = np.arange(count) + unknowns - count - 1
    rows, columns, values, right = [], [], [], []
    equations = count * elements * size
    row = np.arange(equations).reshape(count, elements, size)
    rows += [row.ravel(), np.broadcast_to(row[..., None], (*row.shape, size)).ravel(), row.ravel()]
    columns += [
        place[:, 1:].ravel(), np.broadcast_to(place[:, :-1, None], (*row.shape, size)).ravel(),
        np.broadcast_to(at_length[:, None, None], row.shape).ravel(),
    ]  # fmt: skip
    values += [np.ones(equations), -through[..., :size].ravel(), -through[..., size].ravel()]
    right.append(through[..., size + 1].ravel())
    conditions, missing = _conditions(problem, start, arcs, place, at_length)
    for index, condition in enumerate(conditions):
        for column, value in condition:
            rows.append(np.array([equations + index]))
            columns.append(np.array([column]))
            values.append(np.array([value]))
    right.append(-np.array(missing))
    matrix = coo_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(unknowns, unknowns)
    )  # fmt: skip
    try:
        found = splu(matrix.tocsc()).solve(np.concatenate(right))
    except RuntimeError:  # singular: arcs that do not determine their lengths
        found = np.full(unknowns, np.nan)
    return found[: place.size].reshape(place.shape), found[at_length], float(found[-1])


Condition = list[tuple[int, float]]


def _conditions(
    problem: Problem, start: np.ndarray, arcs: Arcs, place: np.ndarray, at_length: np.ndarray
) -> tuple[list[Condition], list[float]]:
    """Conditions at both ends and at junctions: slopes by unknowns, and what each is off by now."""
    n, weight, node = problem.layers.count, problem.layers.weight, arcs.node
    z, mu = 2 * n, 2 * n + 1
    rows: list[Condition] = []
    off: list[float] = []

    def fixed(arc: int, end: int, which: int, wanted: float) -> None:
        rows.append([(int(place[arc, end, which]), 1.0)])
        off.append(float(node[arc, end, which] - wanted))

    for layer in range(n):
        fixed(0, 0, layer, start[layer])
    fixed(0, 0, z, 0.0)
    if arcs.kinds[0] == LOW:
        fixed(0, 0, mu, 0.0)
    for arc in range(1, len(arcs.kinds)):
        for which in range(2 * n + 2):
            rows.append([(int(place[arc - 1, -1, which]), 1.0), (int(place[arc, 0, which]), -1.0)])
            off.append(float(node[arc - 1, -1, which] - node[arc, 0, which]))
        before, after = arcs.kinds[arc - 1], arcs.kinds[arc]
        if after in (LOW, HIGH):
            fixed(arc, 0, z, problem.ceiling if after == HIGH else 0.0)
            if arc < len(arcs.kinds) - 1:
                fixed(arc, 0, mu, 0.0)
        elif before not in (LOW, HIGH):
            full = before if before != FREE else after
            at_bound = problem.rate_weight * (problem.max_rate or 0.0)
            fixed(arc, 0, mu, -at_bound if full == RISE else at_bound)
    last = len(arcs.kinds) - 1
    for layer in range(n):
        wanted = problem.gradient_weight * weight[layer] * (node[-1, -1, layer] - problem.mean)
        wanted += arcs.multiplier * weight[layer]
        rows.append([
            (int(place[last, -1, n + layer]), 1.0),
            (int(place[last, -1, layer]), -problem.gradient_weight * weight[layer]),
            (int(at_length[-1]) + 1, -weight[layer]),
        ])  # fmt: skip
        off.append(float(node[-1, -1, n + layer] - wanted))
    fixed(last, -1, mu, 0.0)
    rows.append([(int(place[last, -1, layer]), float(weight[layer])) for layer in range(n)])
    off.append(float(weight @ node[-1, -1, :n] - problem.mean))
    rows.append([(int(one), 1.0) for one in at_length])
    off.append(float(arcs.length.sum() - problem.horizon))
    return rows, off
