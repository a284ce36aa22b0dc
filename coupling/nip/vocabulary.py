"""Web, rolls and pass: the same objects for a card, a case file and a script, in SI or with units in texts.

`of(card)` reads a card; `inside` is the continuum's own object in mm, N, MPa, s, K.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import Strict, field_validator, model_validator

from kalander.continuum.nip import roll as nip_roll
from kalander.continuum.nip import setting as nip_setting
from kalander.continuum.nip import web as nip_web
from kalander.coupling.cards.card import Card
from kalander.coupling.cards.config import Section
from kalander.coupling.cards.electrode import coating_thickness
from kalander.coupling.cards.fields import Count, Quantity, Real, exactly_one, wrong
from kalander.coupling.cards.materials import Foil
from kalander.coupling.cards.mill_limits import (
    LineLoad,
    RollDiameter,
    RollLength,
    SetGap,
    Speed,
    StandStiffness,
    Stiffness,
    Temperature,
    Tension,
)
from kalander.coupling.cards.sections import ROOM_TEMPERATURE, Behaviour, Calender, FurtherPass
from kalander.coupling.homogenise.homogenised import Homogenised
from kalander.coupling.homogenise.stored import homogenised_of
from kalander.coupling.nip.closure import Closure
from kalander.coupling.scales import in_si, in_unit
from kalander.coupling.store.store import Data
from kalander.kernels.asked import asked

__all__ = ["Behaviour", "Layer", "LayerShape", "Pass", "Rolls", "Web", "WebShape"]

POROSITY_TOLERANCE = 0.005  # by which a layer may differ from its closure: porosities are given in whole per cent

# heat capacity per volume [MPa/K] and conductivity [N/(s K)] of foils; Kaye & Laby, thermal properties of metals
METAL_HEAT = {"aluminium": (2.43, 236.0), "copper": (3.45, 401.0)}

USUAL_SPEED = in_si(2.0, "m/min")

Time = Annotated[float, Quantity("time", at_least=0)]
MaybeLength = Annotated[float | None, Quantity("length", above=0, absent="none")]
MaybePressure = Annotated[float | None, Quantity("pressure", above=0, at_most=1e13, absent="none")]
MaybePorosity = Annotated[float | None, Real(above=0, below=1, percent=True, absent="none")]


class LayerShape(Section):
    """A layer of the coating before the nip, SI: thickness, porosity; conductivity [W/m/K] and heat_capacity [J/m^3/K]
    of the free layer: assumed values of porous electrodes unless given."""

    thickness: Annotated[float, Quantity("length", above=0)]
    porosity: Annotated[float, Real(above=0.02, below=1, percent=True)]
    conductivity: Annotated[float, Quantity("thermal_conductivity", above=0)] = 0.5
    heat_capacity: Annotated[float, Quantity("heat_capacity", above=0)] = 1.8e6


class Held(Section):
    """A section that holds objects which are no tables: they are passed on as they are."""

    @asked(values="mapping")
    def with_values(self, values: dict[str, Any]) -> Self:
        """The same with other values, by name; numbers in SI or texts with units. Raises InputError."""
        return type(self)(**dict(self) | values)


class Layer(Held, LayerShape, Behaviour):
    """A layer with its closure; what heat and time do to it. Raises InputError."""

    closure: Any

    @field_validator("closure", mode="after")
    @classmethod
    def is_a_closure(cls, value: Any) -> Closure:
        """A closure, the table of a study's stage, or a law in the units of the nip."""
        if not isinstance(value, Closure | Homogenised | Data) and not hasattr(value, "pressure_at"):
            raise wrong("is no closure", allowed="Closure.power, Closure.cap, Closure.table, or that of a study")
        return Closure.of(value)

    @model_validator(mode="after")
    def has_the_porosity_of_its_closure(self) -> Self:
        free = self.porosity if self.closure.porosity is None else self.closure.porosity
        if abs(free - self.porosity) > POROSITY_TOLERANCE:
            why = (
                f"is not that of its closure, {free:.4g}: a coating of another porosity is pressed along another curve"
            )
            allowed = f"{free:.4g} within {POROSITY_TOLERANCE:g}, or the closure of boxes packed to {self.porosity:g}"
            raise wrong(why, allowed=allowed, key=".porosity", value=self.porosity)
        return self

    @property
    def inside(self) -> nip_web.Layer:
        """[mm, MPa, s, K]."""
        return nip_web.Layer(
            closure=self.closure.law,
            thickness=in_unit(self.thickness, "mm"),
            porosity=self.porosity,
            softening=self.softening,
            reference_temperature=self.reference_temperature,
            relaxation=tuple((branch.weight, branch.time) for branch in self.relaxation),
            viscous_time=self.viscous_time,
            conductivity=in_unit(self.conductivity, "N/s/K"),
            heat_capacity=in_unit(self.heat_capacity, "MPa/K"),
        )


class WebShape(Section):
    """Coated sides of a web; slices: parts into which the coating is cut where temperature varies through it."""

    sides: Annotated[int, Count(at_least=1, at_most=2)] = 2
    slices: Annotated[int, Count(at_least=2, at_most=200)] = 16


class Web(Held, WebShape):
    """Layers of coating, from the roll to the foil and mirrored for two sides, on a foil (None: a bare film).

    layer: one or several; foil: its thickness alone makes it a rigid one. Raises InputError.
    """

    layer: Layer | Sequence[Layer]
    foil: Foil | str | float | None = None

    @field_validator("layer", mode="plain")
    @classmethod
    def one_or_several(cls, value: Any) -> tuple[Layer, ...]:
        given = value if isinstance(value, list | tuple) else [value]
        layers = tuple(Layer(**one) if isinstance(one, dict) else one for one in given)
        if not layers or not all(isinstance(one, Layer) for one in layers):
            raise wrong("is no layer", allowed="a Layer, or several from the roll to the foil")
        return layers

    @field_validator("foil", mode="plain")
    @classmethod
    def foil_or_thickness(cls, value: Any) -> Foil | None:
        if value is None or isinstance(value, Foil):
            return value
        return Foil(**(value if isinstance(value, dict) else {"thickness": value, "material": "rigid"}))

    @classmethod
    @asked(card="Card")
    def of(cls, card: Card, closure: Any) -> Self:
        """The web of a card with a closure: a Closure, the table of a study's stage, a homogenised coating, or a law in
        the nip's units. Heat and time act on it as the card says, else as the boxes show where they were held."""
        electrode = card.electrode
        layer = Layer(
            thickness=coating_thickness(electrode), porosity=electrode.porosity, closure=closure,
            **behaviour_of(card.calender, closure),
        )  # fmt: skip
        return cls(layer=layer, foil=electrode.foil, sides=electrode.sides)

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
        foil = foil_inside(self.foil) if isinstance(self.foil, Foil) else None
        return nip_web.Web(tuple(layer.inside for layer in self.layers), foil, self.sides, slices=self.slices)


def behaviour_of(calender: Calender, closure: Any) -> dict[str, Any]:
    """Values of Behaviour for the coating of a card: given there, or of the boxes of its closure, or none."""
    if calender.model == "plain":
        return {}
    if calender.behaviour is not None:
        return calender.behaviour.model_dump()
    coating = homogenised_of(closure) if isinstance(closure, Data) else closure
    if not isinstance(coating, Homogenised):
        return {}
    series, _ = coating.series(temperature=nip_temperature(calender))
    return {
        "relaxation": [{"weight": weight, "time": time} for weight, time in series],
        "softening": max(coating.thermal.softening, 0.0),
        "reference_temperature": coating.thermal.reference,
    }


def nip_temperature(calender: Calender) -> float:
    """The one temperature at which times of relaxation are taken [K]: halfway between web and rolls."""
    return 0.5 * (calender.web_temperature + calender.roll_temperature)


def foil_inside(foil: Foil) -> nip_web.Foil:
    """[mm, MPa]; no modulus: rigid, no yield strength: elastic."""
    metal = foil.material
    capacity, conductivity = METAL_HEAT.get(metal.name, METAL_HEAT["aluminium"])
    return nip_web.Foil(
        thickness=in_unit(foil.thickness, "mm"),
        modulus=math.inf if metal.modulus is None else in_unit(metal.modulus, "MPa"),
        poisson=metal.poisson,
        yield_strength=math.inf if metal.yield_strength is None else in_unit(metal.yield_strength, "MPa"),
        heat_capacity=capacity,
        conductivity=conductivity,
    )


class Rolls(Section):
    """Two equal rolls, SI. `elastic` False: rigid ones in a rigid stand. `stand_stiffness` None: rigid; else the stand
    opens by line load x face / stiffness.

    face: length that carries the line load; None: as long as the roll is thick, which pilot calenders are about.
    contact_conductance [W/m^2/K] between roll and web: assumed unless given. Raises InputError.
    """

    diameter: RollDiameter
    modulus: Stiffness = 210e9
    poisson: Annotated[float, Real(above=-1, below=0.5)] = 0.3
    elastic: Annotated[bool, Strict()] = True
    stand_stiffness: StandStiffness = None
    face: RollLength | None = None
    contact_conductance: Annotated[float, Quantity("contact_conductance", above=0)] = 1e4

    @classmethod
    @asked(card="Card")
    def of(cls, card: Card, *, elastic: bool = True) -> Self:
        """The rolls of a card."""
        roll = card.calender.roll
        return cls(
            diameter=roll.diameter, modulus=roll.modulus, poisson=roll.poisson, elastic=elastic,
            stand_stiffness=card.calender.stand_stiffness, face=roll.face,
            contact_conductance=card.calender.contact_conductance,
        )  # fmt: skip

    @property
    def inside(self) -> nip_roll.Rolls:
        """[mm, MPa]."""
        face, stand = in_unit(self.diameter if self.face is None else self.face, "mm"), self.stand_stiffness
        return nip_roll.Rolls(
            radius=in_unit(self.diameter / 2, "mm"),
            modulus=in_unit(self.modulus, "MPa") if self.elastic else math.inf,
            poisson=self.poisson,
            stand_compliance=face / in_unit(stand, "N/mm") if self.elastic and stand is not None else 0.0,
            conductance=in_unit(self.contact_conductance, "N/mm/s/K"),
        )


class Pass(Section):
    """The setting of a pass, SI: just one of gap and exit_thickness (of the web, foil included), line_load,
    peak_pressure, and porosity of the coating behind the nip.

    tension [N/m] of the web before and behind the nip. rest: time since the pass before, for the delayed springback.
    Raises InputError.
    """

    gap: SetGap = None
    line_load: LineLoad = None
    exit_thickness: MaybeLength = None
    peak_pressure: MaybePressure = None
    porosity: MaybePorosity = None
    speed: Speed = USUAL_SPEED
    roll_temperature: Temperature = ROOM_TEMPERATURE
    web_temperature: Temperature = ROOM_TEMPERATURE
    friction: Annotated[float, Real(at_least=0, at_most=10)] = 0.2
    tension: Tension = 0.0
    rest: Time = 60.0

    @model_validator(mode="after")
    def one_setting(self) -> Self:
        exactly_one(dict(self), tuple(nip_setting.SETTINGS))
        return self

    @classmethod
    @asked(card="Card")
    def of(cls, card: Card) -> Self:
        """The first pass of a card."""
        given = card.calender
        return cls(
            gap=given.gap, line_load=given.line_load, porosity=given.target_porosity, speed=given.speed,
            roll_temperature=given.roll_temperature, web_temperature=given.web_temperature,
            tension=given.tension, friction=given.friction,
        )  # fmt: skip

    @classmethod
    def all_of(cls, card: Card) -> tuple[Self, ...]:
        """All passes of a card, the first first."""
        first = cls.of(card)
        return (first, *(first._followed_by(one) for one in card.calender.further_pass))

    def _followed_by(self, one: FurtherPass) -> Self:
        settings = dict.fromkeys(nip_setting.SETTINGS) | {
            "gap": one.gap, "line_load": one.line_load, "porosity": one.target_porosity, "rest": one.rest,
        }  # fmt: skip
        own = {name: getattr(one, name) for name in ("speed", "web_temperature", "roll_temperature")}
        return type(self)(**dict(self) | settings | {name: value for name, value in own.items() if value is not None})

    @property
    def setting(self) -> tuple[str, float]:
        """Name and value of what is held."""
        ((name, value),) = (
            (key, one) for key, one in dict(self).items() if key in nip_setting.SETTINGS and one is not None
        )
        return name, value

    @property
    def inside(self) -> nip_setting.Pass:
        """[mm, N/mm, MPa, s, K]."""
        units = {**nip_setting.SETTINGS, "speed": "mm/s", "tension": "N/mm"}
        values = dict(self)
        return nip_setting.Pass(
            **values | {name: in_unit(values[name], unit) for name, unit in units.items() if values[name] is not None}
        )
