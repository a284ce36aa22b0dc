"""What the data say of each parameter, which they cannot tell apart, and what is predicted: with 90 % intervals."""

from typing import Any

import numpy as np

from kalander.twin.calibrate.calibration import Calibration
from kalander.twin.calibrate.design import drawn, hypercube
from kalander.twin.calibrate.states import OUTPUTS, web_of_porosity

__all__ = ["interval", "pairs", "parameter_rows", "predicted", "state_rows"]

TOLD, HARDLY = 0.5, 0.85  # width over the prior's: below the first data tell a parameter, above the second nothing
TIED = 0.7  # correlation from which on two parameters are told together alone
PRIOR_DRAWS = 4096


def interval(samples: np.ndarray) -> dict[str, float]:
    """Median and the 90 % interval."""
    low, middle, high = np.quantile(samples, [0.05, 0.5, 0.95])
    return {"median": float(middle), "lo90": float(low), "hi90": float(high)}


def parameter_rows(done: Calibration) -> list[dict[str, Any]]:
    """Of each parameter [SI]: posterior, prior, and the width of one over that of the other (in its own scale)."""
    quantiles = hypercube(PRIOR_DRAWS, len(done.parameters), np.random.Generator(np.random.Philox(key=[0, 0])))
    before, after, rows = drawn(done.parameters, quantiles), done.samples, []
    for row, one in enumerate(done.parameters):
        width = [float(np.ptp(np.quantile(one.share(values[:, row]), [0.05, 0.95]))) for values in (after, before)]
        ratio = width[0] / width[1]
        told = "told" if ratio < TOLD else "hardly told" if ratio < HARDLY else "not told"
        rows.append({
            "key": one.key, "unit": one.unit, **interval(after[:, row]),
            "prior_lo90": interval(before[:, row])["lo90"], "prior_hi90": interval(before[:, row])["hi90"],
            "width_ratio": ratio, "identified": told,
        })  # fmt: skip
    return rows


def pairs(done: Calibration) -> list[dict[str, Any]]:
    """Pairs of parameters that the data tie together: correlation (in the scale of their priors), strongest first.

    exponent: of the second in first x second^exponent, the combination that the data hold still; None where not both
    are counted in ratios.
    """
    places = np.stack([one.share(done.samples[:, row]) for row, one in enumerate(done.parameters)])
    found = []
    correlation = np.corrcoef(places) if len(places) > 1 else np.eye(1)
    for first in range(len(places)):
        for second in range(first + 1, len(places)):
            tie = float(correlation[first, second])
            if abs(tie) < TIED:
                continue
            one, other = done.parameters[first], done.parameters[second]
            exponent = None
            if one.logarithmic and other.logarithmic:
                sizes = [np.log(done.samples[:, row]).std() for row in (first, second)]
                exponent = float(-np.sign(tie) * sizes[0] / sizes[1])
            found.append({"first": one.key, "second": other.key, "correlation": tie, "exponent": exponent})
    return sorted(found, key=lambda pair: -abs(pair["correlation"]))


def predicted(done: Calibration, seed: int = 1) -> np.ndarray:
    """Draws of every output by the posterior, shape (draw, output): with the errors of surrogate and model."""
    random = np.random.Generator(np.random.Philox(key=[done.choices.seed, seed]))
    every = np.arange(done.problem.outputs)
    mean, covariance = done.posterior.surrogate.predicted(done.posterior.places(done.samples), every)
    covariance = covariance + (done.choices.model_error**2 + 1e-12) * np.eye(len(every))
    root = np.linalg.cholesky(covariance)
    return mean + np.einsum("pab,pb->pa", root, random.standard_normal(mean.shape))


def state_rows(done: Calibration) -> list[dict[str, Any]]:
    """Of each state that was calendered and each quantity: prediction [SI], and what was measured beside it.

    inside90: whether the measured value lies in the 90 % interval of a measurement (that of the state and its error).
    """
    draws, rows = predicted(done), []
    random = np.random.Generator(np.random.Philox(key=[done.choices.seed, 2]))
    for number, state in enumerate(done.pressed):
        setting, value = state.setting
        porous = np.clip(draws[:, len(OUTPUTS) * number], 1e-3, 0.999)
        columns = {
            "porosity": porous, "thickness": web_of_porosity(done.card, porous),
            "springback": draws[:, len(OUTPUTS) * number + 1],
        }  # fmt: skip
        for quantity, samples in columns.items():
            measured = getattr(state, quantity)
            row: dict[str, Any] = {
                "name": state.name, "lab": state.lab, "use": state.use, "setting": setting, "value": value,
                "quantity": quantity, **interval(samples), "measured": measured, "measured_sd": None, "inside90": None,
            }  # fmt: skip
            if measured is not None:
                deviation = state.deviation(quantity)
                seen = samples + deviation * random.standard_normal(len(samples))
                low, high = np.quantile(seen, [0.05, 0.95])
                row |= {"measured_sd": deviation, "inside90": bool(low <= measured <= high)}
            rows.append(row)
    return rows
