"""The nip: pressure along the web for each solved setting, and the web between the rolls."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.electrode import web_thickness
from kalander.coupling.scales import in_si, in_unit
from kalander.coupling.store.store import Data
from kalander.runs.page.plot_style import GREY, INK, LIGHT, SERIES, new_figure, styled

__all__ = ["nip_figure"]

COATING, FOIL, ROLL = "#8fb3cf", "#4d565f", LIGHT


@styled
def nip_figure(card: Card, rolled: Data) -> Figure:
    """Two panels on one axis of length: p(x), and gap and web of the card's own setting, or of the first solved one."""
    settings = rolled.tables["settings"]
    solved = np.flatnonzero(settings["solved"] == 1).tolist()
    figure, axes = new_figure(6.3, 5.2, 2, 1, sharex=True, height_ratios=(1.25, 1.0))
    above, below = axes[:, 0]
    colours = {name: SERIES[rank % len(SERIES)] for rank, name in enumerate(dict.fromkeys(settings["name"].tolist()))}
    for row in solved:
        _draw_pressure(above, rolled, row, colours[str(settings["name"][row])])
    above.set(ylabel="pressure on the web (MPa)")
    above.set_ylim(bottom=0.0)
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    drawn = solved[0]
    _draw_gap(below, card, rolled, drawn)
    rolls = "elastic" if settings["elastic"][drawn] else "rigid"
    below.set_title(f"web in the nip, {_words(settings['name'][drawn])}, {rolls} rolls")
    below.set(xlabel="distance before the centre line (mm); the web runs from left to right", ylabel="height (µm)")
    entry = in_unit(float(np.nanmax(settings["entry_x"][solved])), "mm")
    leaving = in_unit(float(np.nanmin(settings["exit_x"][solved])), "mm")
    room = 0.12 * (entry - leaving)
    below.set_xlim(entry + room, leaving - 2.0 * room)  # the web runs from left to right
    return figure


def _words(name: str) -> str:
    """A setting's name as one reads it: "gap", "stress 19.82 MPa"."""
    return {"gap": "set gap of the card", "line_load": "line load of the card"}.get(
        name, name.replace("stress", "peak").replace("_", " ")
    )


def _profile(rolled: Data, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x [mm], pressure [MPa], gap [µm] of a setting."""
    profiles = rolled.tables["profiles"]
    here = profiles["setting"] == row
    return (
        in_unit(profiles["x"][here], "mm"),
        in_unit(profiles["pressure"][here], "MPa"),
        in_unit(profiles["gap"][here], "um"),
    )


def _draw_pressure(ax: Axes, rolled: Data, row: int, colour: str) -> None:
    """p(x) of a setting, with ticks where the web comes in and where it leaves."""
    settings = rolled.tables["settings"]
    x, pressure, _ = _profile(rolled, row)
    elastic = settings["elastic"][row] == 1
    load = in_unit(settings["line_load"][row], "N/mm")
    label = f"{_words(str(settings['name'][row]))}, {'elastic' if elastic else 'rigid'} rolls: {load:.3g} N/mm"
    ax.plot(x, pressure, color=colour, linestyle="-" if elastic else (0, (4, 2)), label=label)
    ends = in_unit(np.array([settings["entry_x"][row], settings["exit_x"][row]]), "mm")
    ax.plot(ends, [0.0, 0.0], "|", color=colour, markersize=11, markeredgewidth=1.3, clip_on=False, zorder=4)


def _draw_gap(ax: Axes, card: Card, rolled: Data, row: int) -> None:
    """Rolls, coatings and foil; the height is exaggerated, the length is not."""
    settings = rolled.tables["settings"]
    x, _, gap = _profile(rolled, row)
    entry, leaving = in_unit(settings["entry_x"][row], "mm"), in_unit(settings["exit_x"][row], "mm")
    before = in_unit(web_thickness(card.electrode), "um")
    after = in_unit(settings["exit_thickness"][row], "um")
    # beyond the solved stretch the rolls go on as circles, their distance growing as 2 x²/D
    reach = np.linspace(-2.0, 2.0, 801) * max(abs(x[0]), abs(x[-1]))
    edge = np.clip(reach, x[0], x[-1])
    beyond = (in_si(reach, "mm") ** 2 - in_si(edge, "mm") ** 2) / (0.5 * card.calender.roll.diameter)
    surface = np.interp(edge, x, gap) + in_unit(beyond, "um")
    web = np.where(reach > entry, before, np.where(reach < leaving, after, surface))
    top = 0.72 * before
    foil = in_unit(card.electrode.foil.thickness, "um")
    foil_low = -foil / 2 if card.electrode.sides == 2 else -web / 2
    for sign in (1, -1):
        ax.fill_between(reach, sign * surface / 2, sign * top * 2, color=ROLL, linewidth=0)
        ax.plot(reach, sign * surface / 2, color=GREY, linewidth=1.0)
    ax.fill_between(reach, -web / 2, web / 2, color=COATING, linewidth=0)
    ax.fill_between(reach, foil_low, foil_low + foil, color=FOIL, linewidth=0)
    ax.set_ylim(-top, top)
    ax.grid(False)
    for place, name in ((entry, "entry"), (leaving, "exit")):
        ax.axvline(place, color=INK, linewidth=0.7, linestyle=(0, (2, 2)))
        ax.annotate(name, (place, top), xytext=(3, -10), textcoords="offset points", fontsize=8)
    _note(ax, entry, f"{before:.1f} µm", towards=-1)
    _note(ax, leaving, f"{after:.1f} µm", towards=1)
    ax.text(0.0, 0.86 * top, "roll", ha="center", fontsize=8)
    ax.text(0.0, 0.24 * top, "coating", ha="center", fontsize=8)


def _note(ax: Axes, place: float, text: str, *, towards: int) -> None:
    """Thickness of the web beside the entry (towards -1: to its left) or the exit."""
    ax.annotate(
        text, (place, 0.0), xytext=(6 * towards, 20), textcoords="offset points",
        ha="left" if towards > 0 else "right", va="center", fontsize=8,
    )  # fmt: skip
