"""Figures of a study: pressing, nip, damage, and how far the particle runs can be trusted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kalander.coupling.cards.card import Card
from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.results.validity import ENERGY_LIMIT, INERTIAL_LIMIT, OVERLAP_LIMIT
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.dem.loading.press import LEG
from kalander.kernels.columns import Table
from kalander.kernels.quantities import platen_pressure
from kalander.runs.page.plot_style import ACCENT, GREY, INK, new_figure, pressure_axis, stress_colours, styled

__all__ = ["compaction_figure", "damage_figure", "honesty_figure"]

LEAST_PRESSURE = 0.1  # MPa: where the logarithmic axis begins; below, the bed only settles against its platens
GRID_POINTS = 120


@dataclass(frozen=True)
class Branch:
    """Frames of one box on one leg: pressure [MPa] and any column of them."""

    box: int
    stress: float
    frames: Table

    @property
    def pressure(self) -> np.ndarray:
        return in_unit(platen_pressure(self.frames["stress_low"], self.frames["stress_high"]), "MPa")


def branches(pressed: Data, leg: str) -> Iterator[Branch]:
    """One branch a box; a release begins at the turning point."""
    frames, boxes = pressed.tables["frames"], pressed.tables["boxes"]
    for box, stress in enumerate(boxes["stress"]):
        rows = np.flatnonzero(frames["box"] == box)
        loading = rows[frames["leg"][rows] == LEG["load"]]
        chosen = loading if leg == "load" else rows[rows >= loading[-1]]
        yield Branch(box, float(stress), {name: column[chosen] for name, column in frames.items()})


def hardest(pressed: Data) -> list[Branch]:
    """Loading of each replica to its largest stress; its other boxes run along the same path and turn earlier."""
    boxes = pressed.tables["boxes"]
    loading = list(branches(pressed, "load"))
    replicas = (np.flatnonzero(boxes["replica"] == replica) for replica in np.unique(boxes["replica"]))
    return [loading[members[np.argmax(boxes["stress"][members])]] for members in replicas]


def mean_over_replicas(curves: list[Branch], column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pressure [MPa] common to all replicas, mean of a column over them, and its standard deviation (NaN for one)."""
    # the pressure of a rearranging bed falls now and then; a porosity belongs to the first time a pressure is met
    climbing = [np.maximum.accumulate(curve.pressure) for curve in curves]
    low = max(LEAST_PRESSURE, max(pressure[0] for pressure in climbing))
    grid = np.geomspace(low, min(pressure[-1] for pressure in climbing), GRID_POINTS)
    values = np.array([np.interp(grid, pressure, curve.frames[column]) for pressure, curve in zip(climbing, curves)])
    return grid, values.mean(axis=0), values.std(axis=0, ddof=1) if len(curves) > 1 else np.full(GRID_POINTS, np.nan)


@styled
def compaction_figure(card: Card, pressed: Data) -> Figure:
    """Porosity against pressure: loading with its scatter, releases, and what was published."""
    figure, axes = new_figure(7.1, 3.5)
    ax = axes[0, 0]
    draw_loading(ax, pressed, "porosity", 100.0)
    colours = stress_colours(pressed.tables["boxes"]["stress"])
    for branch in branches(pressed, "release"):
        ax.plot(branch.pressure, 100.0 * branch.frames["porosity"], color=colours[branch.stress], linewidth=1.0)
    for stress in reached_stresses(pressed):
        colour = colours[stress]
        loaded, released = turning_values(pressed, stress, "porosity")
        x = in_unit(stress, "MPa")
        ax.plot([x, x], [100.0 * loaded, 100.0 * released], color=colour, linewidth=0.8, linestyle=(0, (1, 1.5)))
        ax.plot(x, 100.0 * loaded, "o", color=colour, markersize=5.5, zorder=5)
        ax.plot(x, 100.0 * released, "o", color=colour, markersize=5.5, markerfacecolor="white", zorder=5)
    highest = 2.2 * in_unit(max(colours), "MPa")
    draw_published(ax, card, highest)
    ax.set_ylabel("porosity (%)")
    pressure_axis(ax, LEAST_PRESSURE, highest)
    figure.legend(handles=_compaction_key(card), loc="outside right center")
    return figure


def _compaction_key(card: Card) -> list[Line2D]:
    key = [
        Line2D([], [], color=INK, linewidth=2.0, label="loading, mean of replicas ± sd"),
        Line2D([], [], color=GREY, linewidth=1.0, label="release, one replica a line"),
        Line2D([], [], color=GREY, marker="o", linestyle="", label="computed, under load"),
        Line2D([], [], color=GREY, marker="o", linestyle="", markerfacecolor="white", label="computed, released"),
    ]
    measured = Line2D(
        [], [], color=ACCENT, marker="D", linestyle="", markerfacecolor="white", label="published, released"
    )
    return [*key, measured] if card.published else key


def draw_loading(ax: Axes, pressed: Data, column: str, factor: float) -> None:
    """Each replica thin, their mean bold in the band of their standard deviation."""
    curves = hardest(pressed)
    for curve in curves:
        ax.plot(curve.pressure, factor * curve.frames[column], color=GREY, linewidth=0.6, alpha=0.7)
    pressure, mean, scatter = mean_over_replicas(curves, column)
    ax.fill_between(pressure, factor * (mean - scatter), factor * (mean + scatter), color=INK, alpha=0.13, linewidth=0)
    ax.plot(pressure, factor * mean, color=INK, linewidth=2.0)


def draw_published(ax: Axes, card: Card, highest: float) -> None:
    """Published porosities with their names, up to a pressure [MPa]; one at no stress stands at the left edge."""
    for point in card.published:
        if point.porosity is None or point.stress is None or in_unit(point.stress, "MPa") > highest:
            continue
        x = max(in_unit(point.stress, "MPa"), LEAST_PRESSURE)
        ax.plot(x, 100.0 * point.porosity, "D", color=ACCENT, markerfacecolor="white", clip_on=False, zorder=6)
        ax.annotate(
            point.name, (x, 100.0 * point.porosity), xytext=(7, 3), textcoords="offset points", color=ACCENT, fontsize=8
        )


def reached_stresses(pressed: Data) -> list[float]:
    """Stresses [Pa] that at least one box reached, ascending."""
    boxes = pressed.tables["boxes"]
    return np.unique(boxes["stress"][boxes["reached"] == 1]).tolist()


def turning_values(pressed: Data, stress: float, column: str) -> tuple[float, float]:
    """Means over the boxes that reached a stress: under load, and released."""
    frames, boxes = pressed.tables["frames"], pressed.tables["boxes"]
    reached = np.flatnonzero((boxes["stress"] == stress) & (boxes["reached"] == 1)).tolist()
    rows = np.array([loaded_and_released(frames, box) for box in reached])
    loaded, released = frames[column][rows].mean(axis=0)
    return float(loaded), float(released)


@styled
def damage_figure(card: Card, pressed: Data) -> Figure:
    """Broken bonds, cracked particles (where judged) and coordination against pressure, loaded and released."""
    figure, axes = new_figure(7.1, 2.5, 1, 3)
    panels = [
        ("broken_bond_fraction", 100.0, "broken binder bonds (%)"),
        ("cracked_fraction", 100.0, "cracked share of volume (%)"),
        ("coordination", 1.0, "contacts of a particle"),
    ]
    unjudged = "cracked_fraction" if card.fracture.criterion == "none" else ""
    stresses = stress_colours(pressed.tables["boxes"]["stress"])
    for ax, (column, factor, label) in zip(axes[0], panels):
        if column == unjudged:
            ax.set(xticks=[], yticks=[], ylabel=label)
            ax.text(0.5, 0.4, "not judged:\nno criterion", ha="center", transform=ax.transAxes)
            continue
        draw_loading(ax, pressed, column, factor)
        for stress in reached_stresses(pressed):
            _, released = turning_values(pressed, stress, column)
            x, y = in_unit(stress, "MPa"), factor * released
            ax.plot(x, y, "o", color=stresses[stress], markerfacecolor="white", markersize=5)
        ax.set_ylabel(label)
        ax.set_ylim(bottom=0.0)
        pressure_axis(ax, LEAST_PRESSURE, 2.0 * in_unit(max(stresses), "MPa"))
    key = [
        Line2D([], [], color=INK, linewidth=2.0, label="loading"),
        Line2D([], [], color=GREY, marker="o", linestyle="", markerfacecolor="white", label="released"),
    ]
    axes[0, 1].legend(handles=key, loc="upper left")
    return figure


@styled
def honesty_figure(pressed: Data) -> Figure:
    """Four signs of a sound particle run against the strain, a line a box, with the limits that flag it."""
    figure, axes = new_figure(7.1, 4.3, 2, 2, sharex=True)
    panels = [
        ("kinetic_over_elastic", "kinetic / elastic energy", None),
        ("inertial_number", "inertial number", INERTIAL_LIMIT),
        ("energy_error", "|energy error| / work", ENERGY_LIMIT),
        ("overlap_ratio", "largest overlap / radius", OVERLAP_LIMIT),
    ]
    colours = stress_colours(pressed.tables["boxes"]["stress"])
    for ax, (column, label, limit) in zip(axes.flat, panels):
        for leg, line in (("load", "-"), ("release", (0, (1, 1.2)))):
            for branch in branches(pressed, leg):
                values = np.abs(branch.frames[column])
                shown = np.where(values > 0, values, np.nan)  # a logarithm has no place for zero
                strain = 100.0 * branch.frames["strain"]
                ax.plot(strain, shown, color=colours[branch.stress], linewidth=0.9, linestyle=line)
        if limit is not None:
            ax.axhline(limit, color=ACCENT, linewidth=0.9, linestyle="--")
        ax.set(yscale="log", ylabel=label)
    for ax in axes[1]:
        ax.set_xlabel("strain of the coating (%)")
    key = [
        Line2D([], [], color=colour, label=f"to {in_unit(stress, 'MPa'):.4g} MPa") for stress, colour in colours.items()
    ]
    key += [
        Line2D([], [], color=GREY, linestyle=(0, (1, 1.2)), label="release"),
        Line2D([], [], color=ACCENT, linestyle="--", label="limit"),
    ]
    figure.legend(handles=key, loc="outside upper center", ncols=len(key))
    return figure
