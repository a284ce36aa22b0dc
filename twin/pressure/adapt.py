"""Learning the compaction law from measured porosities, batch by batch: recursive least squares and the optimal filter.

Both hold estimates of θ = (ln γ, ε_min) of Meyer's law with a covariance P; arrays lead with any batch shape (...), so
that many campaigns, or several rates of forgetting, run side by side. A measurement is of variance r; inf is none.
"""

from dataclasses import dataclass, replace

import numpy as np

from kalander.twin.pressure.laws import meyer_load, meyer_porosity

__all__ = ["FORGETTING", "Estimate", "ForgettingBank", "forgetting_update", "kalman_update", "load_for", "predicted"]

FORGETTING = (0.7, 0.8, 0.87, 0.92, 0.96, 0.98, 0.995)  # rates of a bank: memories of 3 to 200 batches
SCORE_MEMORY = 0.95  # of the prediction errors by which a bank chooses
LEAST_ROOM = 1e-3  # of porosity, between an estimate of ε_min and what is asked for or measured


@dataclass(frozen=True, eq=False)
class Estimate:
    """mean of (ln γ, ε_min), shape (..., 2), and covariance, shape (..., 2, 2)."""

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, gamma: float, gamma_sd: float, least: float, least_sd: float, shape: tuple[int, ...]) -> "Estimate":
        """The prior of a law: relative deviation of γ, deviation of ε_min."""
        covariance = np.diag([(gamma_sd / gamma) ** 2, least_sd**2])
        mean = np.array([np.log(gamma), least])
        return cls(np.broadcast_to(mean, (*shape, 2)).copy(), np.broadcast_to(covariance, (*shape, 2, 2)).copy())

    def where(self, chosen: np.ndarray, other: "Estimate") -> "Estimate":
        """This where chosen, shape (...), else the other."""
        mean = np.where(chosen[..., None], self.mean, other.mean)
        return Estimate(mean, np.where(chosen[..., None, None], self.covariance, other.covariance))


def predicted(estimate: Estimate, load: np.ndarray, initial: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Porosity [1], shape (...), that a load leaves by the estimate, and its slopes by θ, shape (..., 2)."""
    gamma, least = np.exp(estimate.mean[..., 0]), estimate.mean[..., 1]
    decay = np.exp(-load / gamma)
    slopes = np.stack([(initial - least) * decay * load / gamma, 1.0 - decay], axis=-1)
    return meyer_porosity(load, initial, gamma, least), slopes


def load_for(estimate: Estimate, target: float, initial: np.ndarray, limit: float) -> np.ndarray:
    """The load by the estimate that leaves the target, shape (...); never above the limit."""
    least = np.minimum(estimate.mean[..., 1], target - LEAST_ROOM)
    return np.asarray(np.minimum(meyer_load(target, initial, np.exp(estimate.mean[..., 0]), least), limit))


def forgetting_update(
    estimate: Estimate, load: np.ndarray, initial: np.ndarray, measured: np.ndarray, variance: np.ndarray,
    rate: np.ndarray,
) -> Estimate:  # fmt: skip
    """Recursive least squares that forgets at a rate λ in (0, 1], in the direction of the measurement alone.

    Batches pressed alike tell one combination of γ and ε_min; forgetting in the others would let their covariance grow
    without bound. Restricted exponential forgetting: Kulhavý, Automatica 23 (1987) 589.
    """
    error, column, spread = _innovation(estimate, load, initial, measured, variance)
    told = np.isfinite(variance)
    share = spread / np.where(told, variance, 1.0)  # of what is not known yet in what is measured
    kept = np.where(share > 0, rate - (1.0 - rate) / np.maximum(share, 1e-300), 1.0)  # ε of Kulhavý
    fade = kept / (variance * (1.0 + kept * share))
    fade = np.where(told & (share > 0), fade, 0.0)
    gain = column / np.where(told, variance + spread, np.inf)[..., None]
    covariance = estimate.covariance - fade[..., None, None] * column[..., :, None] * column[..., None, :]
    return Estimate(estimate.mean + gain * error[..., None], covariance)


def kalman_update(
    estimate: Estimate, load: np.ndarray, initial: np.ndarray, measured: np.ndarray, variance: np.ndarray,
    drift: np.ndarray,
) -> Estimate:  # fmt: skip
    """The optimal filter, to first order in the law, for θ that walks by a known covariance a batch, shape (2, 2).

    Kalman, J. Basic Eng. 82 (1960) 35; extended to a nonlinear measurement. Measured, then moved on to the next batch.
    """
    error, column, spread = _innovation(estimate, load, initial, measured, variance)
    gain = column / (variance + spread)[..., None]
    covariance = estimate.covariance - gain[..., :, None] * column[..., None, :] + drift
    return Estimate(estimate.mean + gain * error[..., None], covariance)


def _innovation(
    estimate: Estimate, load: np.ndarray, initial: np.ndarray, measured: np.ndarray, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Error of the prediction, 0 without a measurement; P g, shape (..., 2); and gᵀ P g, shape (...)."""
    expected, slopes = predicted(estimate, load, initial)
    error = np.where(np.isfinite(variance), measured - expected, 0.0)
    column = np.einsum("...ij,...j->...i", estimate.covariance, slopes)
    return error, column, np.einsum("...i,...i->...", slopes, column)


@dataclass(frozen=True, eq=False)
class ForgettingBank:
    """Least squares at several rates of forgetting beside each other, of which the one that foretold best of late is
    followed: nobody has to know how fast the law drifts. estimates lead with (rates, campaigns); score alike."""

    estimates: Estimate
    score: np.ndarray
    rates: np.ndarray

    @classmethod
    def of(cls, prior: Estimate, rates: tuple[float, ...] = FORGETTING) -> "ForgettingBank":
        """From a prior of shape (campaigns, ...)."""
        count = len(rates)
        mean = np.repeat(prior.mean[None], count, axis=0)
        covariance = np.repeat(prior.covariance[None], count, axis=0)
        return cls(Estimate(mean, covariance), np.zeros(mean.shape[:-1]), np.array(rates)[:, None])

    @property
    def followed(self) -> np.ndarray:
        """The rate that is followed, shape (campaigns,)."""
        return self.rates[np.argmin(self.score, axis=0), 0]

    @property
    def best(self) -> Estimate:
        """The one that is followed, of shape (campaigns, ...)."""
        chosen = np.argmin(self.score, axis=0)
        across = np.arange(chosen.size)
        return Estimate(self.estimates.mean[chosen, across], self.estimates.covariance[chosen, across])

    def updated(
        self, load: np.ndarray, initial: np.ndarray, measured: np.ndarray, variance: np.ndarray
    ) -> "ForgettingBank":
        """After a batch of each campaign: all of shape (campaigns,)."""
        expected, _ = predicted(self.estimates, load, initial)
        error = np.where(np.isfinite(variance), measured - expected, 0.0) ** 2
        estimates = forgetting_update(self.estimates, load, initial, measured, variance, self.rates)
        return replace(self, estimates=estimates, score=SCORE_MEMORY * self.score + error)

    def restarted(self, chosen: np.ndarray, prior: Estimate) -> "ForgettingBank":
        """With the covariance of the prior about the present means, where chosen, shape (campaigns,)."""
        wide = Estimate(self.estimates.mean, np.broadcast_to(prior.covariance, self.estimates.covariance.shape))
        there = np.broadcast_to(chosen, self.score.shape)
        return replace(self, estimates=wide.where(there, self.estimates), score=np.where(there, 0.0, self.score))
