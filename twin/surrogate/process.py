"""A Gaussian process of scikit-learn (extra `surrogate`) on scaled inputs, with what it needs to be kept and judged."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_solve

from kalander.kernels.errors import Fault, InputError

__all__ = ["Process", "fitted"]

JITTER = 1e-10  # on the diagonal, of unit variance: rounding
LENGTHS = (0.05, 50.0)  # scales of a kernel in standard deviations of an input
NOISE = (1e-10, 1.0)  # variance of noise that the data may show, of unit variance


@dataclass(frozen=True, eq=False)
class Process:
    """Inputs (n, k), residuals (n,), variance of their noise (n,), and the kernel's logarithmic parameters."""

    inputs: np.ndarray
    values: np.ndarray
    noise: np.ndarray
    theta: np.ndarray
    model: Any
    scale: tuple[np.ndarray, np.ndarray, float]

    def predict(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean and standard deviation of the function behind the noise at inputs (m, k), and the share of the prior's
        variance that the data left."""
        centre, width, height = self.scale
        mean, deviation = self.model.predict((inputs - centre) / width, return_std=True)
        prior, own = self._variances()
        left = np.clip(deviation**2 - own, 0.0, None)
        return height * mean, height * np.sqrt(left), left / prior

    def covariance(self, inputs: np.ndarray) -> np.ndarray:
        """Of values at inputs (m, k) after the data, (m, m), with the shown noise on the diagonal."""
        centre, width, height = self.scale
        _, found = self.model.predict((inputs - centre) / width, return_cov=True)
        return height**2 * np.asarray(found)

    def _variances(self) -> tuple[float, float]:
        """Prior variance of the function, and the noise that the data showed beyond the stated one."""
        kernel = self.model.kernel_
        return float(kernel.k1.k1.constant_value), float(kernel.k2.noise_level)

    @property
    def shown_noise(self) -> float:
        """Standard deviation of the noise that the data showed beyond the stated one."""
        return float(self.scale[2] * np.sqrt(self._variances()[1]))

    def left_out(self) -> tuple[np.ndarray, np.ndarray]:
        """What the others predict of each value, and its standard deviation, noise included.

        Source: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), eqs. 5.10–5.12.
        """
        height = self.scale[2]
        inverse = cho_solve((self.model.L_, True), np.eye(len(self.values)))
        weights, diagonal = inverse @ (self.values / height), np.diagonal(inverse)
        return self.values - height * weights / diagonal, height / np.sqrt(diagonal)


def fitted(
    inputs: np.ndarray, values: np.ndarray, noise: np.ndarray, *, theta: np.ndarray | None = None, restarts: int = 1,
    seed: int = 0,
) -> Process:  # fmt: skip
    """The process of largest likelihood; theta: its parameters where they are known. Raises InputError.

    values: about 0, as residuals of a mean are; noise: variance of each value. The kernel is Matérn's of order 5/2 with
    a length for each input, and white noise that the data may show.
    """
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
        from threadpoolctl import threadpool_limits
    except ImportError:
        allowed = "pip install 'kalander[surrogate]'"
        raise InputError(Fault("surrogate", "scikit-learn", "is not installed", allowed)) from None
    centre, width = inputs.mean(axis=0), inputs.std(axis=0)
    width = np.where(width > 0, width, 1.0)
    height = float(np.sqrt(np.mean(values**2))) or 1.0
    kernel = ConstantKernel(1.0, (1e-3, 1e4)) * Matern(np.full(inputs.shape[1], 1.0), LENGTHS, nu=2.5)
    kernel += WhiteKernel(1e-4, NOISE)
    if theta is not None:
        kernel = kernel.clone_with_theta(theta)
    model = GaussianProcessRegressor(
        kernel, alpha=noise / height**2 + JITTER, optimizer=None if theta is not None else "fmin_l_bfgs_b",
        n_restarts_optimizer=restarts, random_state=seed,
    )  # fmt: skip
    # small matrices: threads only wait for each other; a length at its bound says that an input does not matter
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((inputs - centre) / width, values / height)
    return Process(inputs, values, noise, model.kernel_.theta, model, (centre, width, height))
