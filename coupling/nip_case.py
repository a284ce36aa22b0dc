"""The case file of `kalander nip CASE.toml`: one homogeneous coating between two rolls, in SI.

The fast model handles one layer with the law "power", or a study's closure file. What the file format also
foresees (several layers, the cap law, relaxation, softening with heat) is refused, never ignored.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field as Default
from pydantic import field_validator, model_validator

from kalander.coupling.card_sections import ROOM_TEMPERATURE
from kalander.coupling.config import apply_overrides, parse_model
from kalander.coupling.fields import Choice, Count, Quantity, Real, Section, Text, exactly_one, wrong
from kalander.coupling.materials import Foil
from kalander.coupling.toml_source import read_toml

__all__ = ["NipCase", "NipPass", "NipRolls", "PowerLaw", "Web", "WebLayer", "load_nip_case"]

Length = Annotated[float, Quantity("length", above=0)]
Pressure = Annotated[float, Quantity("pressure", above=0)]
Temperature = Annotated[float, Quantity("temperature", above=0)]


class PowerLaw(Section):
    """p = p0 ((H / h)^k - 1) on loading, H the initial and h the present thickness; p = p_max + M ln(h_min / h) after.

    p0 and unload_modulus M in Pa, k without unit; softening [1/K] is the relative loss of both per kelvin.
    """

    law: Annotated[str, Choice(("power",), ("cap",))]
    p0: Pressure
    k: Annotated[float, Real(above=0, at_most=1000)]
    unload_modulus: Pressure
    softening: Annotated[float, Quantity("per_temperature", at_least=0)] = 0.0
    reference_temperature: Temperature = ROOM_TEMPERATURE

    @model_validator(mode="before")
    @classmethod
    def is_available(cls, value: Any) -> Any:
        """One fault for a closure of another kind, instead of one for each of its keys."""
        if isinstance(value, dict):
            if value.get("law") == "cap":
                raise wrong("is not available yet", allowed='law = "power"', key=".law", value="cap")
            if "relaxation" in value:
                given = value["relaxation"]
                raise wrong("is not available yet", allowed="no relaxation", key=".relaxation", value=given)
        return value


class WebLayer(Section):
    """A layer of the coating: thickness [m], porosity, and its law or the closure file of a study."""

    thickness: Length
    porosity: Annotated[float, Real(above=0, below=1, percent=True)]
    closure: PowerLaw | None = None
    closure_file: Annotated[str | None, Text()] = None

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
        return self


class Web(Section):
    """The coating on one side, from the roll to the foil; the same on the other of two sides."""

    sides: Annotated[int, Count(at_least=1, at_most=2)] = 2
    layer: tuple[WebLayer, ...]

    @field_validator("layer", mode="after")
    @classmethod
    def one_layer(cls, value: tuple[WebLayer, ...]) -> tuple[WebLayer, ...]:
        if len(value) != 1:
            why = "layers are not available yet" if value else "layers leave nothing to roll"
            raise wrong(why, allowed="one [[web.layer]]", value=len(value))
        return value


class NipRolls(Section):
    """Two equal rolls, SI. `stand_stiffness` None: rigid; else the stand opens by line load x face / stiffness."""

    diameter: Length
    modulus: Pressure = 210e9
    poisson: Annotated[float, Real(above=-1, below=0.5)] = 0.3
    elastic: Annotated[bool, Default(strict=True)] = True
    stand_stiffness: Annotated[float | None, Quantity("stiffness", above=0, absent="rigid")] = None
    face: Annotated[float | None, Quantity("length", above=0, absent="none")] = None

    @model_validator(mode="after")
    def stand_needs_a_face(self) -> Self:
        if self.stand_stiffness is not None and self.face is None:
            why = "is of the whole stand and needs the length that carries the line load"
            raise wrong(
                why, allowed='face = "465 mm" beside it, or "rigid"', key=".stand_stiffness", value=self.stand_stiffness
            )
        return self


class NipPass(Section):
    """The setting of the pass, SI: just one of gap and exit_thickness (of the web, foil included) and line_load."""

    gap: Annotated[float | None, Quantity("length", above=0, absent="none")] = None
    line_load: Annotated[float | None, Quantity("line_load", above=0, absent="none")] = None
    exit_thickness: Annotated[float | None, Quantity("length", above=0, absent="none")] = None
    speed: Annotated[float, Quantity("speed", above=0)]
    roll_temperature: Temperature = ROOM_TEMPERATURE
    web_temperature: Temperature = ROOM_TEMPERATURE
    friction: Annotated[float, Real(at_least=0, at_most=10)] = 0.2

    @model_validator(mode="after")
    def one_setting(self) -> Self:
        exactly_one(dict(self), ("gap", "line_load", "exit_thickness"))
        return self


class NipCase(Section):
    """A nip case; `rolling` is the table [pass] of the file."""

    web: Web
    foil: Foil
    rolls: NipRolls
    rolling: NipPass = Default(alias="pass")

    @model_validator(mode="after")
    def touches_the_web(self) -> Self:
        web = self.foil.thickness + self.web.sides * self.web.layer[0].thickness
        for name in ("gap", "exit_thickness"):
            given = getattr(self.rolling, name)
            if given is not None and given >= web:
                why, allowed = (
                    "does not touch the web: rolling cannot loosen",
                    f"below the web's thickness, {web:.4g} m",
                )
                raise wrong(why, allowed=allowed, key=f"pass.{name}", value=given)
        return self

    @model_validator(mode="after")
    def stays_at_reference_temperature(self) -> Self:
        law = self.web.layer[0].closure
        if law is None or law.softening == 0:
            return self
        if {self.rolling.roll_temperature, self.rolling.web_temperature} != {law.reference_temperature}:
            allowed = "softening 0, or both temperatures at reference_temperature"
            key = "web.layer[0].closure.softening"
            why = "with a temperature difference is not available yet"
            raise wrong(why, allowed=allowed, key=key, value=law.softening)
        return self


def load_nip_case(path: str | Path, *, overrides: Mapping[str, str] | None = None) -> NipCase:
    """Read a nip case. Raises InputError with every fault of the file.

    overrides: dotted keys to TOML values. A relative closure file is looked for beside the case file.
    """
    source = read_toml(Path(path))
    changes = dict(overrides or {})

    def place(key: str) -> str:
        return f"--set {key}" if key in changes else source.place(key)

    case = parse_model(NipCase, apply_overrides(source.document, changes), place, {})
    layer = case.web.layer[0]
    if layer.closure_file is None:
        return case
    beside = str(Path(path).parent / layer.closure_file)
    return case.model_copy(
        update={"web": case.web.model_copy(update={"layer": (layer.model_copy(update={"closure_file": beside}),)})}
    )
