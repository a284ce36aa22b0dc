"""The ledger of energies: where the work of platens went. Units: pJ."""

import numpy as np
from numpy.typing import ArrayLike

from kalander.dem.measure.observe import Observation
from kalander.kernels.columns import Column, Table

__all__ = ["HEATS", "heats", "ledger_columns", "turnover"]

ROUNDING = 1e-3  # of what was stored at the start: a bed that lies still turns over nothing else

HEATS = {
    "friction": "heat of sliding contacts, and of tangential springs that stiffen",
    "damping": "heat of the dashpots of contacts",
    "plastic": "work of contacts that yield",
    "bonds": "heat of dashpots, failure and relaxation of bonds",
    "bond_flow": "plastic work of bonds that yield",
}


def ledger_columns(dim: str) -> dict[str, Column]:
    """Columns of a ledger with one row a `dim`; work less all others is the gap of the balance."""
    stores = {"work": "work of the platens", "elastic": "elastic energy", "kinetic": "kinetic energy"}
    return {name: Column("f8", (dim,), "pJ", doc) for name, doc in {**stores, **HEATS}.items()}


def heats(seen: Observation, relaxed: np.ndarray) -> Table:
    """Heat of each kind so far, shape (box,); relaxed: what bonds lost on the material clock."""
    damping, plastic, bonds = seen.losses.T
    return {
        "friction": seen.heat - seen.losses.sum(axis=1),
        "damping": damping,
        "plastic": plastic,
        "bonds": bonds + relaxed - seen.bond_flow,
        "bond_flow": seen.bond_flow,
    }


def turnover(work: ArrayLike, heat: ArrayLike, elastic: ArrayLike, start: ArrayLike) -> np.ndarray:
    """What the gap of a balance is measured by [pJ]: the largest of work, heat and change of the elastic energy.

    start: energy stored at the start, of which a bed that was pressed before has more than it turns over.
    """
    changes = np.maximum(np.maximum(np.abs(work), heat), np.abs(np.subtract(elastic, start)))
    return np.maximum(np.maximum(changes, ROUNDING * np.asarray(start)), 1e-300)
