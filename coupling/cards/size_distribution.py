"""Sizes of particles as a card asks for them and as its boxes hold them: percentiles, by volume and by number."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from kalander.coupling.cards.electrode import Electrode
from kalander.coupling.cards.estimates import class_estimate
from kalander.coupling.cards.particles import Particles, size_classes
from kalander.coupling.cards.quantity import micrometres
from kalander.coupling.cards.sections import Boxes
from kalander.coupling.store.store import Data

__all__ = [
    "SAME_SIZE", "Sizes", "asked_sizes", "missing_classes", "particle_diameters", "percentile", "realised_sizes",
    "sizes_of",
]  # fmt: skip

PERCENTILES = {"d10": 0.1, "d50": 0.5, "d90": 0.9}
SAME_SIZE = 1e-6  # relative; sizes pass through units on the way


@dataclass(frozen=True)
class Sizes:
    """Diameters [m] below which 10, 50 and 90 % lie, and the mean."""

    d10: float
    d50: float
    d90: float
    mean: float


def percentile(diameter: np.ndarray, weight: np.ndarray, share: float) -> float:
    """Diameter [m] below which a share of the weight lies.

    A size stands for a class: half of its weight lies below it. Between sizes ln d is linear in the normal score of the
    share, so that classes of a log-normal give back its percentiles. Ends are not extrapolated.
    """
    size, member = np.unique(diameter, return_inverse=True)
    part = np.bincount(member.ravel(), weight) / np.sum(weight)
    middle = np.cumsum(part) - 0.5 * part
    return float(np.exp(np.interp(ndtri(share), ndtri(middle), np.log(size))))


def sizes_of(diameter: np.ndarray, weight: np.ndarray) -> Sizes:
    """Percentiles and mean [m] of diameters [m] with a weight each: their volumes, or 1 for a count by number."""
    shares = {name: percentile(diameter, weight, share) for name, share in PERCENTILES.items()}
    return Sizes(**shares, mean=float(np.average(diameter, weights=weight)))


def asked_sizes(particles: Particles) -> dict[str, Sizes]:
    """What a card asks for, by volume and by number; percentiles that it gives itself are as given."""
    diameter, share = np.array(size_classes(particles)).T
    found = {"by_volume": sizes_of(diameter, share), "by_number": sizes_of(diameter, share / diameter**3)}
    if particles.upper is None and None not in (given := (particles.d10, particles.d50, particles.d90)):
        d10, d50, d90 = (float(value or 0.0) for value in given)
        found["by_volume"] = Sizes(d10, d50, d90, found["by_volume"].mean)
    return found


def particle_diameters(packed: Data, replica: int) -> np.ndarray:
    """Diameters [m] of the particles of a packing; of a platelet that of a sphere of its volume."""
    particles, clumps = packed.tables["particles"], packed.tables["clumps"]
    alone = (particles["box"] == replica) & (particles["clump"] < 0)
    volume = clumps["volume"][clumps["box"] == replica]
    return np.concatenate([2.0 * particles["radius"][alone], np.cbrt(6.0 / np.pi * volume)])


def realised_sizes(packed: Data) -> dict[str, list[Sizes]]:
    """What each packing holds, by volume and by number."""
    boxes = [particle_diameters(packed, box) for box in range(len(packed.tables["boxes"]["height"]))]
    return {
        "by_volume": [sizes_of(diameter, diameter**3) for diameter in boxes],
        "by_number": [sizes_of(diameter, np.ones(len(diameter))) for diameter in boxes],
    }


def missing_classes(electrode: Electrode, boxes: Boxes, packed: Data) -> list[str]:
    """A sentence for each size that a card asks for and that no packing, or not every one, holds."""
    packings = [particle_diameters(packed, box) for box in range(len(packed.tables["boxes"]["height"]))]
    sentences = []
    for diameter, share, _ in class_estimate(electrode, boxes):
        holding = sum(bool(np.isclose(found, diameter, rtol=SAME_SIZE).any()) for found in packings)
        if holding < len(packings):
            sentences.append(
                f"{holding} of {len(packings)} packings hold particles of {micrometres(diameter):.3g} µm, "
                f"{100 * share:.3g} % of the active volume: boxes.width is too small for them"
            )
    return sentences
