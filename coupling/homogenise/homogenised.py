"""What pressed boxes hand over, as one object: every property of the coating over its relative density, SI.

Relative density is 1 - porosity. Properties are pure functions of it (and, of stresses, of temperature and rate): each
answers with a value, one box's scatter over the seeds, and whether it was measured there. Outside of what was measured
the nearest value stands and is flagged; nothing is carried on in silence.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from kalander.continuum.closure.knots import Knots, Known
from kalander.continuum.closure.laws import TabulatedClosure
from kalander.continuum.closure.prony import Spectrum
from kalander.continuum.closure.shift import Shift
from kalander.continuum.closure.yielding import CapFit
from kalander.coupling.scales import in_si
from kalander.kernels.errors import Fault, InputError

__all__ = ["OF_LAW", "PROPERTIES", "Homogenised", "Property", "Thermal"]

ROOM_TEMPERATURE = 298.15  # K
SLACK = 1e-9  # of a density: ends are met by a rounding


@dataclass(frozen=True)
class Property:
    """unit; meaning; shape at one density, None where it depends on the series (terms); trend that physics demands;
    logarithmic: spans decades; warms: a stress, which heat and rate change."""

    unit: str
    meaning: str
    shape: tuple[int, ...] | None = ()
    trend: str = "free"
    logarithmic: bool = False
    warms: bool = False


OF_LAW = {
    "pressure": Property("Pa", "pressure of first loading", trend="rising", warms=True),
    "unload_modulus": Property("Pa", "pressure over the strain that a release from it recovers", warms=True),
    "recovery": Property("1", "strain ln(h_released / h) that a release recovers"),
    "lateral_ratio": Property("1", "in-plane stress over the pressure on first loading"),
}

PROPERTIES = {
    "stiffness": Property("Pa", "six by six, order xx yy zz yz xz xy, under load", (6, 6), warms=True),
    "stiffness_held": Property("Pa", "of the same boxes with nothing giving way", (6, 6), warms=True),
    "stiffness_flowing": Property("Pa", "with all that slides or flows giving way", (6, 6), warms=True),
    "stiffness_voigt": Property(
        "Pa", "of the macro strain alone, an upper bound of stiffness_held", (6, 6), warms=True
    ),
    "stiffness_reuss": Property("Pa", "of forces that follow the stress alike, from below", (6, 6), warms=True),
    "free_stiffness": Property("Pa", "as laid and as released, by their own density", (6, 6), warms=True),
    "floppy_modes": Property("1", "motions of particles that nothing resists, over their number"),
    "rattling_particles": Property("1", "share of particles that touch nothing"),
    "unstable_motions": Property("1", "motions that set energy free, over the number of particles"),
    "sliding_contacts": Property("1", "share of contacts at Coulomb's limit"),
    "flowing_bonds": Property("1", "share of bonds on their yield surface"),
    "yield_pressure": Property("Pa", "p_c of the cap, Cauchy", trend="rising", logarithmic=True, warms=True),
    "cap_slope": Property("1", "M of the cap, q over p"),
    "cap_shift": Property("1", "chi of the cap: tensile over compressive limit of mean stress"),
    "tensile_strength": Property("Pa", "largest tension along z that binder bears", warms=True),
    "shear_strength": Property("Pa", "shear stress at yield, zero further normal strain", warms=True),
    "relaxation_weight": Property("1", "share of the elastic stress that each term of the series relaxes", None),
    "cracked_fraction": Property("1", "volume share of particles loaded beyond their strength", trend="rising"),
    "broken_bond_fraction": Property("1", "of the bonds laid", trend="rising"),
    "coordination": Property("1", "contacts of a particle"),
    "released_density": Property("1", "relative density after a release from here", trend="rising"),
    "ionic_ratio": Property("1", "D_eff / D_0 along x, y, z of the released coating", (3,), trend="falling"),
    "conductivity": Property("S/m", "electronic, along x, y, z of the released coating", (3,)),
    "fabric": Property("1", "mean of n n of contacts, of the released coating", (3, 3)),
    "bond_fabric": Property("1", "mean of n n of the bonds that hold, x, y, z", (3,)),
    "orientation": Property("1", "mean of n n of platelets' normals by volume, x, y, z", (3,)),
}


@dataclass(frozen=True)
class Thermal:
    """Stress over that at the reference temperature [K]: 1 - softening (T - reference), as the nip has it; measured:
    temperatures between which that was found. rate_exponent: d ln stress / d ln strain rate about reference_rate [1/s],
    between the rates measured; None: one rate alone is known."""

    softening: float = 0.0
    reference: float = ROOM_TEMPERATURE
    measured: tuple[float, float] = (ROOM_TEMPERATURE, ROOM_TEMPERATURE)
    rate_exponent: float | None = None
    reference_rate: float | None = None
    rates: tuple[float, float] | None = None

    def factor(self, temperature: float | None, rate: float | None) -> tuple[float, bool]:
        """Share of the stress, and whether temperature and rate lie within what was measured."""
        share, inside = 1.0, True
        if temperature is not None:
            low, high = self.measured
            held = min(max(temperature, low), high)
            share *= 1.0 - self.softening * (held - self.reference)
            inside &= abs(held - temperature) < 1e-6
        if rate is not None:
            if self.rate_exponent is None or self.reference_rate is None or self.rates is None:
                return share, False
            held = min(max(rate, self.rates[0]), self.rates[1])
            share *= (held / self.reference_rate) ** self.rate_exponent
            inside &= math.isclose(held, rate, rel_tol=1e-6)
        return share, inside


@dataclass(frozen=True, eq=False)
class Homogenised:
    """A coating as particle boxes know it.

    law: loading and unloading over strain, for the nip [MPa]; knots: further properties by names of PROPERTIES, SI;
    relaxation: series of the elastic stress at thermal.reference, None where nothing was held; shift: what temperature
    does to its times; notes: a sentence for each reason to trust it less. Raises InputError.
    """

    law: TabulatedClosure
    knots: Mapping[str, Knots] = field(default_factory=dict)
    relaxation: Spectrum | None = None
    shift: Shift | None = None
    thermal: Thermal = Thermal()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        faults = []
        for name, knots in self.knots.items():
            known = PROPERTIES.get(name)
            if known is None:
                faults.append(Fault(f"homogenised.{name}", name, "is no property", ", ".join(PROPERTIES)))
                continue
            terms = () if self.relaxation is None else (self.relaxation.terms,)
            shape = terms if known.shape is None else known.shape
            if knots.entries != shape:
                faults.append(Fault(f"homogenised.{name}", knots.entries, "is not its shape", str(shape)))
        if faults:
            raise InputError(faults)

    # --- what is known --------------------------------------------------------------------------------------------

    @property
    def porosity(self) -> float:
        """Of the free coating, from which strain is counted."""
        return self.law.porosity

    @property
    def known(self) -> tuple[str, ...]:
        """Names that `at` answers for."""
        return (*OF_LAW, *self.knots)

    @property
    def densities(self) -> tuple[float, float]:
        """Relative densities between which loading is known."""
        free = 1.0 - self.porosity
        return free, free * math.exp(self.law.strain_limit)

    def strain(self, density: ArrayLike) -> np.ndarray:
        """ln(h_free / h) at a relative density."""
        return np.log(np.asarray(density, float) / (1.0 - self.porosity))

    def density(self, strain: ArrayLike) -> np.ndarray:
        """Relative density at a strain ln(h_free / h)."""
        return (1.0 - self.porosity) * np.exp(np.asarray(strain, float))

    # --- asked by density -----------------------------------------------------------------------------------------

    def at(
        self, name: str, density: ArrayLike, *, temperature: float | None = None, rate: float | None = None
    ) -> Known:
        """A property at relative densities of any shape; temperature [K] and strain rate [1/s] change stresses alone.

        Raises InputError for a name that is not known here.
        """
        if name not in self.known:
            raise InputError(Fault("homogenised", name, "is not known of this coating", ", ".join(self.known)))
        asked = np.asarray(density, float)
        found = self._of_law(name, asked) if name in OF_LAW else self.knots[name].at(asked)
        if not (OF_LAW | PROPERTIES)[name].warms:
            return found
        share, inside = self.thermal.factor(temperature, rate)
        return Known(found.value * share, found.deviation * share, found.inside & inside)

    def _of_law(self, name: str, density: np.ndarray) -> Known:
        law = self.law
        strain = self.strain(density)
        held = np.clip(strain, 0.0, law.strain_limit)
        value = np.asarray(getattr(law, f"{name}_at")(held), float)
        if name == "recovery":
            modulus = law.unload_modulus_at(held)
            scatter = value * np.interp(held, law.strain, law.unload_modulus_sd) / modulus
        else:
            scatter = np.interp(held, law.strain, getattr(law, f"{name}_sd"))
        if OF_LAW[name].unit == "Pa":
            value, scatter = in_si(value, "MPa"), in_si(scatter, "MPa")
        return Known(value, scatter, np.abs(held - strain) <= SLACK)

    def cap(self, density: float) -> CapFit:
        """The elliptic cap at one relative density, p_c in Pa (Cauchy). Raises InputError where it was not probed."""
        p_c, slope, shift = (float(self.at(name, density).value) for name in _CAP)
        errors = [float(self.at(name, density).deviation) for name in _CAP]
        covariance = np.diag([(errors[0] / p_c) ** 2, (errors[1] / slope) ** 2, errors[2] ** 2])
        return CapFit(p_c, slope, shift, covariance, math.nan)

    def series(
        self, density: float | None = None, *, temperature: float | None = None
    ) -> tuple[tuple[tuple[float, float], ...], bool]:
        """(weight, time [s]) of the terms by which the elastic stress relaxes, and whether that was measured there.

        () and True where the boxes were held and nothing relaxed, () and False where they were not held.
        """
        if self.relaxation is None:
            return (), False
        weights, inside = self.relaxation.weights, True
        if density is not None and "relaxation_weight" in self.knots:
            found = self.at("relaxation_weight", density)
            weights, inside = found.value, bool(np.all(found.inside))
        factor = 1.0
        if temperature is not None and abs(temperature - self.thermal.reference) > 1e-6:
            inside &= self.shift is not None and self.shift.inside(temperature)
            factor = 1.0 if self.shift is None else self.shift.factor(temperature)
        terms = zip(weights.tolist(), (self.relaxation.times * factor).tolist())
        return tuple((weight, time) for weight, time in terms if weight > 0.0), inside

    def covariance(self, names: Sequence[str]) -> np.ndarray:
        """Of one box, of all knots and entries of properties in turn, shape (n, n); NaN with fewer than two seeds."""
        parts = [self.knots[name].samples.reshape(len(self.knots[name].samples), -1) for name in names]
        seeds = min(len(part) for part in parts)
        flat = np.concatenate([part[:seeds] for part in parts], axis=1)
        whole = flat[np.all(np.isfinite(flat), axis=1)]
        size = flat.shape[1]
        return np.full((size, size), np.nan) if len(whole) < 2 else np.cov(whole, rowvar=False)


_CAP = ("yield_pressure", "cap_slope", "cap_shift")
