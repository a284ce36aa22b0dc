"""Pontryagin's necessary conditions as a boundary value problem, solved by collocation with continuation.

States e and costates λ obey e' = f(e, z*), λ' = -λ ∂f/∂e with e(0) given and λ_i(T) = w m_i (e_i(T) - ē) + ν m_i;
the multiplier ν of the mean is an unknown of its own. Where the rate of pressure is bounded or costs, the pressure is a
state too, with the costate μ: μ' = -r z - Σ λ_i ∂f_i/∂z, μ(T) = 0, z(0) = 0 and z' = clip(-μ / ρ, ±R).
"""

from dataclasses import replace

import numpy as np
from scipy.integrate import cumulative_trapezoid, solve_bvp, trapezoid
from scipy.interpolate import PPoly

from kalander.kernels.errors import NumericalError
from kalander.twin.control.problem import Problem, best_of, densified
from kalander.twin.control.solution import Extremal, extremal_of, running
from kalander.twin.control.stationary import rounded, stationary_pressure
from kalander.twin.control.structure import by_arcs
from kalander.twin.control.transcription import transcribed

__all__ = ["Extremal", "extremal"]

TOLERANCE = 1e-8  # of collocation, relative: H is then constant to 1e-6
ROUGH = 1e-5  # of the stages before the last
WORST = 1e-5  # residual of collocation that is still a solution, where corners of the pressure keep it from more
LOOSE = 0.05  # spread of H over its mean, beyond which a history with round corners is no answer
NODES = (4_000, 20_000)  # allowed; more where fewer meet no condition
KEPT = 5e-3  # of a bound of the pressure, by which an answer may pass it
FINE = 4001  # points between which the cost is integrated
WEIGHTS = (0.0, 0.03, 0.2, 1.0)  # of the gradient's weight, from the problem of least effort
ROUNDINGS = (0.3, 0.03, 3e-3, 3e-4, 0.0)  # of bounds, over the constant pressure
SLACKS = (4.0, 1.0, 1.0, 1.0, 1.0)  # of the bound of the rate
GUESSED = 20  # intervals of the transcribed history that layers that saturate are started with
CALM = (30.0, 8.0, 2.0)  # of the weight of the rate, from which layers that saturate are led to their own
PENALTIES = (1e1, 1e2, 1e3, 1e4, 1e5)  # of pressures out of bounds, over the weight of effort
RATE_SHARE = 1e-3  # of r T²: weight of the rate of pressure where the problem needs one and gives none


def extremal(problem: Problem, start: np.ndarray | None = None) -> Extremal:
    """The optimal pressure. start: densifications at the beginning (N,), 0 if not given.

    A rate that is bounded and free would jump between its bounds; and of layers that saturate, of which some shall
    densify more and others less, the best pressure may jump without end between two values, because H has two valleys.
    A small weight of the rate (RATE_SHARE) ends both, and is reported. Where the pressure is a state, the corners of
    its history are solved for, and soft bounds are tried only where no row of arcs meets all conditions. Raises
    NumericalError if the conditions could not be met.
    """
    if problem.rate_weight == 0.0 and (problem.max_rate is not None or not problem.layers.linear):
        problem = replace(problem, rate_weight=RATE_SHARE * problem.effort_weight * problem.horizon**2)
    begin = np.zeros(problem.layers.count) if start is None else np.asarray(start, float)
    if problem.rate_weight:
        exact = by_arcs(problem, begin)
        if exact is not None:
            return exact
    conditions = (RateConditions if problem.rate_weight else Conditions)(problem, begin)
    guess = conditions.guess()
    for nodes in NODES:
        best, said = _staged(conditions, guess, nodes)
        if best is not None and best.residuals["hamiltonian"] <= LOOSE and _within(problem, best):
            return best
    raise NumericalError(
        f"the conditions of the optimal pressure could not be met ({said.rstrip('.')}); layers of less unlike "
        "compliance or relaxation time, or a smaller gradient_weight, are easier"
    )


def _within(problem: Problem, found: Extremal) -> bool:
    slack = KEPT * (problem.ceiling if problem.max_pressure is not None else float(found.pressure.max()))
    return bool(found.pressure.max() <= problem.ceiling + slack and found.pressure.min() >= -slack)


def _staged(
    conditions: "Conditions", guess: tuple[np.ndarray, np.ndarray, np.ndarray], nodes: int
) -> tuple[Extremal | None, str]:
    """The solution with the sharpest corners that could be met, and what the solver said last."""
    time, unknown, multiplier = guess
    best: Extremal | None = None
    said = ""
    stages = conditions.stages()
    for stage in stages:
        if not (np.diff(time) > 0.0).all():  # a mesh refined to rounding by the stage before
            break
        with np.errstate(all="ignore"):  # of a stage that diverges, which is seen below
            found = solve_bvp(
                stage.rates, stage.ends, time, unknown, p=multiplier, fun_jac=stage.rates_jacobian,
                bc_jac=stage.ends_jacobian, tol=TOLERANCE if stage is stages[-1] else ROUGH, max_nodes=nodes,
            )  # fmt: skip
        said = found.message
        if not (np.isfinite(found.y).all() and np.isfinite(found.p).all()):
            break
        time, unknown, multiplier = found.x, found.y, found.p
        if stage.is_whole and np.max(found.rms_residuals) <= WORST:
            best = stage.result(time, unknown, multiplier, found.sol)
    return best, said


class Conditions:
    """Linear layers under a pressure that is free to jump: unknowns e, λ."""

    def __init__(
        self, problem: Problem, start: np.ndarray, rounding: float = 0.0, penalty: float = 0.0, slack: float = 1.0
    ) -> None:
        self.problem, self.start, self.rounding, self.penalty, self.slack = problem, start, rounding, penalty, slack
        self.layers, self.count = problem.layers, problem.layers.count
        self.held, self.share, self.calm = 0.0, 1.0, 1.0

    def stage(
        self, share: float, rounding: float, penalty: float = 0.0, slack: float = 1.0, calm: float = 1.0
    ) -> "Conditions":
        """These conditions with a share of the gradient's weight, bounds that are rounded, soft or wider, and a rate
        of the pressure that costs more."""
        given = self.problem
        problem = replace(given, gradient_weight=share * given.gradient_weight, rate_weight=calm * given.rate_weight)
        stage = type(self)(problem, self.start, rounding * self.held, penalty, slack)
        stage.share, stage.calm = share, calm
        return stage

    @property
    def is_whole(self) -> bool:
        """Whether the weight and the bound of the rate are those of the problem, and only corners may be round."""
        return self.slack == 1.0 and self.share == 1.0 and self.calm == 1.0

    def stages(self) -> "list[Conditions]":
        rising = [self.stage(share, ROUNDINGS[0]) for share in WEIGHTS]
        return [*rising, *(self.stage(1.0, rounding) for rounding in ROUNDINGS[1:])]

    def guess(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A constant pressure, and the costates that make it stationary in the mean."""
        problem, layers = self.problem, self.layers
        held = best_of(problem, lambda at: np.ones((1, len(at))))
        time, pressure = np.linspace(0.0, problem.horizon, 101), float(held.pressure[0])
        self.held = pressure
        state = densified(layers, time, lambda at: np.full_like(at, pressure))[:, 0] + self.start[:, None]
        slopes = layers.slopes(state, np.full_like(time, pressure))
        f_e, f_z = slopes[1], slopes[2]
        # λ' = -λ f_e backwards from ν m; ν from r z + Σ λ f_z = 0 in the mean
        grown = cumulative_trapezoid(f_e, time, initial=0.0)
        decay = np.exp(grown[:, -1:] - grown)
        shape = layers.weight[:, None] * decay
        multiplier = -problem.effort_weight * pressure / float(np.mean((shape * f_z).sum(axis=0)))
        return time, np.vstack([state, multiplier * shape]), np.array([multiplier])

    def rates(self, time: np.ndarray, unknown: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
        state, costate = unknown[: self.count], unknown[self.count :]
        pressure, _ = stationary_pressure(self.problem, costate, self.rounding)
        f, f_e, *_ = self.layers.slopes(state, pressure)
        return np.vstack([f, -costate * f_e])

    def rates_jacobian(
        self, time: np.ndarray, unknown: np.ndarray, multiplier: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        n, points = self.count, unknown.shape[1]
        state, costate = unknown[:n], unknown[n:]
        pressure, by_costate = stationary_pressure(self.problem, costate, self.rounding)
        _, f_e, f_z = self.layers.slopes(state, pressure)[:3]
        jacobian, own = np.zeros((2 * n, 2 * n, points)), np.arange(n)
        jacobian[:n, n:] = f_z[:, None] * by_costate
        jacobian[own, own] = f_e
        jacobian[n + own, n + own] = -f_e
        return jacobian, np.zeros((2 * n, 1, points))

    def ends(self, first: np.ndarray, last: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
        n, weight, problem = self.count, self.layers.weight, self.problem
        wanted = problem.gradient_weight * weight * (last[:n] - problem.mean) + multiplier[0] * weight
        return np.concatenate([first[:n] - self.start, last[n : 2 * n] - wanted, [weight @ last[:n] - problem.mean]])

    def ends_jacobian(
        self, first: np.ndarray, last: np.ndarray, multiplier: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n, size, weight = self.count, len(first), self.layers.weight
        by_first, by_last, by_multiplier = (
            np.zeros((size + 1, size)),
            np.zeros((size + 1, size)),
            np.zeros((size + 1, 1)),
        )
        own = np.arange(n)
        by_first[own, own] = 1.0
        by_last[n + own, n + own] = 1.0
        by_last[n + own, own] = -self.problem.gradient_weight * weight
        by_multiplier[n + own, 0] = -weight
        by_last[2 * n, :n] = weight
        return by_first, by_last, by_multiplier

    def result(self, time: np.ndarray, unknown: np.ndarray, multiplier: np.ndarray, sol: PPoly) -> Extremal:
        n, problem = self.count, self.problem
        fine = np.union1d(np.linspace(0.0, problem.horizon, FINE), time)
        effort = float(trapezoid(running(problem, *self.pressures(sol(fine))[:2]), fine))
        return extremal_of(
            problem, time, unknown[:n], unknown[n : 2 * n], self.pressures(unknown), float(multiplier[0]), effort,
            top_rate=self.top_rate,
        )  # fmt: skip

    @property
    def top_rate(self) -> float:
        return np.inf if self.problem.max_rate is None else self.slack * self.problem.max_rate

    def pressures(self, unknown: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pressure, its rate and its costate (m,)."""
        n = self.count
        pressure, _ = stationary_pressure(self.problem, unknown[n:], self.rounding)
        return pressure, np.zeros_like(pressure), np.zeros_like(pressure)


class RateConditions(Conditions):
    """Pressure as a state: unknowns e, λ, z, μ. Pressures out of bounds cost K/2 (excess)², with K rising by stages."""

    def stages(self) -> "list[Conditions]":
        tighten = [self.stage(1.0, *one) for one in zip(ROUNDINGS, PENALTIES, SLACKS, strict=True)]
        if not self.layers.linear:
            calmed = [self.stage(1.0, ROUNDINGS[0], PENALTIES[1], SLACKS[0], calm) for calm in CALM]
            return [*calmed, *tighten[1:]]
        return [*(self.stage(share, ROUNDINGS[0], PENALTIES[0], SLACKS[0]) for share in WEIGHTS[:-1]), *tighten]

    def guess(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Linear layers: a constant pressure; others: the transcribed history with the costates that follow from it."""
        problem, layers = replace(self.problem, max_rate=None), self.layers
        if layers.linear:
            time, unknown, multiplier = super().guess()
            rise = self.held * np.minimum(1.0, time / (0.1 * problem.horizon))
            return time, np.vstack([unknown, rise, np.zeros_like(time)]), multiplier
        found = transcribed(replace(problem, rate_weight=CALM[0] * problem.rate_weight), GUESSED)
        time = np.linspace(0.0, problem.horizon, 161)
        pressure = np.interp(time, found.history.time, found.history.pressure)
        self.held = float(np.mean(pressure))
        state = densified(layers, time, lambda at: np.interp(at, time, pressure))[:, 0] + self.start[:, None]
        _, f_e, f_z, *_ = layers.slopes(state, pressure)
        grown = cumulative_trapezoid(f_e, time, initial=0.0)
        weight = layers.weight
        end = problem.gradient_weight * weight * (state[:, -1] - problem.mean) + found.multiplier * weight
        costate = end[:, None] * np.exp(grown[:, -1:] - grown)
        falls = problem.effort_weight * pressure + (costate * f_z).sum(axis=0)
        left = cumulative_trapezoid(falls, time, initial=0.0)
        return time, np.vstack([state, costate, pressure, left[-1] - left]), np.array([found.multiplier])

    def _excess(self, pressure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Slope and bend of the penalty over K."""
        above = np.maximum(pressure - self.problem.ceiling, 0.0)
        below = np.minimum(pressure, 0.0)
        return above + below, ((above > 0.0) | (below < 0.0)).astype(float)

    def _rate(self, mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """v* and its slope by μ."""
        top, free = self.top_rate, -mu / self.problem.rate_weight
        if not np.isfinite(top):
            return free, np.full_like(free, -1.0 / self.problem.rate_weight)
        rounding = self.rounding / self.problem.horizon
        low, low_slope = rounded(free + top, rounding)
        high, high_slope = rounded(free - top, rounding)
        return low - high - top, -(low_slope - high_slope) / self.problem.rate_weight

    def rates(self, time: np.ndarray, unknown: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
        n, effort = self.count, self.problem.effort_weight
        state, costate, pressure, mu = unknown[:n], unknown[n : 2 * n], unknown[2 * n], unknown[2 * n + 1]
        f, f_e, f_z, *_ = self.layers.slopes(state, pressure)
        excess, _ = self._excess(pressure)
        mu_rate = -effort * (pressure + self.penalty * excess) - (costate * f_z).sum(axis=0)
        return np.vstack([f, -costate * f_e, self._rate(mu)[0], mu_rate])

    def rates_jacobian(
        self, time: np.ndarray, unknown: np.ndarray, multiplier: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        n, points, effort = self.count, unknown.shape[1], self.problem.effort_weight
        state, costate, pressure, mu = unknown[:n], unknown[n : 2 * n], unknown[2 * n], unknown[2 * n + 1]
        _, f_e, f_z, f_ee, f_ez, f_zz = self.layers.slopes(state, pressure)
        jacobian = np.zeros((2 * n + 2, 2 * n + 2, points))
        own = np.arange(n)
        jacobian[own, own], jacobian[own, 2 * n] = f_e, f_z
        jacobian[n + own, own], jacobian[n + own, n + own] = -costate * f_ee, -f_e
        jacobian[n + own, 2 * n] = -costate * f_ez
        jacobian[2 * n, 2 * n + 1] = self._rate(mu)[1]
        jacobian[2 * n + 1, own], jacobian[2 * n + 1, n + own] = -costate * f_ez, -f_z
        bend = 1.0 + self.penalty * self._excess(pressure)[1]
        jacobian[2 * n + 1, 2 * n] = -effort * bend - (costate * f_zz).sum(axis=0)
        return jacobian, np.zeros((2 * n + 2, 1, points))

    def ends(self, first: np.ndarray, last: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
        n = self.count
        inner = super().ends(first, last, multiplier)
        return np.concatenate([inner, [first[2 * n], last[2 * n + 1]]])

    def ends_jacobian(
        self, first: np.ndarray, last: np.ndarray, multiplier: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        by_first, by_last, by_multiplier = super().ends_jacobian(first, last, multiplier)
        by_first[-2, -2] = 1.0
        by_last[-1, -1] = 1.0
        return by_first, by_last, by_multiplier

    def pressures(self, unknown: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n = self.count
        mu = unknown[2 * n + 1]
        return unknown[2 * n], self._rate(mu)[0], mu
