"""Cards and case files to begin with: those that come with the program, by chemistry or by kind of case."""

import json
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kalander.coupling.cards.card import shipped_cards
from kalander.coupling.cards.toml import read_toml
from kalander.coupling.store.atomic import replacing
from kalander.kernels.errors import Fault, InputError
from kalander.runs.reference.declared import files
from kalander.runs.reference.schema import schema_of

__all__ = ["begin", "cases", "listed"]

CASES = Path(__file__).parents[1] / "cases"
MEASURED = CASES / "measured.csv"
# what reads it, where that is no verb of its name
NEXT = {"card": "kalander run {path} --dry-run", "sweep": "kalander ensemble nmc111 --quick --sweep {path} --dry-run"}
BESIDE = re.compile(r'^\s*(?:file|scatter) = "([\w.-]+)"', re.MULTILINE)  # what a case reads, and which comes with it


def cases() -> dict[str, Path]:
    """Case files that come with the program, by the verb that reads them."""
    return {path.stem: path for path in sorted(CASES.glob("*.toml"))}


def listed() -> dict[str, Any]:
    """What one can begin with, and the title of each card."""
    cards = {name: read_toml(path).document.get("title", "") for name, path in shipped_cards().items()}
    return {"chemistries": cards, "cases": [*cases(), MEASURED.stem]}


def begin(name: str, output: Path | None, *, schema: bool = False) -> dict[str, Any]:
    """Write the card, case or table of measured states of a name, with the files that it reads; never over a file.

    schema: write its JSON Schema beside it and name that in its first line; a table has none. Raises InputError,
    StorageError.
    """
    plain = re.sub(r"[\s–-]+", "_", name.strip().lower())
    known = {**cases(), **shipped_cards(), MEASURED.stem: MEASURED}
    if plain not in known:
        close = get_close_matches(plain, known, n=1)
        raise InputError(Fault("NAME", name, "is nothing to begin with", ", ".join(known), close[0] if close else ""))
    path = output or Path(f"{plain}{known[plain].suffix}")
    text = known[plain].read_text(encoding="utf-8")
    if plain == MEASURED.stem:
        return {"files": written({path: text}), "next": f"kalander calibrate CARD --data {path}"}
    kind = plain if plain in files() and plain in cases() else "card"
    files_of = {path: text}
    if kind != "card":
        files_of |= {
            path.parent / one: (CASES / one).read_text() for one in BESIDE.findall(text) if (CASES / one).exists()
        }
    if schema:
        about = path.with_name(f"{kind}.schema.json")
        files_of |= {path: f"#:schema ./{about.name}\n{text}", about: json.dumps(schema_of(kind), indent=1)}
    return {
        "files": written(files_of),
        "next": NEXT.get(kind, f"kalander {kind} {{path}}").format(path=path),
    }


def written(contents: dict[Path, str]) -> list[str]:
    """Their names, after they were written; nothing is written where one of them is there already, but a schema is."""
    taken = [str(one) for one in contents if one.exists() and one.suffix != ".json"]
    if taken:
        raise InputError(Fault("--output", taken[0], "is there already", "another name"))
    for one, content in contents.items():
        with replacing(one) as handle:
            handle.write(content.encode())
    return [str(one) for one in contents]
