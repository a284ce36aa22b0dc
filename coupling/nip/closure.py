"""A closure as a script has it, in SI: typed in by hand, or measured in particle boxes."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike

from kalander.continuum.closure.cap import Cap
from kalander.continuum.closure.cap_closure import CapClosure
from kalander.continuum.closure.contract import SOLID_FRACTION_LIMIT
from kalander.continuum.closure.contract import Closure as Law
from kalander.continuum.closure.laws import PowerClosure, TabulatedClosure
from kalander.coupling.cards.config import Section
from kalander.coupling.cards.fields import Real
from kalander.coupling.cards.mill_limits import Stiffness
from kalander.coupling.display import axes_or_new, html_table
from kalander.coupling.homogenise.closure import CLOSURE, closure_from, closure_tables
from kalander.coupling.homogenise.homogenised import Homogenised
from kalander.coupling.homogenise.stored import closure_data
from kalander.coupling.scales import in_si, in_unit
from kalander.coupling.store.store import Data, write
from kalander.kernels.asked import asked
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault, InputError

__all__ = ["Closure"]


class PowerLaw(Section):
    """What `Closure.power` takes, checked."""

    p0: Stiffness
    k: Annotated[float, Real(above=0, at_most=1000)]
    unload_modulus: Stiffness
    unload_exponent: Annotated[float, Real(at_least=1, below=100)]


class CapLaw(Section):
    """What `Closure.cap` takes, checked."""

    modulus: Stiffness
    poisson: Annotated[float, Real(above=-1, below=0.5)]
    M: Annotated[float, Real(above=0, at_most=1000)]
    chi: Annotated[float, Real(at_least=1e-3, at_most=1)]
    p_c0: Stiffness
    k: Annotated[float, Real(above=0, at_most=1000)]
    porosity: Annotated[float, Real(above=0.02, below=1, percent=True)]


@dataclass(frozen=True, eq=False)
class Closure:
    """How a coating resists compression and what it gives back; strain ln(H / h) from the free coating, pressures in
    Pa. `law`: the same in the units of the nip."""

    law: Law

    @classmethod
    def power(cls, p0: Any, k: float, unload_modulus: Any, *, unload_exponent: float = 1.0) -> "Closure":
        """p = p0 ((H / h)^k - 1) on loading, released with a secant modulus over ln h; in Pa or texts such as "6 MPa".
        Raises InputError."""
        of = PowerLaw(p0=p0, k=k, unload_modulus=unload_modulus, unload_exponent=unload_exponent)
        return cls(PowerClosure(in_unit(of.p0, "MPa"), of.k, in_unit(of.unload_modulus, "MPa"), of.unload_exponent))

    @classmethod
    def cap(
        cls, modulus: Any, poisson: float, M: float, chi: float, p_c0: Any, k: float, *, porosity: float
    ) -> "Closure":
        """An elliptic cap of slope M and shift chi with p_c = p_c0 exp(k eps_v^p), compressed uniaxially from a free
        porosity; the one law by formula that finite elements know. Raises InputError."""
        of = CapLaw(modulus=modulus, poisson=poisson, M=M, chi=chi, p_c0=p_c0, k=k, porosity=porosity)
        cap = Cap(in_unit(of.modulus, "MPa"), of.poisson, of.M, of.chi, in_unit(of.p_c0, "MPa"), of.k)
        return cls(CapClosure(cap, math.log(SOLID_FRACTION_LIMIT / (1.0 - of.porosity))))

    @classmethod
    def table(
        cls,
        strain: ArrayLike,
        pressure: ArrayLike,
        unload_modulus: ArrayLike,
        *,
        porosity: float,
        lateral_ratio: ArrayLike = 0.4,
        unload_exponent: float = 1.0,
    ) -> "Closure":
        """Knots of a measured curve, strain and pressure [Pa] from 0 on, shape (knots,); modulus [Pa] and lateral ratio
        of one value or one a knot; porosity of the free coating. Raises InputError."""
        knots = np.array(strain, dtype=float)
        unknown = np.full(knots.shape, math.nan)
        modulus, ratio = (
            np.broadcast_to(np.asarray(one, float), knots.shape) for one in (unload_modulus, lateral_ratio)
        )
        return cls(
            TabulatedClosure(
                porosity, knots, in_unit(np.array(pressure, dtype=float), "MPa"), in_unit(modulus, "MPa"), ratio,
                unknown, unknown, unknown, unload_exponent,
            )
        )  # fmt: skip

    @classmethod
    def of(cls, stored: "Closure | Homogenised | Law | Data") -> "Closure":
        """From the table of a study's stage closure, a homogenised coating, or a law in the units of the nip."""
        if isinstance(stored, Closure):
            return stored
        if isinstance(stored, Homogenised):
            return cls(stored.law)
        if not isinstance(stored, Data) and not hasattr(stored, "pressure_at"):
            allowed = "a Closure, a table of a study's stage, or a law of the nip"
            raise InputError(Fault("Closure.of: stored", stored, "is no closure", allowed))
        return cls(closure_from(stored) if isinstance(stored, Data) else stored)

    @property
    def porosity(self) -> float | None:
        """Of the free coating it was measured on; None of a law."""
        return getattr(self.law, "porosity", None)

    @property
    def strain_limit(self) -> float:
        """Largest strain at which it is known; inf of a law."""
        return self.law.strain_limit

    @property
    def pressed(self) -> tuple[float, float] | None:
        """Lowest and highest stress of a release [Pa]; None if not known."""
        given: tuple[float, float] | None = getattr(self.law, "pressed", None)
        return None if given is None else (in_si(given[0], "MPa"), in_si(given[1], "MPa"))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the data, a sentence each."""
        return tuple(getattr(self.law, "notes", ()))

    @asked(strain="numbers")
    def pressure_at(self, strain: ArrayLike) -> np.ndarray:
        """Pressure of first loading [Pa], of the strain's shape. Raises ClosureRangeError."""
        return in_si(np.asarray(self.law.pressure_at(np.asarray(strain, float))), "MPa")

    @asked(strain="numbers")
    def recovery_at(self, strain: ArrayLike) -> np.ndarray:
        """Strain ln(h_released / h_min) that a release from a strain recovers. Raises ClosureRangeError."""
        return np.asarray(self.law.recovery_at(np.asarray(strain, float)))

    @asked(strain="numbers")
    def unload_modulus_at(self, strain: ArrayLike) -> np.ndarray:
        """Pressure over the strain recovered from it [Pa]. Raises ClosureRangeError."""
        return in_si(np.asarray(self.law.unload_modulus_at(np.asarray(strain, float))), "MPa")

    @asked(strain="numbers")
    def lateral_ratio_at(self, strain: ArrayLike) -> np.ndarray:
        """In-plane stress over the pressure. Raises ClosureRangeError."""
        return np.asarray(self.law.lateral_ratio_at(np.asarray(strain, float)))

    # --- shown and stored -----------------------------------------------------------------------------------------

    @property
    def curve(self) -> Table:
        """Knots in SI: strain, pressure, unload_modulus, lateral_ratio and their *_sd; of a formula 101 points."""
        if isinstance(self.law, TabulatedClosure):
            return {
                name: in_si(getattr(self.law, name), "MPa" if column.unit == "Pa" else "1")
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
        strain, pressure = curve["strain"], in_unit(curve["pressure"], "MPa")
        (line,) = axes.plot(strain, pressure)
        if np.isfinite(curve.get("pressure_sd", np.nan)).any():
            scatter = in_unit(curve["pressure_sd"], "MPa")
            axes.fill_between(strain, pressure - scatter, pressure + scatter, color=line.get_color(), alpha=0.2)
        for start in np.linspace(strain[0], strain[-1], 7)[1:]:
            back = np.linspace(0.0, 1.0, 40) * float(self.recovery_at(start))
            share, _, _ = self.law.release(back, np.full(40, back[-1]))
            axes.plot(start - back, share * in_unit(float(self.pressure_at(start)), "MPa"), color="0.6", linewidth=0.8)
        axes.set(xlabel="strain ln(H/h)", ylabel="pressure (MPa)", ylim=(0, None))
        return axes

    def save(self, path: str | Path) -> Path:
        """Write the table to an HDF5 file, which a nip case may name. Raises InputError, StorageError."""
        law = self.law
        if not isinstance(law, TabulatedClosure):
            raise InputError(Fault("Closure", type(law).__name__, "is a formula and no table", "Closure.table"))
        write(Path(path), closure_tables(law), CLOSURE, kind="result", identity={"closure": 1})
        return Path(path)

    @classmethod
    @asked(path="path")
    def load(cls, path: str | Path) -> "Closure":
        """A closure that was saved, the closure.h5 of a study, or a homogenised coating. Raises CheckpointError."""
        return cls.of(closure_data(path))

    def _repr_html_(self) -> str:
        curve = self.curve
        pressure, modulus = (in_unit(curve[name], "MPa") for name in ("pressure", "unload_modulus"))
        rows = [
            (
                f"{curve['strain'][row]:.3f}",
                f"{pressure[row]:.4g}",
                f"{modulus[row]:.4g}",
            )
            for row in np.linspace(0, len(curve["strain"]) - 1, 8).astype(int)
        ]  # fmt: skip
        return html_table(f"Closure, {type(self.law).__name__}", ("strain", "p (MPa)", "p/recovered (MPa)"), rows)
