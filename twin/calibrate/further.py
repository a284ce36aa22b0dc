"""Which measurement next: how much narrower each parameter would become, by made-up measurements from the posterior.

A made-up value is drawn for one draw of the posterior, with the errors of measurement, model and surrogate; the other
draws are weighed by it; the mean over such trials of the standard deviations is what to expect (Chaloner & Verdinelli,
Statistical Science 10 (1995) 273, on expected information).
"""

from typing import Any

import numpy as np

from kalander.coupling.cases.measured import USUAL_SD
from kalander.twin.calibrate.calibration import Calibration
from kalander.twin.calibrate.states import OUTPUTS
from kalander.twin.inference.proposal import REGULAR

__all__ = ["next_rows"]

DRAWS = 1000
TRIALS = 100


def next_rows(done: Calibration) -> list[dict[str, Any]]:
    """Every quantity of every state, those measured already once more: expected widths over the present, best first.

    gain: mean over trials of the logarithm by which the volume of the posterior (root of the determinant of its
    covariance) shrinks.
    """
    samples = done.samples
    chosen = np.unique(np.linspace(0, len(samples) - 1, DRAWS).round().astype(int))
    places = done.posterior.places(samples[chosen])
    every = np.arange(done.problem.outputs)
    mean, covariance = done.posterior.surrogate.predicted(places, every)
    rows = []
    for number, state in enumerate(done.pressed):
        setting, value = state.setting
        for quantity in OUTPUTS:  # a thickness tells what a porosity does, by the mass that is on the foil
            output = len(OUTPUTS) * number + OUTPUTS.index(quantity)
            deviation = USUAL_SD[quantity] if getattr(state, quantity) is None else state.deviation(quantity)
            variance = deviation**2 + done.choices.model_error**2 + covariance[:, output, output]
            shrunk, gain = _trials(places, mean[:, output], variance, done.choices.seed)
            rows.append({
                "name": state.name, "setting": setting, "value": value, "quantity": quantity, "sd": deviation,
                "measured_already": getattr(state, quantity) is not None and state.use == "fit", "gain": gain,
                "width_ratio": {one.key: float(share) for one, share in zip(done.parameters, shrunk)},
            })  # fmt: skip
    return sorted(rows, key=lambda row: -row["gain"])


def _trials(places: np.ndarray, mean: np.ndarray, variance: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    """Expected share of each parameter's standard deviation that is left, and the gain."""
    random = np.random.Generator(np.random.Philox(key=[seed, 3]))
    truths = random.integers(len(places), size=TRIALS)
    values = mean[truths] + np.sqrt(variance[truths]) * random.standard_normal(TRIALS)
    height = -0.5 * (values[:, None] - mean[None, :]) ** 2 / variance - 0.5 * np.log(variance)
    weights = np.exp(height - height.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    middle = weights @ places
    off = places[None, :, :] - middle[:, None, :]
    covariances = np.einsum("tp,tpi,tpj->tij", weights, off, off)
    own = np.cov(places.T, bias=True).reshape(places.shape[1], -1)
    left = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2)).mean(axis=0) / np.sqrt(np.diag(own))
    sizes = np.linalg.slogdet(covariances + REGULAR * np.eye(len(own)))[1]
    return left, float(0.5 * (np.linalg.slogdet(own + REGULAR * np.eye(len(own)))[1] - sizes).mean())
