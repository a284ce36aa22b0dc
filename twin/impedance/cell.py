"""The whole cell as one model: a line, with series resistance and leads, and an arc where there is one."""

from dataclasses import dataclass

import numpy as np

from kalander.twin.impedance.line import arc, blocking_line, two_rail_line

__all__ = ["LINES", "CellModel"]

LINES = ("blocking", "two_rail")


@dataclass(frozen=True)
class CellModel:
    """Which elements the cell has. ideal: a capacitor in place of the constant-phase element (to compare with).

    Parameters, in order of `names`: ionic, series [ohm], q [S s^γ], exponent, inductance [H]; with two rails
    rail_ratio, the resistance of electrons over that of ions; with an arc its arc_resistance [ohm], arc_frequency [Hz]
    of its top, arc_exponent. rail_known: electronic [ohm] takes the place of rail_ratio, having a prior of its own.
    """

    line: str = "blocking"
    contact_arc: bool = False
    ideal: bool = False
    rail_known: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (
            "ionic", "series", "q", *(() if self.ideal else ("exponent",)), "inductance",
            *(self._rail if self.line == "two_rail" else ()),
            *(("arc_resistance", "arc_frequency", "arc_exponent") if self.contact_arc else ()),
        )  # fmt: skip

    @property
    def _rail(self) -> tuple[str]:
        return ("electronic",) if self.rail_known else ("rail_ratio",)

    def impedance(self, values: dict[str, np.ndarray], omega: np.ndarray) -> np.ndarray:
        """Z [ohm], shape (..., point), of parameters of shape (..., 1) or scalars; omega [rad/s], shape (point,)."""
        exponent = 1.0 if self.ideal else values["exponent"]
        if self.line == "two_rail":
            known = self.rail_known
            electronic = values["electronic"] if known else values["ionic"] * values["rail_ratio"]
            total = two_rail_line(values["ionic"], electronic, values["q"], exponent, omega)
        else:
            total = blocking_line(values["ionic"], values["q"], exponent, omega)
        total = total + values["series"] + 1j * omega * values["inductance"]
        if self.contact_arc:
            time = 0.5 / (np.pi * values["arc_frequency"])
            total = total + arc(values["arc_resistance"], time, values["arc_exponent"], omega)
        return total
