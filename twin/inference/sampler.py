"""Chains of emcee (Foreman-Mackey et al., PASP 125 (2013) 306) in independent ensembles, refused until converged.

Moves are mixed: draws from a t about the peak, then from a mixture fitted to first short chains (few steps apart they
are independent), draws of `loose` coordinates alone, which data hardly bind, and moves along differences of walkers,
which need no such guess. Random numbers are of MT19937, whose stream NumPy keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import emcee
import numpy as np

from kalander.kernels.errors import NumericalError
from kalander.twin.inference.maximum import Density, Peak
from kalander.twin.inference.priors import Prior
from kalander.twin.inference.proposal import Mixture, StudentT, about_peaks, fitted_mixture

__all__ = ["Chains", "Effort", "Loose", "sample", "split_rhat"]

WINDOW = "A wider window of frequency, a model with fewer elements or more steps may help"
PILOTS = ((64, 24), (64, 24))  # steps of the short chains, and how many of them are left out
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
    most_steps: int = 8192
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


@dataclass(frozen=True)
class Loose:
    """A group of coordinates that the data hardly bind, with about the mean and deviation that their priors have."""

    rows: tuple[int, ...]
    centre: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, names: Sequence[str], rows: Mapping[str, int], priors: Mapping[str, Prior]) -> "Loose":
        """The group of parameters with these names."""
        about = np.array([priors[name].about for name in names])
        return cls(tuple(rows[name] for name in names), about[:, 0], about[:, 1])


def sample(
    density: Density,
    peak: Peak,
    *,
    seed: np.random.SeedSequence,
    effort: Effort,
    what: str,
    loose: Sequence[Loose] = (),
    shoulders: Sequence[Peak] = (),
    remedy: str = WINDOW,
) -> Chains:
    """Chains that have converged. Raises NumericalError that names `what` and a remedy where they have not in
    most_steps.

    loose: groups of coordinates that are redrawn alone as well. shoulders: places besides the peak where much of the
    density may lie; chains find out.
    """
    states = [np.random.RandomState(np.random.MT19937(child)) for child in seed.spawn(effort.ensembles)]
    starts = [_start(density, peak, random, effort.walkers) for random in states]
    proposal = about_peaks([peak, *shoulders])
    wider = 1.5  # the curvature at a peak is narrower than what hardly binds
    for steps, left_out in PILOTS:
        moves = _moves(proposal, loose, wider)
        pilots = [_chain(density, start, steps, random, moves) for start, random in zip(starts, states)]
        starts = [pilot.get_last_sample().coords for pilot in pilots]
        places = [pilot.get_chain(discard=left_out, flat=True) for pilot in pilots]
        proposal = fitted_mixture(np.concatenate(places), proposal)
        wider = 1.0
    moves = _moves(proposal, loose, wider)
    samplers = [_sampler(density, start.shape, random, moves) for start, random in zip(starts, states)]
    done, steps = 0, effort.steps
    while True:
        for sampler, start in zip(samplers, starts):
            sampler.run_mcmc(start if not done else None, steps - done, skip_initial_state_check=True)
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


def _moves(proposal: Mixture, loose: Sequence[Loose], wider: float) -> Moves:
    """The mixture of moves and their shares."""
    along = [(emcee.moves.DEMove(), 0.2), (emcee.moves.StretchMove(), 0.1)]
    if not loose:
        return [(emcee.moves.MHMove(proposal.move), 0.7), *along]
    share = 0.1 / len(loose)
    groups: Moves = []
    for one in loose:
        prior = StudentT(one.centre, np.diag(one.deviation**2))
        groups.append((emcee.moves.MHMove(proposal.move_of(one.rows, wider)), share))
        groups.append((emcee.moves.MHMove(prior.in_place_of(one.rows)), share))
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
