"""The process window as one picture to print: a panel a speed, line load as contours, limits as hatched areas."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from kalander.coupling.scales import celsius, in_unit
from kalander.runs.page.plot_style import GREY, INK, LIGHT, new_figure, styled
from kalander.runs.window.window import LIMITS

__all__ = ["window_figure"]

LOOKS = {  # colour and hatch of each limit
    "cracking": ("#d55e00", "xx"), "percolation": ("#cc79a7", ".."), "foil": ("#0072b2", "//"),
    "tortuosity": ("#009e73", "\\\\"), "springback": ("#e69f00", "--"),
}  # fmt: skip


@styled
def window_figure(answer: Mapping[str, Any]) -> Figure:
    """Porosity behind the nip against the temperature of the rolls."""
    points = answer["points"]
    speeds = sorted({point["speed_m_per_s"] for point in points})
    figure, axes = new_figure(max(4.6, 2.7 * len(speeds)), 3.9, 1, len(speeds), sharey=True)
    broken = {name for point in points for name in point["breaks"]}
    for ax, speed in zip(axes[0], speeds):
        _panel(ax, [point for point in points if point["speed_m_per_s"] == speed])
        ax.set(title=f"{float(in_unit(speed, 'm/min')):.3g} m/min", xlabel="roll temperature (°C)")
    axes[0, 0].set_ylabel("porosity behind the nip (%)")
    key: list[Any] = [
        Line2D([], [], color=INK, label="line load (N/mm)"),
        Patch(facecolor=LIGHT, label="no solution, mostly beyond the press"),
    ]
    key += [
        Patch(facecolor="none", edgecolor=LOOKS[name][0], hatch=LOOKS[name][1], label=LIMITS[name])
        for name in LIMITS if name in broken
    ]  # fmt: skip
    figure.legend(handles=key, loc="outside upper center", ncols=min(4, len(key)))
    return figure


def _panel(ax: Axes, points: list[dict[str, Any]]) -> None:
    temperatures = sorted({point["roll_temperature_K"] for point in points})
    porosities = sorted({point["porosity"] for point in points})
    where = {(point["porosity"], point["roll_temperature_K"]): point for point in points}
    grid = [[where[porosity, temperature] for temperature in temperatures] for porosity in porosities]
    x, y = celsius(np.array(temperatures)), 100.0 * np.array(porosities)
    load = np.array([[in_unit(one.get("line_load_N_per_m") or np.nan, "N/mm") for one in row] for row in grid])
    solved = np.array([[one["solved"] for one in row] for row in grid])
    if len(x) > 1 and len(y) > 1:
        ax.contourf(x, y, ~solved, levels=[0.5, 1.5], colors=[LIGHT])
        if solved.sum() > 3:
            lines = ax.contour(x, y, load, levels=6, colors=INK, linewidths=0.9)
            ax.clabel(lines, fmt="%.3g", fontsize=7.5)
        for name, (colour, hatch) in LOOKS.items():
            breaks = np.array([[name in one["breaks"] for one in row] for row in grid], float)
            if breaks.any():
                ax.contourf(x, y, breaks, levels=[0.5, 1.5], colors="none", hatches=[hatch])
                ax.contour(x, y, breaks, levels=[0.5], colors=colour, linewidths=1.6)
    else:
        ax.plot(np.tile(x, len(y)), np.repeat(y, len(x)), ".", color=GREY)
