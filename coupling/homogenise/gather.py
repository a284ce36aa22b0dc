"""What a study's own stages tell of the coating by density: pressed boxes seed by seed, transport where measured."""

from collections.abc import Iterator

import numpy as np

from kalander.continuum.closure.knots import Knots
from kalander.coupling.homogenise.closure import closure_from, loaded_and_released
from kalander.coupling.homogenise.homogenised import PROPERTIES, Homogenised
from kalander.coupling.store.store import Data
from kalander.dem.loading.press import LEG
from kalander.dem.measure.fabric import FABRIC
from kalander.kernels.columns import Table
from kalander.kernels.errors import NumericalError

__all__ = ["gathered_coating", "knots_of", "states_by_seed"]

ALONG = ("cracked_fraction", "broken_bond_fraction", "coordination")  # columns of frames under load
TENSORS = {"orientation": FABRIC[:3], "bond_fabric": FABRIC[3:]}
APART = 1e-4  # of relative density, below which states are one


def gathered_coating(closure: Data, pressed: Data, measured: Data | None = None) -> Homogenised:
    """The coating as the stages closure, press and (if it is there) transport of a study know it, SI.

    Raises NumericalError where no stress was reached by any box.
    """
    knots = knots_of(pressed)
    if measured is not None:
        knots |= transport_knots(measured)
    law = closure_from(closure)
    notes = [
        f"{name}: scatter made it turn about; pooled along its trend, by up to {one.pooled:.2g} of its largest"
        for name, one in knots.items()
        if one.pooled > 0.02
    ]
    return Homogenised(law, knots, notes=(*law.notes, *notes))


def knots_of(pressed: Data) -> dict[str, Knots]:
    """Properties of the boxes under their stresses, and the density to which each came back."""
    states = list(states_by_seed(pressed))
    if not states:
        raise NumericalError("no box reached its stress: there is no state to tell of")
    seeds = sorted({seed for _, _, seed, _, _ in states})
    frames = pressed.tables["frames"]
    found: dict[str, list[np.ndarray]] = {}
    density = []
    for stress in sorted({stress for _, stress, _, _, _ in states}):
        here = [state for state in states if state[1] == stress]
        loaded = np.array([row for _, _, _, row, _ in here])
        after = np.array([row for _, _, _, _, row in here])
        places = [seeds.index(seed) for _, _, seed, _, _ in here]
        density.append(float(1.0 - frames["porosity"][loaded].mean()))
        columns = {name: frames[name][loaded] for name in ALONG if name in frames}
        columns["released_density"] = 1.0 - frames["porosity"][after]
        columns |= {
            name: np.stack([frames[part][loaded] for part in parts], axis=-1)
            for name, parts in TENSORS.items()
            if all(part in frames for part in parts)
        }
        for name, values in columns.items():
            rows = np.full((len(seeds), *values.shape[1:]), np.nan)
            rows[places] = values
            found.setdefault(name, []).append(rows)
    return by_density(np.array(density), {name: np.stack(rows, axis=1) for name, rows in found.items()})


def states_by_seed(pressed: Data) -> Iterator[tuple[int, float, int, int, int]]:
    """Box, stress [Pa], seed, row of the turning point and row after release, of every box that reached its stress."""
    boxes, frames = pressed.tables["boxes"], pressed.tables["frames"]
    for box in np.flatnonzero(boxes["reached"] == 1):
        released = np.any((frames["box"] == box) & (frames["leg"] == LEG["release"]))
        if released:
            loaded, after = loaded_and_released(frames, box)
            yield int(box), float(boxes["stress"][box]), int(boxes["replica"][box]), loaded, after


def transport_knots(measured: Data) -> dict[str, Knots]:
    """Ions, electrons and contact fabric of the packings as laid and released, by their own density."""
    states = measured.tables["states"]
    seeds = np.unique(states["replica"])
    sources = {"ionic_ratio": "effective_ratio", "conductivity": "sigma", "fabric": "fabric"}
    density: list[float] = []
    found: dict[str, list[np.ndarray]] = {name: [] for name in sources}
    for stress in np.unique(states["stress"]):
        rows: Table = {name: column[states["stress"] == stress] for name, column in states.items()}
        density.append(float(1.0 - rows["porosity"].mean()))
        places = np.searchsorted(seeds, rows["replica"])
        for name, source in sources.items():
            values = np.full((len(seeds), *rows[source].shape[1:]), np.nan)
            values[places] = rows[source]
            found[name].append(values)
    return by_density(np.array(density), {name: np.stack(values, axis=1) for name, values in found.items()})


def by_density(density: np.ndarray, samples: dict[str, np.ndarray]) -> dict[str, Knots]:
    """Knots in the order of density, shape (seed, knot, ...); what no seed has at every knot is left out."""
    order = np.argsort(density)
    order = order[np.append(True, np.diff(density[order]) > APART)]
    return {
        name: Knots(density[order], values[:, order], PROPERTIES[name].trend, PROPERTIES[name].logarithmic)
        for name, values in samples.items()
        if not np.any(np.all(np.isnan(values[:, order]), axis=0))
    }
