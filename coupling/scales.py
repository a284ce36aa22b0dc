"""Between SI (cards, files, answers) and the handy units of the particle world and of the nip."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from kalander.coupling.card import Card
from kalander.coupling.electrode import coating_thickness, volume_fractions
from kalander.coupling.particles import size_classes
from kalander.dem.compaction import CONTACT_SHARE, Press
from kalander.dem.material import BinderConstants, Material, contact_constants, rayleigh_time
from kalander.dem.recipe import Recipe
from kalander.kernels.columns import Column, Table
from kalander.kernels.law_table import ROLLING_SUFFIX

__all__ = [
    "binder_of",
    "contact_of",
    "from_si",
    "material_of",
    "press_settings",
    "recipe_of",
    "si_schema",
    "time_step",
    "to_si",
]

# unit inside -> (SI unit, factor); µm, µs, ng make µN and MPa
UNITS = {
    "1": ("1", 1.0),
    "um": ("m", 1e-6),
    "um^3": ("m^3", 1e-18),
    "us": ("s", 1e-6),
    "um/us": ("m/s", 1.0),
    "MPa": ("Pa", 1e6),
    "uN": ("N", 1e-6),
}


def si_schema(columns: dict[str, Column]) -> dict[str, Column]:
    """The same columns in SI."""
    return {name: replace(column, unit=UNITS[column.unit][0]) for name, column in columns.items()}


def to_si(table: Table, columns: dict[str, Column]) -> Table:
    """A table in the units of the particle world, in SI; whole numbers stay as they are."""
    return {
        name: table[name] if table[name].dtype.kind in "iu" else table[name] * UNITS[column.unit][1]
        for name, column in columns.items()
    }


def from_si(values: ArrayLike, unit: str) -> np.ndarray:
    """SI values in a unit of the particle world."""
    return np.asarray(values, dtype=float) / UNITS[unit][1]


def material_of(card: Card) -> Material:
    """Active material of a card; its modulus scaled as the card asks."""
    active = card.electrode.active
    return Material(
        modulus=active.modulus * card.press.stiffness_scale / 1e6,
        poisson=active.poisson,
        density=active.density / 1e6,
        restitution=card.restitution,
        strength=np.inf if active.strength is None or card.fracture.criterion == "none" else active.strength / 1e6,
        strength_diameter=active.strength_diameter * 1e6,
        strength_exponent=active.strength_exponent,
        yield_pressure=np.inf if active.yield_pressure is None else active.yield_pressure / 1e6,
        yield_strength=np.inf if active.flow_strength is None else active.flow_strength / 1e6,
    )


def foil_of(card: Card) -> Material:
    """Foil of a card as a platen, which is indented at three times its yield strength; its density plays no part.

    Tabor, The Hardness of Metals (1951).
    """
    metal = card.electrode.foil.material
    assert metal.modulus is not None  # checked with the card
    yields = np.inf if metal.yield_strength is None else 3.0 * metal.yield_strength / 1e6
    return Material(metal.modulus / 1e6, metal.poisson, 1.0, restitution=card.restitution, yield_pressure=yields)


def contact_of(card: Card) -> tuple[str, np.ndarray]:
    """Contact law of a card and its constants: rows active material, foil if it is a platen, platens."""
    contact, active = card.contact, material_of(card)
    platens = [foil_of(card), active] if card.press.lower_platen == "foil" else [active]
    constants = contact_constants(
        [active, *platens], contact.friction,
        tangential_damping=contact.tangential_damping, attraction=contact.attraction, adhesion=contact.adhesion,
        plastic_restitution=contact.plastic_restitution, rolling_friction=contact.rolling_friction,
        twisting_friction=contact.twisting_friction, psi_b=contact.psi_b,
    )  # fmt: skip
    rolls = contact.rolling_friction > 0 or contact.twisting_friction > 0
    return contact.law + (ROLLING_SUFFIX if rolls else ""), constants


def binder_of(card: Card) -> BinderConstants:
    """Binder of a card."""
    binder = card.binder
    shear_strength = binder.strength if binder.shear_strength is None else binder.shear_strength
    return BinderConstants(
        binder.modulus / 1e6, binder.poisson, binder.damping, binder.strength / 1e6, shear_strength / 1e6
    )


def recipe_of(card: Card) -> Recipe:
    """One coating side of a card in micrometres."""
    electrode = card.electrode
    shares = volume_fractions(electrode)
    classes = np.array(size_classes(electrode.particles))
    return Recipe(
        thickness=coating_thickness(electrode) * 1e6,
        active=shares["active"],
        additive=shares["additive"],
        binder_domain_solids=shares["binder_domain_solids"],
        nanoporosity=card.binder.nanoporosity,
        diameters=classes[:, 0] * 1e6,
        shares=classes[:, 1],
    )


def press_settings(card: Card, smallest_radius: float) -> Press:
    """How the boxes of a card are pressed, particles being no smaller than a radius [µm]."""
    return Press(
        speed=card.press.plate_speed,
        inertial_number=card.press.inertial_number,
        release_stress=card.press.release_stress / 1e6,
        max_strain=card.press.max_strain,
        time_step=time_step(card, smallest_radius),
        contact_share=CONTACT_SHARE if card.step.dt is None else np.inf,
    )


def time_step(card: Card, smallest_radius: float) -> float:
    """Time step [µs] for particles no smaller than a radius [µm]."""
    if card.step.dt is not None:
        return card.step.dt * 1e6
    return card.step.safety * rayleigh_time(material_of(card), smallest_radius)
