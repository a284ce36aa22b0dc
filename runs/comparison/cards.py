"""Which keys of several cards differ, with their values as one writes them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.config import leaf_values
from kalander.runs.reference.declared import rules_of, written_value

__all__ = ["KeyDifference", "card_differences"]

SHOWN_ALONE = ("title",)  # a name, not a value of the study
ABSENT = "not given"


@dataclass(frozen=True)
class KeyDifference:
    """A key, and its value in each card, in their order."""

    key: str
    values: tuple[str, ...]


def card_differences(cards: Sequence[Card]) -> list[KeyDifference]:
    """Keys whose values are not the same in all cards; what is published or said of a calibration is no value."""
    rules = rules_of("card")
    written = [
        {
            key: written_value(value, rules.get(re.sub(r"\[\d+\]", "[]", key)))
            for key, value in leaf_values(card)
            if not key.startswith(("published", "calibrated"))
        }
        for card in cards
    ]
    keys = dict.fromkeys(key for one in written for key in one)
    rows = [KeyDifference(key, tuple(one.get(key, ABSENT) for one in written)) for key in keys]
    return [row for row in rows if len(set(row.values)) > 1 and row.key not in SHOWN_ALONE]
