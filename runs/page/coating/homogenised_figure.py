"""What homogenised boxes know, as figures: properties by relative density with their seeds, and relaxation."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from kalander.coupling.homogenise.homogenised import Homogenised
from kalander.coupling.homogenise.moduli import FREE, stiffness_by_density
from kalander.coupling.scales import in_unit
from kalander.coupling.store.atomic import replacing
from kalander.runs.page.plot_style import ACCENT, SERIES, new_figure, png, styled

__all__ = ["moduli_figure", "properties_figure", "relaxation_figure", "write_homogenised_figures"]

PANELS = (
    ("pressure", "pressure of first loading (MPa)", "MPa"), ("yield_pressure", "$p_c$ of the cap (MPa)", "MPa"),
    ("cap_slope", "$M$ of the cap", "1"), ("tensile_strength", "tensile strength (MPa)", "MPa"),
    ("cracked_fraction", "cracked volume share", "1"), ("released_density", "density after release", "1"),
)  # fmt: skip


@styled
def properties_figure(one: Homogenised) -> Figure:
    """A panel a property: the mean along its trend, one standard deviation, and every seed."""
    panels = [panel for panel in PANELS if panel[0] in one.known]
    rows = (len(panels) + 2) // 3
    figure, axes = new_figure(7.2, 2.4 * rows, rows, 3)
    low, high = one.densities
    for ax, (name, label, unit) in zip(axes.flat, panels):
        ends = (one.knots[name].density[[0, -1]] if name in one.knots else np.array([low, high])).tolist()
        density = np.linspace(ends[0], ends[1], 200)
        found = one.at(name, density)
        value, spread = (in_unit(part, unit) for part in (found.value, found.deviation))
        ax.plot(density, value, color=SERIES[0])
        ax.fill_between(density, value - spread, value + spread, color=SERIES[0], alpha=0.22, lw=0)
        if name in one.knots:
            knots = one.knots[name]
            for seed in knots.samples:
                ax.plot(knots.density, in_unit(seed, unit), "o", ms=3.2, mfc="none", mec=ACCENT, mew=0.9)
        ax.set(xlabel="relative density", ylabel=label)
        if name != "released_density":
            ax.set_ylim(0.0, max(ax.get_ylim()[1], 0.01))
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    return figure


@styled
def moduli_figure(one: Homogenised) -> Figure:
    """Young's moduli along MD, CD and z, and their ratio: full under load, open as laid and as released."""
    figure, axes = new_figure(7.2, 2.8, 1, 2)
    left, right = axes[0]
    for name, style in (("stiffness", "o-"), (FREE, "o--")):
        known = stiffness_by_density(one, name)
        density = [place for place, _ in known]
        for colour, (constant, label) in zip(SERIES, (("E_x", "MD"), ("E_y", "CD"), ("E_z", "z"))):
            value, spread = np.array([in_unit(np.array(found.constants[constant]), "MPa") for _, found in known]).T
            left.errorbar(density, value, np.nan_to_num(spread), fmt=style, color=colour, ms=3.5, capsize=2, lw=1,
                          mfc="white" if name == FREE else colour,
                          label=f"{label}, {'laid, released' if name == FREE else 'under load'}")  # fmt: skip
        ratio, spread = np.array([found.anisotropy for _, found in known]).T
        right.errorbar(density, ratio, np.nan_to_num(spread), fmt=style, color=ACCENT, ms=3.5, capsize=2, lw=1,
                       mfc="white" if name == FREE else ACCENT)  # fmt: skip
    left.set(xlabel="relative density", ylabel="Young's modulus (MPa)")
    left.set_ylim(0.0, None)
    left.legend(fontsize=6)
    right.axhline(1.0, color="0.7", lw=0.8)
    right.set(xlabel="relative density", ylabel="in plane over z")
    return figure


@styled
def relaxation_figure(one: Homogenised) -> Figure:
    """The share of the elastic stress left over time, at the temperatures that were held."""
    assert one.relaxation is not None
    figure, axes = new_figure(3.6, 2.6, 1, 1)
    ax = axes[0][0]
    times = one.relaxation.times
    time = np.geomspace(1e-2 * times.min(), 1e2 * times.max(), 300)
    shown = sorted({one.thermal.reference, *one.thermal.measured})
    for colour, temperature in zip(SERIES, shown):
        factor = 1.0 if one.shift is None else one.shift.factor(temperature)
        ax.semilogx(time, one.relaxation.share(time / factor), color=colour, label=f"{temperature:.4g} K")
    ax.set(xlabel="time (s)", ylabel="share of elastic stress", ylim=(0, 1.05))
    ax.legend()
    return figure


def write_homogenised_figures(one: Homogenised, folder: Path) -> list[Path]:
    """PNG files in a folder. Raises StorageError."""
    figures = {"homogenised.png": properties_figure(one)}
    if one.relaxation is not None and one.relaxation.terms:
        figures["relaxation.png"] = relaxation_figure(one)
    if stiffness_by_density(one) and stiffness_by_density(one, FREE):
        figures["moduli.png"] = moduli_figure(one)
    for name, figure in figures.items():
        with replacing(folder / name) as handle:
            handle.write(png(figure))
    return [folder / name for name in figures]
