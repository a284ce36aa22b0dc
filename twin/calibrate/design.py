"""Where to simulate: a space-filling beginning, then where the posterior lies and the surrogate knows least.

The second is sequential design for calibration (Kennedy & O'Hagan, J. R. Stat. Soc. B 63 (2001) 425, calls for it;
Sinsbeck & Nowak, SIAM/ASA J. Uncertainty Quantification 5 (2017) 640, compare rules): candidates are drawn from the
posterior at hand, flattened so that it is not believed too early, and taken one by one by the variance that is left.
"""

from dataclasses import dataclass

import numpy as np

from kalander.twin.calibrate.parameters import Parameter
from kalander.twin.calibrate.posterior import Posterior

__all__ = ["Aims", "Weighted", "doubt", "first_places", "next_places", "weighted"]

DRAWN = 1 << 13  # places of the prior among which posteriors of a round are weighed
CANDIDATES = 256
ENOUGH = 128.0  # candidates that the flattened posterior is spread over at the least
HALVINGS = 30
HYPERCUBES = 200


def first_places(count: int, axes: int, seed: int) -> np.ndarray:
    """A Latin hypercube in the unit cube, shape (count, axes): of many the one whose closest points are farthest apart.

    Morris & Mitchell, J. Stat. Plan. Inference 43 (1995) 381.
    """
    random = _random(seed, 0)
    tried = [hypercube(count, axes, random) for _ in range(HYPERCUBES if count > 1 else 1)]
    return max(tried, key=_closest)


def hypercube(count: int, axes: int, random: np.random.Generator) -> np.ndarray:
    """One point in each of `count` slices of every axis."""
    rows = np.stack([random.permutation(count) for _ in range(axes)], axis=-1)
    return (rows + random.random((count, axes))) / count


def _closest(places: np.ndarray) -> float:
    apart = ((places[:, None, :] - places[None, :, :]) ** 2).sum(axis=-1)
    return float(apart[np.triu_indices(len(places), 1)].min(initial=np.inf))


def _random(seed: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, number]))


@dataclass(frozen=True, eq=False)
class Aims:
    """Outputs (aim,) that the surrogate shall know, and variances (aim,) of which its own shall be a small share."""

    outputs: np.ndarray
    variances: np.ndarray


@dataclass(frozen=True, eq=False)
class Weighted:
    """Values (draw, parameter) of the prior, and their weights in the posterior, sum 1; flat: in a flattened one."""

    values: np.ndarray
    weights: np.ndarray
    flat: np.ndarray

    @property
    def effective(self) -> float:
        """Draws that count."""
        return float(1.0 / (self.weights**2).sum())


def weighted(posterior: Posterior, seed: int) -> Weighted:
    """Draws of the prior weighed by their likelihood; flattened by a power below 1 where few of them count."""
    values = drawn(posterior.parameters, hypercube(DRAWN, len(posterior.parameters), _random(seed, 1)))
    height = np.concatenate([
        posterior.log_likelihood(part) for part in np.array_split(posterior.places(values), DRAWN // 512)
    ])  # fmt: skip
    power, flat = 1.0, _normal(height)
    for _ in range(HALVINGS):
        if 1.0 / (flat**2).sum() >= ENOUGH:
            break
        power *= 0.7
        flat = _normal(power * height)
    return Weighted(values, _normal(height), flat)


def drawn(parameters: tuple[Parameter, ...], quantiles: np.ndarray) -> np.ndarray:
    """Values [SI] at quantiles of the priors, shape (draw, parameter)."""
    return np.stack([one.drawn(quantiles[:, row]) for row, one in enumerate(parameters)], axis=-1)


def _normal(height: np.ndarray) -> np.ndarray:
    weight = np.exp(height - height.max())
    return weight / weight.sum()


def next_places(
    posterior: Posterior, known: Weighted, aims: Aims, count: int, *, seed: int, number: int
) -> np.ndarray:  # fmt: skip
    """Places of the next runs, shape (count, axis): each where the error over that which is aimed at is largest, given
    those before it."""
    random = _random(seed, 2 + number)
    chosen = random.choice(len(known.values), CANDIDATES, p=known.flat)
    places = posterior.places(known.values[np.unique(chosen)])
    surrogate = posterior.surrogate
    gain = (surrogate.mixing[aims.outputs] ** 2 / aims.variances[:, None]).sum(axis=0)
    covariance = surrogate.processes.covariance(places, places)
    picked: list[int] = []
    for _ in range(count):
        left = np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0)
        score = gain @ left
        score[picked] = -1.0
        row = int(np.argmax(score))
        picked.append(row)
        noise = np.median(left, axis=1) + 1e-12
        column = covariance[:, :, row]
        covariance = covariance - column[:, :, None] * column[:, None, :] / (column[:, row] + noise)[:, None, None]
    return places[picked]


def doubt(posterior: Posterior, known: Weighted, aims: Aims) -> float:
    """Variance of the surrogate over that which is aimed at, mean over the posterior and the aims."""
    some = np.argsort(-known.weights)[:CANDIDATES]
    _, covariance = posterior.surrogate.predicted(posterior.places(known.values[some]), aims.outputs)
    share = (np.diagonal(covariance, axis1=1, axis2=2) / aims.variances).mean(axis=1)
    return float(share @ known.weights[some] / known.weights[some].sum())
