"""Stage `pack`: recipe to dried packings with their bonds, one a replica."""

from collections.abc import Callable, Generator, Iterator, Mapping

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.particles import shape_of
from kalander.coupling.packings.stored import PACKED
from kalander.coupling.packings.stored_faults import pack_faults
from kalander.coupling.scales import in_si, in_unit, recipe_of
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress
from kalander.dem.bodies.clumps import place_clumps
from kalander.dem.bodies.shapes import Shape, scaled
from kalander.dem.bodies.state import CLUMP, empty_table
from kalander.dem.packing.binder import make_bonds
from kalander.dem.packing.deposit import deposit, draw_orientations
from kalander.dem.packing.generate import generate
from kalander.dem.packing.packing import spatial_order
from kalander.dem.packing.recipe import Volume, representative_volume
from kalander.kernels.columns import Column, Table

__all__ = ["HALF_PACKED", "half_packed_faults", "pack_work", "replica_generator"]


HALF_PACKED = {
    **{f"done_{name}": columns for name, columns in PACKED.items()},
    "wet": {
        "position": Column("f8", ("sphere", 3), "um", "centres of the packing being dried, as they stand"),
        "orientation": Column("f8", ("platelet", 4), "1", "unit quaternions of the platelets being dried"),
    },
}


def pack_work(card: Card, state: Data | None) -> Generator[Progress, None, Data]:
    """Dry one packing a replica; a state holds the finished ones and the one in work."""
    replicas = card.boxes.replicas
    done = _unpacked(state) if state else {name: _empty(columns) for name, columns in PACKED.items()}
    first = state.attributes["replica"] if state else 0
    resumed = (state.attributes["round"], state.tables["wet"]) if state else None
    for replica in range(first, replicas):
        rng = replica_generator(card, replica)
        volume = representative_volume(recipe_of(card), in_unit(card.boxes.width, "um"), rng)
        for share, number, film in _dried(card, volume, rng, resumed):
            yield Progress(
                "pack", (replica + share) / replicas, f"packing {replica + 1} of {replicas}",
                _wet_snapshot(done, replica, number, film), counters={"rounds": number},
            )  # fmt: skip
        resumed = None
        done = _with_packing(done, replica, _finish(card, volume, film))
    return Data(done, {})


def replica_generator(card: Card, replica: int) -> np.random.Generator:
    """Random numbers of a replica as its packing begins."""
    return np.random.Generator(np.random.Philox(key=[card.seed, replica]))


def half_packed_faults(card: Card, state: Data) -> Iterator[str]:
    """What is wrong with a save beyond its columns: packings that cannot be, a film of other particles."""
    replica, number, wet = state.attributes.get("replica"), state.attributes.get("round"), state.tables["wet"]
    if not isinstance(replica, int) or not 0 <= replica < card.boxes.replicas or not isinstance(number, int):
        yield "it does not say which packing is in work, or says one that does not exist"
        return
    done = _unpacked(state)
    if len(done["boxes"]["height"]) != replica:
        yield f"{len(done['boxes']['height'])} packings are done, and number {replica} is in work"
    elif replica > 0:
        yield from pack_faults(Data(done), {})
    volume = representative_volume(recipe_of(card), in_unit(card.boxes.width, "um"), replica_generator(card, replica))
    flakes = card.electrode.particles.shape is not None
    count = len(volume.diameters)
    if (len(wet["position"]), len(wet["orientation"])) != (count, count if flakes else 0):
        yield f"the film in work has {len(wet['position'])} particles, of {count}"
    elif (np.abs(wet["position"]) > 1e6 * max(volume.width, volume.height)).any():
        yield "the film in work is far from its box"
    elif not np.allclose(np.linalg.norm(wet["orientation"], axis=1), 1.0, atol=1e-4):
        yield "orientations of the film in work are no unit quaternions"
    if number < 0:
        yield "the round in work is negative"


def _shapes(card: Card, volume: Volume) -> list[Shape] | None:
    """Shape of every particle [µm]; None for spheres."""
    shape = shape_of(card.electrode.particles)
    return None if shape is None else [scaled(shape, diameter) for diameter in volume.diameters]


def _dried(
    card: Card, volume: Volume, rng: np.random.Generator, start: tuple[int, Table] | None
) -> Iterator[tuple[float, int, Table]]:
    """Share done, round and the film as it stands: positions, and orientations of platelets."""
    width, reach = np.array([volume.width, volume.width]), in_unit(card.binder.bridging_distance, "um")
    shapes, flake = _shapes(card, volume), card.electrode.particles.shape
    if shapes is not None and flake is not None:
        orientation = draw_orientations(
            len(shapes), rng, alignment=flake.alignment, machine_bias=flake.machine_bias
        )  # fmt: skip
        yield from deposit(
            shapes, width, volume.height, reach=reach, orientation=orientation, rng=rng, start=start
        )  # fmt: skip
        return
    begin = None if start is None else (start[0], start[1]["position"])
    radius = volume.diameters / 2
    drying = generate(radius, width, volume.height, reach=reach, rng=rng, start=begin, bands=volume.bands)
    for share, number, position in drying:
        yield share, number, {"position": position, "orientation": np.zeros((0, 4))}


def _wet_snapshot(done: dict[str, Table], replica: int, number: int, film: Table) -> Callable[[], Data]:
    def snapshot() -> Data:
        tables = {f"done_{name}": table for name, table in done.items()}
        return Data(
            {**tables, "wet": {name: column.copy() for name, column in film.items()}},
            {"replica": replica, "round": number},
        )

    return snapshot


def _unpacked(state: Data) -> dict[str, Table]:
    return {name: state.tables[f"done_{name}"] for name in PACKED}


def _empty(columns: Mapping[str, Column]) -> Table:
    return {
        name: np.zeros((0, *(d for d in column.dims if isinstance(d, int))), column.kind)
        for name, column in columns.items()
    }


def _finish(card: Card, volume: Volume, film: Table) -> dict[str, Table]:
    """Order the particles along a space-filling curve, lay the bonds, and say it in SI."""
    order = spatial_order(film["position"], float(volume.diameters.max()))
    position, radius = film["position"][order], volume.diameters[order] / 2
    width = np.array([volume.width, volume.width])
    shapes = _shapes(card, volume)
    clumps, clump, offset = empty_table(CLUMP), np.full(len(radius), -1, np.int32), np.zeros((len(radius), 3))
    if shapes is not None:
        ordered = [shapes[particle] for particle in order]
        position, radius, clumps, members = place_clumps(ordered, position, film["orientation"][order])
        clump, offset = np.repeat(np.arange(len(order), dtype=np.int32), clumps["count"]), members["offset"]
    bonds, held = make_bonds(
        position, radius, width, clump=clump,
        binder_domain=volume.binder_domain, bridging_distance=in_unit(card.binder.bridging_distance, "um"),
    )  # fmt: skip
    return {
        "particles": {
            "position": in_si(position, "um"),
            "radius": in_si(radius, "um"),
            "clump": clump,
            "offset": in_si(offset, "um"),
        },
        "clumps": {
            "first": clumps["first"],
            "count": clumps["count"],
            "position": in_si(clumps["position"], "um"),
            "orientation": clumps["orientation"],
            "volume": in_si(clumps["volume"], "um^3"),
            "inertia": in_si(clumps["inertia"], "um^5"),
        },
        "bonds": {
            "first": bonds["first"],
            "second": bonds["second"],
            "radius": in_si(bonds["radius"], "um"),
            "length": in_si(bonds["length"], "um"),
        },
        "boxes": {
            "width": in_si(width[None, :], "um"),
            "height": in_si(np.array([volume.height]), "um"),
            "solids": in_si(np.array([volume.solid_volume]), "um^3"),
            "bridged": np.array([held]),
        },
    }  # fmt: skip


def _with_packing(done: dict[str, Table], replica: int, packing: dict[str, Table]) -> dict[str, Table]:
    joined: dict[str, Table] = {}
    for name, columns in PACKED.items():
        fresh = packing[name]
        if "box" in columns:
            fresh = {"box": np.full(len(next(iter(fresh.values()))), replica, np.int32), **fresh}
        joined[name] = {column: np.concatenate([done[name][column], fresh[column]]) for column in columns}
    return joined
