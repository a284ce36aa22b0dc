"""The posterior density of one spectrum: all walkers in one call."""

from dataclasses import dataclass

import numpy as np

from kalander.coupling.spectra.spectrum import Spectrum
from kalander.twin.impedance.cell import CellModel
from kalander.twin.inference.priors import NOISE, Prior

__all__ = ["SpectrumPosterior"]

LN_2PI = np.log(2.0 * np.pi)


@dataclass(frozen=True)
class SpectrumPosterior:
    """Coordinates u, shape (walker, parameter), in the order of `names`: those of the cell, then of the noise.

    Real and imaginary part err independently, normally, with variances s² ((1 - m) (Re Z)² + m |Z|²) + a² and
    s² ((1 - m) (Im Z)² + m |Z|²) + a²: a share s of each component or of the modulus (mixed by m), and an absolute
    error a, all unknown. Z is the model's, for the measured one errs with what it would weigh.
    """

    spectrum: Spectrum
    model: CellModel
    priors: dict[str, Prior]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.model.names, *NOISE)

    def values(self, u: np.ndarray) -> dict[str, np.ndarray]:
        """Parameters by name, shape (walker, 1)."""
        return {name: self.priors[name].value(u[:, row, None]) for row, name in enumerate(self.names)}

    def coordinates(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """The way back from parameters of shape (walker,) or scalars."""
        columns = [self.priors[name].coordinate(values[name]) for name in self.names]
        return np.stack(np.broadcast_arrays(*columns), axis=-1)

    def impedance(self, u: np.ndarray) -> np.ndarray:
        """The model's impedance [ohm], shape (walker, point)."""
        return self.model.impedance(self.values(u), self.spectrum.angular)

    def variances(self, values: dict[str, np.ndarray], impedance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Variances [ohm²] of real and imaginary part of the noise."""
        share, mix, absolute = (values[name] for name in NOISE)
        real, imaginary = impedance.real**2, impedance.imag**2
        common = share**2 * mix * (real + imaginary) + absolute**2
        component = share**2 * (1.0 - mix)
        return component * real + common, component * imaginary + common

    def log_likelihood(self, u: np.ndarray) -> np.ndarray:
        """Shape (walker,); -inf where the model is out of numbers."""
        values = self.values(u)
        model = self.model.impedance(values, self.spectrum.angular)
        real, imaginary = self.variances(values, model)
        rest = self.spectrum.impedance - model
        square = rest.real**2 / real + rest.imag**2 / imaginary
        total = -0.5 * (square + np.log(real * imaginary)).sum(axis=1) - LN_2PI * len(self.spectrum.frequency)
        return np.where(np.isfinite(total), total, -np.inf)

    def log_prior(self, u: np.ndarray) -> np.ndarray:
        """Shape (walker,)."""
        return np.sum([self.priors[name].log_density(u[:, row]) for row, name in enumerate(self.names)], axis=0)

    def log_density(self, u: np.ndarray) -> np.ndarray:
        """Logarithm of prior and likelihood, shape (walker,)."""
        with np.errstate(all="ignore"):
            total = self.log_prior(u) + self.log_likelihood(u)
        return np.where(np.isfinite(total), total, -np.inf)
