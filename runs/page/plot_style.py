"""One look for all figures: restrained, colour-blind safe, readable at 16 cm width. No global state of matplotlib."""

import functools
import io
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

__all__ = [
    "ACCENT",
    "GREY",
    "INK",
    "LIGHT",
    "SERIES",
    "new_figure",
    "png",
    "pressure_axis",
    "stress_colours",
    "styled",
    "vector",
]

P = ParamSpec("P")
R = TypeVar("R")

INK, GREY, LIGHT = "#22272e", "#6b7580", "#c9d0d6"
ACCENT = "#d55e00"  # vermillion of Okabe & Ito, "Color universal design" (2008): for what was measured or has cracked
SERIES = ("#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # the rest of their palette, without the yellow

DOTS_PER_INCH = 200

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.labelsize": 8.5,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#e6e9ec",
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "lines.linewidth": 1.4,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "path.simplify": True,
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function under the style alone, whatever the user's matplotlibrc says, and leave it as it was."""

    @functools.wraps(draw)
    def drawn(*arguments: P.args, **options: P.kwargs) -> R:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)
            return draw(*arguments, **options)

    return drawn


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Figure, np.ndarray]:
    """Figure of a size [inch] on the Agg canvas, and its axes, shape (rows, columns). Options as of Figure.subplots."""
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


@styled
def png(figure: Figure) -> bytes:
    """The figure as a PNG file; the same figure gives the same bytes."""
    buffer, engine = io.BytesIO(), figure.get_layout_engine()
    canvas = FigureCanvasAgg(figure)
    if engine is not None:  # once: savefig draws all twice, and lays out each time
        engine.execute(figure)
        figure.set_layout_engine("none")
    canvas.print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


@styled
def vector(figure: Figure, kind: str) -> bytes:
    """The figure as an svg or pdf file; the same figure gives the same bytes."""
    matplotlib.rcParams["svg.hashsalt"] = "kalander"
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else {"CreationDate": None})
    return buffer.getvalue()


def stress_colours(stresses: np.ndarray) -> dict[float, str]:
    """A colour for each pressed stress, in ascending order; beyond five they repeat."""
    return {float(stress): SERIES[rank % len(SERIES)] for rank, stress in enumerate(np.unique(stresses))}


def pressure_axis(ax: Axes, lowest: float, highest: float) -> None:
    """Logarithmic axis of pressure [MPa], labelled in plain numbers."""
    ax.set(xscale="log", xlabel="pressure (MPa)", xlim=(lowest, highest))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
