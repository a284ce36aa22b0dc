"""Which further measurements would halve the interval of α: the posterior at hand, designs, and a trial by simulation.

Designs are ranked by information (Fisher's for the spectra, that of a line with errors for the law), which takes
milliseconds; the one proposed is then tried on made-up measurements, drawn from the posterior at hand and judged by the
same inference.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kalander.twin.inference.electrode import Electrode
from kalander.twin.inference.infer import Inference, SpectrumResult
from kalander.twin.inference.law import LawPriors, fit_law_posterior
from kalander.twin.inference.marginal import marginal_of
from kalander.twin.inference.sampler import Effort

__all__ = ["Design", "design_answer", "law_deviation", "resistance_deviation", "tried"]

MOST = 64  # electrodes of a design
WIDE = (0.25, 0.50)  # porosities that one can calender to and still handle
TRIALS = 10
QUICK = Effort(ensembles=2, walkers=24, steps=256, rhat=1.02, lengths=25.0)


@dataclass(frozen=True)
class Design:
    """Electrodes in one study: their porosities, relative error of each R_ion, standard deviation of each porosity."""

    name: str
    porosity: np.ndarray
    resistance_error: float
    porosity_error: float


def resistance_deviation(one: SpectrumResult, frequency: np.ndarray | None = None) -> float:
    """Standard deviation of ln R_ion of a cell like this one, measured at other frequencies [Hz] with its noise."""
    posterior = one.fit.posterior
    spectrum = one.spectrum if frequency is None else replace(one.spectrum, frequency=np.sort(frequency)[::-1])
    other = replace(posterior, spectrum=spectrum)
    mode, count = one.fit.peak.mode, len(posterior.model.names)
    step = 1e-4
    moves = np.zeros((2 * count + 1, len(mode)))
    moves[1 : count + 1, :count], moves[count + 1 :, :count] = step * np.eye(count), -step * np.eye(count)
    curves = other.impedance(mode + moves)
    real, imaginary = other.variances(other.values(mode[None]), curves[:1])
    slope = (curves[1 : count + 1] - curves[count + 1 :]) / (2.0 * step)
    information = (slope.real / real) @ slope.real.T + (slope.imag / imaginary) @ slope.imag.T
    prior = [
        _curvature(posterior.priors[name].log_density, mode[row]) for row, name in enumerate(posterior.model.names)
    ]
    covariance = np.linalg.inv(information + np.diag(np.maximum(prior, 1e-6)))
    values = {name: column[:, 0] for name, column in posterior.values(mode + moves).items()}
    ionic = np.log(posterior.model.resistances(values)["ionic"])
    gradient = (ionic[1 : count + 1] - ionic[count + 1 :]) / (2.0 * step)
    return float(np.sqrt(gradient @ covariance @ gradient))


def _curvature(log_density: Any, u: float) -> float:
    """Negative second derivative of a prior."""
    step = 1e-3
    low, middle, high = log_density(np.array([u - step, u, u + step]))
    return float(-(low - 2.0 * middle + high) / step**2)


def law_deviation(design: Design, alpha: float, priors: LawPriors) -> float:
    """Standard deviation of alpha by the information of a line through ln τ with these errors."""
    error = design.resistance_error**2 + ((alpha + 1.0) * design.porosity_error / design.porosity) ** 2
    weight = 1.0 / (error + priors.scatter**2)
    x = -np.log(design.porosity)
    matrix = np.array([[weight.sum(), (weight * x).sum()], [(weight * x).sum(), (weight * x * x).sum()]])
    fixed = 1e12 if priors.fixed else 0.0
    matrix += np.diag([1.0 / priors.log_f**2 + fixed, 1.0 / priors.alpha[1] ** 2])
    return float(np.sqrt(np.linalg.inv(matrix)[1, 1]))


def design_answer(done: Inference) -> dict[str, Any]:
    """Options with the interval of alpha that each promises, and the one proposed, tried by simulation; SI."""
    alpha, priors = float(np.median(done.law.parameters["alpha"])), done.choices.law
    now = _present(done)
    target = 0.5 * law_deviation(now, alpha, priors)
    options = [*_windows(done, now), *_electrodes(now, alpha, priors, target)]
    rows = [_row(option, law_deviation(option, alpha, priors), target) for option in options]
    reached = [option for option, row in zip(options, rows) if row["halves"]]
    answer: dict[str, Any] = {
        "alpha_sd_now": law_deviation(now, alpha, priors),
        "alpha_width90_now": float(np.diff(np.quantile(done.law.parameters["alpha"], [0.05, 0.95]))[0]),
        "options": rows,
        "proposed": None,
    }
    if reached:
        best = min(reached, key=lambda option: len(option.porosity))
        widths = tried(done, best)
        row = _row(best, law_deviation(best, alpha, priors), target)
        answer["proposed"] = row | {
            "alpha_width90_simulated": float(widths.mean()),
            "alpha_width90_simulated_error": float(widths.std(ddof=1) / np.sqrt(len(widths))),
            "trials": len(widths),
        }
    return answer


def _row(design: Design, deviation: float, target: float) -> dict[str, Any]:
    return {
        "name": design.name, "electrodes": len(design.porosity),
        "porosity": [float(design.porosity.min()), float(design.porosity.max())],
        "r_ion_relative_error": design.resistance_error, "porosity_sd": design.porosity_error,
        "alpha_sd": deviation, "halves": bool(deviation <= target * (1.0 + 1e-9)),
    }  # fmt: skip


def _present(done: Inference) -> Design:
    """The study at hand."""
    porosity = np.array([one.electrode.porosity for one in done.spectra])
    error = np.mean([np.log(one.ionic).var() + one.electrode.size_error**2 for one in done.spectra])
    return Design("as it is", porosity, float(np.sqrt(error)), _porosity_error(done))


def _porosity_error(done: Inference) -> float:
    return float(np.sqrt(np.mean([one.electrode.porosity_deviation**2 for one in done.spectra])))


def _windows(done: Inference, now: Design) -> list[Design]:
    """The same electrodes with a wider window, and measured again and again."""
    sizes = np.mean([one.electrode.size_error**2 for one in done.spectra])
    found = []
    for name, below, above in (
        ("a decade lower in frequency", 10.0, 1.0), ("a decade higher in frequency", 1.0, 10.0),
        ("twice the points a decade", 1.0, 1.0),
    ):  # fmt: skip
        squares = []
        for one in done.spectra:
            low, high = one.spectrum.frequency[-1] / below, one.spectrum.frequency[0] * above
            density = (len(one.spectrum.frequency) - 1) / max(one.spectrum.decades, 0.1)
            points = round(density * (2.0 if below == above else 1.0) * np.log10(high / low)) + 1
            squares.append(resistance_deviation(one, np.geomspace(low, high, points)) ** 2)
        found.append(replace(now, name=name, resistance_error=float(np.sqrt(np.mean(squares) + sizes))))
    return [*found, replace(now, name="porosities known twice as well", porosity_error=0.5 * now.porosity_error)]


def _electrodes(now: Design, alpha: float, priors: LawPriors, target: float) -> list[Design]:
    """More electrodes over the same span of porosity and over a wide one: the fewest that reach the target."""
    spans = {"as now": (float(now.porosity.min()), float(now.porosity.max())), "wide": WIDE}
    found = []
    for label, (low, high) in spans.items():
        for layout in ("evenly", "at both ends"):
            for count in range(2, MOST + 1):
                inside = np.linspace(low, high, count)
                ends = np.where(np.arange(count) % 2 == 0, low, high)
                option = replace(
                    now, name=f"{count} electrodes {layout}, span {label}",
                    porosity=inside if layout == "evenly" else ends,
                )  # fmt: skip
                if law_deviation(option, alpha, priors) <= target or count == MOST:
                    found.append(option)
                    break
    return found


def tried(done: Inference, design: Design, trials: int = TRIALS) -> np.ndarray:
    """Widths of the 90 % interval of alpha in made-up studies of a design, shape (trial,).

    Each draws a law from the posterior at hand, true porosities, and measurements of them and of R_ion with their
    errors. Raises NumericalError (not converged).
    """
    random = np.random.Generator(np.random.Philox(done.choices.seed))
    values, like = done.law.parameters, done.spectra[0].electrode
    widths = []
    for trial in range(trials):
        row = int(random.integers(len(values["alpha"])))
        f, alpha = float(values["f"][row]), float(values["alpha"][row])
        log_tau = np.log(f) - alpha * np.log(design.porosity)
        measured = np.clip(design.porosity + design.porosity_error * random.standard_normal(len(log_tau)), 0.02, 0.95)
        electrodes = [
            replace(like, porosity=float(one), porosity_deviation=design.porosity_error, thickness_deviation=0.0,
                    area_deviation=0.0) for one in measured
        ]  # fmt: skip
        shift = design.resistance_error * random.standard_normal(len(log_tau))
        widths.append(_width(done, electrodes, log_tau - np.log(design.porosity / measured) + shift, design, trial))
    return np.array(widths)


def _width(
    done: Inference, electrodes: Sequence[Electrode], log_ratio: np.ndarray, design: Design, trial: int
) -> float:
    """Width for measured ln of R_ion over that of tortuosity 1 at the measured porosities."""
    grid = np.quantile(np.random.RandomState(0).standard_normal(20001), np.linspace(5e-4, 1.0 - 5e-4, 2001))
    marginals = [
        marginal_of(np.log(one.unit_resistance(done.electrolyte.conductivity)) + ratio + design.resistance_error * grid)
        for one, ratio in zip(electrodes, log_ratio)
    ]
    law = fit_law_posterior(
        marginals, electrodes, done.electrolyte, done.choices.law,
        seed=np.random.SeedSequence([done.choices.seed, trial]), effort=QUICK,
    )  # fmt: skip
    return float(np.diff(np.quantile(law.parameters["alpha"], [0.05, 0.95]))[0])
