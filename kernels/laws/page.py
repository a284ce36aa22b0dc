"""The table of laws on the page of this folder, from their declarations: `python -m kalander.kernels.laws.page`."""

from collections.abc import Iterable
from pathlib import Path

from kalander.kernels.law_table import SHARED, Law, Place, Resistance
from kalander.kernels.laws.book import LAWS
from kalander.kernels.laws.friction import FRICTION
from kalander.kernels.laws.rolling import ROLLING

__all__ = ["PAGE", "table", "with_table"]

PAGE = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- laws: made by `python -m kalander.kernels.laws.page` -->", "<!-- end of laws -->"
EVERYWHERE = ("platens", "periodic", "clumps", "pieces", "foil")


def table() -> str:
    """Every law: what it is, how a card means it, what it takes, remembers and supports; then constants."""
    laws = ["| law | what | on a card | takes | remembers (how many numbers) | not supported |", "| --- " * 6 + "|"]
    laws += [_row(law) for law in LAWS.values()]
    laws += [_resistance(part) for part in (FRICTION, ROLLING)]
    constants = ["| constant | unit | what | from |", "| --- " * 4 + "|"]
    constants += [f"| `{one.name}` | {one.unit} | {one.meaning} | `{one.key}` |" for one in SHARED]
    for law in LAWS.values():
        constants += [f"| `{one.name}` | {one.unit} | {one.meaning} | `contact.{one.name}` |" for one in law.own]
    return "\n".join(laws) + "\n\n" + "\n".join(constants) + "\n"


def with_table(page: str) -> str:
    """The page with its table made anew."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{table()}\n{END}{rest.partition(END)[2]}"


def _row(law: Law) -> str:
    models = {
        "none": "",
        "own": "an adhesion above 0",
        **{name: f'adhesion model `"{name}"`' for name in ("dmt", "jkr")},
    }
    card = ", or ".join(words for words in (models[name] for name in law.adhesion) if words)
    refused = ", ".join(name for name in EVERYWHERE if not getattr(law.supports, name))
    takes = _names([*law.constants, *(one.name for one in law.own)])
    remembers = _remembered(law.history)
    if law.platen_history is not None:
        remembers += f"; at a platen {_remembered(law.platen_history)}"
    if law.body:
        remembers += f"; each body {_remembered(law.body)}"
    title = f"{law.title}. {law.source}"
    return f'| `{law.name}` | {title} | `"{law.on_card}"` {card} | {takes} | {remembers} | {refused} |'


def _resistance(part: Resistance) -> str:
    what = f"{part.title}. {part.source}"
    return f"| {part.name} | {what} | every law | {_names(part.constants)} | {_remembered(part.history)} | |"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _remembered(history: Iterable[Place]) -> str:
    return ", ".join(f"`{place.name}`" + (f" {place.length}" if place.length > 1 else "") for place in history)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
