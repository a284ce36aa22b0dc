"""How much virtual cells differ, which tolerance causes it, and how much two ways to hold the rolls leave."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kalander.coupling.scales import in_unit
from kalander.runs.page.plot_style import ACCENT, GREY, LIGHT, SERIES, new_figure, styled
from kalander.twin.variation.outcome import Variation

__all__ = ["SHOWN", "variation_figure"]

# output -> what it is called, unit in figures
SHOWN = {
    "porosity": ("porosity", "%"), "thickness": ("coating", "um"), "line_load": ("line load", "N/mm"),
    "gap": ("set gap", "um"), "peak_pressure": ("peak pressure", "MPa"), "capacity": ("capacity", "mA h/cm^2"),
    "resistance": ("resistance", "ohm cm^2"), "energy": ("energy", "W h/m^2"),
    "energy_density": ("energy over volume", "W h/L"),
}  # fmt: skip
HISTOGRAMS = ("porosity", "capacity", "resistance")
BARS = ("porosity", "thickness", "capacity", "resistance", "energy_density")
COLOURS = (*SERIES, ACCENT, GREY, LIGHT)


@styled
def variation_figure(done: Variation) -> Figure:
    """Three histograms with bounds, below the causes of variance and the spread of both ways to hold the rolls."""
    figure, axes = new_figure(7.2, 4.8, 2, 3)
    for ax, name in zip(axes[0], HISTOGRAMS):
        _histogram(ax, done, name)
    left, middle, right = axes[1]
    _causes(left, done)
    _holds(middle, done)
    _full_runs(right, done)
    return figure


def _histogram(ax: Axes, done: Variation, name: str) -> None:
    title, unit = SHOWN[name]
    ax.hist(in_unit(done.cells[name], unit), bins=30, color=SERIES[0], alpha=0.85)
    for bound in done.bounds:
        for limit in (bound.least, bound.most):
            if bound.output == name and np.isfinite(limit):
                ax.axvline(in_unit(limit, unit), color=ACCENT, linewidth=1.0)
    pretty = unit.replace("ohm cm^2", "Ω cm²").replace("mA h/cm^2", "mAh/cm²").replace("um", "µm")
    ax.set(xlabel=f"{title} ({pretty})", ylabel="virtual cells")


def _causes(ax: Axes, done: Variation) -> None:
    """Total orders, scaled to sum to 1 where interactions or correlations make them sum to another number."""
    outputs = list(done.cells)
    base = np.zeros(len(BARS))
    names = [
        name for name in done.causes
        if max(_totals(done, name, outputs)) > 0.005
    ]  # fmt: skip
    every = np.array([_totals(done, name, outputs) for name in names])
    whole = every.sum(axis=0)
    for rank, (name, values) in enumerate(zip(names, every / np.where(whole > 0, whole, 1.0))):
        ax.barh(range(len(BARS)), values, left=base, color=COLOURS[rank % len(COLOURS)], label=name.replace("_", " "))
        base += values
    ax.set_yticks(range(len(BARS)), [SHOWN[name][0].replace(" over volume", "\nover volume") for name in BARS])
    ax.set(xlabel="share of total orders", xlim=(0, 1))
    ax.invert_yaxis()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=6.5, handlelength=1.0)


def _totals(done: Variation, name: str, outputs: list[str]) -> list[float]:
    column = done.scatter.names.index(name)
    return [max(float(np.nan_to_num(done.indices.total[outputs.index(one), column])), 0.0) for one in BARS]


def _holds(ax: Axes, done: Variation) -> None:
    """Relative spread at equal mean porosity."""
    shown = [one for one in done.robust if one.setting is not None]
    for rank, one in enumerate(shown):
        spread = [in_unit(one.cells[name].std(ddof=1) / one.cells[name].mean(), "%") for name in BARS]
        ax.barh(np.arange(len(BARS)) + 0.36 * rank - 0.18, spread, height=0.34, color=SERIES[rank],
                label=f"rolls hold the {one.hold.replace('_', ' ')}")  # fmt: skip
    ax.set_yticks(range(len(BARS)), [""] * len(BARS))
    ax.set(xlabel="sd at equal mean porosity (%)")
    ax.invert_yaxis()
    if shown:
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=6.5)


def _full_runs(ax: Axes, done: Variation) -> None:
    """Porosity of cells that ran in full against what the surrogate said."""
    told, full = (in_unit(one, "%") for one in (done.cells["porosity"][done.checked], done.in_full["porosity"]))
    ends = [float(np.nanmin([told, full])), float(np.nanmax([told, full]))]
    ax.plot(ends, ends, color=GREY, linewidth=0.8)
    ax.plot(full, told, "o", color=ACCENT, ms=3.5, mfc="none")
    ax.set(xlabel="porosity in full (%)", ylabel="by the surrogate (%)")
