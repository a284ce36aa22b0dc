"""Boxes of a card pressed at once and held, at each temperature that the nip has: what their stress does over time."""

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.homogenise.closure import closure_table
from kalander.coupling.homogenise.gather import gathered_coating
from kalander.coupling.homogenise.relaxation import HeldBox, with_relaxation
from kalander.coupling.homogenise.stored import data_of
from kalander.coupling.scales import from_si, in_si, material_of, press_settings
from kalander.coupling.stages.load import load_work
from kalander.coupling.stages.press import press_ensemble
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress
from kalander.dem.loading.path import Leg
from kalander.dem.loading.record import new_load
from kalander.kernels.columns import Table
from kalander.kernels.quantities import platen_pressure

__all__ = ["held_closure_work", "hold_temperatures", "hold_time", "relaxes"]

HOLD_STEPS = 10_000  # between which the material time of a hold passes, slowly at first
HOLD_FRAMES = 100
LONGER = 3.0  # than the slowest time of the binder


def relaxes(card: Card) -> bool:
    """Whether time does anything to the boxes of a card that its nip could feel."""
    return bool(card.binder.relaxation) and card.calender.model == "full" and card.calender.behaviour is None


def hold_temperatures(card: Card) -> tuple[float, ...]:
    """Of the press, the web and the rolls [K], each once."""
    given = (card.press.temperature, card.calender.web_temperature, card.calender.roll_temperature)
    return tuple(sorted({round(one, 6) for one in given}))


def hold_time(card: Card) -> float:
    """How long boxes are held [s]: three times the slowest relaxation of their binder."""
    return LONGER * max(branch.time for branch in card.binder.relaxation)


def held_closure_work(
    card: Card, packed: Data, pressed: Data, precision: str, schedule: str
) -> Generator[Progress, None, Data]:
    """The closure of the pressed boxes, with how they relax: tables by HOMOGENISED."""
    yield Progress("closure", 0.0, "fitting the pressing curves", lambda: Data({}, {}))
    closure = closure_table(pressed, porosity=card.electrode.porosity)
    boxes: list[HeldBox] = []
    temperatures = hold_temperatures(card)
    for place, temperature in enumerate(temperatures):
        steps = _hold(card, packed, temperature, precision, schedule)
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                boxes += stop.value
                break
            share = (place + step.fraction) / len(temperatures)
            yield replace(step, stage="closure", fraction=share, boundary=False, snapshot=lambda: Data({}, {}))
    return data_of(with_relaxation(gathered_coating(closure, pressed), boxes, reference=card.press.temperature))


def _hold(
    card: Card, packed: Data, temperature: float, precision: str, schedule: str
) -> Generator[Progress, None, list[HeldBox]]:
    """All packings pressed to every stress at once and held where they are."""
    ensemble, solid_volume = press_ensemble(card, packed)
    settings = press_settings(card, float(ensemble.bodies["radius"].min()))
    settings = replace(settings, release=False, material_speed=None, temperature=temperature)
    target = np.repeat(from_si(card.press.stress, "MPa"), card.boxes.replicas)
    way = settings.path(target)
    hold = Leg(until={"steps": HOLD_STEPS}, material_time=hold_time(card))
    way = replace(way, legs=(*way.legs, hold), every_steps=HOLD_STEPS // HOLD_FRAMES)
    start = new_load(ensemble, solid_volume=solid_volume, temperature=temperature)
    del ensemble
    final = yield from load_work(
        "closure", start, way, materials=[material_of(card)], precision=precision, schedule=schedule
    )
    return held_boxes(card, final.tables["frames"], final.tables["progress"], temperature)


def held_boxes(card: Card, frames: Table, progress: Table, temperature: float) -> list[HeldBox]:
    """Of every box that reached its stress."""
    found = []
    pressure = platen_pressure(frames["stress_low"], frames["stress_high"])
    for box in np.flatnonzero(progress["reached"] == 1):
        mine = frames["box"] == box
        load, hold = np.flatnonzero(mine & (frames["leg"] == 0)), np.flatnonzero(mine & (frames["leg"] == 1))
        rows = np.append(load[-1], hold)  # the hold begins where the press turned
        time = frames["material_time"][rows] - frames["material_time"][rows[0]]
        kept = np.append(True, np.diff(time) > 0.0)
        found.append(HeldBox(
            stress=card.press.stress[box // card.boxes.replicas], seed=int(box % card.boxes.replicas),
            temperature=temperature, density=float(1.0 - frames["porosity"][rows[0]]), time=time[kept],
            pressure=in_si(pressure[rows][kept], "MPa"),
            strain=np.log(progress["start_size"][box, 2] / frames["height"][load]),
            load=in_si(pressure[load], "MPa"),
        ))  # fmt: skip
    return found
