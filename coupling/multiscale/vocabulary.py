"""What two scales say to each other: paths down, responses up. Units: mm, MPa, s, K; strain ln(H / h), compression > 0.

A station is a layer of the question's web: a place through the thickness with a law of its own, roll side first.
"""

from dataclasses import dataclass

import numpy as np

from kalander.continuum.closure.laws import TabulatedClosure
from kalander.continuum.nip.result import NipResult
from kalander.continuum.nip.roll import Rolls
from kalander.continuum.nip.setting import Pass
from kalander.continuum.nip.web import Web

__all__ = ["Criteria", "Handed", "Learnt", "Misses", "Question", "Response", "StationPath"]


@dataclass(frozen=True)
class Criteria:
    """When an exchange ends, and how its laws move.

    rounds: at most; knots of a path; damping: share of the miss taken, by mixing over `memory` rounds before; stress,
    load, path: largest misses of an exchange that has converged (of the largest stress, of the line load, in
    strain).
    """

    rounds: int = 5
    knots: int = 40
    damping: float = 0.7
    memory: int = 2
    stress: float = 0.02
    load: float = 0.01
    path: float = 0.002


@dataclass(frozen=True, eq=False)
class Question:
    """A web whose layers are the stations, each with a table as its law, between rolls. scale (station,): pressures
    [MPa] below which laws are compared by difference, above by ratio."""

    web: Web
    rolls: Rolls
    one_pass: Pass
    scale: np.ndarray
    criteria: Criteria = Criteria()

    @property
    def laws(self) -> tuple[TabulatedClosure, ...]:
        """The laws of the stations as first guessed."""
        return tuple(layer.closure for layer in self.web.layers)  # type: ignore[misc]


@dataclass(frozen=True, eq=False)
class StationPath:
    """What a station goes through, in knots (knot,), the first the free coating; `peak`: the knot of largest strain.

    place [mm]: before the centre line; time [s]; strain through the thickness; elongation of the web; shear angle of z
    in x; temperature [K]; pressure [MPa], that of the law.
    """

    place: np.ndarray
    time: np.ndarray
    strain: np.ndarray
    elongation: np.ndarray
    shear: np.ndarray
    temperature: np.ndarray
    pressure: np.ndarray
    peak: int


@dataclass(frozen=True, eq=False)
class Response:
    """What the particles of a station answer; a row a seed.

    stress, lateral [MPa], (seed, knot); recovered (seed,): strain ln(h_released / h_min); cracked, broken (seed,):
    shares of active volume and of bonds at the end.
    """

    stress: np.ndarray
    lateral: np.ndarray
    recovered: np.ndarray
    cracked: np.ndarray
    broken: np.ndarray


@dataclass(frozen=True, eq=False)
class Handed:
    """The nip by some laws, and the path of every station in it; note: what could not be handed down."""

    laws: tuple[TabulatedClosure, ...]
    nip: NipResult
    paths: tuple[StationPath, ...]
    note: str = ""


@dataclass(frozen=True)
class Misses:
    """How far both scales are apart: stress of particles and law over the largest, relative change of the line load and
    change of a strain on the way that the next laws make; noise: standard error of the stress over seeds."""

    stress: float
    load: float
    path: float
    noise: float

    def within(self, criteria: Criteria) -> bool:
        """Whether they agree; a miss of stress below the noise of the seeds says nothing."""
        return (
            self.stress <= max(criteria.stress, self.noise)
            and self.load <= criteria.load
            and self.path <= criteria.path
        )


@dataclass(frozen=True, eq=False)
class Learnt:
    """What a round has taught: laws of the next round, misses, and the tried states and their misses so far,
    (round, number), which mixing remembers."""

    laws: tuple[TabulatedClosure, ...]
    misses: Misses
    converged: bool
    tried: np.ndarray
    missed: np.ndarray
    line_load: float
    next_line_load: float
