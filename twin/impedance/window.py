"""Whether a spectrum can answer: does it block, and does its window reach what tells R_ion."""

from collections.abc import Iterator

import numpy as np

from kalander.coupling.spectra.spectrum import Spectrum
from kalander.twin.impedance.kramers_kronig import KramersKronig

__all__ = ["spectrum_warnings", "window_warnings"]

SHORT = 1.5  # decades
STEEP = 0.5  # exponent of |Im Z| against frequency below which the end of a spectrum does not block


def spectrum_warnings(name: str, spectrum: Spectrum, check: KramersKronig) -> Iterator[str]:
    """What one sees before any fit."""
    if spectrum.decades < SHORT:
        yield f"{name}: the spectrum spans {spectrum.decades:.1f} decades, too short to tell a line from its ends"
    if check.failed:
        yield (
            f"{name}: real and imaginary part fail the Kramers-Kronig test: residuals of {100 * check.rms:.1f} % (rms) "
            "that are no noise; the cell drifted, or a part is wrong"
        )
    if check.outliers:
        shown = ", ".join(f"{spectrum.frequency[row]:.3g} Hz" for row in check.outliers[:5])
        more = f" and {len(check.outliers) - 5} more" if len(check.outliers) > 5 else ""
        yield f"{name}: points stand out from their neighbours at {shown}{more}"


def window_warnings(
    name: str, spectrum: Spectrum, ionic: float, q: float, exponent: float, shares: tuple[float, float] = (1.0, 6.0)
) -> Iterator[str]:
    """What the fitted line says of the window: R_ion Q ω^γ is 1 where the pores are just filled.

    shares: largest value at the lowest frequency, so that R/3 shows, and least at the highest, so that the 45° branch
    does.
    """
    low, high = (float(ionic * q * omega**exponent) for omega in (spectrum.angular[-1], spectrum.angular[0]))
    if low > shares[0]:
        needed = (shares[0] / (ionic * q)) ** (1.0 / exponent) / (2.0 * np.pi)
        yield (
            f"{name}: the lowest frequency, {spectrum.frequency[-1]:.3g} Hz, does not reach the blocking end; R_ion "
            f"hangs on the model. Measure down to {needed:.2g} Hz"
        )
        return
    if high < shares[1]:
        needed = (shares[1] / (ionic * q)) ** (1.0 / exponent) / (2.0 * np.pi)
        yield (
            f"{name}: the highest frequency, {spectrum.frequency[0]:.3g} Hz, does not reach the 45° branch; R_ion is "
            f"told from the series resistance by little. Measure up to {needed:.2g} Hz"
        )
    end = spectrum.frequency <= 5.0 * spectrum.frequency[-1]
    if end.sum() >= 3 and low < 0.3:
        height = np.abs(spectrum.impedance.imag[end])
        steep = -np.polyfit(np.log(spectrum.frequency[end]), np.log(np.maximum(height, 1e-30)), 1)[0]
        if steep < STEEP:
            yield (
                f"{name}: the spectrum does not block: |Im Z| grows as f^-{max(steep, 0.0):.2f} at its low end, where "
                "a double layer gives f^-0.8 or more; lithium passes, and R_ion of a blocking line is wrong"
            )
