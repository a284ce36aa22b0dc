"""Materials: constants of the particles and of the foil and rolls, by name (materials.toml) or from a card."""

import functools
import math
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import ValidationInfo, model_validator

from kalander.coupling.cards.config import Section
from kalander.coupling.cards.fields import Quantity, Real, Text, wrong

__all__ = ["Foil", "MaterialCard", "Metal", "material_sources", "strength_at"]

# no matter is denser than osmium (22 600 kg/m^3) or stiffer than diamond (1.2e12 Pa)
Density = Annotated[float, Quantity("density", above=0, at_most=3e4)]
Modulus = Annotated[float, Quantity("pressure", above=0, at_most=1e13)]
Poisson = Annotated[float, Real(above=-1, below=0.5)]
MaybePressure = Annotated[float | None, Quantity("pressure", above=0, at_most=1e13, absent="none")]

# first yield at an overlap of this part of the effective radius: beyond, Hertz' small-contact theory is no longer valid
LARGEST_YIELD_OVERLAP = 0.1
FIRST_CONSTRAINT = 2.75  # mean contact pressure of law "mdr" over the yield strength at small overlap


@functools.cache
def material_table() -> dict[str, dict[str, Any]]:
    """materials.toml: kind -> name -> constants as written."""
    return tomllib.loads((Path(__file__).parent / "materials.toml").read_text(encoding="utf-8"))


def material_sources(kind: str, name: str) -> dict[str, str]:
    """Where each constant of a named material comes from; kind is "particle" or "metal"."""
    return dict(material_table()[kind][name]["sources"])


def constants(kind: str, value: Any, info: ValidationInfo) -> Any:
    """The table of a material written as a name, or as a table that changes some constants of a named one."""
    known = material_table()[kind]
    name = value if isinstance(value, str) else value.get("name") if isinstance(value, dict) else None
    stored = bool(info.context and info.context.get("stored"))
    if stored or not isinstance(name, str) or (name not in known and isinstance(value, dict)):
        return value
    if name not in known:
        close = get_close_matches(name, known, n=1)
        allowed = f"{', '.join(known)}, or a table with the constants"
        raise wrong("is not a known material", allowed=allowed, nearest=close[0] if close else "")
    named = {key: constant for key, constant in known[name].items() if key != "sources"}
    return {"name": name, **named, **(value if isinstance(value, dict) else {})}


class MaterialCard(Section):
    """Constants of a particle material, SI. `strength` None: its particles do not crush.

    yield_pressure: of a contact, the hardness; yield_strength: of the solid in uniaxial stress, taken from the other
    where it is None (see flow_strength). Both None: contacts stay elastic.
    """

    name: Annotated[str, Text(longest=80)] = "own"
    modulus: Modulus
    poisson: Poisson
    density: Density
    restitution: Annotated[float, Real(above=0, at_most=1)] = 0.25
    strength: MaybePressure = None
    strength_diameter: Annotated[float, Quantity("length", above=0)] = 2e-6
    strength_exponent: Annotated[float, Real(at_least=-6, at_most=0)] = 0.0
    yield_pressure: MaybePressure = None
    yield_strength: MaybePressure = None

    @model_validator(mode="before")
    @classmethod
    def from_name(cls, value: Any, info: ValidationInfo) -> Any:
        return constants("particle", value, info)

    @model_validator(mode="after")
    def yields_while_hertzian(self) -> Self:
        """delta_y / R* = (pi p_y / (2 E*))^2; Thornton & Ning, Powder Technol. 99 (1998) 154."""
        limit = 2 * self.effective_modulus * LARGEST_YIELD_OVERLAP**0.5 / math.pi
        if self.yield_pressure is not None and self.yield_pressure > limit:
            raise wrong(
                "is above the elastic limit of the contact law",
                allowed=f"at most {limit:.3g} Pa at this modulus",
                key=".yield_pressure",
                value=self.yield_pressure,
            )
        if self.yield_strength is not None and FIRST_CONSTRAINT * self.yield_strength > limit:
            raise wrong(
                "makes contacts yield above the elastic limit of the contact law",
                allowed=f"at most {limit / FIRST_CONSTRAINT:.3g} Pa at this modulus",
                key=".yield_strength",
                value=self.yield_strength,
            )
        return self

    @property
    def flow_strength(self) -> float | None:
        """Yield strength [Pa]; where only the hardness p_y is known, p_y/2.75, so that contacts first yield at p_y."""
        if self.yield_strength is not None or self.yield_pressure is None:
            return self.yield_strength
        return self.yield_pressure / FIRST_CONSTRAINT

    @property
    def effective_modulus(self) -> float:
        """E* of two equal particles [Pa]: E / (2 (1 - nu^2))."""
        return self.modulus / (2 * (1 - self.poisson**2))


class Metal(Section):
    """Constants of foil or rolls, SI. `modulus` None: rigid; `yield_strength` None: stays elastic."""

    name: Annotated[str, Text(longest=80)] = "own"
    modulus: MaybePressure = None
    poisson: Poisson = 0.3
    density: Annotated[float | None, Quantity("density", above=0, absent="none")] = None
    yield_strength: MaybePressure = None

    @model_validator(mode="before")
    @classmethod
    def from_name(cls, value: Any, info: ValidationInfo) -> Any:
        return constants("metal", value, info)


class Foil(Section):
    """The current collector: thickness [m] and metal. Modulus and yield may be given beside the name."""

    thickness: Annotated[float, Quantity("length", above=0, at_most=1e-2)]
    material: Metal

    @model_validator(mode="before")
    @classmethod
    def own_constants(cls, value: Any) -> Any:
        """{material = "copper", yield = "250 MPa"} changes one constant of copper."""
        given = {"modulus": "modulus", "yield": "yield_strength"}
        if not isinstance(value, dict) or not given.keys() & value.keys():
            return value
        rest = {key: item for key, item in value.items() if key not in given}
        own = {given[key]: item for key, item in value.items() if key in given}
        material = rest.get("material", "own")
        return {**rest, "material": {**({"name": material} if isinstance(material, str) else material), **own}}


def strength_at(material: MaterialCard, diameter: float) -> float | None:
    """Crushing strength [Pa] of a particle of a diameter [m]; Sangros Gimenez et al. 2020: 340 MPa (d / 2 um)^-0.53."""
    if material.strength is None:
        return None
    return material.strength * (diameter / material.strength_diameter) ** material.strength_exponent
