"""What is read off the finite elements, in the frame of the roll."""

import math
from dataclasses import dataclass

import numpy as np

from kalander.continuum.elements.step import FemNip, FemSnapshot
from kalander.continuum.elements.web import gradients
from kalander.continuum.nip.result import ElementFields
from kalander.kernels.quantities import porosity as pores

__all__ = ["FemResult", "read_fields", "read_pass"]


@dataclass(frozen=True, eq=False)
class FemResult:
    """The steady nip. x [mm] ascending from the roll's axis, the web moving to -x, and pressure [MPa], on the nodes.

    line_load [N/mm] is the mean over the last element of travel, along which the contact's ends pass from node to node,
    peak_pressure [MPa] the highest there; ripple: how far the load moved along that element, relative, which is the
    mesh's; drift: how far it moved over the last quarter of the way from place to like place, which is the nip's.
    entry_x, exit_x, peak_x [mm]; thicknesses [mm] of one coating; porosity_layers behind the roll, from the foil up;
    compaction_spread: largest difference of plastic volume strain through a layer behind the roll. drag: largest share
    of friction in the surface force.
    """

    x: np.ndarray
    pressure: np.ndarray
    line_load: float
    peak_pressure: float
    drift: float
    ripple: float
    entry_x: float
    exit_x: float
    peak_x: float
    minimum_thickness: float
    exit_thickness: float
    porosity_exit: float
    porosity_layers: np.ndarray
    compaction_spread: float
    drag: float
    foil_stretch: float
    steps: int
    iterations: int
    cuts: int


def read_fields(nip: FemNip, snapshot: FemSnapshot, porosity: np.ndarray) -> ElementFields:
    """porosity: of the free layers, from the foil up, shape (layers,)."""
    strip = nip.strip
    gradient = gradients(strip, snapshot.displacement, slice(None))
    ratio = gradient[..., 0, 0] * gradient[..., 1, 1] - gradient[..., 0, 1] * gradient[..., 1, 0]
    weight = strip.weight / strip.weight.sum(axis=1, keepdims=True)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.einsum("eq,eq...->e...", weight, values)

    layer = strip.material[:, 0]
    return ElementFields(
        centre=snapshot.centre,
        points=strip.nodes + snapshot.displacement,
        elements=strip.elements,
        stress=-mean(snapshot.stress / ratio[..., None]),
        volume_ratio=mean(ratio),
        porosity=pores(1.0 - porosity[layer], mean(ratio)),
        compaction=mean(snapshot.state.volume),
        layer=layer,
    )


def read_pass(nip: FemNip, history: list[FemSnapshot], porosity: np.ndarray) -> FemResult:
    """The last state, with loads from the whole way. Raises ValueError for an empty history."""
    last, strip = history[-1], nip.strip
    element = float(np.diff(strip.nodes[strip.top, 0]).max())
    recent = _since(history, last.centre - (1.0 - 1e-6) * element)
    loads = np.array([snapshot.line_load for snapshot in recent])
    quarter = _since(history, last.centre - 0.25 * (last.centre - history[0].centre))
    alike = [snapshot for snapshot in quarter if snapshot not in recent[:-1]]
    place = strip.nodes[strip.top] + last.displacement[strip.top]
    x, height = place[:, 0] - last.centre, place[:, 1]
    touching = np.flatnonzero(last.pressure > 1e-3 * last.pressure.max())
    behind = _columns_behind(strip.nodes[strip.top, 0] - last.centre, float(x[touching[0]]))
    web = _behind(nip, last, porosity, behind)
    return FemResult(
        x=x,
        pressure=last.pressure,
        line_load=float(loads.mean()),
        peak_pressure=float(max(snapshot.pressure.max() for snapshot in recent)),
        drift=_spread(np.array([snapshot.line_load for snapshot in alike])),
        ripple=_spread(loads),
        entry_x=float(x[touching[-1]]),
        exit_x=float(x[touching[0]]),
        peak_x=float(x[np.argmax(last.pressure)]),
        minimum_thickness=float(np.min(height[touching])),
        exit_thickness=float(height[behind].mean()),
        porosity_exit=web.porosity,
        porosity_layers=web.layers,
        compaction_spread=web.spread,
        drag=last.drag,
        foil_stretch=web.stretch,
        steps=last.steps,
        iterations=last.iterations,
        cuts=last.cuts,
    )


def _since(history: list[FemSnapshot], centre: float) -> list[FemSnapshot]:
    return [snapshot for snapshot in history if snapshot.centre > centre]


def _spread(loads: np.ndarray) -> float:
    return float(np.ptp(loads) / loads.mean()) if loads.mean() > 0.0 else math.inf


@dataclass(frozen=True, eq=False)
class _Behind:
    """The web behind the roll: porosity, of each layer too; spread of compaction; stretch of the foil."""

    porosity: float
    layers: np.ndarray
    spread: float
    stretch: float


def _behind(nip: FemNip, last: FemSnapshot, porosity: np.ndarray, columns: np.ndarray) -> _Behind:
    strip = nip.strip
    fields = read_fields(nip, last, porosity)
    per_column = strip.rows - 1
    cells = (columns[:-1, None] * per_column + np.arange(per_column)).ravel()
    layer = fields.layer[cells]
    free = strip.weight.sum(axis=1)[cells]
    solid, present = free * (1.0 - porosity[layer]), free * fields.volume_ratio[cells]
    kinds = np.unique(layer)
    compaction = fields.compaction[cells].reshape(-1, per_column)
    rows = fields.layer[:per_column]
    bottom = columns * strip.rows
    stretch = np.diff(last.displacement[bottom, 0]) / np.diff(strip.nodes[bottom, 0])
    return _Behind(
        porosity=float(pores(solid.sum(), present.sum())),
        layers=np.array([pores(solid[layer == kind].sum(), present[layer == kind].sum()) for kind in kinds]),
        spread=max(float(np.ptp(compaction[:, rows == kind], axis=1).mean()) for kind in kinds),
        stretch=float(stretch.mean()),
    )


def _columns_behind(x: np.ndarray, exit_x: float) -> np.ndarray:
    """Columns of nodes in the middle between the strip's end and the exit, two at least."""
    length = exit_x - x[0]
    found = np.flatnonzero((x > x[0] + 0.35 * length) & (x < x[0] + 0.75 * length))
    return found if found.size >= 2 else np.arange(2)
