"""A pass: what the operator holds and how the web comes; and which settings no web can meet.

Units: mm, MPa, N per mm of width, s, K.
"""

import math
from dataclasses import dataclass

from kalander.continuum.closure.contract import ClosureRangeError
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.web import ROOM_TEMPERATURE, Web
from kalander.kernels.errors import Fault, InputError
from kalander.kernels.quantities import porosity

__all__ = ["SETTINGS", "Mesh", "Pass", "exit_thickness_of", "refuse_impossible", "thinner_than_closure"]

SETTINGS = {"gap": "mm", "line_load": "N/mm", "exit_thickness": "mm", "peak_pressure": "MPa", "porosity": "1"}


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One way through the nip, by just one of: gap [mm] of the unloaded rolls (below 0 the stand is screwed past
    kissing rolls), line_load [N/mm], exit_thickness [mm] when the pressure ends (both of the web, foil included),
    peak_pressure [MPa], porosity of the coating when the pressure ends.

    speed [mm/s]; temperatures [K] of rolls and web at contact; friction of web on rolls; tension [N/mm] before and
    behind the nip; rest [s] since the pass before. Raises InputError.
    """

    gap: float | None = None
    line_load: float | None = None
    exit_thickness: float | None = None
    peak_pressure: float | None = None
    porosity: float | None = None
    speed: float = 33.0
    roll_temperature: float = ROOM_TEMPERATURE
    web_temperature: float = ROOM_TEMPERATURE
    friction: float = 0.2
    tension: float = 0.0
    rest: float = 60.0

    def __post_init__(self) -> None:
        faults = []
        given = [name for name in SETTINGS if getattr(self, name) is not None]
        if len(given) != 1:
            faults.append(Fault("pass", given, "is not one setting", f"one of {', '.join(SETTINGS)}"))
        for name, unit in (("speed", "mm/s"), ("roll_temperature", "K"), ("web_temperature", "K")):
            if not 0.0 < getattr(self, name) < math.inf:
                faults.append(Fault(f"pass.{name}", getattr(self, name), "is no physical value", f"above 0 {unit}"))
        for name, unit in (("friction", "1"), ("tension", "N/mm"), ("rest", "s")):
            if not 0.0 <= getattr(self, name) < math.inf:
                faults.append(Fault(f"pass.{name}", getattr(self, name), "is no physical value", f"0 {unit} or more"))
        if faults:
            raise InputError(faults)

    @property
    def setting(self) -> tuple[str, float]:
        """Name and value of what is held."""
        ((name, value),) = ((name, getattr(self, name)) for name in SETTINGS if getattr(self, name) is not None)
        return name, value

    @property
    def heats(self) -> bool:
        """Whether heat flows between rolls and web."""
        return self.roll_temperature != self.web_temperature


@dataclass(frozen=True)
class Mesh:
    """Of finite elements: how many along the web and through one coating; travel of the roll in contact lengths, None:
    as many as a nip takes to become steady."""

    elements_along: int = 120
    elements_through: int = 8
    travel: float | None = None


def refuse_impossible(web: Web, rolls: Rolls, one_pass: Pass) -> None:
    """Raise InputError for a setting that no such web can meet, ClosureRangeError for rigid rolls that no closure
    bears."""
    name, value = one_pass.setting
    unit = SETTINGS[name]
    if name == "gap":
        if not math.isfinite(value):
            raise InputError(Fault("pass.gap", value, "is no number", f"below {web.thickness:.6g} mm"))
        if value >= web.thickness:
            why = "is not below the thickness of the web: there is no contact"
            raise InputError(Fault("pass.gap", value, why, f"below {web.thickness:.6g} mm"))
        if rolls.flexibility == 0.0 == rolls.stand_compliance and value - web.foil_thickness < web.floor:
            raise ClosureRangeError(thinner_than_closure(web))
    elif name == "exit_thickness":
        if not web.foil_thickness < value < web.thickness:
            allowed = f"above {web.foil_thickness:.6g} mm, the foil, below {web.thickness:.6g} mm, the web"
            raise InputError(Fault("pass.exit_thickness", value, "cannot leave a nip", allowed))
    elif name == "porosity":
        free = porosity(web.solid, web.coating)
        if not 0.0 <= value < free:
            raise InputError(Fault("pass.porosity", value, "is not below that of the web", f"0 to {free:.6g}"))
    elif not 0.0 < value < math.inf:
        raise InputError(Fault(f"pass.{name}", value, "presses nothing", f"above 0 {unit}"))


def exit_thickness_of(web: Web, porosity: float) -> float:
    """Thickness of the web [mm] whose coating has a porosity."""
    return web.solid / (1.0 - porosity) + web.foil_thickness


def thinner_than_closure(web: Web) -> str:
    """The words for a nip that presses beyond what the closure knows."""
    return (
        f"the nip presses the coating of all sides thinner than {web.floor:.6g} mm (strain "
        f"{math.log(web.free_coating / web.floor):.4g}), where its closure ends; open the gap or lower the load, or "
        "press the particle boxes further"
    )
