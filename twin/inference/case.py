"""A case file to an inference: files are read, values become electrodes, and the answer of the contract is written."""

from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cases.infer import InferCase, SpectrumSection
from kalander.coupling.spectra.read import read_spectrum
from kalander.coupling.spectra.spectrum import Spectrum
from kalander.coupling.structure.measured_law import MeasuredLaw
from kalander.kernels.errors import Fault, InputError, NumericalError
from kalander.twin.impedance.cell import CellModel
from kalander.twin.inference.electrode import Electrode, Electrolyte
from kalander.twin.inference.infer import Choices, Inference, SpectrumResult, infer
from kalander.twin.inference.law import LawPriors
from kalander.twin.inference.sampler import Effort

__all__ = ["answer_of", "electrode_of", "infer_case", "interval", "measured_law"]

BAND_POINTS = 41
KEPT = 4000  # samples that a study keeps


def infer_case(case: InferCase) -> Inference:
    """The inference of a case. Raises InputError with the faults of all files together, NumericalError."""
    spectra, faults = [], []
    for section in case.spectrum:
        try:
            spectra.append(_in_range(read_spectrum(Path(section.file), section, area=section.area), section))
        except InputError as unread:
            faults += unread.faults
    if faults:
        raise InputError(faults)
    electrodes = [electrode_of(section, case.model.electrodes) for section in case.spectrum]
    electrolyte = Electrolyte(case.electrolyte.value, case.electrolyte.deviation)
    names = [Path(section.file).name for section in case.spectrum]
    notes = [note for spectrum in spectra for note in spectrum.notes]
    try:
        done = infer(spectra, electrodes, electrolyte, choices_of(case), names=names)
    except NumericalError as failure:  # what was noted in reading may be why
        raise NumericalError("\n".join([str(failure), *notes])) from None
    return Inference(done.spectra, done.law, done.electrolyte, done.choices, (*notes, *done.warnings))


def choices_of(case: InferCase) -> Choices:
    """The choices of a case as those of the function."""
    model, prior = case.model, case.prior
    return Choices(
        CellModel(model.line, model.contact_arc, model.capacitor == "ideal"),
        LawPriors((prior.alpha, prior.alpha_sd), prior.ln_f_sd, model.fix_prefactor, model.scatter),
        model.compare, case.sampling.seed, Effort(most_steps=case.sampling.most_steps),
    )  # fmt: skip


def electrode_of(section: SpectrumSection, electrodes: int) -> Electrode:
    """The electrode of a section of a case."""
    conductivity, deviation = section.electronic_conductivity, section.electronic_conductivity_sd
    rail = None if conductivity is None else (conductivity, (deviation or 0.3 * conductivity) / conductivity)
    separator = section.separator
    return Electrode(
        section.porosity, section.thickness, section.area, section.porosity_sd, section.thickness_sd, section.area_sd,
        section.correlation, electrodes, rail,
        None if separator is None else (separator.thickness, separator.macmullin),
    )  # fmt: skip


def _in_range(spectrum: Spectrum, section: SpectrumSection) -> Spectrum:
    if section.frequency_range is None:
        return spectrum
    low, high = section.frequency_range
    inside = (spectrum.frequency >= low) & (spectrum.frequency <= high)
    if not inside.any():
        why = "holds no point of the spectrum"
        ends = f"{spectrum.frequency[-1]:.3g} to {spectrum.frequency[0]:.3g} Hz"
        raise InputError(Fault(f"{Path(section.file).name}: frequency_range", [low, high], why, f"within {ends}"))
    return Spectrum(spectrum.frequency[inside], spectrum.impedance[inside], spectrum.notes)


def interval(samples: np.ndarray) -> dict[str, float]:
    """Median and the 90 % interval."""
    low, middle, high = np.quantile(samples, [0.05, 0.5, 0.95])
    return {"median": float(middle), "lo90": float(low), "hi90": float(high)}


def measured_law(done: Inference) -> MeasuredLaw:
    """The law for a study: samples evenly thinned, and the electrodes' own tortuosities."""
    values = done.law.parameters
    chosen = np.unique(np.linspace(0, len(values["alpha"]) - 1, KEPT).round().astype(int))
    own = np.array([np.quantile(one.tortuosity, [0.05, 0.5, 0.95]) for one in done.spectra])
    points = {
        "porosity": np.array([one.electrode.porosity for one in done.spectra]),
        "porosity_sd": np.array([one.electrode.porosity_deviation for one in done.spectra]),
        "tortuosity": own[:, 1], "tortuosity_lo90": own[:, 0], "tortuosity_hi90": own[:, 2],
    }  # fmt: skip
    return MeasuredLaw(values["f"][chosen], values["alpha"][chosen], points)


def answer_of(done: Inference) -> dict[str, Any]:
    """The JSON object of `kalander infer`, SI."""
    values = done.law.parameters
    f, alpha = values["f"], values["alpha"]
    fixed = done.choices.law.fixed
    porosity = np.linspace(*_span(done), BAND_POINTS)
    low, middle, high = np.quantile(done.law.tortuosity(porosity), [0.05, 0.5, 0.95], axis=0)
    return {
        "model": done.choices.model.line,
        "alpha": interval(alpha),
        "f": interval(f),
        "correlation_alpha_f": None if fixed else float(np.corrcoef(alpha, f)[0, 1]),
        "covariance_alpha_f": np.cov(np.stack([alpha, f])).tolist(),
        "spectra": [_spectrum_answer(one) for one in done.spectra],
        "tortuosity_law": {
            "porosity": porosity.tolist(), "median": middle.tolist(), "lo90": low.tolist(), "hi90": high.tolist(),
        },
        "rhat_max": done.rhat,
        "autocorrelation_steps": done.autocorrelation,
        "samples": len(alpha),
        "seed": done.choices.seed,
        "warnings": list(done.warnings),
    }  # fmt: skip


def _span(done: Inference) -> tuple[float, float]:
    porosity = [one.electrode.porosity for one in done.spectra]
    return max(0.02, min(porosity) - 0.05), min(0.98, max(porosity) + 0.05)


UNITS = {
    "ionic": "r_ion_ohm", "series": "series_ohm", "q": "q_S_s_gamma", "exponent": "exponent",
    "inductance": "inductance_H",
    "electronic": "electronic_ohm", "arc_resistance": "arc_ohm", "arc_frequency": "arc_frequency_Hz",
    "arc_exponent": "arc_exponent", "noise_share": "noise_share", "noise_mix": "noise_mix",
    "noise_absolute": "noise_absolute_ohm",
}  # fmt: skip


def _spectrum_answer(one: SpectrumResult) -> dict[str, Any]:
    parameters = one.fit.parameters
    compared = one.comparison
    return {
        "file": one.name,
        "r_ion_ohm": interval(one.ionic),
        "tortuosity": interval(one.tortuosity),
        "macmullin": interval(one.macmullin),
        "parameters": {UNITS[name]: interval(parameters[name]) for name in UNITS if name in parameters},
        "points": len(one.spectrum.frequency),
        "kramers_kronig": {
            "rms": one.check.rms, "failed": one.check.failed,
            "outliers_Hz": [float(one.spectrum.frequency[row]) for row in one.check.outliers],
        },
        "comparison": None if compared is None else {
            "other": compared.other_line, "log_evidence_difference": compared.difference,
            "standard_error": float(np.hypot(compared.chosen.error, compared.other.error)),
        },
        "acceptance": one.fit.chains.acceptance,
    }  # fmt: skip
