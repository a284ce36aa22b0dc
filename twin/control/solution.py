"""A history that meets Pontryagin's conditions, and how well: the Hamiltonian, transversality, stationarity."""

from dataclasses import dataclass

import numpy as np

from kalander.twin.control.problem import History, Problem

__all__ = ["Extremal", "extremal_of", "running"]


@dataclass(frozen=True, eq=False)
class Extremal:
    """A solution: time [s] (m,), pressure [MPa], its rate [MPa/s], states and costates (N, m), ν, H (m,), residuals.

    rate_weight: the one that was used, see `extremal`. residuals: spread of H over its mean, transversality over the
    largest costate, stationarity ∂H/∂z over r z, where no bound holds the pressure. corners: times [s] at which the
    pressure or its rate meets a bound or leaves it, where they were solved for.
    """

    time: np.ndarray
    pressure: np.ndarray
    rate: np.ndarray
    state: np.ndarray
    costate: np.ndarray
    multiplier: float
    hamiltonian: np.ndarray
    residuals: dict[str, float]
    rate_weight: float
    cost: float
    corners: tuple[float, ...] | None = None

    @property
    def history(self) -> History:
        return History(self.time, self.pressure, self.state, self.cost)


def running(problem: Problem, pressure: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Integrand of the cost [1/s]."""
    return 0.5 * problem.effort_weight * pressure**2 + 0.5 * problem.rate_weight * rate**2


def extremal_of(
    problem: Problem, time: np.ndarray, state: np.ndarray, costate: np.ndarray,
    pressures: tuple[np.ndarray, np.ndarray, np.ndarray], multiplier: float, effort: float, *,
    top_rate: float, corners: tuple[float, ...] | None = None,
) -> Extremal:  # fmt: skip
    """The solution at points of time. pressures: pressure, its rate and its costate μ, each (m,); effort: ∫ of it."""
    weight, (pressure, rate, mu) = problem.layers.weight, pressures
    f, _, f_z, *_ = problem.layers.slopes(state, pressure)
    terms = np.stack([running(problem, pressure, rate), (costate * f).sum(axis=0), mu * rate])
    hamiltonian = terms.sum(axis=0)
    # over a horizon of many relaxation times H is next to nothing: then over a hundredth of what it sums up
    size = max(float(np.abs(hamiltonian).max()), 0.01 * float(np.abs(terms).max()))
    wanted = problem.gradient_weight * weight * (state[:, -1] - problem.mean) + multiplier * weight
    if problem.rate_weight:
        slope = problem.rate_weight * rate + mu
        free, scale = np.abs(rate) < top_rate, np.abs(mu).max()
    else:
        slope = problem.effort_weight * pressure + (costate * f_z).sum(axis=0)
        free, scale = (pressure > 0.0) & (pressure < problem.ceiling), problem.effort_weight * pressure.max()
    residuals = {
        "hamiltonian": float(np.ptp(hamiltonian) / size),
        "transversality": float(np.abs(costate[:, -1] - wanted).max() / np.abs(costate).max()),
        "stationarity": float(np.abs(slope[free]).max(initial=0.0) / scale),
    }
    cost = float(problem.final_cost(state[:, -1])) + effort
    return Extremal(
        time, pressure, rate, state, costate, multiplier, hamiltonian, residuals, problem.rate_weight, cost, corners
    )
