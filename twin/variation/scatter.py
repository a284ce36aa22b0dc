"""Quantities that scatter together as a multivariate normal, drawn by quasi-random numbers. Pure.

Deviations are from the nominal value, as in a case: shares of it, of porosity porosity.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, qmc

from kalander.kernels.errors import Fault, InputError

__all__ = ["Scatter"]


@dataclass(frozen=True, eq=False)
class Scatter:
    """Names of k quantities, standard deviations (k,) and correlations (k, k). Raises InputError."""

    names: tuple[str, ...]
    sd: np.ndarray
    correlation: np.ndarray

    def __post_init__(self) -> None:
        faults = [
            Fault(f"scatter.{name}", float(value), "is no standard deviation", "a finite number, at least 0")
            for name, value in zip(self.names, self.sd) if not (np.isfinite(value) and value >= 0)
        ]  # fmt: skip
        matrix = self.correlation
        if matrix.shape != (len(self.names),) * 2 or not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T):
            faults.append(Fault("scatter.correlation", matrix.shape, "is no correlation", "symmetric, one row a name"))
        elif (least := float(np.linalg.eigvalsh(matrix)[0])) <= 1e-10:
            why = "is the least eigenvalue of the correlations: no quantities scatter so"
            faults.append(Fault("scatter.correlation", round(least, 6), why, "above 0: weaken the correlations"))
        if faults:
            raise InputError(faults)

    @property
    def covariance(self) -> np.ndarray:
        """Of the deviations (k, k)."""
        return self.correlation * np.outer(self.sd, self.sd)

    def factor(self, order: np.ndarray | None = None) -> np.ndarray:
        """L (k, k) with deviations = L z of independent standard scores z; order: the first of it has a score alone."""
        order = np.arange(len(self.names)) if order is None else order
        lower = np.linalg.cholesky(self.correlation[np.ix_(order, order)])
        found = np.empty_like(lower)
        found[order] = lower
        return found * self.sd[:, None]

    def draw(self, count: int, sampler: str = "sobol", seed: int = 0) -> np.ndarray:
        """Deviations (count, k) by a scrambled Sobol sequence ("sobol") or a Latin hypercube ("latin").

        Owen, SIAM J. Numer. Anal. 34 (1997) 1884; McKay, Beckman, Conover, Technometrics 21 (1979) 239.
        """
        return self.scores(count, len(self.names), sampler, seed) @ self.factor().T

    @staticmethod
    def scores(count: int, dimensions: int, sampler: str, seed: int) -> np.ndarray:
        """Independent standard normal scores (count, dimensions)."""
        if sampler == "latin":
            unit = qmc.LatinHypercube(dimensions, seed=seed).random(count)
        else:  # the power of two above is balanced; of it the first are taken
            unit = qmc.Sobol(dimensions, seed=seed).random(2 ** int(np.ceil(np.log2(count))))[:count]
        return norm.ppf(np.clip(unit, 1e-12, 1.0 - 1e-12))
