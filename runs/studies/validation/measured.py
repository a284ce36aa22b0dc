"""What was measured, and how near a prediction has to come: written down before anything was run."""

from dataclasses import dataclass
from typing import Any

__all__ = ["BANDS", "COATINGS", "GAP_ROWS", "PASSES", "GapRow", "Pass"]

# points of porosity (0.01) unless said otherwise
BANDS = {
    "Sangros: shipped card at C1 and C4": 1.0,
    "Sangros: C4 from the others": 3.0,
    "Sangros: web at C4 from the others (um)": 5.0,
    "Duquesnoy: rms": 1.8,
    "Duquesnoy: rms, each row from the others": 2.5,
    "Duquesnoy: worst row": 3.0,
}


@dataclass(frozen=True)
class Pass:
    """A pass of Sangros Gimenez et al., Powder Technology 349 (2019) 1, doi 10.1016/j.powtec.2019.03.020, Table 1.

    stress [MPa], porosity behind the nip, thickness of the web [um].
    """

    name: str
    stress: float
    porosity: float
    thickness: float


PASSES = (Pass("C1", 19.82, 0.416, 151.2), Pass("C4", 159.37, 0.217, 118.6))


@dataclass(frozen=True)
class GapRow:
    """Mean over 3 to 5 discs of a coating rolled at a set gap [um]: porosity behind the nip and its deviation.

    Duquesnoy, Lombardo, Chouchane, Primo, Franco, J. Power Sources 480 (2020) 229103, experimental data set.
    """

    coating: str
    gap: float
    porosity: float
    deviation: float


GAP_ROWS = (
    GapRow("138um", 1.0, 0.2556, 0.0026),
    GapRow("178um", 1.0, 0.2278, 0.0052),
    GapRow("178um", 25.0, 0.2407, 0.0100),
    GapRow("138um", 44.0, 0.2844, 0.0061),
    GapRow("178um", 44.0, 0.2294, 0.0026),
    GapRow("138um", 100.0, 0.3613, 0.0035),
    GapRow("178um", 100.0, 0.3007, 0.0035),
)

# by the thickness of the web before the rolls: values of the card nmc111_duquesnoy
COATINGS: dict[str, dict[str, Any]] = {
    "138um": {"electrode.mass_loading": "27.31 mg/cm^2", "electrode.porosity": 0.487},
    "178um": {"electrode.mass_loading": "38.59 mg/cm^2", "electrode.porosity": 0.461},
}
