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
BESIDE = re.compile(r'^\s*(?:file|scatter) = "([\w.-]+)"', re.MULTILINE)  # what a case reads, and which comes with it


def cases() -> dict[str, Path]:
    """Case files that come with the program, by the verb that reads them."""
    return {path.stem: path for path in sorted(CASES.glob("*.toml"))}


def listed() -> dict[str, Any]:
    """What one can begin with, and the title of each card."""
    cards = {name: read_toml(path).document.get("title", "") for name, path in shipped_cards().items()}
    return {"chemistries": cards, "cases": list(cases())}


def begin(name: str, output: Path | None, *, schema: bool = False) -> dict[str, Any]:
    """Write the card or case of a name, with the files that it reads; never over a file.

    schema: write its JSON Schema beside it and name that in its first line. Raises InputError, StorageError.
    """
    plain = re.sub(r"[\s–-]+", "_", name.strip().lower())
    known = {**cases(), **shipped_cards()}
    if plain not in known:
        close = get_close_matches(plain, known, n=1)
        raise InputError(Fault("NAME", name, "is nothing to begin with", ", ".join(known), close[0] if close else ""))
    path = output or Path(f"{plain}.toml")
    text = known[plain].read_text(encoding="utf-8")
    kind = plain if plain in files() and plain in cases() else "card"
    written = {path: text}
    if kind != "card":
        written |= {
            path.parent / one: (CASES / one).read_text() for one in BESIDE.findall(text) if (CASES / one).exists()
        }
    if schema:
        about = path.with_name(f"{kind}.schema.json")
        written |= {path: f"#:schema ./{about.name}\n{text}", about: json.dumps(schema_of(kind), indent=1)}
    taken = [str(one) for one in written if one.exists() and one.suffix != ".json"]
    if taken:
        raise InputError(Fault("--output", taken[0], "is there already", "another name"))
    for one, content in written.items():
        with replacing(one) as handle:
            handle.write(content.encode())
    verb = kind if kind != "card" else "run"
    return {
        "files": [str(one) for one in written],
        "next": f"kalander {verb} {path}" + (" --dry-run" if verb == "run" else ""),
    }
