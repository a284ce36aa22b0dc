"""Which arcs an optimal pressure has: guessed from a transcription, then changed until every condition holds.

A free arc whose rate passes ±R gets an arc at it, one whose pressure passes a bound an arc on it; an arc at a bound is
given up where its multiplier has the wrong sign. This is an active-set method whose every trial is solved exactly.
"""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import cumulative_trapezoid

from kalander.twin.control.arcs import FALL, FREE, HIGH, LOW, PLACE, RISE, WEIGHT, Arcs, collocated
from kalander.twin.control.problem import Problem, densified
from kalander.twin.control.solution import Extremal, extremal_of, running
from kalander.twin.control.transcription import transcribed

__all__ = ["by_arcs", "solved_by_arcs"]

ELEMENTS = 8  # in an arc, doubled where the Hamiltonian is not constant enough
MOST_ELEMENTS = 512  # in all arcs
CONSTANT = 1e-8  # spread of the Hamiltonian that more elements are not asked for
INTERVALS = 40  # of the transcription that tells the arcs
LOOKED = 801  # points at which it is read
AT_BOUND = 1e-3  # of a bound, within which a transcription is at it
SHORT = 0.2  # of an interval: a free arc that a transcription is too coarse to show
PASSED = 1e-9  # of a bound, which a solution may pass
MOST_CHANGES = 12
LEAST_ERROR = 1e-3  # of the worst element, that the mesh of any is made for


@dataclass(frozen=True, eq=False)
class Grid:
    """A history from which arcs are read: times (m,), unknowns e, λ, z, μ (D, m), kinds (m,)."""

    time: np.ndarray
    unknown: np.ndarray
    kinds: np.ndarray


def by_arcs(problem: Problem, start: np.ndarray) -> Extremal | None:
    """The extremal of a problem with a cost of the rate, bounds met exactly; None where no row of arcs was found."""
    with np.errstate(all="ignore"):  # of a trial that diverges, which is seen
        arcs = solved_by_arcs(problem, start)
    return None if arcs is None else _extremal(problem, arcs)


def solved_by_arcs(problem: Problem, start: np.ndarray) -> Arcs | None:
    """Arcs that meet every condition, or None."""
    grid, multiplier = _transcribed(problem, start)
    arcs = _arcs_of(problem, grid, multiplier)
    seen: set[tuple[int, ...]] = set()
    for _ in range(MOST_CHANGES):
        if arcs.kinds in seen and len(seen) > MOST_CHANGES // 2:
            return None
        seen.add(arcs.kinds)
        found = collocated(problem, start, arcs)
        if not found.converged:
            if found.vanished is None or len(arcs.kinds) == 1:
                return None
            arcs = _without(problem, found.arcs, found.vanished)
            continue
        fine = _refined(problem, start, found.arcs)  # first: a coarse history passes bounds that a fine one keeps
        if fine is None:
            return None
        kinds, passed = _kept(problem, fine)
        if not passed:
            return fine
        time, unknown, _ = fine.points()
        arcs = _arcs_of(problem, Grid(time, unknown, kinds), fine.multiplier)
    return None


def _refined(problem: Problem, start: np.ndarray, arcs: Arcs) -> Arcs | None:
    while (
        _extremal(problem, arcs).residuals["hamiltonian"] > CONSTANT
        and 2 * arcs.elements * len(arcs.kinds) <= MOST_ELEMENTS
    ):
        time, unknown, _ = arcs.points()
        finer = _filled(problem, arcs.kinds, arcs.length, time, unknown, arcs.multiplier, _finer(arcs))
        found = collocated(problem, start, finer)
        if not found.converged:
            return None
        arcs = found.arcs
    return arcs


def _even(count: int) -> np.ndarray:
    return np.tile(np.linspace(0.0, 1.0, ELEMENTS + 1), (count, 1))


def _finer(arcs: Arcs) -> np.ndarray:
    """Twice as many nodes (a, 2 M + 1), closer where the collocating polynomials are far from the next lower ones."""
    legendre = np.linalg.inv(np.polynomial.legendre.legvander(2.0 * PLACE - 1.0, len(PLACE) - 1))[-1]
    size = np.ptp(arcs.node, axis=(0, 1)) + 1e-300
    error = np.abs(np.einsum("i,aeid->aed", legendre, arcs.stage) / size).max(axis=2)  # (a, M)
    width = np.diff(arcs.share)
    density = (error + LEAST_ERROR * error.max() + 1e-12) ** (1.0 / len(PLACE)) / width
    density = np.maximum(density, 0.1 * (density * width).sum(axis=1, keepdims=True))
    grown = np.concatenate([np.zeros((len(width), 1)), np.cumsum(density * width, axis=1)], axis=1)
    even = np.linspace(0.0, 1.0, 2 * arcs.elements + 1)
    return np.stack([np.interp(even, g / g[-1], s) for g, s in zip(grown, arcs.share, strict=True)])


def _extremal(problem: Problem, arcs: Arcs) -> Extremal:
    n = problem.layers.count
    time, unknown, kinds = arcs.points()
    at = arcs.stage
    stage_rate = rates_of(problem, np.repeat(arcs.kinds, at[0, ..., 0].size).reshape(at.shape[:-1]), at[..., -1])
    width = arcs.length[:, None] * np.diff(arcs.share)
    effort = float(np.einsum("ae,i,aei->", width, WEIGHT, running(problem, at[..., 2 * n], stage_rate)))
    kept = np.append(np.diff(time) > 0.0, True)
    mu = unknown[2 * n + 1]
    pressures = unknown[2 * n], rates_of(problem, kinds, mu), mu
    return extremal_of(
        problem, time[kept], unknown[:n, kept], unknown[n : 2 * n, kept],
        (pressures[0][kept], pressures[1][kept], pressures[2][kept]), arcs.multiplier, effort,
        top_rate=np.inf if problem.max_rate is None else problem.max_rate,
        corners=tuple(float(one) for one in arcs.begin[1:]),
    )  # fmt: skip


def rates_of(problem: Problem, kinds: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """Rate of the pressure [MPa/s] at points of given kinds."""
    top = problem.max_rate or 0.0
    signed = np.where(kinds == RISE, top, np.where(kinds == FALL, -top, 0.0))
    return np.where(kinds == FREE, -mu / problem.rate_weight, signed)


def _kept(problem: Problem, arcs: Arcs) -> tuple[np.ndarray, bool]:
    """Kinds that points should have, and whether one of them is beyond what it may pass."""
    n = problem.layers.count
    _, unknown, kinds = arcs.points()
    z, mu = unknown[2 * n], unknown[2 * n + 1]
    f_z = problem.layers.slopes(unknown[:n], z)[2]
    pull = problem.effort_weight * z + (unknown[n : 2 * n] * f_z).sum(axis=0)
    slack = PASSED * np.abs(pull).max()
    free = -mu / problem.rate_weight
    wanted, wrong = kinds.copy(), np.zeros(len(kinds), bool)

    def become(which: np.ndarray, kind: int) -> None:
        wanted[which] = kind
        wrong[which] = True

    become((kinds == HIGH) & (pull > slack), FREE)
    become((kinds == LOW) & (pull < -slack), FREE)
    if problem.max_rate is not None:
        top = problem.max_rate
        become((kinds == RISE) & (free < top * (1.0 - PASSED)), FREE)
        become((kinds == FALL) & (free > -top * (1.0 - PASSED)), FREE)
        become((kinds == FREE) & (free > top * (1.0 + PASSED)), RISE)
        become((kinds == FREE) & (free < -top * (1.0 + PASSED)), FALL)
    scale = problem.ceiling if problem.max_pressure is not None else z.max()
    if problem.max_pressure is not None:
        become((kinds < LOW) & (z > scale * (1.0 + PASSED)), HIGH)
    become((kinds < LOW) & (z < -scale * PASSED), LOW)
    return wanted, bool(wrong.any())


def _transcribed(problem: Problem, start: np.ndarray) -> tuple[Grid, float]:
    """A nonlinear program's history, and the costates that follow from it backwards."""
    layers, weight = problem.layers, problem.layers.weight
    found = transcribed(problem, INTERVALS)
    time = np.linspace(0.0, problem.horizon, LOOKED)
    nodes = np.linspace(0.0, problem.horizon, len(found.nodes))
    pressure = np.interp(time, nodes, found.nodes)
    state = densified(layers, time, lambda at: np.interp(at, nodes, found.nodes))[:, 0] + start[:, None]
    _, f_e, f_z, *_ = layers.slopes(state, pressure)
    grown = cumulative_trapezoid(f_e, time, initial=0.0)
    end = problem.gradient_weight * weight * (state[:, -1] - problem.mean) + found.multiplier * weight
    costate = end[:, None] * np.exp(grown[:, -1:] - grown)
    slope = np.diff(found.nodes) / np.diff(nodes)
    middle = 0.5 * (found.nodes[1:] + found.nodes[:-1])
    top = problem.max_rate or np.inf
    kinds = np.full(len(slope), FREE)
    kinds[slope > top * (1.0 - AT_BOUND)] = RISE
    kinds[slope < -top * (1.0 - AT_BOUND)] = FALL
    scale = problem.ceiling if problem.max_pressure is not None else pressure.max()
    kinds[middle < AT_BOUND * scale] = LOW
    if problem.max_pressure is not None:
        kinds[middle > (1.0 - AT_BOUND) * scale] = HIGH
    fine = kinds[np.minimum((time / problem.horizon * len(slope)).astype(int), len(slope) - 1)]
    pull = np.where(fine < LOW, problem.effort_weight * pressure + (costate * f_z).sum(axis=0), 0.0)
    left = cumulative_trapezoid(pull, time, initial=0.0)
    mu = np.where(fine < LOW, left[-1] - left, 0.0)
    mu = np.where(fine == FREE, -problem.rate_weight * np.interp(time, 0.5 * (nodes[1:] + nodes[:-1]), slope), mu)
    return Grid(time, np.vstack([state, costate, pressure, mu]), fine), found.multiplier


def _arcs_of(problem: Problem, grid: Grid, multiplier: float) -> Arcs:
    """Arcs of a row of kinds, with a short free one wherever two meet that cannot."""
    change = np.flatnonzero(np.diff(grid.kinds)) + 1
    corner = np.concatenate([[0.0], 0.5 * (grid.time[change - 1] + grid.time[change]), [problem.horizon]])
    kinds = [int(grid.kinds[index]) for index in (0, *change)]
    lengths = list(np.diff(corner))
    short = SHORT * problem.horizon / INTERVALS
    row: list[tuple[int, float]] = []
    for kind, length in zip(kinds, lengths, strict=True):
        if row and row[-1][0] != FREE and kind != FREE:
            row.append((FREE, min(short, 0.2 * length, 0.2 * row[-1][1])))
        row.append((kind, float(length)))
    if row[-1][0] in (RISE, FALL):  # μ(T) = 0: the end is free or bound
        row.append((FREE, min(short, 0.2 * row[-1][1])))
    if row[0][0] == HIGH:
        row.insert(0, (FREE, min(short, 0.2 * row[0][1])))
    length = np.array([one[1] for one in row])
    length *= problem.horizon / length.sum()
    return _filled(
        problem, tuple(one[0] for one in row), length, grid.time, grid.unknown, multiplier, _even(len(row))
    )  # fmt: skip


def _without(problem: Problem, arcs: Arcs, gone: int) -> Arcs:
    """The same without an arc that vanished; neighbours of one kind become one."""
    time, unknown, _ = arcs.points()
    row = [
        [kind, length]
        for index, (kind, length) in enumerate(zip(arcs.kinds, arcs.length, strict=True))
        if index != gone
    ]
    merged: list[list] = []
    for kind, length in row:
        if merged and merged[-1][0] == kind:
            merged[-1][1] += length
        elif merged and FREE not in (merged[-1][0], kind):
            share = 0.1 * min(length, merged[-1][1])
            merged[-1][1] -= share
            merged += [[FREE, 2 * share], [kind, length - share]]
        else:
            merged.append([kind, length])
    if merged[-1][0] in (RISE, FALL):
        merged.append([FREE, 0.1 * merged[-1][1]])
    length = np.array([one[1] for one in merged], float)
    length *= problem.horizon / length.sum()
    return _filled(
        problem, tuple(int(one[0]) for one in merged), length, time, unknown, arcs.multiplier, _even(len(merged))
    )  # fmt: skip


def _filled(
    problem: Problem, kinds: tuple[int, ...], length: np.ndarray, time: np.ndarray, unknown: np.ndarray,
    multiplier: float, share: np.ndarray,
) -> Arcs:  # fmt: skip
    """Arcs whose unknowns are read off a history. share: (a, M + 1) of nodes."""
    begin = np.concatenate([[0.0], np.cumsum(length)[:-1]])
    node_at = begin[:, None] + length[:, None] * share
    stage_at = node_at[:, :-1, None] + np.diff(node_at)[..., None] * PLACE
    kept, first = np.unique(time, return_index=True)

    def read(at: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(at, kept, row[first]) for row in unknown], axis=-1)

    node, stage = read(node_at), read(stage_at)
    full = problem.rate_weight * (problem.max_rate or 0.0)
    met = {RISE: -full, FALL: full, LOW: 0.0, HIGH: 0.0}
    for arc in range(1, len(kinds)):  # a short free arc leads μ from one corner to the next
        if kinds[arc] == FREE and length[arc] < problem.horizon / INTERVALS:
            leave, arrive = met[kinds[arc - 1]], met[kinds[arc + 1]] if arc + 1 < len(kinds) else 0.0
            node[arc, :, -1] = leave + (arrive - leave) * share[arc]
            inner = share[arc, :-1, None] + np.diff(share[arc])[:, None] * PLACE
            stage[arc, :, :, -1] = leave + (arrive - leave) * inner
    return Arcs(kinds, length, share, node, stage, multiplier)
