"""The probability of the data under a model, by importance sampling about the peak, to compare models with."""

from dataclasses import dataclass

import numpy as np

from kalander.twin.inference.maximum import Density, Peak
from kalander.twin.inference.proposal import REGULAR, StudentT

__all__ = ["Evidence", "evidence"]

DRAWS, ROUNDS = 4000, 4


@dataclass(frozen=True)
class Evidence:
    """Its natural logarithm, the standard error of that, and the effective share of the draws."""

    log: float
    error: float
    efficiency: float


def evidence(density: Density, peak: Peak, *, seed: np.random.SeedSequence) -> Evidence:
    """Mean of density over proposal of draws from a t about the peak, which each round fits to the one before."""
    random = np.random.RandomState(np.random.MT19937(seed))
    proposal = StudentT(peak.mode, 1.2 * peak.covariance)
    for rest in reversed(range(ROUNDS)):
        drawn = proposal.draw(random, DRAWS)
        logs = density(drawn) - proposal.log_density(drawn)
        top = logs.max()
        weights = np.exp(logs - top)
        if rest:
            proposal = _fitted(drawn, weights, proposal)
    mean = weights.mean()
    error = float(weights.std() / np.sqrt(DRAWS) / mean)
    return Evidence(float(top + np.log(mean)), error, float(weights.sum() ** 2 / (weights**2).sum() / DRAWS))


def _fitted(drawn: np.ndarray, weights: np.ndarray, before: StudentT) -> StudentT:
    """The t with the weighted mean and covariance of draws, half of the old covariance kept where few draws count."""
    share = weights / weights.sum()
    effective = 1.0 / (share**2).sum()
    mean = share @ drawn
    rest = drawn - mean
    keep = min(1.0, 10.0 * len(mean) / effective)
    covariance = (1.0 - 0.5 * keep) * (rest.T * share) @ rest + 0.5 * keep * before.covariance
    return StudentT(mean, 1.2 * covariance + REGULAR * np.diag(np.diag(covariance)))
