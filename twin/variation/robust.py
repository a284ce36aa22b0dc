"""Which setting of the rolls leaves the least spread at equal mean, and which survives what goes wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from kalander.twin.variation.emulator import Emulator
from kalander.twin.variation.judged import Bound, Yield, yield_of

__all__ = ["Robust", "robust_choice"]

STEPS = 13  # settings that are tried

Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Robust:
    """Rolls that hold a gap or a line load, set so that the mean porosity is `mean`.

    setting: deviation of what is held from its nominal value, None where the mean is out of reach; cells there;
    nominal and disturbed yields there; best_setting: that with the largest of the least yields, and these yields.
    """

    hold: str
    setting: float | None
    cells: dict[str, np.ndarray]
    nominal: Yield | None
    disturbed: tuple[Yield, ...]
    best_setting: float
    best_nominal: Yield
    best_disturbed: tuple[Yield, ...]

    @property
    def least(self) -> float | None:
        """The least yield at equal mean, whatever goes wrong."""
        return None if self.nominal is None else min(one.share for one in (self.nominal, *self.disturbed))

    @property
    def best_least(self) -> float:
        """The same at the best setting."""
        return min(one.share for one in (self.best_nominal, *self.best_disturbed))


def robust_choice(
    emulator: Emulator, drawn: Columns, mean: float, bounds: Sequence[Bound], shifts: Sequence[tuple[str, float]],
    reach: float,
) -> Robust:  # fmt: skip
    """One kind of holding. drawn: deviations of the cells; shifts: what goes wrong, quantity and shift of its mean;
    reach: largest deviation of the setting either way."""
    hold = emulator.hold

    def at(setting: float, shift: tuple[str, float] | None = None) -> dict[str, np.ndarray]:
        moved = {**drawn, hold: drawn[hold] + setting}
        if shift is not None:
            moved[shift[0]] = moved[shift[0]] + shift[1]
        return emulator(moved)

    def yields(setting: float) -> tuple[Yield, ...]:
        return tuple(yield_of(at(setting, one), bounds)[0] for one in (None, *shifts))

    tried = np.linspace(-reach, reach, STEPS)
    judged = [yields(one) for one in tried]
    # of equal least yields that with the most at rest, then that nearest to the nominal one
    best = max(range(STEPS), key=lambda n: (min(one.share for one in judged[n]), judged[n][0].share, -abs(tried[n])))
    missed = [float(at(end)["porosity"].mean()) - mean for end in (-reach, reach)]
    if missed[0] * missed[1] > 0:
        return Robust(hold, None, {}, None, (), float(tried[best]), judged[best][0], judged[best][1:])
    setting = float(brentq(lambda one: float(at(one)["porosity"].mean()) - mean, -reach, reach, xtol=1e-5))
    there = yields(setting)
    return Robust(
        hold, setting, at(setting), there[0], there[1:], float(tried[best]), judged[best][0], judged[best][1:]
    )
