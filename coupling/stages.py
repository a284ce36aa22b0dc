"""The stages of a study: recipe → packing → pressed → closure → nip. Each is a generator over the physics below it."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np

from kalander.coupling.card import Card, card_to_dict
from kalander.coupling.homogenise import CLOSURE, closure_table
from kalander.coupling.nipping import NIP, nip_tables
from kalander.coupling.scales import (
    from_si,
    material_of,
    press_settings,
    recipe_of,
    si_schema,
    time_step,
    to_si,
    with_binder,
)
from kalander.coupling.stage import Progress, Stage
from kalander.coupling.store import Data
from kalander.dem.binder import make_bonds
from kalander.dem.compaction import FRAME, PROTOCOL, Moment, PressState, new_press, press
from kalander.dem.generate import generate
from kalander.dem.material import binder_constants, contact_constants
from kalander.dem.packing import Packing, assemble, spatial_order
from kalander.dem.recipe import Volume, representative_volume
from kalander.dem.state import BODY, BOND, BOX, CONTACT, Ensemble
from kalander.kernels.columns import Column, Table

__all__ = ["card_stages", "packings_of", "press_ensemble", "schedule_for"]

PACKED = {
    "particles": {
        "box": Column("i4", ("particle",), "1", "representative volume"),
        "position": Column("f8", ("particle", 3), "m", "centre"),
        "radius": Column("f8", ("particle",), "m", "radius"),
    },
    "bonds": {
        "box": Column("i4", ("bond",), "1", "representative volume"),
        "first": Column("i4", ("bond",), "1", "particle of the box, from 0"),
        "second": Column("i4", ("bond",), "1", "particle of the box, from 0, larger than the first"),
        "radius": Column("f8", ("bond",), "m", "radius of the binder bridge"),
        "length": Column("f8", ("bond",), "m", "centre distance at rest"),
    },
    "boxes": {
        "width": Column("f8", ("box", 2), "m", "periodic lengths in x and y"),
        "height": Column("f8", ("box",), "m", "coating thickness, one side"),
        "solids": Column("f8", ("box",), "m^3", "solids of all kinds"),
        "bridged": Column("f8", ("box",), "1", "share of the binder domain that sits in bridges; the rest is films"),
    },
}

HALF_PACKED = {
    **{f"done_{name}": columns for name, columns in PACKED.items()},
    "wet": {"position": Column("f8", ("sphere", 3), "um", "centres of the packing being dried, as they stand")},
}

PRESSED = {
    "frames": si_schema(FRAME),
    "boxes": {
        "stress": Column("f8", ("box",), "Pa", "stress pressed to"),
        "replica": Column("i4", ("box",), "1", "packing it started from"),
        "reached": Column("i4", ("box",), "1", "1 if the stress was met"),
        "width": Column("f8", ("box", 2), "m", "periodic lengths in x and y"),
        "start_height": Column("f8", ("box",), "m", "coating thickness before, one side"),
    },
    "particles": {
        "box": Column("i4", ("particle",), "1", "box"),
        "position": Column("f8", ("particle", 3), "m", "centre after release"),
        "radius": Column("f8", ("particle",), "m", "radius"),
        "cracked": Column("i4", ("particle",), "1", "1 where the load ever exceeded the strength"),
    },
}

HALF_PRESSED = {
    "bodies": BODY,
    "contacts": CONTACT,
    "bonds": BOND,
    "boxes": BOX,
    "protocol": PROTOCOL,
    "frames": FRAME,
    "cracks": {"cracked": Column("i4", ("body",), "1", "1 where ever over-stressed")},
}


def card_stages(card: Card, *, precision: str = "f64", schedule: str = "boxes") -> tuple[Stage, ...]:
    """Stages of a card in order. Each names the slice of the card its result depends on."""
    whole = card_to_dict(card)
    pack_keys = ("seed", "electrode", "binder", "boxes")
    press_keys = ("contact", "fracture", "press", "step", "binder")
    return (
        Stage("pack", 1, (), _slice(whole, pack_keys), PACKED, HALF_PACKED, lambda _, state: _pack(card, state)),
        Stage(
            "press", 1, ("pack",), {**_slice(whole, press_keys), "material": whole["electrode"]["active"]},
            PRESSED, HALF_PRESSED,
            lambda inputs, state: _press(card, inputs["pack"], state, precision, schedule),
            uses_device=True, check_state=_state_faults,
        ),
        Stage("closure", 1, ("press",), {}, CLOSURE, {}, lambda inputs, _: _closure(card, inputs["press"])),
        Stage(
            "nip", 1, ("closure",), _slice(whole, ("calender", "electrode", "press")), NIP, {},
            lambda inputs, _: _nip(card, inputs["closure"]),
        ),
    )  # fmt: skip


def _slice(whole: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: whole[key] for key in keys}


def schedule_for(device_kind: str, threads: int, particles: int, boxes: int) -> str:
    """Schedule that suits the work; the result does not depend on it. A thread a box while there are boxes for all."""
    if device_kind != "cpu":
        return "pairs"
    return "boxes" if boxes >= threads or particles < 4000 * boxes else "pairs"


# --- pack -----------------------------------------------------------------------------------------------------------


def _pack(card: Card, state: Data | None) -> Generator[Progress, None, Data]:
    """Dry one packing a replica; a state holds the finished ones and the one in work."""
    replicas = card.boxes.replicas
    done = _unpacked(state) if state else {name: _empty(columns) for name, columns in PACKED.items()}
    first = state.attributes["replica"] if state else 0
    resumed = (state.attributes["round"], state.tables["wet"]["position"]) if state else None
    for replica in range(first, replicas):
        rng = np.random.Generator(np.random.Philox(key=[card.seed, replica]))
        volume = representative_volume(recipe_of(card), card.boxes.width * 1e6, rng)
        width = np.array([volume.width, volume.width])
        reach = card.binder.bridging_distance * 1e6
        radius = volume.diameters / 2
        for share, number, position in generate(radius, width, volume.height, reach=reach, rng=rng, start=resumed):
            yield Progress(
                "pack", (replica + share) / replicas, f"packing {replica + 1} of {replicas}",
                _wet_snapshot(done, replica, number, position), counters={"rounds": number},
            )  # fmt: skip
        resumed = None
        done = _with_packing(done, replica, _finish(card, volume, radius, position))
    return Data(done, {})


def _wet_snapshot(done: dict[str, Table], replica: int, number: int, position: np.ndarray) -> Callable[[], Data]:
    def snapshot() -> Data:
        tables = {f"done_{name}": table for name, table in done.items()}
        return Data({**tables, "wet": {"position": position.copy()}}, {"replica": replica, "round": number})

    return snapshot


def _unpacked(state: Data) -> dict[str, Table]:
    return {name: state.tables[f"done_{name}"] for name in PACKED}


def _empty(columns: Mapping[str, Column]) -> Table:
    return {
        name: np.zeros((0, *(d for d in column.dims if isinstance(d, int))), column.kind)
        for name, column in columns.items()
    }


def _finish(card: Card, volume: Volume, radius: np.ndarray, position: np.ndarray) -> dict[str, Table]:
    """Order the particles along a space-filling curve, lay the bonds, and say it in SI."""
    order = spatial_order(position, 2.0 * radius.max())
    position, radius = position[order], radius[order]
    width = np.array([volume.width, volume.width])
    bonds, held = make_bonds(
        position, radius, width,
        binder_domain=volume.binder_domain, bridging_distance=card.binder.bridging_distance * 1e6,
    )  # fmt: skip
    return {
        "particles": {"position": position * 1e-6, "radius": radius * 1e-6},
        "bonds": {
            "first": bonds["first"],
            "second": bonds["second"],
            "radius": bonds["radius"] * 1e-6,
            "length": bonds["length"] * 1e-6,
        },
        "boxes": {
            "width": width[None, :] * 1e-6,
            "height": np.array([volume.height]) * 1e-6,
            "solids": np.array([volume.solids]) * 1e-18,
            "bridged": np.array([held]),
        },
    }  # fmt: skip


def _with_packing(done: dict[str, Table], replica: int, packing: dict[str, Table]) -> dict[str, Table]:
    joined: dict[str, Table] = {}
    for name, columns in PACKED.items():
        fresh = packing[name]
        if "box" in columns:
            fresh = {"box": np.full(len(fresh["radius"]), replica, np.int32), **fresh}
        joined[name] = {column: np.concatenate([done[name][column], fresh[column]]) for column in columns}
    return joined


def packings_of(packed: Data) -> list[Packing]:
    """Stored packings in micrometres, one a replica."""
    particles, bonds, boxes = (packed.tables[name] for name in ("particles", "bonds", "boxes"))
    found = []
    for box in range(len(boxes["height"])):
        here, of_box = particles["box"] == box, bonds["box"] == box
        count = int(of_box.sum())
        found.append(
            Packing(
                position=from_si(particles["position"][here], "um"),
                radius=from_si(particles["radius"][here], "um"),
                material=np.zeros(int(here.sum()), np.int32),
                width=from_si(boxes["width"][box], "um"),
                height=float(from_si(boxes["height"][box], "um")),
                bonds={
                    "first": bonds["first"][of_box],
                    "second": bonds["second"][of_box],
                    "radius": from_si(bonds["radius"][of_box], "um"),
                    "length": from_si(bonds["length"][of_box], "um"),
                    "intact": np.ones(count, np.int32),
                    "shear": np.zeros((count, 3)),
                    "bending": np.zeros((count, 3)),
                    "twist": np.zeros(count),
                },
            )
        )
    return found


# --- press ----------------------------------------------------------------------------------------------------------


def press_ensemble(card: Card, packed: Data) -> tuple[Ensemble, np.ndarray]:
    """All packings once for each stress of the card, as one batch; and the solids of each box [µm³]."""
    packings = packings_of(packed) * len(card.press.stress)
    material = material_of(card)
    smallest = min(packing.radius.min() for packing in packings)
    ensemble = assemble(
        packings,
        density=np.array([material.density]),
        contact=contact_constants(
            [material, material], card.contact.friction,
            tangential_damping=card.contact.tangential_damping, attraction=card.contact.attraction,
        ),
        binder=binder_constants(with_binder(card)),
        dt=time_step(card, smallest),
        law=card.contact.law,
    )  # fmt: skip
    return ensemble, np.tile(from_si(packed.tables["boxes"]["solids"], "um^3"), len(card.press.stress))


def _press(
    card: Card, packed: Data, state: Data | None, precision: str, schedule: str
) -> Generator[Progress, None, Data]:
    ensemble, solid = press_ensemble(card, packed)
    replicas = card.boxes.replicas
    target = np.repeat(from_si(card.press.stress, "MPa"), replicas)
    start = _press_state(state, ensemble) if state else new_press(ensemble, target=target, solid=solid)
    settings = press_settings(card, float(ensemble.bodies["radius"].min()))
    moments = press(start, settings, materials=[material_of(card)], precision=precision, schedule=schedule)
    final = yield from _as_progress(moments, len(target))
    bodies, protocol = final.ensemble.bodies, final.protocol
    boxes: Table = {
        "stress": target * 1e6,
        "replica": np.tile(np.arange(replicas, dtype=np.int32), len(card.press.stress)),
        "reached": protocol["reached"],
        "width": final.ensemble.boxes["width"] * 1e-6,
        "start_height": protocol["start_height"] * 1e-6,
    }
    particles = {
        "box": bodies["box"],
        "position": (bodies["position"].astype(float) + bodies["rest"]) * 1e-6,
        "radius": bodies["radius"].astype(float) * 1e-6,
        "cracked": final.cracked,
    }
    return Data({"frames": to_si(final.frames, FRAME), "boxes": boxes, "particles": particles}, {})


def _as_progress(moments: Generator[Moment, None, PressState], boxes: int) -> Generator[Progress, None, PressState]:
    while True:
        try:
            moment = next(moments)
        except StopIteration as stop:
            return stop.value
        yield Progress(
            "press", moment.fraction, f"{moment.boxes_done} of {boxes} boxes done, {moment.stress.max():.3g} MPa",
            _press_snapshot(moment), boundary=moment.turned,
            counters={"steps": moment.steps},
        )  # fmt: skip


def _press_snapshot(moment: Moment) -> Callable[[], Data]:
    return lambda: _press_data(moment.snapshot())


def _press_data(state: PressState) -> Data:
    ensemble = state.ensemble
    tables = {
        "bodies": ensemble.bodies,
        "contacts": ensemble.contacts,
        "bonds": ensemble.bonds,
        "boxes": ensemble.boxes,
        "protocol": state.protocol,
        "frames": state.frames,
        "cracks": {"cracked": state.cracked},
    }
    return Data(tables, {})


def _press_state(data: Data, ensemble: Ensemble) -> PressState:
    """State of the boxes as stored, with the laws of the card."""
    tables = data.tables
    stored = Ensemble(
        tables["bodies"], tables["contacts"], tables["bonds"], tables["boxes"], ensemble.lawbook, ensemble.law
    )
    return PressState(stored, tables["protocol"], tables["frames"], tables["cracks"]["cracked"])


def _state_faults(state: Data) -> list[str]:
    """What is wrong with stored boxes beyond their columns: ids that are no permutation, rows out of range."""
    bodies, boxes = state.tables["bodies"], state.tables["boxes"]
    faults = []
    count = len(bodies["id"])
    start, size = boxes["body_start"], boxes["body_count"]
    if (
        len(start) == 0
        or start[0] != 0
        or (size < 1).any()
        or not np.array_equal(np.cumsum(size)[:-1], start[1:])
        or size.sum() != count
    ):
        return ["boxes do not share out the bodies"]
    if not np.array_equal(bodies["box"], np.repeat(np.arange(len(size)), size)):
        faults.append("bodies are not in their boxes")
    if any(not np.array_equal(np.sort(bodies["id"][s : s + n]), np.arange(n)) for s, n in zip(start, size)):
        faults.append("ids of a box are not a permutation")
    for name in ("contacts", "bonds"):
        first, second = state.tables[name]["first"], state.tables[name]["second"]
        if ((first < 0) | (second <= first) | (second >= count)).any():
            faults.append(f"{name} join bodies that do not exist")
    if (bodies["material"] != 0).any() or not (bodies["radius"] > 0).all() or not (bodies["mass"] > 0).all():
        faults.append("bodies without material, radius or mass")
    return faults


# --- closure and nip ------------------------------------------------------------------------------------------------


def _closure(card: Card, pressed: Data) -> Generator[Progress, None, Data]:
    yield Progress("closure", 0.0, "fitting the pressing curves", lambda: Data({}, {}))
    return closure_table(pressed, porosity=card.electrode.porosity)


def _nip(card: Card, closure: Data) -> Generator[Progress, None, Data]:
    yield Progress("nip", 0.0, "rolling", lambda: Data({}, {}))
    return nip_tables(card, closure)
