"""What was measured of an electrode beside its spectrum, and of the electrolyte, each with its error."""

from dataclasses import dataclass

import numpy as np

from kalander.kernels.errors import Fault, InputError
from kalander.twin.impedance.line import ionic_resistance

__all__ = ["Electrode", "Electrolyte"]


def refuse(what: str, rows: list[tuple[str, object, float, bool, float]]) -> None:
    """Raise InputError for values that are no numbers between their ends: name, value, low, whether low is one, high
    (which is none)."""
    faults = []
    for name, value, low, closed, high in rows:
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not number or not (value < high and (value > low or (closed and value == low))):  # type: ignore[operator]
            below = "" if np.isinf(high) else f" and below {high:g}"
            allowed = f"{'at least' if closed else 'above'} {low:g}{below}"
            faults.append(Fault(f"{what}: {name}", value, "is out of range", allowed))
    if faults:
        raise InputError(faults)


@dataclass(frozen=True)
class Electrolyte:
    """Conductivity [S/m] of the electrolyte in the cell and its standard deviation, common to all spectra."""

    conductivity: float
    deviation: float = 0.0

    def __post_init__(self) -> None:
        refuse(
            "Electrolyte",
            [("conductivity", self.conductivity, 0.0, False, np.inf), ("deviation", self.deviation, 0.0, True, np.inf)],
        )


@dataclass(frozen=True)
class Electrode:
    """One side of the symmetric cell, SI: porosity, coating thickness [m], area [m²] with standard deviations.

    correlation: of the errors of thickness and porosity; the two are found from one another. electrodes: in series.
    electronic: conductivity [S/m] of the solid through the thickness and its relative error, where measured.
    separator: thickness [m] and MacMullin number of all separators in the cell, where known.
    """

    porosity: float
    thickness: float
    area: float
    porosity_deviation: float = 0.005
    thickness_deviation: float = 0.0
    area_deviation: float = 0.0
    correlation: float = 0.0
    electrodes: int = 2
    electronic: tuple[float, float] | None = None
    separator: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        refuse("Electrode", [
            ("porosity", self.porosity, 0.0, False, 1.0), ("thickness", self.thickness, 0.0, False, np.inf),
            ("area", self.area, 0.0, False, np.inf), ("porosity_deviation", self.porosity_deviation, 0.0, True, 0.5),
            ("thickness_deviation", self.thickness_deviation, 0.0, True, np.inf),
            ("area_deviation", self.area_deviation, 0.0, True, np.inf),
            ("correlation", self.correlation, -1.0, True, 1.0), ("electrodes", self.electrodes, 1.0, True, 3.0),
        ])  # fmt: skip

    def unit_resistance(self, conductivity: float) -> float:
        """R_ion [ohm] of the cell if the tortuosity were 1."""
        return float(ionic_resistance(1.0, self.porosity, self.thickness, self.area, conductivity, self.electrodes))

    @property
    def size_error(self) -> float:
        """Relative error of d/A that is not told by the error of porosity."""
        of_thickness = self.thickness_deviation / self.thickness * np.sqrt(1.0 - self.correlation**2)
        return float(np.hypot(of_thickness, self.area_deviation / self.area))

    @property
    def thickness_by_porosity(self) -> float:
        """Relative change of thickness for a change of porosity, as the correlation of their errors has it."""
        if not self.porosity_deviation:
            return 0.0
        return self.correlation * self.thickness_deviation / self.thickness / self.porosity_deviation
