"""Boxes of a card pressed, told how stiff they are, released, and probed until they yield: four ways at once."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.homogenise.moduli import StiffBox, boxes_of_tangents
from kalander.coupling.homogenise.yielding import PROBES, ProbedBox
from kalander.coupling.scales import from_si, in_si, material_of, press_settings
from kalander.coupling.stages.compact import quasi_static_rate
from kalander.coupling.stages.load import load_work, resumed
from kalander.coupling.stages.press import press_ensemble
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress
from kalander.dem.bodies.state import Ensemble
from kalander.dem.fracture.fracture import Fracture
from kalander.dem.loading.path import Leg, Path
from kalander.dem.loading.record import new_load
from kalander.dem.loading.strain import copied, without_platens
from kalander.dem.network.springs import units_of
from kalander.dem.network.tangent import network_tangent
from kalander.kernels.columns import Table
from kalander.kernels.errors import InputError

__all__ = ["Probed", "probe_legs", "probe_work"]

STRAIN = 0.04  # of a probe: twenty times the offset by which yield is told
LEFT = {"isotropic": 0.5, "oedometer": 0.5, "shear": 0.5, "tension": 0.02}  # of the stress, where a probe begins
DIRECTION = {
    "isotropic": (0.5, 0.5, 0.5, 0.0), "oedometer": (0.0, 0.0, 1.0, 0.0), "shear": (0.0, 0.0, 0.0, 1.0),
    "tension": (0.0, 0.0, -1.0, 0.0),
}  # fmt: skip
REST_STEPS = 2000
FRAMES = 160  # of a probe
FARTHEST = 0.3  # of volume: a bed that does not come back to its stress stops
PRESSED, RELEASED = 0.4, 0.5  # of the work, as shown


@dataclass(frozen=True, eq=False)
class Probed:
    """What became of the boxes of a card: stiffness as laid, under their stresses and released; probes until they
    yield; notes on what could not be told."""

    stiff: list[StiffBox]
    yielded: list[ProbedBox]
    notes: tuple[str, ...] = ()


def probe_work(card: Card, packed: Data, precision: str, schedule: str) -> Generator[Progress, None, Probed]:
    """All packings pressed to every stress of the card, as stiff as they are there and released, each probed by PROBES
    from there."""
    ensemble, solid_volume = press_ensemble(card, packed)
    settings = replace(press_settings(card, float(ensemble.bodies["radius"].min())), release=False)
    target = np.repeat(from_si(card.press.stress, "MPa"), card.boxes.replicas)
    run: dict[str, Any] = {"materials": [material_of(card)], "precision": precision, "schedule": schedule}
    begin = new_load(ensemble, solid_volume=solid_volume, temperature=settings.temperature)
    pressed = yield from _shown(load_work("probe", begin, settings.path(target), **run), 0.0, PRESSED)
    reached = pressed.tables["progress"]["reached"] == 1
    loaded = resumed(pressed, ensemble).ensemble
    # what cracks while it opens has cracked before: the release is told without fracture
    back = replace(settings, release=True, fracture=Fracture()).path(target)
    opening = new_load(loaded, solid_volume=solid_volume, temperature=settings.temperature)
    opened = load_work("probe", opening, replace(back, legs=back.legs[1:]), **run)
    released = yield from _shown(opened, PRESSED, RELEASED)
    stiff, notes = _stiff(card, (ensemble, loaded, resumed(released, loaded).ensemble), reached, solid_volume)
    cells = without_platens(loaded)
    del begin, ensemble, opening, loaded
    batch = copied(cells, len(PROBES))
    legs = probe_legs(cells, target)
    step = float(batch.boxes["dt"].max())
    rate = np.abs(np.asarray(legs[-1].rate)).max()
    way = Path(
        legs, step, contact_share=np.inf, relaxation=settings.relaxation, reform=settings.reform,
        every_steps=max(1, int(STRAIN / (rate * step) / FRAMES)), max_strain=FARTHEST,
    )  # fmt: skip
    start = new_load(batch, solid_volume=np.tile(solid_volume, len(PROBES)), temperature=settings.temperature)
    probed = yield from _shown(load_work("probe", start, way, **run), RELEASED, 1.0)
    return Probed(stiff, probed_boxes(card, probed.tables["frames"], np.tile(reached, len(PROBES))), notes)


def _stiff(
    card: Card, states: tuple[Ensemble, Ensemble, Ensemble], reached: np.ndarray, solid_volume: np.ndarray
) -> tuple[list[StiffBox], tuple[str, ...]]:
    """Stiffness as laid, and of boxes that reached their stress under load and released; or why there is none."""
    seeds = card.boxes.replicas
    target = np.repeat(card.press.stress, seeds)
    found: list[StiffBox] = []
    try:
        for place, state in enumerate(states):
            kept = np.arange(len(reached)) < seeds if place == 0 else reached
            size = np.bincount(units_of(state).box, minlength=state.box_count)
            volume = state.boxes["width"].prod(axis=1) * np.diff(state.boxes["platen_height"], axis=1)[:, 0]
            boxes = boxes_of_tangents(
                network_tangent(state), size, solid_volume / volume, 0.0 * target if place == 0 else target, seeds,
                free=place != 1,
            )  # fmt: skip
            found += [box for box, counts in zip(boxes, kept) if counts]
    except InputError as unknown:
        return [], (f"no stiffness is told: {unknown}",)
    return found, ()


def probe_legs(cells: Ensemble, target: np.ndarray) -> tuple[Leg, ...]:
    """Back to the stress along z that a platen gave, down to the share at which a probe begins, rest, and the probe.

    target [MPa], shape (box,); the legs are of so many copies as there are probes.
    """
    quiet = np.array([quasi_static_rate(cells, float(LEFT["oedometer"] * stress)) for stress in target])
    rate = np.tile(quiet, len(PROBES))
    stress = np.tile(target, len(PROBES))
    left = np.repeat([LEFT[probe] for probe in PROBES], len(target))
    along = np.outer(rate, [0.0, 0.0, 1.0, 0.0])
    ways = np.repeat([DIRECTION[probe] for probe in PROBES], len(target), axis=0)
    # boxes of a lower stress go slower: all probes last as long, and end at their own strain
    return (
        Leg(rate=along, until={"stress_zz": stress}),
        Leg(rate=-along, until={"stress_zz": left * stress}),
        Leg(until={"steps": REST_STEPS}),
        Leg(rate=ways * rate[:, None], until={"time": STRAIN / rate}),
    )


def probed_boxes(card: Card, frames: Table, reached: np.ndarray) -> list[ProbedBox]:
    """Of every box that reached its stress: the frames of its probe, from where it rested."""
    replicas, count = card.boxes.replicas, len(reached) // len(PROBES)
    found = []
    for box in np.flatnonzero(reached):
        rows = np.flatnonzero((frames["box"] == box) & (frames["leg"] == 3))
        before = np.flatnonzero((frames["box"] == box) & (frames["leg"] == 2))
        first = np.flatnonzero((frames["box"] == box) & (frames["leg"] == 0))
        if len(rows) < 5 or len(before) == 0:  # stopped on the way
            continue
        rows = np.append(before[-1], rows)
        own = int(box) % count
        # closing is told over the lengths at the start of the path: logarithmic, and from the start of the probe
        strains = frames["strains"][rows].copy()
        strains[:, :3] = -np.log1p(-strains[:, :3])
        found.append(ProbedBox(
            stress=card.press.stress[own // replicas], seed=own % replicas, probe=PROBES[int(box) // count],
            density=float(1.0 - frames["porosity"][rows[0]]), strains=strains - strains[0],
            tensor=in_si(frames["stress"][rows], "MPa"), virgin=in_si(frames["stress"][first[-1]], "MPa"),
        ))  # fmt: skip
    return found


def _shown(work: Generator[Progress, None, Data], low: float, high: float) -> Generator[Progress, None, Data]:
    """Progress of a part of the whole."""
    while True:
        try:
            step = next(work)
        except StopIteration as stop:
            return stop.value
        yield replace(step, fraction=low + (high - low) * step.fraction, snapshot=lambda: Data({}, {}), boundary=False)
