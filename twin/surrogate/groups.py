"""Dimensionless numbers of a pass through the nip, in which passes of other mills look alike.

Two rolls of radius R press coating of total thickness T (both sides) with line load q at speed V. The nip is as long as
L = √(R T). What the coating feels is then told by

- load: q/(p L), the mean pressure over the coating's own p, softened by temperature as 1 − s (θ − θ₀);
- Deborah number: τ V/L, its relaxation time over the time in the nip;
- slenderness: L/T;
- the porosity before the nip, and foil over coating thickness.

The first three go as logarithms. Source: Buckingham's theorem; the choice is that of nips (Johnson, Contact Mechanics,
1985, ch. 8 for L; Reiner, Physics Today 17 (1964) 62 for the Deborah number).
"""

from collections.abc import Mapping

import numpy as np

from kalander.kernels.errors import Fault, InputError

__all__ = ["DIMENSIONS", "MADE_OF", "load_number", "pass_groups"]

DIMENSIONS: dict[str, str | None] = {
    "line_load": "line_load", "roll_diameter": "length", "total_thickness": "length", "speed": "speed",
    "porosity_before": None, "pressure_scale": "pressure", "relaxation_time": "time", "softening": "per_temperature",
    "web_temperature": "temperature", "reference_temperature": "temperature", "foil_thickness": "length",
}  # fmt: skip

Columns = Mapping[str, np.ndarray]

# column [SI] -> what it is where a table does not have it; None: it has to be there
MADE_OF: dict[str, float | None] = {
    "line_load": None, "roll_diameter": None, "total_thickness": None, "speed": None, "porosity_before": None,
    "pressure_scale": 1e6, "relaxation_time": 1.0, "softening": 0.0, "web_temperature": 298.15,
    "reference_temperature": 298.15, "foil_thickness": 0.0,
}  # fmt: skip


def _given(table: Columns) -> dict[str, np.ndarray]:
    missing = [name for name, usual in MADE_OF.items() if usual is None and name not in table]
    if missing:
        raise InputError(Fault("groups", missing[0], "is no column of the table", ", ".join(MADE_OF)))
    length = len(next(iter(table.values())))
    given = {name: np.asarray(table.get(name, np.full(length, usual)), float) for name, usual in MADE_OF.items()}
    for name in ("line_load", "roll_diameter", "total_thickness", "speed", "pressure_scale", "relaxation_time"):
        if not (given[name] > 0).all():
            raise InputError(Fault(f"groups.{name}", given[name].min(), "is not above 0", "a positive number, SI"))
    return given


def load_number(table: Columns) -> np.ndarray:
    """q/(p L) of each row; columns as in MADE_OF, SI. Raises InputError."""
    given = _given(table)
    softened = 1.0 - given["softening"] * (given["web_temperature"] - given["reference_temperature"])
    if not (softened > 0).all():
        raise InputError(Fault("groups.softening", softened.min(), "leaves no stress", "softening times heating < 1"))
    return given["line_load"] / (given["pressure_scale"] * softened * _length(given))


def _length(given: Columns) -> np.ndarray:
    """Length of the nip √(R T) [m]."""
    return np.sqrt(0.5 * given["roll_diameter"] * given["total_thickness"])


def pass_groups(table: Columns) -> dict[str, np.ndarray]:
    """Dimensionless numbers of each row of a table with columns as in MADE_OF, SI. Raises InputError."""
    given = _given(table)
    return {
        "ln_load": np.log(load_number(table)),
        "ln_deborah": np.log(given["relaxation_time"] * given["speed"] / _length(given)),
        "ln_slenderness": np.log(_length(given) / given["total_thickness"]),
        "porosity_before": given["porosity_before"],
        "foil": given["foil_thickness"] / given["total_thickness"],
    }
