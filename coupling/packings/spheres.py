"""Spheres from outside, and what makes a set of them no packing. Every reader of packings hands over these."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kalander.dem.packing.near import near_pairs
from kalander.kernels.columns import Table
from kalander.kernels.errors import Fault

__all__ = ["MOST_PARTICLES", "Spheres", "Unreadable", "crowded", "platen_depth", "sphere_faults"]

MOST_PARTICLES = 2**31 // 32  # as coupling.cards.estimates
RADII = 1e-9, 0.5e-3  # m: an electrode has no particle above 1 mm; larger ones are micrometres taken for metres
EMPTIEST = 1e-9  # solid fraction: below, radii and box are of different units
FULLEST = 1.5  # volume of the spheres over that of the box: none can be pressed as dense
SHOWN = 5  # offenders named in a message
AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Spheres:
    """Spheres as read, SI: position (particle, 3), radius, type from 0, box_size (3,); platens at z = 0 and its last.

    bonds: by dem.bodies.state.BOND in micrometres, and solid_volume, of all solids [m³], where the file brings them.
    walls: axes along which the file says that its box ends. notes: what was assumed, a sentence each.
    """

    position: np.ndarray
    radius: np.ndarray
    type: np.ndarray
    box_size: np.ndarray
    bonds: Table | None = None
    solid_volume: float = 0.0
    walls: tuple[bool, bool, bool] = (False, False, False)
    notes: tuple[str, ...] = ()


class Unreadable(Exception):
    """What is wrong with a file as a whole: the key, why, and what would be right."""


def sphere_faults(
    name: str, spheres: Spheres, *, materials: int | None, largest_overlap: float | None, periodic: bool
) -> Iterator[Fault]:
    """What is wrong with spheres; later checks rely on the earlier ones.

    materials: how many types there may be, None: any. largest_overlap: over the smaller radius, of spheres and platens;
    None: any, as long as the centres stand between the platens. periodic: in all directions, no platens.
    """
    faults = list(_shape_faults(name, spheres)) or list(_value_faults(name, spheres, materials))
    faults = faults or list(_size_faults(name, spheres, 3 if periodic else 2))
    if faults:
        yield from faults
        return
    if not periodic:
        faults = list(_platen_faults(name, spheres, 1.0 if largest_overlap is None else largest_overlap))
    yield from faults or _pair_faults(name, spheres, largest_overlap, periodic)


def _shape_faults(name: str, spheres: Spheres) -> Iterator[Fault]:
    position, radius, kind, size = spheres.position, spheres.radius, spheres.type, spheres.box_size
    count = len(radius)
    if position.shape != (count, 3) or kind.shape != (count,) or size.shape != (3,):
        shapes = f"position {position.shape}, radius {radius.shape}, type {kind.shape}, box_size {size.shape}"
        yield Fault(name, shapes, "do not belong together", "(n, 3), (n,), (n,), (3,)")
    elif not 0 < count <= MOST_PARTICLES:
        yield Fault(name, count, "particles", f"1 to {MOST_PARTICLES}")


def _value_faults(name: str, spheres: Spheres, materials: int | None) -> Iterator[Fault]:
    position, radius, kind, size = spheres.position, spheres.radius, spheres.type, spheres.box_size
    yield from _offenders(
        name, "position", position, ~np.isfinite(position).all(axis=1), "is not finite", "finite numbers"
    )
    yield from _offenders(name, "radius", radius, ~(np.isfinite(radius) & (radius > 0)), "is no radius", "above 0 m")
    if materials is not None:
        wrong = (kind < 0) | (kind >= materials)
        yield from _offenders(name, "type", kind, wrong, "has no [[material]]", f"0 to {materials - 1}")
    if not (np.isfinite(size).all() and (size > 0).all()):
        yield Fault(f"{name}: box_size", size.tolist(), "is no size", "three lengths above 0 m")


def _size_faults(name: str, spheres: Spheres, sides: int) -> Iterator[Fault]:
    """Sizes that no particle of an electrode has, or that do not fit each other.

    sides: along which the box repeats, so that a larger sphere would meet itself; platens may hold it from both sides.
    """
    radius, size = spheres.radius, spheres.box_size
    smallest, largest = float(radius.min()), float(radius.max())
    if not RADII[0] < smallest <= largest <= RADII[1]:
        why = "is outside what particles of an electrode measure: are the units SI?"
        allowed = f"{RADII[0]:g} m to {RADII[1]:g} m; 5 um is 5e-6"
        yield Fault(f"{name}: radius", f"{smallest:.6g} to {largest:.6g} m", why, allowed)
        return
    narrowest = float(size[:sides].min())
    if 2 * largest > narrowest:
        yield Fault(f"{name}: radius", largest, "is of a sphere larger than the box", f"below {narrowest / 2:g} m")
        return
    fraction = _filling(spheres)
    if fraction < EMPTIEST:
        why = f"leaves a solid fraction of {fraction:.1g}: is it of the same unit as the radii?"
        yield Fault(f"{name}: box_size", size.tolist(), why, f"a solid fraction above {EMPTIEST:g}")


def _filling(spheres: Spheres) -> float:
    """Volume of the spheres over that of the box."""
    largest = spheres.radius.max()
    with np.errstate(over="ignore"):
        volume = (4 / 3 * np.pi * (spheres.radius / largest) ** 3).sum()
        return float(volume / np.prod(spheres.box_size / largest))


def _offenders(name: str, key: str, values: np.ndarray, wrong: np.ndarray, why: str, allowed: str) -> Iterator[Fault]:
    rows = np.flatnonzero(wrong)
    if len(rows):
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        yield Fault(f"{name}: {key}[{rows[0]}]", values[rows[0]].tolist(), why + more, allowed)


def platen_depth(spheres: Spheres) -> np.ndarray:
    """How deep each sphere stands in a platen, over its radius; negative where it stands free."""
    place, radius = spheres.position[:, 2], spheres.radius
    return np.maximum(radius - place, place + radius - spheres.box_size[2]) / radius


def _platen_faults(name: str, spheres: Spheres, limit: float) -> Iterator[Fault]:
    """Spheres that stand deeper in a platen than they could be pressed; at 1 their centre is in it."""
    position = spheres.position
    depth = platen_depth(spheres)
    rows = np.flatnonzero(depth > limit)
    if len(rows):
        why = f"stands in a platen by {depth[rows].max():.3g} of its radius, as do {len(rows)} spheres"
        allowed = (
            f"up to {limit:g} (packing.largest_overlap); platens stand at z = 0 and box_size[2], or see packing.plates"
        )
        yield Fault(f"{name}: position[{rows[0]}]", position[rows[0]].tolist(), why, allowed)


def _pair_faults(name: str, spheres: Spheres, limit: float | None, periodic: bool) -> Iterator[Fault]:
    """Spheres that stand deeper in each other than they could be pressed, or touch through a wall of their box."""
    sides = 3 if periodic else 2
    walls = np.array(spheres.walls[:sides])
    if limit is None and not walls.any():
        return
    faults = list(crowded(name, spheres))
    if faults:
        yield from faults
        return
    unit = spheres.radius.mean()
    position, size = spheres.position / unit, spheres.box_size[:sides] / unit
    first, second, _, gap = near_pairs(position, spheres.radius / unit, size, 0.0)
    across = np.round((position[first, :sides] - position[second, :sides]) / size) != 0
    through = np.flatnonzero((across & walls).any(axis=1))
    if len(through):
        pairs = ", ".join(f"{first[k]}-{second[k]}" for k in through[:SHOWN])
        along = ", ".join(axis for axis, wall in zip(AXES, spheres.walls[:sides]) if wall)
        why = f"stand at opposite walls and would overlap where the box repeats along {along}: {pairs}"
        yield Fault(f"{name}: position", "spheres", why, "a packing of a box that is periodic there")
    ratio = -gap / (np.minimum(spheres.radius[first], spheres.radius[second]) / unit)
    deep = np.flatnonzero(ratio > limit) if limit is not None else np.zeros(0, int)
    if len(deep):
        pairs = ", ".join(f"{first[k]}-{second[k]}" for k in deep[:SHOWN])
        why = f"overlap by up to {ratio.max():.3g} of the smaller radius in {len(deep)} pairs: {pairs}"
        yield Fault(f"{name}: position", "spheres", why, f"up to {limit:g} (packing.largest_overlap)")


def crowded(name: str, spheres: Spheres) -> Iterator[Fault]:
    """More than a box can hold, or equal centres: a search would list every two of thousands in one place."""
    filling = _filling(spheres)
    if filling > FULLEST:
        why = f"is {1 / filling:.3g} of the volume of its spheres, which overlap"
        yield Fault(f"{name}: box_size", spheres.box_size.tolist(), why, f"spheres of up to {FULLEST:g} of the box")
        return
    order = np.lexsort(spheres.position.T)
    placed = spheres.position[order]
    same = np.flatnonzero((placed[1:] == placed[:-1]).all(axis=1))
    if len(same):
        first = sorted((int(order[same[0]]), int(order[same[0] + 1])))
        why = f"overlap: {len(same)} have the centre of another, {first[0]}-{first[1]}"
        yield Fault(f"{name}: position", "spheres", why, "each sphere once")
