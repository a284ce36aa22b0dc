"""Curves of several studies in one figure."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_unit
from kalander.runs.page.figures import LEAST_PRESSURE, hardest, mean_over_replicas
from kalander.runs.page.plot_style import SERIES, new_figure, pressure_axis, styled

__all__ = ["comparison_figure"]


@styled
def comparison_figure(studies: Mapping[str, Study]) -> Figure:
    """Porosity against pressure, pressure along the nip at each card's own setting, tortuosity against porosity."""
    figure, axes = new_figure(7.1, 3.1, 1, 3)
    for rank, (name, study) in enumerate(studies.items()):
        colour = SERIES[rank % len(SERIES)]
        line = "-" if rank < len(SERIES) else "--"
        _compaction(axes[0, 0], study, colour, line, name)
        if "nip" in study.stored and study.nip.own.solved:
            own = study.nip.own
            x, pressure = in_unit(own.profile["x"], "mm"), in_unit(own.profile["pressure"], "MPa")
            axes[0, 1].plot(-x, pressure, line, color=colour)
        _transport(axes[0, 2], study, colour)
    highest = max((in_unit(max(study.card.press.stress), "MPa") for study in studies.values()), default=1.0)
    pressure_axis(axes[0, 0], LEAST_PRESSURE, 1.5 * highest)
    axes[0, 0].set_ylabel("porosity (%)")
    axes[0, 1].set(xlabel="behind the centre line (mm)", ylabel="pressure in the nip (MPa)", ylim=(0, None))
    axes[0, 2].set(xlabel="porosity (%)", ylabel="tortuosity through plane")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _compaction(ax: Axes, study: Study, colour: str, line: str, name: str) -> None:
    pressed = study.data("press")
    if pressed is None:
        ax.plot([], [], line, color=colour, label=f"{name} (not pressed yet)")
        return
    pressure, mean, scatter = mean_over_replicas(hardest(pressed), "porosity")
    if np.isfinite(scatter).all():
        ax.fill_between(pressure, 100 * (mean - scatter), 100 * (mean + scatter), color=colour, alpha=0.18, linewidth=0)
    ax.plot(pressure, 100.0 * mean, line, color=colour, label=name)
    curve = study.press
    for stress in sorted({float(one) for one in curve.boxes["stress"][curve.boxes["reached"] == 1]}):
        after = curve.released(stress).porosity
        ax.plot(in_unit(stress, "MPa"), 100.0 * after, "o", color=colour, markerfacecolor="white", markersize=4.5)


def _transport(ax: Axes, study: Study, colour: str) -> None:
    measured = study.data("transport")
    if measured is None:
        return
    states = measured.tables["states"]
    tortuosity = states["tortuosity"][:, 2]
    ax.plot(100.0 * states["porosity_voxels"], tortuosity, "o", color=colour, markersize=3.5)
