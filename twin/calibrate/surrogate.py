"""What simulations would answer between those that were made: means with their own error, and the share that fails.

Outputs of one run err together, because they are of the same boxes. They are turned into combinations whose scatter
over seeds is independent and whose values over the design are uncorrelated (both covariances made diagonal at once),
and each combination is a Gaussian process; the error of the outputs keeps their correlation.
"""

from dataclasses import dataclass

import numpy as np

from kalander.kernels.errors import NumericalError
from kalander.twin.calibrate.gaussian import Processes, fit_processes

__all__ = ["Surrogate", "fit_surrogate"]

QUIET = 1e-6  # of an output's variance over the design: the least that counts as scatter over seeds
FEWEST = 2  # runs beyond the parameters, without which there is no trend
REACH = 0.15  # of the cube's side: how far a failure speaks
FAITH = 0.2  # runs that one believes to succeed before any was made


@dataclass(frozen=True, eq=False)
class Surrogate:
    """mixing (output, process): outputs are centre + mixing @ processes. scatter (output, output): covariance of what
    one seed gives. tried (run, axis) and share (run,): which share of the seeds of each run came to its end.
    """

    processes: Processes
    centre: np.ndarray
    mixing: np.ndarray
    scatter: np.ndarray
    tried: np.ndarray
    share: np.ndarray

    def predicted(self, places: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean (place, output) and covariance (place, output, output) of the error at places (place, axis)."""
        mean, variance = self.processes.predicted(places)
        mixing = self.mixing[outputs]
        return self.centre[outputs] + mean.T @ mixing.T, np.einsum("ak,kp,bk->pab", mixing, variance, mixing)

    def succeeds(self, places: np.ndarray) -> np.ndarray:
        """Probability that a run comes to its end, shape (place,); 1 where none has failed."""
        if (self.share >= 1.0).all():
            return np.ones(len(places))
        apart = ((places[:, None, :] - self.tried[None, :, :]) ** 2).mean(axis=-1)
        near = np.exp(-0.5 * apart / REACH**2)
        return (near @ self.share + FAITH) / (near.sum(axis=1) + FAITH)


def fit_surrogate(places: np.ndarray, values: np.ndarray, run: np.ndarray, needed: np.ndarray) -> Surrogate:
    """A surrogate of values (point, seed, output) at places (point, axis); NaN where a seed failed.

    run (point,): points whose boxes are the same. needed: outputs without which a run has not succeeded. Raises
    NumericalError where too few came to their end.
    """
    whole = np.isfinite(values).all(axis=2)
    good = whole.any(axis=1)
    fewest = places.shape[1] + FEWEST
    if len(np.unique(run[good])) < fewest:
        raise NumericalError(
            f"{len(np.unique(run[good]))} runs came to their end, and {fewest} are the fewest for "
            f"{places.shape[1]} parameters: see `failures` in the answer, narrow the ranges, or raise --runs"
        )
    mean = np.array([one[there].mean(axis=0) for one, there in zip(values[good], whole[good])])
    centre, scale = mean.mean(axis=0), mean.std(axis=0)
    scale = np.where(scale > 0.0, scale, 1.0)
    scatter = _scatter(values[good] / scale, whole[good], run[good])
    seeds = float(whole[good].sum(axis=1).mean())
    mixing, spread = _mixing((mean - centre) / scale, scatter / seeds)
    combined = np.linalg.solve(mixing, ((mean - centre) / scale).T)
    noise = np.clip(1.0 / spread**2, QUIET, 1.0)
    processes = fit_processes(places[good], combined / spread[:, None], run[good], noise)
    first = np.unique(run, return_index=True)[1]
    return Surrogate(
        processes, centre, scale[:, None] * mixing * spread, scatter * np.outer(scale, scale), places[first],
        np.array([np.isfinite(values[run == one][:, :, needed]).all(axis=2).mean() for one in run[first]]),
    )  # fmt: skip


def _scatter(values: np.ndarray, whole: np.ndarray, run: np.ndarray) -> np.ndarray:
    """Covariance of one seed's outputs about the mean of their run, pooled over runs, shape (output, output).

    Of few runs the correlations are not believed in full. Without replicas: nothing is known of it but QUIET.
    """
    outputs = values.shape[2]
    total, freedom = np.zeros((outputs, outputs)), 0
    for one, there in zip(values, whole):
        if there.sum() > 1:
            off = one[there] - one[there].mean(axis=0)
            total += off.T @ off
            freedom += len(off) - 1
    if not freedom:
        return QUIET * np.eye(outputs)
    covariance = total / freedom
    share = outputs / (outputs + freedom * len(np.unique(run)) / len(run))
    return (1.0 - share) * covariance + share * np.diag(np.diag(covariance))


def _mixing(values: np.ndarray, scatter: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The matrix that makes outputs (run, output) of independent combinations of unit scatter, and their spreads."""
    outputs = values.shape[1]
    root = np.linalg.cholesky(scatter + QUIET * np.eye(outputs))
    white = np.linalg.solve(root, values.T)
    variances, turn = np.linalg.eigh(white @ white.T / len(values))
    return root @ turn, np.sqrt(np.maximum(variances, 1e-12))
