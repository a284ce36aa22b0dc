"""From a plain document, or from Python, to a frozen model: overrides, and every fault in the user's terms."""

import html
import re
import reprlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from kalander.coupling.cards.fields import PYTHON, Field
from kalander.kernels.asked import asked
from kalander.kernels.errors import Fault, InputError

__all__ = [
    "Section", "apply_overrides", "as_typed", "faults_of", "field_names", "key_text", "leaf_keys", "leaf_values",
    "overlay", "parse_model",
    "with_value",
]  # fmt: skip

Place = Callable[[str], str]

MOST_PARTS = 12  # of a dotted key; one of the deepest tables has six
Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """A table of a card: frozen, and an unknown key is an error.

    In Python, `Contact(friction=0.2, adhesion="50 mJ/m^2")`: quantities are numbers in SI, or texts with units. Raises
    InputError with every fault.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def __init__(self, **values: Any) -> None:
        try:
            self.__pydantic_validator__.validate_python(values, self_instance=self, context=PYTHON)
        except ValidationError as error:
            name = self.__repr_name__()
            raise InputError(
                faults_of(error, type(self), lambda key: f"{name}.{key.lstrip('.')}" if key else name)
            ) from None

    # sections inside of others are validated by pydantic itself, with the context of the whole
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def __repr_name__(self) -> str:
        """The name that one writes: Material of a card, which is MaterialCard beside that of the particle world."""
        return type(self).__name__.removesuffix("Card") or "Card"

    @asked(values="mapping")
    def with_values(self, values: dict[str, Any]) -> Self:
        """The same with other values under dotted keys: {"press.stress": [20e6, "160 MPa"], "binder.modulus": 4e8}.

        Quantities are numbers in SI, or texts with units. Raises InputError with every fault, unknown keys included.
        """
        document = self.model_dump(mode="python", by_alias=True)
        for key, value in values.items():
            document = with_value(document, key.split("."), value)
        return type(self)(**document)

    def _repr_html_(self) -> str:
        """The values as a table, for notebooks."""
        rows = "".join(
            f"<tr><td>{html.escape(key)}</td><td>{html.escape(str(value))}</td></tr>"
            for key, value in leaf_values(self)
        )
        return f"<table><caption>{self.__repr_name__()}, SI</caption>{rows}</table>"


def parse_model(model: type[Model], document: Mapping[str, Any], place: Place, context: dict[str, Any]) -> Model:
    """Validate a document; raises InputError with all its faults, each where `place` finds its key."""
    try:
        return model.model_validate(document, context=context)
    except ValidationError as error:
        raise InputError(faults_of(error, model, place)) from None


def overlay(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the leaves of `changes` in place of its own; neither is altered."""
    merged = dict(document)
    for key, value in changes.items():
        merged[key] = overlay(as_table(merged.get(key)), value) if isinstance(value, dict) else value
    return merged


def as_table(value: Any) -> dict[str, Any]:
    """A table to change keys in; a material written by name becomes the table of that name."""
    if isinstance(value, str):
        return {"name": value}
    return value if isinstance(value, dict) else {}


def apply_overrides(document: Mapping[str, Any], overrides: Mapping[str, str]) -> dict[str, Any]:
    """Set dotted keys to TOML values: {"boxes.width": '"40 um"'}. A table given replaces the one that was there.

    A text that is no TOML value is taken as a string, because a shell strips quotes: --set boxes.width="40 um".
    Raises InputError for keys of very many parts, and for what a shell handed over that is no UTF-8.
    """
    if faults := [fault for key, text in overrides.items() for fault in override_faults(key, text)]:
        raise InputError(faults)
    merged = dict(document)
    for key, text in overrides.items():
        merged = with_value(merged, key.split("."), toml_value(text))
    return merged


def override_faults(key: str, text: str) -> Iterator[Fault]:
    """What keeps an override from being a key and a value at all."""
    if any("\ud800" <= letter <= "\udfff" for letter in key + text):  # bytes that Python could not decode
        yield Fault("--set", f"{key}={text}", "is not UTF-8 text", "key=value in UTF-8")
    elif key.count(".") >= MOST_PARTS:
        yield Fault("--set", key, f"has more than {MOST_PARTS} parts", "a key such as boxes.width")


def with_value(table: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    """The table with one value set, below nested tables where the path has several names."""
    key, *rest = path
    return {**table, key: with_value(as_table(table.get(key)), rest, value) if rest else value}


def toml_value(text: str) -> Any:
    # one line only: a line break would let an override smuggle in a second key
    if "\n" not in text:
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError):
            pass
    return text


def key_text(location: tuple[int | str, ...]) -> str:
    """("classes", 2, "share") -> "classes[2].share"; names that are no bare keys are shown escaped."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = part if part.replace("_", "").replace("-", "").isalnum() else SHORT.repr(part)
            text += f".{plain}" if text else plain
    return text


def field_names(model: type[BaseModel]) -> dict[str, Any]:
    """Annotation of each key of a table, under the name it has in a file."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The tables an annotation holds: Roll, tuple[Layer, ...], MaterialCard | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def leaf_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key that holds a value, dotted; members of arrays without their numbers."""
    for name, annotation in field_names(model).items():
        tables = list(models_in(annotation))
        for table in tables:
            yield from leaf_keys(table, f"{prefix}{name}.")
        if not tables:
            yield f"{prefix}{name}"


def leaf_values(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of a table and of those in it."""
    for name, field in type(section).model_fields.items():
        key, value = f"{prefix}{field.alias or name}", getattr(section, name)
        if isinstance(value, BaseModel):
            yield from leaf_values(value, f"{key}.")
        elif isinstance(value, tuple) and value and all(isinstance(one, BaseModel) for one in value):
            for number, one in enumerate(value):
                yield from leaf_values(one, f"{key}[{number}].")
        else:
            yield key, value


def table_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The table a location stands in; the one around it where the location is in a list without tables."""
    for part in location:
        if isinstance(part, str):
            model = next(models_in(field_names(model).get(part)), model)
    return model


def nearest_key(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """The closest name within the same table; failing that, the same name in another table, as a full key."""
    name = str(location[-1])[:100]
    close = get_close_matches(name, field_names(table_at(model, location[:-1])), n=1)
    elsewhere = [key for key in leaf_keys(model) if key.rsplit(".", 1)[-1] == name]
    return (close + elsewhere + [""])[0]


PART = re.compile(r"[^.\[\]]+|\[\d+\]")


def as_typed(document: Any, key: str, otherwise: object) -> object:
    """What was written under a dotted key of a document ("pass.gap", "web.layer[0].porosity"), else a value given."""
    found = document
    for part in PART.findall(key):
        place: Any = int(part[1:-1]) if part.startswith("[") else part
        try:
            found = found[place]
        except (KeyError, IndexError, TypeError):
            return otherwise
    return shown(found) if isinstance(found, str | int | float) else otherwise


class ShortRepr(reprlib.Repr):
    """Values as they appear in a message: bounded in length and depth, integers of any size included."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring, self.maxother, self.maxlevel, self.maxdict, self.maxlist = 60, 60, 2, 4, 4

    def repr_int(self, x: int, level: int) -> str:
        return repr(x) if x.bit_length() < 100 else f"<integer of {x.bit_length()} bits>"


SHORT = ShortRepr()
TYPES = {"tuple_type": "a list in [brackets]", "bool_type": "true or false", "model_type": "a table"}


class Shown(str):
    """A text that is its own representation, for Fault.value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def faults_of(error: ValidationError, model: type[BaseModel], place: Place) -> list[Fault]:
    """The faults of a validation, in the order of the model.

    A required key that is missing because it was misspelt is one fault, not two.
    """
    details = error.errors(include_url=False)
    nearest = {item["loc"]: nearest_key(model, item["loc"]) for item in details if item["type"] == "extra_forbidden"}
    meant = {loc[:-1] + (name,) for loc, name in nearest.items()}
    return [
        fault_of(item, nearest.get(item["loc"], ""), model, place)
        for item in details
        if not (item["type"] == "missing" and item["loc"] in meant)
    ]


def fault_of(item: ErrorDetails, nearest: str, model: type[BaseModel], place: Place) -> Fault:
    """One pydantic error as a fault."""
    location, context = item["loc"], item.get("ctx", {})
    if item["type"] == "wrong":
        value = item["input"] if context["value"] is None else context["value"]
        key = key_text(location) + context["key"]
        if context["key"] and context["value"] is not None:  # as typed, not as converted
            value = as_typed(item["input"], context["key"], shown(value))
        return Fault(
            place(key),
            value if isinstance(value, Shown) else shown(value),
            context["why"],
            context["allowed"],
            context["nearest"],
        )
    key = key_text(location)
    if item["type"] == "extra_forbidden":
        names = ", ".join(field_names(table_at(model, location[:-1])))
        return Fault(place(key), shown(item["input"]), "stands under an unknown key", names, nearest)
    if item["type"] == "missing":
        return Fault(place(key), Shown("(nothing)"), "is given, but a value is required", described(model, location))
    allowed = TYPES.get(item["type"], item["msg"])
    return Fault(place(key), shown(item["input"]), f"is of type {type(item['input']).__name__}", allowed)


def described(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """What belongs under a key, in words."""
    if isinstance(location[-1], int):
        return f"a list of {location[-1] + 1} values or more"
    table = table_at(model, location[:-1])
    for name, field in table.model_fields.items():
        if location[-1] in (name, field.alias):
            words = [item.describe() for item in field.metadata if isinstance(item, Field)]
            inner = next(models_in(field.annotation), None)
            return (words + [f"a table with {', '.join(field_names(inner))}" if inner else "a value"])[0]
    raise KeyError(key_text(location))


def shown(value: object) -> object:
    return Shown(SHORT.repr(value))
