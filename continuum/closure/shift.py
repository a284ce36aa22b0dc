"""Time and temperature: holds at several temperatures as one series whose times are shifted by a_T.

Shifts are found first by sliding each hold along that at the reference until one dense spectrum fits both, then all is
fitted together: a stress at the start of each hold, one series, one ln a_T a temperature. Of ln a_T follow Arrhenius'
activation energy, and WLF's constants (Williams, Landel & Ferry 1955) where four temperatures or more tell the two
apart. Times in seconds, temperatures in kelvin.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import least_squares, nnls

from kalander.continuum.closure.prony import MOST_TERMS, Spectrum, dense_series, gathered, inverse, relaxed
from kalander.kernels.errors import Fault, InputError

__all__ = ["GAS_CONSTANT", "Hold", "Shift", "ShiftedSpectrum", "fit_shift"]

GAS_CONSTANT = 8.314462618  # J/(mol K)
SLIDES = np.linspace(-9.0, 9.0, 181) * math.log(10.0)  # ln a_T tried first
ABOUT_AS_WELL = 2.0  # times the least sum of squares


@dataclass(frozen=True, eq=False)
class Hold:
    """A hold at a temperature [K]: time [s] and stress (in any unit), shape (n,)."""

    temperature: float
    time: np.ndarray
    stress: np.ndarray


@dataclass(frozen=True, eq=False)
class Shift:
    """ln a_T as a law. energy [J/mol] of Arrhenius with its standard error; or c1 and c2 [K] of WLF; from and to: the
    temperatures between which it was measured."""

    reference: float
    measured: tuple[float, float]
    energy: float = math.nan
    energy_error: float = math.nan
    c1: float = math.nan
    c2: float = math.nan

    @property
    def law(self) -> str:
        return "arrhenius" if math.isfinite(self.energy) else "wlf"

    def factor(self, temperature: float) -> float:
        """a_T: times at a temperature over those at the reference."""
        if self.law == "wlf":
            return float(10.0 ** (-self.c1 * (temperature - self.reference) / (self.c2 + temperature - self.reference)))
        return math.exp(self.energy / GAS_CONSTANT * (1.0 / temperature - 1.0 / self.reference))

    def inside(self, temperature: float) -> bool:
        """Whether the temperature lies between those that were held at."""
        return self.measured[0] - 1e-6 <= temperature <= self.measured[1] + 1e-6


@dataclass(frozen=True, eq=False)
class ShiftedSpectrum:
    """The series at the reference temperature; temperatures and their ln a_T with standard errors, shape
    (temperature,); shift: the law through them, None of one temperature; starts: stress at the start of each hold."""

    spectrum: Spectrum
    temperatures: np.ndarray
    log_factors: np.ndarray
    log_errors: np.ndarray
    shift: Shift | None
    starts: np.ndarray = field(default_factory=lambda: np.zeros(0))


def fit_shift(
    holds: Sequence[Hold], *, reference: float | None = None, most_terms: int = MOST_TERMS
) -> ShiftedSpectrum:
    """One series through holds; reference: one of their temperatures [K], by default the lowest. Raises InputError."""
    holds = sorted(holds, key=lambda one: one.temperature)
    given = [one.temperature for one in holds]
    if not holds or len(set(given)) < len(given):
        raise InputError(Fault("holds", given, "are no holds of different temperatures", "one hold a temperature"))
    first = 0 if reference is None else given.index(min(given, key=lambda one: abs(one - reference)))
    slides, starts = np.zeros(len(holds)), np.array([one.stress[0] for one in holds], float)
    for place in [*range(first + 1, len(holds)), *range(first - 1, -1, -1)]:
        # along its neighbour, with which it overlaps most
        neighbour = place - 1 if place > first else place + 1
        slide, ratio = _slide(holds[neighbour], holds[place])
        slides[place], starts[place] = slides[neighbour] + slide, starts[neighbour] / ratio
    order = [first, *(place for place in range(len(holds)) if place != first)]
    holds = [holds[place] for place in order]
    slides, starts = slides[order], starts[order]
    fits: list[_Joint] = []
    kept = np.zeros(0)  # ln times of the fit with a term more, less its lightest
    for terms in range(most_terms, -1, -1):
        begins = [_dense_times(holds, slides, starts, terms)] + ([kept] if fits else [])
        fits.append(min((_joint(holds, slides, starts, logs) for logs in begins), key=lambda one: one.criterion))
        series = fits[-1].result.spectrum
        kept = np.delete(np.log(series.times), np.argmin(series.weights)) if terms else kept
    best = min((one for one in fits if one.sound), key=lambda one: one.criterion)
    return best.result


def _slide(reference: Hold, other: Hold) -> tuple[float, float]:
    """ln a_T and factor on the stress at which one dense spectrum fits both holds best."""
    mine, theirs = reference.stress / reference.stress[0], other.stress / reference.stress[0]

    def fitted(slide: float) -> tuple[float, float]:
        time = np.concatenate([reference.time, other.time * math.exp(-slide)])
        positive = time[time > 0.0]
        grid = np.geomspace(0.5 * positive.min(), 2.0 * positive.max(), 40)
        basis = np.column_stack([np.ones_like(time), np.exp(-time[:, None] / grid)])
        # the factor is linear as well: basis a = mine, basis a - factor theirs = 0
        column = np.concatenate([np.zeros_like(mine), -theirs])
        found, _ = nnls(np.column_stack([basis, column]), np.concatenate([mine, np.zeros_like(theirs)]))
        off = basis @ found[:-1] - np.concatenate([mine, found[-1] * theirs])
        off[len(mine) :] /= max(found[-1], 1e-6)
        return float(off @ off), float(found[-1])

    misfits = [fitted(slide) for slide in SLIDES]
    # slid so far that they do not overlap, any two holds fit: of what fits about as well, the shortest way is meant
    good = np.array([misfit for misfit, _ in misfits]) <= ABOUT_AS_WELL * min(misfit for misfit, _ in misfits)
    best = int(np.argmin(np.where(good, np.abs(SLIDES), np.inf)))
    return float(SLIDES[best]), max(misfits[best][1], 1e-6)


@dataclass(frozen=True, eq=False)
class _Joint:
    """A fit, its BIC, and whether the data identify all of its terms."""

    result: ShiftedSpectrum
    criterion: float
    sound: bool


def _dense_times(holds: list[Hold], slides: np.ndarray, starts: np.ndarray, terms: int) -> np.ndarray:
    """Ln times of a dense spectrum of all holds, slid upon each other, gathered to so many."""
    time = np.concatenate([one.time * math.exp(-slide) for one, slide in zip(holds, slides)])
    share = np.concatenate([one.stress / start for one, start in zip(holds, starts)])
    place = np.argsort(time)
    return gathered(*dense_series(time[place], share[place], np.ones_like(time)), terms)


def _joint(holds: list[Hold], slides: np.ndarray, first_stress: np.ndarray, logs: np.ndarray) -> _Joint:
    """The fit that starts from ln times of terms, stresses at the start of each hold, and ln a_T."""
    count, terms = len(holds), len(logs)
    time = np.concatenate([one.time for one in holds])
    scales = np.array([np.max(np.abs(one.stress)) for one in holds])
    stress = np.concatenate([one.stress / scale for one, scale in zip(holds, scales)])
    owner = np.repeat(np.arange(count), [len(one.time) for one in holds])
    slid = time * np.exp(-slides[owner])
    weights_at, logs_at = slice(count, count + terms), slice(count + terms, count + 2 * terms)
    shifts = count - 1 if terms else 0

    def residual(x: np.ndarray) -> np.ndarray:
        factors = np.append(0.0, x[count + 2 * terms :]) if terms else slides
        return x[owner] * relaxed(x[weights_at], np.exp(x[logs_at]), time * np.exp(-factors[owner])) - stress

    within = np.log([slid[slid > 0.0].min(), slid.max()]) + np.array([-2.0, 2.0])
    low = np.concatenate([np.zeros(count + terms), np.full(terms, within[0]), np.full(shifts, -80.0)])
    high = np.concatenate([np.full(count, 5.0), np.ones(terms), np.full(terms, within[1]), np.full(shifts, 80.0)])
    even = np.full(terms, 0.5 / max(terms, 1))
    begin = np.concatenate([first_stress / scales, even, logs, slides[1 : 1 + shifts]])
    found = least_squares(residual, np.clip(begin, low + 1e-9, high - 1e-9), bounds=(low, high), x_scale="jac")
    freedom = len(time) - len(begin)
    chi = float(2.0 * found.cost)
    covariance = chi / freedom * inverse(found.jac)
    criterion = len(time) * math.log(max(chi, 1e-300) / len(time)) + len(begin) * math.log(len(time))
    errors = np.sqrt(np.diag(covariance))
    order = np.argsort(found.x[logs_at])
    places = np.concatenate([count + order, count + terms + order])
    spectrum = Spectrum(
        found.x[weights_at][order], np.exp(found.x[logs_at][order]), covariance[np.ix_(places, places)], freedom,
        float(found.x[0] * scales[0]), math.sqrt(chi / freedom), (),
        () if terms else ("the holds show no relaxation beyond their noise",),
    )  # fmt: skip
    sound = not terms or bool(np.all(np.isfinite(errors)) and np.all(found.x[weights_at] > 2.0 * errors[weights_at]))
    temperatures = np.array([one.temperature for one in holds])
    factors = np.append(0.0, found.x[count + 2 * terms :]) if terms else np.zeros(count)
    log_errors = np.append(0.0, errors[count + 2 * terms :]) if terms else np.full(count, math.inf)
    shift = _law(temperatures, factors, log_errors) if terms and count > 1 and sound else None
    return _Joint(
        ShiftedSpectrum(spectrum, temperatures, factors, log_errors, shift, found.x[:count] * scales), criterion, sound
    )


def _law(temperatures: np.ndarray, factors: np.ndarray, errors: np.ndarray) -> Shift:
    """Arrhenius by weighted least squares; WLF where four temperatures or more speak for it by BIC."""
    reference, others = float(temperatures[0]), temperatures[1:]
    measured = (float(temperatures.min()), float(temperatures.max()))
    slope = (1.0 / others - 1.0 / reference) / GAS_CONSTANT
    weight = 1.0 / errors[1:] ** 2
    energy = float(np.sum(weight * slope * factors[1:]) / np.sum(weight * slope**2))
    error = float(1.0 / math.sqrt(np.sum(weight * slope**2)))
    arrhenius = Shift(reference, measured, energy, error)
    if len(temperatures) < 4:
        return arrhenius

    def residual(x: np.ndarray) -> np.ndarray:
        rise = others - reference
        return (-x[0] * math.log(10.0) * rise / (x[1] + rise) - factors[1:]) / errors[1:]

    least = 1.0 + max(0.0, float(reference - others.min()))
    found = least_squares(residual, np.array([10.0, least + 100.0]), bounds=([0.0, least], [200.0, 5000.0]))
    count = math.log(len(others))
    straight = float(np.sum(weight * (energy * slope - factors[1:]) ** 2)) + count
    if 2.0 * found.cost + 2.0 * count >= straight:
        return arrhenius
    return Shift(reference, measured, c1=float(found.x[0]), c2=float(found.x[1]))
