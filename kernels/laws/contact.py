"""Contact laws: pure functions from the state of one contact to its force. Units: µm, µs, ng, hence µN and MPa.

A law sees scalars and vectors only; gathering and storing is done in `particles.pairs`. The normal n points from the
second body to the first, velocities are of the first relative to the second, forces act on the first. A law is composed
of a normal law (`normal`), friction with a tangential spring, dashpots, and (names that end in `_rolling`) resistance
to rolling and twisting.

History of a contact: tangential spring (3), what the normal law remembers, and where it resists rolling: angle (3),
twist.

Heat is what a contact loses: the work done on it less the change of what it stores, ½ k ξ² included. A spring that is
wound stiffens as the contact grows, at no work; so Hertz–Mindlin contacts may give more than they were given for a
while, and their heat is then negative.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from kalander.kernels.law_table import Law
from kalander.kernels.laws.book import law_of, normal_functions, rolls_of, whole_levers_of
from kalander.kernels.laws.friction_device import responder

__all__ = ["ContactLaw", "contact_law"]


@dataclass(frozen=True)
class ContactLaw:
    """Device functions of a law and its declaration.

    normal: force without dashpot; None where it needs the state of both bodies (laws.normal.mdr_device).
    stiffness: at least dF/dδ [MPa µm] from factors, R* and overlap.
    respond: the rest of a contact from its normal force; periodic_respond, platen_respond: the same in a box without
    platens and at a platen, whose histories differ.
    rolling: whether the last places of a history resist rolling; whole_levers: surfaces move by spin with whole radii,
    not with what is left of them at the middle of the contact.
    """

    law: Law
    normal: Callable | None
    stiffness: Callable
    respond: Callable
    periodic_respond: Callable
    platen_respond: Callable
    rolling: bool
    whole_levers: bool


@cache
def contact_law(name: str) -> ContactLaw:
    """The contact law of that name, as by book.law_named."""
    law, rolling = law_of(name), rolls_of(name)
    normal, stiffness = normal_functions(name)
    return ContactLaw(
        law, normal, stiffness, responder(law, rolling=rolling), responder(law, rolling=rolling, remembers=True),
        responder(law, rolling=rolling, platen=True), rolling, whole_levers_of(name),
    )  # fmt: skip
