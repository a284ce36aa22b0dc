"""The closure of a coating as a researcher holds it: fitted, typed in or read; SI, drawn, saved."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kalander.continuum.closure.contract import Closure as Law
from kalander.continuum.closure.laws import PowerClosure, TabulatedClosure
from kalander.coupling.cards.quantity import parse_quantity
from kalander.coupling.display import axes_or_new, html_table
from kalander.coupling.homogenise.closure import CLOSURE, closure_from
from kalander.coupling.store.store import Data, load, write
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault, InputError

__all__ = ["Closure"]

MEGA = 1e6  # Pa in the nip's MPa


def pascals(value: float | str) -> float:
    """A pressure in Pa, from a number in Pa or a text with a unit."""
    return parse_quantity(value, "pressure") if isinstance(value, str) else float(value)


@dataclass(frozen=True, eq=False)
class Closure:
    """How a coating resists compression and what it gives back; strain ln(H / h) from the free coating, pressures in
    Pa. `law`: the same in the units of the nip."""

    law: Law

    @classmethod
    def of(cls, stored: "Closure | Law | Data") -> "Closure":
        """From the table of a study's stage closure, or a law in the units of the nip."""
        if isinstance(stored, Closure):
            return stored
        return cls(closure_from(stored) if isinstance(stored, Data) else stored)

    @classmethod
    def power(
        cls, p0: float | str, k: float, unload_modulus: float | str, *, unload_exponent: float = 1.0
    ) -> "Closure":
        """p = p0 ((H / h)^k - 1), released with one modulus; pressures in Pa or texts such as "6 MPa".

        Raises InputError.
        """
        return cls(PowerClosure(pascals(p0) / MEGA, k, pascals(unload_modulus) / MEGA, unload_exponent))

    @classmethod
    def table(
        cls, strain: ArrayLike, pressure: ArrayLike, unload_modulus: ArrayLike, *, porosity: float,
        lateral_ratio: ArrayLike = 0.4, unload_exponent: float = 1.0,
    ) -> "Closure":  # fmt: skip
        """Knots of a measured curve, strain and pressure [Pa] from 0 on, shape (knots,); modulus [Pa] and lateral ratio
        of one value or one a knot; porosity of the free coating. Raises InputError."""
        knots = np.asarray(strain, float)
        unknown = np.full(knots.shape, np.nan)
        modulus, ratio = (np.broadcast_to(np.asarray(v, float), knots.shape) for v in (unload_modulus, lateral_ratio))
        return cls(TabulatedClosure(
            porosity, knots, np.asarray(pressure, float) / MEGA, modulus / MEGA, ratio, unknown, unknown, unknown,
            unload_exponent,
        ))  # fmt: skip

    @property
    def porosity(self) -> float | None:
        """Of the free coating it was measured on; None of a law that holds at any."""
        return getattr(self.law, "porosity", None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the data, a sentence each."""
        return tuple(getattr(self.law, "notes", ()))

    def pressure_at(self, strain: ArrayLike) -> np.ndarray:
        """Pressure of first loading [Pa], of the strain's shape. Raises ClosureRangeError."""
        return np.asarray(self.law.pressure_at(np.asarray(strain, float))) * MEGA

    def recovery_at(self, strain: ArrayLike) -> np.ndarray:
        """Strain ln(h_released / h_min) that a release from a strain recovers. Raises ClosureRangeError."""
        return np.asarray(self.law.recovery_at(np.asarray(strain, float)))

    def unload_modulus_at(self, strain: ArrayLike) -> np.ndarray:
        """Pressure over the strain recovered from it [Pa]. Raises ClosureRangeError."""
        return np.asarray(self.law.unload_modulus_at(np.asarray(strain, float))) * MEGA

    # --- shown and stored -----------------------------------------------------------------------------------------

    @property
    def curve(self) -> Table:
        """Knots in SI: strain, pressure, unload_modulus, lateral_ratio and their *_sd; of a formula 101 points."""
        if isinstance(self.law, TabulatedClosure):
            return {
                name: getattr(self.law, name) * (MEGA if column.unit == "Pa" else 1.0)
                for name, column in CLOSURE["curve"].items()
            }
        strain = np.linspace(0.0, min(self.law.strain_limit, 0.5), 101)
        return {
            "strain": strain,
            "pressure": self.pressure_at(strain),
            "unload_modulus": self.unload_modulus_at(strain),
        }

    def to_dataframe(self) -> Any:
        """The knots, where pandas is installed."""
        from pandas import DataFrame

        return DataFrame(self.curve)

    def plot(self, axes: Any = None) -> Any:
        """Pressure over strain with its scatter, and the releases from six strains; returns matplotlib axes."""
        axes = axes_or_new(axes)
        curve = self.curve
        strain, pressure = curve["strain"], curve["pressure"] / MEGA
        (line,) = axes.plot(strain, pressure)
        if np.isfinite(curve.get("pressure_sd", np.nan)).any():
            scatter = curve["pressure_sd"] / MEGA
            axes.fill_between(strain, pressure - scatter, pressure + scatter, color=line.get_color(), alpha=0.2)
        for start in np.linspace(strain[0], strain[-1], 7)[1:]:
            back = np.linspace(0.0, 1.0, 40) * float(self.recovery_at(start))
            share, _, _ = self.law.release(back, np.full(40, back[-1]))
            axes.plot(start - back, share * float(self.pressure_at(start)) / MEGA, color="0.6", linewidth=0.8)
        axes.set(xlabel="strain ln(H/h)", ylabel="pressure (MPa)", ylim=(0, None))
        return axes

    def save(self, path: str | Path) -> Path:
        """Write the table to an HDF5 file, which a nip case may name. Raises InputError, StorageError."""
        law = self.law
        if not isinstance(law, TabulatedClosure):
            raise InputError(Fault("Closure", type(law).__name__, "is a formula and no table", "Closure.table"))
        pressed = None if law.pressed is None else [MEGA * stress for stress in law.pressed]
        about = {
            "porosity": law.porosity, "unload_exponent": law.unload_exponent, "pressed": pressed, "notes": [*law.notes],
        }  # fmt: skip
        write(Path(path), Data({"curve": self.curve}, about), CLOSURE, kind="result", identity={"closure": 1})
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> "Closure":
        """A closure that was saved, or the closure.h5 of a study. Raises CheckpointError."""
        return cls.of(load(Path(path), CLOSURE).data)

    def _repr_html_(self) -> str:
        curve = self.curve
        rows = [
            (
                f"{curve['strain'][row]:.3f}",
                *(f"{curve[name][row] / MEGA:.4g}" for name in ("pressure", "unload_modulus")),
            )
            for row in np.linspace(0, len(curve["strain"]) - 1, 8).astype(int)
        ]  # fmt: skip
        return html_table(f"Closure, {type(self.law).__name__}", ("strain", "p (MPa)", "p/recovered (MPa)"), rows)
