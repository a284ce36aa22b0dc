"""The ledger of energies: where the work of platens went. Units: pJ."""

import numpy as np

from kalander.dem.observe import Observation
from kalander.kernels.columns import Column, Table

__all__ = ["HEATS", "heats", "ledger_columns"]

HEATS = {
    "friction": "heat of sliding contacts, and of tangential springs that stiffen",
    "damping": "heat of the dashpots of contacts",
    "plastic": "work of contacts that yield",
    "bonds": "heat of dashpots, failure and relaxation of bonds",
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
        "bonds": bonds + relaxed,
    }
