"""The chain as a surrogate of its full runs: what nip and discharges answer is fitted, the rest follows exactly."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kalander.coupling.cases.vary import OUTPUTS
from kalander.kernels.errors import NumericalError
from kalander.twin.surrogate.surrogate import Surrogate
from kalander.twin.variation.chain import DELIVERED, NIP, Chain

__all__ = ["BASIC", "Emulator", "outcomes"]

BASIC = ("loading", "porosity", "thickness", "binder", "hardness")  # that the nip feels, with what the rolls hold
OF_CELL = ("loading", "binder", "particle_size")  # that a cell feels beside its porosity
FEWEST = 0.8  # share of full runs that must have a solution

Columns = Mapping[str, np.ndarray]


def outcomes(chain: Chain, deviations: Columns, found: Columns) -> dict[str, np.ndarray]:
    """All outputs of cells from what the nip, and of PyBaMM the discharges, answered."""
    coatings, pores = chain.coatings(deviations), np.asarray(found["porosity"])
    thickness = coatings.pressed_thickness(pores)
    cells = {name: found[name] for name in DELIVERED} if chain.by_pybamm else chain.cells(coatings, pores)
    made = {
        **{name: np.asarray(found[name]) for name in NIP}, "thickness": thickness, **cells,
        "energy_density": cells["energy"] / chain.stack(thickness),
    }  # fmt: skip
    return {name: made[name] for name in OUTPUTS}


@dataclass(frozen=True, eq=False)
class Emulator:
    """Outputs of cells under rolls that hold a gap or a line load."""

    chain: Chain
    hold: str
    nip: Surrogate
    cell: Surrogate | None

    @classmethod
    def fit(
        cls, chain: Chain, hold: str, deviations: Columns, runs: Columns, cell: Surrogate | None = None
    ) -> "Emulator":
        """From full runs; cell: a surrogate of discharges, fitted if the runs have some. Raises NumericalError."""
        solved = float(np.isfinite(runs["porosity"]).mean())
        if solved < FEWEST:
            raise NumericalError(
                f"{1.0 - solved:.0%} of the full runs with rolls that hold the {hold.replace('_', ' ')} have no "
                "solution within the closure: narrow the scatter, or press the boxes of the study further"
            )
        felt = [name for name in deviations if name in (*BASIC, hold)]
        nip = Surrogate.fit({**{name: deviations[name] for name in felt}, **_asked(runs, NIP)}, felt,
                            [f"{name}_out" for name in NIP], groups="raw")  # fmt: skip
        if chain.by_pybamm and cell is None:
            felt = [name for name in deviations if name in OF_CELL]
            table = {**{name: deviations[name] for name in felt}, "pores": runs["porosity"], **_asked(runs, DELIVERED)}
            cell = Surrogate.fit(table, [*felt, "pores"], [f"{name}_out" for name in DELIVERED], groups="raw")
        return cls(chain, hold, nip, cell)

    def __call__(self, deviations: Columns) -> dict[str, np.ndarray]:
        """Outputs of cells with deviations (n,) by quantity."""
        told = self.nip.predict({name: deviations[name] for name in self.nip.inputs})
        found = {name: told[f"{name}_out"].mean for name in NIP}
        if self.cell is not None:
            asked = {name: deviations[name] for name in self.cell.inputs if name != "pores"}
            more = self.cell.predict({**asked, "pores": found["porosity"]})
            found |= {name: more[f"{name}_out"].mean for name in DELIVERED}
        return outcomes(self.chain, deviations, found)

    def outside(self, deviations: Columns) -> int:
        """Cells beyond the data of the nip's surrogate."""
        told = self.nip.predict({name: deviations[name] for name in self.nip.inputs})
        return int(told["porosity_out"].outside.sum())


def _asked(runs: Columns, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Outputs under names that no input has."""
    return {f"{name}_out": runs[name] for name in names}
