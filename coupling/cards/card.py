"""The run card: one TOML file that holds a whole study, parsed once into a frozen object in SI."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from kalander.coupling.cards.checks import card_faults, card_warnings
from kalander.coupling.cards.config import Place, Section, apply_overrides, as_typed, faults_of, overlay
from kalander.coupling.cards.electrode import Electrode, SwellingSection
from kalander.coupling.cards.fields import STORED, Count, Quantity, Text
from kalander.coupling.cards.multiscale_section import Multiscale, dotted
from kalander.coupling.cards.quantity import DIMENSIONS
from kalander.coupling.cards.sections import (
    Binder,
    Boxes,
    Calender,
    Calibrated,
    Contact,
    FractureCard,
    PressCard,
    Published,
    Step,
    number_field,
)
from kalander.coupling.cards.toml import TomlSource, in_units, read_toml, toml_text
from kalander.coupling.cards.transport_section import TransportSection
from kalander.coupling.store.atomic import replacing
from kalander.kernels.asked import asked
from kalander.kernels.errors import Fault, InputError

__all__ = ["Card", "card_from_dict", "card_to_dict", "load_card", "shipped_cards"]


class Card(Section):
    """A run card. Sections in SI; each default is in the section's own class. Raises InputError or ValidationError."""

    title: Annotated[str, Text()] = ""
    seed: Annotated[int, Count(at_least=0, below=2**63)] = 0
    electrode: Electrode
    binder: Binder
    contact: Contact = Field(default_factory=Contact)
    fracture: FractureCard = Field(default_factory=FractureCard)
    boxes: Boxes
    press: PressCard
    step: Step = Field(default_factory=Step)
    calender: Calender
    transport: TransportSection = Field(default_factory=TransportSection)
    multiscale: Multiscale | None = None
    swelling: SwellingSection | None = None
    published: tuple[Published, ...] = ()
    calibrated: tuple[Calibrated, ...] = ()

    @model_validator(mode="after")
    def sections_agree(self) -> Self:
        faults = card_faults(dict(self))
        if faults:
            raise InputError(faults)
        for layer in range(len(self.multiscale.layer) if self.multiscale else 0):
            self.layer_card(layer)
        return self

    def layer_card(self, layer: int) -> "Card":
        """The card of one layer of [multiscale], with what that sets. Raises InputError at the keys of the layer."""
        assert self.multiscale is not None
        changes = dotted(self.multiscale.layers[layer].set)
        plain = self.model_copy(update={"multiscale": None})
        if not changes:
            return plain
        where = f"multiscale.layer[{layer}].set"
        kept = ("boxes", "press", "step", "calender", "multiscale", "published", "calibrated", "transport")
        foreign = [key for key in changes if key.partition(".")[0] in kept]
        if foreign:
            why = "is of the study and no property of a layer"
            raise InputError([Fault(f"{where}.{key}", changes[key], why, "keys of electrode, binder, contact") for key
                              in foreign])  # fmt: skip
        try:
            return plain.with_values(changes)
        except InputError as unfit:
            faults = [
                replace(one, where=f"{where}.{one.where.removeprefix('Card').lstrip('.')}") for one in unfit.faults
            ]
            raise InputError(faults) from None

    def save(self, path: str | Path) -> Path:
        """Write the card with all its values to a TOML file, which load_card reads. Raises StorageError."""
        document = in_units(self)
        for item in document.get("calibrated", []):
            rule = number_field(item["key"])
            unit = f" {DIMENSIONS[rule.dimension].unit}" if isinstance(rule, Quantity) else ""
            item["range"] = [f"{end!r}{unit}" if unit else end for end in item["range"]]
        with replacing(Path(path)) as handle:
            handle.write(toml_text(document).encode())
        return Path(path)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is unusual but possible; stored with the result."""
        return tuple(card_warnings(dict(self)))

    @property
    def restitution(self) -> float:
        """Coefficient of restitution: of the contact if given there, else of the active material."""
        return self.electrode.active.restitution if self.contact.restitution is None else self.contact.restitution


def shipped_cards() -> dict[str, Path]:
    """Cards that come with the program, by name: of any part of it that has a folder `cards`, but for this one."""
    own = Path(__file__).parents[1]
    parts = sorted(part.parent for part in own.parent.glob("*/__init__.py") if part.parent != own)
    return {path.stem: path for part in parts for path in sorted(part.joinpath("cards").glob("*.toml"))}


def find_card(path_or_name: str | Path) -> Path:
    """A path as it is; a bare word that is no file, as the name of a shipped card."""
    path = Path(path_or_name)
    shipped = shipped_cards()
    if not path.exists() and str(path_or_name) in shipped:
        return shipped[str(path_or_name)]
    if not path.exists():
        allowed = f"the path of a TOML file, or a shipped card: {', '.join(shipped)}"
        raise InputError(Fault(str(path_or_name), str(path_or_name), "is neither a file nor a shipped card", allowed))
    return path


@asked(path_or_name="path", overrides="mapping?")
def load_card(path_or_name: str | Path, *, overrides: Mapping[str, str] | None = None, quick: bool = False) -> Card:
    """Read a card: a path, or the name of a shipped one. Raises InputError with every fault of the file.

    overrides: dotted keys to TOML values, {"boxes.width": "40 um"}; they win over the file and its [quick] table.
    quick: apply the [quick] table, a smaller variant of the same study; a card without one has no such variant.
    """
    source = read_toml(find_card(path_or_name))
    document = {key: value for key, value in source.document.items() if key != "quick"}
    small = source.document.get("quick", {})
    if not isinstance(small, dict):
        raise InputError(Fault(source.place("quick"), small, "is no table", "[quick] with keys such as boxes.width"))
    overrides = dict(overrides or {})
    applied, unused = (small, {}) if quick else ({}, small)
    document = apply_overrides(overlay(document, applied), overrides)
    card, faults = try_card(document, places(source, applied, overrides))
    if quick and not small:
        why = "has no table [quick], so that the whole study would be run"
        allowed = "a table [quick] in the card, such as the shipped ones have, or --set for single values"
        faults.append(Fault("--quick", str(path_or_name), why, allowed))
    # the [quick] table must be right also when it is not used: its faults are those that it adds
    if unused:
        known = {str(fault) for fault in faults}
        _, with_quick = try_card(overlay(document, unused), places(source, unused, overrides))
        faults += [fault for fault in with_quick if str(fault) not in known]
    if card is None or faults:
        raise InputError(faults)
    return card


def try_card(document: Mapping[str, Any], place: Place) -> tuple[Card | None, list[Fault]]:
    """The card, or its faults."""
    try:
        return parse_card(document, place), []
    except InputError as error:
        return None, error.faults


def places(source: TomlSource, small: Mapping[str, Any], overrides: Mapping[str, str]) -> Place:
    """Where a key was written: on the command line, in the [quick] table, or on a line of the file."""

    def place(key: str) -> str:
        if any(key == name or key.startswith((f"{name}.", f"{name}[")) for name in overrides):
            return f"--set {key}"
        if key and key in written_keys(small):
            return source.place(f"quick.{key}")
        return source.place(key)

    return place


def written_keys(table: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted keys of the leaves of nested tables."""
    keys: list[str] = []
    for name, value in table.items():
        keys += written_keys(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"]
    return keys


def parse_card(document: Mapping[str, Any], place: Place, context: dict[str, bool] | None = None) -> Card:
    """Validate a plain document; raises InputError with every fault, those between sound sections included."""
    try:
        return Card.model_validate(document, context=context)
    except ValidationError as error:
        faults = faults_of(error, Card, place)
        between = card_faults(sound_sections(document, error, context))
    except InputError as error:
        faults, between = [], error.faults
    faults += [
        replace(item, where=place(item.where), value=as_typed(document, item.where, item.value)) for item in between
    ]
    raise InputError(faults) from None


def sound_sections(
    document: Mapping[str, Any], error: ValidationError, context: dict[str, bool] | None
) -> dict[str, Any]:
    """The sections in which the validation found nothing wrong."""
    ill = {item["loc"][0] for item in error.errors()}
    return {
        name: TypeAdapter(field.annotation).validate_python(document[name], context=context)
        if name in document
        else field.get_default(call_default_factory=True)
        for name, field in Card.model_fields.items()
        if name not in ill and isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    }


def card_to_dict(card: Card) -> dict[str, Any]:
    """Plain dictionary with every default, SI, ready for JSON; card_from_dict reads it back."""
    return card.model_dump(mode="json", by_alias=True)


def card_from_dict(content: Mapping[str, Any]) -> Card:
    """A card from card_to_dict: numbers are SI and carry no unit. Raises InputError."""
    return parse_card(content, lambda key: f"card: {key}", STORED)
