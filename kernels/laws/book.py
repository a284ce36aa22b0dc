"""The list of contact laws, and what their names say. It does not load the kernel language.

A law stands in two modules of this folder: its declaration, and beside it its force, in NAME_device, which is imported
when the law is computed with.
"""

from collections.abc import Callable
from importlib import import_module

from kalander.kernels.law_table import DASHPOT, Law
from kalander.kernels.laws.rolling import ROLLING

__all__ = [
    "LAWS", "base_of", "card_laws", "law_meant", "law_named", "law_of", "law_on_card", "memory_of", "normal_functions",
    "platen_memory_of", "rolls_of", "swelling_of", "whole_levers_of", "yields_of",
]  # fmt: skip

MODULES = (
    "normal.hertz",
    "normal.thornton_ning",
    "normal.jkr",
    "normal.storakers",
    "normal.hysteretic",
    "normal.mdr",
)
FOLDER = __name__.rpartition(".")[0]
MODULE_OF = {law.name: name for name in MODULES for law in import_module(f"{FOLDER}.{name}").LAWS}
LAWS: dict[str, Law] = {law.name: law for name in MODULES for law in import_module(f"{FOLDER}.{name}").LAWS}

WHOLE_SUFFIX = "_radius"  # surfaces move with whole radii, see contact.ContactLaw
ROLLING_SUFFIX = "_rolling"


def law_named(base: str, *, lever: str = "contact", rolling: bool = False) -> str:
    """Name of a contact law. lever: "contact", from a centre to the middle of the contact, or "radius"."""
    return base + (WHOLE_SUFFIX if lever == "radius" else "") + (ROLLING_SUFFIX if rolling else "")


def base_of(law: str) -> str:
    """Name of the normal law of a contact law."""
    return law.removesuffix(ROLLING_SUFFIX).removesuffix(WHOLE_SUFFIX)


def rolls_of(law: str) -> bool:
    """Whether a contact law resists rolling and twisting."""
    return law.endswith(ROLLING_SUFFIX)


def whole_levers_of(law: str) -> bool:
    """Whether surfaces move by spin with whole radii."""
    return law.removesuffix(ROLLING_SUFFIX).endswith(WHOLE_SUFFIX)


def law_of(law: str) -> Law:
    """Declaration of the normal law of a contact law."""
    return LAWS[base_of(law)]


def normal_functions(law: str) -> tuple[Callable | None, Callable]:
    """Device functions of the normal force and of its stiffness; loads the kernel language."""
    return import_module(f"{FOLDER}.{MODULE_OF[base_of(law)]}_device").NORMAL[base_of(law)]


def memory_of(law: str, *, periodic: bool = False) -> int:
    """Places of a contact's history beyond the tangential spring; periodic: in boxes without platens."""
    return law_of(law).memory() + (ROLLING.memory if rolls_of(law) else 0) + (DASHPOT if periodic else 0)


def platen_memory_of(law: str) -> int:
    """Places of the history of a contact with a platen beyond the tangential spring."""
    return law_of(law).memory(platen=True) + (ROLLING.memory if rolls_of(law) else 0)


def swelling_of(law: str) -> int:
    """Places that a law keeps for each body; 0 if radii stay as they are."""
    return sum(place.length for place in law_of(law).body)


def yields_of(law: str) -> bool:
    """Whether contacts of a law flow, so that some of their heat is plastic work."""
    return law_of(law).yields


def card_laws(suits: Callable[[Law], bool] = lambda law: True) -> tuple[str, ...]:
    """What `contact.law` of a card can be: names of the laws that suit, each once, in the order of the list."""
    return tuple(dict.fromkeys(law.on_card for law in LAWS.values() if suits(law)))


def law_on_card(card: str) -> Law:
    """The first law that a card means by `contact.law`."""
    return next(law for law in LAWS.values() if law.on_card == card)


def law_meant(card: str, model: str) -> Law | None:
    """The law that a card means by `contact.law` with a model of adhesion, "none" where nothing sticks; None if none.

    Without a law of that model it is one with adhesion of its own, whatever the model is called.
    """
    meant = [law for law in LAWS.values() if law.on_card == card]
    wanted = (model,) if model == "none" else (model, "own")
    return next((law for word in wanted for law in meant if word in law.adhesion), None)
