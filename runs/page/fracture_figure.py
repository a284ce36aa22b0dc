"""Cracked particles against pressure by every criterion, and which sizes crack."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kalander.coupling.cards.card import Card
from kalander.coupling.results.fracture import CRITERION_NAMES, size_classes_of
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.dem.fracture.criteria import CRITERIA, SANGROS_2020
from kalander.runs.page.figures import LEAST_PRESSURE, hardest, mean_over_replicas, reached_stresses
from kalander.runs.page.plot_style import ACCENT, INK, SERIES, new_figure, pressure_axis, styled

__all__ = ["fracture_figure"]

COLOURS = {name: (*SERIES, INK)[rank % (len(SERIES) + 1)] for rank, name in enumerate(CRITERIA)}


@styled
def fracture_figure(card: Card, pressed: Data) -> Figure:
    """Share of the volume cracked while loading (left), share of the particles of each size after it (right)."""
    figure, axes = new_figure(7.1, 3.2, 1, 2)
    curves = hardest(pressed)
    for name in CRITERIA:
        pressure, mean, _ = mean_over_replicas(curves, f"cracked_{name}")
        label = CRITERION_NAMES[name] + (" (as Sangrós Giménez 2020)" if name == SANGROS_2020 else "")
        axes[0, 0].plot(pressure, 100.0 * mean, color=COLOURS[name], label=label)
    highest = max(curve.pressure.max() for curve in curves)
    draw_published(axes[0, 0], card, 1.3 * highest)
    axes[0, 0].set_ylabel("cracked share of volume (%)")
    axes[0, 0].set_ylim(bottom=0.0)
    pressure_axis(axes[0, 0], max(LEAST_PRESSURE, 1e-2 * highest), 1.3 * highest)
    draw_sizes(axes[0, 1], pressed)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def draw_published(ax: Axes, card: Card, highest: float) -> None:
    """Shares that the literature gives for a stress, up to a pressure [MPa]."""
    known = [point for point in card.published if point.cracked_fraction is not None and point.stress]
    points = [(float(in_unit(point.stress or 0.0, "MPa")), 100.0 * (point.cracked_fraction or 0.0)) for point in known]
    if points := [point for point in points if point[0] <= highest]:
        x, y = zip(*points)
        ax.plot(x, y, "D", color=ACCENT, markerfacecolor="white", clip_on=False, zorder=6, label="published")


def draw_sizes(ax: Axes, pressed: Data) -> None:
    """Share of the particles of each size, at the largest stress (lines) and at the smallest (dots)."""
    stresses = reached_stresses(pressed)
    for stress, line in ((stresses[-1], "-"), (stresses[0], ":")) if len(stresses) > 1 else [(stresses[-1], "-")]:
        classes = size_classes_of(pressed, stress)
        diameter = in_unit(classes.diameter, "um")
        for name, share in zip(CRITERIA, classes.cracked):
            ax.plot(diameter, 100.0 * share, line, color=COLOURS[name], marker="o", markersize=3.5)
        ax.plot([], [], line, color=INK, label=f"after {in_unit(stress, 'MPa'):.4g} MPa")
    ax.legend(loc="upper left")
    ax.set(xlabel="particle diameter (µm)", ylabel="cracked share of the particles (%)")
    ax.set_ylim(bottom=0.0, top=max(ax.get_ylim()[1], 1.0))
    ax.set_xlim(0.0, 1.08 * in_unit(float(np.max(pressed.tables["particles"]["origin_diameter"])), "um"))
