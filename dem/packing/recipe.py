"""From the recipe of a coating to the spheres of a representative volume."""

from dataclasses import dataclass

import numpy as np

from kalander.dem.bodies.state import sphere_volume
from kalander.kernels.quantities import porosity

__all__ = ["Recipe", "Volume", "draw_diameters", "layer_bands", "representative_volume"]


@dataclass(frozen=True)
class Recipe:
    """One coating side. Volume fractions are of the coating as laid; they and the porosity add to 1.

    thickness [µm]; active, additive, binder_domain_solids: volume fractions; nanoporosity of the binder domain;
    diameters [µm], their volume shares and the layers they are laid in, shape (class,); layer 0 is at the lower platen.
    """

    thickness: float
    active: float
    additive: float
    binder_domain_solids: float
    nanoporosity: float
    diameters: np.ndarray
    shares: np.ndarray
    layers: np.ndarray | None = None

    @property
    def porosity(self) -> float:
        return porosity(self.active + self.additive + self.binder_domain_solids, 1.0)

    @property
    def binder_domain(self) -> float:
        """Volume fraction of the binder domain with its pores."""
        return self.binder_domain_solids / (1.0 - self.nanoporosity)


@dataclass(frozen=True)
class Volume:
    """Spheres to be packed: diameters [µm], box width and height [µm], solid_volume, of all solids [µm³].

    bands (sphere, 2): shares of the height between which each is laid.
    """

    diameters: np.ndarray
    bands: np.ndarray
    width: float
    height: float
    solid_volume: float
    binder_domain: float


def draw_diameters(recipe: Recipe, volume: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Diameters whose number in each class gives its share of `volume` [µm³], and their layers.

    Fractions of a particle are drawn.
    """
    expected = recipe.shares / recipe.shares.sum() * volume / sphere_volume(recipe.diameters / 2)
    counts = np.floor(expected + rng.random(len(expected))).astype(int)
    if counts.sum() == 0:
        counts[np.argmax(recipe.shares)] = 1
    layers = np.zeros(len(counts), int) if recipe.layers is None else recipe.layers
    return np.repeat(recipe.diameters, counts), np.repeat(layers, counts)


def layer_bands(diameters: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """Shares of the height (sphere, 2) that the layers take: as their volumes, one over the other."""
    volume = np.bincount(layers, sphere_volume(diameters / 2))
    bounds = np.concatenate([[0.0], np.cumsum(volume) / volume.sum()])
    return np.column_stack([bounds[layers], bounds[layers + 1]])


def representative_volume(recipe: Recipe, width: float, rng: np.random.Generator) -> Volume:
    """Spheres for a box about `width` [µm] wide; the width then takes the value that makes the fractions exact."""
    diameters, layers = draw_diameters(recipe, recipe.active * width**2 * recipe.thickness, rng)
    spheres = float(sphere_volume(diameters / 2).sum())
    area = spheres / (recipe.active * recipe.thickness)
    bulk = area * recipe.thickness
    return Volume(
        diameters=diameters,
        bands=layer_bands(diameters, layers),
        width=float(np.sqrt(area)),
        height=recipe.thickness,
        solid_volume=(1.0 - recipe.porosity) * bulk,
        binder_domain=recipe.binder_domain * bulk,
    )
