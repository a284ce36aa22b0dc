"""The posterior density: priors, and a normal likelihood whose covariance holds the surrogate's error."""

from dataclasses import dataclass

import numpy as np

from kalander.twin.calibrate.parameters import Parameter
from kalander.twin.calibrate.surrogate import Surrogate

__all__ = ["Measurements", "Posterior"]

LN_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True, eq=False)
class Measurements:
    """outputs (datum,): which output each is of; values and variances (datum,): of measurement and of the model."""

    outputs: np.ndarray
    values: np.ndarray
    variances: np.ndarray


@dataclass(frozen=True, eq=False)
class Posterior:
    """Coordinates u, shape (walker, parameter), in the order of the parameters, each in that of its prior."""

    parameters: tuple[Parameter, ...]
    surrogate: Surrogate
    data: Measurements

    def values(self, u: np.ndarray) -> np.ndarray:
        """Parameters [SI], of the shape of u."""
        return np.stack([one.prior.value(u[..., row]) for row, one in enumerate(self.parameters)], axis=-1)

    def coordinates(self, values: np.ndarray) -> np.ndarray:
        """The way back."""
        return np.stack([one.prior.coordinate(values[..., row]) for row, one in enumerate(self.parameters)], axis=-1)

    def places(self, values: np.ndarray) -> np.ndarray:
        """Places in the cube of the design."""
        return np.stack([one.share(values[..., row]) for row, one in enumerate(self.parameters)], axis=-1)

    def log_likelihood(self, places: np.ndarray) -> np.ndarray:
        """Shape (place,): of the data, and of a run that comes to its end, as the one in the real line did."""
        mean, covariance = self.surrogate.predicted(places, self.data.outputs)
        covariance = covariance + np.diag(self.data.variances)
        root = np.linalg.cholesky(covariance)
        off = np.linalg.solve(root, (self.data.values - mean)[..., None])[..., 0]
        size = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        found = -0.5 * (off**2).sum(axis=1) - size - 0.5 * len(self.data.values) * LN_2PI
        return found + np.log(self.surrogate.succeeds(places))

    def log_density(self, u: np.ndarray) -> np.ndarray:
        """Logarithm of prior and likelihood, shape (walker,); -inf outside of the ends of a parameter."""
        with np.errstate(all="ignore"):
            places = self.places(self.values(u))
        inside = np.isfinite(places).all(axis=1) & (places >= 0.0).all(axis=1) & (places <= 1.0).all(axis=1)
        found = np.full(len(u), -np.inf)
        if inside.any():
            prior = np.sum([one.prior.log_density(u[inside, row]) for row, one in enumerate(self.parameters)], axis=0)
            found[inside] = prior + self.log_likelihood(places[inside])
        return np.where(np.isfinite(found), found, -np.inf)
