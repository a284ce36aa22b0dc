"""The engine behind the seam: parameter sets and seeds as particle boxes side by side, then the line that they model.

Where every state is a stress on the coating, boxes are pressed to these stresses and released. Where a line load, a set
gap or a lab's pressure scale comes in, they are pressed to a few stresses; the closure of each seed says what any
stress leaves, and the nip what a setting does. A failed box, closure or nip is an answer without a number, but with its
reason.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kalander.continuum.closure.contract import strain_at_pressure
from kalander.coupling.cards.card import Card
from kalander.coupling.cases.measured import MeasuredState
from kalander.coupling.cases.path import Path
from kalander.coupling.nip.closure import Closure
from kalander.coupling.nip.roll import roll
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web
from kalander.coupling.packings.bed import Packing
from kalander.coupling.results.compress import compress, fit_closure, pack
from kalander.coupling.results.curve import Curve
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.errors import InputError, KalanderError
from kalander.kernels.quantities import porosity, solid_share, springback
from kalander.twin.calibrate.parameters import Parameter, cheap, scale_key
from kalander.twin.calibrate.simulated import Simulated
from kalander.twin.calibrate.states import OUTPUTS

__all__ = ["Boxes", "changes_of"]

HIGHEST = in_si(
    250.0, "MPa"
)  # that boxes behind a nip are pressed to at the least: above the peaks of battery calenders
LEVELS = 3  # stresses of a closure
ROOM = 1.02  # above the highest stress asked for, which a box may end a little below
FOLLOWERS = {"binder.flow_stress": "binder.shear_flow_stress", "binder.strength": "binder.shear_strength"}


@dataclass(frozen=True, eq=False)
class Boxes:
    """states: those that were calendered; device: as compress takes it."""

    card: Card
    states: tuple[MeasuredState, ...]
    parameters: tuple[Parameter, ...]
    device: Any = None
    on_progress: Callable[[Any], None] = field(default=lambda progress: None)

    @property
    def direct(self) -> bool:
        """Whether boxes are pressed to the very stresses of the states."""
        scaled = any(one.key.startswith("lab.") for one in self.parameters)
        return not scaled and all(state.stress is not None for state in self.states)

    @property
    def stresses(self) -> tuple[float, ...]:
        """Stresses [Pa] that every box is pressed to."""
        stated = sorted({state.stress for state in self.states if state.stress is not None})
        if self.direct:
            return tuple(float(stress) for stress in stated)
        ends = {one.key: (one.low, one.high) for one in self.parameters}
        acting = [
            (low * state.stress, high * state.stress) for state in self.states if state.stress
            for low, high in (ends.get(scale_key(state.lab), (1.0, 1.0)),)
        ]  # fmt: skip
        rolled = any(state.stress is None for state in self.states)
        highest = max([ROOM * high for _, high in acting] + ([HIGHEST] if rolled else []))
        lowest = min([low for low, _ in acting] + ([0.04 * HIGHEST] if rolled else []))
        return tuple(float(stress) for stress in np.geomspace(min(lowest, 0.5 * highest), highest, LEVELS))

    def __call__(self, parameters: np.ndarray, seeds: np.ndarray) -> Simulated:
        """Outputs (point, seed, output) of parameters (point, parameter) [SI] and seeds (point, seed)."""
        dear = [row for row, one in enumerate(self.parameters) if not cheap(one.key)]
        _, first, group = np.unique(
            np.column_stack([parameters[:, dear], seeds]), axis=0, return_index=True, return_inverse=True
        )  # fmt: skip
        order = np.argsort(first, kind="stable")  # as they were asked for
        curves, reasons = self._pressed([self._card(parameters[first[row]]) for row in order], seeds[first[order]])
        place = np.argsort(order)
        values = np.full((*seeds.shape, len(OUTPUTS) * len(self.states)), np.nan)
        for point, member in enumerate(np.ravel(group)):
            found = curves[place[member]]
            if found is not None:
                values[point] = self._answer(found, parameters[point], seeds.shape[1], reasons)
        return Simulated(values, tuple(dict.fromkeys(reasons)))

    def _card(self, values: np.ndarray) -> Card:
        """The card with a set of parameters, pressed to the stresses."""
        named = {one.key: float(value) for one, value in zip(self.parameters, values)}
        return self.card.with_values({"press.stress": list(self.stresses), **changes_of(self.card, named)})

    def _pressed(self, cards: Sequence[Card], seeds: np.ndarray) -> tuple[list[tuple[Curve, int] | None], list[str]]:
        """Of each set its curve and its first bed in it: all in one batch, or one by one where that fails."""
        beds = [self._beds(card, own) for card, own in zip(cards, seeds)]
        many = seeds.shape[1]
        try:
            curve = self._compressed([bed for own in beds for bed in own], cards[0])
            return [(curve, many * row) for row in range(len(cards))], []
        except InputError:
            raise
        except KalanderError as failure:
            if len(cards) == 1:
                return [None], [str(failure).splitlines()[0]]
        found: list[tuple[Curve, int] | None] = []
        reasons: list[str] = []
        for card, own in zip(cards, seeds):
            one, why = self._pressed([card], own[None])
            found, reasons = found + one, reasons + why
        return found, reasons

    def _beds(self, card: Card, seeds: np.ndarray) -> list[Packing]:
        """A packing a seed; the number of the replica alone differs, so that all go into one batch."""
        found = []
        for seed in seeds.tolist():
            (bed,) = pack(card.with_values({"seed": int(seed), "boxes.replicas": 1}))
            found.append(replace(bed, seed=card.seed, replica=int(seed)))
        return found

    def _compressed(self, beds: list[Packing], card: Card) -> Curve:
        return compress(beds, Path.of(card), device=self.device, on_progress=self.on_progress)

    def _answer(self, found: tuple[Curve, int], values: np.ndarray, many: int, reasons: list[str]) -> np.ndarray:
        """Outputs of one point, shape (seed, output)."""
        curve, first = found
        rows = np.full((many, len(OUTPUTS) * len(self.states)), np.nan)
        for seed in range(many):
            own = of_bed(curve, first + seed)
            try:
                rows[seed] = self._direct(own) if self.direct else self._through(own, values)
            except KalanderError as failure:
                named = ", ".join(f"{one.key} {value:.3g}" for one, value in zip(self.parameters, values))
                reasons.append(f"{named}: {str(failure).splitlines()[0]}")
        return rows

    def _direct(self, own: Curve) -> np.ndarray:
        found = [own.released(state.stress) for state in self.states if state.stress is not None]
        return np.array([float(getattr(state, name)) for state in found for name in OUTPUTS])

    def _through(self, own: Curve, values: np.ndarray) -> np.ndarray:
        """By the closure of one bed, and the nip."""
        named = {one.key: float(value) for one, value in zip(self.parameters, values)}
        closure = fit_closure(own, porosity=self.card.electrode.porosity)
        line = {key: value for key, value in named.items() if key.startswith("calender.")}
        card = self.card.with_values(line) if line else self.card
        found = []
        for state in self.states:
            if state.stress is not None:
                found += after_stress(closure, named.get(scale_key(state.lab), 1.0) * state.stress)
            else:
                found += _after_nip(card, closure, *state.setting)
        return np.array(found)


def changes_of(card: Card, values: Mapping[str, float]) -> dict[str, Any]:
    """Values for a card by key, those of labs left out; what followed a value follows it still."""
    changed: dict[str, Any] = {key: float(value) for key, value in values.items() if not key.startswith("lab.")}
    for key, value in list(changed.items()):
        follower = FOLLOWERS.get(key)
        if follower and follower not in changed and _at(card, follower) == _at(card, key):
            changed[follower] = value
    return changed


def _at(card: Card, key: str) -> Any:
    value: Any = card
    for name in key.split("."):
        value = getattr(value, name)
    return value


def of_bed(curve: Curve, bed: int) -> Curve:
    """The boxes of one bed by themselves. Raises InputError where none came to its stress."""
    boxes = np.flatnonzero(curve.boxes["replica"] == bed)
    mine = np.isin(curve.frames["box"], boxes)
    frames = {name: column[mine] for name, column in curve.frames.items()}
    frames["box"] = np.searchsorted(boxes, frames["box"]).astype(np.int32)
    tables = {name: column[boxes] for name, column in curve.boxes.items()}
    return Curve(frames, tables | {"replica": np.zeros(len(boxes), np.int32)})


def after_stress(closure: Closure, stress: float) -> list[float]:
    """Porosity and springback of a coating that a stress [Pa] has pressed and left. Raises KalanderError."""
    law = closure.law
    strain = strain_at_pressure(law, in_unit(stress, "MPa"), law.strain_limit)
    back = float(closure.recovery_at(strain))
    assert closure.porosity is not None
    left = porosity(solid_share(closure.porosity), math.exp(back - strain))
    return [left, springback(math.exp(back), 1.0)]


def _after_nip(card: Card, closure: Closure, setting: str, value: float) -> list[float]:
    held = dict(card.calender)
    line = Pass(
        **{setting: value}, speed=held["speed"], roll_temperature=held["roll_temperature"],
        web_temperature=held["web_temperature"],
    )  # fmt: skip
    found = roll(Web.of(card, closure), Rolls.of(card), line, "fast")
    return [float(found.porosity_exit), float(found.springback)]
