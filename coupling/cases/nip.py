"""The case file of `kalander nip CASE.toml`: layers on a foil between two rolls, one or several passes, in SI.

What a law or a model does not know is refused, never ignored.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field as Default
from pydantic import field_validator, model_validator

from kalander.coupling.cards.config import Place, Section, apply_overrides, as_typed, parse_model
from kalander.coupling.cards.fields import Choice, Count, Quantity, Real, Text, exactly_one, wrong
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
    gap_warnings,
    thin_roll_faults,
    thin_roll_warnings,
    unusual,
)
from kalander.coupling.cards.sections import ROOM_TEMPERATURE
from kalander.coupling.cards.toml import read_toml
from kalander.coupling.cases.powder import PowderCase
from kalander.kernels.errors import Fault

__all__ = [
    "Behaviour",
    "FemChoices",
    "LayerLaw",
    "NipCase",
    "NipPass",
    "NipRolls",
    "Web",
    "WebLayer",
    "load_nip_case",
    "placed",
    "written_case",
]

Length = Annotated[float, Quantity("length", above=0)]
MaybeLength = Annotated[float | None, Quantity("length", above=0, absent="none")]
Pressure = Stiffness
MaybePressure = Annotated[float | None, Quantity("pressure", above=0, at_most=1e13, absent="none")]
MaybeReal = Annotated[float | None, Real(above=0, at_most=1000, absent="none")]
Time = Annotated[float, Quantity("time", above=0)]

LAW_KEYS = {
    "power": ("p0", "k", "unload_modulus"),
    "cap": ("modulus", "poisson", "M", "chi", "p_c0", "k"),
}


class Branch(Section):
    """A Maxwell branch of the elastic stress: its share of the modulus, and its relaxation time [s]."""

    weight: Annotated[float, Real(above=0, below=1)]
    time: Time


class Behaviour(Section):
    """What heat and time do to a law, SI.

    softening [1/K]: relative loss of stress, loading and release, per kelvin above reference_temperature [K].
    relaxation: branches of the elastic stress. viscous_time [s]: overstress over the rate of compaction.
    """

    softening: Annotated[float, Quantity("per_temperature", at_least=0)] = 0.0
    reference_temperature: Temperature = ROOM_TEMPERATURE
    relaxation: tuple[Branch, ...] = ()
    viscous_time: Annotated[float, Quantity("time", at_least=0)] = 0.0

    @field_validator("relaxation", mode="after")
    @classmethod
    def leaves_stiffness(cls, value: tuple[Branch, ...]) -> tuple[Branch, ...]:
        total = sum(branch.weight for branch in value)
        if total >= 1.0:
            raise wrong("relaxes all stiffness away", allowed="weights below 1 in sum", value=total)
        return value


class LayerLaw(Behaviour):
    """A closure by formula, SI.

    "power": p = p0 ((H / h)^k - 1) on loading, H the initial and h the present thickness; released with unload_modulus
    over ln h. "cap": elliptic cap of slope M and shift chi, p_c = p_c0 exp(k eps_v^p) of Kirchhoff stress, modulus and
    poisson of its Hencky elasticity.
    """

    law: Annotated[str, Choice(("power", "cap"))]
    k: Annotated[float, Real(above=0, at_most=1000)]
    p0: MaybePressure = None
    unload_modulus: MaybePressure = None
    modulus: MaybePressure = None
    poisson: Annotated[float | None, Real(above=-1, below=0.5, absent="none")] = None
    M: MaybeReal = None
    chi: Annotated[float | None, Real(at_least=1e-3, at_most=1, absent="none")] = None
    p_c0: MaybePressure = None

    @model_validator(mode="after")
    def has_the_keys_of_its_law(self) -> Self:
        needed = LAW_KEYS[self.law]
        missing = [key for key in needed if getattr(self, key) is None]
        if missing:
            why = f"needs {', '.join(missing)} as well"
            raise wrong(why, allowed=f"law, {', '.join(needed)}", key=".law", value=self.law)
        other = [key for keys in LAW_KEYS.values() for key in keys if key not in needed]
        for key in other:
            if getattr(self, key) is not None:
                why = f'belongs to another law than "{self.law}"'
                raise wrong(why, allowed=f"law, {', '.join(needed)}", key=f".{key}", value=getattr(self, key))
        return self


class WebLayer(Section):
    """A layer of the coating, SI: thickness, porosity, and its law or the closure file of a study.

    behaviour: heat and time beside a closure file. conductivity [W/m/K] and heat_capacity [J/m^3/K], the latter of the
    free layer: assumed values of porous electrodes unless given.
    """

    thickness: Length
    porosity: Annotated[float, Real(above=0.02, below=1, percent=True)]
    closure: LayerLaw | None = None
    closure_file: Annotated[str | None, Text()] = None
    behaviour: Behaviour | None = None
    conductivity: Annotated[float, Quantity("thermal_conductivity", above=0)] = 0.5
    heat_capacity: Annotated[float, Quantity("heat_capacity", above=0)] = 1.8e6

    @model_validator(mode="before")
    @classmethod
    def law_or_file(cls, value: Any) -> Any:
        """In a case file both stand under `closure`: a table is a law, a text the path of a file."""
        if isinstance(value, dict) and isinstance(value.get("closure"), str):
            rest = {key: item for key, item in value.items() if key != "closure"}
            return {**rest, "closure_file": value["closure"]}
        return value

    @model_validator(mode="after")
    def one_closure(self) -> Self:
        exactly_one(dict(self), ("closure", "closure_file"))
        if self.closure is not None and self.behaviour is not None:
            why = "stands beside a law, which has these keys itself"
            raise wrong(why, allowed="softening, relaxation and so on in closure", key=".behaviour", value="a table")
        return self

    @property
    def over_time(self) -> Behaviour:
        """What heat and time do to this layer."""
        return self.closure or self.behaviour or Behaviour()


class Web(Section):
    """The coating on one side, from the roll to the foil; the same, mirrored, on the other of two sides.

    slices: parts into which the coating is cut where temperature varies through it.
    """

    sides: Annotated[int, Count(at_least=1, at_most=2)] = 2
    slices: Annotated[int, Count(at_least=2, at_most=200)] = 16
    layer: tuple[WebLayer, ...]

    @field_validator("layer", mode="after")
    @classmethod
    def some_layer(cls, value: tuple[WebLayer, ...]) -> tuple[WebLayer, ...]:
        if not 1 <= len(value) <= 100:
            why = "layers are too many" if value else "layers leave nothing to roll"
            raise wrong(why, allowed="1 to 100 of [[web.layer]]", value=len(value))
        return value


class NipRolls(Section):
    """Two equal rolls, SI. `stand_stiffness` None: rigid; else the stand opens by line load x face / stiffness.

    face: length that carries the line load; None: as long as the roll is thick, which pilot calenders are about.
    contact_conductance [W/m^2/K] between roll and web: assumed unless given.
    """

    diameter: RollDiameter
    modulus: Stiffness = 210e9
    poisson: Annotated[float, Real(above=-1, below=0.5)] = 0.3
    elastic: Annotated[bool, Default(strict=True)] = True
    stand_stiffness: StandStiffness = None
    face: RollLength | None = None
    contact_conductance: Annotated[float, Quantity("contact_conductance", above=0)] = 1e4


class NipPass(Section):
    """The setting of a pass, SI: just one of gap and exit_thickness (of the web, foil included) and line_load.

    tension [N/m] of the web before and behind the nip. rest: time since the pass before, for the delayed springback.
    """

    gap: SetGap = None
    line_load: LineLoad = None
    exit_thickness: MaybeLength = None
    speed: Speed
    roll_temperature: Temperature = ROOM_TEMPERATURE
    web_temperature: Temperature = ROOM_TEMPERATURE
    friction: Annotated[float, Real(at_least=0, at_most=10)] = 0.2
    tension: Tension = 0.0
    rest: Annotated[float, Quantity("time", at_least=0)] = 60.0

    @model_validator(mode="after")
    def one_setting(self) -> Self:
        exactly_one(dict(self), ("gap", "line_load", "exit_thickness"))
        return self

    @property
    def setting(self) -> tuple[str, float]:
        """Name and value [SI] of what is held."""
        given = {"gap": self.gap, "line_load": self.line_load, "exit_thickness": self.exit_thickness}
        ((name, value),) = ((name, value) for name, value in given.items() if value is not None)
        return name, value

    @property
    def heats(self) -> bool:
        return self.roll_temperature != self.web_temperature


class FemChoices(Section):
    """Mesh and travel of the finite elements; None: by the contact length."""

    elements_along: Annotated[int, Count(at_least=20, at_most=20000)] = 120
    elements_through: Annotated[int, Count(at_least=2, at_most=200)] = 8
    travel: Annotated[float | None, Real(above=0, at_most=20, absent="none")] = None


class NipCase(Section):
    """A nip case; `rolling` is the table [pass] of the file, further_pass what follows it."""

    web: Web
    foil: Foil
    rolls: NipRolls
    rolling: NipPass = Default(alias="pass")
    further_pass: tuple[NipPass, ...] = ()
    fem: FemChoices = FemChoices()

    @property
    def web_thickness(self) -> float:
        """Foil and all layers [m]."""
        return self.foil.thickness + self.web.sides * sum(layer.thickness for layer in self.web.layer)

    @model_validator(mode="after")
    def touches_the_web(self) -> Self:
        web = self.web_thickness
        for name in ("gap", "exit_thickness"):
            given = getattr(self.rolling, name)
            if given is not None and given >= web:
                why = "does not touch the web: rolling cannot loosen"
                allowed = f"below the web's thickness, {web:.4g} m"
                raise wrong(why, allowed=allowed, key=f"pass.{name}", value=given)
        return self

    @model_validator(mode="after")
    def rolls_as_a_calender_does(self) -> Self:
        for fault in thin_roll_faults("rolls.diameter", self.rolls.diameter, self.web_thickness):
            raise wrong(fault.why, allowed=fault.allowed, key=fault.where, value=fault.value)
        metal, foil = self.foil.material, self.foil.thickness
        for prefix, rolling in self._passes():
            if rolling.gap is not None and rolling.gap <= foil and not self.rolls.elastic:
                allowed = f"above the foil's thickness, {foil:.4g} m, or elastic rolls"
                raise wrong("closes rigid rolls upon the foil", allowed=allowed, key=f"{prefix}.gap", value=rolling.gap)
            if metal.yield_strength is not None and rolling.tension >= metal.yield_strength * foil:
                allowed = f"below its strength times its thickness, {metal.yield_strength * foil:.4g} N/m"
                raise wrong("tears the foil", allowed=allowed, key=f"{prefix}.tension", value=rolling.tension)
        return self

    def _passes(self) -> list[tuple[str, NipPass]]:
        """All passes by their keys."""
        return [("pass", self.rolling), *((f"further_pass[{n}]", one) for n, one in enumerate(self.further_pass))]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unusual but possible, as "key: sentence"."""
        names = ("speed", "line_load", "roll_temperature", "web_temperature", "tension")
        rolls = ("diameter", "face", "modulus", "stand_stiffness", "contact_conductance")
        values = {f"rolls.{name}": getattr(self.rolls, name) for name in rolls}
        for index, layer in enumerate(self.web.layer):
            key = f"web.layer[{index}]"
            values |= {f"{key}.{name}": getattr(layer, name) for name in ("thickness", "conductivity", "heat_capacity")}
            law = {} if layer.closure is None else dict(layer.closure)
            values |= {f"{key}.closure.{name}": law.get(name) for name in ("p0", "p_c0", "unload_modulus")}
        values["foil.thickness"] = self.foil.thickness
        texts: list[str] = []
        for prefix, rolling in self._passes():
            values |= {f"{prefix}.{name}": getattr(rolling, name) for name in names}
            texts += gap_warnings(f"{prefix}.gap", rolling.gap, self.foil.thickness)
        thin = thin_roll_warnings("rolls.diameter", self.rolls.diameter, self.web_thickness)
        return (*unusual(values), *thin, *texts)

    @model_validator(mode="after")
    def keeps_some_stiffness(self) -> Self:
        """Softening at the hottest temperature that a layer can meet."""
        passes = (self.rolling, *self.further_pass)
        hottest = max(max(one.roll_temperature, one.web_temperature) for one in passes)
        for index, layer in enumerate(self.web.layer):
            given = layer.over_time
            left = 1.0 - given.softening * (hottest - given.reference_temperature)
            if left < 0.02:
                where = "closure" if layer.closure is not None else "behaviour"
                why = f"leaves {left:.2g} of the stress at {hottest:.4g} K"
                key = f"web.layer[{index}].{where}.softening"
                raise wrong(why, allowed="a share of at least 0.02", key=key, value=given.softening)
        return self


def written_case(path: str | Path, overrides: Mapping[str, str] | None = None) -> tuple[dict[str, Any], Place]:
    """What is written in a case file, with the overrides, and where each key stands. Raises InputError."""
    source = read_toml(Path(path))
    changes = dict(overrides or {})

    def place(key: str) -> str:
        return f"--set {key}" if key in changes else source.place(key)

    return apply_overrides(source.document, changes), place


def placed(faults: list[Fault], path: str | Path, overrides: Mapping[str, str] | None = None) -> list[Fault]:
    """Faults found while solving, key and value as they stand in the case file; those of options stay as they are."""
    document, place = written_case(path, overrides)
    return [
        fault if fault.where.startswith("--")
        else replace(fault, where=place(fault.where), value=as_typed(document, fault.where, fault.value))
        for fault in faults
    ]  # fmt: skip


def load_nip_case(path: str | Path, *, overrides: Mapping[str, str] | None = None) -> NipCase | PowderCase:
    """Read a nip case, or a powder case if it has the table [powder]. Raises InputError with every fault of the file.

    overrides: dotted keys to TOML values. A relative closure file is looked for beside the case file.
    """
    document, place = written_case(path, overrides)
    if "powder" in document:
        return parse_model(PowderCase, document, place, {})
    case = parse_model(NipCase, document, place, {})
    folder = Path(path).parent
    layers = tuple(
        layer if layer.closure_file is None
        else layer.model_copy(update={"closure_file": str(folder / layer.closure_file)})
        for layer in case.web.layer
    )  # fmt: skip
    return case.model_copy(update={"web": case.web.model_copy(update={"layer": layers})})
