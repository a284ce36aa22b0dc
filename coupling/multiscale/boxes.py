"""Stations as particle boxes without platens, all of them and all seeds in one batch, led as the nip hands down.

A box repeats in all directions: it is a piece of the inside of the coating. Units: µm, µs, MPa; paths mm, MPa, s, K.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.multiscale.vocabulary import Response, StationPath
from kalander.coupling.packings.stored import packings_of
from kalander.coupling.scales import (
    binder_of,
    contact_in,
    fracture_in,
    from_si,
    in_unit,
    material_of,
    relaxation_of,
    time_step,
)
from kalander.coupling.store.store import Data
from kalander.dem.ageing.relaxation import MICROSECOND
from kalander.dem.bodies.material import binder_constants
from kalander.dem.bodies.state import Ensemble
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.record import LoadState, new_load
from kalander.dem.packing.packing import assemble
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault, InputError

__all__ = ["Boxes", "boxes_of", "path_along", "refuse_strangers", "responses_of", "start_of", "who_shares"]

SAME = 1e-9  # strains, seconds and kelvins by which paths may differ and be one
LEAST_PRESSURE = 0.1  # of the largest pressure on the way: what an inertial number counts at the least
SLOWEST = 1e-12  # [s] of a part of a path in which no time passes


@dataclass(frozen=True, eq=False)
class Boxes:
    """The batch: layer, path and replica of each box; its ensemble and its solids [µm³]."""

    ensemble: Ensemble
    solid_volume: np.ndarray
    layer: np.ndarray
    path: np.ndarray
    replica: np.ndarray


def who_shares(paths: Sequence[StationPath], layer: Sequence[int]) -> tuple[list[int], np.ndarray]:
    """Stations whose boxes are led, and for every station the place in that list: those of one layer that go the same
    way share their boxes."""
    led: list[int] = []
    shares = np.zeros(len(paths), int)
    for station, path in enumerate(paths):
        for place, other in enumerate(led):
            if layer[other] == layer[station] and _same(path, paths[other]):
                shares[station] = place
                break
        else:
            shares[station] = len(led)
            led.append(station)
    return led, shares


def _same(one: StationPath, other: StationPath) -> bool:
    names = ("time", "strain", "elongation", "shear", "temperature")
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    return all(a.shape == b.shape and np.allclose(a, b, rtol=0.0, atol=SAME) for a, b in pairs)


def boxes_of(cards: Sequence[Card], packed: Sequence[Data], layers: Sequence[int]) -> Boxes:
    """All replicas of the packings of a layer for each path, `layers` being that of each path.

    The cards have passed refuse_strangers.
    """
    rows = [(path, layer, replica) for path, layer in enumerate(layers) for replica in range(cards[0].boxes.replicas)]
    found = [packings_of(one) for one in packed]
    packings = [replace(found[layer][replica], periodic=True) for _, layer, replica in rows]
    laws = [contact_in(card.contact, [material_of(card), material_of(card)]) for card in cards]
    steps = [
        time_step(card, min(one.radius.min() for one in beds)) for card, beds in zip(cards, found, strict=True)
    ]  # fmt: skip
    ensemble = assemble(
        packings, density=np.array([material_of(cards[0]).density]), contact=laws[0][1], binder=np.zeros(5),
        dt=min(steps), law=laws[0][0],
    )  # fmt: skip
    lawbook = {
        "contact": np.stack([laws[layer][1] for _, layer, _ in rows]),
        "binder": np.stack([binder_constants(binder_of(cards[layer])) for _, layer, _ in rows]),
    }
    solids = [float(from_si(packed[layer].tables["boxes"]["solids"][replica], "um^3")) for _, layer, replica in rows]
    path, layer, replica = (np.array(column, np.int32) for column in zip(*rows, strict=True))
    return Boxes(replace(ensemble, lawbook=lawbook), np.array(solids), layer, path, replica)


def refuse_strangers(cards: Sequence[Card]) -> None:
    """Raise InputError for layers that cannot stand side by side in one batch, as their cards say."""
    alike: dict[str, list[Any]] = {
        "contact.law": [card.contact.meant.name for card in cards],
        "binder.relaxation": [(card.binder.relaxation, card.binder.shift) for card in cards],
        "binder.softening": [(card.binder.softening, card.binder.reference_temperature) for card in cards],
        "electrode.active.density": [card.electrode.active.density for card in cards],
        "electrode.active.strength": [card.electrode.active.strength for card in cards],
        "fracture": [card.fracture for card in cards],
        "boxes.replicas": [card.boxes.replicas for card in cards],
        "step": [card.step for card in cards],
    }
    faults = [
        Fault(f"multiscale.layer[{index}].set.{key}", values[index], "differs from that of the first layer",
              "the same: boxes of all layers are led in one batch")
        for key, values in alike.items() for index in range(1, len(values)) if values[index] != values[0]
    ]  # fmt: skip
    if faults:
        raise InputError(faults)


def start_of(boxes: Boxes, paths: Sequence[StationPath]) -> LoadState:
    """The boxes at the beginning of their paths; each leg brings its own temperature."""
    return new_load(boxes.ensemble, solid_volume=boxes.solid_volume, temperature=float(paths[0].temperature[0]))


def path_along(card: Card, boxes: Boxes, paths: Sequence[StationPath]) -> Path:
    """A leg for every part between knots, then the release to nothing but the release stress of the card."""
    knots = {name: np.array([getattr(paths[path], name) for path in boxes.path])
             for name in ("strain", "elongation", "shear", "temperature", "time")}  # fmt: skip
    base = _rate(card, boxes)
    peak = np.array([paths[path].pressure.max() for path in boxes.path])
    calm: dict[str, Any] = {
        "inertial_number": card.press.inertial_number,
        "least_pressure": np.maximum(LEAST_PRESSURE * peak, in_unit(card.press.release_stress, "MPa")),
    }
    legs = []
    for knot in range(knots["strain"].shape[1] - 1):
        step = {name: column[:, knot + 1] - column[:, knot] for name, column in knots.items()}
        moves = np.column_stack([-step["elongation"], np.zeros(len(peak)), step["strain"], step["shear"]])
        largest = np.abs(moves).max(axis=1)
        legs.append(Leg(
            rate=moves / largest[:, None] * base[:, None], until={"strain_zz": -np.expm1(-step["strain"])},
            temperature=0.5 * (knots["temperature"][:, knot] + knots["temperature"][:, knot + 1]),
            material_rate=MICROSECOND * largest / np.maximum(step["time"], SLOWEST), **calm,
        ))  # fmt: skip
    opening = np.column_stack([np.zeros((len(peak), 2)), -base, np.zeros(len(peak))])
    last = MICROSECOND * largest / np.maximum(step["time"], SLOWEST)
    legs.append(Leg(
        rate=opening, until={"stress_zz": in_unit(card.press.release_stress, "MPa")}, material_rate=last, **calm
    ))  # fmt: skip
    return Path(
        tuple(legs), float(boxes.ensemble.boxes["dt"].max()),
        contact_share=None if card.step.dt is None else np.inf,
        least_radius=float(boxes.ensemble.bodies["radius"].min()),
        look_every=40, every_steps=None, relaxation=relaxation_of(card.binder), reform=card.binder.reform_after,
        fracture=fracture_in(card.fracture, seed=card.seed, replicas=tuple(boxes.replica.tolist())),
    )  # fmt: skip


def _rate(card: Card, boxes: Boxes) -> np.ndarray:
    """Largest rate [1/µs] by the speed of the card's plates, shape (box,); the inertial number asks for less."""
    return float(from_si(card.press.plate_speed, "um/us")) / boxes.ensemble.boxes["depth"]


def responses_of(
    frames: Table, boxes: Boxes, paths: Sequence[StationPath], *, release_stress: float
) -> tuple[Response, ...]:
    """What the boxes of each path answered; frames by dem.loading.record.FRAME, release_stress [MPa]."""
    found = []
    for number, path in enumerate(paths):
        seeds = [_of_box(frames, int(box), path, release_stress) for box in np.flatnonzero(boxes.path == number)]
        stress, lateral, recovered, cracked, broken = (np.array(column) for column in zip(*seeds, strict=True))
        found.append(Response(stress, lateral, recovered, cracked, broken))
    return tuple(found)


def _of_box(frames: Table, box: int, path: StationPath, release_stress: float) -> tuple:
    """Stress and lateral stress at the knots, the strain recovered, cracked and broken shares at the end."""
    rows = np.flatnonzero(frames["box"] == box)
    _, last = np.unique(frames["leg"][rows][::-1], return_index=True)
    ends = rows[::-1][last]  # of each leg; the last leg is the release
    knots = np.append(rows[0], ends[:-1])
    axial = frames["stress_zz"][knots]
    lateral = 0.5 * (frames["stress_xx"][knots] + frames["stress_yy"][knots])
    height = frames["height"]
    recovered = np.log(height[ends[-1]] / height[knots[path.peak]])
    free = np.flatnonzero(axial[path.peak :] <= release_stress)
    if len(free):  # it bore nothing any more before its path was over
        after = path.peak + int(free[0])
        share = (axial[after - 1] - release_stress) / max(axial[after - 1] - axial[after], 1e-12)
        strain = path.strain[after - 1] + share * (path.strain[after] - path.strain[after - 1])
        recovered = path.strain[path.peak] - strain
    return axial, lateral, recovered, frames["cracked_fraction"][ends[-1]], frames["broken_bond_fraction"][ends[-1]]
