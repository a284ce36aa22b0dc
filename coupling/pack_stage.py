"""Stage `pack`: recipe to dried packings with their bonds, one a replica."""

from collections.abc import Callable, Generator, Mapping

import numpy as np

from kalander.coupling.card import Card
from kalander.coupling.scales import from_si, recipe_of
from kalander.coupling.stage import Progress
from kalander.coupling.store import Data
from kalander.dem.binder import make_bonds
from kalander.dem.generate import generate
from kalander.dem.packing import Packing, spatial_order
from kalander.dem.recipe import Volume, representative_volume
from kalander.kernels.columns import Column, Table

__all__ = ["HALF_PACKED", "PACKED", "pack_work", "packings_of"]

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


def pack_work(card: Card, state: Data | None) -> Generator[Progress, None, Data]:
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
