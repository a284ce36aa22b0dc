"""Particles of a study as other programs want them: as laid, and released after each press; SI."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault, InputError

__all__ = ["State", "histories"]


@dataclass(frozen=True)
class State:
    """Spheres between platens at z = 0 and box[2], periodic in x and y [m].

    stress [Pa] it was pressed to and released from, 0 as laid. id: of the particle in its packing, from 0. clump: rigid
    particle a sphere is a member of, -1 for none; cracked: 1 where it was. bonds: first, second (rows), radius, length
    of the binder's bridges, which are kept as laid alone.
    """

    replica: int
    stress: float
    box: np.ndarray
    position: np.ndarray
    radius: np.ndarray
    clump: np.ndarray
    cracked: np.ndarray
    bonds: Table = field(default_factory=dict)

    @property
    def id(self) -> np.ndarray:
        return np.arange(len(self.radius))

    @property
    def name(self) -> str:
        return f"{in_unit(self.stress, 'MPa'):g} MPa" if self.stress else "as laid"


def histories(study: Study) -> Iterator[list[State]]:
    """States of each replica in the order of stress, as far as stages are finished. Raises InputError: no packing."""
    packed, pressed = study.data("pack"), study.data("press")
    if packed is None:
        raise InputError(Fault(str(study.folder), "pack", "is not computed yet", "kalander resume"))
    for replica in range(len(packed.tables["boxes"]["height"])):
        yield [_laid(packed, replica), *([] if pressed is None else _released(pressed, replica))]


def _laid(packed: Data, replica: int) -> State:
    particles, bonds, boxes = (packed.tables[name] for name in ("particles", "bonds", "boxes"))
    here, mine = particles["box"] == replica, bonds["box"] == replica
    box = np.array([*boxes["width"][replica], boxes["height"][replica]])
    count = int(here.sum())
    return State(
        replica, 0.0, box, particles["position"][here], particles["radius"][here], particles["clump"][here],
        np.zeros(count, np.int32), {name: bonds[name][mine] for name in ("first", "second", "radius", "length")},
    )  # fmt: skip


def _released(pressed: Data, replica: int) -> Iterator[State]:
    particles, frames, boxes = (pressed.tables[name] for name in ("particles", "frames", "boxes"))
    mine = np.flatnonzero(boxes["replica"] == replica)
    for row in mine[np.argsort(boxes["stress"][mine])].tolist():
        here = particles["box"] == row
        height = float(frames["height"][loaded_and_released(frames, row)[1]])
        yield State(
            replica, float(boxes["stress"][row]), np.array([*boxes["width"][row], height]),
            *(particles[name][here] for name in ("position", "radius", "clump", "cracked")),
        )  # fmt: skip
