"""Figure of rolls that bend: line load, and what closes and opens the gap, across the width."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from kalander.coupling.rolls.solve import BentRolls
from kalander.coupling.scales import in_unit
from kalander.coupling.store.atomic import replacing
from kalander.runs.page.plot_style import ACCENT, GREY, SERIES, new_figure, png, styled

__all__ = ["rolls_figure", "write_figure"]


def write_figure(bent: BentRolls, folder: Path) -> Path:
    """rolls.png in a folder; its path."""
    path = folder / "rolls.png"
    with replacing(path) as handle:
        handle.write(png(rolls_figure(bent)))
    return path


@styled
def rolls_figure(bent: BentRolls) -> Figure:
    """Line load; bending of both rolls, crown and growth; porosity behind the nip."""
    figure, axes = new_figure(6.3, 5.2, 3, 1, sharex=True)
    load, gap, pores = axes[:, 0]
    y, coated = in_unit(bent.y, "mm"), bent.coated > 0.0
    load.plot(y, in_unit(np.where(coated, bent.line_load, np.nan), "N/mm"), color=SERIES[0])
    load.set(ylabel="line load (N/mm)")
    load.set_title(
        f"mean {in_unit(bent.mean_line_load, 'N/mm'):.4g} N/mm, spread {100.0 * bent.load_spread:.3g} % of it"
    )
    both = 2.0 * (bent.deflection - 0.5 * (bent.deflection[0] + bent.deflection[-1]))
    gap.plot(y, in_unit(both, "um"), color=GREY, label="opened by bending")
    gap.plot(y, in_unit(bent.crown, "um"), color=SERIES[1], label="closed by the crown")
    if np.any(bent.thermal_growth):
        gap.plot(y, in_unit(bent.thermal_growth, "um"), color=ACCENT, label="closed by growth")
    gap.set(ylabel="change of the gap (µm)")
    gap.legend()
    pores.plot(y, np.where(coated, bent.porosity, np.nan), color=SERIES[2])
    pores.set(xlabel="distance from the middle of the face (mm)", ylabel="porosity behind the nip")
    return figure
