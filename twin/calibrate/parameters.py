"""What is uncertain: keys of a card with the prior of each, and the pressure scale of a lab."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.fields import Quantity
from kalander.coupling.cards.quantity import DIMENSIONS
from kalander.coupling.cards.sections import number_field
from kalander.coupling.cases.measured import MeasuredState
from kalander.kernels.errors import Fault, InputError
from kalander.twin.inference.priors import LogNormal, LogUniform, Prior, Uniform

__all__ = ["SCALE", "Parameter", "cheap", "parameters_of", "scale_key"]

SCALE = "lab.pressure_scale"
WIDE = 3.0  # ends of a range with a ratio above this are of a size that is not known: prior in the logarithm
ENDS = 3.0  # standard deviations of a scale's prior at which the surrogate ends
MOST = 12
MOST_SPREAD = 1.5


@dataclass(frozen=True)
class Parameter:
    """A number with its prior; low and high [SI] are the ends between which simulations are made.

    logarithmic: places between the ends are counted in ratios.
    """

    key: str
    prior: Prior
    low: float
    high: float
    unit: str = "1"
    logarithmic: bool = False

    @classmethod
    def between(cls, key: str, low: float, high: float, unit: str = "1") -> "Parameter":
        """Anywhere between two ends; in ratios where they differ by a factor of more than three."""
        if low > 0.0 and high / low > WIDE:
            return cls(key, LogUniform(low, high), low, high, unit, logarithmic=True)
        return cls(key, Uniform(low, high), low, high, unit)

    @classmethod
    def about_one(cls, key: str, spread: float) -> "Parameter":
        """A factor whose logarithm is normal about 0 with standard deviation `spread`."""
        end = float(np.exp(ENDS * spread))
        return cls(key, LogNormal(1.0, spread), 1.0 / end, end, logarithmic=True)

    def share(self, x: np.ndarray) -> np.ndarray:
        """Place between the ends, 0 to 1, of any shape."""
        if self.logarithmic:
            return np.log(np.asarray(x) / self.low) / np.log(self.high / self.low)
        return (np.asarray(x) - self.low) / (self.high - self.low)

    def at(self, share: np.ndarray) -> np.ndarray:
        """The value [SI] at a place between the ends."""
        if self.logarithmic:
            return self.low * np.exp(np.asarray(share) * np.log(self.high / self.low))
        return self.low + (self.high - self.low) * np.asarray(share)

    def drawn(self, quantile: np.ndarray) -> np.ndarray:
        """Values [SI] at quantiles of the prior (cut at the ends), of any shape."""
        if isinstance(self.prior, LogNormal):
            from scipy.stats import truncnorm

            return np.exp(self.prior.spread * truncnorm.ppf(quantile, -ENDS, ENDS))
        return self.at(quantile)


def scale_key(lab: str) -> str:
    """Key of a lab's pressure scale."""
    return f"{SCALE}[{lab}]" if lab else SCALE


def cheap(key: str) -> bool:
    """Whether a key changes the line alone, and boxes that were pressed need not be pressed again."""
    return key.startswith((SCALE, "calender."))


def parameters_of(
    card: Card, states: Sequence[MeasuredState], keys: Sequence[str] = (), *,
    lab_scale: float | None = None, ranges: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[Parameter, ...]:  # fmt: skip
    """The parameters of a calibration: keys that the card calls calibrated, by default all that the data can see.

    lab_scale: standard deviation of the logarithm of the stress that acts over the stress that a lab states; None takes
    stated stresses as they are. ranges: other ends [SI]. Raises InputError.
    """
    known = {one.key: one.range for one in card.calibrated} | dict(ranges or {})
    seen = [key for key in known if _seen(key, states)]
    chosen = list(dict.fromkeys(keys)) or seen
    faults = []
    if lab_scale is not None and not 0.0 < lab_scale <= MOST_SPREAD:
        why = "is no standard deviation of a logarithm"
        faults.append(
            Fault("--lab-scale", lab_scale, why, f"above 0 and at most {MOST_SPREAD:g}; 0.5: within a factor 1.6")
        )
    for key in chosen:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            why = "is not called calibrated by the card, so that nothing says what it may be"
            faults.append(
                Fault("--parameter", key, why, ", ".join(known) or "[[calibrated]] in the card", (*close, "")[0])
            )
        elif key not in seen:
            why = "changes nothing that the data hold"
            faults.append(Fault("--parameter", key, why, ", ".join(seen)))
    if not chosen or len(chosen) > MOST:
        faults.append(
            Fault("--parameter", len(chosen), "keys are no calibration", f"1 to {MOST} of {', '.join(known)}")
        )
    if faults:
        raise InputError(faults)
    found = [Parameter.between(key, *known[key], _unit(key)) for key in chosen]
    if lab_scale is not None:
        labs = list(dict.fromkeys(one.lab for one in states if one.stress))
        found += [Parameter.about_one(scale_key(lab), lab_scale) for lab in labs]
    return tuple(found)


def _unit(key: str) -> str:
    rule = number_field(key)
    return DIMENSIONS[rule.dimension].unit if isinstance(rule, Quantity) else "1"


def _seen(key: str, states: Sequence[MeasuredState]) -> bool:
    """Whether a porosity or a springback can depend on a key: of the line only where there is one."""
    if key.startswith("transport."):
        return False
    rolled = any(one.stress is None for one in states)
    return rolled if key.startswith("calender.") else True
