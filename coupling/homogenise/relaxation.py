"""Out of held boxes: how the coating's elastic stress relaxes, by density and temperature, and how heat softens it.

The nip relaxes the elastic strain e: a release from S leaves s = S (e / r)^m, so that of stress held at a strain
(s / S)^(1 / m) is what follows a Prony series. Boxes are pressed at once, in milliseconds of their binder, and held.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls

from kalander.continuum.closure.knots import Knots
from kalander.continuum.closure.prony import Spectrum
from kalander.continuum.closure.shift import Hold, fit_shift
from kalander.coupling.homogenise.homogenised import Homogenised

__all__ = ["HeldBox", "with_relaxation"]

LOADED = 0.2  # of its largest pressure: what a box bears below it says little of its binder
READINGS = 60  # of a hold that are fitted, evenly over the logarithm of time


@dataclass(frozen=True, eq=False)
class HeldBox:
    """A box that was pressed and held. stress [Pa] it was pressed to; seed; temperature [K]; density under the hold;
    time [s] and pressure of the hold; strain and load [same unit] of its loading; shapes (n,), (frames,)."""

    stress: float
    seed: int
    temperature: float
    density: float
    time: np.ndarray
    pressure: np.ndarray
    strain: np.ndarray
    load: np.ndarray


def with_relaxation(coating: Homogenised, boxes: Sequence[HeldBox], *, reference: float) -> Homogenised:
    """The coating with the series of its held boxes; reference: one of their temperatures [K]."""
    temperatures = sorted({box.temperature for box in boxes})
    holds = [
        _mean_hold(temperature, [box for box in boxes if box.temperature == temperature], coating.law.unload_exponent)
        for temperature in temperatures
    ]
    found = fit_shift(holds, reference=reference)
    near = min(temperatures, key=lambda one: abs(one - reference))
    softening = _softening(boxes, near)
    thermal = replace(
        coating.thermal, softening=softening, reference=near, measured=(temperatures[0], temperatures[-1])
    )
    knots = dict(coating.knots)
    if found.spectrum.terms:
        knots["relaxation_weight"] = _weights(
            [box for box in boxes if box.temperature == near], found.spectrum, coating.law.unload_exponent
        )
    notes = [*coating.notes, *found.spectrum.notes]
    if len(temperatures) == 1:
        notes.append(f"held at {near:g} K alone: what other temperatures do is not known")
    return replace(
        coating, relaxation=found.spectrum, shift=found.shift, thermal=thermal, knots=knots, notes=tuple(notes)
    )


def elastic_share(pressure: np.ndarray, exponent: float) -> np.ndarray:
    """Share of the elastic strain's stress that is left, over that at the beginning of the hold."""
    return np.maximum(pressure / pressure[0], 0.0) ** (1.0 / exponent)


def _mean_hold(temperature: float, boxes: Sequence[HeldBox], exponent: float) -> Hold:
    """The share left, mean over boxes, at readings even in the logarithm of time."""
    first = max(float(box.time[1]) for box in boxes)
    last = min(float(box.time[-1]) for box in boxes)
    time = np.append(0.0, np.geomspace(first, last, min(READINGS, min(len(box.time) for box in boxes))))
    shares = [np.interp(time, box.time, elastic_share(box.pressure, exponent)) for box in boxes]
    return Hold(temperature, time, np.mean(shares, axis=0))


def _weights(boxes: Sequence[HeldBox], spectrum: Spectrum, exponent: float) -> Knots:
    """Weights of the series' own times, of each density and seed."""
    seeds = sorted({box.seed for box in boxes})
    stresses = sorted({box.stress for box in boxes})
    density = np.array([np.mean([box.density for box in boxes if box.stress == stress]) for stress in stresses])
    samples = np.full((len(seeds), len(stresses), spectrum.terms), np.nan)
    for box in boxes:
        decay = np.exp(-box.time[:, None] / spectrum.times)
        basis = np.column_stack([np.ones(len(decay)), decay])
        amplitudes, _ = nnls(basis, elastic_share(box.pressure, exponent))
        samples[seeds.index(box.seed), stresses.index(box.stress)] = amplitudes[1:] / amplitudes.sum()
    order = np.argsort(density)
    return Knots(density[order], samples[:, order])


def _softening(boxes: Sequence[HeldBox], reference: float) -> float:
    """Loss of stress per kelvin at equal strain, over pairs of boxes that differ by temperature alone [1/K].

    Least squares of 1 - factor over the difference of temperature; 0 where all were held at one.
    """
    cold = {(box.stress, box.seed): box for box in boxes if box.temperature == reference}
    rise, loss = [], []
    for box in boxes:
        other = cold.get((box.stress, box.seed))
        if other is None or box.temperature == reference:
            continue
        strain = np.linspace(0.0, min(box.strain.max(), other.strain.max()), 50)
        mine, theirs = (np.interp(strain, one.strain, np.maximum.accumulate(one.load)) for one in (box, other))
        borne = theirs > LOADED * theirs[-1]
        rise.append(box.temperature - reference)
        loss.append(1.0 - math.exp(float(np.mean(np.log(np.maximum(mine[borne], 1e-12) / theirs[borne])))))
    if not rise:
        return 0.0
    steps = np.array(rise)
    return float(steps @ np.array(loss) / (steps @ steps))
