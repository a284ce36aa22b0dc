"""The electrode of a card, and what follows from its recipe by arithmetic: volume fractions and thickness."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from kalander.coupling.cards.config import Section
from kalander.coupling.cards.fields import Count, Quantity, Real, wrong
from kalander.coupling.cards.materials import Foil, MaterialCard
from kalander.coupling.cards.particles import SHARE_TOLERANCE, Particles

__all__ = [
    "Densities",
    "Electrode",
    "MassFractions",
    "SwellingSection",
    "active_volume_share",
    "binder_domain_density",
    "coating_thickness",
    "solid_density",
    "volume_fractions",
    "web_thickness",
]

Share = Annotated[float, Real(at_least=0, at_most=1, percent=True)]
Density = Annotated[float, Quantity("density", above=0)]


class MassFractions(Section):
    """Shares of the dry coating's mass; they sum to 1."""

    active: Annotated[float, Real(above=0, at_most=1, percent=True)]
    graphite: Share = 0.0
    carbon: Share = 0.0
    binder: Share = 0.0

    @model_validator(mode="after")
    def sum_to_one(self) -> Self:
        total = self.active + self.graphite + self.carbon + self.binder
        if abs(total - 1) > SHARE_TOLERANCE:
            allowed = "mass fractions that sum to 1"
            raise wrong("is the sum of the mass fractions", allowed=allowed, value=round(total, 9))
        return self


class Densities(Section):
    """Densities of the conductive additives and of the binder [kg/m^3]; the active material has its own.

    Graphite 2.2 to 2.26, carbon black 1.8 to 2.1, PVDF 1.75 to 1.80 g/cm^3: commonly quoted ranges.
    """

    graphite: Density = 2260.0
    carbon: Density = 1900.0
    binder: Density = 1780.0


class Electrode(Section):
    """Recipe, sizes and foil, SI. `mass_loading` is of one side; `solid_density` None: it follows from the recipe."""

    active: MaterialCard
    mass_fractions: MassFractions
    mass_loading: Annotated[float, Quantity("mass_loading", above=0)]
    porosity: Annotated[float, Real(above=0, below=1, percent=True)]
    sides: Annotated[int, Count(at_least=1, at_most=2)] = 2
    solid_density: Annotated[float | None, Quantity("density", above=0, absent="none")] = None
    densities: Densities = Field(default_factory=Densities)
    particles: Particles
    foil: Foil


def solid_density(electrode: Electrode) -> float:
    """Density of the solids without pores [kg/m^3]: as given, else 1 / sum of mass fraction over density."""
    if electrode.solid_density is not None:
        return electrode.solid_density
    mass, density = electrode.mass_fractions, electrode.densities
    volume = (
        mass.active / electrode.active.density
        + mass.graphite / density.graphite
        + mass.carbon / density.carbon
        + mass.binder / density.binder
    )
    return 1 / volume


def active_volume_share(electrode: Electrode) -> float:
    """Share of the solid volume that is active material."""
    return electrode.mass_fractions.active / electrode.active.density * solid_density(electrode)


def additive_volume_share(electrode: Electrode) -> float:
    """Share of the solid volume that is conductive graphite."""
    return electrode.mass_fractions.graphite / electrode.densities.graphite * solid_density(electrode)


def binder_domain_share(electrode: Electrode) -> float:
    """Share of the solid volume left to carbon and binder; negative where the densities contradict each other."""
    share = 1 - active_volume_share(electrode) - additive_volume_share(electrode)
    nothing_left = electrode.mass_fractions.carbon + electrode.mass_fractions.binder == 0
    # without a binder domain the remainder is rounding, unless a given solid_density makes it a real gap
    return 0.0 if nothing_left and abs(share) < SHARE_TOLERANCE else share


def binder_domain_density(electrode: Electrode) -> float | None:
    """Density of the binder domain's solids [kg/m^3] that the recipe implies; None without a binder domain."""
    mass = electrode.mass_fractions.carbon + electrode.mass_fractions.binder
    share = binder_domain_share(electrode)
    return mass * solid_density(electrode) / share if mass > 0 and share > 0 else None


def volume_fractions(electrode: Electrode, *, porosity: float | None = None) -> dict[str, float]:
    """Volume fractions of the coating: active, additive, binder_domain_solids, pores; they sum to 1.

    Pores are all pores: those inside the binder domain count. Without `porosity` at the electrode's own.
    """
    pores = electrode.porosity if porosity is None else porosity
    active, additive = active_volume_share(electrode), additive_volume_share(electrode)
    return {
        "active": (1 - pores) * active,
        "additive": (1 - pores) * additive,
        "binder_domain_solids": (1 - pores) * binder_domain_share(electrode),
        "pores": pores,
    }


def coating_thickness(electrode: Electrode) -> float:
    """Thickness of the coating on one side before calendering [m]: loading / (solid density (1 - porosity))."""
    return electrode.mass_loading / (solid_density(electrode) * (1 - electrode.porosity))


def web_thickness(electrode: Electrode) -> float:
    """Thickness of the coated foil before calendering [m]."""
    return electrode.foil.thickness + electrode.sides * coating_thickness(electrode)


class SwellingSection(Section):
    """Change of the volume of active particles from the state in which the coating is pressed to the other end of a
    charge, over that volume: above 0 where they swell, below where they shrink; and cycles there and back."""

    volume_change: Annotated[float, Real(at_least=-0.2, at_most=0.5, percent=True)]  # of the active particles
    cycles: Annotated[int, Count(at_least=1, at_most=20)] = 3  # there and back
