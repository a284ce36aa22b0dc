"""How much additive makes a packing conduct: thresholds and conductivities against its amount. SI.

The additive is laid when the coating dries: of the bridges that the full recipe makes, a share p is there, and so each
place of a surface is covered with probability p. Pressing brings particles together at more places and adds no
additive: each pair closer than the bridging distance, and each gap to a plate, is bridged with that same probability.
Bridges are as thick as those of the full recipe. Particles that touch also conduct through their contacts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kalander.coupling.structure.electronic import bridge_conductance, conductivity_batch
from kalander.coupling.structure.microstructure import Conductors, Microstructure
from kalander.coupling.structure.thresholds import critical_value

__all__ = ["Sites", "conductivities", "sites", "thresholds"]


@dataclass(frozen=True)
class Sites:
    """Where a packing could hold additive: pairs closer than the reach, and spheres near a plate.

    share: radius of bridges over that of the smaller sphere. spheres: of each pair; length, radius: of its bridge [m].
    low, high: spheres near each plate.
    """

    structure: Microstructure
    share: float
    spheres: tuple[np.ndarray, np.ndarray]
    length: np.ndarray
    radius: np.ndarray
    low: np.ndarray
    high: np.ndarray


def sites(structure: Microstructure, share: float) -> Sites:
    """Sites of a packing for bridges of a share of the smaller radius."""
    first, second, _, gap = structure.close_pairs(structure.reach)
    small = np.minimum(structure.radius[first], structure.radius[second])
    length = np.maximum(gap, 0.0) + structure.radius[first] + structure.radius[second]
    low, high = (
        np.flatnonzero(distance - structure.radius < structure.reach)
        for distance in (structure.position[:, 2], structure.height - structure.position[:, 2])
    )
    return Sites(structure, share, (first, second), length, share * small, low, high)


def thresholds(found: Sites, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Probability p from which on bridges alone join the plates, one a draw; infinite where no p does."""
    body = found.structure.bodies
    count = int(body.max()) + 1
    first, second = (body[end] for end in found.spheres)
    values = []
    for _ in range(draws):
        low, high = np.full(count, np.inf), np.full(count, np.inf)
        np.minimum.at(low, body[found.low], rng.random(len(found.low)))
        np.minimum.at(high, body[found.high], rng.random(len(found.high)))
        values.append(critical_value(count, first, second, rng.random(len(first)), low, high))
    return np.array(values)


def conductivities(
    found: Sites, probabilities: Sequence[float], draws: int, conductors: Conductors, rng: np.random.Generator
) -> np.ndarray:
    """Conductivity along z [S/m] for each probability and draw, shape (probability, draw), in one batch.

    A draw places its bridges once for all: more additive adds bridges and takes none away.
    """
    structure, (first, second) = found.structure, found.spheres
    touch_first, touch_second, touching = structure.contact_conductance(conductors)
    bridged = bridge_conductance(conductors.binder, found.radius, found.length)
    to_plate = [structure.position[:, 2], structure.height - structure.position[:, 2]]
    bare = [structure.to_plate(distance, 0.0, conductors) for distance in to_plate]
    glued = [structure.to_plate(distance, found.share, conductors) for distance in to_plate]
    networks = []
    for _ in range(draws):
        value = rng.random(len(first))
        at_plate = [rng.random(len(structure.radius)) for _ in to_plate]
        for p in probabilities:
            taken = value < p
            ends = (np.concatenate([touch_first, first[taken]]), np.concatenate([touch_second, second[taken]]))
            plates = [np.where(u < p, with_it, without) for u, with_it, without in zip(at_plate, glued, bare)]
            networks.append(structure.joined(ends, np.concatenate([touching, bridged[taken]]), plates[0], plates[1]))
    sigma = np.array([each.sigma[2] for each in conductivity_batch(networks)])
    return sigma.reshape(draws, len(probabilities)).T
