"""What a card asks of an exchange: stations, their first laws, rolls, pass and when it ends."""

from collections.abc import Sequence

import numpy as np

from kalander.continuum.closure.laws import TabulatedClosure
from kalander.coupling.cards.card import Card
from kalander.coupling.cards.electrode import coating_thickness
from kalander.coupling.multiscale.guess import SCALE, first_guess
from kalander.coupling.multiscale.vocabulary import Criteria, Question
from kalander.coupling.nip.vocabulary import Layer, Pass, Rolls, Web

__all__ = ["criteria_of", "depths_of", "question_of"]


def criteria_of(card: Card) -> Criteria:
    """Of the section [multiscale]."""
    asked = card.multiscale
    assert asked is not None
    return Criteria(
        asked.rounds, asked.knots, asked.damping, asked.memory, asked.stress_tolerance, asked.load_tolerance,
        asked.path_tolerance,
    )  # fmt: skip


def _shares(card: Card) -> list[float]:
    """Share of the free coating in each station."""
    asked = card.multiscale
    assert asked is not None
    owners = list(asked.owners())
    return [asked.layers[layer].share / owners.count(layer) for layer in owners]


def depths_of(card: Card) -> np.ndarray:
    """Middle of each station over the free coating, from the roll, shape (station,)."""
    shares = np.array(_shares(card))
    return np.cumsum(shares) - 0.5 * shares


def question_of(card: Card, closures: Sequence[TabulatedClosure]) -> Question:
    """closures: of the layers, from the roll to the foil. Raises InputError."""
    asked = card.multiscale
    assert asked is not None
    whole = coating_thickness(card.electrode)
    guesses = [first_guess(one) for one in closures]
    layers = [
        Layer(thickness=whole * share, porosity=guesses[layer].porosity, closure=guesses[layer])
        for layer, share in zip(asked.owners(), _shares(card), strict=True)
    ]
    web = Web(layer=layers, foil=card.electrode.foil, sides=card.electrode.sides)
    scale = np.array([SCALE * closures[layer].pressure[-1] for layer in asked.owners()])
    return Question(web.inside, Rolls.of(card).inside, Pass.of(card).inside, scale, criteria_of(card))
