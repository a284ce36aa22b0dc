"""A campaign in figures: how far it has come, what it believes along each parameter, the front of two objectives."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from kalander.coupling.cases.suggest import SuggestCase
from kalander.runs.page.plot_style import ACCENT, GREY, INK, SERIES, new_figure, styled
from kalander.twin.optimise.campaign import Campaign

__all__ = ["convergence_figure", "front_figure", "slices_figure"]

BAND = 1.645  # deviations of a 90 % band
MOST_PANELS = 6  # across


@styled
def convergence_figure(campaign: Campaign) -> Figure:
    """Every trial's objectives, and the best so far: of one objective beside it, of two their hypervolume below."""
    case, rows = campaign.case, campaign.rows()
    progress = [np.nan if one is None else one for one in campaign.progress()]
    several = len(case.objective) > 1
    figure, axes = new_figure(6.0, 1.9 * (len(case.objective) + several), len(case.objective) + several, 1, sharex=True)
    number = np.arange(1, len(rows) + 1)
    for ax, one in zip(axes[:, 0], case.objective):
        value = np.array([row.get(one.name, np.nan) for row in rows], float)
        inside = np.array([row["within_limits"] for row in rows], bool)
        failed = np.array([row["status"] == "failed" for row in rows], bool)
        ax.plot(number[inside], value[inside], "o", ms=4, color=SERIES[0], label="within the limits")
        ax.plot(number[~inside], value[~inside], "o", ms=4, mfc="none", color=GREY, label="beyond a limit")
        if failed.any():
            ax.plot(number[failed], np.full(failed.sum(), 0.03), "x", ms=5, color=ACCENT, label="failed",
                    transform=ax.get_xaxis_transform())  # fmt: skip
        if not several:
            ax.step(number, progress, where="post", color=INK, lw=1.2, label="best so far")
        ax.set_ylabel(_label(case, one.name))
        if case.first < len(rows):
            ax.axvline(case.first + 0.5, color=GREY, lw=0.8, ls=(0, (3, 3)))
    if several:
        axes[-1, 0].step(number, progress, where="post", color=INK, lw=1.2)
        axes[-1, 0].set_ylabel("hypervolume")
    axes[-1, 0].set_xlabel("trial")
    axes[-1, 0].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0, 0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.22), ncols=4)
    return figure


@styled
def slices_figure(campaign: Campaign) -> Figure:
    """Each outcome along each parameter through one trial, with 90 % bands; limits dashed."""
    case, slices = campaign.case, campaign.slices()[:MOST_PANELS]
    middle, limits = campaign.middle, {one.name: one for one in case.limit}
    count = len(case.outcomes)
    figure, axes = new_figure(
        0.9 + 1.75 * len(slices), 0.5 + 1.45 * count, count, len(slices), sharey="row", sharex="col"
    )
    for row, name in enumerate(case.outcomes):
        for column, one in enumerate(slices):
            ax, parameter = axes[row, column], case.parameter[one.parameter]
            mean, sd = one.outcomes[name]
            ax.fill_between(one.values, mean - BAND * sd, mean + BAND * sd, color=SERIES[0], alpha=0.22, lw=0)
            ax.plot(one.values, mean, color=SERIES[0])
            ax.axvline(middle.parameters[parameter.name], color=GREY, lw=0.8, ls=":")
            if middle.outcomes is not None:
                ax.plot(middle.parameters[parameter.name], middle.outcomes[name], "o", ms=4, color=INK)
            for edge in (limits[name].at_least, limits[name].at_most) if name in limits else ():
                if edge is not None:
                    ax.axhline(edge, color=ACCENT, lw=0.9, ls=(0, (3, 2)))
            if parameter.log:
                ax.set_xscale("log")
                ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
                ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                ax.xaxis.set_minor_locator(NullLocator())
            else:
                ax.xaxis.set_major_locator(MaxNLocator(4))
            ax.yaxis.set_major_locator(MaxNLocator(4))
            if row == count - 1:
                ax.set_xlabel(_label(case, parameter.name))
            if column == 0:
                ax.set_ylabel(_label(case, name))
    return figure


@styled
def front_figure(campaign: Campaign) -> Figure:
    """Both objectives of every trial, and the front of those within the limits."""
    case, rows = campaign.case, campaign.rows()
    figure, axes = new_figure(4.4, 3.3)
    ax = axes[0, 0]
    one, other = case.objective
    done = [row for row in rows if row["status"] == "done"]
    for inside, style in ((False, {"mfc": "none", "color": GREY}), (True, {"color": SERIES[0]})):
        shown = [row for row in done if row["within_limits"] is inside]
        label = "within the limits" if inside else "beyond a limit"
        ax.plot([row[one.name] for row in shown], [row[other.name] for row in shown], "o", ms=4, label=label, **style)
    front = campaign.front
    _steps(ax, [trial.outcomes or {} for trial in front], one.name, other.name)
    ax.set(xlabel=_label(case, one.name), ylabel=_label(case, other.name))
    ax.legend(loc="best")
    return figure


def _steps(ax: Axes, front: list[dict[str, float]], across: str, up: str) -> None:
    """The line through a front."""
    points = sorted((one[across], one[up]) for one in front)
    ax.plot(*np.array(points).reshape(-1, 2).T, color=INK, lw=1.0, label="front", zorder=1)


def _label(case: SuggestCase, name: str) -> str:
    """A name in words with its unit."""
    words, unit = name.replace("_", " ").replace(" c rate", " C-rate"), case.units[name]
    for written, shown in (("*", " "), ("^2", "²"), ("^3", "³")):
        unit = unit.replace(written, shown)
    return words if unit == "1" else f"{words} ({unit})"
