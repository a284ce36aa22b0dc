"""Stage `transport`: ions, electrons and fabric of every packing, as laid and after each press and release."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.electrode import volume_fractions
from kalander.coupling.cards.estimates import voxel_of
from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.store.store import Data
from kalander.coupling.structure.electronic import conductivity
from kalander.coupling.structure.film_network import Conductors
from kalander.coupling.structure.images import ACTIVE, BINDER, PORE
from kalander.coupling.structure.ionic import TOLERANCE, joined_by_faces, measuring
from kalander.coupling.structure.microstructure import Microstructure
from kalander.coupling.structure.necks import Laid
from kalander.coupling.structure.transport_bounds import LIMITS, limits, transport_flags
from kalander.coupling.structure.voxelise import Voxels, voxelising
from kalander.coupling.study.stage import Progress
from kalander.kernels.columns import Column
from kalander.kernels.device.steps import Steps
from kalander.kernels.errors import CheckpointError
from kalander.kernels.quantities import tortuosity

__all__ = [
    "HALF_MEASURED", "TRANSPORT", "State", "conductors_of", "filler_share", "half_measured_faults", "measuring_state",
    "states_of", "transport_work",
]  # fmt: skip

SINGLE_TOLERANCE = 1e-4  # relative error of the flux that single precision can promise
FAR = 1.0  # electrolyte
LOOK_SECONDS = 0.1  # between looks at signals: a state takes seconds to minutes

TRANSPORT = {
    "states": {
        "stress": Column("f8", ("state",), "Pa", "stress pressed to and released from; 0 as laid"),
        "replica": Column("i4", ("state",), "1", "packing"),
        "porosity": Column("f8", ("state",), "1", "by the volume balance, nanopores included"),
        "porosity_voxels": Column("f8", ("state",), "1", "of the voxels, nanopores included; overlaps count once"),
        "binder_domain": Column("f8", ("state",), "1", "volume fraction of the binder domain in the voxels"),
        "effective_ratio": Column("f8", ("state", 3), "1", "D_eff/D_0 along x, y, z"),
        "tortuosity": Column("f8", ("state", 3), "1", "porosity_voxels over effective_ratio", nullable=True),
        "flux_error": Column("f8", ("state", 3), "1", "estimated relative error of effective_ratio"),
        "sigma": Column("f8", ("state", 3), "S/m", "electronic conductivity along x, y, z"),
        "connected": Column("f8", ("state",), "1", "share of the active volume joined to the collector"),
        "backbone": Column("f8", ("state",), "1", "share of the particles that carry current along z"),
        "contact_resistance": Column("f8", ("state",), "ohm m^2", "of the collector", nullable=True),
        "fabric": Column("f8", ("state", 3, 3), "1", "fabric tensor of contacts"),
        **LIMITS,
    }
}

HALF_MEASURED = {
    **TRANSPORT,
    "axes": {
        "effective_ratio": Column("f8", ("axis",), "1", "D_eff/D_0 of the state in work along x, y, z, those solved"),
        "flux_error": Column("f8", ("axis",), "1", "estimated relative error of effective_ratio"),
    },
}

Row = dict[str, np.ndarray | float | int]


@dataclass(frozen=True)
class State:
    """A packing of a study at one state: porosity by the volume balance, and its geometry."""

    stress: float
    replica: int
    porosity: float
    structure: Microstructure


def states_of(card: Card, packed: Data, pressed: Data) -> Iterator[State]:
    """Every packing as laid, then after each press and release."""
    boxes, frames = pressed.tables["boxes"], pressed.tables["frames"]
    laid, bonds, conductors = packed.tables["boxes"], [], conductors_of(card)
    for replica in range(len(laid["height"])):
        here = packed.tables["particles"]["box"] == replica
        structure = _structure(card, packed, replica, packed.tables["particles"], here, float(laid["height"][replica]))
        structure = replace(structure, laid=_bonds(packed, replica, structure))
        bonds.append((structure.laid, len(structure.radius)))
        yield State(0.0, replica, card.electrode.porosity, structure)
    for box in range(len(boxes["stress"])):
        _, released = loaded_and_released(frames, box)
        here, replica = pressed.tables["particles"]["box"] == box, int(boxes["replica"][box])
        height = float(frames["height"][released])
        structure = _structure(card, packed, replica, pressed.tables["particles"], here, height)
        laid_bonds, count = bonds[replica]
        if len(structure.radius) == count:  # where pieces stand for particles, necks are laid out anew
            structure = replace(structure, laid=laid_bonds)
            squeezed = structure.domain(conductors.film_share, conductors.nanopores).whole()
            structure = replace(structure, domain_volume=squeezed)
        yield State(float(boxes["stress"][box]), replica, float(frames["porosity"][released]), structure)


def _structure(
    card: Card, packed: Data, replica: int, particles: dict[str, np.ndarray], here: np.ndarray, height: float
) -> Microstructure:
    boxes = packed.tables["boxes"]
    width = np.asarray(boxes["width"][replica], float)
    bulk = float(width.prod() * boxes["height"][replica])
    return Microstructure(
        position=particles["position"][here], radius=particles["radius"][here], width=width, height=height,
        binder_volume=filler_share(card) * bulk, reach=card.binder.bridging_distance, body=_bodies(particles, here),
    )  # fmt: skip


def _bonds(packed: Data, replica: int, structure: Microstructure) -> Laid:
    """Bonds of a packing as stored, and what its particles share with the plates: necks as thick as between them."""
    bonds = packed.tables["bonds"]
    own = structure.bonds_as_laid()
    first, second, radius, length = (
        bonds[name][bonds["box"] == replica] for name in ("first", "second", "radius", "length")
    )
    ends = structure.radius[first], structure.radius[second]
    thickness = float(np.median(radius / np.minimum(*ends))) if len(radius) else 1.0
    plates = own.second >= len(structure.radius)
    return Laid(
        np.append(first, own.first[plates]), np.append(second, own.second[plates]),
        np.append(radius, thickness * own.radius[plates]), np.append(length - ends[0] - ends[1], own.gap[plates]),
    )  # fmt: skip


def _bodies(particles: dict[str, np.ndarray], here: np.ndarray) -> np.ndarray | None:
    """Body of each sphere where some are members of clumps: those of one clump are one body."""
    if "clump" not in particles:
        return None
    clump = particles["clump"][here]
    alone = np.arange(len(clump)) + int(clump.max(initial=-1)) + 1
    return np.where(clump >= 0, clump, alone)


def filler_share(card: Card) -> float:
    """Volume fraction, as laid, of the binder domain with its nanopores and of the graphite that sits in it."""
    shares = volume_fractions(card.electrode)
    return shares["binder_domain_solids"] / (1 - card.binder.nanoporosity) + shares["additive"]


def conductors_of(card: Card) -> Conductors:
    """What conducts electrons in the packings of a card."""
    section = card.transport
    return Conductors(
        active=section.active_conductivity, binder=section.binder_conductivity, film_share=section.binder_film_share,
        density_exponent=section.binder_density_exponent, nanopores=nanoporosity(card),
    )  # fmt: skip


def nanoporosity(card: Card) -> float:
    """Pores inside the binder domain over its volume, the graphite in it being solid."""
    solids, nano = volume_fractions(card.electrode)["binder_domain_solids"], card.binder.nanoporosity
    filler = filler_share(card)
    return solids * nano / (1 - nano) / filler if filler > 0 else 0.0


def _share_laid(structure: Microstructure) -> float:
    """Volume of the binder domain as laid over that of this state, at least 1: some of its nanopores are closed."""
    return structure.binder_volume / structure.present_volume if structure.present_volume > 0 else 1.0


def measuring_state(
    card: Card, state: State, axes: list[tuple[float, float]], *, precision: str, on_host: bool
) -> Steps[Row]:
    """One row of the table; yields where it can be left. axes: ratio and error of those solved, to which it adds."""
    section, structure = card.transport, state.structure
    voxel = voxel_of(card.electrode, section)
    where = {"precision": precision, "on_host": on_host}
    body = structure.voxel_body()
    voxels = yield from voxelising(body, voxel, rule=section.binder_rule, exact=True, **where)  # type: ignore[arg-type]
    nano = 1.0 - (1.0 - nanoporosity(card)) * _share_laid(structure)
    porosity = voxels.porosity(nano)
    yield from _ions(axes, voxels, section.binder_diffusivity, precision, on_host)
    ratio, error = np.array(axes).T
    conductors = conductors_of(card)
    electrons = conductivity(structure.network(conductors))
    resistance = electrons.contact_resistance
    return {
        "stress": state.stress,
        "replica": state.replica,
        "porosity": state.porosity,
        "porosity_voxels": porosity,
        "binder_domain": voxels.fraction(BINDER),
        "effective_ratio": ratio,
        "tortuosity": tortuosity(porosity, ratio),
        "flux_error": error,
        "sigma": np.array(electrons.sigma),
        "connected": electrons.connected,
        "backbone": electrons.backbone,
        "contact_resistance": np.nan if resistance is None else resistance,
        "fabric": structure.contact_fabric(),
        **limits(voxels, section, structure.conductor_limits(conductors)),
    }


def _ions(axes: list[tuple[float, float]], voxels: Voxels, binder: float, precision: str, on_host: bool) -> Steps[None]:
    """D_eff/D_0 along x, y, z and its error; the platens let nothing through sideways."""
    tolerance = TOLERANCE if precision == "f64" else SINGLE_TOLERANCE
    diffusivity = {PORE: FAR, BINDER: binder, ACTIVE: 0.0}
    assert voxels.open_shares is not None
    joined = joined_by_faces(voxels.labels, diffusivity, voxels.open_shares)
    yield
    for axis in range(len(axes), 3):
        found = yield from measuring(
            voxels.labels, axis=axis, size=voxels.size, diffusivity=diffusivity, periodic=(True, True, False),
            open_shares=voxels.open_shares, joined=joined, tolerance=tolerance, precision=precision, on_host=on_host,
        )  # fmt: skip
        axes.append((found.ratio, found.flux_error))


def transport_work(
    card: Card, packed: Data, pressed: Data, saved: Data | None, precision: str, schedule: str
) -> Generator[Progress, None, Data]:
    """Measure state after state. A save holds the rows so far, and the axes solved of the state in work."""
    states = list(states_of(card, packed, pressed))
    rows, axes = _unsaved(saved, states)
    looked = -np.inf
    while len(rows) < len(states):
        steps = measuring_state(card, states[len(rows)], axes, precision=precision, on_host=schedule == "boxes")
        while True:
            if time.monotonic() - looked >= LOOK_SECONDS:
                solved = 3 * len(rows) + len(axes)
                yield Progress(
                    "transport", solved / (3 * len(states)), f"state {len(rows) + 1} of {len(states)}",
                    _snapshot(rows, axes), counters={"axes": solved},
                )  # fmt: skip
                looked = time.monotonic()
            try:
                next(steps)
            except StopIteration as end:
                rows.append(end.value)
                axes.clear()
                break
    table = _table(rows)
    return Data({"states": table}, {"flags": transport_flags(table)})


def _snapshot(rows: list[Row], axes: list[tuple[float, float]]) -> Callable[[], Data]:
    def snapshot() -> Data:
        ratio, error = np.array(axes, float).reshape(-1, 2).T
        return Data({"states": _table(rows), "axes": {"effective_ratio": ratio, "flux_error": error}}, {})

    return snapshot


def _table(rows: list[Row]) -> dict[str, np.ndarray]:
    kinds = {"i4": np.int32, "f8": np.float64}
    columns = TRANSPORT["states"]
    return {
        name: np.array([row[name] for row in rows], kinds[column.kind]).reshape(-1, *column.dims[1:])
        for name, column in columns.items()
    }


def _unsaved(saved: Data | None, states: list[State]) -> tuple[list[Row], list[tuple[float, float]]]:
    """Rows and axes of a save. Raises CheckpointError where its rows are not those of the first states."""
    if saved is None:
        return [], []
    table, axes = saved.tables["states"], saved.tables["axes"]
    count = len(table["stress"])
    stored = list(zip(table["stress"].tolist(), table["replica"].tolist()))
    if stored != [(state.stress, state.replica) for state in states[:count]]:
        raise CheckpointError("the save of stage transport holds states that the packings do not have; delete it")
    rows: list[Row] = [{name: column[row] for name, column in table.items()} for row in range(count)]
    return rows, list(zip(axes["effective_ratio"].tolist(), axes["flux_error"].tolist()))


def half_measured_faults(saved: Data) -> Iterable[str]:
    """What is wrong with a save beyond its columns: shares and ratios outside of 0 to 1, more axes than there are."""
    states, axes = saved.tables["states"], saved.tables["axes"]
    if len(axes["effective_ratio"]) > 3:
        yield "axes are more than three"
    room = 1e-3  # for the error of the flux
    shares = ("porosity", "porosity_voxels", "binder_domain", "effective_ratio", "connected", "backbone")
    columns = {f"states/{name}": states[name] for name in shares} | {"axes/effective_ratio": axes["effective_ratio"]}
    for name, values in columns.items():
        if not ((values >= 0.0) & (values <= 1.0 + room)).all():
            yield f"{name} is not between 0 and 1"
    if (states["sigma"] < 0.0).any():
        yield "states/sigma is negative"
