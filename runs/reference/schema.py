"""JSON Schema of a card or a case file, for editors: what may stand where, with unit, range, meaning."""

from typing import Any, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kalander.coupling.cards.config import models_in
from kalander.coupling.cards.fields import Choice, Count, Quantity, Real
from kalander.coupling.cards.materials import material_table
from kalander.coupling.cards.quantity import DIMENSIONS, NUMBER
from kalander.runs.reference.declared import files, rule_of, written_value
from kalander.runs.reference.meaning import about_table, meaning_of

__all__ = ["schema_of"]

Schema = dict[str, Any]
TEXT = rf"^\s*{NUMBER.replace('(?:', '(')}\s*\S.*$"
BOUNDS = {"above": "exclusiveMinimum", "at_least": "minimum", "at_most": "maximum", "below": "exclusiveMaximum"}
# what a table may also be written as, or hold, before it is checked; see the validators of these tables
NAMED = {"MaterialCard": "particle", "Metal": "metal"}
PRESSURE: Schema = {"type": "string", "pattern": TEXT}
MORE: dict[str, dict[str, Schema]] = {
    "Foil": {"modulus": PRESSURE, "yield": PRESSURE},
    "Card": {"quick": {"type": "object", "description": "smaller values, applied by --quick"}},
}


def schema_of(file: str) -> Schema:
    """Schema (draft 2020-12) of a kind of file, see declared.files."""
    table = _table(files()[file])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"kalander {file}", **table}


def _table(model: type[BaseModel]) -> Schema:
    """A table, and what else may be written in its place."""
    properties = {field.alias or name: _field(model, name, field) for name, field in model.model_fields.items()}
    needed = [field.alias or name for name, field in model.model_fields.items() if field.is_required()]
    found: Schema = {
        "type": "object", "description": about_table(model), "additionalProperties": False,
        "properties": properties | MORE.get(model.__name__, {}),
    }  # fmt: skip
    kind = NAMED.get(model.__name__)
    if kind is not None:  # a known material, by its name or with other values
        return {"anyOf": [{"enum": list(material_table()[kind])}, {"type": "string"}, found]}
    if needed and model.__name__ != "Foil":
        found["required"] = needed
    if model.__name__ == "SizeClass":
        pair = {"type": "array", "minItems": 2, "maxItems": 2}
        return {"anyOf": [pair, found]}
    if model.__name__ == "TransportSection":
        return {"anyOf": [{"type": "boolean"}, found]}
    if model.__name__ in ("Zone", "LayerLaw"):  # a temperature alone; the closure file of a study
        return {"anyOf": [{"type": "string"}, found]}
    return found


def _field(model: type[BaseModel], name: str, field: FieldInfo) -> Schema:
    inner = list(models_in(field.annotation))
    if inner:
        tables = [_table(one) for one in inner]
        one: Schema = tables[0] if len(tables) == 1 else {"anyOf": tables}
        return {"type": "array", "items": one} if "tuple[" in str(field.annotation) else one
    rule = rule_of((field.annotation, *field.metadata))
    value = _value(field, rule)
    if "tuple[" in str(field.annotation):
        value = {"type": "array", "items": value if rule is not None else {}}
    said = [meaning_of(model, name)]
    if rule is not None:
        said.append(rule.describe())
    if not field.is_required():
        default = written_value(field.get_default(call_default_factory=True), rule)
        said.append(f"default {default}")
    return {**value, "description": "; ".join(part for part in said if part)}


def _value(field: FieldInfo, rule: Any) -> Schema:
    """One value by its rule."""
    absent = getattr(rule, "absent", "")
    if isinstance(rule, Quantity):
        unit = DIMENSIONS[rule.dimension]
        value: Schema = {"type": "string", "pattern": TEXT, "examples": list(unit.examples)}
    elif isinstance(rule, Real | Count):
        value = {"type": "number" if isinstance(rule, Real) else "integer"}
        value |= {word: limit for key, word in BOUNDS.items() if (limit := getattr(rule, key)) is not None}
    elif isinstance(rule, Choice):
        value = {"enum": list(rule.available)}
    elif rule is not None and hasattr(rule, "whole"):  # one value, or a table by axis
        return {"type": ["string", "number", "object"]}
    elif "bool" in str(field.annotation):
        value = {"type": ["boolean", "object"] if get_origin(field.annotation) else "boolean"}
    elif rule is not None:
        value = {"type": "string"}
    else:
        return {}
    return {"anyOf": [{"const": absent}, value]} if absent else value
