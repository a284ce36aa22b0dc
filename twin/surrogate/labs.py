"""Offsets of laboratories against a surrogate: the same coating, measured elsewhere, has another porosity.

Of measured less predicted, r = Z b + e, the offsets b are found by generalised least squares, with e as the surrogate's
covariance and the noise let one expect, widened where labs scatter more. Sources: Rasmussen & Williams, Gaussian
Processes for Machine Learning (2006), sec. 2.7; Birge, Phys. Rev. 40 (1932) 207, for what widens: the root of χ² over
its degrees of freedom. An offset that all share cannot be told from an error of the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from kalander.kernels.errors import Fault, InputError
from kalander.twin.surrogate.surrogate import Surrogate, are_numbers

__all__ = ["LabOffset", "aligned", "lab_offsets"]

FEWEST = 3  # rows of a laboratory
ROUNDING = 1e-12  # of the covariance


@dataclass(frozen=True)
class LabOffset:
    """How much more a laboratory measures than the reference: offset and its standard deviation, of how many rows."""

    offset: float
    sd: float
    rows: int


def lab_offsets(
    surrogate: Surrogate, table: Any, output: str, *, lab: str = "lab", reference: str | None = None
) -> dict[str, LabOffset]:
    """Offsets of the laboratories named in a column of a table (columns by name, SI; a DataFrame too).

    reference: the laboratory whose scale counts; the mean of all if not given. A column OUTPUT_sd is the noise of the
    values; rows without a number are left out. Raises InputError: no such output, column or laboratory, fewer than two,
    or fewer than 3 rows of one.
    """
    if output not in surrogate.outputs or lab not in table or output not in table:
        missing = lab if output in surrogate.outputs and output in table else output
        raise InputError(Fault("table", missing, "is no column of surrogate and table", ", ".join(surrogate.outputs)))
    read = [name for name in (*surrogate.inputs, output, f"{output}_sd") if name in table]
    fine = np.all([are_numbers(table[name]) for name in read], axis=0)
    table = {name: np.asarray(table[name])[fine] for name in dict.fromkeys((*read, lab))}
    labs = np.array([str(one) for one in table[lab]])
    if {"", "nan"} & set(labs.tolist()):
        raise InputError(Fault(f"table.{lab}", "(nothing)", "names no laboratory", "a number or a name in every row"))
    if (np.asarray(table.get(f"{output}_sd", 0.0), float) < 0.0).any():
        raise InputError(Fault(f"table.{output}_sd", "below 0", "is no standard deviation", "0 or more"))
    names = sorted(set(labs.tolist()))
    counts = {name: int((labs == name).sum()) for name in names}
    if len(names) < 2 or min(counts.values()) < FEWEST or (reference is not None and reference not in names):
        allowed = f"two or more, of {FEWEST} rows or more each, and a reference among them"
        raise InputError(Fault(f"table.{lab}", counts, "are the rows of each", allowed))
    missed = np.asarray(table[output], float) - surrogate.predict(table)[output].mean
    covariance = surrogate.covariance(table, output)
    noise = np.asarray(table[f"{output}_sd"], float) if f"{output}_sd" in table else 0.0
    covariance[np.diag_indices_from(covariance)] += np.square(noise) + ROUNDING * np.diagonal(covariance).mean()
    which = (labs[:, None] == np.array(names)[None, :]).astype(float)
    found, spread = _least_squares(which, missed, covariance)
    # differences to the reference
    weights = np.full(len(names), 1.0 / len(names)) if reference is None else np.array(names) == reference
    against = np.eye(len(names)) - weights.astype(float)[None, :]
    offsets, deviations = against @ found, np.sqrt(np.diagonal(against @ spread @ against.T))
    return {
        name: LabOffset(float(one), float(sd), counts[name]) for name, one, sd in zip(names, offsets, deviations)
    }  # fmt: skip


def _least_squares(which: np.ndarray, missed: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of columns (n, l) and their covariance, widened by what the rest scatters beyond the covariance."""
    factor = cho_factor(covariance, lower=True)
    inverse = np.linalg.inv(which.T @ cho_solve(factor, which))
    found = inverse @ which.T @ cho_solve(factor, missed)
    rest = missed - which @ found
    free = max(len(missed) - which.shape[1], 1)
    return found, inverse * max(1.0, float(rest @ cho_solve(factor, rest)) / free)


def aligned(table: Any, output: str, offsets: Mapping[str, LabOffset], *, lab: str = "lab") -> dict[str, np.ndarray]:
    """The numeric columns of a table on the reference's scale: offsets taken off, their deviations in OUTPUT_sd."""
    labs = [str(one) for one in table[lab]]
    unknown = sorted(set(labs) - set(offsets))
    if unknown:
        raise InputError(Fault(f"table.{lab}", unknown[0], "has no offset", ", ".join(offsets)))
    held = {name: np.asarray(table[name], float) for name in table if name != lab}
    off, sd = (np.array([getattr(offsets[one], name) for one in labs]) for name in ("offset", "sd"))
    noise = held.get(f"{output}_sd", np.zeros(len(labs)))
    return held | {output: held[output] - off, f"{output}_sd": np.hypot(noise, sd)}
