"""What a calender can be: fields whose bounds no mill passes, and ranges outside of which a value is unusual.

Impossible is an error, unusual a warning. Bounds are wide: the largest paper calenders and rolls of rubber fit in.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated

from kalander.coupling.cards.fields import Quantity
from kalander.coupling.cards.quantity import DIMENSIONS
from kalander.kernels.errors import Fault

__all__ = [
    "LineLoad", "RollDiameter", "RollLength", "SetGap", "Speed", "StandStiffness", "Stiffness", "Temperature",
    "Tension", "gap_warnings", "thin_roll_faults", "thin_roll_warnings", "unusual",
]  # fmt: skip

RollDiameter = Annotated[float, Quantity("length", at_least=1e-3, at_most=10.0)]
RollLength = Annotated[float, Quantity("length", at_least=1e-3, at_most=30.0)]  # face, distance of bearings
SetGap = Annotated[float | None, Quantity("length", at_least=0.0, absent="none")]  # 0: rolls that kiss unloaded
LineLoad = Annotated[float | None, Quantity("line_load", above=0.0, at_most=1e9, absent="none")]
Tension = Annotated[float, Quantity("line_load", at_least=0.0, at_most=1e6)]  # 0.1 mm of steel yields before
Speed = Annotated[float, Quantity("speed", above=0.0, at_most=100.0)]
StandStiffness = Annotated[float | None, Quantity("stiffness", above=0.0, absent="rigid")]
Stiffness = Annotated[float, Quantity("pressure", above=0.0, at_most=1e13)]  # diamond: 1.2e12 Pa
Temperature = Annotated[float, Quantity("temperature", above=0.0, at_most=1000.0)]  # foil of aluminium melts at 933 K

# roll diameter over the web's thickness: below the first the web could enter at more than 50 degrees, below the second
# at more than 10, where uniaxial strain begins to fail
THINNEST_ROLL, SLENDER = 3.0, 60.0

# dimension, lowest, highest [SI] of what is usual, by the last name of a key
USUAL = {
    "diameter": ("length", 0.02, 3.0),
    "face": ("length", 0.02, 5.0),
    "bearing_span": ("length", 0.02, 8.0),
    "modulus": ("pressure", 1e8, 1e12),
    "thickness": ("length", 1e-6, 2e-3),
    "stand_stiffness": ("stiffness", 1e7, 1e12),
    "speed": ("speed", 1e-4, 5.0),
    "line_load": ("line_load", 1e2, 1e7),
    "roll_temperature": ("temperature", 250.0, 500.0),
    "web_temperature": ("temperature", 250.0, 500.0),
    "temperature": ("temperature", 250.0, 500.0),
    "tension": ("line_load", 0.0, 2e3),
    "stress": ("pressure", 1e4, 2e9),
    "p0": ("pressure", 1e2, 1e10),
    "p_c0": ("pressure", 1e2, 1e10),
    "unload_modulus": ("pressure", 1e6, 1e12),
    "conductivity": ("thermal_conductivity", 1e-2, 1e3),
    "heat_capacity": ("heat_capacity", 1e5, 1e7),
    "contact_conductance": ("contact_conductance", 1e1, 1e7),
}


def unusual(values: Mapping[str, float | None]) -> Iterator[str]:
    """A warning for each value [SI] outside of what is usual; keys end in a name of USUAL."""
    for key, value in values.items():
        dimension, low, high = USUAL[key.rsplit(".", 1)[-1].partition("[")[0]]
        if value is not None and not low <= value <= high:
            unit = DIMENSIONS[dimension].unit
            yield f"{key}: {value:.4g} {unit} is unusual; usual are {low:g} to {high:g} {unit}"


def gap_warnings(key: str, gap: float | None, foil: float) -> Iterator[str]:
    """A gap [m] below the foil's thickness is one of rolls that press on each other where there is no web."""
    if gap is not None and gap < foil:
        yield (
            f"{key}: {gap:.4g} m is less than the foil, {foil:.4g} m: what is left between the rolls is what flattens "
            "them and opens the stand"
        )


def thin_roll_faults(key: str, diameter: float, web: float) -> Iterator[Fault]:
    """Uniaxial strain and the parabola of the gap need rolls that are thick beside the web [m]."""
    if diameter < THINNEST_ROLL * web:
        why = f"is less than {THINNEST_ROLL:g} times as thick as the web, {web:.4g} m, which no such rolls draw in"
        yield Fault(key, diameter, why, f"above {THINNEST_ROLL * web:.4g} m")


def thin_roll_warnings(key: str, diameter: float, web: float) -> Iterator[str]:
    if diameter < SLENDER * web:
        yield f"{key}: {diameter:.4g} m is thin beside a web of {web:.4g} m: the strain in the nip is hardly uniaxial"
