"""What cells with the coatings of a study deliver: capacity over rate, and energy over volume against porosity."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kalander.coupling.scales import in_unit
from kalander.runs.page.plot_style import SERIES, new_figure, stress_colours, styled
from kalander.twin.cell.performance import CellPerformance, StateCells

__all__ = ["cell_figure"]

MARKERS = "so^Dv"  # open, of falling size: lines that lie on each other are both seen


@styled
def cell_figure(done: CellPerformance) -> Figure:
    """Two panels; bars are standard deviations over the packings of a state."""
    figure, axes = new_figure(7.2, 3.0, 1, 2)
    left, right = axes[0]
    _capacities(left, done)
    _energies(right, done)
    return figure


def _capacities(ax: Axes, done: CellPerformance) -> None:
    """Delivered charge over that of the recipe against rate, a line a state."""
    colours = stress_colours(np.array([state.stress for state in done.states]))
    order = np.argsort(done.rates)
    for rank, state in enumerate(done.states):
        share = np.array([state.delivered("capacity", rate) for rate in order]) / done.design.nominal_capacity
        rates = np.array(done.rates)[order]
        ax.errorbar(rates, in_unit(share.mean(axis=1), "%"), in_unit(_scatter(share), "%"), capsize=2, mfc="none",
                    fmt=f"{MARKERS[rank % 5]}-", ms=6.5 - rank % 5, color=colours[state.stress],
                    label=_label(state))  # fmt: skip
    ax.set(xlabel="rate (C)", ylabel="delivered capacity (% of the recipe's)", xscale="log")
    ax.set_xticks(sorted(done.rates), [f"{rate:g}" for rate in sorted(done.rates)])
    ax.minorticks_off()
    ax.set_ylim(bottom=0.0)
    ax.legend(loc="lower left")


def _energies(ax: Axes, done: CellPerformance) -> None:
    """Energy over the volume of the repeating unit against porosity, a line a rate."""
    states = sorted(done.states, key=lambda state: float(state.electrode("porosity").mean()))
    pores = np.array([in_unit(state.electrode("porosity").mean(), "%") for state in states])
    for rank, rate in enumerate(np.argsort(done.rates)):
        density = np.array([in_unit(done.energy_density(state, rate), "W h/L") for state in states])
        ax.errorbar(pores, density.mean(axis=1), _scatter(density), fmt="o-", ms=3.5, capsize=2,
                    color=SERIES[rank % len(SERIES)], label=f"{done.rates[rate]:g} C")  # fmt: skip
    ax.set(xlabel="porosity (%)", ylabel="energy over volume of the stack (Wh/L)")
    ax.set_ylim(bottom=0.0)
    ax.legend(loc="lower left", ncols=2)


def _scatter(values: np.ndarray) -> np.ndarray:
    """Standard deviation over packings, shape (point,), 0 for one packing."""
    return values.std(axis=1, ddof=1) if values.shape[1] > 1 else np.zeros(len(values))


def _label(state: StateCells) -> str:
    pores = f"porosity {state.electrode('porosity').mean():.2f}"
    return f"as laid, {pores}" if state.stress == 0.0 else f"{in_unit(state.stress, 'MPa'):.3g} MPa, {pores}"
