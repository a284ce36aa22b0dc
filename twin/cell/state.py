"""The coating of a study at each pressed stress as an electrode of a cell: thickness, fractions, transport, size.

Equations, symbols, sources: twin/cell/README.md. All in SI.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.electrode import volume_fractions
from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.results.study import Study
from kalander.coupling.store.store import Data
from kalander.kernels.errors import Fault, InputError
from kalander.kernels.quantities import tortuosity

__all__ = ["ElectrodeState", "anode_state", "electrode_states", "mean_electrode"]

FRACTIONS = ("porosity", "active", "lost", "additive", "binder")


@dataclass(frozen=True)
class ElectrodeState:
    """One packing of a study, as laid (stress 0) or after a press and its release.

    thickness [m] of one coated side. Volume fractions, which sum to 1: porosity (all pores, also those in the binder
    domain), active (that which takes part), lost (active that does not), additive (graphite), binder (solids of carbon
    and binder). effective_ratio: D_eff/D_0 through the thickness; sigma [S/m] likewise; particle_radius [m]: of the
    sphere with the particles' volume over surface; cracked: share of the particles' volume (NaN where none was judged).
    """

    stress: float
    replica: int
    thickness: float
    porosity: float
    active: float
    lost: float
    additive: float
    binder: float
    effective_ratio: float
    sigma: float
    particle_radius: float
    cracked: float = 0.0

    @property
    def fractions(self) -> dict[str, float]:
        """Volume fractions by name; they sum to 1."""
        return {name: getattr(self, name) for name in FRACTIONS}

    @property
    def tortuosity(self) -> float:
        """Through the thickness; NaN where nothing goes through."""
        return float(tortuosity(self.porosity, self.effective_ratio))

    @property
    def conducts(self) -> bool:
        """Whether ions and electrons go through it; a cell of one that lets none through delivers nothing."""
        return self.effective_ratio > 0.0 and self.sigma > 0.0 and self.active > 0.0


def electrode_states(study: Study, *, crack_loss: float = 0.0) -> tuple[ElectrodeState, ...]:
    """Every packing of a finished study, in the order of its transport stage.

    crack_loss: share of the cracked volume that no longer takes part, 0 to 1. Raises InputError where it is not, and
    where pack, press or transport are not computed yet.
    """
    if not 0.0 <= crack_loss <= 1.0:
        raise InputError(Fault("crack_loss", crack_loss, "is no share of the cracked volume", "0 to 1"))
    measured = study.transport.states  # refuses a study without it
    packed, pressed = study.data("pack"), study.data("press")
    assert packed is not None  # transport is computed from both
    assert pressed is not None
    cracks_judged = study.card.fracture.criterion != "none"
    found = []
    for row, (stress, replica) in enumerate(zip(measured["stress"].tolist(), measured["replica"].tolist())):
        thickness, cracked = _pressed_shape(packed, pressed, stress, replica)
        if not cracks_judged:
            cracked = float("nan")
        found.append(ElectrodeState(
            stress=stress,
            replica=replica,
            thickness=thickness,
            **_fractions(
                study.card, float(measured["porosity"][row]), float(measured["connected"][row]),
                crack_loss * cracked if cracks_judged else 0.0,
            ),
            effective_ratio=float(measured["effective_ratio"][row, 2]),
            sigma=float(measured["sigma"][row, 2]),
            particle_radius=_particle_radius(packed, replica),
            cracked=cracked,
        ))  # fmt: skip
    return tuple(found)


def _fractions(card: Card, porosity: float, connected: float, inert: float) -> dict[str, float]:
    """Volume fractions at a porosity; active that is cut off from the collector or inert after a crack is lost."""
    shares = volume_fractions(card.electrode, porosity=porosity)
    taking_part = shares["active"] * min(connected, 1.0) * (1.0 - inert)
    return {
        "porosity": porosity,
        "active": taking_part,
        "lost": shares["active"] - taking_part,
        "additive": shares["additive"],
        "binder": shares["binder_domain_solids"],
    }


def _pressed_shape(packed: Data, pressed: Data, stress: float, replica: int) -> tuple[float, float]:
    """Thickness [m] and cracked share of a packing as laid or released. Raises InputError (not pressed so far)."""
    if stress == 0.0:
        return float(packed.tables["boxes"]["height"][replica]), 0.0
    boxes, frames = pressed.tables["boxes"], pressed.tables["frames"]
    found = np.flatnonzero((boxes["stress"] == stress) & (boxes["replica"] == replica))
    if len(found) != 1:
        where = f"stress {stress:.4g} Pa, replica {replica}"
        raise InputError(Fault("study.press", where, "is measured but not pressed", "`kalander run` of this card"))
    _, released = loaded_and_released(frames, found[0])
    return float(frames["height"][released]), float(frames["cracked_fraction"][released])


def _particle_radius(packed: Data, replica: int) -> float:
    """Σ r³/Σ r² over the particles of a packing [m]: the sphere with their volume over surface (Sauter's mean).

    A particle made of several spheres counts as the sphere of its volume.
    """
    particles, clumps = packed.tables["particles"], packed.tables["clumps"]
    alone = particles["clump"] < 0
    radius = particles["radius"][(particles["box"] == replica) & alone]
    volume = clumps["volume"][clumps["box"] == replica]
    radius = np.concatenate([radius, np.cbrt(0.75 * volume / np.pi)])
    return float((radius**3).sum() / (radius**2).sum())


def mean_electrode(packings: tuple[ElectrodeState, ...]) -> ElectrodeState:
    """One electrode with the means of all numbers: packings side by side."""
    names = [one.name for one in fields(ElectrodeState) if one.name not in ("stress", "replica")]
    means: dict[str, Any] = {name: float(np.mean([getattr(one, name) for one in packings])) for name in names}
    return replace(packings[0], **means)


def anode_state(study: Study | Path | str, stress: float | None = None) -> ElectrodeState:
    """The mean coating of a study as an anode, released from the stress [Pa] next to one; None: from the largest.

    Raises InputError: pack, press or transport are not computed yet, or nothing goes through it.
    """
    opened = study if isinstance(study, Study) else Study.open(study)
    states = electrode_states(opened)
    stresses = [one.stress for one in states]
    nearest = max(stresses) if stress is None else min(stresses, key=lambda one: abs(one - stress))
    mean = mean_electrode(tuple(one for one in states if one.stress == nearest))
    if not mean.conducts:
        why = "lets no ions or no electrons through"
        raise InputError(Fault("anode", str(opened.folder), why, "a coating pressed less, or with larger boxes"))
    return mean
