"""How much additive makes a packing conduct: thresholds and conductivities against its amount. SI.

The additive is laid when the coating dries: of the necks that the full recipe makes, a share p is there, as thick as
those of the full recipe, and films have a share p of their thickness. Pressing adds no additive: what was laid is
squeezed, and films meet at more places. Thresholds are those of bridges alone: each pair closer than the bridging
distance, and each gap to a plate, is bridged with probability p. Particles that touch also conduct by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kalander.coupling.structure.electronic import conductivity_batch
from kalander.coupling.structure.film_network import Conductors
from kalander.coupling.structure.microstructure import Microstructure
from kalander.coupling.structure.necks import Laid, neck_volume, scaled_radius
from kalander.coupling.structure.thresholds import critical_value

__all__ = ["Sites", "conductivities", "sites", "thresholds"]


@dataclass(frozen=True)
class Sites:
    """Where a packing could hold additive: pairs closer than the reach, and spheres near each plate."""

    structure: Microstructure
    spheres: tuple[np.ndarray, np.ndarray]
    low: np.ndarray
    high: np.ndarray


def sites(structure: Microstructure) -> Sites:
    """Sites of a packing."""
    first, second, _, _ = structure.close_pairs(structure.reach)
    low, high = (
        np.flatnonzero(distance - structure.radius < structure.reach)
        for distance in (structure.position[:, 2], structure.height - structure.position[:, 2])
    )
    return Sites(structure, (first, second), low, high)


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

    A draw places its necks once for all: more additive adds necks and takes none away.
    """
    laid = found.structure.bonds_as_laid()
    networks = []
    for _ in range(draws):
        value = rng.random(len(laid.first))
        for p in probabilities:
            structure, share = _thinned(found.structure, laid, value < p, p, conductors.film_share)
            networks.append(structure.network(replace(conductors, film_share=share)))
    sigma = np.array([each.sigma[2] for each in conductivity_batch(networks)])
    return sigma.reshape(draws, len(probabilities)).T


def _thinned(
    structure: Microstructure, laid: Laid, kept: np.ndarray, amount: float, film_share: float
) -> tuple[Microstructure, float]:
    """The packing with some of its necks and a part of its films, and the share of its binder in films."""
    radii = np.append(structure.radius, [np.inf, np.inf])
    ends = radii[laid.first], radii[laid.second]
    width = scaled_radius((1 - film_share) * structure.binder_volume, laid, ends)
    necks = neck_volume(width, *ends, laid.gap)
    films = amount * (structure.binder_volume - float(necks.sum()))
    left = Laid(laid.first[kept], laid.second[kept], width[kept], laid.gap[kept])
    volume = float(necks[kept].sum()) + films
    return replace(structure, laid=left, binder_volume=volume), films / volume if volume > 0 else 0.0
