"""What a calender leaves of a coating over its whole range: the nip of a card at many peak pressures; and its chart."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kalander.coupling.nip.roll import roll
from kalander.coupling.nip.vocabulary import Pass, Rolls, Web
from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_unit
from kalander.kernels.columns import Table
from kalander.kernels.errors import KalanderError
from kalander.runs.page.parts.scatter import at_pressure, measured_by_stress
from kalander.runs.page.plot_style import ACCENT, GREY, INK, SERIES, new_figure, styled

__all__ = ["process_figure", "process_table"]

POINTS = 14
BEYOND = 1.02  # of the hardest press: published states of harder ones have no place on the chart
LOWEST = 0.15  # of the smallest stress that was pressed to
NUMBERS = ("peak_pressure", "line_load", "set_gap", "exit_thickness", "springback", "porosity_exit")


def process_table(study: Study, *, points: int = POINTS) -> Table:
    """Columns NUMBERS [SI] of the card's nip, elastic rolls, from light loads to the hardest press of the boxes.

    Rows in which the nip has no solution are left out; empty without a closure.
    """
    none = {name: np.zeros(0) for name in NUMBERS}
    if "closure" not in study.stored or study.closure.pressed is None:
        return none
    web, rolls, own = Web.of(study.card, study.closure), Rolls.of(study.card), Pass.of(study.card)
    low, high = study.closure.pressed
    # the closure ends a little below or above the mean of the hardest presses: the nip of the study knows where
    solved = [one.peak_pressure for one in study.nip if one.solved and one.elastic] if "nip" in study.stored else []
    high = max(solved, default=high)
    found = []
    for peak in np.geomspace(LOWEST * low, high, points):
        held = {"gap": None, "line_load": None, "porosity": None, "peak_pressure": float(peak)}
        try:
            result = roll(web, rolls, own.with_values(held), "fast")
        except KalanderError:
            continue
        found.append([getattr(result, name) for name in NUMBERS])
    return dict(zip(NUMBERS, np.array(found, float).T)) if found else none


@dataclass(frozen=True)
class Panel:
    """A row of the chart: label, the curve [shown units] with its scatter by peak pressure, and measured values."""

    label: str
    curve: Callable[[Table], np.ndarray]
    scatter: Callable[[Study, Table], np.ndarray]
    published: str = ""
    factor: float = 1.0


def _porosity_scatter(study: Study, table: Table) -> np.ndarray:
    return 100.0 * at_pressure(study, "porosity", table["peak_pressure"])[1]


def _thickness_scatter(study: Study, table: Table) -> np.ndarray:
    """Of the web: the coatings thin by what their pores close."""
    coatings = in_unit(table["exit_thickness"] - study.card.electrode.foil.thickness, "um")
    return coatings * at_pressure(study, "porosity", table["peak_pressure"])[1] / (1.0 - table["porosity_exit"])


def _unknown(_: Study, table: Table) -> np.ndarray:
    return np.full(len(table["peak_pressure"]), np.nan)


PANELS = (
    Panel(
        "porosity\nafter (%)", lambda table: 100.0 * table["porosity_exit"], _porosity_scatter, "porosity", 100.0
    ),
    Panel(
        "web after\n(µm)", lambda table: in_unit(table["exit_thickness"], "um"), _thickness_scatter, "thickness",
        float(in_unit(1.0, "um")),
    ),
    Panel("springback\n(% of loaded)", lambda table: 100.0 * table["springback"], _unknown),
)  # fmt: skip


@styled
def process_figure(study: Study, table: Table) -> Figure:
    """Porosity, thickness, springback, cracked share and tortuosity against line load and against the set gap."""
    rows = len(PANELS) + 2
    figure, axes = new_figure(7.1, 8.2, rows, 2, sharex="col", sharey="row")
    places = in_unit(table["line_load"], "N/mm"), in_unit(table["set_gap"], "um")
    for column, x in enumerate(places):
        for row, panel in enumerate(PANELS):
            _curve(axes[row, column], x, panel.curve(table), panel.scatter(study, table))
            _published(axes[row, column], study, table, panel, column)
        _cracked(axes[len(PANELS), column], study, table, x)
        _tortuosity(axes[rows - 1, column], study, table, x)
        _own(axes[:, column], study, column)
    labels = [*(panel.label for panel in PANELS), "cracked share\n(% of volume)", "tortuosity\nthrough plane"]
    for row, label in enumerate(labels):
        axes[row, 0].set_ylabel(label)
    axes[-1, 0].set_xlabel("line load (N/mm)")
    axes[-1, 1].set_xlabel("set gap (µm)")
    axes[-1, 1].invert_xaxis()  # to the right is harder in both columns
    key = [
        Line2D([], [], color=INK, linewidth=1.8, label="computed, ± sd of the packings"),
        Line2D([], [], color=SERIES[0], linestyle="--", label="this card's setting"),
    ]
    if any(point.set_gap is not None or point.stress for point in study.card.published):
        key.append(Line2D([], [], color=ACCENT, marker="D", linestyle="", markerfacecolor="white", label="published"))
    figure.legend(handles=key, loc="outside upper center", ncols=3)
    return figure


def _curve(ax: Axes, x: np.ndarray, y: np.ndarray, scatter: np.ndarray) -> None:
    known = np.isfinite(scatter)
    ax.fill_between(x[known], (y - scatter)[known], (y + scatter)[known], color=INK, alpha=0.14, linewidth=0)
    ax.plot(x, y, color=INK, linewidth=1.8)


def _published(ax: Axes, study: Study, table: Table, panel: Panel, column: int) -> None:
    """Measured values at their own set gap, and at the line load whose peak is their stress."""
    for point in study.card.published:
        value = getattr(point, panel.published, None) if panel.published else None
        low, high = table["peak_pressure"][[0, -1]]
        if value is None or point.stress is None or not low <= point.stress <= BEYOND * high:
            continue
        if column == 1:
            x = None if point.set_gap is None else in_unit(point.set_gap, "um")
        else:
            x = in_unit(np.interp(point.stress, table["peak_pressure"], table["line_load"]), "N/mm")
        if x is not None:
            ax.plot(x, panel.factor * value, "D", color=ACCENT, markerfacecolor="white", markersize=5, zorder=6)
            ax.annotate(
                point.name, (float(x), panel.factor * value), xytext=(6, 3), textcoords="offset points", color=ACCENT,
                fontsize=7.5,
            )  # fmt: skip


def _cracked(ax: Axes, study: Study, table: Table, x: np.ndarray) -> None:
    if study.card.fracture.criterion == "none":
        ax.text(0.5, 0.45, "not judged: no criterion", ha="center", transform=ax.transAxes, color=GREY)
        return
    mean, scatter = at_pressure(study, "cracked_fraction", table["peak_pressure"])
    known = np.isfinite(mean)
    _curve(ax, x[known], 100.0 * mean[known], 100.0 * scatter[known])
    ax.set_ylim(0.0, max(1.0, 1.1 * np.nanmax(100.0 * mean, initial=0.0)))


def _tortuosity(ax: Axes, study: Study, table: Table, x: np.ndarray) -> None:
    """Measured in the packings released from each stress, at the nip whose peak is that stress."""
    states = measured_by_stress(study, "tortuosity")
    if states is None:
        ax.text(0.5, 0.45, "not measured", ha="center", transform=ax.transAxes, color=GREY)
        return
    inside = (states["stress"] > 0) & (states["stress"] <= 1.001 * table["peak_pressure"][-1])
    inside &= np.isfinite(states["mean"])
    places = np.interp(states["stress"][inside], table["peak_pressure"], x)
    scatter = np.nan_to_num(states["sd"][inside])
    ax.errorbar(places, states["mean"][inside], scatter, fmt="o-", color=INK, markersize=4, capsize=2.5, linewidth=1.0)


def _own(column_axes: np.ndarray, study: Study, column: int) -> None:
    own = study.nip.own if "nip" in study.stored else None
    if own is None or not own.solved:
        return
    place = float(in_unit(own.set_gap, "um") if column else in_unit(own.line_load, "N/mm"))
    for ax in column_axes:
        ax.axvline(place, color=SERIES[0], linestyle="--", linewidth=1.0)
