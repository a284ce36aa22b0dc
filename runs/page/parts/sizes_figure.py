"""Particle sizes: what the card asks for, and what the packings hold."""

import numpy as np
from matplotlib.figure import Figure

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.particles import size_classes
from kalander.coupling.cards.size_distribution import particle_diameters
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.runs.page.plot_style import ACCENT, GREY, new_figure, styled

__all__ = ["sizes_figure"]


@styled
def sizes_figure(card: Card, packed: Data) -> Figure:
    """Share of the volume below a diameter: asked, and in each box."""
    figure, axes = new_figure(7.1, 2.7)
    ax = axes[0, 0]
    for box in range(len(packed.tables["boxes"]["height"])):
        diameters = np.sort(particle_diameters(packed, box))
        label = "in a box" if box == 0 else None
        ax.step(*_below(diameters, diameters**3), where="post", color=GREY, linewidth=0.9, label=label)
    classes = sorted(size_classes(card.electrode.particles))
    asked = np.array([diameter for diameter, _ in classes]), np.array([share for _, share in classes])
    ax.step(*_below(*asked), where="post", color=ACCENT, linewidth=1.8, label="asked by the card")
    ax.set(xlabel="diameter (µm)", ylabel="volume below (%)", ylim=(0, 103))
    ax.legend(loc="upper left")
    return figure


def _below(diameter: np.ndarray, volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps of the share [%] of a volume that is of no larger diameter [µm]; from 0 on."""
    share = 100.0 * np.cumsum(volume) / volume.sum()
    ends = in_unit(np.array([0.9 * diameter[0], *diameter, 1.05 * diameter[-1]]), "um")
    return ends, np.array([0.0, *share, 100.0])
