"""A Prony series out of a hold at constant strain: as many terms as the data identify, with their covariance.

    s(t) = s_0 (1 - sum_k g_k (1 - exp(-t / tau_k)))
Non-negative least squares on a dense grid of times finds where relaxation happens; its peaks, gathered to 0, 1, 2 ...
terms, start a nonlinear fit of amplitudes and ln times; Schwarz's criterion (BIC) chooses among the fits that are
identified: every weight beyond twice its own error, every time within the hold. Times in seconds, stress in any unit.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import least_squares, nnls
from scipy.special import stdtrit

from kalander.kernels.errors import Fault, InputError

__all__ = ["MOST_TERMS", "Spectrum", "dense_series", "fit_prony", "gathered", "inverse", "relaxed"]

MOST_TERMS = 6
GRID = 8  # times a decade of the dense grid
IDENTIFIED = 2.0  # standard errors that a weight must be above 0
APART = math.log(2.0)  # of neighbouring ln times: closer ones are one broad term


def relaxed(weights: np.ndarray, times: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Share of the instantaneous stress left at times >= 0 under a constant strain, shape of `time`."""
    decay = np.exp(-np.asarray(time, float)[..., None] / np.asarray(times, float))
    return 1.0 - np.sum(np.asarray(weights, float) * (1.0 - decay), axis=-1)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A Prony series that was fitted.

    weights and times [s], shape (term,), times rising; covariance, shape (2 term, 2 term), of the weights and then of
    the ln times; degrees of freedom of its estimate, inf where the noise was known; start: stress at time 0; noise:
    relative standard deviation of one reading, as found or given; criteria: BIC by number of terms; notes.
    """

    weights: np.ndarray
    times: np.ndarray
    covariance: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    freedom: float = math.inf
    start: float = 1.0
    noise: float = 0.0
    criteria: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def terms(self) -> int:
        return len(self.weights)

    @property
    def deviation(self) -> np.ndarray:
        """Standard errors of the weights and of the ln times, shape (2, term)."""
        return np.sqrt(np.diag(self.covariance)).reshape(2, self.terms)

    def intervals(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of weights and of times [s] at a level, each of shape (term, 2)."""
        reach = float(stdtrit(self.freedom, 0.5 + 0.5 * level)) * self.deviation  # quantile of Student's t
        sides = np.array([-1.0, 1.0])
        return self.weights[:, None] + sides * reach[0][:, None], self.times[:, None] * np.exp(
            sides * reach[1][:, None]
        )

    def share(self, time: np.ndarray) -> np.ndarray:
        """Share of the stress left at times [s] of a hold."""
        return relaxed(self.weights, self.times, time)


def fit_prony(
    time: np.ndarray, stress: np.ndarray, *, deviation: np.ndarray | float | None = None, most_terms: int = MOST_TERMS
) -> Spectrum:
    """The series of one hold: time [s] from its beginning and stress, shape (n,); deviation of the stress readings,
    None: equal for all and found from the residuals. Raises InputError."""
    time, stress = np.asarray(time, float), np.asarray(stress, float)
    if faults := _faults(time, stress, deviation):
        raise InputError(faults)
    scale = float(np.max(np.abs(stress)))
    known = deviation is not None
    error = np.broadcast_to(np.asarray(scale if deviation is None else deviation, float) / scale, time.shape)
    times, amplitudes = dense_series(time, stress / scale, error)
    fits: list[_Fit] = []
    for terms in range(min(most_terms, (len(time) - 2) // 2) + 1):
        found = _fit(time, stress / scale, error, known, gathered(times, amplitudes, terms))
        if found is None:
            break
        fits.append(found)
        if len(fits) > 2 and fits[-1].criterion > fits[-2].criterion > fits[-3].criterion:
            break  # terms beyond these fit noise
    sound = [one for one in fits if one.identified(time)]
    best = min(sound, key=lambda one: one.criterion)
    return _spectrum(best, scale, tuple(one.criterion for one in fits), known, time)


@dataclass(frozen=True, eq=False)
class _Fit:
    """amplitudes: that which stays, then one a term; ln times; covariance of all of them; criterion; chi: sum of
    squares over the noise; freedom."""

    amplitudes: np.ndarray
    log_times: np.ndarray
    covariance: np.ndarray
    criterion: float
    variance: float
    freedom: int

    def identified(self, time: np.ndarray) -> bool:
        if len(self.log_times) == 0:
            return True
        errors = np.sqrt(np.diag(self.covariance))
        sharp = self.amplitudes[1:] > IDENTIFIED * errors[1 : len(self.amplitudes)]
        first = time[time > 0.0][0]
        within = (self.log_times > math.log(first) - 1.0) & (self.log_times < math.log(time[-1]) + 1.0)
        apart = np.all(np.diff(np.sort(self.log_times)) > APART)
        return bool(np.all(np.isfinite(errors)) and np.all(sharp & within) and apart)


def dense_series(time: np.ndarray, stress: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Amplitudes >= 0 on a dense grid of times, shapes (m,)."""
    first, last = time[time > 0.0][0], time[-1]
    grid = np.geomspace(0.5 * first, 2.0 * last, max(int(GRID * math.log10(4.0 * last / first)), 4))
    basis = np.column_stack([np.ones_like(time), np.exp(-time[:, None] / grid)]) / error[:, None]
    return grid, nnls(basis, stress / error)[0][1:]


def gathered(times: np.ndarray, amplitudes: np.ndarray, terms: int) -> np.ndarray:
    """Ln times of so many groups of the dense spectrum that each hold one amplitude of its neighbours, shape (terms,).

    The split between neighbours that lie farthest apart comes first; a group lies where its amplitude lies on average.
    """
    held = np.flatnonzero(amplitudes > 1e-9 * max(float(amplitudes.max()), 1e-300))
    logs, weights = np.log(times[held]), amplitudes[held]
    if terms == 0:
        return np.zeros(0)
    if len(held) < terms:
        return np.linspace(math.log(times[0]), math.log(times[-1]), terms + 2)[1:-1]
    splits = np.sort(np.argsort(-np.diff(logs), kind="stable")[: terms - 1]) + 1
    groups = zip(np.split(logs, splits), np.split(weights, splits))
    return np.array([float(np.average(log, weights=weight)) for log, weight in groups])


def _fit(time: np.ndarray, stress: np.ndarray, error: np.ndarray, known: bool, start: np.ndarray) -> _Fit | None:
    """Amplitudes and ln times by nonlinear least squares; None where it does not converge."""
    terms = len(start)
    amplitudes, _ = nnls(_basis(time, start) / error[:, None], stress / error)
    begin = np.concatenate([np.maximum(amplitudes, 1e-4), start])
    low, high = math.log(time[time > 0.0][0]) - 3.0, math.log(time[-1]) + 3.0
    bounds = (
        np.concatenate([np.zeros(terms + 1), np.full(terms, low)]),
        np.concatenate([np.full(terms + 1, np.inf), np.full(terms, high)]),
    )
    begin = np.clip(begin, bounds[0] + 1e-9, bounds[1] - 1e-9)

    def residual(x: np.ndarray) -> np.ndarray:
        return (_basis(time, x[terms + 1 :]) @ x[: terms + 1] - stress) / error

    def slopes(x: np.ndarray) -> np.ndarray:
        basis = _basis(time, x[terms + 1 :])
        by_log = basis[:, 1:] * (time[:, None] / np.exp(x[terms + 1 :])) * x[1 : terms + 1]
        return np.column_stack([basis, by_log]) / error[:, None]

    found = least_squares(residual, begin, jac=slopes, bounds=bounds, x_scale="jac", max_nfev=400)
    if not found.success:
        return None
    freedom = len(time) - len(begin)
    chi = float(2.0 * found.cost)
    variance = 1.0 if known else chi / freedom
    covariance = variance * inverse(found.jac)
    fits = chi if known else len(time) * math.log(max(chi, 1e-300) / len(time))
    criterion = fits + len(begin) * math.log(len(time))
    return _Fit(found.x[: terms + 1], found.x[terms + 1 :], covariance, criterion, variance, freedom)


def inverse(slopes: np.ndarray) -> np.ndarray:
    """Of the normal matrix of a fit with these slopes, shape (n, n); inf where data leave a direction open."""
    values, vectors = np.linalg.eigh(slopes.T @ slopes)
    if values[0] <= 1e-14 * values[-1]:
        return np.full((len(values), len(values)), np.inf)
    return vectors / values @ vectors.T


def _basis(time: np.ndarray, log_times: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones_like(time), np.exp(-time[:, None] * np.exp(-log_times))])


def _spectrum(best: _Fit, scale: float, criteria: tuple[float, ...], known: bool, time: np.ndarray) -> Spectrum:
    """Amplitudes as shares of their sum, in the order of time."""
    terms = len(best.log_times)
    total = float(best.amplitudes.sum())
    order = np.argsort(best.log_times)
    # g_k = a_k / sum a: d g_k / d a_j = (delta_kj - g_k) / sum a
    weights = best.amplitudes[1:] / total
    slope = np.zeros((2 * terms, len(best.covariance)))
    slope[:terms, : terms + 1] = -weights[:, None] / total
    slope[np.arange(terms), np.arange(1, terms + 1)] += 1.0 / total
    slope[np.arange(terms, 2 * terms), np.arange(terms + 1, 2 * terms + 1)] = 1.0
    places = np.concatenate([order, terms + order])
    covariance = (slope @ best.covariance @ slope.T)[np.ix_(places, places)]
    notes = [] if terms else ["the hold shows no relaxation beyond its noise"]
    if terms and math.exp(best.log_times.max()) > time[-1] / 3.0:
        notes.append(
            f"the slowest time, {math.exp(best.log_times.max()):.3g} s, is longer than a third of the hold: it and "
            "the stress that stays are told apart poorly"
        )
    return Spectrum(
        weights[order], np.exp(best.log_times[order]), covariance, math.inf if known else best.freedom, scale * total,
        math.sqrt(best.variance) if not known else math.nan, criteria, tuple(notes),
    )  # fmt: skip


def _faults(time: np.ndarray, stress: np.ndarray, deviation: np.ndarray | float | None) -> list[Fault]:
    if time.ndim != 1 or time.shape != stress.shape or len(time) < 6:
        shapes = (time.shape, stress.shape)
        return [Fault("hold.time", shapes, "are no readings of one hold", "two arrays of six values or more")]
    faults = []
    if not (np.all(np.isfinite(time)) and np.all(np.diff(time) > 0.0) and time[0] >= 0.0):
        faults.append(Fault("hold.time", "times", "do not rise from 0 or more", "seconds since the hold began"))
    if not (np.all(np.isfinite(stress)) and np.max(np.abs(stress)) > 0.0):
        faults.append(Fault("hold.stress", "stresses", "are not finite, or all 0", "stress under the hold"))
    if deviation is not None and not np.all(np.asarray(deviation) > 0.0):
        faults.append(Fault("hold.deviation", float(np.min(deviation)), "is no deviation", "above 0"))
    return faults
