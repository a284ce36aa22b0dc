"""The case file of `kalander compact`: materials, contact law, box or plates, and a load path, in SI."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field as Default
from pydantic import ValidationInfo, field_validator, model_validator

from kalander.coupling.cards.config import Section, apply_overrides, parse_model
from kalander.coupling.cards.fields import Choice, Count, Quantity, Real, Text, wrong
from kalander.coupling.cards.materials import MaterialCard
from kalander.coupling.cards.sections import ROOM_TEMPERATURE, Binder, Contact, FractureCard, Step
from kalander.coupling.cards.toml import read_toml
from kalander.coupling.cases.legs import PathLeg
from kalander.kernels.laws.book import card_laws

__all__ = ["Box", "CaseBinder", "CompactCase", "Frames", "PackingNotes", "Plates", "load_compact_case"]

MaybeLength = Annotated[float | None, Quantity("length", above=0, absent="none")]

MOST_LEGS = 10_000
REST_STEPS = 10_000  # of a rest whose steps are not given: some 50 passages of a wave through a bed of 10 particles


class Box(Section):
    """Directions in which the box repeats: "xy" between plates, "xyz" without any, deforming as a whole."""

    periodic: Annotated[str, Choice(("xy", "xyz"))] = "xy"


class Plates(Section):
    """Both plates: the name of one of the case's materials or of a known one, or a material of their own."""

    material: MaterialCard


class Frames(Section):
    """Rows of the curve: every so many steps, or every so much strain. Each leg ends with a row besides."""

    every_steps: Annotated[int | None, Count(at_least=1, below=2**31)] = None
    every_strain: Annotated[float | None, Real(above=0, below=1, absent="none")] = None
    sample_steps: Annotated[int | None, Count(at_least=1, below=2**31)] = None


class PackingNotes(Section):
    """What a packing file does not say of itself, SI."""

    length_unit: MaybeLength = None  # of a LAMMPS file
    plates: tuple[Annotated[float, Quantity("length")], Annotated[float, Quantity("length")]] | None = None
    replica: Annotated[int, Count(at_least=0)] = 0  # of a study's pack.h5
    largest_overlap: Annotated[float, Real(at_least=0, below=1)] = 0.2  # over the smaller radius


class CaseBinder(Binder):
    """Bonds between particles closer than the bridging distance; `volume_fraction` of the binder domain in the bed,

    its own pores included. A packing that brings its bonds keeps them.
    """

    volume_fraction: Annotated[float | None, Real(above=0, below=1, percent=True, absent="none")] = None


class CompactCase(Section):
    """A compaction case; SI."""

    title: Annotated[str, Text()] = ""
    temperature: Annotated[float, Quantity("temperature", above=0, at_most=1000)] = ROOM_TEMPERATURE
    material: tuple[MaterialCard, ...]
    contact: Contact = Default(default_factory=Contact)
    binder: CaseBinder | None = None
    fracture: FractureCard = Default(default_factory=FractureCard)
    box: Box = Default(default_factory=Box)
    plates: Plates | None = None  # of a box that is periodic in x and y alone, which needs them
    step: Step = Default(default_factory=Step)
    packing: PackingNotes = Default(default_factory=PackingNotes)
    path: tuple[PathLeg, ...]
    passes: Annotated[int, Count(at_least=1, at_most=1000)] = 1
    frames: Frames = Default(default_factory=Frames)
    max_strain: Annotated[float, Real(at_least=1e-6, below=1)] = 0.9

    @model_validator(mode="before")
    @classmethod
    def plates_of_a_material(cls, value: Any) -> Any:
        """The name of a [[material]] stands for its table."""
        plates, rows = (value.get("plates"), value.get("material")) if isinstance(value, dict) else (None, None)
        if isinstance(plates, dict) and isinstance(rows, list):
            meant = [row for row in rows if isinstance(row, dict) and row.get("name") == plates.get("material")]
            return {**value, "plates": {**plates, "material": meant[0]}} if meant else value
        return value

    @property
    def periodic(self) -> bool:
        """Whether the box has no plates."""
        return self.box.periodic == "xyz"

    @field_validator("material", "path", mode="after")
    @classmethod
    def not_empty(cls, value: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        if not 0 < len(value) <= MOST_LEGS:
            raise wrong("is empty" if not value else "is too long", allowed=f"1 to {MOST_LEGS} [[{info.field_name}]]")
        return value

    @model_validator(mode="after")
    def yields_at_a_pressure(self) -> Self:
        for need in self.contact.meant.needs:
            lacking = [material.name for material in self.material if getattr(material, need.attribute) is None]
            if lacking:
                why = f"needs a {' or '.join(need.keys)}, which {', '.join(lacking)} has not"
                allowed = f'"hertz_mindlin", or material.{need.keys[0]}'
                raise wrong(why, allowed=allowed, key="contact.law", value=self.contact.law)
        if self.contact.adhesion > 0 and self.contact.meant.adhesion == ("none",):
            why = f'has no meaning in law "{self.contact.law}"'
            sticking = card_laws(lambda law: law.adhesion != ("none",))
            allowed = '"0 J/m^2", or contact.law = ' + " or ".join(f'"{name}"' for name in sticking)
            raise wrong(why, allowed=allowed, key="contact.adhesion", value=self.contact.adhesion)
        return self

    @model_validator(mode="after")
    def crushes_what_has_a_strength(self) -> Self:
        if self.fracture.criterion != "none" and all(material.strength is None for material in self.material):
            why = "needs a strength, which no [[material]] has"
            raise wrong(why, allowed='"none", or material.strength', key="fracture.criterion",
                        value=self.fracture.criterion)  # fmt: skip
        if self.fracture.mode == "replace" and not self.contact.meant.supports.pieces:
            why = f'knows no pieces: in law "{self.contact.law}" particles are judged, not replaced'
            raise wrong(why, allowed='"flag", or another contact.law', key="fracture.mode", value=self.fracture.mode)
        return self


def load_compact_case(path: str | Path, *, overrides: Mapping[str, str] | None = None) -> CompactCase:
    """Read a case. Raises InputError with every fault of the file; overrides: dotted keys to TOML values."""
    source = read_toml(Path(path))
    changes = dict(overrides or {})

    def place(key: str) -> str:
        return f"--set {key}" if key in changes else source.place(key)

    return parse_model(CompactCase, apply_overrides(source.document, changes), place, {})
