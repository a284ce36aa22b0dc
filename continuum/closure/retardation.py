"""From relaxation to retardation: what a strain does under constant stress, and what comes back after a short press.

With g_inf = 1 - sum g_k, s the Laplace variable and Q(s) = g_inf + sum g_k s tau_k / (1 + s tau_k), the compliance
over that at once is the inverse of 1 / (s Q): J(t) = 1 + sum j_k (1 - exp(-t / lambda_k)) + t / eta. -1 / lambda_k are
the zeros of Q; each lies between two of its poles -1 / tau_k, and one between the last and 0 where something stays
(Gross, Mathematical Structure of the Theories of Viscoelasticity, 1953). Times in seconds.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from kalander.kernels.errors import Fault, InputError

__all__ = ["Retardation", "delayed_after_press", "retardation"]

LIQUID = 1e-12  # of the instantaneous modulus: less than this does not stay


@dataclass(frozen=True, eq=False)
class Retardation:
    """weights j_k and times lambda_k [s], shape (term,), of the creep over the strain at once; viscosity [s] of the
    flow t / eta of a series that relaxes to nothing, inf of a solid."""

    weights: np.ndarray
    times: np.ndarray
    viscosity: float = math.inf

    def strain(self, time: np.ndarray) -> np.ndarray:
        """Strain over that at once, under a constant stress, at times of any shape."""
        time = np.asarray(time, float)
        crept = 1.0 - np.exp(-time[..., None] / self.times)
        return 1.0 + np.sum(self.weights * crept, axis=-1) + time / self.viscosity


def retardation(weights: np.ndarray, times: np.ndarray) -> Retardation:
    """Of a Prony series with different times. Raises InputError for weights whose sum exceeds 1."""
    weights, times = np.asarray(weights, float), np.asarray(times, float)
    stays = 1.0 - float(weights.sum())
    if stays < -LIQUID or np.any(weights <= 0.0) or np.any(times <= 0.0) or len(np.unique(times)) < len(times):
        allowed = "weights above 0 of sum 1 at most, different times above 0 s"
        raise InputError(Fault("relaxation", [weights.tolist(), times.tolist()], "has no retardation", allowed))
    order = np.argsort(times)
    weights, times = weights[order], times[order]

    def modulus(log_time: float) -> float:
        # Q at s = -1 / lambda: lambda g_inf + ... has the sign of Q
        return stays + float(np.sum(weights * times / (times - math.exp(log_time))))

    found = []
    for low, high in zip(times, [*times[1:], math.inf]):
        if math.isinf(high):
            if stays <= LIQUID:
                continue
            high = low * 2.0
            while modulus(math.log(high)) < 0.0:
                high *= 4.0
        tight = 1e-13 * (math.log(high) - math.log(low) + 1.0)
        found.append(math.exp(brentq(modulus, math.log(low) + tight, math.log(high) - tight, xtol=1e-15)))
    lambdas = np.array(found)
    # j = lambda / Q'(-1 / lambda), Q' = sum g tau / (1 + s tau)^2
    steep = np.sum(weights * times / (1.0 - times / lambdas[:, None]) ** 2, axis=1)
    viscosity = float(np.sum(weights * times)) if stays <= LIQUID else math.inf
    return Retardation(lambdas / steep, lambdas, viscosity)


def delayed_after_press(weights: np.ndarray, times: np.ndarray, duration: float) -> float:
    """Strain that comes back late, over the strain that comes back at once, after a constant stress for so long [s].

    Linear: each retarded term has crept by j (1 - exp(-duration / lambda)) and gives all of that back. So weeks of
    recovery after milliseconds of nip need weights of the order of lambda / duration, or times that pressure shortens.
    """
    crept = retardation(weights, times)
    return float(np.sum(crept.weights * -np.expm1(-duration / crept.times)))
