"""The through-thickness column: layers under one pressure, with relaxation, rate and temperature.

Units: mm, MPa, s, K; strain ln(H / h) positive in compression. All layers carry the same pressure, so with the
pressure given the strain of each follows without iteration. Of a layer with temperature factor f and s = p / f:
    S(t)   the largest s so far, or its delayed follower under viscosity: s = S (1 + t_v dy/dt), y virgin strain at S
    E(t) = r(S) u(s / S, r)   elastic strain that acts at once (u = share for a linear release)
    E = e - sum_k g_k int (1 - exp(-(t - t') / tau_k)) de/dt' dt'    Prony series on the elastic strain e
    x = y(S) - r(S) + e
In steps, a branch decays exactly for a strain linear in the step; with equal steps e is a lower-triangular matrix
times E, which also makes the derivative exact.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular, toeplitz

from kalander.continuum.closure.contract import Closure
from kalander.continuum.nip.web import Layer, LayerPast, Web

__all__ = [
    "LayerHistory",
    "StackHistory",
    "creep_matrix",
    "follow_layer",
    "follow_stack",
    "loading_strain",
]


@dataclass(frozen=True, eq=False)
class LayerHistory:
    """A layer along the way; arrays of shape (n,) in the order of time.

    strain; jacobian [1/MPa], shape (n, n): d strain_i / d pressure_j; yield_stress S [MPa]; elastic e; lasting y - r;
    branches, shape (n, branches): elastic strain remembered by each.
    """

    strain: np.ndarray
    jacobian: np.ndarray
    yield_stress: np.ndarray
    elastic: np.ndarray
    lasting: np.ndarray
    branches: np.ndarray

    def past(self, index: int) -> LayerPast:
        return LayerPast(float(self.yield_stress[index]), float(self.elastic[index]), self.branches[index])


def loading_strain(layer: Layer, pressure: np.ndarray, past: LayerPast | None = None) -> np.ndarray:
    """Strain of a layer loaded at once to a pressure [MPa], at its reference temperature: reload, then virgin."""
    past = LayerPast() if past is None else past
    start = layer.closure.loading_at(np.array(past.yield_stress))
    virgin = layer.closure.loading_at(np.maximum(pressure, past.yield_stress)).strain
    if past.yield_stress <= 0.0:
        return virgin
    share = np.minimum(pressure / past.yield_stress, 1.0)
    ratio, _, _ = layer.closure.unreleased(share, start.recovery)
    return np.where(share < 1.0, start.strain - start.recovery * (1.0 - ratio), virgin)


def creep_matrix(relaxation: tuple[tuple[float, float], ...], step: float, count: int) -> np.ndarray:
    """Lower-triangular L, shape (count, count): e = L E for equal time steps [s], strain linear in each step.

    E_n = e_n - sum_k g_k e_n + sum_k q_k,n with q_k,n = exp(-step / tau_k) q_k,n-1 + g_k phi_k (e_n - e_n-1).
    """
    if not relaxation:
        return np.eye(count)
    weights = np.array([weight for weight, _ in relaxation])
    ratio = step / np.array([time for _, time in relaxation])
    phi = -np.expm1(-ratio) / ratio
    powers = np.exp(-np.outer(ratio, np.arange(count)))
    # response of E to a strain of 1 in one step: the increment 1, then -1
    first = (weights * phi) @ powers
    first[1:] -= first[:-1].copy()
    first[0] += 1.0 - weights.sum()
    return solve_triangular(toeplitz(first, np.zeros(count)), np.eye(count), lower=True)


def follow_layer(
    layer: Layer,
    pressure: np.ndarray,
    factor: np.ndarray,
    step: float,
    creep: np.ndarray,
    past: LayerPast | None = None,
) -> LayerHistory:
    """Strain of a layer under a history of pressure [MPa], equal steps [s], factor the share of stress left by heat."""
    past = LayerPast() if past is None else past
    stress = np.maximum(pressure, 0.0) / factor
    slope = 1.0 / factor  # d stress / d pressure, at zero from above
    yielded, inherited = _yield_stress(layer, stress, step, past.yield_stress)
    loading = layer.closure.loading_at(yielded)

    share = np.divide(stress, yielded, out=np.ones_like(stress), where=yielded > 0.0)
    over = share >= 1.0
    recovery = np.where(loading.recovery > 0.0, loading.recovery, 1.0)
    ratio, by_share, by_recovery = layer.closure.unreleased(np.minimum(share, 1.0), recovery)
    # above S (virgin, viscous) the elastic strain stays that of S: overstress is carried by the flow
    acting = np.where(over, loading.recovery, loading.recovery * ratio)
    safe = np.where(yielded > 0.0, yielded, 1.0)
    acting_stress = np.where(over, 0.0, loading.recovery * by_share / safe)
    acting_yield = np.where(
        over,
        loading.recovery_slope,
        loading.recovery_slope * (ratio + loading.recovery * by_recovery) - acting_stress * share,
    )
    start, branches_start = past.elastic, past.branches
    times = step * np.arange(1, stress.size + 1)
    taus = np.array([time for _, time in layer.relaxation])
    weights = np.array([weight for weight, _ in layer.relaxation])
    remembered = np.zeros((stress.size, taus.size))
    carried = 0.0
    if past.branches.size:
        remembered = np.exp(-times[:, None] / taus) * branches_start
        carried = (1.0 - weights.sum()) * start + remembered.sum(axis=1)
    moved = creep @ (acting - carried) if layer.relaxation else acting - (start if past.branches.size else 0.0)
    elastic = moved + (start if past.branches.size else 0.0)

    spread = creep if layer.relaxation else None
    yield_rows = loading.strain_slope - loading.recovery_slope
    by_pressure = inherited(acting_yield, spread) + inherited(yield_rows, None)
    by_pressure *= slope
    direct = acting_stress * slope
    if spread is None:
        by_pressure[np.diag_indices(stress.size)] += direct
    else:
        by_pressure += spread * direct[None, :]
    lasting = loading.strain - loading.recovery
    branches = remembered + _branches(layer.relaxation, moved, step)
    return LayerHistory(lasting + elastic, by_pressure, yielded, elastic, lasting, branches)


Inherited = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
"""(weight of shape (n,), L or None for the identity) -> L diag(weight) dS/ds, shape (n, n)."""


def _from_turning(turning: np.ndarray) -> Inherited:
    """S_i is the stress at one earlier place (-1: at none of this pass): columns are added up, not multiplied."""

    def inherited(weight: np.ndarray, spread: np.ndarray | None) -> np.ndarray:
        size = turning.size
        result = np.zeros((size, size))
        rows = np.flatnonzero(turning >= 0)
        if spread is None:
            result[rows, turning[rows]] = weight[rows]
            return result
        own = rows[turning[rows] == rows]
        result[:, own] = spread[:, own] * weight[own]
        later = rows[turning[rows] < rows]
        for place in np.unique(turning[later]):
            from_it = later[turning[later] == place]
            result[:, place] += spread[:, from_it] @ weight[from_it]
        return result

    return inherited


def _from_matrix(matrix: np.ndarray) -> Inherited:
    def inherited(weight: np.ndarray, spread: np.ndarray | None) -> np.ndarray:
        weighted = weight[:, None] * matrix
        return weighted if spread is None else spread @ weighted

    return inherited


def _branches(relaxation: tuple[tuple[float, float], ...], moved: np.ndarray, step: float) -> np.ndarray:
    """Strain remembered by each branch along the way, from rest, shape (n, branches)."""
    branches = np.zeros((moved.size, len(relaxation)))
    increments = np.diff(moved, prepend=0.0)
    for index, (weight, time) in enumerate(relaxation):
        ratio, memory = step / time, 0.0
        decay, gain = math.exp(-ratio), weight * -math.expm1(-ratio) / ratio
        for row, increment in enumerate(increments):
            memory = decay * memory + gain * increment
            branches[row, index] = memory
    return branches


def _yield_stress(layer: Layer, stress: np.ndarray, step: float, start: float) -> tuple[np.ndarray, Inherited]:
    """S along the way and how it inherits from the stress."""
    count = stress.size
    if layer.viscous_time == 0.0:
        running = np.maximum.accumulate(np.maximum(stress, start))
        return running, _from_turning(np.maximum.accumulate(np.where(stress >= running, np.arange(count), -1)))
    jacobian = np.zeros((count, count))
    yielded, before, row_before = np.empty(count), start, np.zeros(count)
    rate = layer.viscous_time / step
    for row, value in enumerate(stress):
        before, here, passed_on = _flow(layer.closure, float(value), before, rate)
        row_before = passed_on * row_before
        row_before[row] += here
        yielded[row], jacobian[row] = before, row_before
    return yielded, _from_matrix(jacobian)


def _flow(closure: Closure, stress: float, before: float, rate: float) -> tuple[float, float, float]:
    """One step of viscous flow: S, d S / d stress, d S / d S_before, from s = S (1 + rate (y(S) - y(S_before)))."""
    if stress <= before:
        return before, 0.0, 1.0
    first = closure.loading_at(np.array(before))
    now = stress
    for _ in range(50):
        state = closure.loading_at(np.array(now))
        gained = rate * float(state.strain - first.strain)
        slope = 1.0 + gained + now * rate * float(state.strain_slope)
        change = (now * (1.0 + gained) - stress) / slope
        now = max(now - change, before)
        if abs(change) <= 1e-12 * stress:
            break
    return now, 1.0 / slope, now * rate * float(first.strain_slope) / slope


@dataclass(frozen=True, eq=False)
class StackHistory:
    """The layers of one side times `sides`; thickness [mm], shape (n,); jacobian [mm/MPa], shape (n, n)."""

    layers: tuple[LayerHistory, ...]
    thickness: np.ndarray
    jacobian: np.ndarray


def follow_stack(
    web: Web, pressure: np.ndarray, factors: np.ndarray, step: float, creeps: list[np.ndarray]
) -> StackHistory:
    """All layers under one history of pressure [MPa] in the order of time; factors, shape (n, layers)."""
    followed = []
    thickness, jacobian = np.zeros(pressure.size), np.zeros((pressure.size, pressure.size))
    for index, layer in enumerate(web.layers):
        past = None if web.pasts is None else web.pasts[index]
        history = follow_layer(layer, pressure, factors[:, index], step, creeps[index], past)
        present = web.sides * layer.thickness * np.exp(-history.strain)
        thickness += present
        jacobian -= present[:, None] * history.jacobian
        followed.append(history)
    return StackHistory(tuple(followed), thickness, jacobian)
