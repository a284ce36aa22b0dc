"""What `kalander calibrate` writes into its folder: figures, the posterior, the calibrated card."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kalander.coupling.scales import in_unit
from kalander.coupling.store.atomic import own_folder, replacing
from kalander.runs.calibration.tables import SETTINGS, SHOWN, handy
from kalander.runs.page.law_figure import corner_figure
from kalander.runs.page.plot_style import ACCENT, GREY, SERIES, new_figure, png, styled
from kalander.twin.calibrate.answer import calibrated_card, save_posterior
from kalander.twin.calibrate.calibration import Calibration

__all__ = ["states_figure", "write_calibration"]


def write_calibration(done: Calibration, answer: dict[str, Any], folder: Path) -> list[str]:
    """Corner and states as PNG, posterior.h5, card.toml and answer.json: paths written. Raises StorageError."""
    own_folder(folder, parents=True)
    shown, labels = _handy_samples(done)
    figures = {"corner": corner_figure(shown, "posterior", labels), "states": states_figure(answer["states"])}
    written = []
    for name, figure in figures.items():
        with replacing(folder / f"{name}.png") as handle:
            handle.write(png(figure))
        written.append(str(folder / f"{name}.png"))
    written.append(str(save_posterior(done, folder / "posterior.h5")))
    written.append(str(calibrated_card(done).save(folder / "card.toml")))
    with replacing(folder / "answer.json") as handle:
        handle.write(json.dumps(answer, allow_nan=False, indent=1).encode())
    return [*written, str(folder / "answer.json")]


def _handy_samples(done: Calibration) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    shown, labels = {}, {}
    for one in done.parameters:
        values = done.values(one.key)
        unit, text = handy(one.unit, float(np.median(values)))
        shown[one.key] = in_unit(values, unit)
        words = one.key.rsplit(".", 1)[-1].replace("_", " ")
        labels[one.key] = f"{words} ({text})" if text else words
    return shown, labels


@styled
def states_figure(rows: list[dict[str, Any]]) -> Figure:
    """Each state's prediction with its 90 % interval, and what was measured: fitted full, kept out hollow."""
    names = list(dict.fromkeys((row["name"], row["lab"], row["setting"], row["value"]) for row in rows))
    quantities = [name for name in SHOWN if any(row["quantity"] == name for row in rows)]
    figure, axes = new_figure(1.3 + 1.9 * len(quantities), 1.3 + 0.34 * len(names), 1, len(quantities), sharey=True)
    for ax, quantity in zip(axes[0], quantities):
        unit, label = SHOWN[quantity]
        for row in rows:
            if row["quantity"] == quantity:
                place = len(names) - 1 - names.index((row["name"], row["lab"], row["setting"], row["value"]))
                _state(ax, row, place, unit)
        ax.set(xlabel=label, ylim=(-0.6, len(names) - 0.4))
        ax.grid(axis="y", visible=False)
    labels = [f"{name}, {in_unit(value, SETTINGS[kind][0]):.4g} {SETTINGS[kind][1]}" for name, _, kind, value in names]
    axes[0, 0].set_yticks(range(len(names)), labels[::-1])
    _legend(axes[0, -1])
    return figure


def _state(ax: Axes, row: dict[str, Any], place: int, unit: str) -> None:
    low, middle, high = (in_unit(row[name], unit) for name in ("lo90", "median", "hi90"))
    ax.plot([low, high], [place, place], color=SERIES[0], lw=5, alpha=0.35, solid_capstyle="butt")
    ax.plot(middle, place, "|", color=SERIES[0], ms=9, mew=1.4)
    if row["measured"] is not None:
        reach = in_unit(1.645 * row["measured_sd"], unit)
        face = ACCENT if row["use"] == "fit" else "white"
        ax.errorbar(
            in_unit(row["measured"], unit),
            place + 0.16,
            xerr=reach,
            fmt="o",
            ms=4,
            color=ACCENT,
            mfc=face,
            elinewidth=0.9,
        )


def _legend(ax: Axes) -> None:
    ax.plot([], [], color=SERIES[0], lw=5, alpha=0.35, label="posterior, 90 %")
    ax.plot([], [], "o", ms=4, color=ACCENT, label="measured, fitted")
    ax.plot([], [], "o", ms=4, color=ACCENT, mfc="white", label="measured, kept out")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), labelcolor=GREY)
