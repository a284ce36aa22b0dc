"""From spectra and electrodes to the law, on arrays: what `kalander infer` does with a case file."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kalander.coupling.spectra.spectrum import Spectrum
from kalander.kernels.asked import asked
from kalander.kernels.errors import Fault, InputError, NumericalError
from kalander.twin.impedance.cell import CellModel
from kalander.twin.impedance.kramers_kronig import KramersKronig, kramers_kronig
from kalander.twin.impedance.line import separator_resistance
from kalander.twin.impedance.window import spectrum_warnings, window_warnings
from kalander.twin.inference.electrode import Electrode, Electrolyte
from kalander.twin.inference.evidence import Evidence, evidence
from kalander.twin.inference.law import LawFit, LawPriors, fit_law_posterior
from kalander.twin.inference.marginal import marginal_of
from kalander.twin.inference.posterior import SpectrumPosterior
from kalander.twin.inference.priors import Prior, spectrum_priors
from kalander.twin.inference.sampler import Effort
from kalander.twin.inference.spectrum_fit import SpectrumFit, find_peak, fit_spectrum

__all__ = ["Choices", "Comparison", "Inference", "SpectrumResult", "infer", "priors_of"]

DECISIVE = 3.0  # difference of log evidence, a factor of 20, from which a model is preferred (Kass & Raftery 1995)
POROUS = (0.001, 0.999)  # porosities that an electrode may have
SYSTEMATIC = 4.0  # standard errors of the correlation of neighbouring residuals
NARROW = 0.03  # span of porosity below which one cannot tell f from alpha


@dataclass(frozen=True)
class Choices:
    """The model, priors of the law, whether the other line is compared with, seed and effort."""

    model: CellModel = field(default_factory=CellModel)
    law: LawPriors = field(default_factory=LawPriors)
    compare: bool = True
    seed: int = 0
    effort: Effort = field(default_factory=Effort)


@dataclass(frozen=True)
class Comparison:
    """Evidence of both lines for one spectrum; difference: of the other line's logarithm to that of the chosen one."""

    chosen: Evidence
    other: Evidence
    other_line: str

    @property
    def difference(self) -> float:
        return self.other.log - self.chosen.log


@dataclass(frozen=True)
class SpectrumResult:
    """One spectrum: its posterior, and samples (sample,) of tortuosity and MacMullin number with all errors in them."""

    name: str
    spectrum: Spectrum
    electrode: Electrode
    check: KramersKronig
    fit: SpectrumFit
    comparison: Comparison | None
    tortuosity: np.ndarray
    macmullin: np.ndarray

    @property
    def ionic(self) -> np.ndarray:
        """R_ion [ohm] of the cell, shape (sample,)."""
        return self.fit.parameters["ionic"]


@dataclass(frozen=True)
class Inference:
    """Spectra, law, and what one should know before one uses them."""

    spectra: tuple[SpectrumResult, ...]
    law: LawFit
    electrolyte: Electrolyte
    choices: Choices
    warnings: tuple[str, ...]

    @property
    def rhat(self) -> float:
        """Largest of all parameters of all chains."""
        return float(max(self.law.chains.rhat.max(), *(one.fit.chains.rhat.max() for one in self.spectra)))

    @property
    def autocorrelation(self) -> float:
        """Longest of all [steps]."""
        times = [one.fit.chains.autocorrelation.max() for one in self.spectra]
        return float(max(self.law.chains.autocorrelation.max(), *times))


@asked(spectra="[Spectrum]", electrodes="[Electrode]", electrolyte="Electrolyte", choices="Choices?")
def infer(
    spectra: Sequence[Spectrum],
    electrodes: Sequence[Electrode],
    electrolyte: Electrolyte,
    choices: Choices | None = None,
    *,
    names: Sequence[str] | None = None,
) -> Inference:
    """Posterior of each spectrum, and the joint one of the law. The same seed gives the same samples.

    Raises InputError (fewer points than parameters), NumericalError (chains have not converged).
    """
    choices = choices or Choices()
    if not spectra or len(spectra) != len(electrodes):
        allowed = f"{len(spectra)}, one a spectrum" if spectra else "one spectrum or more"
        raise InputError(Fault("infer: electrodes", len(electrodes), "are not as many as the spectra", allowed))
    names = names or [f"spectrum {number}" for number in range(1, len(spectra) + 1)]
    seeds = np.random.SeedSequence(choices.seed).spawn(len(spectra) + 1)
    results, warnings = [], []
    for spectrum, electrode, name, seed in zip(spectra, electrodes, names, seeds[1:], strict=True):
        result = _one(spectrum, electrode, electrolyte, choices, name, seed)
        results.append(result)
        warnings += _warnings(result, choices)
    marginals = [marginal_of(np.log(one.ionic), more=one.electrode.size_error) for one in results]
    law = fit_law_posterior(
        marginals, electrodes, electrolyte, choices.law, seed=seeds[0], effort=choices.effort
    )  # fmt: skip
    warnings += _law_warnings(results, law, choices)
    return Inference(tuple(results), law, electrolyte, choices, tuple(warnings))


def priors_of(spectrum: Spectrum, electrode: Electrode, electrolyte: Electrolyte, model: CellModel) -> dict[str, Prior]:
    """Priors of a cell with this electrode."""
    electronic = separator = None
    if electrode.electronic is not None:
        conductivity, error = electrode.electronic
        resistance = electrode.electrodes * electrode.thickness / (conductivity * electrode.area)
        electronic = (resistance, max(error, 1e-3))
    if electrode.separator is not None:
        separator = float(separator_resistance(*electrode.separator, electrode.area, electrolyte.conductivity))
    return spectrum_priors(
        model, area=electrode.area, unit_resistance=electrode.unit_resistance(electrolyte.conductivity),
        smallest=float(np.abs(spectrum.impedance).min()), separator=separator, electronic=electronic,
    )  # fmt: skip


def _model_for(choices: Choices, electrode: Electrode, line: str) -> CellModel:
    model = choices.model
    known = line == "two_rail" and electrode.electronic is not None
    return CellModel(line, model.contact_arc, model.ideal, known)


def _one(
    spectrum: Spectrum,
    electrode: Electrode,
    electrolyte: Electrolyte,
    choices: Choices,
    name: str,
    seed: np.random.SeedSequence,
) -> SpectrumResult:
    chain, compare, errors = seed.spawn(3)
    model = _model_for(choices, electrode, choices.model.line)
    priors = priors_of(spectrum, electrode, electrolyte, model)
    check = kramers_kronig(spectrum)
    try:
        fit = fit_spectrum(spectrum, model, priors, seed=chain, effort=choices.effort, name=name)
    except NumericalError as failure:  # what is wrong with the spectrum may be why
        raise NumericalError("\n".join([str(failure), *spectrum_warnings(name, spectrum, check)])) from None
    comparison = _compared(fit, electrode, electrolyte, choices, compare) if choices.compare else None
    tortuosity, porosity = _tortuosity(fit.parameters["ionic"], electrode, electrolyte, errors)
    return SpectrumResult(name, spectrum, electrode, check, fit, comparison, tortuosity, tortuosity / porosity)


def _compared(
    fit: SpectrumFit, electrode: Electrode, electrolyte: Electrolyte, choices: Choices, seed: np.random.SeedSequence
) -> Comparison:
    """Evidence of the line chosen and of the other."""
    spectrum, line = fit.posterior.spectrum, fit.posterior.model.line
    other_line = "two_rail" if line == "blocking" else "blocking"
    model = _model_for(choices, electrode, other_line)
    other = SpectrumPosterior(spectrum, model, priors_of(spectrum, electrode, electrolyte, model))
    one, two = seed.spawn(2)
    chosen = evidence(fit.posterior.log_density, fit.peak, seed=one)
    return Comparison(chosen, evidence(other.log_density, find_peak(other), seed=two), other_line)


def _tortuosity(
    ionic: np.ndarray, electrode: Electrode, electrolyte: Electrolyte, seed: np.random.SeedSequence
) -> tuple[np.ndarray, np.ndarray]:
    """τ and porosity of the electrode, shape (sample,): errors of all that was measured, drawn beside R_ion."""
    random = np.random.RandomState(np.random.MT19937(seed))
    draws = random.standard_normal((4, len(ionic)))
    porosity = np.clip(electrode.porosity + electrode.porosity_deviation * draws[0], *POROUS)
    own = electrode.correlation * draws[0] + np.sqrt(1.0 - electrode.correlation**2) * draws[1]
    thickness = electrode.thickness + electrode.thickness_deviation * own
    area = electrode.area + electrode.area_deviation * draws[2]
    conductivity = electrolyte.conductivity + electrolyte.deviation * draws[3]
    return ionic * area * conductivity * porosity / (electrode.electrodes * thickness), porosity


def _warnings(result: SpectrumResult, choices: Choices) -> list[str]:
    """What is doubtful about one spectrum."""
    name, fit, spectrum = result.name, result.fit, result.spectrum
    found = list(spectrum_warnings(name, spectrum, result.check))
    medians = {key: float(np.median(values)) for key, values in fit.parameters.items()}
    found += window_warnings(name, spectrum, medians["ionic"], medians["q"], medians.get("exponent", 1.0))
    if (size := _residual_correlation(fit)) > SYSTEMATIC:
        remedy = "contact_arc = true" if not choices.model.contact_arc else "another model"
        if choices.model.ideal:
            remedy = 'capacitor = "constant_phase"'
        found.append(
            f"{name}: residuals follow each other ({size:.0f} standard errors): the model lacks something the cell "
            f"has, and intervals are too narrow; {remedy} may have it"
        )
    compared = result.comparison
    if compared is not None and compared.difference > DECISIVE:
        found.append(
            f'{name}: the data speak for line = "{compared.other_line}" by exp({compared.difference:.1f}) to 1'
        )
    return found


def _residual_correlation(fit: SpectrumFit) -> float:
    """Correlation of neighbouring residuals at the mode, scaled by their errors, in standard errors from none."""
    posterior, mode = fit.posterior, fit.peak.mode[None]
    model = posterior.impedance(mode)
    real, imaginary = posterior.variances(posterior.values(mode), model)
    rest = posterior.spectrum.impedance - model
    total = 0.0
    for part in (rest.real / np.sqrt(real), rest.imag / np.sqrt(imaginary)):
        row = part[0]
        total += float((row[1:] * row[:-1]).sum() / (row**2).sum() * np.sqrt(len(row)))
    return total / np.sqrt(2.0)


def _law_warnings(results: Sequence[SpectrumResult], law: LawFit, choices: Choices) -> list[str]:
    """What is doubtful about the law."""
    porosity = np.array([one.electrode.porosity for one in results])
    found = []
    if not choices.law.fixed and np.ptp(porosity) < NARROW:
        found.append(
            f"porosities span {np.ptp(porosity):.2g}: f and alpha cannot be told apart, and their intervals are those "
            "of their priors; tau at these porosities is what the data say. fix_prefactor = true sets f = 1"
        )
    values = law.parameters
    for one in results:
        expected = np.log(values["f"]) - values["alpha"] * np.log(one.electrode.porosity)
        own = np.log(one.tortuosity)
        spread = float(np.hypot(own.std(), expected.std()))
        away = float(own.mean() - expected.mean()) / spread
        if abs(away) > 3.0:
            found.append(
                f"{one.name}: its tortuosity lies {away:+.1f} standard deviations off the law: like electrodes "
                "scatter, or an error is underestimated; model.scatter lets the law have a scatter"
            )
    return found
