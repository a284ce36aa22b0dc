"""The stiffness of boxes by relative density: under each stress, as laid and as released, seed by seed; SI."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kalander.continuum.closure.knots import Knots
from kalander.coupling.homogenise.gather import by_density
from kalander.coupling.homogenise.homogenised import Homogenised
from kalander.coupling.homogenise.stiffness import OF_A_BOX, Stiffness
from kalander.coupling.scales import in_si
from kalander.dem.network.tangent import Tangent

__all__ = ["FREE", "StiffBox", "boxes_of_tangents", "stiffness_by_density", "with_stiffness"]

LOADED, FREE = "stiffness", "free_stiffness"
COUNTS = {"floppy_modes": "floppy", "rattling_particles": "rattlers", "unstable_motions": "unstable"}
SHARES = {"sliding_contacts": "sliding", "flowing_bonds": "flowing_bonds"}


@dataclass(frozen=True, eq=False)
class StiffBox:
    """The network of one box. stress [Pa] that it was pressed to, 0 as laid; seed; relative density as it is; free:
    whether it bears nothing, laid or released; units: particles that can move; tangent."""

    stress: float
    seed: int
    density: float
    free: bool
    units: int
    tangent: Tangent


def boxes_of_tangents(
    tangents: Sequence[Tangent], units: np.ndarray, density: np.ndarray, stress: np.ndarray, seeds: int, *, free: bool
) -> list[StiffBox]:  # fmt: skip
    """Boxes in the order of a press, all seeds of one stress [Pa] after the other."""
    return [
        StiffBox(float(stress[box]), box % seeds, float(density[box]), free, int(units[box]), tangent)
        for box, tangent in enumerate(tangents)
    ]


def with_stiffness(coating: Homogenised, boxes: Sequence[StiffBox]) -> Homogenised:
    """The coating with the stiffness of its boxes; of those under load with bounds, and what nothing resists."""
    knots = dict(coating.knots)
    loaded, free = ([box for box in boxes if box.free is kind] for kind in (False, True))
    if loaded:
        knots |= _knots(loaded, _of_loaded)
    if free:
        knots |= _knots(free, lambda box: {FREE: in_si(box.tangent.matrix, "MPa")})
    return replace(coating, knots=knots)


def _of_loaded(box: StiffBox) -> dict[str, np.ndarray]:
    tangent = box.tangent
    found = {LOADED: in_si(tangent.matrix, "MPa")}
    found |= {f"stiffness_{name}": in_si(getattr(tangent, name), "MPa") for name in OF_A_BOX}
    for name, source in COUNTS.items():
        count = getattr(tangent, source)
        found[name] = np.array(np.nan if count is None else count / max(box.units, 1))
    return found | {name: np.array(getattr(tangent, source)) for name, source in SHARES.items()}


def _knots(
    boxes: Sequence[StiffBox], values_of: Callable[[StiffBox], dict[str, np.ndarray]]
) -> Mapping[str, Knots]:  # fmt: skip
    """One knot a stress, at the mean density of its seeds."""
    seeds, stresses = sorted({box.seed for box in boxes}), sorted({box.stress for box in boxes})
    density = np.array([np.mean([box.density for box in boxes if box.stress == stress]) for stress in stresses])
    samples: dict[str, np.ndarray] = {}
    for box in boxes:
        for name, value in values_of(box).items():
            whole = samples.setdefault(name, np.full((len(seeds), len(stresses), *value.shape), np.nan))
            whole[seeds.index(box.seed), stresses.index(box.stress)] = value
    return by_density(density, samples)


def stiffness_by_density(coating: Homogenised, name: str = LOADED) -> list[tuple[float, Stiffness]]:
    """Relative density and stiffness of every knot, each seed a replica, with its bounds; empty where none is known."""
    if name not in coating.knots:
        return []
    knots, found = coating.knots[name], []
    for place, density in enumerate(knots.density):
        each = knots.samples[:, place]
        whole = np.isfinite(each).all(axis=(1, 2))
        if not whole.any():
            continue
        bounds = {
            bound: coating.knots[f"stiffness_{bound}"].samples[whole, place]
            for bound in OF_A_BOX if name == LOADED and f"stiffness_{bound}" in coating.knots
        }  # fmt: skip
        found.append((
            float(density),
            Stiffness(each[whole].mean(axis=0), each[whole], bounds, way="network", boundary="slab"),
        ))  # fmt: skip
    return found
