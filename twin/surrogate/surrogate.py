"""A surrogate of the chain: physics as the mean, a Gaussian process on dimensionless numbers for what it misses.

Every output has its mean, its process and its own noise; every prediction its interval and a flag where no data lies.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from kalander.kernels.errors import Fault, InputError
from kalander.twin.surrogate.groups import load_number, pass_groups
from kalander.twin.surrogate.process import Process, fitted

__all__ = ["Prediction", "Surrogate", "are_numbers"]

Columns = Mapping[str, np.ndarray]
FEWEST = 8  # points of a fit
MARGIN = 0.05  # of the range of an input, beyond which it counts as outside
LEFT = 0.5  # share of the prior's variance, above which no data speaks
HUGE = 1e100  # squares of numbers beyond it overflow
LEVEL = 0.90  # of the intervals
SCALES = 1000.0  # times above and below the median load number, between which that of the compaction is looked for


@dataclass(frozen=True, eq=False)
class Prediction:
    """One output at m points: mean, standard deviation and interval of a run there; `outside` where no data lies."""

    mean: np.ndarray
    sd: np.ndarray
    low: np.ndarray
    high: np.ndarray
    outside: np.ndarray


@dataclass(frozen=True, eq=False)
class Output:
    """One output: parameters of its mean, the process of its residuals, and how well each value is told by the others.

    widening: factor on deviations with which nine of ten values left out lie in their 90 % intervals, at least 1: the
    likelihood takes the kernel's parameters for known, and is too sure. coverage: without it.
    """

    mean: tuple[float, ...]
    process: Process
    widening: float
    coverage: float
    error: float


@dataclass(frozen=True, eq=False)
class Surrogate:
    """Fitted outputs over named inputs; `groups` is "pass" (dimensionless numbers of a nip) or "raw" (as they are).

    lower: a surrogate of a cheaper model of the same outputs, whose prediction, scaled and shifted, is the mean.
    """

    inputs: tuple[str, ...]
    groups: str
    table: dict[str, np.ndarray]
    noise: dict[str, np.ndarray]
    outputs: dict[str, Output]
    lower: Self | None = None
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def fit(
        cls, table: Any, inputs: Sequence[str], outputs: Sequence[str], *, groups: str = "pass",
        lower: "Surrogate | None" = None, theta: Mapping[str, np.ndarray] | None = None, seed: int = 0,
    ) -> "Surrogate":  # fmt: skip
        """Fit a table (columns by name, SI; a DataFrame too). A column OUTPUT_sd is the noise of an output's values.

        Rows with an output that is no number are left out for all. theta: parameters of a kept fit, which is then only
        made again. Raises InputError (missing columns, fewer than 8 rows).
        """
        held = _columns(table, [*inputs, *outputs], [f"{name}_sd" for name in outputs])
        both = sorted(set(outputs) & set(inputs))
        if both or len(set(outputs)) < len(outputs):
            raise InputError(Fault("outputs", both or list(outputs), "are asked for twice", "each column once"))
        fine = np.all([are_numbers(values) for values in held.values()], axis=0)
        held = {name: values[fine] for name, values in held.items()}
        if fine.sum() < FEWEST:
            raise InputError(Fault("table", int(fine.sum()), "are the rows that can be fitted", f"at least {FEWEST}"))
        noise = {name: held.pop(f"{name}_sd", np.zeros(int(fine.sum()))) ** 2 for name in outputs}
        made = cls(tuple(inputs), groups, held, noise, {}, lower)
        points, found = made._points(held), {}
        for name in outputs:
            mean = made._fit_mean(name)
            residual = held[name] - made._mean(name, mean, held)[0]
            known = None if theta is None else np.asarray(theta[name])
            process = fitted(points, residual, noise[name], theta=known, seed=seed)
            found[name] = Output(mean, process, *_fared(process))
        left = int((~fine).sum())
        notes = (f"{left} rows without a number were left out",) if left else ()
        return cls(tuple(inputs), groups, held, noise, found, lower, notes)

    def predict(self, table: Any, level: float = LEVEL) -> dict[str, Prediction]:
        """Each output at the points of a table (columns by name, SI), with intervals of a level. Raises InputError."""
        held = _columns(table, self.inputs)
        for name, values in held.items():
            if not are_numbers(values).all():
                row = int(np.argmin(are_numbers(values)))
                raise InputError(
                    Fault(f"table.{name}[{row}]", float(values[row]), "is no such number", "finite, in SI")
                )
        points, ranged = self._points(held), self._out_of_range(held)
        reach, found = NormalDist().inv_cdf(0.5 + 0.5 * level), {}
        for name, output in self.outputs.items():
            below, below_sd = self._mean(name, output.mean, held)
            residual, deviation, left = output.process.predict(points)
            own = np.hypot(deviation, output.process.shown_noise)
            mean, sd = below + residual, np.hypot(output.widening * own, below_sd)
            found[name] = Prediction(mean, sd, mean - reach * sd, mean + reach * sd, ranged | (left > LEFT))
        return found

    def covariance(self, table: Any, output: str) -> np.ndarray:
        """Of the values of an output at the m points of a table, (m, m), widened as the intervals are."""
        held = _columns(table, self.inputs)
        one = self.outputs[output]
        found = one.widening**2 * one.process.covariance(self._points(held))
        if self.lower is not None:
            found = found + one.mean[0] ** 2 * self.lower.covariance(held, output)
        return found

    def monotone(self, output: str, along: str, *, rising: bool = False, slices: int = 50, seed: int = 0) -> float:
        """Share of slices within the data along which an output goes the wrong way anywhere by more than its deviation.

        The other inputs of a slice are those of a row of the data.
        """
        chance = np.random.default_rng(seed)
        rows = chance.choice(len(self.table[along]), min(slices, len(self.table[along])), replace=False)
        line, wrong = np.linspace(self.table[along].min(), self.table[along].max(), 40), 0
        for row in rows:
            slice_ = {name: np.full(len(line), self.table[name][row]) for name in self.inputs} | {along: line}
            found = self.predict(slice_)[output]
            steps = np.diff(found.mean if rising else -found.mean)
            wrong += bool((steps < -np.maximum(found.sd[1:], found.sd[:-1])).any())
        return wrong / len(rows)

    def report(self) -> dict[str, dict[str, float]]:
        """Of each output, predicted from the other points: error (root mean square), share of the 90 % intervals that
        hold the value, and the noise that the data show."""
        return {
            name: {
                "left_out_error": one.error,
                "left_out_coverage": one.coverage,
                "widening": one.widening,
                "noise": one.process.shown_noise,
            }
            for name, one in self.outputs.items()
        }

    # --- inside ---------------------------------------------------------------------------------------------------

    def _points(self, table: Columns) -> np.ndarray:
        """Inputs of the processes (n, k); what never varies in the data is none."""
        groups, mine = GROUPS[self.groups](table, self.inputs), GROUPS[self.groups](self.table, self.inputs)
        varying = [name for name in mine if np.ptp(mine[name]) > 1e-9 * max(1.0, np.abs(mine[name]).max())]
        return np.column_stack([groups[name] for name in varying or list(mine)[:1]])

    def _out_of_range(self, table: Columns) -> np.ndarray:
        points, mine = self._points(table), self._points(self.table)
        margin = MARGIN * np.ptp(mine, axis=0)
        return ((points < mine.min(axis=0) - margin) | (points > mine.max(axis=0) + margin)).any(axis=1)

    def _fit_mean(self, name: str) -> tuple[float, ...]:
        """Parameters of the mean of an output: scale and shift of a cheaper model, Meyer's law of compaction, or a
        plane in the inputs of the process."""
        values = self.table[name]
        if self.lower is not None:
            below = self.lower.predict(self.table)[name].mean
            return tuple(np.polyfit(below, values, 1))
        if self.groups == "pass" and name == "porosity":
            return _fit_compaction(load_number(self.table), self.table["porosity_before"], values)
        plane, *_ = np.linalg.lstsq(_plane(self._points(self.table)), values, rcond=None)
        return tuple(plane)

    def _mean(self, name: str, parameters: tuple[float, ...], table: Columns) -> tuple[np.ndarray, np.ndarray | float]:
        """Mean of an output and its standard deviation."""
        if self.lower is not None:
            below = self.lower.predict(table)[name]
            return parameters[0] * below.mean + parameters[1], abs(parameters[0]) * below.sd
        if self.groups == "pass" and name == "porosity":
            return _compaction((load_number(table), table["porosity_before"]), *parameters), 0.0
        return _plane(self._points(table)) @ np.array(parameters), 0.0


def _raw(table: Columns, inputs: Sequence[str]) -> dict[str, np.ndarray]:
    return {name: np.asarray(table[name], float) for name in inputs}


GROUPS: dict[str, Callable[[Columns, Sequence[str]], dict[str, np.ndarray]]] = {
    "pass": lambda table, _: pass_groups(table),
    "raw": _raw,
}


def _plane(points: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(points)), points])


def _compaction(where: tuple[np.ndarray, np.ndarray], least: float, scale: float, power: float) -> np.ndarray:
    """Porosity ε_min + (ε₀ − ε_min) exp(−(Π/Γ)^m) of load number Π: Meyer's exponential law, stretched.

    Source: Meyer, Bockholt, Haselrieder & Kwade, J. Mater. Process. Technol. 249 (2017) 172 for m = 1 on the line load.
    """
    load, before = where
    return least + (before - least) * np.exp(-((load / scale) ** power))


def _fit_compaction(load: np.ndarray, before: np.ndarray, values: np.ndarray) -> tuple[float, ...]:
    """Parameters of the law of compaction by least squares; that of a coating that nothing presses where none fits."""
    import warnings

    start = (0.5 * float(values.min()), float(np.median(load)), 1.0)
    scales = (start[1] / SCALES, start[1] * SCALES)
    bounds = ((0.0, scales[0], 0.2), (max(float(values.min()), 1e-6), scales[1], 3.0))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            found, _ = curve_fit(_compaction, (load, before), values, start, bounds=bounds)
    except RuntimeError:
        return start
    return tuple(float(one) for one in found)


def _fared(process: Process) -> tuple[float, float, float]:
    """Widening of the deviations, share of the 90 % intervals that hold the value left out, root mean square error.

    The widening is that of split-conformal intervals on values left out, of the level with its correction for a finite
    number. Source: Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005), ch. 2.
    """
    mean, deviation = process.left_out()
    missed = np.abs(mean - process.values)
    reach = NormalDist().inv_cdf(0.5 + 0.5 * LEVEL)
    level = min(1.0, np.ceil((len(missed) + 1) * LEVEL) / len(missed))
    widening = float(np.quantile(missed / deviation, level, method="higher")) / reach
    return max(1.0, widening), float(np.mean(missed <= reach * deviation)), float(np.sqrt(np.mean(missed**2)))


def are_numbers(values: Any) -> np.ndarray:
    """Where numbers are finite, and so are their squares."""
    return np.abs(np.asarray(values, float)) < HUGE


def _columns(table: Any, needed: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Columns of a mapping or a DataFrame as numbers. Raises InputError for one that is missing or none."""
    found, faults = {}, []
    for name in (*needed, *(one for one in optional if one in table)):
        try:
            found[name] = np.asarray(table[name], float)
        except KeyError:
            faults.append(Fault("table", name, "is no column of the table", ", ".join(map(str, table))))
        except (TypeError, ValueError):
            faults.append(Fault(f"table.{name}", name, "holds what is no number", "numbers in SI"))
    if not faults and len({one.shape for one in found.values()}) > 1:
        faults.append(
            Fault("table", {name: one.shape for name, one in found.items()}, "differ in length", "one length")
        )
    faults += [
        Fault(f"table.{name}", float(found[name].min()), "is no standard deviation", "0 or more")
        for name in optional
        if name in found and (found[name] < 0.0).any()
    ]
    if faults:
        raise InputError(faults)
    return found
