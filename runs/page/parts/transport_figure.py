"""Ions and electrons against porosity: every packing, as laid and after each press, through the plane and in it."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.runs.page.plot_style import GREY, INK, new_figure, stress_colours, styled

__all__ = ["transport_figure"]


@styled
def transport_figure(measured: Data) -> Figure:
    """Tortuosity, effective conduction of ions and conductivity of electrons; filled through the plane, open in it."""
    states = measured.tables["states"]
    figure, axes = new_figure(7.1, 3.0, 1, 3)
    panels = (
        ("tortuosity", "tortuosity τ", False), ("effective_ratio", "κ_eff / κ_0", False),
        ("sigma", "σ_eff of electrons (S/m)", True),
    )  # fmt: skip
    stresses, colours = (
        np.unique(states["stress"]),
        {0.0: GREY, **stress_colours(states["stress"][states["stress"] > 0])},
    )
    for ax, (column, label, logarithmic) in zip(axes[0], panels):
        values = states[column]
        through, across = values[:, 2], values[:, :2].mean(axis=1)
        for stress in stresses.tolist():
            here = states["stress"] == stress
            x = 100.0 * states["porosity_voxels"][here]
            look = {"color": colours[stress], "linestyle": "", "markersize": 4.5}
            ax.plot(x, _drawable(through[here], logarithmic), "o", **look)
            ax.plot(x, _drawable(across[here], logarithmic), "o", markerfacecolor="white", **look)
        ax.set(xlabel="porosity (%)", ylabel=label)
        if logarithmic and (values > 0).any():
            ax.set_yscale("log")
        ax.invert_xaxis()  # pressing goes to the right
    names = {stress: f"{in_unit(stress, 'MPa'):.4g} MPa" if stress else "as laid" for stress in stresses.tolist()}
    key = [Line2D([], [], color=colours[s], marker="o", linestyle="", label=names[s]) for s in stresses.tolist()]
    key.append(Line2D([], [], color=INK, marker="o", linestyle="", label="through the plane"))
    key.append(Line2D([], [], color=INK, marker="o", linestyle="", markerfacecolor="white", label="in the plane"))
    figure.legend(handles=key, loc="outside upper center", ncols=min(len(key), 5))
    return figure


def _drawable(values: np.ndarray, logarithmic: bool) -> np.ndarray:
    """A logarithm has no place for what does not conduct."""
    return np.where(values > 0, values, np.nan) if logarithmic else values
