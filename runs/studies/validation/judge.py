"""Bands that were written down before, and the figure of predicted against measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kalander.runs.page.plot_style import ACCENT, GREY, SERIES, new_figure, png, styled

__all__ = ["Band", "judged", "scatter_figure"]


@dataclass(frozen=True)
class Band:
    """A number that was reached, and the most that it may be."""

    name: str
    value: float
    most: float

    @property
    def met(self) -> bool:
        return bool(self.value <= self.most)


def judged(bands: Sequence[Band]) -> int:
    """Print each band; 0 where all are met, else 1."""
    for band in bands:
        verdict = "met" if band.met else "MISSED"
        print(f"{verdict:>8}  {band.name}: {band.value:.2f}, at most {band.most:g} was asked for")
    return 0 if all(band.met for band in bands) else 1


@styled
def scatter_figure(measured: np.ndarray, predicted: np.ndarray, names: Sequence[str], title: str) -> bytes:
    """Predicted against measured porosity, PNG. measured (row,), predicted (row, seed): mean and deviation of seeds."""
    figure, axes = new_figure(4.2, 3.6, 1, 1)
    ax = axes[0, 0]
    mean = 100.0 * predicted.mean(axis=1)
    error = 100.0 * predicted.std(axis=1, ddof=1)
    measured = 100.0 * measured
    ends = np.array([min(mean.min(), measured.min()) - 3.0, max(mean.max(), measured.max()) + 3.0])
    ax.plot(ends, ends, color=GREY, lw=0.8)
    ax.fill_between(ends, ends - 2.0, ends + 2.0, color=GREY, alpha=0.12, lw=0, label="± 2 points")
    for row, name in enumerate(names):
        colour = (*SERIES, ACCENT, "k")[row % 7]
        ax.errorbar(measured[row], mean[row], error[row], fmt="o", ms=4, color=colour, capsize=2, label=name)
    ax.set(xlabel="porosity measured (%)", ylabel="predicted, mean and sd of seeds (%)", title=title)
    ax.set(xlim=ends, ylim=ends)
    ax.legend(fontsize=6.5)
    return png(figure)
