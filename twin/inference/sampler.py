"""Chains of emcee (Foreman-Mackey et al., PASP 125 (2013) 306) in independent ensembles, refused until converged.

Moves are mixed: draws from a wide normal about the peak, whose covariance a first short chain corrects (few steps
apart they are independent where the posterior is nearly normal), draws of `loose` coordinates alone, which data hardly
bind, and moves along differences of walkers, which need no such guess. Random numbers are of MT19937, whose stream
NumPy keeps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import emcee
import numpy as np

from kalander.kernels.errors import NumericalError
from kalander.twin.inference.maximum import Density, Peak

__all__ = ["REGULAR", "Chains", "Effort", "StudentT", "sample", "split_rhat"]

REGULAR = 1e-12  # of its variances, added to a covariance, so that it has a root
WINDOW = "A wider window of frequency, a model with fewer elements or more steps may help"
CLOSE = 1e-3  # of standard deviations: walkers for which no place was drawn, about the peak

Moves = list[tuple[emcee.moves.Move, float]]


@dataclass(frozen=True)
class Effort:
    """How many independent ensembles of walkers go how many steps, at most most_steps; when chains count as converged.

    rhat: largest of any parameter. lengths: steps over the autocorrelation time, the least.
    """

    ensembles: int = 3
    walkers: int = 32
    steps: int = 256
    most_steps: int = 32768
    rhat: float = 1.01
    lengths: float = 50.0


@dataclass(frozen=True)
class Chains:
    """Converged coordinates, shape (ensemble, step, walker, parameter); diagnostics by parameter."""

    coordinates: np.ndarray
    log_density: np.ndarray
    rhat: np.ndarray
    autocorrelation: np.ndarray
    acceptance: float

    @property
    def flat(self) -> np.ndarray:
        """Shape (sample, parameter)."""
        return self.coordinates.reshape(-1, self.coordinates.shape[-1])


class StudentT:
    """Multivariate t of 5 degrees of freedom: tails heavier than a posterior's. covariance: of its normal core."""

    freedom = 5.0

    def __init__(self, centre: np.ndarray, covariance: np.ndarray) -> None:
        self.centre = centre
        self.root = np.linalg.cholesky(covariance)
        self.inverse = np.linalg.inv(self.root)

    def draw(self, random: np.random.RandomState, count: int) -> np.ndarray:
        """Shape (count, parameter)."""
        normal = random.standard_normal((count, len(self.centre)))
        stretch = np.sqrt(self.freedom / random.chisquare(self.freedom, count))
        return self.centre + (normal @ self.root.T) * stretch[:, None]

    def log_kernel(self, u: np.ndarray) -> np.ndarray:
        """Logarithm of the density without its constant, shape (count,)."""
        square = (((u - self.centre) @ self.inverse.T) ** 2).sum(axis=1)
        return -0.5 * (self.freedom + len(self.centre)) * np.log1p(square / self.freedom)

    def move(self, coordinates: np.ndarray, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        """Independent proposals for emcee's MHMove."""
        proposed = self.draw(random, len(coordinates))
        return proposed, self.log_kernel(coordinates) - self.log_kernel(proposed)

    def of(self, loose: list[int]) -> Callable[[np.ndarray, np.random.RandomState], tuple[np.ndarray, np.ndarray]]:
        """Proposals that change some coordinates alone, drawn wider."""
        part = StudentT(self.centre[loose], 1.5 * (self.root @ self.root.T)[np.ix_(loose, loose)])

        def move(coordinates: np.ndarray, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
            proposed = coordinates.copy()
            proposed[:, loose], factor = part.move(coordinates[:, loose], random)
            return proposed, factor

        return move


def sample(
    density: Density,
    peak: Peak,
    *,
    seed: np.random.SeedSequence,
    effort: Effort,
    what: str,
    loose: Sequence[Sequence[int]] = (),
    remedy: str = WINDOW,
) -> Chains:
    """Chains that have converged. Raises NumericalError that names `what` and a remedy where they have not in
    most_steps.

    loose: groups of coordinates that the data hardly bind and that hardly depend on the others.
    """
    states = [np.random.RandomState(np.random.MT19937(child)) for child in seed.spawn(effort.ensembles)]
    starts = [_start(density, peak, random, effort.walkers) for random in states]
    proposal = StudentT(peak.mode, peak.covariance)
    pilots = [_chain(density, start, 64, random, _moves(proposal, loose)) for start, random in zip(starts, states)]
    proposal = _corrected(np.concatenate([pilot.get_chain(discard=24, flat=True) for pilot in pilots]))
    lasts = [pilot.get_last_sample() for pilot in pilots]
    moves = _moves(proposal, loose)
    samplers = [_sampler(density, last.coords.shape, random, moves) for last, random in zip(lasts, states)]
    done, steps = 0, effort.steps
    while True:
        for sampler, last in zip(samplers, lasts):
            sampler.run_mcmc(last if not done else None, steps - done, skip_initial_state_check=True)
        done = steps
        chain = np.stack([sampler.get_chain() for sampler in samplers])
        rhat, length = split_rhat(chain), autocorrelation(chain)
        if rhat.max() <= effort.rhat and done >= effort.lengths * length.max():
            break
        if done >= effort.most_steps:
            raise NumericalError(
                f"{what}: chains have not converged in {done} steps: R-hat {rhat.max():.3f} (at most {effort.rhat}), "
                f"autocorrelation time {length.max():.0f} steps (at most a {effort.lengths:.0f}th of the chain); "
                f"nothing is reported. {remedy}"
            )
        needed = 1.2 * effort.lengths * length.max() if rhat.max() <= effort.rhat else 0.0
        steps = int(min(max(needed, 1.25 * done if needed else 2 * done), effort.most_steps))
    heights = np.stack([sampler.get_log_prob() for sampler in samplers])
    acceptance = float(np.mean([sampler.acceptance_fraction.mean() for sampler in samplers]))
    return Chains(chain, heights, rhat, length, acceptance)


def split_rhat(chain: np.ndarray) -> np.ndarray:
    """R-hat of each parameter over the halves of ensembles, shape (ensemble, step, walker, parameter).

    The walkers of an ensemble depend on each other, so the ensemble, not the walker, is the chain. Gelman et al.,
    Bayesian Data Analysis, 3rd ed., section 11.4.
    """
    half = chain.shape[1] // 2
    parts = np.concatenate([chain[:, :half], chain[:, half : 2 * half]])
    parts = parts.reshape(len(parts), -1, chain.shape[-1])
    within = parts.var(axis=1, ddof=1).mean(axis=0)
    return np.sqrt(1.0 + parts.mean(axis=1).var(axis=0, ddof=1) / within)


def autocorrelation(chain: np.ndarray) -> np.ndarray:
    """Integrated autocorrelation time [steps] of each parameter, the longest of the ensembles."""
    return np.max([emcee.autocorr.integrated_time(one, tol=0) for one in chain], axis=0)


def _start(density: Density, peak: Peak, random: np.random.RandomState, walkers: int) -> np.ndarray:
    """Places of walkers about the peak at which the density is not zero."""
    wide = StudentT(peak.mode, peak.covariance)
    tried = wide.draw(random, 8 * walkers)
    tried = tried[np.isfinite(density(tried))][:walkers]
    short = walkers - len(tried)
    near = peak.mode + CLOSE * random.standard_normal((short, len(peak.mode))) * np.sqrt(np.diag(peak.covariance))
    return np.concatenate([tried, near])


def _corrected(pilot: np.ndarray) -> StudentT:
    """The proposal by the samples of the first chains: their mean and covariance."""
    covariance = np.cov(pilot.T).reshape(pilot.shape[1], -1)
    return StudentT(pilot.mean(axis=0), covariance + REGULAR * np.diag(np.diag(covariance)))


def _moves(proposal: StudentT, loose: Sequence[Sequence[int]]) -> Moves:
    """The mixture of moves and their shares."""
    along = [(emcee.moves.DEMove(), 0.2), (emcee.moves.StretchMove(), 0.1)]
    if not loose:
        return [(emcee.moves.MHMove(proposal.move), 0.7), *along]
    groups = [(emcee.moves.MHMove(proposal.of(list(group))), 0.2 / len(loose)) for group in loose]
    return [(emcee.moves.MHMove(proposal.move), 0.5), *groups, *along]


def _sampler(
    density: Density, shape: tuple[int, int], random: np.random.RandomState, moves: Moves
) -> emcee.EnsembleSampler:
    sampler = emcee.EnsembleSampler(*shape, density, moves=moves, vectorize=True)
    sampler.random_state = random.get_state()
    return sampler


def _chain(
    density: Density, start: np.ndarray, steps: int, random: np.random.RandomState, moves: Moves
) -> emcee.EnsembleSampler:
    sampler = _sampler(density, start.shape, random, moves)
    sampler.run_mcmc(start, steps, skip_initial_state_check=True)
    random.set_state(sampler.random_state)
    return sampler
