"""The sections of a run card beside the electrode: binder, contact, fracture, boxes, press, step, calender, data."""

import math
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field as Default
from pydantic import (
    SerializerFunctionWrapHandler,
    ValidationInfo,
    create_model,
    field_validator,
    model_serializer,
    model_validator,
)

from kalander.coupling.cards.config import Section, leaf_keys, models_in
from kalander.coupling.cards.electrode import Electrode
from kalander.coupling.cards.fields import Choice, Count, Field, Quantity, Real, Text, exactly_one, wrong
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
from kalander.coupling.cards.transport_section import TransportSection
from kalander.dem.fracture.criteria import CRITERIA
from kalander.dem.fracture.fragments import FRAGMENT_COUNTS
from kalander.kernels.law_table import Constant, Law
from kalander.kernels.laws.bond import BRITTLE, YIELDING
from kalander.kernels.laws.book import LAWS, card_laws, law_meant, law_on_card

__all__ = [
    "Behaviour",
    "Binder",
    "Boxes",
    "Branch",
    "Calender",
    "Calibrated",
    "Contact",
    "FractureCard",
    "FurtherPass",
    "PressCard",
    "Published",
    "Roll",
    "Shift",
    "Step",
]

Pressure = Stiffness
MaybePressure = Annotated[float | None, Quantity("pressure", above=0, at_most=1e13, absent="none")]
Length = Annotated[float, Quantity("length", above=0)]
MaybeLength = Annotated[float | None, Quantity("length", above=0, absent="none")]
MaybeRollLength = Annotated[float | None, Quantity("length", at_least=1e-3, at_most=30.0, absent="none")]
Poisson = Annotated[float, Real(above=-1, below=0.5)]
Porosity = Annotated[float | None, Real(above=0, below=1, percent=True, absent="none")]

ROOM_TEMPERATURE = 298.15  # K
MOST_BRANCHES = 50
MOST_FURTHER_PASSES = 9


class Branch(Section):
    """A Maxwell branch of the binder: its share of the instantaneous stiffness, and its relaxation time [s]."""

    weight: Annotated[float, Real(above=0, at_most=1, percent=True)]
    time: Annotated[float, Quantity("time", above=0)]


class Shift(Section):
    """How relaxation times go with temperature: "wlf" with c1 and c2 [K], or "arrhenius" with an activation energy."""

    law: Annotated[str, Choice(("wlf", "arrhenius"))]
    c1: Annotated[float | None, Real(at_least=0, at_most=100, absent="none")] = None
    c2: Annotated[float | None, Quantity("temperature", above=0, absent="none")] = None
    activation_energy: Annotated[float | None, Quantity("molar_energy", at_least=0, absent="none")] = None

    @model_validator(mode="after")
    def has_its_constants(self) -> Self:
        needs = {"wlf": ("c1", "c2"), "arrhenius": ("activation_energy",)}[self.law]
        given = {name for name in ("c1", "c2", "activation_energy") if getattr(self, name) is not None}
        if given != set(needs):
            why = f"does not go with {', '.join(sorted(given)) or 'nothing'}"
            raise wrong(why, allowed=f"{' and '.join(needs)} beside it", key=".law", value=self.law)
        return self


class Binder(Section):
    """The carbon-binder domain as bonds between particles, SI. Properties are of the bond, not of pure PVDF.

    law: "brittle" bonds are elastic until their strength, then gone; "yielding" ones flow at `flow_stress`, which
    `hardening` raises for each share of its volume that a bridge loses while its nanopores close, keep the set, part
    where the gap between surfaces exceeds `parting_gap`, and form anew where it is below `joining_distance`, out of
    the binder there is.
    """

    law: Annotated[str, Choice((BRITTLE, YIELDING))] = BRITTLE
    modulus: Pressure
    strength: MaybePressure = None  # of law "brittle"
    shear_strength: MaybePressure = Default(None, validate_default=True)  # that of tension where it is not given
    flow_stress: MaybePressure = None  # of law "yielding"
    shear_flow_stress: MaybePressure = Default(None, validate_default=True)  # likewise
    hardening: Annotated[float, Real(at_least=0, at_most=100)] = 0.0
    parting_gap: Length = 1e-6
    joining_distance: Annotated[float, Quantity("length", at_least=0)] = 0.5e-6
    poisson: Poisson = 0.3
    bridging_distance: Annotated[float, Quantity("length", at_least=0)]
    nanoporosity: Annotated[float, Real(at_least=0, below=1, percent=True)] = (
        0.47  # pores seen by FIB-SEM in NMC cathodes
    )
    damping: Annotated[float, Real(at_least=0, at_most=1)] = 0.1  # share of the critical
    relaxation: tuple[Branch, ...] = ()  # of the modulus above, which is that of a sudden strain; () for none
    shift: Shift | None = None
    softening: Annotated[float, Quantity("per_temperature", at_least=0)] = 0.0  # E(T) = E exp(-softening (T - T_r))
    reference_temperature: Temperature = ROOM_TEMPERATURE  # T_r of modulus, strength, times and shift
    reform: Annotated[bool, Default(strict=True)] = False  # failed binder bonds anew between particles that touch
    reform_time: Annotated[float, Quantity("time", at_least=0)] = 1e-3  # of touch, on the clock of the material

    @field_validator("shear_strength", mode="after")
    @classmethod
    def like_tension(cls, value: float | None, info: ValidationInfo) -> float | None:
        return info.data.get("strength") if value is None else value

    @field_validator("shear_flow_stress", mode="after")
    @classmethod
    def like_tension_too(cls, value: float | None, info: ValidationInfo) -> float | None:
        return info.data.get("flow_stress") if value is None else value

    @field_validator("relaxation", mode="after")
    @classmethod
    def leaves_no_less_than_nothing(cls, value: tuple[Branch, ...]) -> tuple[Branch, ...]:
        total = sum(branch.weight for branch in value)
        if total > 1.0 + 1e-12 or len(value) > MOST_BRANCHES:
            why = f"has {len(value)} branches whose weights sum to {total:.4g}"
            raise wrong(why, allowed=f"a sum of at most 1, and at most {MOST_BRANCHES} branches", value=total)
        return value

    @model_validator(mode="after")
    def has_what_its_law_needs(self) -> Self:
        if self.law == BRITTLE and self.strength is None:
            raise wrong('is needed by law "brittle"', allowed="a pressure", key=".strength", value="(nothing)")
        if self.law == BRITTLE:
            return self
        if self.flow_stress is None:
            raise wrong('is needed by law "yielding"', allowed="a pressure", key=".flow_stress", value="(nothing)")
        for name in ("bridging_distance", "joining_distance"):
            if getattr(self, name) > self.parting_gap:
                allowed = f"at most the parting_gap, {self.parting_gap:g} m"
                raise wrong("makes bonds that part at once", allowed=allowed, key=f".{name}", value=getattr(self, name))
        if self.reform:
            why = 'is of law "brittle": binder that yields forms new bridges by itself'
            raise wrong(why, allowed="false", key=".reform", value=True)
        return self

    @model_validator(mode="after")
    def shifts_something(self) -> Self:
        if self.shift is not None and not self.relaxation:
            raise wrong("shifts no relaxation", allowed="relaxation beside it", key=".shift", value=self.shift.law)
        return self

    @property
    def longest_gap(self) -> float:
        """Gap between surfaces [m] that bonds may bridge as they are laid or form."""
        return max(self.bridging_distance, self.joining_distance if self.law == YIELDING else 0.0)

    @property
    def viscoelastic(self) -> bool:
        """Whether time or temperature change what bonds carry."""
        return bool(self.relaxation) or self.softening > 0.0

    @property
    def reform_after(self) -> float | None:
        """Material time of touch [s] after which failed binder bonds anew, or None."""
        return self.reform_time if self.reform else None


OWN: dict[str, Constant] = {one.name: one for law in LAWS.values() for one in law.own}  # constants of one law alone


class ContactKeys(Section):
    """Contact between particles. `restitution` None: that of the active material. Laws: kernels/laws/README.md.

    adhesion_model, of law "thornton_ning": "dmt" pulls with 2 pi w R* while particles press on each other, "jkr" holds
    them beyond first touch by a neck; law "mdr" sticks in its own way. lever: of spin at a contact; "radius": surfaces
    move with whole radii.
    """

    law: Annotated[str, Choice(card_laws())] = "hertz_mindlin"
    friction: Annotated[float, Real(at_least=0, at_most=10)] = 0.3
    rolling_friction: Annotated[float, Real(at_least=0, at_most=2)] = 0.0  # lever of the resistance over R*
    twisting_friction: Annotated[float, Real(at_least=0, at_most=10)] = 0.0
    adhesion: Annotated[float, Quantity("surface_energy", at_least=0)] = 0.0  # work of adhesion w
    adhesion_model: Annotated[str, Choice(("dmt", "jkr"))] = "dmt"
    plastic_restitution: Annotated[float, Real(at_least=0.05, below=1)] = 0.5  # of law "hysteretic", without dashpots
    # of law "mdr": free share of a surface where the bulk yields no more
    psi_b: Annotated[float, Real(at_least=0, below=1)] = 0.5
    restitution: Annotated[float | None, Real(above=0, at_most=1, absent="none")] = None
    tangential_damping: Annotated[bool, Default(strict=True)] = True
    attraction: Annotated[bool, Default(strict=True)] = False
    lever: Annotated[str, Choice(("contact", "radius"))] = "contact"

    @model_validator(mode="after")
    def neck_of_a_work(self) -> Self:
        if self.adhesion_model == "jkr" and (self.adhesion == 0 or "jkr" not in self.meant.adhesion):
            laws = " or ".join(f'"{name}"' for name in card_laws(lambda law: "jkr" in law.adhesion))
            why = f'needs law {laws}, not "{self.law}"' if self.adhesion else "needs an adhesion above 0"
            allowed = f'"dmt", or law = {laws} and an adhesion'
            raise wrong(why, allowed=allowed, key=".adhesion_model", value=self.adhesion_model)
        return self

    @model_validator(mode="after")
    def constants_of_the_law(self) -> Self:
        """Those of the law alone are needed if they have no default, and those of other laws mean nothing."""
        mine = {one.name for one in self.meant.own}
        for name, constant in OWN.items():
            given, about = getattr(self, name), own_field(constant).describe()
            if name in mine and given is None:
                raise wrong(f'is needed by law "{self.law}"', allowed=about, key=f".{name}", value="(nothing)")
            if name not in mine and name in self.model_fields_set and given is not None:
                owners = " or ".join(f'"{law.on_card}"' for law in LAWS.values() if constant in law.own)
                why, allowed = f'has no meaning in law "{self.law}"', f"nothing, or law = {owners}"
                raise wrong(why, allowed=allowed, key=f".{name}", value=given)
        return self

    @model_serializer(mode="wrap")
    def without_constants_of_other_laws(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """So that a law more in the list changes no card, and no key of what was computed with it."""
        mine = {one.name for one in self.meant.own}
        return {name: value for name, value in written(self).items() if name not in OWN or name in mine}

    @property
    def meant(self) -> Law:
        """The law that is meant, by its name and what sticks; that without adhesion where none knows the model."""
        found = law_meant(self.law, self.adhesion_model if self.adhesion > 0 else "none")
        return found or law_on_card(self.law)


def own_field(constant: Constant) -> Quantity | Real:
    """How a constant of one law is checked."""
    limits = {name: getattr(constant, name) for name in ("above", "at_least", "at_most", "below")}
    if constant.dimension:
        return Quantity(constant.dimension, absent="none", **limits)
    return Real(absent="none", **limits)


if TYPE_CHECKING:

    class Contact(ContactKeys):
        """Keys of all laws, and the constants of one alone."""
else:
    own_keys = {name: (Annotated[float | None, own_field(one)], one.default) for name, one in OWN.items()}
    Contact = create_model("Contact", __base__=ContactKeys, __doc__=ContactKeys.__doc__, **own_keys)


class FractureCard(Section):
    """When particles crack, and what happens then.

    criterion: see criteria. weibull_modulus None: all particles of a size are equally strong; size_law: strength by
    diameter as measured (strength_exponent of the material) or as Weibull's modulus says, d^(-3/m). mode "flag" counts;
    "replace" puts `fragments` pieces in the place of a particle, `generations` times at most, none of a piece smaller
    than `smallest_share` of the particle as packed; `resolution` [m]: no piece may be smaller, by default a primary
    crystal of NMC (0.598 um, Sedlatschek et al. 2026). overlap: of a new piece with its neighbours over its radius;
    growth: of its radius in a few control intervals, until the pieces of a particle fill its volume again.
    damage_constant: of repeated loading (tavares_king). cracked_stiffness, cracked_conduction: factors recorded with
    cracked particles for what is computed from the pressed packing.
    """

    criterion: Annotated[str, Choice(("none", *CRITERIA))] = "none"
    mode: Annotated[str, Choice(("flag", "replace"))] = "flag"
    weibull_modulus: Annotated[float | None, Real(above=0, at_most=1000, absent="infinite")] = None
    size_law: Annotated[str, Choice(("measured", "weibull"))] = "measured"
    fragments: Annotated[int, Count(at_least=min(FRAGMENT_COUNTS), at_most=max(FRAGMENT_COUNTS))] = 14
    generations: Annotated[int, Count(at_least=1, at_most=4)] = 1
    smallest_share: Annotated[float, Real(above=0, below=1, percent=True)] = 0.25
    resolution: Length = 0.6e-6
    overlap: Annotated[float, Real(at_least=0, at_most=0.2)] = 0.01
    growth: Annotated[float, Real(at_least=0, at_most=0.1)] = 0.02
    keep_bonds: Annotated[bool, Default(strict=True)] = True
    damage_constant: Annotated[float, Real(above=0, at_most=100)] = 5.0
    cracked_stiffness: Annotated[float, Real(above=0, at_most=1)] = 1.0
    cracked_conduction: Annotated[float, Real(at_least=0, at_most=1)] = 1.0

    @field_validator("fragments", mode="after")
    @classmethod
    def set_exists(cls, value: int) -> int:
        if value not in FRAGMENT_COUNTS:
            allowed = " or ".join(str(count) for count in FRAGMENT_COUNTS)
            raise wrong("is no set of pieces", allowed=allowed)
        return value

    @model_validator(mode="after")
    def replaces_what_cracks(self) -> Self:
        if self.mode == "replace" and self.criterion == "none":
            allowed = '"flag", or a fracture.criterion'
            raise wrong(
                "replaces nothing: no particle cracks without a criterion",
                allowed=allowed,
                key=".mode",
                value="replace",
            )
        return self


class Boxes(Section):
    """Representative volumes: width [m] of a square base, and how many of them with different seeds."""

    width: Length
    replicas: Annotated[int, Count(at_least=1, at_most=10_000)] = 3


class PressCard(Section):
    """Uniaxial pressing of the boxes: each stress [Pa] from the start, then release."""

    stress: tuple[Pressure, ...]
    temperature: Temperature = ROOM_TEMPERATURE
    release_stress: Pressure = 1e5  # at which a box counts as released: small against any calender's
    plate_speed: Annotated[float, Quantity("speed", above=0)] = 1.0  # at most; the inertial number may ask for less
    max_strain: Annotated[float, Real(at_least=1e-6, below=1)] = 0.6
    # of the real press: by how much time the binder ages when the plate moves; "inertial": by that of the plate
    material_speed: Annotated[float | None, Quantity("speed", above=0, at_most=100, absent="inertial")] = None
    inertial_number: Annotated[float, Real(at_least=1e-9, at_most=0.1)] = 1e-3  # quasi-static: da Cruz et al. 2005
    haste: Annotated[float, Real(at_least=1, at_most=1000)] = 1.0  # while spheres without binder do not carry yet
    least_mass: Annotated[float, Real(at_least=0, at_most=1)] = 0.0  # of a mean sphere's: longer steps for small ones
    stiffness_scale: Annotated[float, Real(at_least=1e-6, at_most=1)] = 1.0
    lower_platen: Annotated[str, Choice(("active", "foil"))] = "active"  # material of the side of the current collector

    @model_validator(mode="after")
    def presses_and_releases(self) -> Self:
        if not self.stress:
            raise wrong("is empty", allowed="at least one stress", key=".stress", value=[])
        for index, stress in enumerate(self.stress):
            if any(math.isclose(stress, earlier, rel_tol=1e-6) for earlier in self.stress[:index]):
                raise wrong("stands there twice", allowed="each stress once", key=f".stress[{index}]", value=stress)
        if self.release_stress >= min(self.stress):
            allowed = f"below the smallest stress, {min(self.stress):g} Pa"
            raise wrong("would release nothing", allowed=allowed, key=".release_stress", value=self.release_stress)
        return self


class Step(Section):
    """The time step of the particles: `safety` of the Rayleigh time, or `dt` [s]; None ("auto") takes the first.

    contact_share: besides, at most this share of 1/ω of the stiffest contact, unless `dt` is given.
    """

    safety: Annotated[float, Real(at_least=1e-6, at_most=1)] = 0.2
    contact_share: Annotated[float, Real(at_least=1e-3, at_most=0.6)] = 0.3
    dt: Annotated[float | None, Quantity("time", above=0, absent="auto")] = None


class Roll(Section):
    """One of two equal rolls, SI. bearing_span: of no use here, where rolls do not bend; see `kalander rolls`."""

    diameter: RollDiameter
    face: RollLength
    bearing_span: MaybeRollLength = None
    modulus: Stiffness = 210e9
    poisson: Poisson = 0.3

    @model_validator(mode="after")
    def bearings_beside_the_face(self) -> Self:
        if self.bearing_span is not None and self.bearing_span < self.face:
            allowed = f"at least the face, {self.face:g} m"
            raise wrong("is shorter than the face", allowed=allowed, key=".bearing_span", value=self.bearing_span)
        return self


class CoatingBranch(Section):
    """A Maxwell branch of the coating's elastic stress."""

    weight: Annotated[float, Real(above=0, below=1)]  # share of the modulus
    time: Annotated[float, Quantity("time", above=0)]  # relaxation time


class Behaviour(Section):
    """What heat and time do to a coating, SI.

    softening [1/K]: relative loss of stress, loading and release, per kelvin above reference_temperature [K].
    relaxation: branches of the elastic stress. viscous_time [s]: overstress over the rate of compaction.
    """

    softening: Annotated[float, Quantity("per_temperature", at_least=0)] = 0.0
    reference_temperature: Temperature = ROOM_TEMPERATURE
    relaxation: tuple[CoatingBranch, ...] = ()
    viscous_time: Annotated[float, Quantity("time", at_least=0)] = 0.0

    @field_validator("relaxation", mode="after")
    @classmethod
    def leaves_stiffness(cls, value: tuple[CoatingBranch, ...]) -> tuple[CoatingBranch, ...]:
        total = sum(branch.weight for branch in value)
        if total >= 1.0:
            raise wrong("relaxes all stiffness away", allowed="weights below 1 in sum", value=total)
        return value


SETTINGS_OF_A_PASS = ("gap", "line_load", "target_porosity")


class FurtherPass(Section):
    """A pass after the first, SI: just one of `gap`, `line_load`, `target_porosity`."""

    gap: SetGap = None
    line_load: LineLoad = None
    target_porosity: Porosity = None
    rest: Annotated[float, Quantity("time", at_least=0)] = 60.0  # since the pass before: springback goes on meanwhile
    speed: Annotated[float | None, Quantity("speed", above=0, at_most=100, absent="as the first")] = None
    web_temperature: Annotated[float | None, Quantity("temperature", above=0, at_most=1000, absent="as the first")] = (
        None
    )
    roll_temperature: Annotated[float | None, Quantity("temperature", above=0, at_most=1000, absent="as the first")] = (
        None
    )

    @model_validator(mode="after")
    def one_setting(self) -> Self:
        exactly_one(dict(self), SETTINGS_OF_A_PASS)
        return self


class Calender(Section):
    """The passes, SI: just one of `gap` (set, unloaded), `line_load`, `target_porosity`; stand_stiffness None: rigid.

    model: "full" feels heat, relaxation and several passes, "plain" one pass at once and at any temperature alike;
    behaviour: what heat and time do to the coating, absent: as its boxes show where they were held, else nothing.
    """

    roll: Roll
    speed: Speed
    gap: SetGap = None
    line_load: LineLoad = None
    target_porosity: Porosity = None
    stand_stiffness: StandStiffness = None
    web_temperature: Temperature = ROOM_TEMPERATURE
    roll_temperature: Temperature = ROOM_TEMPERATURE
    model: Annotated[str, Choice(("full", "plain"))] = "full"
    behaviour: Behaviour | None = None
    contact_conductance: Annotated[float, Quantity("contact_conductance", above=0)] = 1e4  # of heat, rolls to web
    tension: Tension = 0.0  # of the web before and behind the nip
    friction: Annotated[float, Real(at_least=0, at_most=10)] = 0.2  # of the web on the rolls
    further_pass: tuple[FurtherPass, ...] = ()

    @model_validator(mode="after")
    def one_setting(self) -> Self:
        exactly_one(dict(self), SETTINGS_OF_A_PASS)
        return self

    @model_validator(mode="after")
    def has_a_model_that_knows_it(self) -> Self:
        if self.model == "full":
            if len(self.further_pass) > MOST_FURTHER_PASSES:
                why = "passes are too many"
                allowed = f"up to {MOST_FURTHER_PASSES}"
                raise wrong(why, allowed=allowed, key=".further_pass", value=len(self.further_pass))
            return self
        for name in ("further_pass", "behaviour"):
            if getattr(self, name):
                why = f"knows one pass without heat and time, and {name} is given"
                raise wrong(why, allowed=f'"full", or no {name}', key=".model", value=self.model)
        return self


class Published(Section):
    """A measured or computed state of the literature, shown beside the results and used for nothing else; SI."""

    name: Annotated[str, Text(longest=200)]
    source: Annotated[str, Text()]
    stress: Annotated[float | None, Quantity("pressure", at_least=0, absent="none")] = None
    porosity: Porosity = None
    thickness: MaybeLength = None  # of the web: both coatings and foil
    recovery: Annotated[float | None, Real(absent="none")] = None
    set_gap: MaybeLength = None
    cracked_fraction: Annotated[float | None, Real(at_least=0, at_most=1, percent=True, absent="none")] = None


class Calibrated(Section):
    """A key whose value was fitted, the range [SI] in which data leave it, and why it needs fitting."""

    key: Annotated[str, Text(longest=200)]
    range: tuple[float, float]
    reason: Annotated[str, Text()]

    @field_validator("key", mode="after")
    @classmethod
    def names_a_number(cls, key: str) -> str:
        if number_field(key) is None:
            close = get_close_matches(key, number_keys(), n=1)
            allowed = "a dotted key such as binder.modulus"
            nearest = close[0] if close else ""
            raise wrong("is no key of a number in this card", allowed=allowed, nearest=nearest)
        return key

    @field_validator("range", mode="before")
    @classmethod
    def of_the_same_kind(cls, value: Any, info: ValidationInfo) -> tuple[float, float]:
        """Both ends are what the key itself may be; read by the key's own field type."""
        field = number_field(info.data.get("key", ""))
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise wrong("is no pair", allowed='[lowest, highest], such as ["1 GPa", "3 GPa"]')
        if field is None:  # the key is already a fault of its own
            return 0.0, 0.0
        lowest, highest = (field.validate(end, info) for end in value)
        if lowest is None or highest is None or not lowest < highest:
            raise wrong("does not rise", allowed="[lowest, highest]")
        return lowest, highest


SECTIONS: dict[str, type[Section]] = {
    "electrode": Electrode,
    "binder": Binder,
    "contact": Contact,
    "fracture": FractureCard,
    "boxes": Boxes,
    "press": PressCard,
    "step": Step,
    "calender": Calender,
    "transport": TransportSection,
}


def number_keys() -> list[str]:
    """Every key that number_field knows."""
    keys = [key for name, model in SECTIONS.items() for key in leaf_keys(model, f"{name}.")]
    return [key for key in keys if number_field(key) is not None]


def number_field(key: str) -> Field | None:
    """The type of the number under a dotted key ("electrode.active.modulus"); None where there is none."""
    section, *path = key.split(".")
    model = SECTIONS.get(section)
    for depth, name in enumerate(path):
        if model is None or name not in model.model_fields:
            return None
        info = model.model_fields[name]
        if depth == len(path) - 1:
            return next((item for item in info.metadata if isinstance(item, Quantity | Real)), None)
        model = next((table for table in models_in(info.annotation) if issubclass(table, Section)), None)
    return None
