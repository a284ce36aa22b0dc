"""What is read off the finite elements, in the frame of the roll."""

import math
from dataclasses import dataclass

import numpy as np

from kalander.continuum.fem_web import gradients
from kalander.continuum.nip_fem import FemNip, FemSnapshot

__all__ = ["FemFields", "FemResult", "read_fields", "read_pass"]


@dataclass(frozen=True, eq=False)
class FemFields:
    """Deformed mesh and means of each element, web at rest, roll at `centre` [mm].

    points [mm], shape (n, 2): x, z; elements, shape (m, 4); stress [MPa], Cauchy, compression positive, shape (m, 4):
    xx, zz, xz, yy; volume_ratio J; porosity; compaction: plastic volume strain; layer index from the foil up.
    """

    centre: float
    points: np.ndarray
    elements: np.ndarray
    stress: np.ndarray
    volume_ratio: np.ndarray
    porosity: np.ndarray
    compaction: np.ndarray
    layer: np.ndarray


@dataclass(frozen=True, eq=False)
class FemResult:
    """The steady nip. x [mm] ascending from the roll's axis, the web moving to -x, and pressure [MPa], on the nodes.

    line_load [N/mm] and peak_pressure [MPa] are means over the last steps; drift: how far the load still moved over the
    last quarter of the way, relative. entry_x, exit_x, peak_x [mm]; thicknesses [mm] of one coating;
    porosity_layers behind the roll, from the foil up; compaction_spread: largest difference of plastic volume strain
    through a layer behind the roll. drag: largest share of friction in the surface force.
    """

    x: np.ndarray
    pressure: np.ndarray
    line_load: float
    peak_pressure: float
    drift: float
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


def read_fields(nip: FemNip, snapshot: FemSnapshot, porosity: np.ndarray) -> FemFields:
    """porosity: of the free layers, from the foil up, shape (layers,)."""
    strip = nip.strip
    gradient = gradients(strip, snapshot.displacement, slice(None))
    ratio = gradient[..., 0, 0] * gradient[..., 1, 1] - gradient[..., 0, 1] * gradient[..., 1, 0]
    weight = strip.weight / strip.weight.sum(axis=1, keepdims=True)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.einsum("eq,eq...->e...", weight, values)

    layer = strip.material[:, 0]
    return FemFields(
        centre=snapshot.centre,
        points=strip.nodes + snapshot.displacement,
        elements=strip.elements,
        stress=-mean(snapshot.stress / ratio[..., None]),
        volume_ratio=mean(ratio),
        porosity=1.0 - (1.0 - porosity[layer]) / mean(ratio),
        compaction=mean(snapshot.state.volume),
        layer=layer,
    )


def read_pass(nip: FemNip, history: list[FemSnapshot], porosity: np.ndarray) -> FemResult:
    """The last state, with loads from the whole way. Raises ValueError for an empty history."""
    last, strip = history[-1], nip.strip
    loads = np.array([snapshot.line_load for snapshot in history])
    recent = slice(-max(3, len(history) // 20), None)
    quarter = loads[-max(3, len(history) // 4) :]
    fields = read_fields(nip, last, porosity)
    top = strip.top
    place = strip.nodes[top] + last.displacement[top]
    x, height = place[:, 0] - last.centre, place[:, 1]
    touching = np.flatnonzero(last.pressure > 1e-3 * last.pressure.max())
    narrowest = int(touching[np.argmin(height[touching])])
    # behind the roll by half the released length more, but not at the strip's free end
    behind = _columns_behind(strip.nodes[top, 0] - last.centre, float(x[touching[0]]), float(strip.nodes[top[0], 0]) - last.centre)
    cells = _cells(strip.rows - 1, behind)
    layers = np.unique(fields.layer)
    weight = strip.weight.sum(axis=1)
    solid = [weight[c] * (1.0 - porosity[fields.layer[c]]) for c in [cells]][0]
    void_free = weight[cells] * fields.volume_ratio[cells]
    by_layer = np.array([
        1.0 - solid[fields.layer[cells] == k].sum() / void_free[fields.layer[cells] == k].sum() for k in layers
    ])
    spread = max(_spread(fields.compaction[cells].reshape(-1, strip.rows - 1), fields.layer[: strip.rows - 1], k) for k in layers)
    bottom = np.arange(strip.columns) * strip.rows
    stretch = np.diff(last.displacement[bottom, 0]) / np.diff(strip.nodes[bottom, 0])
    return FemResult(
        x=x,
        pressure=last.pressure,
        line_load=float(loads[recent].mean()),
        peak_pressure=float(np.mean([snapshot.pressure.max() for snapshot in history[recent]])),
        drift=float(np.ptp(quarter) / quarter.mean()) if quarter.mean() > 0.0 else math.inf,
        entry_x=float(x[touching[-1]]),
        exit_x=float(x[touching[0]]),
        peak_x=float(x[np.argmax(last.pressure)]),
        minimum_thickness=float(height[narrowest]),
        exit_thickness=float(height[behind].mean()),
        porosity_exit=float(1.0 - solid.sum() / void_free.sum()),
        porosity_layers=by_layer,
        compaction_spread=spread,
        drag=last.drag,
        foil_stretch=float(stretch[behind[:-1]].mean()),
        steps=last.steps,
        iterations=last.iterations,
        cuts=last.cuts,
    )


def _columns_behind(x: np.ndarray, exit_x: float, end: float) -> np.ndarray:
    """Columns of nodes in the middle half between the strip's end and the exit."""
    length = exit_x - end
    found = np.flatnonzero((x > end + 0.35 * length) & (x < end + 0.75 * length))
    return found if found.size >= 2 else np.arange(2)


def _cells(per_column: int, columns: np.ndarray) -> np.ndarray:
    """Elements between neighbouring columns of nodes."""
    return (columns[:-1, None] * per_column + np.arange(per_column)).ravel()


def _spread(compaction: np.ndarray, layer_of_row: np.ndarray, layer: int) -> float:
    """Of plastic volume strain through a layer, mean over columns."""
    rows = compaction[:, layer_of_row == layer]
    return float(np.ptp(rows, axis=1).mean())
