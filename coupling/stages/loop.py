"""Stage `loop`: what an exchange between the scales came to, and what the electrode is like at each of its stations."""

import time
from collections.abc import Generator
from dataclasses import replace

import numpy as np

from kalander.continuum.closure.laws import TabulatedClosure
from kalander.continuum.closure.springback import porosity_released
from kalander.coupling.cards.card import Card, card_to_dict
from kalander.coupling.multiscale.boxes import who_shares
from kalander.coupling.multiscale.down import hand_down
from kalander.coupling.multiscale.question import depths_of, question_of
from kalander.coupling.multiscale.tables import laws_of, paths_of
from kalander.coupling.multiscale.vocabulary import Handed, StationPath
from kalander.coupling.nip.names import NUMBERS
from kalander.coupling.nip.roll import NipResult, result_in_si
from kalander.coupling.stages.rounds import (
    Answering,
    Layered,
    boxes_answering,
    closures_in,
    last_round,
    round_stages,
)
from kalander.coupling.stages.transport import State, conductors_of, filler_share, measuring_state
from kalander.coupling.store.store import Data
from kalander.coupling.structure.electronic import conductivity
from kalander.coupling.structure.microstructure import Microstructure
from kalander.coupling.structure.necks import Laid
from kalander.coupling.study.stage import Progress, Stage
from kalander.kernels.columns import Column, Table

__all__ = ["LOOP", "loop_stages"]

LOOK_SECONDS = 0.1  # between looks at signals

Station = ("station",)
BY_SEED = {
    "porosity_nip": "1", "porosity": "1", "cracked": "1", "broken": "1", "recovered": "1", "lateral_ratio": "1",
    "bond_fabric": "1", "orientation": "1",
}  # fmt: skip
LOOP = {
    "rounds": {
        "round": Column("i4", ("round",), "1", "from 1"),
        "line_load": Column("f8", ("round",), "N/m", "by the laws of the round"),
        "peak_pressure": Column("f8", ("round",), "Pa", "by the laws of the round"),
        "next_line_load": Column("f8", ("round",), "N/m", "by the laws that it has taught"),
        "stress": Column("f8", ("round",), "1", "largest miss of the law over the largest stress, on loading"),
        "load": Column("f8", ("round",), "1", "change of the line load by what was taught"),
        "path": Column("f8", ("round",), "1", "largest change of a strain on the way"),
        "noise": Column("f8", ("round",), "1", "standard error of the stress over the seeds, over the largest stress"),
    },
    "stations": {
        "layer": Column("i4", Station, "1", "layer of the card, from the roll"),
        "depth": Column("f8", Station, "1", "of its middle below the roll, over the free coating"),
        "temperature": Column("f8", Station, "K", "largest on its way"),
        "strain": Column("f8", Station, "1", "largest on its way, ln(initial / present thickness)"),
        "peak_pressure": Column("f8", Station, "Pa", "largest stress of the particles, mean over the seeds"),
        **{name: Column("f8", Station, unit, "mean over the seeds", nullable=True) for name, unit in BY_SEED.items()},
        **{f"{name}_sd": Column("f8", Station, unit, "scatter over the seeds", nullable=True)
           for name, unit in BY_SEED.items()},
        "tortuosity": Column("f8", ("station", 3), "1", "along x, y, z, mean over the seeds", nullable=True),
        "tortuosity_sd": Column("f8", ("station", 3), "1", "scatter over the seeds", nullable=True),
        "sigma": Column("f8", ("station", 3), "S/m", "electronic conductivity, mean over the seeds", nullable=True),
        "sigma_sd": Column("f8", ("station", 3), "S/m", "scatter over the seeds", nullable=True),
    },
    "nip": {name: Column("f8", ("law",), unit, f"by the first and by the last laws: {doc}", nullable=True)
            for name, (unit, doc) in NUMBERS.items()},
}  # fmt: skip


def loop_stages(
    card: Card, layered: Layered, *, precision: str, schedule: str, answering: Answering | None = None
) -> tuple[Stage, ...]:
    """All stages of the exchange of a card with [multiscale]; answering: what takes the place of the particles."""
    lower = answering or boxes_answering(layered, precision=precision, schedule=schedule)
    rounds = round_stages(card, layered, lower)
    whole = card_to_dict(card)
    config = {key: whole[key] for key in ("calender", "electrode", "multiscale", "binder", "transport")}
    parents = dict.fromkeys((*layered.closures, *layered.packs, *(stage.name for stage in rounds)))
    end = Stage(
        "loop", 1, tuple(parents), config, LOOP, {},
        lambda inputs, _: _loop(card, layered, inputs, precision=precision, schedule=schedule), uses_device=True,
    )  # fmt: skip
    return (*rounds, end)


def _loop(
    card: Card, layered: Layered, inputs: dict[str, Data], *, precision: str, schedule: str
) -> Generator[Progress, None, Data]:
    last = last_round(inputs)
    closures = closures_in(layered, inputs)
    asked = question_of(card, closures)
    done = inputs[f"round_{last}"]
    final = hand_down(asked, laws_of(done.tables["laws"], asked.laws))
    nips = [result_in_si(hand_down(asked, asked.laws).nip), result_in_si(final.nip)]
    measured = yield from _measured(card, layered, inputs, done, precision=precision, schedule=schedule)
    about = {
        "converged": bool(done.attributes["converged"]), "rounds": last, "notes": _notes(closures, final, nips[1]),
    }  # fmt: skip
    rounds = [(inputs[f"paths_{n}"].attributes, inputs[f"round_{n}"].attributes) for n in range(1, last + 1)]
    table: Table = {"round": np.arange(1, last + 1, dtype=np.int32)}
    table |= {
        "line_load": np.array([down["line_load_N_per_m"] for down, _ in rounds]),
        "peak_pressure": np.array([down["peak_pressure_Pa"] for down, _ in rounds]),
        "next_line_load": np.array([up["next_line_load_N_per_m"] for _, up in rounds]),
        **{name: np.array([up[name] for _, up in rounds]) for name in ("stress", "load", "path", "noise")},
    }
    paths = paths_of(inputs[f"paths_{last}"].tables)
    numbers = {name: np.array([float(getattr(nip, name)) for nip in nips]) for name in NUMBERS}
    return Data({"rounds": table, "stations": _stations(card, paths, done, measured), "nip": numbers}, about)


def _notes(closures: list[TabulatedClosure], final: Handed, nip: NipResult) -> list[str]:
    """What lies outside of what was known."""
    notes = [final.note] if final.note else []
    longest = max(float(closure.strain_limit) for closure in closures)
    reached = float(np.max(nip.layer_strain)) if nip.layer_strain is not None else 0.0
    if reached > longest:
        notes.append(
            f"the nip presses to strain {reached:.3f}, beyond the closure's end at {longest:.3f}: the boxes of the "
            "last round were led there"
        )
    return notes


def _stations(card: Card, paths: tuple[StationPath, ...], done: Data, measured: Table) -> Table:
    """A row a station: of its boxes, or of those of the station whose way it shares."""
    assert card.multiscale is not None
    responses, seeds, boxes = (done.tables[name] for name in ("responses", "seeds", "boxes"))
    owners = list(card.multiscale.owners())
    led, shares = who_shares(paths, owners)
    rows: dict[str, list] = {name: [] for name in LOOP["stations"]}
    for station, path in enumerate(paths):
        own = boxes["station"] == led[shares[station]]
        mine = seeds["station"] == station
        at_peak = (responses["station"] == station) & (responses["knot"] == path.peak)
        stress, lateral = responses["stress"][at_peak], responses["lateral"][at_peak]
        nip, given_back = boxes["porosity_nip"][own], np.exp(seeds["recovered"][mine])
        by_seed = {
            # a box ends where its nip does; without stress it is as thick as what it recovered says
            "porosity": np.array([porosity_released(*one) for one in zip(nip, np.ones(len(nip)), given_back)]),
            **{name: boxes[name][own] for name in ("porosity_nip", "bond_fabric", "orientation")},
            **{name: seeds[name][mine] for name in ("cracked", "broken", "recovered")},
            "lateral_ratio": lateral / stress,
            **{name: measured[name][own] for name in ("tortuosity", "sigma")},
        }
        rows["layer"].append(owners[station])
        rows["depth"].append(depths_of(card)[station])
        rows["temperature"].append(path.temperature.max())
        rows["strain"].append(path.strain.max())
        rows["peak_pressure"].append(stress.mean())
        for name, values in by_seed.items():
            rows[name].append(values.mean(axis=0))
            rows[f"{name}_sd"].append(
                values.std(axis=0, ddof=1) if len(values) > 1 else np.full_like(values[0], np.nan)
            )
    return {name: np.array(column, np.int32 if name == "layer" else float) for name, column in rows.items()}


def _measured(
    card: Card, layered: Layered, inputs: dict[str, Data], done: Data, *, precision: str, schedule: str
) -> Generator[Progress, None, Table]:
    """Tortuosity and conductivity of every box after release; NaN where the card wants no transport."""
    assert card.multiscale is not None
    boxes, owners = done.tables["boxes"], list(card.multiscale.owners())
    found: dict[str, list[np.ndarray]] = {"tortuosity": [], "sigma": []}
    looked = -np.inf
    if not card.transport.measured:
        return {name: np.full((len(boxes["seed"]), 3), np.nan) for name in found}
    for box in range(len(boxes["seed"])):
        layer = owners[int(boxes["station"][box])]
        state = _state(layered.cards[layer], inputs[layered.packs[layer]], done, box)
        steps = measuring_state(layered.cards[layer], state, [], precision=precision, on_host=schedule == "boxes")
        while True:
            if time.monotonic() - looked >= LOOK_SECONDS:
                share, text = box / len(boxes["seed"]), f"box {box + 1} of {len(boxes['seed'])}"
                yield Progress("loop", share, text, lambda: Data({}, {}))
                looked = time.monotonic()
            try:
                next(steps)
            except StopIteration as end:
                found["tortuosity"].append(np.asarray(end.value["tortuosity"], float))
                break
        inside = _whole(layered.cards[layer], inputs[layered.packs[layer]], done, box)
        found["sigma"].append(np.array(conductivity(inside.network(conductors_of(layered.cards[layer]))).sigma))
    return {name: np.array(values).reshape(-1, 3) for name, values in found.items()}


def _state(card: Card, packed: Data, done: Data, box: int) -> State:
    """A box after release, cut out of the coating: what reaches over an end of z reaches in at the other."""
    boxes, particles = done.tables["boxes"], done.tables["particles"]
    replica, depth, width = int(boxes["seed"][box]), float(boxes["depth"][box]), boxes["width"][box]
    here = particles["box"] == box
    radius, clump = particles["radius"][here], particles["clump"][here]
    size = np.array([*width, depth])
    position = particles["position"][here]
    body = np.where(clump >= 0, clump, np.arange(len(clump)) + int(clump.max(initial=-1)) + 1)
    position = position - size * np.floor(_centres(position, body) / size)
    images = [(position, radius, body)]
    for shift in (-depth, depth):
        moved = position + np.array([0.0, 0.0, shift])
        reaches = (moved[:, 2] + radius > 0.0) & (moved[:, 2] - radius < depth)
        images.append((moved[reaches], radius[reaches], body[reaches] + int(body.max()) + 1 if shift < 0 else
                       body[reaches] + 2 * (int(body.max()) + 1)))  # fmt: skip
    position, radius, body = (np.concatenate(column) for column in zip(*images, strict=True))
    first = packed.tables["boxes"]
    bulk = float(np.prod(first["width"][replica]) * first["height"][replica])
    structure = Microstructure(
        position=position, radius=radius, width=width, height=depth, binder_volume=filler_share(card) * bulk,
        reach=card.binder.bridging_distance, body=body,
    )  # fmt: skip
    return State(0.0, replica, float(boxes["porosity"][box]), structure)


def _whole(card: Card, packed: Data, done: Data, box: int) -> Microstructure:
    """The same for electrons: each particle once, with the bonds that it was laid with; those across an end part."""
    particles, boxes, replica = done.tables["particles"], done.tables["boxes"], int(done.tables["boxes"]["seed"][box])
    structure = _state(card, packed, done, box).structure
    count = int((particles["box"] == box).sum())
    bonds = packed.tables["bonds"]
    first, second, radius, length = (
        bonds[name][bonds["box"] == replica] for name in ("first", "second", "radius", "length")
    )
    laid = None
    if int((packed.tables["particles"]["box"] == replica).sum()) == count:  # no pieces stand for particles
        laid = Laid(first, second, radius, length - structure.radius[first] - structure.radius[second])
    body = None if structure.body is None else structure.body[:count]
    return replace(
        structure, position=structure.position[:count], radius=structure.radius[:count], body=body, laid=laid,
        height=float(boxes["depth"][box]),
    )  # fmt: skip


def _centres(position: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Mean place of the body of each sphere, so that members of one body stay together."""
    _, index = np.unique(body, return_inverse=True)
    count = np.bincount(index)
    return np.column_stack([np.bincount(index, column) / count for column in position.T])[index]
