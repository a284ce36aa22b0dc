"""The closure of a coating as a researcher holds it: fitted, typed in or read; SI, drawn, saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from kalander.continuum.closure.cap import Cap
from kalander.continuum.closure.cap_closure import CapClosure
from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT
from kalander.continuum.closure.contract import Closure as Law
from kalander.continuum.closure.laws import PowerClosure
from kalander.coupling.cards.quantity import parse_quantity
from kalander.coupling.display import axes_or_new, html_table
from kalander.coupling.homogenise.closure import CLOSURE, closure_from
from kalander.coupling.scales import in_si, in_unit
from kalander.coupling.store.store import Data, load, write
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault, InputError

__all__ = ["Closure"]


def megapascals(value: float | str) -> float:
    """A pressure in MPa, from a number in Pa or a text with a unit."""
    return in_unit(parse_quantity(value, "pressure") if isinstance(value, str) else float(value), "MPa")


@dataclass(frozen=True, eq=False)
class Closure:
    """How a coating resists compression and what it gives back.

    law: the same in MPa, by kalander.continuum.closure.contract. data: its table in SI; None for a formula.
    """

    law: Law
    data: Data | None = None

    @classmethod
    def of(cls, data: Data) -> Self:
        """A closure from its table, as a study stores it."""
        return cls(closure_from(data), data)

    @classmethod
    def power(cls, p0: float | str, k: float, unload_modulus: float | str, *, unload_exponent: float = 1.0) -> Self:
        """p = p0 ((h_initial / h)^k - 1), released with one modulus; pressures in Pa or texts. Raises InputError."""
        return cls(PowerClosure(megapascals(p0), k, megapascals(unload_modulus), unload_exponent))

    @classmethod
    def cap(
        cls, porosity: float, *, modulus: float | str, poisson: float, slope: float, shift: float,
        p_c0: float | str, k: float,
    ) -> Self:  # fmt: skip
        """The elliptic cap of kalander.continuum.closure.cap; porosity: of the free coating. Raises InputError."""
        cap = Cap(megapascals(modulus), poisson, slope, shift, megapascals(p_c0), k)
        return cls(CapClosure(cap, float(np.log(SOLID_FRACTION_LIMIT / (1.0 - porosity)))))

    @classmethod
    def table(
        cls, strain: ArrayLike, pressure: ArrayLike, unload_modulus: ArrayLike, *, porosity: float,
        lateral_ratio: ArrayLike = 0.4, unload_exponent: float = 1.0,
    ) -> Self:  # fmt: skip
        """A closure by its knots: strain ln(h_initial / h) from 0, pressure [Pa] from 0, pressure over the strain that

        a release from there recovers [Pa]; porosity: of the free coating. Raises InputError.
        """
        knots = np.asarray(strain, float)
        unknown = np.full(len(knots), np.nan)
        columns = {"pressure": pressure, "unload_modulus": unload_modulus, "lateral_ratio": lateral_ratio}
        curve: Table = {"strain": knots}
        for name, values in columns.items():
            curve |= {name: np.broadcast_to(np.asarray(values, float), knots.shape).copy(), f"{name}_sd": unknown}
        about: dict[str, Any] = {"porosity": porosity, "unload_exponent": unload_exponent, "pressed": None, "notes": []}
        return cls.of(Data({"curve": {name: curve[name] for name in CLOSURE["curve"]}}, about))

    @property
    def curve(self) -> Table:
        """Knots in SI: strain, pressure, unload_modulus, lateral_ratio and their *_sd; 101 points of a formula."""
        if self.data is not None:
            return self.data.tables["curve"]
        strain = np.linspace(0.0, min(self.law.strain_limit, 0.5), 101)
        return {
            "strain": strain, "pressure": self.pressure(strain),
            "unload_modulus": in_si(self.law.unload_modulus_at(strain), "MPa"),
            "lateral_ratio": self.law.lateral_ratio_at(strain),
        }  # fmt: skip

    @property
    def porosity(self) -> float | None:
        """Porosity of the free coating; None for a law that holds at any."""
        return getattr(self.law, "porosity", None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the data, a sentence each."""
        return tuple(getattr(self.law, "notes", ()))

    def pressure(self, strain: ArrayLike) -> np.ndarray:
        """Pressure of virgin loading [Pa] at strains ln(h_initial / h). Raises ClosureRangeError."""
        return in_si(np.asarray(self.law.pressure_at(np.asarray(strain, float))), "MPa")

    def recovered(self, strain: ArrayLike) -> np.ndarray:
        """Strain that a release from these strains gives back. Raises ClosureRangeError."""
        return np.asarray(self.law.recovery_at(np.asarray(strain, float)))

    def to_dataframe(self) -> Any:
        """The knots, where pandas is installed."""
        from pandas import DataFrame

        return DataFrame(self.curve)

    def plot(self, axes: Any = None) -> Any:
        """Pressure over strain with its scatter, and the releases from ten strains; returns matplotlib axes."""
        axes = axes_or_new(axes)
        curve = self.curve
        strain, pressure = curve["strain"], in_unit(curve["pressure"], "MPa")
        (line,) = axes.plot(strain, pressure)
        if "pressure_sd" in curve and np.isfinite(curve["pressure_sd"]).any():
            scatter = in_unit(curve["pressure_sd"], "MPa")
            axes.fill_between(strain, pressure - scatter, pressure + scatter, color=line.get_color(), alpha=0.2)
        for start in np.linspace(strain[0], strain[-1], 7)[1:]:
            back = np.linspace(0.0, 1.0, 40) * float(self.recovered(start))
            share, _, _ = self.law.release(back, np.full(40, back[-1]))
            axes.plot(start - back, share * in_unit(float(self.pressure(start)), "MPa"), color="0.6", linewidth=0.8)
        axes.set(xlabel="strain ln(H/h)", ylabel="pressure (MPa)", ylim=(0, None))
        return axes

    def save(self, path: str | Path) -> Path:
        """Write the table to an HDF5 file, which a nip case may name. Raises InputError, StorageError."""
        if self.data is None:
            raise InputError(Fault("Closure", type(self.law).__name__, "is a formula and no table", "Closure.table"))
        write(Path(path), self.data, CLOSURE, kind="result", identity={"closure": 1})
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A closure that was saved, or the closure.h5 of a study. Raises CheckpointError."""
        return cls.of(load(Path(path), CLOSURE).data)

    def _repr_html_(self) -> str:
        curve = self.curve
        picked: Sequence[int] = np.linspace(0, len(curve["strain"]) - 1, 8).astype(int).tolist()
        rows = [
            (f"{curve['strain'][row]:.3f}", f"{in_unit(curve['pressure'][row], 'MPa'):.4g}",
             f"{in_unit(curve['unload_modulus'][row], 'MPa'):.4g}")
            for row in picked
        ]  # fmt: skip
        return html_table(f"Closure, {type(self.law).__name__}", ("strain", "p (MPa)", "p/recovered (MPa)"), rows)
