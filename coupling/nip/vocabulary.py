"""Web, rolls and passes as a card, a case file and a script have them: SI, or texts with units such as "135 um".

`of(card)` reads a card; `inside` gives the continuum's own object in mm, N, MPa, s, K.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from kalander.continuum.nip import roll as nip_roll
from kalander.continuum.nip import setting as nip_setting
from kalander.continuum.nip import web as nip_web
from kalander.coupling.cards.card import Card
from kalander.coupling.cards.config import Section, parse_model
from kalander.coupling.cards.electrode import coating_thickness
from kalander.coupling.cards.fields import Count, Quantity, Real
from kalander.coupling.cards.materials import Metal
from kalander.coupling.cards.mill_limits import (
    LineLoad,
    RollDiameter,
    SetGap,
    Speed,
    StandStiffness,
    Stiffness,
    Temperature,
    Tension,
)
from kalander.coupling.cards.sections import ROOM_TEMPERATURE
from kalander.coupling.nip.closure import Closure
from kalander.coupling.nip.spoken import Spoken, spoken
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.errors import Fault, InputError

__all__ = ["Foil", "Layer", "Pass", "Rolls", "Web"]

POROSITY_TOLERANCE = 0.005  # by which a layer may differ from its closure: porosities are given in whole per cent

# heat capacity per volume [MPa/K] and conductivity [N/(s K)] of foils; Kaye & Laby, thermal properties of metals
METAL_HEAT = {"aluminium": (2.43, 236.0), "copper": (3.45, 401.0)}

Length = Annotated[float, Quantity("length", above=0)]
Time = Annotated[float, Quantity("time", at_least=0)]
Porosity = Annotated[float, Real(above=0.02, below=1, percent=True)]
MaybeLength = Annotated[float | None, Quantity("length", above=0, absent="none")]
MaybePressure = Annotated[float | None, Quantity("pressure", above=0, at_most=1e13, absent="none")]
Conductivity = Annotated[float, Quantity("thermal_conductivity", above=0)]
HeatCapacity = Annotated[float, Quantity("heat_capacity", above=0)]
Conductance = Annotated[float, Quantity("contact_conductance", above=0)]
USUAL_SPEED = in_si(2.0, "m/min")
WEIGHT, RELAXATION_TIME = Real(above=0, below=1), Quantity("time", above=0)


@dataclass(frozen=True)
class Foil(Spoken):
    """The current collector: thickness [m], and its metal by name ("aluminium", "copper", "rigid") or with constants of
    its own, such as {"modulus": "70 GPa", "poisson": 0.34, "yield_strength": "165 MPa"}. Raises InputError."""

    key = "foil"
    thickness: Annotated[float, Quantity("length", above=0, at_most=1e-2)]
    material: Any = "rigid"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.material, Metal):
            document = {"material": self.material}
            object.__setattr__(self, "material", parse_model(_Metals, document, "foil.{}".format, {}).material)

    @property
    def inside(self) -> nip_web.Foil:
        """[mm, MPa]; no modulus: rigid, no yield strength: elastic."""
        metal = self.material
        capacity, conductivity = METAL_HEAT.get(metal.name, METAL_HEAT["aluminium"])
        return nip_web.Foil(
            thickness=in_unit(self.thickness, "mm"),
            modulus=math.inf if metal.modulus is None else in_unit(metal.modulus, "MPa"),
            poisson=metal.poisson,
            yield_strength=math.inf if metal.yield_strength is None else in_unit(metal.yield_strength, "MPa"),
            heat_capacity=capacity,
            conductivity=conductivity,
        )


class _Metals(Section):
    material: Metal


@dataclass(frozen=True)
class Layer(Spoken):
    """A layer of one coating side before the nip: thickness [m], porosity, closure.

    softening [1/K]: relative loss of stress per kelvin above reference_temperature [K]; relaxation: pairs of weight and
    time [s] of Maxwell branches of the elastic stress; viscous_time [s]: overstress over the rate of compaction;
    conductivity [W/m/K] and heat_capacity [J/m^3/K] of the free layer: assumed unless given. Raises InputError.
    """

    key = "layer"
    thickness: Length
    porosity: Porosity
    closure: Closure
    softening: Annotated[float, Quantity("per_temperature", at_least=0)] = 0.0
    reference_temperature: Temperature = ROOM_TEMPERATURE
    relaxation: tuple[tuple[Any, Any], ...] = ()
    viscous_time: Time = 0.0
    conductivity: Conductivity = 0.5
    heat_capacity: HeatCapacity = 1.8e6

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "closure", Closure.of(self.closure))
        branches = []
        faults: list[Fault] = []
        for index, (weight, time) in enumerate(self.relaxation):
            for rule, value in ((WEIGHT, weight), (RELAXATION_TIME, time)):
                number, wrong = spoken(rule, f"layer.relaxation[{index}]", value)
                branches.append(number)
                faults += wrong
        object.__setattr__(self, "relaxation", tuple(zip(branches[::2], branches[1::2], strict=True)))
        free = self.porosity if self.closure.porosity is None else self.closure.porosity
        if abs(free - self.porosity) > POROSITY_TOLERANCE:
            why = (
                f"is not that of its closure, {free:.4g}: a coating of another porosity is pressed along another curve"
            )
            allowed = f"{free:.4g} within {POROSITY_TOLERANCE:g}, or the closure of boxes packed to {self.porosity:g}"
            faults.append(Fault("layer.porosity", self.porosity, why, allowed))
        if faults:
            raise InputError(faults)

    @property
    def inside(self) -> nip_web.Layer:
        """[mm, MPa, s, K]."""
        return nip_web.Layer(
            closure=self.closure.law,
            thickness=in_unit(self.thickness, "mm"),
            porosity=self.porosity,
            softening=self.softening,
            reference_temperature=self.reference_temperature,
            relaxation=self.relaxation,
            viscous_time=self.viscous_time,
            conductivity=in_unit(self.conductivity, "N/s/K"),
            heat_capacity=in_unit(self.heat_capacity, "MPa/K"),
        )


@dataclass(frozen=True)
class Web(Spoken):
    """Layers of coating, from the roll to the foil and mirrored for two sides, on a foil (None: a bare film).

    layer: one, or several; foil may be given by its thickness alone. slices: parts into which the coating is cut where
    temperature varies through it. Raises InputError.
    """

    key = "web"
    layer: Layer | Sequence[Layer]
    foil: Foil | str | float | None = None
    sides: Annotated[int, Count(at_least=1, at_most=2)] = 2
    slices: Annotated[int, Count(at_least=2, at_most=200)] = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.foil is not None and not isinstance(self.foil, Foil):
            object.__setattr__(self, "foil", Foil(self.foil))  # type: ignore[arg-type]

    @classmethod
    def of(cls, card: Card, closure: Any) -> "Web":
        """The web of a card with a closure: a Closure, the table of a study's stage, or a law in the nip's units."""
        electrode = card.electrode
        layer = Layer(coating_thickness(electrode), electrode.porosity, Closure.of(closure))
        return cls((layer,), Foil(electrode.foil.thickness, electrode.foil.material), electrode.sides)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """From the roll to the foil."""
        return (self.layer,) if isinstance(self.layer, Layer) else tuple(self.layer)

    @property
    def thickness(self) -> float:
        """Foil and all layers before any pass [m]."""
        foil = self.foil.thickness if isinstance(self.foil, Foil) else 0.0
        return foil + self.sides * sum(layer.thickness for layer in self.layers)

    @property
    def inside(self) -> nip_web.Web:
        """[mm, MPa, s, K]."""
        foil = self.foil.inside if isinstance(self.foil, Foil) else None
        return nip_web.Web(tuple(layer.inside for layer in self.layers), foil, self.sides, slices=self.slices)


@dataclass(frozen=True)
class Rolls(Spoken):
    """Two equal rolls in their stand, SI. elastic False: rigid rolls in a rigid stand.

    stand_stiffness [N/m], None or "rigid": rigid, else the stand opens by line load x face / stiffness; face [m]:
    length that carries the line load, None: as long as the roll is thick, which pilot calenders are about;
    contact_conductance [W/m^2/K] between roll and web: assumed unless given. Raises InputError.
    """

    key = "rolls"
    diameter: RollDiameter
    modulus: Stiffness = 210e9
    poisson: Annotated[float, Real(above=-1, below=0.5)] = 0.3
    elastic: bool = True
    stand_stiffness: StandStiffness = None
    face: Annotated[float | None, Quantity("length", at_least=1e-3, at_most=30.0, absent="none")] = None
    contact_conductance: Conductance = 1e4

    @classmethod
    def of(cls, card: Card, *, elastic: bool = True) -> "Rolls":
        """The rolls of a card."""
        roll = card.calender.roll
        return cls(roll.diameter, roll.modulus, roll.poisson, elastic, card.calender.stand_stiffness, roll.face)

    @property
    def inside(self) -> nip_roll.Rolls:
        """[mm, MPa]."""
        face = in_unit(self.diameter if self.face is None else self.face, "mm")
        stands = self.elastic and self.stand_stiffness
        return nip_roll.Rolls(
            radius=in_unit(self.diameter / 2, "mm"),
            modulus=in_unit(self.modulus, "MPa") if self.elastic else math.inf,
            poisson=self.poisson,
            stand_compliance=face / in_unit(self.stand_stiffness, "N/mm") if stands and self.stand_stiffness else 0.0,
            conductance=in_unit(self.contact_conductance, "N/mm/s/K"),
        )


@dataclass(frozen=True)
class Pass(Spoken):
    """One way through the nip, SI, by just one of: gap and exit_thickness [m] of the web, foil included; line_load
    [N/m]; peak_pressure [Pa]; porosity of the coating behind the nip.

    speed [m/s]; temperatures [K] of rolls and web at contact; friction of the web on the rolls; tension [N/m] before
    and behind the nip; rest [s] since the pass before, for the delayed springback. Raises InputError.
    """

    key = "pass"
    gap: SetGap = None
    line_load: LineLoad = None
    exit_thickness: MaybeLength = None
    peak_pressure: MaybePressure = None
    porosity: Annotated[float | None, Real(above=0, below=1, percent=True, absent="none")] = None
    speed: Speed = USUAL_SPEED
    roll_temperature: Temperature = ROOM_TEMPERATURE
    web_temperature: Temperature = ROOM_TEMPERATURE
    friction: Annotated[float, Real(at_least=0, at_most=10)] = 0.2
    tension: Tension = 0.0
    rest: Time = 60.0

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in nip_setting.SETTINGS if getattr(self, name) is not None]
        if len(given) != 1:
            allowed = f"exactly one of {', '.join(nip_setting.SETTINGS)}"
            raise InputError(Fault("pass", given, "is not one setting", allowed))

    @classmethod
    def of(cls, card: Card) -> "Pass":
        """The pass of a card."""
        given = card.calender
        return cls(
            gap=given.gap, line_load=given.line_load, porosity=given.target_porosity, speed=given.speed,
            roll_temperature=given.roll_temperature, web_temperature=given.web_temperature,
        )  # fmt: skip

    @property
    def inside(self) -> nip_setting.Pass:
        """[mm, N/mm, MPa, s, K]."""
        settings = {
            name: None if value is None else in_unit(value, unit)
            for name, unit in nip_setting.SETTINGS.items()
            for value in [getattr(self, name)]
        }
        return nip_setting.Pass(
            **settings,
            speed=in_unit(self.speed, "mm/s"),
            roll_temperature=self.roll_temperature,
            web_temperature=self.web_temperature,
            friction=self.friction,
            tension=in_unit(self.tension, "N/mm"),
            rest=self.rest,
        )
