"""Figures of a nip case: pressure along it, porosity and temperature through the coating, fields of the elements."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from kalander.coupling.nip.case import NipCase
from kalander.coupling.nip.roll import NipResult
from kalander.coupling.scales import celsius, in_unit
from kalander.coupling.store.atomic import replacing
from kalander.runs.page.plot_style import ACCENT, GREY, INK, SERIES, new_figure, png, styled

__all__ = ["field_figure", "write_field_figure", "write_figures"]


def write_figures(case: NipCase, answer: Mapping[str, Any], folder: Path) -> list[str]:
    """nip_pressure.png (where the rolls touch the web) and nip_layers.png in a folder; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    figures = {"nip_pressure": pressure_figure(answer)} if answer["x_m"] else {}
    for name, figure in (figures | {"nip_layers": layer_figure(case, answer)}).items():
        path = folder / f"{name}.png"
        with replacing(path) as handle:
            handle.write(png(figure))
        written.append(str(path))
    return written


def write_field_figure(result: NipResult, folder: Path) -> Path:
    """nip_fields.png of finite elements in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nip_fields.png"
    with replacing(path) as handle:
        handle.write(png(field_figure(result)))
    return path


@styled
def pressure_figure(answer: Mapping[str, Any]) -> Figure:
    """p(x) with entry, exit and, where the foil has one, the neutral point."""
    figure, axes = new_figure(6.3, 3.2)
    ax = axes[0, 0]
    x, pressure = in_unit(np.array(answer["x_m"]), "mm"), in_unit(np.array(answer["pressure_Pa"]), "MPa")
    ax.plot(x, pressure, color=SERIES[0])
    ends = in_unit(np.array([answer["entry_x_m"], answer["exit_x_m"]]), "mm")
    ax.plot(ends, [0.0, 0.0], "|", color=INK, markersize=11, clip_on=False)
    ax.annotate("entry", (ends[0], 0.0), xytext=(-5, 5), textcoords="offset points", ha="right", fontsize=8)
    ax.annotate("exit", (ends[1], 0.0), xytext=(5, 5), textcoords="offset points", fontsize=8)
    neutral = answer.get("neutral_x_m")
    if neutral is not None:
        ax.axvline(in_unit(neutral, "mm"), color=GREY, linewidth=0.8, linestyle=(0, (3, 2)))
        ax.annotate("web as fast as rolls", (in_unit(neutral, "mm"), 0.4 * pressure.max()), xytext=(3, 0),
                    textcoords="offset points", fontsize=8, color=GREY)  # fmt: skip
    ax.set(xlabel="distance before the centre line (mm); the web runs from left to right", ylabel="pressure (MPa)")
    ax.set_ylim(bottom=0.0)
    ax.set_xlim(ends[0] + 0.12 * (ends[0] - ends[1]), ends[1] - 0.12 * (ends[0] - ends[1]))
    load, peak = in_unit(answer["line_load_N_per_m"], "N/mm"), in_unit(answer["peak_pressure_Pa"], "MPa")
    ax.set_title(f"{load:.4g} N/mm, peak {peak:.4g} MPa")
    return figure


@styled
def layer_figure(case: NipCase, answer: Mapping[str, Any]) -> Figure:
    """Porosity in front of and behind the nip, and temperature behind it, through one coating."""
    figure, axes = new_figure(6.3, 3.2, 1, 2, sharey=True)
    owner = np.array(answer["layer_index"])
    thickness = in_unit(np.array([layer.thickness for layer in case.web.layer]), "um")
    before = np.array([layer.porosity for layer in case.web.layer])
    free = thickness[owner] / np.bincount(owner)[owner]
    after = np.array(answer["porosity_layers"])
    present = free * (1.0 - before[owner]) / (1.0 - after)
    left, right = axes[0]
    _steps(left, free, before[owner], GREY, "before")
    _steps(left, present, after, SERIES[0], "behind the nip")
    left.set(xlabel="porosity", ylabel="height over the foil (µm)")
    left.legend()
    _steps(right, present, celsius(np.array(answer["temperature_layers_K"])), ACCENT, "")
    right.set(xlabel="temperature behind the nip (°C)")
    if np.ptp(answer["temperature_layers_K"]) < 1.0:
        middle = celsius(float(np.mean(answer["temperature_layers_K"])))
        right.set_xlim(middle - 5.0, middle + 5.0)
    left.set_ylim(0.0, 1.03 * free.sum())
    return figure


def _steps(ax: Any, thickness: np.ndarray, values: np.ndarray, colour: str, label: str) -> None:
    """Values of layers, roll side first, as a staircase over the height."""
    edges = np.append(0.0, np.cumsum(thickness[::-1]))
    heights = np.repeat(edges, 2)[1:-1]
    ax.plot(np.repeat(values[::-1], 2), heights, color=colour, label=label or None)


@styled
def field_figure(result: NipResult) -> Figure:
    """Stress through the thickness, shear and porosity in the deformed coating; heights are exaggerated."""
    figure, axes = new_figure(6.3, 5.0, 3, 1, sharex=True)
    assert result.elements is not None  # of finite elements
    fields = result.elements.fields
    x, z = in_unit(fields.points[:, 0] - fields.centre, "mm"), in_unit(fields.points[:, 1], "um")
    stress = in_unit(fields.stress, "MPa")
    polygons = np.stack([x[fields.elements], z[fields.elements]], axis=-1)
    low, high = in_unit(result.exit_x, "mm") - 0.6, in_unit(result.entry_x, "mm") + 0.4
    shown = (polygons[:, :, 0].min(axis=1) > low) & (polygons[:, :, 0].max(axis=1) < high)
    largest = float(np.max(np.abs(stress[shown, 2])))
    panels = (
        (stress[:, 1], "stress through the thickness (MPa)", "viridis", None),
        (stress[:, 2], "shear stress (MPa)", "RdBu_r", (-largest, largest)),
        (fields.porosity, "porosity", "cividis", None),
    )
    for ax, (values, title, colours, limits) in zip(axes[:, 0], panels, strict=True):
        patches = PolyCollection(polygons[shown], array=values[shown], cmap=colours, edgecolors="face", linewidths=0.2)
        if limits is not None:
            patches.set_clim(*limits)
        ax.add_collection(patches)
        figure.colorbar(patches, ax=ax, pad=0.01, fraction=0.05)
        ax.set_title(title)
        ax.set(ylabel="height (µm)", ylim=(0.0, 1.05 * z.max()))
        ax.grid(False)
    axes[-1, 0].set_xlabel("distance before the centre line (mm); the web runs from left to right")
    axes[-1, 0].set_xlim(high, low)
    return figure
