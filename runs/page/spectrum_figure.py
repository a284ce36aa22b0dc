"""Spectra against what the posterior says of them: Nyquist plots with bands, and residuals."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kalander.runs.page.plot_style import ACCENT, GREY, INK, SERIES, new_figure, styled
from kalander.twin.inference.infer import SpectrumResult

__all__ = ["spectrum_figure"]

DRAWN = 400  # samples of the posterior behind a band


@styled
def spectrum_figure(one: SpectrumResult) -> Figure:
    """Three panels: the spectrum up to a few times R_ion, whole, and residuals over frequency."""
    figure, axes = new_figure(7.2, 2.9, 1, 3, width_ratios=(1.15, 0.9, 1.15))
    curves, noise = _bands(one)
    ionic, series = float(np.median(one.ionic)), float(np.median(one.fit.parameters["series"]))
    near, whole, rest = axes[0]
    for ax in (near, whole):
        _nyquist(ax, one, curves, noise)
    reach = 0.75 * ionic
    near.set(xlim=(series - 0.12 * reach, series + reach), ylim=(-0.1 * reach, 1.02 * reach))
    near.set_aspect("equal", adjustable="box")
    near.set_title(one.name if len(one.name) < 28 else f"{one.name[:25]}…")
    near.annotate("", (series, -0.05 * reach), (series + ionic / 3.0, -0.05 * reach),
                  arrowprops={"arrowstyle": "<->", "color": GREY, "lw": 0.8})  # fmt: skip
    near.text(series + ionic / 6.0, -0.04 * reach, "$R_{ion}/3$", ha="center", va="bottom", color=GREY, fontsize=7.5)
    whole.set_title("whole")
    whole.set_ylabel("")
    _residuals(rest, one, curves, noise)
    return figure


def _bands(one: SpectrumResult) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Curves of samples, shape (sample, point), and median standard deviations of the noise (real, imaginary)."""
    flat = one.fit.chains.flat
    chosen = flat[np.linspace(0, len(flat) - 1, DRAWN).astype(int)]
    posterior = one.fit.posterior
    curves = posterior.impedance(chosen)
    real, imaginary = posterior.variances(posterior.values(chosen), curves)
    return curves, (np.sqrt(np.median(real, axis=0)), np.sqrt(np.median(imaginary, axis=0)))


def _nyquist(ax: Axes, one: SpectrumResult, curves: np.ndarray, noise: tuple[np.ndarray, np.ndarray]) -> None:
    """Points, and the 90 % band of a new measurement about the median curve, to either side of it."""
    measured = one.spectrum.impedance
    median = np.median(curves.real, axis=0) + 1j * np.median(curves.imag, axis=0)
    spread = [1.645 * np.hypot(part.std(axis=0), size) for part, size in zip((curves.real, curves.imag), noise)]
    ax.plot(median.real, -median.imag, color=SERIES[0], zorder=3)
    along = np.gradient(median)
    normal = 1j * along / np.maximum(np.abs(along), 1e-30)
    width = np.hypot(normal.real * spread[0], normal.imag * spread[1])
    one_side, other = median + normal * width, median - normal * width
    edge = np.concatenate([one_side, other[::-1]])
    ax.fill(edge.real, -edge.imag, color=SERIES[0], alpha=0.22, lw=0)
    ax.plot(measured.real, -measured.imag, "o", ms=3.2, mfc="none", mec=ACCENT, mew=0.9, zorder=4)
    rows = list(one.check.outliers)
    ax.plot(measured.real[rows], -measured.imag[rows], "x", color=INK, ms=6, zorder=5)
    ax.set(xlabel="Re Z (Ω)", ylabel="−Im Z (Ω)")


def _residuals(ax: Axes, one: SpectrumResult, curves: np.ndarray, noise: tuple[np.ndarray, np.ndarray]) -> None:
    """Residuals in standard deviations of the inferred noise."""
    rest = one.spectrum.impedance - np.median(curves.real, axis=0) - 1j * np.median(curves.imag, axis=0)
    ax.axhspan(-1.645, 1.645, color=SERIES[0], alpha=0.15, lw=0)
    ax.axhline(0.0, color=GREY, lw=0.7)
    for part, size, colour, label in zip((rest.real, rest.imag), noise, (SERIES[1], ACCENT), ("Re", "Im")):
        ax.plot(one.spectrum.frequency, part / size, "o", ms=3, color=colour, label=label)
    ax.set(xscale="log", xlabel="frequency (Hz)", ylabel="residual / noise", title="band: 90 % of the noise")
    highest = max(4.0, 1.1 * float(np.max(np.abs([rest.real / noise[0], rest.imag / noise[1]]))))
    ax.set_ylim(-highest, 1.25 * highest)
    ax.legend(ncols=2, loc="upper right", handletextpad=0.2)
