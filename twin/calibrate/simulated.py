"""The seam between the inference and what is simulated, and the table of the runs that were made."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kalander.kernels.columns import Column, Table
from kalander.kernels.errors import Fault, InputError

__all__ = ["RUNS", "Runs", "Simulate", "Simulated"]


@dataclass(frozen=True, eq=False)
class Simulated:
    """values (point, seed, output), NaN where a seed failed; reasons: why, a sentence each."""

    values: np.ndarray
    reasons: tuple[str, ...] = ()


Simulate = Callable[[np.ndarray, np.ndarray], "Simulated | np.ndarray"]
"""(parameters (point, parameter) [SI], seeds (point, seed)) -> outputs (point, seed, output)."""

RUNS = {
    "points": {
        "run": Column("i8", ("point",), "1", "run whose boxes the point is of"),
        "parameters": Column("f8", ("point", "parameter"), "1", "parameters in SI"),
        "seeds": Column("i8", ("point", "seed"), "1", "seeds of the packings"),
        "outputs": Column("f8", ("point", "seed", "output"), "1", "what came out, NaN: failed", nullable=True),
    }
}


@dataclass(frozen=True, eq=False)
class Runs:
    """All points that were simulated so far, columns as in RUNS; reasons of failures; processor time [s]."""

    run: np.ndarray
    parameters: np.ndarray
    seeds: np.ndarray
    outputs: np.ndarray
    reasons: tuple[str, ...] = ()
    processor: float = 0.0

    @classmethod
    def none(cls, parameters: int, seeds: int, outputs: int) -> "Runs":
        """Before the first run."""
        return cls(
            np.zeros(0, np.int64), np.zeros((0, parameters)), np.zeros((0, seeds), np.int64),
            np.zeros((0, seeds, outputs)),
        )  # fmt: skip

    @classmethod
    def of(cls, table: Table, reasons: list[str], processor: float) -> "Runs":
        """From a stored table."""
        return cls(**{name: table[name] for name in RUNS["points"]}, reasons=tuple(reasons), processor=processor)

    @property
    def table(self) -> Table:
        """Columns of RUNS."""
        return {name: getattr(self, name) for name in RUNS["points"]}

    @property
    def count(self) -> int:
        """Runs."""
        return len(np.unique(self.run))

    @property
    def failed(self) -> int:
        """Seeds of runs that did not come to their end (of a run with several points: in any of them)."""
        bad = ~np.isfinite(self.outputs).all(axis=2)
        return sum(int(bad[self.run == one].any(axis=0).sum()) for one in np.unique(self.run))

    def with_more(self, more: "Runs") -> "Runs":
        """These and others."""
        joined = {name: np.concatenate([getattr(self, name), getattr(more, name)]) for name in RUNS["points"]}
        return Runs(**joined, reasons=(*self.reasons, *more.reasons), processor=self.processor + more.processor)


def asked(simulate: Simulate, parameters: np.ndarray, seeds: np.ndarray, outputs: int) -> Simulated:
    """What a function of the seam answers, checked. Raises InputError where its shape is not that of the question."""
    found = simulate(parameters, seeds)
    found = found if isinstance(found, Simulated) else Simulated(np.asarray(found, float))
    if found.values.shape != (*seeds.shape, outputs):
        raise InputError(
            Fault("simulate", found.values.shape, "is the shape of no answer", f"{(*seeds.shape, outputs)}")
        )
    values = np.where(np.isfinite(found.values), found.values, np.nan)
    return Simulated(values, found.reasons)
