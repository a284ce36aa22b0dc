"""The tortuosity law by impedance: its band with the electrodes' points, the microstructures', and the corner plot."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kalander.coupling.structure.measured_law import MeasuredLaw
from kalander.coupling.structure.tortuosity_law import TortuosityLaw, fit_law
from kalander.kernels.columns import Table
from kalander.runs.page.plot_style import ACCENT, GREY, INK, SERIES, new_figure, styled

__all__ = ["corner_figure", "tortuosity_figure"]

BINS = 40
LABELS = {
    "f": "f", "alpha": "α", "conductivity": "κ (S/m)", "scatter": "scatter of ln τ", "ionic": "$R_{ion}$ (Ω)",
    "series": "$R_0$ (Ω)", "exponent": "γ", "q": "$Q$ (S s$^γ$)", "electronic": "$R_e$ (Ω)",
}  # fmt: skip


@styled
def tortuosity_figure(measured: MeasuredLaw, states: Table | None = None) -> Figure:
    """τ(ε) with 90 % bands: by impedance, and through the microstructures where a study has them."""
    figure, axes = new_figure(4.6, 3.4)
    ax = axes[0, 0]
    points = measured.points
    own = states["porosity_voxels"] if states is not None else np.array([])
    low, high = min([*points["porosity"], *own]), max([*points["porosity"], *own])
    room = max(0.04, 0.08 * (high - low))
    grid = np.linspace(max(0.02, low - room), min(0.98, high + room), 120)
    lower, middle, upper = measured.band(grid)
    ax.fill_between(grid, lower, upper, color=SERIES[0], alpha=0.22, lw=0)
    law = measured.law
    ax.plot(grid, middle, color=SERIES[0], label=f"impedance: {np.median(measured.f):.2f} ε^(−{law.alpha:.2f})")
    error = np.abs([points["tortuosity_lo90"], points["tortuosity_hi90"]] - points["tortuosity"])
    ax.errorbar(
        points["porosity"], points["tortuosity"], yerr=error, xerr=1.645 * points["porosity_sd"], fmt="o", ms=4,
        color=ACCENT, elinewidth=0.9, label="each electrode by itself", zorder=4,
    )  # fmt: skip
    if states is not None:
        _microstructure(ax, states, grid)
    ax.plot(grid, grid**-0.5, color=GREY, lw=0.8, ls=":", label="ε^(−0.5), Bruggeman")
    ax.set(xlabel="porosity", ylabel="tortuosity through the plane", xlim=(grid[0], grid[-1]))
    seen = np.median(np.concatenate([upper, points["tortuosity_hi90"]]))
    ax.set_ylim(1.0, min(max(float(upper.max()), float(points["tortuosity_hi90"].max())), 6.0 * seen) * 1.15)
    ax.set_title("bands and bars: 90 %")
    ax.legend(loc="upper right")
    return figure


def _microstructure(ax: Axes, states: Table, grid: np.ndarray) -> None:
    """The states of a study and, of three or more, their law with the band of its scatter."""
    porosity, tortuosity = states["porosity_voxels"], states["tortuosity"][:, 2]
    there = np.isfinite(tortuosity)
    ax.plot(porosity[there], tortuosity[there], "s", ms=3.5, color=SERIES[1], label="microstructures", zorder=3)
    try:
        law = fit_law(porosity[there], tortuosity[there])
    except ValueError:
        return
    inside = (grid >= law.porosity_range[0]) & (grid <= law.porosity_range[1])
    band = 1.645 * _deviation(law, grid[inside])
    middle = np.log(law.tortuosity(grid[inside]))
    ax.fill_between(grid[inside], np.exp(middle - band), np.exp(middle + band), color=SERIES[1], alpha=0.22, lw=0)
    label = f"their law: {law.f:.2f} ε^(−{law.alpha:.2f})"
    ax.plot(grid[inside], np.exp(middle), color=SERIES[1], label=label)


def _deviation(law: TortuosityLaw, porosity: np.ndarray) -> np.ndarray:
    """Standard deviation of ln τ of the fitted law."""
    slope = np.stack([np.full(len(porosity), 1.0 / law.f), -np.log(porosity)])
    return np.sqrt(np.maximum(np.einsum("ip,ij,jp->p", slope, law.covariance, slope), 0.0))


@styled
def corner_figure(samples: Mapping[str, np.ndarray], title: str, labels: Mapping[str, str] = LABELS) -> Figure:
    """Each parameter's histogram, and each pair's regions that hold 50 and 90 % of the samples; those with a label."""
    names = [name for name in labels if name in samples and np.ptp(samples[name]) > 0]
    count = len(names)
    figure, axes = new_figure(1.1 + 1.35 * count, 1.0 + 1.25 * count, count, count)
    for row in range(count):
        for column in range(count):
            ax = axes[row, column]
            ax.grid(False)
            if column > row:
                ax.set_axis_off()
                continue
            x = samples[names[column]]
            window = _window(x)
            if column == row:
                ax.hist(x, bins=BINS, range=window, color=SERIES[0], alpha=0.7, histtype="stepfilled")
                ax.axvline(np.median(x), color=INK, lw=0.9)
                for edge in np.quantile(x, [0.05, 0.95]):
                    ax.axvline(edge, color=INK, lw=0.7, ls=(0, (2, 2)))
                ax.set_yticks([])
            else:
                _regions(ax, x, samples[names[row]], window, _window(samples[names[row]]))
            ax.set_xlim(*window)
            ax.xaxis.set_major_locator(MaxNLocator(3, prune="both"))
            ax.yaxis.set_major_locator(MaxNLocator(3, prune="both"))
            ax.tick_params(labelsize=6.5, labelbottom=row == count - 1, labelleft=column == 0 and row > 0)
            if row == count - 1:
                ax.set_xlabel(labels[names[column]])
            if column == 0 and row > 0:
                ax.set_ylabel(labels[names[row]])
    figure.suptitle(title, fontsize=8.5, x=0.02, ha="left")
    return figure


def _window(samples: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(samples, [0.002, 0.998])
    room = 0.08 * (high - low) or 1e-9
    return float(low - room), float(high + room)


def _regions(ax: Axes, x: np.ndarray, y: np.ndarray, across: tuple[float, float], up: tuple[float, float]) -> None:
    """Smallest regions of the histogram, smoothed over neighbours, that hold 50 and 90 %."""
    count, _, _ = np.histogram2d(x, y, bins=BINS, range=[across, up])
    kernel = np.array([0.25, 0.5, 0.25])
    for axis in (0, 1):
        count = np.apply_along_axis(np.convolve, axis, count, kernel, "same")
    ranked = np.sort(count.ravel())[::-1]
    held = np.cumsum(ranked) / ranked.sum()
    levels = sorted({float(ranked[np.searchsorted(held, share)]) for share in (0.9, 0.5)})
    middles = [np.linspace(low, high, BINS, endpoint=False) + 0.5 * (high - low) / BINS for low, high in (across, up)]
    ax.contourf(*middles, count.T, levels=[*levels, float(ranked[0]) * 1.001], colors=[SERIES[0]], alpha=0.35)
    ax.contour(*middles, count.T, levels=levels, colors=[SERIES[0]], linewidths=0.8)
    ax.set_ylim(*up)
