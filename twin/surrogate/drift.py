"""Drift of incoming data against a surrogate: a cumulative sum of what its predictions missed, with a stated rate of
false alarms.

What a prediction misses at neighbouring points is alike, because the surrogate errs there alike. Errors are therefore
taken in order, each against what those before it let one expect: e = L⁻¹ (y − μ) with L Lᵀ the covariance of prediction
and noise. While surrogate and plant agree, these are independent and standard normal, whatever was chosen to be
measured, and their cumulative sums (Page, Biometrika 41 (1954) 100), upwards and downwards, seldom pass a height. The
height follows from the chain of states between 0 and it (Brook & Evans, Biometrika 59 (1972) 539).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import brentq
from scipy.special import ndtr

from kalander.kernels.errors import Fault, InputError
from kalander.twin.surrogate.surrogate import Surrogate, are_numbers

__all__ = ["FALSE_ALARMS", "MOST_ROWS", "Drift", "cumulative_sums", "height_of", "watch_drift"]

FALSE_ALARMS = 0.01  # probability of one within the rows of a watch
SHIFT = 1.0  # in deviations of what is new in a value: the drift that is found fastest
STATES = 120  # of the chain between 0 and the height
HEIGHTS = (1e-3, 60.0)  # at the least, one of two errors passes with 0.6: above any probability that may be asked
ROUNDING = 1e-12  # of the covariance
MOST_ROWS = 5000  # their covariance is a matrix


@dataclass(frozen=True, eq=False)
class Drift:
    """What a watch of one output found.

    alarm: row of the table with which the sum passed its height, None: no drift; since: the row with which the sum
    left 0; by: mean of value less prediction from there to the alarm, in the unit of the output. judged: how many rows
    were, outside: how many were not, for want of a number or of data near them. errors: (judged,) in deviations,
    independent.
    """

    output: str
    alarm: int | None
    since: int | None
    by: float | None
    judged: int
    outside: int
    false_alarms: float
    height: float
    errors: np.ndarray

    def as_json(self) -> dict[str, Any]:
        return {
            "drifts": self.alarm is not None, "alarm_row": self.alarm, "since_row": self.since, "by": self.by,
            "rows_judged": self.judged, "rows_outside_the_data": self.outside, "false_alarms": self.false_alarms,
            "height": self.height,
        }  # fmt: skip


def watch_drift(
    surrogate: Surrogate,
    table: Any,
    output: str,
    *,
    false_alarms: float = FALSE_ALARMS,
    rows: int | None = None,
) -> Drift:
    """Whether the values of an output drift from the surrogate over the rows of a table (SI), in order of time.

    A column OUTPUT_sd is the noise of the values beyond that of the fit. false_alarms: probability of an alarm without
    a drift within so many rows; rows: that will come in all, those of the table if not given. Rows outside the data, or
    without a number, are not judged. Raises InputError.
    """
    if output not in surrogate.outputs:
        raise InputError(Fault("output", output, "is none of this surrogate", ", ".join(surrogate.outputs)))
    if not 1e-6 <= false_alarms <= 0.5:
        raise InputError(Fault("false_alarms", false_alarms, "is no such probability", "1e-6 to 0.5"))
    if output not in table or not are_numbers(table[output]).any():
        raise InputError(Fault("table", output, "holds no value to judge", "a column of numbers in SI"))
    missing = [name for name in surrogate.inputs if name not in table]
    if missing:
        raise InputError(Fault("table", missing[0], "is no column of the table", ", ".join(surrogate.inputs)))
    noisy = [f"{output}_sd"] if f"{output}_sd" in table else []
    held = {name: np.asarray(table[name], float) for name in (*surrogate.inputs, output, *noisy)}
    if noisy and (held[noisy[0]] < 0.0).any():
        raise InputError(Fault(f"table.{noisy[0]}", held[noisy[0]].min(), "is no standard deviation", "0 or more"))
    values = held[output]
    (judged,) = np.nonzero(np.all([are_numbers(one) for one in held.values()], axis=0))
    mean = np.zeros(0)
    if len(judged):
        told = surrogate.predict({name: one[judged] for name, one in held.items()})[output]
        judged, mean = judged[~told.outside], told.mean[~told.outside]
    if len(judged) > MOST_ROWS:
        raise InputError(Fault("table", len(judged), "are too many rows for one watch", f"at most {MOST_ROWS}"))
    noise = held[noisy[0]][judged] if noisy else 0.0
    missed = values[judged] - mean
    here = {name: held[name][judged] for name in surrogate.inputs}
    errors = _new(surrogate, here, output, missed, noise) if len(judged) else np.zeros(0)
    height = height_of(false_alarms, max(rows or 0, len(judged), 1))
    alarm, since = _alarm(errors, height)
    return Drift(
        output, None if alarm is None else int(judged[alarm]), None if since is None else int(judged[since]),
        None if alarm is None else float(missed[since : alarm + 1].mean()), len(judged), len(values) - len(judged),
        false_alarms, height, errors,
    )  # fmt: skip


def _new(surrogate: Surrogate, here: Mapping[str, np.ndarray], output: str, missed: np.ndarray, noise: Any) -> Any:
    """What is new in each error after those before it, in deviations."""
    covariance = surrogate.covariance(here, output)
    covariance[np.diag_indices_from(covariance)] += np.square(noise) + ROUNDING * np.diagonal(covariance).mean()
    return solve_triangular(np.linalg.cholesky(covariance), missed, lower=True)


def cumulative_sums(errors: np.ndarray, shift: float = SHIFT) -> np.ndarray:
    """Upward and downward sums max(0, S ± e − shift/2) along the last axis, shape (2, ..., n)."""
    signed = np.stack([errors, -errors]) - 0.5 * shift
    sums, held = np.empty_like(signed), np.zeros(signed.shape[:-1])
    for row in range(signed.shape[-1]):
        held = np.maximum(held + signed[..., row], 0.0)
        sums[..., row] = held
    return sums


def _alarm(errors: np.ndarray, height: float) -> tuple[int | None, int | None]:
    """The first row with which a sum passes the height, and that with which it left 0."""
    sums = cumulative_sums(errors)
    over = (sums > height).any(axis=0)
    if not over.any():
        return None, None
    first = int(over.argmax())
    side = int(sums[:, first].argmax())
    (zeros,) = np.nonzero(sums[side, :first] == 0.0)
    return first, int(zeros[-1]) + 1 if len(zeros) else 0


def height_of(false_alarms: float, rows: int, shift: float = SHIFT) -> float:
    """Height that either of both sums passes with a probability within so many rows without a drift.

    Half of it for each, which counts both at once twice: by less than the square of the half.
    """

    def excess(height: float) -> float:
        return _passes(height, rows, shift) - 0.5 * false_alarms

    if excess(HEIGHTS[0]) <= 0.0:  # one or two rows pass even the lowest height less often
        return HEIGHTS[0]
    return float(brentq(excess, *HEIGHTS, xtol=1e-4))


def _passes(height: float, rows: int, shift: float) -> float:
    """Probability that one sum of standard normal errors passes a height within so many rows."""
    width = height / (STATES - 0.5)  # the first state is 0 and what lies within half a width of it
    middle = width * np.arange(STATES)
    step = middle[None, :] - middle[:, None] + 0.5 * shift
    stay = ndtr(step + 0.5 * width) - ndtr(step - 0.5 * width)
    stay[:, 0] = ndtr(step[:, 0] + 0.5 * width)
    return float(1.0 - np.linalg.matrix_power(stay, rows)[0].sum())
