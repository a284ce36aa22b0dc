"""Where independent moves propose: a multivariate t about a peak, and a mixture of them fitted to samples.

Posteriors of noise bend: an absolute error that the data only bound from above has a long tail beside a narrow top. One
t about the mean seldom proposes well in both, a mixture does.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import gammaln

from kalander.twin.inference.maximum import Peak

__all__ = ["REGULAR", "Mixture", "StudentT", "about_peaks", "fitted_mixture"]

REGULAR = 1e-12  # of its variances, added to a covariance, so that it has a root
FREEDOM = 5.0  # tails heavier than a posterior's
COMPONENTS = 3
ROUNDS = 25  # of expectation and maximisation
MOST = 3000  # samples fitted to
LEAST = 0.03  # share of a component
PULL = 1.0  # samples for each parameter by which a component's covariance is drawn to that of all

Move = Callable[[np.ndarray, np.random.RandomState], tuple[np.ndarray, np.ndarray]]


class Mixture:
    """Multivariate t of 5 degrees of freedom with shares; covariances: of their normal cores, (component, d, d)."""

    def __init__(self, centres: np.ndarray, covariances: np.ndarray, shares: np.ndarray) -> None:
        self.centres, self.covariances, self.shares = centres, covariances, shares
        self.roots = np.linalg.cholesky(covariances)
        self.inverses = np.linalg.inv(self.roots)
        count = centres.shape[1]
        scale = np.log(np.diagonal(self.roots, axis1=1, axis2=2)).sum(axis=1)
        gammas = gammaln(0.5 * (FREEDOM + count)) - gammaln(0.5 * FREEDOM)
        self.constants = np.log(shares) + gammas - 0.5 * count * np.log(FREEDOM * np.pi) - scale
        self.bounds = np.cumsum(shares)[:-1]

    def draw(self, random: np.random.RandomState, count: int) -> np.ndarray:
        """Shape (count, parameter)."""
        which = np.searchsorted(self.bounds, random.random_sample(count), side="right")
        normal = random.standard_normal((count, self.centres.shape[1]))
        stretch = np.sqrt(FREEDOM / random.chisquare(FREEDOM, count))
        return self.centres[which] + np.einsum("cij,cj->ci", self.roots[which], normal) * stretch[:, None]

    def log_parts(self, u: np.ndarray) -> np.ndarray:
        """Logarithm of the density of each component with its share, shape (component, count)."""
        away = np.matmul(u - self.centres[:, None, :], self.inverses.transpose(0, 2, 1))
        square = (away**2).sum(axis=2)
        return self.constants[:, None] - 0.5 * (FREEDOM + u.shape[1]) * np.log1p(square / FREEDOM)

    def log_density(self, u: np.ndarray) -> np.ndarray:
        """Shape (count,), normalised."""
        parts = self.log_parts(u)
        top = parts.max(axis=0)
        return top + np.log(np.exp(parts - top).sum(axis=0))

    def move(self, coordinates: np.ndarray, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        """Independent proposals for emcee's MHMove."""
        proposed = self.draw(random, len(coordinates))
        both = self.log_density(np.concatenate([coordinates, proposed]))
        return proposed, both[: len(coordinates)] - both[len(coordinates) :]

    def move_of(self, rows: Sequence[int], wider: float = 1.0) -> Move:
        """Independent proposals of some coordinates alone, as they are distributed here."""
        chosen = list(rows)
        covariances = wider * self.covariances[:, chosen][:, :, chosen]
        return Mixture(self.centres[:, chosen], covariances, self.shares).in_place_of(chosen)

    def in_place_of(self, rows: Sequence[int]) -> Move:
        """Independent proposals of this distribution for some coordinates, the others kept."""
        chosen = list(rows)

        def move(coordinates: np.ndarray, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
            proposed = coordinates.copy()
            proposed[:, chosen], factor = self.move(coordinates[:, chosen], random)
            return proposed, factor

        return move


class StudentT(Mixture):
    """One t. covariance: of its normal core."""

    def __init__(self, centre: np.ndarray, covariance: np.ndarray) -> None:
        super().__init__(centre[None], covariance[None], np.ones(1))
        self.centre, self.covariance = centre, covariance


def about_peaks(peaks: Sequence[Peak]) -> Mixture:
    """The mixture about a mode and about other places: as much of the mode as of all others."""
    shares = np.full(len(peaks), 0.5 / max(len(peaks) - 1, 1))
    shares[0] = 0.5 if len(peaks) > 1 else 1.0
    return Mixture(np.stack([one.mode for one in peaks]), np.stack([one.covariance for one in peaks]), shares)


def fitted_mixture(samples: np.ndarray, begun: Mixture) -> Mixture:
    """Mixture of samples, shape (sample, parameter), by expectation and maximisation (Dempster, Laird & Rubin 1977).

    It begins with the components that proposed before. A single one is cut into the low, middle and high third of the
    coordinate that is furthest from symmetric. A component that no samples belong to goes.
    """
    samples = samples[:: max(1, len(samples) // MOST)]
    count = samples.shape[1]
    pooled = np.cov(samples.T).reshape(count, count)
    pooled += REGULAR * np.diag(np.diag(pooled))
    belongs = _thirds(samples, pooled) if len(begun.shares) == 1 else _belonging(begun, samples)
    for _ in range(ROUNDS):
        belongs = belongs[belongs.sum(axis=1) > count]
        weight = belongs.sum(axis=1)
        centres = belongs @ samples / weight[:, None]
        away = samples - centres[:, None, :]
        spread = np.matmul(away.transpose(0, 2, 1) * belongs[:, None, :], away)
        pull = PULL * count
        covariances = (spread + pull * pooled) / (weight + pull)[:, None, None]
        shares = np.maximum(weight / len(samples), LEAST)
        mixture = Mixture(centres, covariances, shares / shares.sum())
        belongs = _belonging(mixture, samples)
    return mixture


def _belonging(mixture: Mixture, samples: np.ndarray) -> np.ndarray:
    """Probability that a sample is of a component, shape (component, sample)."""
    parts = mixture.log_parts(samples)
    belongs = np.exp(parts - parts.max(axis=0))
    return belongs / belongs.sum(axis=0)


def _thirds(samples: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    skew = np.abs(((samples - samples.mean(axis=0)) ** 3).mean(axis=0)) / np.diag(covariance) ** 1.5
    order = np.argsort(samples[:, int(np.argmax(skew))], kind="stable")
    belongs = np.zeros((COMPONENTS, len(samples)))
    for row, part in enumerate(np.array_split(order, COMPONENTS)):
        belongs[row, part] = 1.0
    return belongs
