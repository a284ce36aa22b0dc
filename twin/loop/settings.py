"""What a campaign may set at the simulated calender and what it is told, with the units of its case brought to SI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from kalander.coupling.cards.quantity import QuantityError
from kalander.coupling.cases.suggest import SuggestCase
from kalander.coupling.plant.event import scale_of
from kalander.coupling.scales import in_si
from kalander.kernels.errors import Fault, InputError

__all__ = ["OUTCOMES", "SETTINGS", "Units", "units_of"]

# name -> dimension; what is not set is as the card says
SETTINGS: dict[str, str] = {
    "line_load": "line_load",
    "mass_loading": "mass_loading",
    "speed": "speed",
    "roll_diameter": "length",
    "roll_temperature": "temperature",
    "web_temperature": "temperature",
}
OUTCOMES: dict[str, str | None] = {
    "porosity": None,
    "springback": None,
    "coating_thickness": "length",
    "web_thickness": "length",
    "peak_pressure": "pressure",
    "energy_density": "energy_per_volume",
    "cracked_share": None,
    "tortuosity": None,
    "limiting_c_rate": None,
    "electronic_conductivity": "conductivity",
}
PLAIN = ("1", "%")


@dataclass(frozen=True)
class Units:
    """Factor and offset to SI of each parameter and outcome of a case."""

    scales: dict[str, tuple[float, float]]

    def si(self, values: Mapping[str, float]) -> dict[str, float]:
        """Numbers in the units of the case in SI."""
        return {name: value * self.scales[name][0] + self.scales[name][1] for name, value in values.items()}

    def told_of(self, names: Sequence[str], values: Mapping[str, float]) -> dict[str, float]:
        """Outcomes of some names, in SI, in the units of the case."""
        return {name: (values[name] - self.scales[name][1]) / self.scales[name][0] for name in names}


def units_of(case: SuggestCase, outcomes: tuple[str, ...]) -> Units:
    """The units of a case whose plant knows some outcomes. Raises InputError with each name and unit that is wrong."""
    faults: list[Fault] = []
    scales: dict[str, tuple[float, float]] = {}
    known: tuple[tuple[str, Mapping[str, str | None], tuple[str, ...]], ...] = (
        ("parameter", SETTINGS, tuple(SETTINGS)), ("objective", OUTCOMES, outcomes), ("limit", OUTCOMES, outcomes),
    )  # fmt: skip
    for key, dimensions, allowed in known:
        for number, one in enumerate(getattr(case, key)):
            where = f"{key}[{number}]"
            if one.name not in allowed:
                nearest = get_close_matches(one.name, allowed, n=1)
                why = "is not known of this plant" if one.name in dimensions else "is unknown"
                faults.append(Fault(f"{where}.name", one.name, why, ", ".join(allowed), nearest[0] if nearest else ""))
                continue
            try:
                scale = _scale(one.unit, dimensions[one.name])
            except QuantityError as error:
                faults.append(Fault(f"{where}.unit", one.unit, str(error), error.allowed, error.nearest))
                continue
            if scales.setdefault(one.name, scale) != scale:
                faults.append(Fault(f"{where}.unit", one.unit, "differs from its unit before", "one unit"))
    if faults:
        raise InputError(faults)
    return Units(scales)


def _scale(unit: str, dimension: str | None) -> tuple[float, float]:
    """Factor and offset of a unit to SI. Raises QuantityError."""
    if dimension is None:
        if unit not in PLAIN:
            raise QuantityError("is no unit of a plain number", allowed='"1" or "%"')
        return in_si(1.0, unit), 0.0
    return scale_of(unit, dimension)
