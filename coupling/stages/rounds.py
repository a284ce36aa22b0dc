"""The stages of an exchange between the scales: paths_1, round_1, paths_2, round_2, ..., each a file with its parents.

What the nip hands down is in paths_N, what came up and the laws that follow in round_N. Where a round has found that
both scales agree, those after it hold nothing.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kalander.continuum.closure.laws import TabulatedClosure
from kalander.coupling.cards.card import Card, card_to_dict
from kalander.coupling.homogenise.closure import closure_from
from kalander.coupling.multiscale.boxes import (
    boxes_of,
    path_along,
    refuse_strangers,
    responses_of,
    start_of,
    who_shares,
)
from kalander.coupling.multiscale.down import hand_down
from kalander.coupling.multiscale.question import question_of
from kalander.coupling.multiscale.tables import (
    PATHS,
    ROUND,
    history_of,
    laws_of,
    learnt_tables,
    paths_of,
    paths_tables,
    response_tables,
)
from kalander.coupling.multiscale.up import learn
from kalander.coupling.multiscale.vocabulary import Handed, Question, Response, StationPath
from kalander.coupling.scales import in_si, in_unit, material_of, relaxation_of
from kalander.coupling.stages.faults.state_faults import Question as OfSave
from kalander.coupling.stages.faults.state_faults import state_faults
from kalander.coupling.stages.load import load_work, resumed
from kalander.coupling.store.agreement import Schema
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress, Stage
from kalander.dem.bodies.state import solid_radius
from kalander.dem.loading.record import STATE
from kalander.kernels.columns import Table

__all__ = ["Answering", "Layered", "boxes_answering", "closures_in", "last_round", "round_stages"]

Inputs = dict[str, Data]
Answer = Generator[Progress, None, tuple[tuple[Response, ...], dict[str, Table]]]


@dataclass(frozen=True)
class Layered:
    """The layers of a card: their cards, and the stages that hold their packings and closures."""

    cards: tuple[Card, ...]
    packs: tuple[str, ...]
    closures: tuple[str, ...]


@dataclass(frozen=True)
class Answering:
    """The lower scale: what answers paths.

    answer: (name of the stage, results of the parents, paths, layer of each, state or None) -> steps, then responses
    and the tables `boxes` and `particles` of ROUND. config: what the answer depends on besides.
    """

    answer: Callable[[str, Inputs, tuple[StationPath, ...], list[int], Data | None], Answer]
    state_schema: Schema
    config: Mapping[str, Any]
    uses_device: bool = False
    check_state: Callable[[Data], Iterable[str]] = lambda state: ()


def round_stages(card: Card, layered: Layered, answering: Answering) -> tuple[Stage, ...]:
    """paths_1, round_1, ... up to the rounds of the card."""
    assert card.multiscale is not None
    whole = card_to_dict(card)
    sources = tuple(dict.fromkeys(layered.closures))
    down = {key: whole[key] for key in ("calender", "electrode", "multiscale")}
    stages: list[Stage] = []
    for number in range(1, card.multiscale.rounds + 1):
        before = () if number == 1 else (f"round_{number - 1}",)
        packs = tuple(dict.fromkeys(layered.packs))
        stages += [
            Stage(
                f"paths_{number}", 1, (*sources, *before), down, PATHS, {},
                partial(_down, card, layered, number),
            ),
            Stage(
                f"round_{number}", 1, (*sources, *packs, f"paths_{number}", *before),
                {**down, **answering.config}, ROUND, answering.state_schema,
                partial(_up, card, layered, answering, number),
                uses_device=answering.uses_device, check_state=answering.check_state,
            ),
        ]  # fmt: skip
    return tuple(stages)


def closures_in(layered: Layered, inputs: Inputs) -> list[TabulatedClosure]:
    """Closures of the layers from the results of their stages."""
    return [closure_from(inputs[name]) for name in layered.closures]


def _asked(card: Card, layered: Layered, inputs: Inputs) -> Question:
    return question_of(card, closures_in(layered, inputs))


def last_round(inputs: Inputs) -> int:
    """Number of the last round that was needed."""
    return max(int(name.removeprefix("round_")) for name, data in inputs.items()
               if name.startswith("round_") and not data.attributes["spare"])  # fmt: skip


def _spare(inputs: Inputs, number: int) -> bool:
    """Whether the round before has found that both scales agree, or was not needed either."""
    before = inputs.get(f"round_{number - 1}")
    return before is not None and (before.attributes["spare"] or before.attributes["converged"])


def _empty(schema: Schema) -> Data:
    """Tables without rows, of a round that is not needed."""
    kinds = {"i4": np.int32, "f8": np.float64}
    tables = {
        name: {
            column: np.zeros((0, *(d for d in one.dims[1:] if isinstance(d, int))), kinds[one.kind])
            for column, one in columns.items()
        }
        for name, columns in schema.items()
    }
    return Data(tables, {"spare": True})


def _down(
    card: Card, layered: Layered, number: int, inputs: Inputs, _: Data | None
) -> Generator[Progress, None, Data]:  # fmt: skip
    """Roll by the laws there are."""
    if _spare(inputs, number):
        return _empty(PATHS)
    yield Progress(f"paths_{number}", 0.0, "rolling", lambda: Data({}, {}))
    asked = _asked(card, layered, inputs)
    before = inputs.get(f"round_{number - 1}")
    handed = hand_down(asked, asked.laws if before is None else laws_of(before.tables["laws"], asked.laws))
    nip = handed.nip
    about = {
        "spare": False, "note": handed.note, "line_load_N_per_m": in_si(nip.line_load, "N/mm"),
        "peak_pressure_Pa": in_si(nip.peak_pressure, "MPa"), "porosity_exit": nip.porosity_exit,
    }  # fmt: skip
    return Data(paths_tables(handed), about)


def _up(
    card: Card, layered: Layered, answering: Answering, number: int, inputs: Inputs, state: Data | None
) -> Generator[Progress, None, Data]:
    """What the particles answer, and the laws that follow."""
    if _spare(inputs, number):
        return _empty(ROUND)
    assert card.multiscale is not None
    asked, down = _asked(card, layered, inputs), inputs[f"paths_{number}"]
    paths = paths_of(down.tables)
    responses, tables = yield from answering.answer(
        f"round_{number}", inputs, paths, list(card.multiscale.owners()), state
    )
    before = inputs.get(f"round_{number - 1}")
    laws = laws_of(down.tables["laws"], asked.laws)
    handed = Handed(laws, hand_down(asked, laws).nip, paths)
    history = None if before is None else history_of(before.tables, before.attributes, asked.laws)
    learnt = learn(asked, handed, responses, history)
    taught, about = learnt_tables(learnt)
    return Data({**response_tables(responses), **taught, **tables}, {"spare": False, **about})


# --- particles --------------------------------------------------------------------------------------------------------


def boxes_answering(layered: Layered, *, precision: str, schedule: str) -> Answering:
    """Particle boxes as the lower scale. Raises InputError for layers that cannot share a batch."""
    refuse_strangers(layered.cards)
    first, whole = layered.cards[0], [card_to_dict(card) for card in layered.cards]
    keys = ("contact", "fracture", "press", "step", "binder", "seed")
    relaxation = relaxation_of(first.binder)
    save = OfSave(
        periodic=True, branches=0 if relaxation is None else len(relaxation.weights),
        pieces=first.fracture.mode == "replace",
    )  # fmt: skip

    def answer(
        stage: str, inputs: Inputs, paths: tuple[StationPath, ...], layer: list[int], state: Data | None
    ) -> Answer:
        led, shares = who_shares(paths, layer)
        mine = [paths[station] for station in led]
        boxes = boxes_of(layered.cards, [inputs[name] for name in layered.packs], [layer[one] for one in led])
        start = start_of(boxes, mine)
        if state is not None:
            start = resumed(state, boxes.ensemble)
        done = yield from load_work(
            stage, start, path_along(first, boxes, mine), materials=[material_of(first)], precision=precision,
            schedule=schedule,
        )  # fmt: skip
        release = in_unit(first.press.release_stress, "MPa")
        found = responses_of(done.tables["frames"], boxes, mine, release_stress=release)
        peaks = [path.peak for path in mine]
        tables = _lying(done, np.array(led, np.int32)[boxes.path], boxes.replica, [peaks[way] for way in boxes.path])
        return tuple(found[share] for share in shares), tables

    config = {"layers": [{key: one[key] for key in keys} for one in whole],
              "material": [one["electrode"]["active"] for one in whole]}  # fmt: skip
    return Answering(answer, STATE, config, uses_device=True, check_state=lambda state: state_faults(state, save))


def _lying(done: Data, station: np.ndarray, seed: np.ndarray, peaks: list[int]) -> dict[str, Table]:
    """The boxes as they lie after release."""
    frames, bodies, boxes = (done.tables[name] for name in ("frames", "bodies", "boxes"))
    last = np.array([np.flatnonzero(frames["box"] == box)[-1] for box in range(len(seed))])
    # a leg leads to each knot but the first
    tops = np.array([
        np.flatnonzero((frames["box"] == box) & (frames["leg"] == peak - 1))[-1] for box, peak in enumerate(peaks)
    ])  # fmt: skip

    def most(name: str) -> np.ndarray:
        return np.array([frames[name][frames["box"] == box].max() for box in range(len(seed))])

    position = bodies["position"].astype(float) + bodies["rest"]
    return {
        "boxes": {
            "station": station, "seed": seed, "width": in_si(boxes["width"], "um"),
            "depth": in_si(boxes["depth"], "um"), "porosity_nip": frames["porosity"][tops],
            "porosity": frames["porosity"][last], "orientation": frames["orientation_zz"][last],
            "bond_fabric": frames["bond_fabric_zz"][last], "overlap": most("overlap_ratio"),
            "inertial_number": most("inertial_number"),
        },
        "particles": {
            "box": bodies["box"], "position": in_si(position, "um"),
            "radius": in_si(solid_radius(bodies).astype(float), "um"), "clump": bodies["clump"],
        },
    }  # fmt: skip
