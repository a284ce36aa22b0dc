"""The exchange between the scales: the nip hands paths down, the particles hand responses up, until both agree."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kalander.coupling.multiscale.down import hand_down
from kalander.coupling.multiscale.up import learn
from kalander.coupling.multiscale.vocabulary import Handed, Learnt, Question, Response, StationPath

__all__ = ["Particles", "Round", "exchange"]

Particles = Callable[[tuple[StationPath, ...], int], tuple[Response, ...]]
"""(paths of all stations, seeds) -> the response of every station: all of them in one batch."""


@dataclass(frozen=True, eq=False)
class Round:
    """One exchange: what was handed down, what came up, what it has taught."""

    handed: Handed
    responses: tuple[Response, ...]
    learnt: Learnt


def exchange(question: Question, particles: Particles, *, seeds: int = 1) -> Iterator[Round]:
    """Rounds until both scales agree, or until the question allows no more; the last one says which.

    Raises what rolling raises: a law that ends before the nip does.
    """
    laws, before = question.laws, None
    for _ in range(question.criteria.rounds):
        handed = hand_down(question, laws)
        responses = particles(handed.paths, seeds)
        before = learn(question, handed, responses, before)
        yield Round(handed, responses, before)
        if before.converged:
            return
        laws = before.laws
