"""The case file of `kalander rolls CASE.toml`: rolls on their bearings, load, crown, temperature and web, in SI.

Places across the width are counted from the middle of the face.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Strict, field_validator, model_validator

from kalander.coupling.cards.config import Section, parse_model
from kalander.coupling.cards.fields import Choice, Quantity, Real, Text, exactly_one, wrong
from kalander.coupling.cards.materials import Foil
from kalander.coupling.cards.mill_limits import (
    LineLoad,
    RollDiameter,
    RollLength,
    StandStiffness,
    Stiffness,
    Temperature,
    thin_roll_faults,
    thin_roll_warnings,
    unusual,
)
from kalander.coupling.cards.sections import ROOM_TEMPERATURE
from kalander.coupling.cases.written import written_case
from kalander.coupling.nip.case import WebTable, beside

__all__ = [
    "AlignmentTable", "BackupTable", "CrownTable", "Lane", "LoadTable", "MeasuredTable", "RollTable", "RollsCase",
    "RollsWeb", "TemperatureTable", "Zone", "load_rolls_case",
]  # fmt: skip

Place = Annotated[float, Quantity("length", at_least=-30.0, at_most=30.0)]
MaybePlace = Annotated[float | None, Quantity("length", at_least=-30.0, at_most=30.0, absent="none")]
MaybeLength = Annotated[float | None, Quantity("length", above=0, absent="none")]
Warmth = Annotated[float, Quantity("temperature", at_least=-200.0, at_most=200.0)]  # a difference
MaybeWarmth = Annotated[float | None, Quantity("temperature", at_least=-200.0, at_most=200.0, absent="none")]
MaybeFile = Annotated[str | None, Text(absent="none")]

LARGEST_CROWN = 0.1  # of the diameter
USUAL_BOUND = 2.0  # K, of a zone that says none


class RollTable(Section):
    """One of two equal rolls, SI.

    journal: diameter of solid ends beyond the face, "none": as the face. shell_thickness and shell_modulus: a chilled
    skin or a sleeve bound to the core. bearing_stiffness of one bearing with its housing.
    """

    diameter: RollDiameter
    face: RollLength
    bearing_span: RollLength
    bore: Annotated[float, Quantity("length", at_least=0.0)] = 0.0
    modulus: Stiffness = 210e9
    poisson: Annotated[float, Real(above=-1, below=0.5)] = 0.3
    expansion: Annotated[float, Quantity("per_temperature", at_least=0.0, at_most=1e-3)] = 11.5e-6
    journal: MaybeLength = None
    shell_thickness: MaybeLength = None
    shell_modulus: Stiffness = 210e9
    bearing_stiffness: StandStiffness = None

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        if self.face > self.bearing_span:
            allowed = f"at most roll.bearing_span, {self.bearing_span:.6g} m"
            raise wrong("is wider than its bearings are apart", allowed=allowed, key=".face", value=self.face)
        if self.bore >= self.diameter:
            raise wrong("leaves no roll", allowed=f"below {self.diameter:.6g} m", key=".bore", value=self.bore)
        if self.journal is not None and self.journal > self.diameter:
            why = "is thicker than the roll"
            raise wrong(why, allowed=f"up to {self.diameter:.6g} m", key=".journal", value=self.journal)
        wall = 0.5 * (self.diameter - self.bore)
        if self.shell_thickness is not None and self.shell_thickness >= wall:
            why = "is thicker than the roll's wall"
            raise wrong(why, allowed=f"below {wall:.6g} m", key=".shell_thickness", value=self.shell_thickness)
        return self


class BackupTable(Section):
    """Backup rolls behind the two rolls, which then are free in their chocks (four-high), SI; as long as their face."""

    diameter: RollDiameter
    bearing_span: RollLength
    bore: Annotated[float, Quantity("length", at_least=0.0)] = 0.0
    modulus: Stiffness = 210e9
    poisson: Annotated[float, Real(above=-1, below=0.5)] = 0.3
    bearing_stiffness: StandStiffness = None

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        if self.bore >= self.diameter:
            raise wrong("leaves no roll", allowed=f"below {self.diameter:.6g} m", key=".bore", value=self.bore)
        return self


class LoadTable(Section):
    """What is held: the mean line load over the face, the gap in its middle (web included), or the force of one of a
    roll's two bearings. bending_force at bending_arm beyond the bearings bends the rolls' middles together."""

    line_load: LineLoad = None
    centre_gap: MaybeLength = None
    bearing_force: Annotated[float | None, Quantity("force", above=0, absent="none")] = None
    distribution: Annotated[str, Choice(("coating", "uniform"))] = "coating"
    bending_force: Annotated[float, Quantity("force")] = 0.0
    bending_arm: Annotated[float, Quantity("length", at_least=0.0, at_most=10.0)] = 0.0

    @model_validator(mode="after")
    def one_load(self) -> Self:
        exactly_one(dict(self), ("line_load", "centre_gap", "bearing_force"))
        return self


class CrownTable(Section):
    """A crown, diametral, of both rolls: a shape whose height is designed at design_line_load (unless `diametral` gives
    it), or the columns y_m, crown_m of a file.

    also_line_loads and also_widths: further loads and coating widths for which the shape is to do as well as it can;
    least: what is made small, the load's spread or its variance.
    """

    shape: Annotated[str, Choice(("none", "ideal", "parabola", "cosine", "quartic"))] = "none"
    given: MaybeFile = None
    design_line_load: LineLoad = None
    diametral: Annotated[float | None, Quantity("length", absent="none")] = None
    also_line_loads: tuple[Annotated[float, Quantity("line_load", above=0, at_most=1e9)], ...] = ()
    also_widths: tuple[Annotated[float, Quantity("length", above=0)], ...] = ()
    least: Annotated[str, Choice(("spread", "variance"))] = "spread"

    @model_validator(mode="after")
    def one_crown(self) -> Self:
        if self.given is not None and self.shape != "none":
            raise wrong("stands beside a file", allowed='"none", or no crown.given', key=".shape", value=self.shape)
        if self.diametral is not None and self.shape in ("none", "quartic"):
            why = f'is no height of the shape "{self.shape}"'
            raise wrong(why, allowed="with ideal, parabola or cosine", key=".diametral", value=self.diametral)
        return self


class Zone(Section):
    """A zone of the face: where it is, how much warmer than the roll, and between which bounds it may be designed.

    power: of its heater instead, over that which holds the roll's temperature; below 0 it cools.
    """

    start: MaybePlace = None
    end: MaybePlace = None
    temperature: Warmth = 0.0
    power: Annotated[float | None, Quantity("power", at_least=-1e7, at_most=1e7, absent="none")] = None
    min: MaybeWarmth = None
    max: MaybeWarmth = None

    @model_validator(mode="before")
    @classmethod
    def text_is_a_temperature(cls, value: Any) -> Any:
        return {"temperature": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def is_a_stretch(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise wrong(
                "is given without the other end", allowed="start and end, or neither", key=".start", value=self.start
            )
        if self.start is not None and self.end is not None and not self.start < self.end:
            raise wrong(
                "is not before the zone's end", allowed=f"below {self.end:.6g} m", key=".start", value=self.start
            )
        if self.power is not None and self.temperature:
            raise wrong("stands beside a temperature", allowed="power or temperature", key=".power", value=self.power)
        if self.min is not None and self.max is not None and self.min > self.max:
            raise wrong("is above the zone's max", allowed=f"at most {self.max:.6g} K", key=".min", value=self.min)
        return self


class TemperatureTable(Section):
    """Temperature along the face over that of the roll: even, a parabola hotter in the middle, or zones.

    design: find the zones' temperatures between their bounds (or min and max here) that make the load even. acts_on:
    the roll's growth, the coating's softening, or both; reaches_coating: share of the roll's warmth that the coating
    takes on. heat_transfer to the zones' medium over the roll's circumference, with conductivity and heat_capacity,
    smears zones as a fin does ("none": sharp zones); after: time since the zones were set, "none": steady.
    web_speed: the web takes heat as well, half of what warms it, as the other roll gives the other half;
    web_heat_capacity: of a volume of the web.
    """

    profile: Annotated[str, Choice(("uniform", "parabola", "zones"))] = "uniform"
    parabola: MaybeWarmth = None
    zones: tuple[Zone, ...] = ()
    design: Annotated[bool, Strict()] = False
    min: Warmth = -USUAL_BOUND
    max: Warmth = USUAL_BOUND
    roll: Temperature = ROOM_TEMPERATURE
    acts_on: Annotated[str, Choice(("both", "growth", "softening"))] = "both"
    reaches_coating: Annotated[float, Real(at_least=0, at_most=1)] = 1.0
    heat_transfer: Annotated[float | None, Quantity("contact_conductance", above=0, absent="none")] = None
    conductivity: Annotated[float, Quantity("thermal_conductivity", above=0)] = 45.0
    heat_capacity: Annotated[float, Quantity("heat_capacity", above=0)] = 3.6e6
    after: Annotated[float | None, Quantity("time", above=0, absent="none")] = None
    web_speed: Annotated[float | None, Quantity("speed", above=0, absent="none")] = None
    web_heat_capacity: Annotated[float, Quantity("heat_capacity", above=0)] = 2e6

    @model_validator(mode="before")
    @classmethod
    def profile_may_be_a_table(cls, value: Any) -> Any:
        """profile = { parabola = "1 K" } says the same as parabola = "1 K"."""
        if isinstance(value, dict) and isinstance(value.get("profile"), dict):
            rest = {key: item for key, item in value.items() if key != "profile"}
            return {**rest, **value["profile"]}
        return value

    @field_validator("zones", mode="after")
    @classmethod
    def placed_or_not(cls, value: tuple[Zone, ...]) -> tuple[Zone, ...]:
        if len(value) > 100:
            raise wrong("zones are too many", allowed="up to 100", value=len(value))
        if len({zone.start is None for zone in value}) > 1:
            raise wrong(
                "mixes zones with and without a place", allowed="start and end for all zones or none", value="zones"
            )
        return value

    @model_validator(mode="after")
    def one_profile(self) -> Self:
        if self.parabola is not None and self.zones:
            why = "stands beside zones"
            raise wrong(why, allowed="parabola or zones", key=".parabola", value=self.parabola)
        if self.profile == "parabola" and self.parabola is None:
            raise wrong("does not say how hot", allowed='parabola = "1 K"', key=".profile", value=self.profile)
        if (self.design or self.profile == "zones") and not self.zones:
            raise wrong("has no zones", allowed='zones = ["0 K", ...] across the face', key=".zones", value=[])
        if self.heat_transfer is None and any(zone.power is not None for zone in self.zones):
            why = "is needed to say how warm a heater makes the roll"
            allowed = "the heat transfer of the roll's surface to the air"
            raise wrong(why, allowed=allowed, key=".heat_transfer", value="none")
        if self.heat_transfer is None and self.web_speed is not None:
            why = "takes heat from a roll whose other losses are not given"
            raise wrong(why, allowed="beside heat_transfer", key=".web_speed", value=self.web_speed)
        if self.min > self.max:
            raise wrong("is above max", allowed=f"at most {self.max:.6g} K", key=".min", value=self.min)
        return self


class Lane(Section):
    """A coated stretch of the web."""

    start: Place
    end: Place

    @model_validator(mode="after")
    def is_a_stretch(self) -> Self:
        if not self.start < self.end:
            raise wrong(
                "is not before the lane's end", allowed=f"below {self.end:.6g} m", key=".start", value=self.start
            )
        return self


class RollsWeb(WebTable):
    """A web with what varies across it: width of the coating and its offset from the middle of the face, or lanes;
    edge_bead: how much thicker both coatings together are at their edges, falling off over bead_width; profile: file
    with the columns y_m, excess_m of both coatings together over the nominal."""

    width: MaybeLength = None
    offset: Place = 0.0
    lanes: tuple[Lane, ...] = ()
    edge_bead: Annotated[float, Quantity("length", at_least=-1e-3, at_most=1e-3)] = 0.0
    bead_width: Annotated[float, Quantity("length", above=0)] = 5e-3
    profile: MaybeFile = None

    @model_validator(mode="after")
    def width_or_lanes(self) -> Self:
        if self.lanes and self.width is not None:
            raise wrong("stands beside lanes", allowed="width or lanes", key=".width", value=self.width)
        return self


class AlignmentTable(Section):
    """skew: angle between the rolls' axes; tilt: gap at the right end of the face less that at the left."""

    skew: Annotated[float, Quantity("angle", at_least=-0.1, at_most=0.1)] = 0.0
    tilt: Annotated[float, Quantity("length", at_least=-0.01, at_most=0.01)] = 0.0


class MeasuredTable(Section):
    """A measured cross-web profile to fit: file with the columns y_m and thickness_m (of the web behind the nip).

    A column loading_kg_per_m2 (of both coatings) beside it says how the coating came: thicker where it is heavier.
    """

    file: Annotated[str, Text()]


class RollsCase(Section):
    """A case of rolls that bend."""

    roll: RollTable
    load: LoadTable
    web: RollsWeb
    foil: Foil
    crown: CrownTable = CrownTable()
    temperature: TemperatureTable = TemperatureTable()
    alignment: AlignmentTable = AlignmentTable()
    backup: BackupTable | None = None
    measured: MeasuredTable | None = None

    @property
    def web_thickness(self) -> float:
        """Foil and all layers [m]."""
        return self.foil.thickness + self.web.sides * sum(layer.thickness for layer in self.web.layer)

    @model_validator(mode="after")
    def fits_on_the_face(self) -> Self:
        half = 0.5 * self.roll.face
        allowed = f"within the face, from {-half:.6g} to {half:.6g} m"
        reach = abs(self.web.offset) + 0.5 * (self.web.width or 0.0)
        if self.web.width is not None and reach > half * (1.0 + 1e-9):
            why = "is wider than the face" if self.web.width > self.roll.face else "reaches beyond the face"
            raise wrong(why, allowed=allowed, key="web.width", value=self.web.width)
        stretches: dict[str, Lane | Zone] = {f"web.lanes[{n}]": lane for n, lane in enumerate(self.web.lanes)}
        stretches |= {f"temperature.zones[{n}]": zone for n, zone in enumerate(self.temperature.zones)}
        for key, one in stretches.items():
            for name in ("start", "end"):
                place = getattr(one, name)
                if place is not None and abs(place) > half * (1.0 + 1e-9):
                    raise wrong("lies outside of the face", allowed=allowed, key=f"{key}.{name}", value=place)
        for index, width in enumerate(self.crown.also_widths):
            if width > self.roll.face:
                raise wrong("is wider than the face", allowed=allowed, key=f"crown.also_widths[{index}]", value=width)
        return self

    @model_validator(mode="after")
    def is_a_calender(self) -> Self:
        if self.backup is not None and self.backup.bearing_span < self.roll.face:
            why = "is less than the face that the backup rolls hold"
            allowed = f"at least roll.face, {self.roll.face:.6g} m"
            raise wrong(why, allowed=allowed, key="backup.bearing_span", value=self.backup.bearing_span)
        for fault in thin_roll_faults("roll.diameter", self.roll.diameter, self.web_thickness):
            raise wrong(fault.why, allowed=fault.allowed, key=fault.where, value=fault.value)
        most = LARGEST_CROWN * self.roll.diameter
        if self.crown.diametral is not None and abs(self.crown.diametral) > most:
            why = "is larger than such a roll can be crowned"
            allowed = f"at most a tenth of roll.diameter, {most:.6g} m"
            raise wrong(why, allowed=allowed, key="crown.diametral", value=self.crown.diametral)
        gap = self.load.centre_gap
        if gap is not None and gap >= self.web_thickness:
            why = "does not touch the web: rolling cannot loosen"
            allowed = f"below the web's thickness, {self.web_thickness:.4g} m"
            raise wrong(why, allowed=allowed, key="load.centre_gap", value=gap)
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unusual but possible, as "key: sentence"."""
        values = {f"roll.{name}": getattr(self.roll, name) for name in ("diameter", "face", "bearing_span", "modulus")}
        values |= {"load.line_load": self.load.line_load, "foil.thickness": self.foil.thickness}
        values |= {f"web.layer[{n}].thickness": layer.thickness for n, layer in enumerate(self.web.layer)}
        texts = [*unusual(values), *thin_roll_warnings("roll.diameter", self.roll.diameter, self.web_thickness)]
        if self.roll.bore > 0.8 * self.roll.diameter:
            texts.append("roll.bore: walls this thin are ovalised by the nip, which beams do not know")
        return tuple(texts)


def load_rolls_case(path: str | Path, *, overrides: Mapping[str, str] | None = None) -> RollsCase:
    """Read a case of rolls. Raises InputError with every fault of the file.

    overrides: dotted keys to TOML values. Relative files are looked for beside the case file.
    """
    document, place = written_case(path, overrides)
    case = parse_model(RollsCase, document, place, {})
    folder = Path(path).parent

    def found(name: str | None) -> str | None:
        return None if name is None else str(folder / name)

    web = beside(case.web, folder).model_copy(update={"profile": found(case.web.profile)})
    crown = case.crown.model_copy(update={"given": found(case.crown.given)})
    measured = None if case.measured is None else MeasuredTable(file=str(folder / case.measured.file))
    return case.model_copy(update={"web": web, "crown": crown, "measured": measured})
