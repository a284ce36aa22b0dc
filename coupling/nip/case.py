"""The case file of `kalander nip CASE.toml`: layers on a foil between two rolls, one or several passes, in SI.

What a law or a model does not know is refused, never ignored.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field as Default
from pydantic import field_validator, model_validator

from kalander.coupling.cards.config import Section, parse_model
from kalander.coupling.cards.fields import Choice, Count, Quantity, Real, Text, exactly_one, wrong
from kalander.coupling.cards.materials import Foil
from kalander.coupling.cards.mill_limits import (
    Speed,
    Stiffness,
    gap_warnings,
    thin_roll_faults,
    thin_roll_warnings,
    unusual,
)
from kalander.coupling.cases.powder import PowderCase
from kalander.coupling.cases.written import written_case
from kalander.coupling.nip.closure import Closure
from kalander.coupling.nip.vocabulary import Behaviour, Layer, LayerShape, Pass, Rolls, Web, WebShape
from kalander.kernels.errors import InputError

__all__ = [
    "FemChoices",
    "LayerLaw",
    "NipCase",
    "NipPass",
    "WebLayer",
    "WebTable",
    "load_nip_case",
    "web_of",
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


class WebLayer(LayerShape):
    """A layer of the coating with its law, or the closure file of a study; behaviour: heat and time beside a file."""

    closure: LayerLaw | None = None
    closure_file: Annotated[str | None, Text()] = None
    behaviour: Behaviour | None = None

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


class WebTable(WebShape):
    """The coating on one side, from the roll to the foil; the same, mirrored, on the other of two sides."""

    layer: tuple[WebLayer, ...]

    @field_validator("layer", mode="after")
    @classmethod
    def some_layer(cls, value: tuple[WebLayer, ...]) -> tuple[WebLayer, ...]:
        if not 1 <= len(value) <= 100:
            why = "layers are too many" if value else "layers leave nothing to roll"
            raise wrong(why, allowed="1 to 100 of [[web.layer]]", value=len(value))
        return value


class NipPass(Pass):
    """A pass of a case, which says its speed."""

    speed: Speed


class FemChoices(Section):
    """Mesh and travel of the finite elements; None: by the contact length."""

    elements_along: Annotated[int, Count(at_least=20, at_most=20000)] = 120
    elements_through: Annotated[int, Count(at_least=2, at_most=200)] = 8
    travel: Annotated[float | None, Real(above=0, at_most=20, absent="none")] = None


class NipCase(Section):
    """A nip case; `rolling` is the table [pass] of the file, further_pass what follows it."""

    web: WebTable
    foil: Foil
    rolls: Rolls
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

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The table [pass] and what follows it."""
        return (self.rolling, *self.further_pass)

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
        hottest = max(max(one.roll_temperature, one.web_temperature) for one in self.passes)
        for index, layer in enumerate(self.web.layer):
            given = layer.over_time
            left = 1.0 - given.softening * (hottest - given.reference_temperature)
            if left < 0.02:
                where = "closure" if layer.closure is not None else "behaviour"
                why = f"leaves {left:.2g} of the stress at {hottest:.4g} K"
                key = f"web.layer[{index}].{where}.softening"
                raise wrong(why, allowed="a share of at least 0.02", key=key, value=given.softening)
        return self


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


def web_of(case: NipCase) -> Web:
    """The web of a case with its closures and its foil.

    Raises InputError for a cap that makes no closure and for a closure of another porosity, CheckpointError for a bad
    file.
    """
    layers = [_layer(given, f"web.layer[{index}]") for index, given in enumerate(case.web.layer)]
    return Web(layer=layers, foil=case.foil, sides=case.web.sides, slices=case.web.slices)


def _layer(given: WebLayer, key: str) -> Layer:
    shape = {name: getattr(given, name) for name in LayerShape.model_fields}
    behaviour = {name: getattr(given.over_time, name) for name in Behaviour.model_fields}
    try:
        return Layer(closure=_closure(given), **shape, **behaviour)
    except InputError as unfit:
        faults = [replace(fault, where=f"{key}.{fault.where.removeprefix('Layer.')}") for fault in unfit.faults]
        raise InputError(faults) from None


def _closure(given: WebLayer) -> Closure:
    if given.closure_file is not None:
        return Closure.load(given.closure_file)
    law = given.closure
    assert law is not None  # the case has just one of both, and with its law the keys of it
    values = {key: getattr(law, key) for key in LAW_KEYS[law.law]}
    if law.law == "power":
        return Closure.power(**values)
    return Closure.cap(**values, porosity=given.porosity)
