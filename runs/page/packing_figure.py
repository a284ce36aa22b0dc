"""The packing before and after pressing as lit spheres, side by side at one scale."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kalander.coupling.homogenise.closure import loaded_and_released
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.kernels.quantities import platen_pressure, porosity
from kalander.runs.page.plot_style import GREY, INK, new_figure, styled
from kalander.runs.page.render import Scene, View, cast, images_in_box, shade, view_from

__all__ = ["Bed", "bed_before", "bed_pressed", "packing_figure", "picture_of", "view_of"]

INTACT, CRACKED = np.array([0.58, 0.68, 0.79]), np.array([0.90, 0.42, 0.08])
AXES = view_from(28.0, 14.0)  # a corner of the box towards the reader, the thickness upright
SLAB_THICKNESS, SLAB_MARGIN = 2.0, 1.5  # µm: thin, so that the eye rests on the bed
OVERSAMPLING = 2  # pixels of the picture are means of 2 x 2 rays


@dataclass(frozen=True)
class Bed:
    """Spheres between two platens [µm]: centre (sphere, 3), radius (sphere,), cracked (sphere,) bool.

    clump: rigid clump that a sphere is a member of, −1 for none.
    """

    centre: np.ndarray
    radius: np.ndarray
    cracked: np.ndarray
    width: tuple[float, float]
    height: float
    porosity: float
    title: str
    clump: np.ndarray
    bulk: np.ndarray | None = None  # material each stands for, where that is not its volume: pieces and their fines

    @property
    def particle(self) -> np.ndarray:
        """Number of the first sphere of each sphere's particle: members of a clump are consecutive."""
        begins = (self.clump < 0) | (np.diff(self.clump, prepend=-1) != 0)
        return np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))


def bed_before(packed: Data, replica: int = 0) -> Bed:
    """A packing as generated."""
    boxes, particles = packed.tables["boxes"], packed.tables["particles"]
    here = particles["box"] == replica
    width, height = boxes["width"][replica], boxes["height"][replica]
    return Bed(
        in_unit(particles["position"][here], "um"),
        in_unit(particles["radius"][here], "um"),
        np.zeros(int(here.sum()), bool),
        (float(in_unit(width[0], "um")), float(in_unit(width[1], "um"))),
        float(in_unit(height, "um")),
        float(porosity(boxes["solids"][replica], width.prod() * height)),
        "as dried",
        particles["clump"][here],
    )


def bed_pressed(pressed: Data, replica: int = 0) -> Bed:
    """The same packing after the largest stress and release."""
    boxes, frames, particles = (pressed.tables[name] for name in ("boxes", "frames", "particles"))
    mine = np.flatnonzero(boxes["replica"] == replica)
    box = int(mine[np.argmax(boxes["stress"][mine])])
    here = particles["box"] == box
    loaded, released = loaded_and_released(frames, box)
    low, high = (frames[name][loaded] for name in ("stress_low", "stress_high"))
    pressure = in_unit(platen_pressure(low, high), "MPa")  # may miss its stress
    width = in_unit(boxes["width"][box], "um")
    return Bed(
        in_unit(particles["position"][here], "um"),
        in_unit(particles["radius"][here], "um"),
        particles["cracked"][here] == 1,
        (float(width[0]), float(width[1])),
        float(in_unit(frames["height"][released], "um")),
        float(frames["porosity"][released]),
        f"after {pressure:.3g} MPa and release",
        particles["clump"][here],
        particles["bulk"][here],
    )


def view_of(width: tuple[float, float], height: float, resolution: float) -> View:
    """The view in which a box of that size [µm] just fits; resolution in pixels per µm."""
    margin, slab = SLAB_MARGIN, SLAB_THICKNESS
    corners = np.array([
        (x, y, z)
        for x in (-margin, width[0] + margin)
        for y in (-margin, width[1] + margin)
        for z in (-slab, height + slab)
    ]) @ AXES.T  # fmt: skip
    (left, bottom, _), (right, top, _) = corners.min(axis=0), corners.max(axis=0)
    return View(AXES, (left - 0.5, right + 0.5, bottom - 0.5, top + 0.5), resolution)


def picture_of(bed: Bed, view: View) -> np.ndarray:
    """Picture (row, column, 3) of a bed, at the resolution of the view over OVERSAMPLING."""
    centre, owner = images_in_box(bed.centre, bed.radius, bed.width)
    # a little unevenness tells neighbours apart; from the number of the particle, so that both pictures agree
    tone = 0.94 + 0.12 * ((bed.particle[owner] * 0.6180339887) % 1.0)
    colour = np.where(bed.cracked[owner, None], CRACKED, INTACT) * tone[:, None]
    scene = Scene(centre, bed.radius[owner], colour, bed.width, bed.height, SLAB_THICKNESS, SLAB_MARGIN,
        particle=bed.particle[owner],
    )  # fmt: skip
    fine = shade(scene, view, cast(scene, view))
    rows, columns = (size // OVERSAMPLING for size in view.shape)
    blocks = fine[: rows * OVERSAMPLING, : columns * OVERSAMPLING]
    return blocks.reshape(rows, OVERSAMPLING, columns, OVERSAMPLING, 3).mean(axis=(1, 3))


@styled
def packing_figure(beds: list[Bed]) -> Figure:
    """One panel a bed, on one floor and at one scale."""
    tallest = max(bed.height for bed in beds)
    left, right, bottom, top = view_of(beds[0].width, tallest, 1.0).extent
    left, bottom = left - 7.0, bottom - 4.0  # µm: room for the dimension line and the scale bar
    right, top = right + 2.0, top + 0.14 * (top - bottom)  # and for the title
    height = 4.4
    width = height * (right - left) / (top - bottom)
    figure, axes = new_figure(width * len(beds), height, 1, len(beds))
    figure.set_layout_engine("none")
    resolution = OVERSAMPLING * figure.dpi * height / (top - bottom)
    views = [view_of(bed.width, bed.height, resolution) for bed in beds]
    with ThreadPoolExecutor(len(beds)) as pool:  # the arrays of numpy leave the lock of Python for most of the time
        pictures = list(pool.map(picture_of, beds, views))
    for panel, (ax, bed, view, picture) in enumerate(zip(axes[0], beds, views, pictures)):
        ax.set_position((panel / len(beds), 0.0, 1.0 / len(beds), 1.0))
        ax.imshow(picture, extent=view.extent, interpolation="antialiased")
        ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
        ax.set_axis_off()
        _thickness(ax, bed)
        middle, peak = 0.5 * (view.extent[0] + view.extent[1]), view.extent[3]
        ax.text(middle, peak + 1.0, _caption(bed), ha="center", va="bottom", linespacing=1.35)
    _scale_bar(axes[0, -1], view_of(beds[0].width, tallest, 1.0).extent[1], bottom)
    return figure


def _caption(bed: Bed) -> str:
    """Title of a panel: what it is, its pores, what has cracked."""
    lines = [bed.title, f"{100.0 * bed.porosity:.1f} % pores"]
    if bed.cracked.any():
        volume = bed.radius**3 if bed.bulk is None else bed.bulk
        lines.append(f"{100.0 * volume[bed.cracked].sum() / volume.sum():.0f} % of volume cracked")
    return "\n".join(lines)


def _thickness(ax: Axes, bed: Bed) -> None:
    """Dimension line beside the left edge of the box."""
    corner = np.array([(-SLAB_MARGIN, bed.width[1] + SLAB_MARGIN, z) for z in (0.0, bed.height)])
    front = np.array([(-SLAB_MARGIN, -SLAB_MARGIN, z) for z in (0.0, bed.height)])
    foot, head = min((corner @ AXES.T, front @ AXES.T), key=lambda ends: ends[0, 0])[:, :2]
    x = foot[0] - 1.6
    ax.annotate("", (x, head[1]), (x, foot[1]), arrowprops={
        "arrowstyle": "<|-|>", "color": GREY, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7,
    })  # fmt: skip
    ax.text(
        x - 0.8, 0.5 * (foot[1] + head[1]), f"{bed.height:.1f} µm",
        rotation=90, ha="right", va="center", color=INK,
    )  # fmt: skip


def _scale_bar(ax: Axes, right: float, bottom: float) -> None:
    """Bar of a round length in the lower right corner; lengths across the picture are true."""
    length = 10.0
    y = bottom + 1.0
    ax.plot([right - length - 0.5, right - 0.5], [y, y], color=INK, linewidth=2.0, solid_capstyle="butt")
    ax.text(right - 0.5 - length / 2, y + 0.9, f"{length:g} µm", ha="center", va="bottom", fontsize=8)
