"""A spectrum of impedance as columns, what makes columns no spectrum, and how they are put in order."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kalander.kernels.errors import Fault, InputError

__all__ = ["MOST_POINTS", "Spectrum", "ordered", "spectrum_faults"]

MOST_POINTS = 100_000
SMALLEST = 1e-12  # ohm: below the resistance of any lead
LARGEST = 1e18  # ohm, hertz: beyond, products of two overflow no double yet mean nothing


@dataclass(frozen=True)
class Spectrum:
    """Frequency [Hz], put to fall, shape (point,), and impedance [ohm] of the whole cell, capacitive below zero.

    notes: what was assumed or dropped on the way, a sentence each. Raises InputError for what is no spectrum.
    """

    frequency: np.ndarray
    impedance: np.ndarray
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            frequency, impedance = np.asarray(self.frequency, float), np.asarray(self.impedance, complex)
        except (TypeError, ValueError) as wrong:
            raise InputError(Fault("Spectrum", str(wrong)[:80], "is no column", "frequency and impedance")) from None
        for name, column in (("frequency", frequency), ("impedance", impedance)):
            if column.ndim != 1:
                allowed = "one dimension, a value a point"
                raise InputError(Fault(f"Spectrum: {name}", column.shape, "is the shape of no spectrum", allowed))
        if faults := list(spectrum_faults("Spectrum", frequency, impedance)):
            raise InputError(faults)
        if (np.diff(frequency) > 0.0).any():
            order = np.argsort(-frequency, kind="stable")
            frequency, impedance = frequency[order], impedance[order]
        object.__setattr__(self, "frequency", frequency)
        object.__setattr__(self, "impedance", impedance)

    @property
    def angular(self) -> np.ndarray:
        """Angular frequency [rad/s]."""
        return 2.0 * np.pi * self.frequency

    @property
    def decades(self) -> float:
        """Decades of frequency between the ends."""
        return float(np.log10(self.frequency[0] / self.frequency[-1]))


def spectrum_faults(
    where: str, frequency: np.ndarray, impedance: np.ndarray, lines: np.ndarray | None = None
) -> Iterator[Fault]:
    """What is wrong with columns; `lines` of the file they stand on, for the message."""
    place = np.arange(1, len(frequency) + 1) if lines is None else lines
    word = "row" if lines is None else "line"
    if len(frequency) != len(impedance):
        yield Fault(where, len(impedance), "impedances do not match the frequencies", f"{len(frequency)} values")
        return
    if not 1 <= len(frequency) <= MOST_POINTS:
        yield Fault(where, len(frequency), "points are no spectrum", f"1 to {MOST_POINTS} points")
        return
    size = np.maximum(np.abs(impedance.real), np.abs(impedance.imag))
    for wrong, value, why, allowed in (
        (~np.isfinite(frequency) | ~np.isfinite(size), frequency, "is not finite, or its impedance is not", "numbers"),
        (frequency <= 0, frequency, "is no frequency", "above 0 Hz"),
        (frequency > LARGEST, frequency, "is no frequency", f"at most {LARGEST:g} Hz"),
        (size > LARGEST, size, "is no impedance", f"at most {LARGEST:g} ohm"),
        (size == 0, size, "ohm: there is no impedance", "an impedance other than 0"),
        (size < SMALLEST, size, "is no impedance of a cell", f"at least {SMALLEST:g} ohm"),
    ):
        with np.errstate(invalid="ignore"):
            rows = np.flatnonzero(wrong)
        if len(rows):
            shown = ", ".join(str(place[row]) for row in rows[:10]) + (" and more" if len(rows) > 10 else "")
            yield Fault(f"{where}, {word} {shown}", float(value[rows[0]]), why, allowed)
            return
    if len(impedance) > 1 and not impedance.imag.any():
        yield Fault(where, 0.0, "is the imaginary part of every point: a resistor has no pores", "a spectrum of a cell")


def ordered(frequency: np.ndarray, impedance: np.ndarray, notes: tuple[str, ...] = ()) -> Spectrum:
    """The spectrum with falling frequency; points that stand twice, to the bit, are kept once, and it is said."""
    rows = np.stack([-frequency, impedance.real, impedance.imag], axis=1)
    kept = np.unique(rows, axis=0)
    dropped = len(rows) - len(kept)
    if dropped:
        notes = (*notes, f"{dropped} points stand twice in the file and are used once")
    return Spectrum(-kept[:, 0], kept[:, 1] + 1j * kept[:, 2], notes)
