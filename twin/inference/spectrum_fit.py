"""The posterior of one spectrum: start by maximum likelihood, chains, and what the other line would say."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from kalander.coupling.spectra.spectrum import Spectrum
from kalander.kernels.errors import Fault, InputError
from kalander.twin.impedance.cell import CellModel
from kalander.twin.inference.maximum import Peak, climb
from kalander.twin.inference.posterior import SpectrumPosterior
from kalander.twin.inference.priors import NOISE, Prior
from kalander.twin.inference.sampler import Chains, Effort, Loose, sample

__all__ = ["SpectrumFit", "find_peak", "fit_spectrum"]

BEST_STARTS = 3
LEAST = 1e-3  # of a modulus: what a first guess of a resistance, a reactance and a noise is at least
LOOSE = (  # groups that are redrawn alone
    NOISE, ("inductance",), ("rail_ratio",),
    ("arc_resistance", "arc_frequency", "arc_exponent"),
)  # fmt: skip
GRID = {  # of the first guess: shares of a first resistance, exponents, shares of a first series resistance
    "ionic": np.geomspace(0.05, 50.0, 25),
    "exponent": np.array([0.98, 0.92, 0.85, 0.75, 0.6]),
    "series": np.array([0.95, 0.7, 0.3]),
}
GUESSES = {  # of elements besides the line
    "rail_ratio": (0.5, 0.1, 0.01),
    "arc_resistance": (0.3, 0.05),
    "arc_frequency": (1e5, 1e4, 1e3, 1e2),
    "arc_exponent": (0.9,),
}


@dataclass(frozen=True)
class SpectrumFit:
    """Peak and chains of a spectrum's posterior; `parameters` by name, shape (sample,), in SI."""

    posterior: SpectrumPosterior
    peak: Peak
    chains: Chains

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """With ionic, series and, of two rails, electronic, whichever were sampled."""
        values = {name: column[:, 0] for name, column in self.posterior.values(self.chains.flat).items()}
        return {**values, **self.posterior.model.resistances(values)}


def fit_spectrum(
    spectrum: Spectrum,
    model: CellModel,
    priors: dict[str, Prior],
    *,
    seed: np.random.SeedSequence,
    effort: Effort | None = None,
    name: str = "spectrum",
) -> SpectrumFit:
    """Posterior of a cell's parameters and of its noise. Raises InputError (fewer points than parameters),

    NumericalError (not converged).
    """
    posterior = SpectrumPosterior(spectrum, model, priors)
    if len(spectrum.frequency) < len(posterior.names):
        why = f"points are fewer than the {len(posterior.names)} parameters of model and noise"
        raise InputError(Fault(name, len(spectrum.frequency), why, f"{len(posterior.names)} points or more"))
    peak = find_peak(posterior)
    rows = {parameter: row for row, parameter in enumerate(posterior.names)}
    loose = [Loose.of(group, rows, priors) for group in LOOSE if group[0] in rows]
    chains = sample(
        posterior.log_density, peak, seed=seed, effort=effort or Effort(), what=name, loose=loose,
        shoulders=[_shoulder(posterior, peak, rows[parameter]) for parameter in NOISE],
    )  # fmt: skip
    return SpectrumFit(posterior, peak, chains)


def _shoulder(posterior: SpectrumPosterior, peak: Peak, row: int) -> Peak:
    """The highest place where one parameter is what its prior says, as wide there as the prior is.

    A kind of noise that another can stand for is bound on one side alone, and the peak does not show the other side.
    """
    centre, deviation = posterior.priors[posterior.names[row]].about
    others = np.delete(np.arange(len(peak.mode)), row)

    def filled(u: np.ndarray) -> np.ndarray:
        return np.insert(u, row, centre, axis=1)

    found = climb(lambda u: posterior.log_density(filled(u)), peak.mode[None, others])
    covariance = np.diag(np.full(len(peak.mode), deviation**2))
    covariance[np.ix_(others, others)] = found.covariance
    return Peak(filled(found.mode[None])[0], found.height, covariance)


def find_peak(posterior: SpectrumPosterior) -> Peak:
    """The mode, climbed to from the best points of a grid over a first guess by the ends of the spectrum."""
    plain = CellModel(ideal=posterior.model.ideal)
    if posterior.model == plain:
        return climb(posterior.log_density, _best(posterior, _line_grid(posterior)))
    # elements besides the line are guessed on top of the line alone
    priors = posterior.priors
    renamed = {"ionic": priors["span"], "series": priors["front"]} if "span" in priors else {}
    alone = SpectrumPosterior(posterior.spectrum, plain, {**priors, **renamed})
    found = climb(alone.log_density, _best(alone, _line_grid(alone)))
    base = {name: float(column[0, 0]) for name, column in alone.values(found.mode[None]).items()}
    return climb(posterior.log_density, _best(posterior, _element_grid(posterior, base)))


def _line_grid(posterior: SpectrumPosterior) -> dict[str, np.ndarray]:
    """First guesses of the line, shape (guess,)."""
    omega, impedance = posterior.spectrum.angular, posterior.spectrum.impedance
    ideal = posterior.model.ideal
    exponents = np.ones(1) if ideal else GRID["exponent"]
    ionic, exponent, series = (
        axis.ravel() for axis in np.meshgrid(GRID["ionic"], exponents, GRID["series"], indexing="ij")
    )
    low = max(-float(impedance[-1].imag), LEAST * float(abs(impedance[-1])))
    floor = max(float(impedance.real.min()), LEAST * float(abs(impedance).min()))
    rise = max(float(np.median(impedance.real)) - floor, 0.1 * floor)
    q = np.sin(0.5 * np.pi * exponent) / (low * omega[-1] ** exponent)
    noise = {"noise_share": 0.02, "noise_mix": 0.3, "noise_absolute": LEAST * float(abs(impedance).min())}
    fixed = {name: np.full(len(q), value) for name, value in {"inductance": 1e-7, **noise}.items()}
    guess = {"ionic": 3.0 * rise * ionic, "series": floor * series, "q": q, **fixed}
    return guess if ideal else {**guess, "exponent": np.minimum(exponent, 0.995)}


def _element_grid(posterior: SpectrumPosterior, base: dict[str, float]) -> dict[str, np.ndarray]:
    """Guesses of the elements besides the line, about the line's own mode; the line may lose what an arc takes."""
    base |= {"span": base["ionic"], "front": base["series"]}
    names = [name for name in posterior.names if name in GUESSES]
    rows = list(product(*(GUESSES[name] for name in names), (1.0, 0.6)))
    columns = dict(zip([*names, "share"], np.array(rows).T))
    guess = {name: np.full(len(rows), base[name]) for name in posterior.names if name in base}
    line = "span" if "span" in guess else "ionic"
    guess[line] = guess[line] * columns.pop("share")
    if "arc_resistance" in columns:
        columns["arc_resistance"] = columns["arc_resistance"] * base["ionic"]
    if "electronic" in posterior.names:
        columns["electronic"] = np.full(len(rows), posterior.priors["electronic"].value(np.zeros(1))[0])
    return {**guess, **columns}


def _best(posterior: SpectrumPosterior, guess: dict[str, np.ndarray]) -> np.ndarray:
    """Coordinates of the likeliest guesses, shape (start, parameter)."""
    u = posterior.coordinates(guess)
    return u[np.argsort(-posterior.log_density(u), kind="stable")[:BEST_STARTS]]
