"""Whether real and imaginary part belong together: linear Kramers-Kronig test, and points that stand out.

Boukamp, J. Electrochem. Soc. 142 (1995) 1885: a chain of many RC elements with given time constants obeys the
Kramers-Kronig relations whatever its resistances, so what it cannot fit breaks them. Resistances are kept from being
negative here, besides a series resistance, an inductance and a capacitance: a chain that may change sign needs a rule
for its length (Schönleber, Klotz & Ivers-Tiffée, Electrochim. Acta 131 (2014) 20), which stops short on blocking cells:
it leaves residuals of 1 % on spectra without error. Lines and arcs of any exponent are sums of positive relaxations.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from kalander.coupling.spectra.spectrum import Spectrum

__all__ = ["KramersKronig", "kramers_kronig"]

PER_DECADE = 6  # time constants
RANGE = 30.0  # by which time constants go beyond the ends, where a blocking line has its largest
FAILED = 0.005  # rms of the residuals over |Z| above which, if they are not noise, a spectrum fails
NOISE_LIKE = 4.0  # standard errors of the correlation of neighbours
NEIGHBOURS = 6  # points to either side
OUTLIER = 6.0  # robust standard deviations


@dataclass(frozen=True)
class KramersKronig:
    """Residuals over |Z|, complex, shape (point,), and their rms; elements that carry anything.

    correlation: of neighbouring residuals, in standard errors from none. outliers: rows of the spectrum. failed:
    residuals that are large and no noise.
    """

    residuals: np.ndarray
    elements: int
    rms: float
    correlation: float
    outliers: tuple[int, ...]

    @property
    def failed(self) -> bool:
        return self.rms > FAILED and self.correlation > NOISE_LIKE


def kramers_kronig(spectrum: Spectrum) -> KramersKronig:
    """The test of a spectrum of five points or more."""
    omega, impedance = spectrum.angular, spectrum.impedance
    residuals, elements = _chain(omega, impedance)
    rms = float(np.sqrt(np.mean(np.abs(residuals) ** 2) / 2.0))
    pairs = np.concatenate([residuals.real[1:] * residuals.real[:-1], residuals.imag[1:] * residuals.imag[:-1]])
    squares = np.concatenate([residuals.real**2, residuals.imag**2])
    total = float(squares.sum())
    correlation = float(pairs.sum() / total * np.sqrt(len(pairs))) if total > 0 else 0.0
    return KramersKronig(residuals, elements, rms, correlation, _outliers(residuals))


def _chain(omega: np.ndarray, impedance: np.ndarray) -> tuple[np.ndarray, int]:
    """Relative residuals of the chain, by least squares weighted by 1/|Z|; and how many elements carry anything."""
    decades = np.log10(RANGE**2 * omega.max() / omega.min())
    times = np.geomspace(1.0 / (RANGE * omega.max()), RANGE / omega.min(), max(3, round(PER_DECADE * decades)))
    columns = [1.0 / (1.0 + 1j * omega[:, None] * times), np.ones((len(omega), 1)), 1j * omega[:, None]]
    design = np.hstack([*columns, -1j / omega[:, None]])
    weight = 1.0 / np.abs(impedance)
    weighted = design * weight[:, None]
    matrix = np.vstack([weighted.real, weighted.imag])
    target = np.concatenate([impedance.real * weight, impedance.imag * weight])
    scale = np.linalg.norm(matrix, axis=0)
    found, _ = nnls(matrix / scale, target, maxiter=50 * matrix.shape[1])
    return (impedance - design @ (found / scale)) * weight, int((found[: len(times)] > 0).sum())


def _outliers(residuals: np.ndarray) -> tuple[int, ...]:
    """Rows whose residual is many times the median size of all, and of its neighbours; 1.4826 makes that a deviation.

    Of its neighbours as well, because noise in proportion to one part alone is uneven over |Z|.
    """
    worst = np.zeros(len(residuals))
    near = np.abs(np.subtract.outer(np.arange(len(residuals)), np.arange(len(residuals)))) <= NEIGHBOURS
    np.fill_diagonal(near, False)
    for part in (residuals.real, residuals.imag):
        size = np.abs(part - np.median(part))
        local = np.nanmedian(np.where(near, size, np.nan), axis=1)
        worst = np.maximum(worst, size / (1.4826 * np.maximum(np.maximum(local, np.median(size)), 1e-5)))
    return tuple(np.flatnonzero(worst > OUTLIER).tolist())
