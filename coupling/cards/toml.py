"""A TOML file read with care: bounded size and depth, forgiving encodings, the line of every key; and one written."""

import json
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from kalander.coupling.cards.fields import Quantity
from kalander.coupling.cards.quantity import DIMENSIONS
from kalander.kernels.errors import Fault, InputError

__all__ = ["TomlSource", "in_units", "parent_key", "read_toml", "toml_text"]

LARGEST = 1 << 20  # bytes; the longest honest card is some 10 KiB
DEEPEST = 12  # levels of tables and arrays; a card needs 5, and parsers recurse

# strings and comments, in TOML's order of precedence: what is inside them is no structure
OPAQUE = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)' r"|'''.*?(?:'''|\Z)" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'" r"|#[^\n]*",
    re.DOTALL,
)
BARE_KEY = r"[A-Za-z0-9_-]+"
DOTTED_KEY = rf"{BARE_KEY}(?:[ \t]*\.[ \t]*{BARE_KEY})*"
HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({DOTTED_KEY})[ \t]*\]")
ASSIGNMENT = re.compile(rf"[ \t]*({DOTTED_KEY})[ \t]*=")


@dataclass(frozen=True)
class TomlSource:
    """A parsed file: its name, its content, and the lines on which each key stands."""

    name: str
    document: dict[str, Any]
    lines: dict[str, list[int]]

    def place(self, key: str) -> str:
        """ "card.toml:12: electrode.porosity"; a key that is not there gets the line of the table it belongs to."""
        ancestor = key
        while ancestor and ancestor not in self.lines:
            ancestor = parent_key(ancestor)
        line = f":{self.lines[ancestor][0]}" if ancestor else ""
        return f"{self.name}{line}: {key}" if key else f"{self.name}{line}"


def parent_key(key: str) -> str:
    """ "a.b[2]" -> "a.b" -> "a" -> ""; always shorter, whatever a hostile key holds."""
    table = re.sub(r"\[\d+\]$", "", key)
    return table if table != key else key.rpartition(".")[0]


def read_toml(path: Path) -> TomlSource:
    """Read and parse a file; raises InputError with one fault a problem."""
    name = path.name
    text = decode(read_bytes(path), name)
    if not text.strip():
        raise InputError(
            Fault(name, "", "is empty", "a card or case in TOML; a shipped card such as nmc111 is a start")
        )
    bare = without_opaque(text)
    refuse_depth(bare, name)
    lines = key_lines(bare)
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, and the refusal of integers of thousands of digits
        raise InputError(list(syntax_faults(name, lines, error))) from None
    return TomlSource(name, document, lines)


def read_bytes(path: Path) -> bytes:
    """At most LARGEST bytes of a regular file; raises InputError."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "is a directory" if stat.S_ISDIR(mode) else "is not a regular file"
            raise InputError(Fault(str(path), path.name, what, "the path of a TOML file"))
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        why = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise InputError(Fault(str(path), path.name, why, "the path of a readable TOML file")) from None
    if len(content) > LARGEST:
        raise InputError(Fault(path.name, "the file", f"is larger than {LARGEST} bytes", "a TOML file up to 1 MiB"))
    return content


def decode(content: bytes, name: str) -> str:
    """UTF-8 with or without byte-order mark, and nothing else; raises InputError."""
    allowed = "UTF-8 text; save the file as UTF-8"
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(Fault(name, "the file", "is UTF-16 text", allowed))
    if b"\0" in content:
        raise InputError(Fault(name, "the file", "is binary, or UTF-16 text", allowed))
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(Fault(f"{name}:{line}", "the file", "is not UTF-8 text", allowed)) from None


def without_opaque(text: str) -> str:
    """The text with strings and comments emptied and every line break kept."""
    return OPAQUE.sub(lambda match: '""' * (match[0][0] != "#") + "\n" * match[0].count("\n"), text)


def refuse_depth(bare: str, name: str) -> None:
    """Raise InputError before a recursive parser meets deep nesting, or a key of very many parts."""
    depth = 0
    for match in re.finditer(r"[\[{\]}]|\n", bare):
        line_too_deep = depth > DEEPEST
        depth += {"[": 1, "{": 1, "\n": 0}.get(match[0], -1)
        if line_too_deep:
            line = bare.count("\n", 0, match.start()) + 1
            raise InputError(Fault(f"{name}:{line}", "the value", f"is nested deeper than {DEEPEST}", "flat tables"))
    for number, line_text in enumerate(bare.split("\n"), start=1):
        if re.match(rf"[ \t\[]*(?:[^\s.=]+[ \t]*\.[ \t]*){{{DEEPEST},}}", line_text):
            raise InputError(
                Fault(f"{name}:{number}", "the key", f"has more than {DEEPEST} parts", "a key of the card")
            )


def key_lines(bare: str) -> dict[str, list[int]]:
    """Lines (from 1) of each key; arrays of tables are numbered: "published[1].stress"."""
    lines: dict[str, list[int]] = {}
    table, depth = "", 0
    counts: dict[str, int] = {}
    for number, line in enumerate(bare.split("\n"), start=1):
        header = HEADER.match(line) if depth == 0 else None
        assignment = ASSIGNMENT.match(line) if depth == 0 else None
        if header:
            key = table_key(header[1], plain_key(header[2]), counts)
            table = f"{key}."
            lines.setdefault(key, []).append(number)
        elif assignment:
            lines.setdefault(table + plain_key(assignment[1]), []).append(number)
        depth = max(0, depth + sum(line.count(mark) for mark in "[{") - sum(line.count(mark) for mark in "]}"))
    return lines


def plain_key(written: str) -> str:
    return re.sub(r"[ \t]", "", written)


def table_key(bracket: str, key: str, counts: dict[str, int]) -> str:
    """The key of a table header, with the number of each array of tables on the way."""
    parts = key.split(".")
    numbered = ""
    for position, part in enumerate(parts, start=1):
        numbered += f".{part}" if numbered else part
        if bracket == "[[" and position == len(parts):
            counts[numbered] = counts.get(numbered, -1) + 1
        if numbered in counts:
            numbered += f"[{counts[numbered]}]"
    return numbered


def syntax_faults(name: str, lines: dict[str, list[int]], error: ValueError) -> Iterator[Fault]:
    """One fault a key that stands twice, naming both lines; else what the parser says."""
    duplicates = {key: numbers for key, numbers in lines.items() if len(numbers) > 1}
    for key, numbers in duplicates.items():
        where = f"{name}:{numbers[-1]}: {key}"
        written = " and ".join(str(number) for number in numbers)
        yield Fault(where, key, f"is given twice, on lines {written}", "each key once; delete one")
    if not duplicates:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{name}:{line[1]}" if line else name
        allowed = 'lines of the form key = value, texts in "quotes"'
        yield Fault(where, "the text", f"is not valid TOML: {error}", allowed)


# --- written ------------------------------------------------------------------------------------------------------


def in_units(section: BaseModel) -> dict[str, Any]:
    """A table as one writes it in a file: quantities as texts with SI units; what is absent by its word, or left."""
    written: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        value, rule = getattr(section, name), _quantity((field.annotation, *field.metadata))
        if value is None and rule is not None and rule.absent:
            value, rule = rule.absent, None
        if value is not None:
            written[field.alias or name] = _in_units(value, rule)
    return written


def _in_units(value: Any, rule: Quantity | None) -> Any:
    if isinstance(value, BaseModel):
        return in_units(value)
    if isinstance(value, tuple):
        return [_in_units(item, rule) for item in value]
    if isinstance(value, float) and rule is not None:
        return f"{value!r} {DIMENSIONS[rule.dimension].unit}"
    return value


def _quantity(parts: Iterable[Any]) -> Quantity | None:
    """The quantity that an annotation asks for, also within a tuple."""
    for part in parts:
        found = part if isinstance(part, Quantity) else _quantity(get_args(part))
        if found is not None:
            return found
    return None


def toml_text(document: Mapping[str, Any], prefix: str = "") -> str:
    """A document as TOML: values first, tables and arrays of tables after them."""
    lines, tables = [], []
    for key, value in document.items():
        if isinstance(value, Mapping):
            tables.append(f"\n[{prefix}{key}]\n{toml_text(value, f'{prefix}{key}.')}")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value) and not prefix:
            tables += [f"\n[[{key}]]\n{toml_text(one, f'{key}.')}" for one in value]
        else:
            lines.append(f"{key} = {_inline(value)}\n")
    return "".join([*lines, *tables])


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_inline(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(one) for one in value) + "]"
    if isinstance(value, bool | str):
        return json.dumps(value)  # of text and truth JSON is TOML
    return repr(value)
