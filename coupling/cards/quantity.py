"""Quantities with units: "0.5 um" becomes 5e-7 in SI, once, at the edge of the program.

The vocabulary is closed. pint's full list costs 0.3 s at every start and reads slips as units ("pam" as
pico-attometre); the list below is what a process engineer writes, so an unknown unit is a misspelt one.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

__all__ = ["DIMENSIONS", "Dimension", "QuantityError", "micrometres", "parse_quantity"]


@dataclass(frozen=True)
class Dimension:
    """What a quantity measures: its SI unit, and how a user would write one."""

    unit: str
    examples: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return f'a text with number and unit, such as "{self.examples[0]}"'


DIMENSIONS = {
    "length": Dimension("m", ("0.5 um", "1 nm", "1 mm", "1 cm", "1 m")),
    "area": Dimension("m^2", ("2.37 cm^2", "1 mm^2", "1 m^2")),
    "mass_loading": Dimension("kg/m^2", ("16.88 mg/cm^2", "1 g/m^2", "1 kg/m^2")),
    "density": Dimension("kg/m^3", ("4.7 g/cm^3", "4700 kg/m^3")),
    "pressure": Dimension("Pa", ("2 GPa", "30 MPa", "1 kPa", "1 Pa", "1 bar", "1 N/mm^2")),
    "line_load": Dimension("N/m", ("500 N/mm", "500 kN/m", "1 N/m")),
    "stiffness": Dimension("N/m", ("0.5 MN/mm", "500 kN/mm", "500 N/m")),
    "force": Dimension("N", ("30 kN", "1 N", "1 mN", "1 uN")),
    "power": Dimension("W", ("50 W", "1 kW")),
    "speed": Dimension("m/s", ("2 m/min", "1 m/s", "1 mm/s")),
    "strain_rate": Dimension("1/s", ("1e4 1/s", "10 1/ms", "0.01 1/us")),
    "time": Dimension("s", ("30 s", "1 ms", "1 us", "1 ns", "10 min", "2 hour", "1 day")),
    "temperature": Dimension("K", ("25 degC", "298.15 K")),
    "per_temperature": Dimension("1/K", ("0.004 1/K",)),
    "molar_energy": Dimension("J/mol", ("80 kJ/mol", "1 J/mol")),
    "thermal_conductivity": Dimension("W/m/K", ("0.5 W/m/K",)),
    "heat_capacity": Dimension("J/m^3/K", ("1.8e6 J/m^3/K", "1.8 J/cm^3/K")),
    "contact_conductance": Dimension("W/m^2/K", ("1e4 W/m^2/K",)),
    "angle": Dimension("rad", ("20 deg", "0.35 rad")),
    "compliance": Dimension("1/Pa", ("1.0 1/MPa",)),
    "pressure_rate": Dimension("Pa/s", ("50 MPa/s", "1 MPa/ms")),
    "effort_weight": Dimension("1/Pa^2/s", ("0.01 1/MPa^2/s",)),
    "rate_weight": Dimension("s/Pa^2", ("1e-4 s/MPa^2",)),
    "conductivity": Dimension("S/m", ("1.74 mS/cm", "1 S/m")),
    "surface_energy": Dimension("J/m^2", ("0.05 J/m^2", "50 mJ/m^2", "1 N/m")),
    "resistance": Dimension("ohm", ("3 ohm", "3 mohm")),
    "frequency": Dimension("Hz", ("100 kHz", "1 Hz", "10 mHz", "1 MHz")),
    "concentration": Dimension("mol/m^3", ("1 mol/l", "1000 mol/m^3")),
    "areal_capacity": Dimension("A*s/m^2", ("2.5 mA*h/cm^2", "25 A*h/m^2")),
    "specific_capacity": Dimension("A*s/kg", ("155 mA*h/g", "155 A*h/kg")),
    "voltage": Dimension("V", ("3.7 V", "10 mV")),
    "current_density": Dimension("A/m^2", ("1 A/m^2", "1 mA/cm^2")),
    "areal_resistance": Dimension("ohm*m^2", ("10 ohm*cm^2", "1e-3 ohm*m^2")),
    "energy_per_mass": Dimension("J/kg", ("250 W*h/kg", "1 kJ/kg")),
    "energy_per_volume": Dimension("J/m^3", ("600 W*h/l", "1 J/cm^3")),
}

DEFINITIONS = """
nano- = 1e-9 = n-
micro- = 1e-6 = u-
milli- = 1e-3 = m-
centi- = 1e-2 = c-
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
meter = [length] = m = metre
gram = [mass] = g
second = [time] = s
kelvin = [temperature]; offset: 0 = K
radian = [] = rad
degree = 0.017453292519943295 * radian = deg
ampere = [current] = A
mole = [substance] = mol
minute = 60 * second = min
hour = 60 * minute = h
day = 24 * hour
degree_Celsius = kelvin; offset: 273.15 = degC
hertz = 1 / second = Hz
liter = 1e-3 * meter**3 = l
newton = 1000 * gram * meter / second**2 = N
pascal = newton / meter**2 = Pa
bar = 1e5 * pascal
joule = newton * meter = J
watt = joule / second = W
volt = watt / ampere = V
ohm = volt / ampere
siemens = ampere / volt = S
"""

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
# pint evaluates what it is given, powers of powers included; this grammar lets one digit through as an exponent
FACTOR = r"[A-Za-z]+(?:(?:\^|\*\*)?-?[0-9])?"
QUANTITY = re.compile(rf"({NUMBER})\s*((?:1\s?/\s?)?{FACTOR}(?:\s?[*/ ]\s?{FACTOR})*)")
LONGEST = 80  # characters; no quantity needs more, and it bounds the work of the pattern
SPELLINGS = {"μ": "u", "−": "-", "·": "*", "⋅": "*", "Ω": "ohm", "°C": "degC"}


class QuantityError(ValueError):
    """A text that is no quantity of the dimension asked for; says why, what is allowed, and the nearest unit."""

    def __init__(self, why: str, *, allowed: str, nearest: str = "") -> None:
        super().__init__(why)
        self.why, self.allowed, self.nearest = why, allowed, nearest


@functools.cache
def unit_registry() -> Any:
    """The pint registry of our units; imported at first use, since a start-up for --help needs none."""
    import pint

    # fractions convert exactly: "5 um" is the float nearest to 5e-6, whatever order pint multiplies in
    registry: Any = pint.UnitRegistry(None, non_int_type=Fraction)
    registry.load_definitions(DEFINITIONS.splitlines())
    return registry


def normal_spelling(text: str) -> str:
    """One spelling for both micro signs, superscripts, the minus sign, the dot and the degree sign."""
    text = unicodedata.normalize("NFKC", text).strip()
    for written, plain in SPELLINGS.items():
        text = text.replace(written, plain)
    return text


def split_quantity(text: str, dimension: Dimension) -> tuple[Fraction, str]:
    """Number and unit of a text; raises QuantityError."""
    if len(text) > LONGEST:
        raise QuantityError(f"is longer than {LONGEST} characters", allowed=dimension.allowed)
    text = normal_spelling(text)
    match = QUANTITY.fullmatch(text)
    if match:
        return Fraction(match[1]), re.sub(r"(?<=[A-Za-z])(-?[0-9])", r"^\1", match[2])
    if re.fullmatch(NUMBER, text):
        raise QuantityError("has no unit", allowed=dimension.allowed)
    comma = " (write a decimal point)" if re.match(r"[+-]?[0-9]+,[0-9]", text) else ""
    raise QuantityError(f"is not one number followed by one unit{comma}", allowed=dimension.allowed)


def nearest_unit(unit: str, dimension: Dimension) -> str:
    known = {example.split(" ", 1)[1].lower(): example.split(" ", 1)[1] for example in dimension.examples}
    close = get_close_matches(unit.lower(), known, n=1)
    return known[close[0]] if close else ""


def parse_quantity(text: str, dimension: str) -> float:
    """Value in the SI unit of a named dimension: parse_quantity("2 m/min", "speed") is 0.0333 (m/s).

    Raises QuantityError for a missing or unknown unit, a unit of another dimension, or a number that is not finite.
    """
    wanted = DIMENSIONS[dimension]
    number, unit = split_quantity(text, wanted)
    from pint.errors import PintError, UndefinedUnitError

    registry = unit_registry()
    try:
        value = float(registry.Quantity(number, registry.parse_units(unit)).to(wanted.unit).magnitude)
    except UndefinedUnitError:
        nearest = nearest_unit(unit, wanted)
        raise QuantityError(f"has the unknown unit {unit!r}", allowed=wanted.allowed, nearest=nearest) from None
    except PintError:
        why = f"is not a {dimension.replace('_', ' ')}: {unit!r} has another dimension"
        raise QuantityError(why, allowed=wanted.allowed) from None
    except OverflowError:
        raise QuantityError("is not finite", allowed=wanted.allowed) from None
    return value


def micrometres(length: float) -> float:
    """A length [m] in micrometres, for sentences."""
    return float(unit_registry().Quantity(Fraction(length), "m").to("um").magnitude)
