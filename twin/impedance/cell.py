"""The whole cell as one model: a line, with series resistance and leads, and an arc where there is one."""

from dataclasses import dataclass

import numpy as np

from kalander.twin.impedance.line import arc, blocking_line, two_rail_line

__all__ = ["LINES", "CellModel"]

LINES = ("blocking", "two_rail")

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class CellModel:
    """Which elements the cell has. ideal: a capacitor in place of the constant-phase element (to compare with).

    Parameters, in order of `names`: ionic, series [ohm], q [S s^γ], exponent, inductance [H]; with an arc its
    arc_resistance [ohm], arc_frequency [Hz] of its top, arc_exponent. With two rails rail_ratio is the resistance of
    electrons over that of ions, and two other parameters, which the data bind, stand for ionic and series: front [ohm],
    the resistance at high frequency, and span [ohm], three times the rise of the real part from there to low frequency
    besides that of the element. rail_known: electronic [ohm] has a prior of its own, and ionic, series are back.
    """

    line: str = "blocking"
    contact_arc: bool = False
    ideal: bool = False
    rail_known: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        by_ends = self.line == "two_rail" and not self.rail_known
        rail = {"blocking": (), "two_rail": ("electronic",) if self.rail_known else ("rail_ratio",)}[self.line]
        return (
            *(("span", "front") if by_ends else ("ionic", "series")), "q", *(() if self.ideal else ("exponent",)),
            "inductance", *rail,
            *(("arc_resistance", "arc_frequency", "arc_exponent") if self.contact_arc else ()),
        )  # fmt: skip

    def resistances(self, values: Values) -> Values:
        """ionic, series and, of two rails, electronic [ohm], whichever parameters stand for them; series may be < 0."""
        if "span" not in values:
            return {name: values[name] for name in ("ionic", "series", "electronic") if name in values}
        ratio = values["rail_ratio"]
        ionic = values["span"] * (1.0 + ratio) / (1.0 - ratio + ratio**2)
        series = values["front"] - ionic * ratio / (1.0 + ratio)
        return {"ionic": ionic, "series": series, "electronic": ionic * ratio}

    def impedance(self, values: Values, omega: np.ndarray) -> np.ndarray:
        """Z [ohm], shape (..., point), of parameters of shape (..., 1) or scalars; omega [rad/s], shape (point,).

        NaN where front leaves no series resistance of 0 or more.
        """
        found = self.resistances(values)
        exponent = 1.0 if self.ideal else values["exponent"]
        if self.line == "two_rail":
            total = two_rail_line(found["ionic"], found["electronic"], values["q"], exponent, omega)
        else:
            total = blocking_line(found["ionic"], values["q"], exponent, omega)
        series = np.where(np.asarray(found["series"]) >= 0, found["series"], np.nan)
        total = total + series + 1j * omega * values["inductance"]
        if self.contact_arc:
            time = 0.5 / (np.pi * values["arc_frequency"])
            total = total + arc(values["arc_resistance"], time, values["arc_exponent"], omega)
        return total
