"""What a key means, read where it is declared: the comment behind its field, or the docstring of its table."""

import ast
import inspect
import io
import re
import textwrap
import tokenize
import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from kalander.coupling.cards.sections import OWN

__all__ = ["about_table", "meaning_of"]


def meaning_of(table: type[BaseModel], name: str) -> str:
    """A sentence or less on a field of a table: from meanings.toml, else its declaration; "" where nothing is said.

    A comment behind the field says it, a part of the docstring of the form `name: what it is`, or of a constant of one
    contact law the list of laws.
    """
    for model in _ancestors(table):
        told = _written().get(model.__name__, {}).get(name) or _comments(model).get(name) or _told(model, name)
        if told:
            return told
    if name in OWN and name in table.model_fields:
        return OWN[name].meaning
    return _written().get("any", {}).get(name, "")


def about_table(table: type[BaseModel]) -> str:
    """The docstring of a table as one paragraph."""
    return " ".join((inspect.getdoc(table) or "").split())


def _ancestors(table: type[BaseModel]) -> list[type[BaseModel]]:
    return [model for model in table.__mro__ if issubclass(model, BaseModel) and model is not BaseModel]


@cache
def _written() -> dict[str, dict[str, str]]:
    """meanings.toml: table -> key -> meaning, for what a reader of the declaration alone would not know."""
    return tomllib.loads((Path(__file__).parent / "meanings.toml").read_text(encoding="utf-8"))


@cache
def _comments(model: type[BaseModel]) -> dict[str, str]:
    """Comment behind each field in the source of a class."""
    try:
        source = textwrap.dedent(inspect.getsource(model))
    except (OSError, TypeError):  # made by a function: its base has the source
        return {}
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and not token.string.startswith(("# fmt", "# type", "# noqa"))
    }
    found = {}
    for node in ast.parse(source).body[0].body:  # type: ignore[attr-defined]
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            words = [comments[line] for line in lines if line in comments]
            if words:
                found[node.target.id] = " ".join(words)
    return found


def _told(model: type[BaseModel], name: str) -> str:
    """What the docstring says behind the name and a colon, until the sentence ends."""
    text = about_table(model)
    # other names may share the colon: "alignment, machine_bias: of the wet film"; a unit or "None" may stand before it
    aside = r'(?:, \w+)*(?: (?:None|True|False)(?: \("\w+"\))?)?(?: \[[^\]]*\])?'
    match = re.search(rf"(?<![\w.]){re.escape(name)}{aside}: (.+?)(?=\. [A-Z]|\. \w+: |; |\.?$)", text)
    return match[1].strip() if match else ""
